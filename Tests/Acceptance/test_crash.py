"""kill -9 again and again under load: no money, no record and no call is lost, and both sides are told.

Phones and gateway are SIPp; the moments of the kills come from a seed.
"""

import collections
import os
import random
import re
import subprocess
import time
from decimal import Decimal

from gateway import SCENARIOS
from tandem_daemon import REALM, Record, free_port

CALLS = 200
KILLS = 20
SEED = 20261125
STEP_PRICE = Decimal("0.07")
NUMBER = "02088886666"
# How long the phones of each group talk; the gateway hangs up after 9 s.
HOLDS = (1500, 3500, 6000, 15000)


class Agents:
    """One SIPp, and what it logged of its calls."""

    def __init__(self, folder, name, scenario, port, *arguments):
        self.log = os.path.join(folder, name + ".log")
        self.errors = os.path.join(folder, name + ".errors")
        self.process = subprocess.Popen(
            ["sipp", "-sf", scenario, "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port),
             "-nostdin", "-trace_logs", "-log_file", self.log, "-trace_err", "-error_file",
             self.errors, "-default_behaviors", "all,-bye",
             # As long as the kills may last on a busy machine: a BYE is said every 4 s until then.
             "-max_non_invite_retrans", "75", "-max_invite_retrans", "9",
             *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=folder)

    def told(self):
        """What each extension or call was told, in order."""
        return {name: [what for what, _ in list] for name, list in self.events().items()}

    def events(self):
        """What each extension or call was told and when, in milliseconds of SIPp's clock."""
        events = collections.defaultdict(list)
        if os.path.exists(self.log):
            with open(self.log, errors="replace") as file:
                for line in file:
                    match = re.match(r"(?:.*\t)?(\S+) ([a-z ]+?) ?(\d*)$", line.rstrip("\n"))
                    if match:
                        events[match[1]].append((match[2], int(match[3] or 0)))
        return events

    def error_text(self):
        if not os.path.exists(self.errors):
            return ""
        with open(self.errors, errors="replace") as file:
            return file.read()[-4000:]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def scenario(folder, hold):
    path = os.path.join(folder, f"phone-{hold}.xml")
    with open(os.path.join(SCENARIOS, "crash-phone.xml")) as file:
        text = file.read().replace("HOLD", str(hold)).replace("DOMAIN", REALM)
    with open(path, "w") as file:
        file.write(text)
    return path


def users(folder, hold, extensions):
    path = os.path.join(folder, f"users-{hold}.csv")
    with open(path, "w") as file:
        file.write("SEQUENTIAL\n")
        for number in extensions:
            file.write(
                f"{number};[authentication username={number} password=secret-{number}];"
                f"{NUMBER}\n")
    return path


def test_200_calls_over_20_kills_are_each_charged_right_and_recorded_once(site, measured):
    chance = random.Random(SEED)
    site.write_config(e1_channels=120, digest="[MD5]")
    site.start()
    site.import_tariff()
    accounts = [f"crash-{number}" for number in range(20)]
    for account in accounts:
        site.open_account(account, "50")
    extensions = [str(number) for number in range(8000, 8000 + CALLS)]
    site.import_extensions(*[
        (number, "country", accounts[place % len(accounts)])
        for place, number in enumerate(extensions)])

    agents = []
    restarts = []
    try:
        gateway = Agents(
            site.folder, "gateway", os.path.join(SCENARIOS, "crash-gateway.xml"), site.e1_port)
        agents.append(gateway)
        share = CALLS // len(HOLDS)
        phones = []
        for place, hold in enumerate(HOLDS):
            mine = extensions[place * share:(place + 1) * share]
            phones.append(Agents(
                site.folder, f"phones-{hold}", scenario(site.folder, hold), free_port(),
                site.address, "-inf", users(site.folder, hold, mine), "-m", share,
                "-auth_uri", f"{NUMBER}@{site.address}", "-r", 5, "-rp", 4000, "-l", share))
        agents += phones

        for _ in range(KILLS):
            time.sleep(chance.uniform(0.6, 2.6))
            site.kill()
            begun = time.monotonic()
            site.start()
            restarts.append(time.monotonic() - begun)
            for row in site.ask("account", "list"):
                assert row.amount("available") >= 0, row
                assert row.amount("balance") - row.amount("reserved") >= 0, row

        limit = time.monotonic() + 240
        for group in phones:
            while group.process.poll() is None:
                assert time.monotonic() < limit, (
                    f"a phone still waits: {group.told()} {group.error_text()}")
                time.sleep(0.2)
        site.wait_idle(60)
        told = {}
        events = {}
        for group in phones:
            told.update(group.told())
            events.update(group.events())
        at_gateway = gateway.told()
        errors = "".join(group.error_text() for group in agents)
    finally:
        for group in agents:
            group.close()

    records = sorted(
        (Record(row) for row in site.ask("cdr", "--limit", 1000)), key=lambda r: r.sequence)
    # The books: gap-free, and everything fits together, the hash chain included.
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    audit = site.run("audit")
    assert audit.code == 0, audit.text
    by_caller = collections.defaultdict(list)
    for record in records:
        by_caller[record.caller].append(record)
    ends = collections.Counter()
    drift = []
    for number in extensions:
        what = told.get(number, [])
        own = by_caller[number]
        # One record each; none only for a call that was never written down.
        assert len(own) <= 1, f"{number}: {own}"
        assert what, f"phone {number} was told nothing: {errors}"
        end = what[-1]
        ends[end] += 1
        if "answered" in what:
            # Told of an answer: then there is a record of it, and it has its end.
            assert end in ("hung up", "was hung up"), f"{number}: {what} {errors}"
            (record,) = own
            assert record.disposition == "ANSWERED", f"{number}: {what} {record}"
            steps = max(1, -(-round(record.billed_seconds * 1000) // 6000))
            assert record.charge == STEP_PRICE * steps == STEP_PRICE * record.steps, record
            # As long as it talked: until it hung up, and no longer than until it was told that the
            # call is over. A BYE that nobody heard came again half a second later, and then after
            # one second, two and four.
            moments = dict(reversed(events[number]))
            said = moments.get("hangs up", moments[end]) - moments["answered"]
            talk = moments[end] - moments["answered"]
            drift.append(record.row["billsec_ms"] - said)
            assert -2000 < drift[-1], f"{number} talked {said} ms: {record}"
            assert record.row["billsec_ms"] - talk < 4000, f"{number} talked {talk} ms: {record}"
        else:
            assert end in ("refused", "cancelled", "challenged again"), f"{number}: {what} {errors}"
            for record in own:
                assert record.disposition != "ANSWERED", f"{number}: {what} {record}"
                assert record.charge == 0, record
    answered = [record for record in records if record.disposition == "ANSWERED"]
    assert len(answered) == sum("answered" in what for what in told.values())
    assert len(answered) > CALLS // 2
    # The callee's side: whoever answered was hung up or hung up itself.
    for call, what in at_gateway.items():
        if "answered" in what:
            assert what[-1] in ("hung up", "was hung up"), f"{call}: {what}"
    # The money: what went in less what the records say.
    charged = sum(record.charge for record in records)
    rows = site.ask("account", "list")
    assert sum(row.amount("balance") for row in rows) == 50 * len(accounts) - charged
    assert all(row.amount("reserved") == 0 for row in rows)
    measured(
        f"{KILLS} kills under {CALLS} calls: {len(answered)} answered, {dict(ends)}; "
        f"billed {min(drift)} to {max(drift)} ms more than talked; "
        f"a start took {min(restarts):.2f} to {max(restarts):.2f} s")
