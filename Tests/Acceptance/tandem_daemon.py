"""Runs the built daemon on a site of its own in a temporary folder, and its command line."""

import collections
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import textwrap
import time
from decimal import Decimal

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BINARY = os.environ.get("TANDEM") or os.path.join(REPOSITORY, ".build", "release", "tandem")

REALM = "tandem.test"

TARIFF = """\
prefix,name,connect_fee,steps
2,local,0,0.22/180 0.11/60
3,local,0,0.22/180 0.11/60
4,local,0,0.22/180 0.11/60
5,local,0,0.22/180 0.11/60
6,local,0,0.22/180 0.11/60
7,local,0,0.22/180 0.11/60
8,local,0,0.22/180 0.11/60
13,mobile,0,0.30/60
020,Guangzhou,0,0.07/6
0755,Shenzhen,0.123456,0.070001/2 0.030003/1
00,international,0,8.00/60
"""

DIALPLAN = """\
site headquarters { country 86  area 0311  timezone Asia/Shanghai }
extensions 8000-8799

normalise {
    0311[2-8]XXXXXXX   -> drop 4
    01[3-9]XXXXXXXXX   -> drop 1
    179XX.             -> drop 5
}

class service        10XXX 12XXX 95XXX 96XXX
class local          [2-8]XXXXXXX
class mobile         1[3-9]XXXXXXXXX
class national       0[1-9]XXXXXXXX.
class international  00[1-9]XXXXXX.

level house    may internal
level city     may house + service local
level country  may city + mobile national
level world    may country + international

route service local                  via line, pstn
route mobile national                via ip-e1, pstn    present +86311{line}
route international                  via ip-e1          present +86311{line}

line 66778000-66778799  rings 8000-8799

expect 8100 (city) dials 86035566                 -> via line
expect 8100 (country) dials 02088886666           -> via ip-e1 presents +8631166778100
expect 8100 (country) dials 02088886666 when ip-e1 down -> via pstn
expect 8100 (city) dials 02088886666              -> refused by level
expect 8100 (house) dials 110                     -> emergency
"""


PORTS = range(20000, 32000)
# Begins anywhere, for a second run of the tests on the same machine.
_next_ports = itertools.cycle(PORTS)
collections.deque(itertools.islice(_next_ports, random.randrange(len(PORTS))), maxlen=0)


def free_port():
    """A UDP port of loopback that nobody has now and that this run gives to nobody else.

    Below those that the kernel gives out by itself, so that no phone gets it in the meantime.
    """
    for port in itertools.islice(_next_ports, len(PORTS)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise OSError(f"all UDP ports of {PORTS} are taken")


class Row(dict):
    """A JSON object whose keys compare without case, `-` and `_`: `sipStatus` is `sip_status`."""

    def __init__(self, pairs=()):
        super().__init__((self._key(k), v) for k, v in dict(pairs).items())

    @staticmethod
    def _key(key):
        return re.sub(r"[-_]", "", key).lower()

    def __getitem__(self, key):
        return super().__getitem__(self._key(key))

    def __contains__(self, key):
        return super().__contains__(self._key(key))

    def get(self, key, default=None):
        """The value; absent and null are the same."""
        value = super().get(self._key(key), default)
        return default if value is None else value

    def amount(self, key):
        """A decimal string of exactly six places, as a Decimal."""
        text = self[key]
        assert isinstance(text, str) and re.fullmatch(r"-?\d+\.\d{6}", text), (
            f"{key} is {text!r}, no amount")
        return Decimal(text)


class Attempt:
    """One route that a call was tried on."""

    def __init__(self, row):
        self.route = row["route"]
        self.outcome = row["outcome"]
        self.sip_status = row.get("sip_status")
        self.q850 = row.get("q850_cause")
        self.reason = row.get("reason", "")

    def __repr__(self):
        return (
            f"<{self.route} {self.outcome} SIP {self.sip_status} Q.850 {self.q850} "
            f"{self.reason!r}>")


class Record:
    """A call record. The only place of the tests that knows how its fields are spelled."""

    def __init__(self, row):
        self.row = row
        self.sequence = row["sequence"]
        self.call = row["uniqueid"]
        self.direction = row["direction"]
        self.caller = row["src"]
        self.dialled = row["dst"]
        self.normalised = row["normalised"]
        self.number_class = row.get("class")
        self.presented = row.get("presented")
        self.route = row.get("route")
        self.attempts = [Attempt(a) for a in row["attempts"]]
        self.disposition = row["disposition"]
        self.released_by = row.get("released_by")
        self.sip_status = row.get("sip_status")
        self.q850 = row.get("q850_cause")
        self.end_reason = row.get("reason", "")
        self.billed_seconds = row["billsec_ms"] / 1000
        self.duration_seconds = row["duration_ms"] / 1000
        self.charge = row.amount("charge")
        self.steps = row["steps"]
        self.tariff_prefix = row.get("tariff_prefix")
        self.account = row.get("account")
        self.charged_extension = row.get("charged_extension")
        self.link = row.get("link")
        self.linked_call = row.get("linked_call")

    def __repr__(self):
        return f"<record {self.sequence} {dict(self.row)}>"


class Result:
    """What a command printed and how it ended."""

    def __init__(self, code, output, errors):
        self.code = code
        self.output = output
        self.errors = errors

    @property
    def text(self):
        return self.output + self.errors

    @property
    def rows(self):
        """The objects of `--json`, one a line."""
        return [
            json.loads(line, object_hook=Row) for line in self.output.splitlines() if line.strip()]


class Daemon:
    """A site folder, and the daemon that serves it while it is started."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.port = free_port()
        self.e1_port = free_port()
        self.pstn_port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        # A path of a Unix socket may have 107 bytes, which a test's folder can exceed.
        self.control = f"/tmp/tandem-test-{os.getpid()}-{self.port}.sock"
        self.config = self.path("tandem.yaml")
        self.dialplan = self.path("site.dialplan")
        self.log = self.path("tandem.log")
        self.process = None
        self.environment = {}
        self.extensions = {}
        self.write_dialplan(DIALPLAN)
        self.write_config()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_dialplan(self, text):
        with open(self.dialplan, "w") as file:
            file.write(text)

    def write_config(
        self, *, options_interval=3600, attempt_timeout=2, e1_channels=30, calls=None,
        e1_address=None, e1_more="", digest=None, data=None, spending=None, listen=(), more="",
    ):
        """Writes tandem.yaml. The only place of the tests that knows how it is spelled.

        `e1_more` are lines of the first trunk, `more` those of the whole file, `listen` more places
        to listen at, as they are written there.
        """
        calls = {"slice": "6s", "extend-ahead": "2s", **(calls or {})}
        with open(self.config, "w") as file:
            file.write(f"""\
listen: [{", ".join((self.address, *listen))}]
realm: {REALM}
data: {data or self.path("data")}
control: {self.control}
dialplan: {self.dialplan}
trunks:
  - name: ip-e1
    kind: e1
    address: {e1_address or f"127.0.0.1:{self.e1_port}"}
    channels: {e1_channels}
    options-interval: {options_interval}s
    attempt-timeout: {attempt_timeout}s
{textwrap.indent(textwrap.dedent(e1_more).strip(), "    ")}
  - name: pstn
    kind: e1
    address: 127.0.0.1:{self.pstn_port}
    channels: 30
    options-interval: {options_interval}s
    attempt-timeout: {attempt_timeout}s
lines:
  gateway: pstn
calls:
""" + "".join(f"  {key}: {value}\n" for key, value in calls.items())
                + (f"digest: {digest}\n" if digest else "")
                + textwrap.dedent(more))
            if spending:
                file.write("spending:\n")
            for subject, limits in (spending or {}).items():
                file.write(f"  {subject}: {{{', '.join(f'{k}: {v}' for k, v in limits.items())}}}\n")

    # The process.

    def spawn(self):
        """Starts the daemon and does not wait for it."""
        assert os.access(BINARY, os.X_OK), f"{BINARY} is not there: make build"
        output = open(self.log, "a")
        self.process = subprocess.Popen(
            [BINARY, "run", "--config", self.config], stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, cwd=self.folder,
            env={**os.environ, **self.environment})
        output.close()

    def start(self):
        """Starts the daemon and returns when it answers its control socket."""
        self.spawn()
        limit = time.monotonic() + 30
        while self.run("show", "status").code != 0:
            assert self.process.poll() is None, (
                f"the daemon ended with {self.process.returncode}:\n{self.log_text()}")
            assert time.monotonic() < limit, "the daemon did not answer within 30 s"
            time.sleep(0.05)

    def stop(self):
        """Asks it to end, as systemd does, and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the daemon did not end within 30 s of SIGTERM") from None
        self.process = None
        return code

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if os.path.exists(self.control):
            os.unlink(self.control)

    def log_text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, errors="replace") as file:
            return file.read()

    # The command line.

    def run(self, *arguments, json_output=False):
        command = [BINARY, *map(str, arguments), "--config", self.config]
        if json_output:
            command.append("--json")
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
            cwd=self.folder)
        return Result(done.returncode, done.stdout, done.stderr)

    def do(self, *arguments):
        """Runs a command that must succeed."""
        result = self.run(*arguments)
        assert result.code == 0, f"tandem {' '.join(map(str, arguments))}: {result.text}"
        return result

    def ask(self, *arguments):
        """The rows of a command with --json that must succeed."""
        result = self.run(*arguments, json_output=True)
        assert result.code == 0, f"tandem {' '.join(map(str, arguments))}: {result.text}"
        return result.rows

    def status(self):
        (row,) = self.ask("show", "status")
        return row

    def registration(self, number):
        """The first phone that is registered of an extension; None when there is none."""
        rows = self.ask("show", "registrations")
        return next((row for row in rows if row["extension"] == number), None)

    def import_tariff(self, text=TARIFF):
        path = self.path("tariff.csv")
        with open(path, "w") as file:
            file.write(text)
        self.do("tariff", "import", path)

    def import_extensions(self, *rows):
        """Rows of number, level, account and optionally the call limit; passwords are made up."""
        path = self.path("extensions.csv")
        with open(path, "w") as file:
            file.write("extension,name,password,level,account,call_limit\n")
            for number, level, account, *limit in rows:
                password = f"secret-{number}"
                self.extensions[number] = password
                file.write(
                    f"{number},Desk {number},{password},{level},{account or ''},"
                    f"{limit[0] if limit else 1}\n")
        self.do("extension", "import", path)

    def open_account(self, name, amount=None):
        """Opens a prepaid account and puts money on it."""
        self.do("account", "open", name)
        if amount is not None:
            self.top_up(name, amount, f"first-{name}")

    def top_up(self, account, amount, unique):
        return self.do("account", "topup", account, amount, "--id", unique)

    def account(self, name):
        (row,) = self.ask("account", "show", name)
        return row

    def balance(self, name):
        return self.account(name).amount("balance")

    def statement(self, name):
        """The postings of an account; the sums behind them have to add up."""
        *postings, sums = self.ask("account", "statement", name)
        assert sums["adds_up"], sums
        return postings

    def postings_total(self, name):
        return sum((posting.amount("amount") for posting in self.statement(name)), Decimal(0))

    def records(self):
        """All call records, the oldest first."""
        return sorted((Record(r) for r in self.ask("cdr")), key=lambda r: r.sequence)

    def wait_records(self, count, timeout=20):
        """The call records once there are `count`, which is also all that there are."""
        limit = time.monotonic() + timeout
        while len(rows := self.records()) < count:
            assert time.monotonic() < limit, f"{len(rows)} records, expected {count}: {rows}"
            time.sleep(0.1)
        assert len(rows) == count, f"{len(rows)} records, expected {count}: {rows}"
        return rows

    def wait_record(self, timeout=20):
        (row,) = self.wait_records(1, timeout)
        return row

    def wait_idle(self, timeout=20):
        """Waits until no call is in the table."""
        limit = time.monotonic() + timeout
        while self.status()["calls"]:
            assert time.monotonic() < limit, f"calls still there: {self.ask('show', 'calls')}"
            time.sleep(0.1)


def have(program):
    return shutil.which(program) is not None
