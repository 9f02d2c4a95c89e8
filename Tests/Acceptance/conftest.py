"""Fixtures: the daemon on a site of its own, its phones and its gateways."""

import os
import shutil
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from gateway import Gateway  # noqa: E402
from phone import Phone  # noqa: E402
from tandem_daemon import REALM, Daemon  # noqa: E402


_measured = []


def pytest_terminal_summary(terminalreporter):
    if _measured:
        terminalreporter.section("measured")
        for line in _measured:
            terminalreporter.line(line)


@pytest.fixture
def measured():
    """`measured("...")` prints a figure in the summary; figures of time are not asserted."""
    return _measured.append


@pytest.fixture
def faults(site):
    """A site whose daemon's wall clock and disk `faults(...)` changes, at any time; see faults.c."""
    compiler = shutil.which("clang") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to move a clock with")
    library = site.path("faults.so")
    source = os.path.join(os.path.dirname(__file__), "faults.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    path = site.path("faults")

    def change(*, clock_seconds=0, sync_milliseconds=0, killed_at=0):
        # In place: the daemon has the file mapped.
        with open(path, "r+b" if os.path.exists(path) else "wb") as file:
            file.write(struct.pack("=qqq", clock_seconds, sync_milliseconds, killed_at))

    change()
    site.environment = {"LD_PRELOAD": library, "FAULTS": path}
    return change


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + outcome.get_result().when, outcome.get_result())


@pytest.fixture
def site(tmp_path, request):
    """The folder of a site, the daemon not started; whatever was started ends with the test."""
    daemon = Daemon(tmp_path)
    yield daemon
    failed = getattr(request.node, "report_call", None) is None or request.node.report_call.failed
    code = None
    if daemon.process and daemon.process.poll() is None and not failed:
        code = daemon.stop()
    daemon.close()
    if failed or code not in (None, 0):
        print(f"--- {daemon.log}\n{daemon.log_text()[-20000:]}")
    assert code in (None, 0), f"the daemon ended with {code}"


@pytest.fixture
def daemon(site):
    """The daemon running, with the tariff in and no extension yet."""
    site.start()
    site.import_tariff()
    return site


@pytest.fixture
def phones(site):
    """Makes phones: `phones("8001")` is registered, with the password it was imported with."""
    made = []

    def make(user, *, algorithm=None, register=True, password=None, at=None, **more):
        phone = Phone(
            site.folder, user, domain=REALM, registrar=at or site.address,
            password=password or site.extensions.get(user, "none"), algorithm=algorithm, **more)
        made.append(phone)
        if register:
            event = phone.register()
            assert event["status"] == 200, f"{user}: {event['status']} {event['reason']}"
        return phone

    yield make
    for phone in made:
        phone.close()


@pytest.fixture
def gateways(site):
    """Makes gateways of SIPp: `gateways("answer", site.e1_port)`."""
    made = []

    def make(scenario, port, **keys):
        gateway = Gateway(site.folder, scenario, port, **keys)
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        gateway.close()


@pytest.fixture
def peers(site):
    """Makes unregistered pjsua2 user agents on a given port: gateways whose calls a test drives."""
    made = []

    def make(port, **more):
        peer = Phone(site.folder, f"gateway{port}", domain="127.0.0.1", port=port, **more)
        made.append(peer)
        return peer

    yield make
    for peer in made:
        peer.close()
