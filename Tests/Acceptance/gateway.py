"""A gateway played by SIPp: one scenario, its own port, every message kept in a log."""

import os
import re
import subprocess
import time
from datetime import datetime

from sipmessage import SIPMessage

SCENARIOS = os.path.join(os.path.dirname(__file__), "scenarios")
_START = re.compile(
    r"^-{20,} (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d\.\d+).*\n"
    r"(?:UDP|TCP|TLS) message (received|sent) .*\n\n", re.M)


class Gateway:
    """`scenario` is a file of `scenarios/` without its ending: answer, busy, silent, ...

    `keys` fill in its `[key]` words. `transport` is `udp`, or `tcp` with one connection for all.
    """

    def __init__(self, folder, scenario, port, transport="udp", **keys):
        self.port = port
        self.scenario = scenario
        name = os.path.join(folder, f"gateway-{scenario}-{port}-{time.time_ns()}")
        self.log = name + ".messages"
        self.output = open(name + ".out", "w")
        self.process = subprocess.Popen(
            ["sipp", "-sf", self._filled_in(name, keys), "-i", "127.0.0.1",
             "-p", str(port), "-mi", "127.0.0.1", "-nostdin", "-trace_msg",
             "-t", f"{transport[0]}1",
             "-message_file", self.log, "-trace_err", "-error_file", name + ".errors",
             "-default_behaviors", "all,-bye"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, cwd=folder,
        )
        limit = time.monotonic() + 10
        while f":{port:04X} " not in open(f"/proc/net/{transport}").read():
            assert self.process.poll() is None, f"sipp ended: {self.output_text()}"
            assert time.monotonic() < limit, "sipp did not open its port"
            time.sleep(0.01)

    def _filled_in(self, name, keys):
        """The scenario's file; SIPp's own -key does not reach a status line."""
        path = os.path.join(SCENARIOS, self.scenario + ".xml")
        if not keys:
            return path
        with open(path) as file:
            text = file.read()
        for key, value in keys.items():
            assert f"[{key}]" in text, f"{path} has no [{key}]"
            text = text.replace(f"[{key}]", str(value))
        with open(name + ".xml", "w") as file:
            file.write(text)
        return name + ".xml"

    def output_text(self):
        with open(self.output.name, errors="replace") as file:
            return file.read()

    def messages(self, direction):
        """Messages `received` or `sent` so far, with the wall time SIPp wrote beside each."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, errors="replace", newline="") as file:
            text = file.read().replace("\r\n", "\n")
        starts = list(_START.finditer(text))
        ends = [m.start() for m in starts[1:]] + [len(text)]
        return [
            SIPMessage(
                text[m.end():end],
                datetime.fromisoformat(f"{m[1]} {m[2][:15]}").timestamp())
            for m, end in zip(starts, ends) if m[3] == direction
        ]

    def requests(self, method):
        """Requests received, retransmissions counted once."""
        seen = {}
        for message in self.messages("received"):
            if message.status is None and message.method == method:
                seen.setdefault((message["via"], message["cseq"], message["call-id"]), message)
        return list(seen.values())

    def wait_request(self, method, timeout=10, count=1):
        """Waits for `count` requests of this method and returns the last of them."""
        limit = time.monotonic() + timeout
        while len(found := self.requests(method)) < count:
            assert time.monotonic() < limit, (
                f"gateway {self.scenario} got {len(found)} {method} in {timeout} s, "
                f"expected {count}")
            time.sleep(0.02)
        return found[count - 1]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.output.close()
