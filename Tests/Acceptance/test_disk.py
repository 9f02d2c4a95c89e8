"""A disk that is full, broken or locked: paid calls are refused clearly, the others go on, and it mends."""

import os
import re
import socket
import sqlite3
import subprocess
import time
from decimal import Decimal

import pytest

NATIONAL = "02088886666"
STEP_PRICE = Decimal("0.07")


@pytest.fixture
def small_disk(site):
    """The data folder on a file system of its own of 12 MB, which root can make."""
    folder = site.path("data")
    os.mkdir(folder, 0o700)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", folder], check=True)
    yield folder
    # The fixture of the site ends the daemon afterwards, so it may still have files open.
    site.close()
    site.process = None
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Takes every byte that is left."""
    path = os.path.join(folder, "ballast")
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return path


def options(site):
    """The switch's answer to OPTIONS."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        probe.settimeout(3)
        port = probe.getsockname()[1]
        probe.sendto(
            (f"OPTIONS sip:{site.address} SIP/2.0\r\n"
             f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{time.time_ns()};rport\r\n"
             f"From: <sip:gateway@127.0.0.1>;tag=1\r\nTo: <sip:{site.address}>\r\n"
             f"Call-ID: {time.time_ns()}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
             "Content-Length: 0\r\n\r\n").encode(), ("127.0.0.1", site.port))
        return probe.recv(65536).decode()


def wait_state(site, pattern, timeout=20):
    limit = time.monotonic() + timeout
    while not re.search(pattern, state := site.status()["state"]):
        assert time.monotonic() < limit, f"the state is {state!r}, expected {pattern!r}"
        time.sleep(0.1)
    return state


def test_a_disk_that_fills_up_stops_paid_calls_only_and_mends_by_itself(
    site, small_disk, phones, gateways, measured
):
    site.start()
    site.import_tariff()
    gateways("answer", site.e1_port)
    pstn = gateways("answer", site.pstn_port)
    site.open_account("sales", "20")
    site.import_extensions(
        ("8001", "country", "sales"), ("8002", "country", "sales"), ("8003", "city", None),
        ("8004", "city", None))
    first, second, third, fourth = (phones(str(number)) for number in range(8001, 8005))
    assert options(site).startswith("SIP/2.0 200")
    long_call = first.dial(NATIONAL)
    long_call.wait_answered()

    ballast = fill(small_disk)
    begun = time.monotonic()
    # The first one to meet it is refused as well: its answer could not be written.
    refused = second.dial(NATIONAL).wait_ended()
    assert refused["status"] == 503
    state = wait_state(site, "refusing paid calls")
    assert "disk is full" in state
    measured(f"a full disk was known {time.monotonic() - begun:.2f} s after it was full")
    answer = options(site)
    assert answer.startswith("SIP/2.0 503") and "Retry-After:" in answer
    assert second.dial(NATIONAL).wait_ended()["status"] == 503

    # Free calls and emergency calls go on.
    inside = third.dial("8004")
    fourth.incoming().answer()
    inside.wait_answered()
    emergency = second.dial("110")
    emergency.wait_answered()
    assert pstn.wait_request("INVITE").request_user == "110"
    for call in (emergency, inside):
        call.hang_up()
        call.wait_ended()
    # The one that was answered before talks on, beyond what was held first.
    time.sleep(7)
    assert long_call.is_up
    long_call.hang_up()
    long_call.wait_ended()
    assert site.run("audit").code == 0
    # Money cannot come in while it could be lost.
    assert site.process.poll() is None

    os.unlink(ballast)
    begun = time.monotonic()
    wait_state(site, "^running$")
    measured(f"it took calls again {time.monotonic() - begun:.2f} s after there was room")
    assert options(site).startswith("SIP/2.0 200")
    again = second.dial(NATIONAL)
    again.wait_answered()
    again.hang_up()
    again.wait_ended()
    records = site.wait_records(6)
    assert [record.sequence for record in records] == [1, 2, 3, 4, 5, 6]
    paid = [record for record in records if record.charge]
    assert {record.caller for record in paid} == {"8001", "8002"}
    assert sorted(record.sip_status for record in records) == [200, 200, 200, 200, 503, 503]
    charged = sum(record.charge for record in records)
    assert site.balance("sales") == 20 - charged
    assert site.account("sales").amount("reserved") == 0
    audit = site.run("audit")
    assert audit.code == 0, audit.text
    site.kill()
    site.start()
    assert site.balance("sales") == 20 - charged
    assert len(site.records()) == 6


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_a_start_on_a_full_disk_serves_what_is_free_and_mends_by_itself(
    site, small_disk, phones, gateways, measured, end
):
    site.start()
    site.import_tariff()
    gateways("answer", site.e1_port)
    pstn = gateways("answer", site.pstn_port)
    site.open_account("sales", "20")
    site.import_extensions(
        ("8001", "country", "sales"), ("8002", "country", "sales"), ("8003", "city", None),
        ("8004", "city", None))
    first, second, third, fourth = (phones(str(number)) for number in range(8001, 8005))
    before = first.dial(NATIONAL)
    before.wait_answered()
    if end == "stopped":
        before.hang_up()
        before.wait_ended()
        site.wait_record()
        site.stop()
    else:
        time.sleep(0.5)
        site.kill()
    ballast = fill(small_disk)

    site.start()
    assert "disk is full" in wait_state(site, "refusing paid calls")
    answer = options(site)
    assert answer.startswith("SIP/2.0 503") and "Retry-After:" in answer
    assert second.dial(NATIONAL).wait_ended()["status"] == 503
    inside = third.dial("8004")
    fourth.incoming().answer()
    inside.wait_answered()
    emergency = second.dial("110")
    emergency.wait_answered()
    assert pstn.wait_request("INVITE").request_user == "110"
    refused = site.run("account", "topup", "sales", "1", "--id", "bank-1")
    assert refused.code != 0 and "disk is full" in refused.text
    for call in (emergency, inside):
        call.hang_up()
        call.wait_ended()
    if end == "killed":
        # The call of before the crash goes on.
        assert before.is_up
        before.hang_up()
        before.wait_ended()

    os.unlink(ballast)
    begun = time.monotonic()
    wait_state(site, "^running$")
    measured(f"started on a full disk: took paid calls {time.monotonic() - begun:.2f} s after "
             "there was room")
    assert options(site).startswith("SIP/2.0 200")
    site.do("account", "topup", "sales", "1", "--id", "bank-1")
    again = second.dial(NATIONAL)
    again.wait_answered()
    again.hang_up()
    again.wait_ended()
    records = site.wait_records(5)
    assert [record.sequence for record in records] == [1, 2, 3, 4, 5]
    assert len({record.call for record in records}) == 5
    charged = sum(record.charge for record in records)
    assert charged >= 2 * STEP_PRICE
    assert site.balance("sales") == 21 - charged
    audit = site.run("audit")
    assert audit.code == 0, audit.text
    site.kill()
    site.start()
    assert len(site.records()) == 5


def lock_out(path):
    """Another program that lets nobody even read the database, until it is closed."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    return other


def test_a_start_waits_for_a_program_that_has_locked_the_database_and_names_it(site):
    site.start()
    site.stop()
    path = os.path.join(site.path("data"), "tandem.sqlite")
    locked = f"{path} is locked by another program"
    other = lock_out(path)
    site.spawn()
    limit = time.monotonic() + 20
    while locked not in site.log_text():
        assert site.process.poll() is None and time.monotonic() < limit, site.log_text()
        time.sleep(0.1)
    other.close()
    limit = time.monotonic() + 30
    while site.run("show", "status").code != 0:
        assert site.process.poll() is None and time.monotonic() < limit, site.log_text()
        time.sleep(0.1)
    site.stop()

    other = lock_out(path)
    begun = time.monotonic()
    site.spawn()
    code = site.process.wait(60)
    site.process = None
    other.close()
    assert code == 1 and time.monotonic() - begun > 9
    last = site.log_text().splitlines()[-1]
    assert locked in last and f"fuser -v {path}" in last, last
    site.start()


def test_a_database_that_cannot_be_read_refuses_the_start_clearly(site):
    site.start()
    site.stop()
    path = os.path.join(site.path("data"), "tandem.sqlite")
    with open(path, "r+b") as file:
        file.write(b"\0" * 4096)
    failed = site.run("run")
    assert failed.code == 1
    assert "is damaged" in failed.text and "restore a backup" in failed.text


def test_a_copy_that_does_not_fit_on_the_disk_leaves_nothing_of_it(site, small_disk):
    site.start()
    site.open_account("sales", "20")
    backup = site.path("backup.sqlite")
    site.do("backup", backup)
    # More than the disk has.
    with sqlite3.connect(backup) as database:
        database.execute("CREATE TABLE ballast (bytes BLOB)")
        database.execute("INSERT INTO ballast VALUES (zeroblob(15000000))")
    before = set(os.listdir(small_disk))
    full = site.run("backup", os.path.join(small_disk, "copy"))
    assert full.code == 0, full.text
    os.unlink(os.path.join(small_disk, "copy"))
    ballast = fill(small_disk)
    full = site.run("backup", os.path.join(small_disk, "copy"))
    assert full.code == 1 and "disk is full; free some space" in full.text
    os.unlink(ballast)
    wait_state(site, "^running$")
    assert set(os.listdir(small_disk)) == before
    site.stop()

    before = set(os.listdir(small_disk))
    refused = site.run("restore", backup)
    assert refused.code == 1 and "disk is full" in refused.text
    assert {name for name in os.listdir(small_disk) if "restoring" in name} == set()
    site.start()
    assert site.status()["state"] == "running" and site.balance("sales") == 20


def test_a_damaged_entry_of_the_journal_costs_its_own_call_alone(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("sales", "20")
    daemon.import_extensions(("8001", "country", "sales"), ("8002", "country", "sales"))
    first, second = phones("8001"), phones("8002")
    call = first.dial(NATIONAL)
    call.wait_answered()
    time.sleep(0.3)
    other = second.dial(NATIONAL)
    other.wait_answered()
    time.sleep(0.3)
    daemon.kill()
    path = os.path.join(daemon.path("data"), "tandem.sqlite")
    with sqlite3.connect(path) as database:
        number, entries = database.execute(
            "SELECT number, entries FROM journal_run ORDER BY number DESC").fetchone()
        turned = bytearray(entries)
        turned[40] ^= 16
        database.execute(
            "UPDATE journal_run SET entries = ? WHERE number = ?", (bytes(turned), number))

    daemon.start()
    (error,) = [line for line in daemon.log_text().splitlines() if "journal is damaged" in line]
    assert " error " in error and daemon.path("data") in error
    assert "8001" in [row["caller"] for row in daemon.ask("show", "calls")]
    assert call.is_up
    call.hang_up()
    call.wait_ended()
    audit = daemon.run("audit")
    assert audit.code == 1 and f"run {number} of the journal is damaged" in audit.text
    for agent in (other,):
        agent.hang_up()
    records = [record for record in daemon.records() if record.charge]
    assert "8001" in {record.caller for record in records}


def test_a_top_up_that_waits_for_the_disk_is_answered_soon_and_made_once(daemon):
    daemon.open_account("sales", "20")
    database = sqlite3.connect(
        os.path.join(daemon.path("data"), "tandem.sqlite"), isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    waits = daemon.run("account", "topup", "sales", "5", "--id", "bank-7")
    assert waits.code == 1 and "not known yet" in waits.text, waits.text
    assert time.monotonic() - begun < 12
    refused = daemon.run("account", "topup", "sales", "5", "--id", "bank-8")
    assert refused.code == 1 and "not done, ask again later" in refused.text
    database.execute("ROLLBACK")
    wait_state(daemon, "^running$")
    assert daemon.balance("sales") == 25
    again = daemon.do("account", "topup", "sales", "5", "--id", "bank-7")
    assert "done before" in again.text and daemon.balance("sales") == 25


@pytest.mark.parametrize("trouble", ["input/output error", "locked by another program"])
def test_a_disk_that_refuses_is_told_and_tried_again(
    daemon, phones, gateways, measured, trouble
):
    gateways("answer", daemon.e1_port)
    daemon.open_account("sales", "20")
    daemon.import_extensions(
        ("8001", "country", "sales"), ("8003", "city", None), ("8004", "city", None))
    first, third, fourth = phones("8001"), phones("8003"), phones("8004")
    before = first.dial(NATIONAL)
    before.wait_answered()
    time.sleep(0.5)
    pid = str(daemon.process.pid)
    if trouble == "locked by another program":
        database = sqlite3.connect(
            os.path.join(daemon.path("data"), "tandem.sqlite"), isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        mend = lambda: database.execute("ROLLBACK")  # noqa: E731
    else:
        # No file of the process may grow: each write behind its end fails.
        subprocess.run(["prlimit", "--pid", pid, "--fsize=4096:unlimited"], check=True)
        mend = lambda: subprocess.run(  # noqa: E731
            ["prlimit", "--pid", pid, "--fsize=unlimited:unlimited"], check=True)

    inside = third.dial("8004")
    fourth.incoming().answer()
    inside.wait_answered()
    state = wait_state(daemon, "refusing paid calls")
    assert options(daemon).startswith("SIP/2.0 503")
    before.hang_up()
    before.wait_ended()
    assert first.dial(NATIONAL).wait_ended()["status"] == 503
    inside.hang_up()
    inside.wait_ended()
    assert daemon.process.poll() is None

    mend()
    begun = time.monotonic()
    wait_state(daemon, "^running$")
    measured(f"{trouble} ({state}): mended after {time.monotonic() - begun:.2f} s")
    again = first.dial(NATIONAL)
    again.wait_answered()
    again.hang_up()
    again.wait_ended()
    records = daemon.wait_records(4)
    assert [record.sequence for record in records] == [1, 2, 3, 4]
    charged = sum(record.charge for record in records)
    assert charged >= 2 * STEP_PRICE
    assert daemon.balance("sales") == 20 - charged
    audit = daemon.run("audit")
    assert audit.code == 0, audit.text


def test_a_disk_slower_than_the_calls_stops_paid_calls_only(
    site, faults, phones, gateways, measured
):
    site.start()
    site.import_tariff()
    e1 = gateways("answer", site.e1_port)
    site.open_account("sales", "20")
    site.import_extensions(
        ("8001", "country", "sales"), ("8002", "country", "sales"), ("8003", "city", None),
        ("8004", "city", None))
    first, second, third, fourth = (phones(str(number)) for number in range(8001, 8005))
    long_call = first.dial(NATIONAL)
    long_call.wait_answered()

    faults(sync_milliseconds=60_000)
    begun = time.monotonic()
    # Its answer waits for the disk, and no longer than a caller would.
    refused = second.dial(NATIONAL)
    inside = third.dial("8004")
    fourth.incoming().answer()
    inside.wait_answered()
    measured(f"a free call waited {time.monotonic() - begun:.2f} s for a disk that says nothing")
    assert refused.wait_ended()["status"] == 503
    assert time.monotonic() - begun < 10
    state = wait_state(site, "refusing paid calls")
    assert "written nothing for" in state
    assert options(site).startswith("SIP/2.0 503")
    begun = time.monotonic()
    assert second.dial(NATIONAL).wait_ended()["status"] == 503
    assert time.monotonic() - begun < 2, "what is known to fail is refused at once"
    assert long_call.is_up
    inside.hang_up()
    inside.wait_ended()

    faults()
    wait_state(site, "^running$")
    assert options(site).startswith("SIP/2.0 200")
    long_call.hang_up()
    long_call.wait_ended()
    records = site.wait_records(4)
    assert [record.sequence for record in records] == [1, 2, 3, 4]
    (paid,) = [record for record in records if record.charge]
    assert paid.caller == "8001"
    assert site.balance("sales") == 20 - paid.charge
    # The callee of the call that was refused after its answer was hung up.
    assert len(e1.messages("received")) >= 2 and e1.wait_request("BYE")
    audit = site.run("audit")
    assert audit.code == 0, audit.text
