"""What survives: kill -9 in mid-call, and an orderly stop."""

import re
import time
from decimal import Decimal


def test_kill_9_in_mid_call_loses_nothing_and_charges_at_most_what_was_reserved(
    daemon, phones, gateways
):
    e1 = gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "0.35")
    daemon.open_account("desk-8002", "3.21")
    daemon.import_extensions(("8001", "country", "desk-8001"), ("8002", "city", "desk-8002"))
    first, second = phones("8001"), phones("8002")

    inside = second.dial("8001")
    first.incoming().answer()
    inside.wait_answered()
    inside.hang_up()
    inside.wait_ended()
    finished = daemon.wait_record()

    call = first.dial("02088886666")
    call.wait_answered()
    time.sleep(1)
    registrations = sorted(
        (row["extension"], row["contact"]) for row in daemon.ask("show", "registrations"))
    reserved = daemon.account("desk-8001").amount("reserved")
    assert reserved > 0
    daemon.kill()
    daemon.start()

    assert sorted(
        (row["extension"], row["contact"]) for row in daemon.ask("show", "registrations")
    ) == registrations
    assert daemon.balance("desk-8002") == Decimal("3.21")
    records = daemon.wait_records(2)
    assert records[0].row == finished.row
    interrupted = records[1]
    assert (interrupted.caller, interrupted.dialled) == ("8001", "02088886666")
    assert re.search("interrupt|restart", interrupted.end_reason, re.I), interrupted.end_reason
    assert interrupted.released_by == "switch"
    assert 0 <= interrupted.charge <= reserved
    assert interrupted.sequence == finished.sequence + 1
    account = daemon.account("desk-8001")
    assert account.amount("balance") == Decimal("0.35") - interrupted.charge
    assert account.amount("balance") >= 0
    assert account.amount("reserved") == 0
    assert daemon.postings_total("desk-8001") == account.amount("balance")
    assert daemon.status()["calls"] == 0

    # The bindings are not only listed: the phones are reached without registering again.
    again = second.dial("8001")
    limit = time.monotonic() + 10
    while len([e for e in first.events if e["event"] == "incoming"]) < 2:
        assert time.monotonic() < limit, "8001 was not called after the restart"
        time.sleep(0.05)
    again.hang_up()
    again.wait_ended()
    assert len(daemon.wait_records(3)) == 3
    assert len(e1.requests("INVITE")) == 1
    call.hang_up()


def test_another_kill_9_does_not_charge_the_interrupted_call_again(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "1.00")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    call = phones("8001").dial("02088886666")
    call.wait_answered()
    daemon.kill()
    daemon.start()
    (record,) = daemon.wait_records(1)
    balance = daemon.balance("desk-8001")
    daemon.kill()
    daemon.start()
    (same,) = daemon.wait_records(1)
    assert same.row == record.row
    assert daemon.balance("desk-8001") == balance == Decimal(1) - record.charge
    call.hang_up()


def test_an_orderly_stop_keeps_everything(daemon, phones):
    daemon.open_account("desk-8001", "7.77")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    phones("8001")
    extensions = daemon.ask("extension", "list")
    tariff = daemon.ask("tariff", "list")
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.ask("extension", "list") == extensions
    assert daemon.ask("tariff", "list") == tariff
    assert daemon.balance("desk-8001") == Decimal("7.77")
    assert [row["extension"] for row in daemon.ask("show", "registrations")] == ["8001"]


def test_a_second_daemon_on_the_same_data_is_refused(daemon):
    second = daemon.run("run")
    assert second.code == 1
    assert second.text.strip()
    assert daemon.status()["state"] == "running"


def test_commands_on_data_work_when_the_daemon_is_down_and_others_say_so(daemon):
    daemon.open_account("desk-8001", "7.77")
    assert daemon.stop() == 0
    assert daemon.balance("desk-8001") == Decimal("7.77")
    daemon.open_account("desk-8002", "1")
    calls = daemon.run("show", "calls")
    assert calls.code != 0
    assert "not running" in calls.text
    daemon.start()
    assert daemon.balance("desk-8002") == Decimal(1)
