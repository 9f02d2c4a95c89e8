"""A phone with a lamp beside a key, played by SIPp, watches real phones that call each other."""

import os
import re
import subprocess
import time

import pytest

from gateway import SCENARIOS
from tandem_daemon import REALM, free_port


class Lamp:
    """Subscribes once and answers every NOTIFY; what it was told is in SIPp's message log."""

    def __init__(self, site, user, watched):
        with open(os.path.join(SCENARIOS, "watch.xml")) as file:
            text = file.read()
        keys = {"user": user, "password": site.extensions[user], "watched": watched,
                "domain": REALM}
        for key, value in keys.items():
            text = text.replace(f"[{key}]", value)
        path = site.path("watch.xml")
        with open(path, "w") as file:
            file.write(text)
        self.log = site.path("lamp.messages")
        self.process = subprocess.Popen(
            ["sipp", site.address, "-sf", path, "-i", "127.0.0.1", "-p", str(free_port()),
             "-m", "1", "-auth_uri", f"{watched}@{site.address}", "-nostdin", "-trace_msg", "-message_file", self.log],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=site.folder)

    def documents(self):
        """Version and states of each document, in order of version."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, errors="replace") as file:
            text = file.read()
        found = {
            int(version): re.findall("<state>(.*?)</state>", rest)
            for version, rest in re.findall(
                r'<dialog-info [^>]*?version="(\d+)"(.*?)</dialog-info>', text, re.S)}
        return sorted(found.items())

    def wait(self, states, timeout=20):
        limit = time.monotonic() + timeout
        while not (told := self.documents()) or told[-1][1] != states:
            assert time.monotonic() < limit, f"the lamp was told {told}, expected {states}"
            time.sleep(0.05)

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def lamp(site):
    # SIPp answers the first challenge, and knows MD5.
    site.write_config(digest="[MD5]")
    site.start()
    site.import_extensions(*[(str(number), "country", None) for number in range(8001, 8005)])
    lamp = Lamp(site, "8004", "8002")
    yield lamp
    lamp.close()


def test_a_lamp_shows_ringing_talking_and_free_and_does_so_after_a_restart(
        site, lamp, phones):
    lamp.wait([])
    caller, called = phones("8001"), phones("8002")
    call = caller.dial("8002")
    taken = called.incoming()
    lamp.wait(["early"])
    taken.answer()
    call.wait_answered()
    lamp.wait(["confirmed"])
    call.hang_up()
    lamp.wait([])
    site.kill()
    site.start()
    told = len(lamp.documents())
    limit = time.monotonic() + 10
    while len(lamp.documents()) == told:
        assert time.monotonic() < limit, "the lamp is told nothing after the restart"
        time.sleep(0.05)
    since = len(called.events)
    call = caller.dial("8002")
    called.incoming(since=since)
    lamp.wait(["early"])
    call.hang_up()
    lamp.wait([])
