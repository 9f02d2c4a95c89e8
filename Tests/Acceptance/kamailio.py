"""Kamailio as a test's operator or gateway: a configuration of its own, on ports of its own."""

import os
import re
import signal
import subprocess
import time

HEAD = """\
#!KAMAILIO
debug=0
log_stderror=yes
children=1
auto_aliases=no
disable_tcp=yes
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
"""


class Kamailio:
    def __init__(self, folder, ports, text):
        self.folder = str(folder)
        self.ports = ports
        self.config = f"{self.folder}/kamailio-{ports[0]}.cfg"
        self.log = f"{self.folder}/kamailio-{ports[0]}.log"
        listen = "".join(f"listen=udp:127.0.0.1:{port}\n" for port in ports)
        head, hash_bang = HEAD.split("\n", 1)[1], HEAD.split("\n", 1)[0]
        with open(self.config, "w") as file:
            file.write(f"{hash_bang}\n{listen}{head}{text}")
        self.process = None
        self.start()

    def start(self):
        output = open(self.log, "a")
        # Its children are a group of their own, to end with it.
        self.process = subprocess.Popen(
            ["kamailio", "-DD", "-E", "-f", self.config, "-P", f"{self.config}.pid",
             "-w", self.folder, "-Y", self.folder, "-m", "32", "-M", "8"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True)
        output.close()
        limit = time.monotonic() + 20
        for port in self.ports:
            while f":{port:04X} " not in open("/proc/net/udp").read():
                assert self.process.poll() is None, self.text()[-4000:]
                assert time.monotonic() < limit, "kamailio did not open its ports"
                time.sleep(0.02)

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def said(self, pattern):
        """How often its log has a line that matches."""
        return len(re.findall(pattern, self.text()))

    def wait_said(self, pattern, count=1, timeout=20):
        limit = time.monotonic() + timeout
        while self.said(pattern) < count:
            assert time.monotonic() < limit, (
                f"kamailio said {pattern!r} {self.said(pattern)} times in {timeout} s, "
                f"expected {count}:\n{self.text()[-4000:]}")
            time.sleep(0.05)

    def close(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None
