"""What survives: kill -9 in mid-call, and an orderly stop."""

import re
import time
from decimal import Decimal

STEP_PRICE = Decimal("0.07")


def test_a_call_goes_on_over_kill_9_and_is_charged_once(daemon, phones, gateways):
    e1 = gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "5")
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
    answered = call.wait_answered()["at"]
    time.sleep(1)
    registrations = sorted(
        (row["extension"], row["contact"]) for row in daemon.ask("show", "registrations"))
    (running,) = daemon.ask("show", "calls")
    reserved = daemon.account("desk-8001").amount("reserved")
    assert reserved > 0
    daemon.kill()
    daemon.start()

    assert sorted(
        (row["extension"], row["contact"]) for row in daemon.ask("show", "registrations")
    ) == registrations
    assert daemon.balance("desk-8002") == Decimal("3.21")
    (same,) = daemon.ask("show", "calls")
    assert (same["call"], same["state"]) == (running["call"], "connected")
    assert daemon.account("desk-8001").amount("reserved") >= reserved
    assert [trunk["in_use"] for trunk in daemon.ask("show", "trunks")][:1] == [1]
    assert len(daemon.records()) == 1

    # More is held as it goes on; both sides were asked whether they are there, and are.
    time.sleep(7)
    assert call.is_up
    call.hang_up()
    ended = call.wait_ended()["at"]
    e1.wait_request("BYE")
    records = daemon.wait_records(2)
    assert records[0].row == finished.row
    record = records[1]
    assert (record.caller, record.dialled) == ("8001", "02088886666")
    assert record.released_by == "caller"
    assert record.sequence == finished.sequence + 1
    assert abs(record.billed_seconds - (ended - answered)) < 1
    assert record.charge == STEP_PRICE * (1 + int(record.billed_seconds // 6))
    account = daemon.account("desk-8001")
    assert account.amount("balance") == 5 - record.charge
    assert account.amount("reserved") == 0
    assert daemon.postings_total("desk-8001") == account.amount("balance")

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


def test_hold_and_the_callees_hang_up_work_after_kill_9(daemon, phones):
    daemon.import_extensions(("8001", "city", None), ("8002", "city", None))
    first, second = phones("8001"), phones("8002")
    call = first.dial("8002")
    callee = second.incoming()
    callee.answer()
    call.wait_answered()
    daemon.kill()
    daemon.start()
    since = len(second.events)
    call.hold()
    callee.wait_media(since)
    callee.hang_up()
    call.wait_ended()
    record = daemon.wait_record()
    assert record.released_by == "callee"
    daemon.wait_idle()


def test_paid_time_that_ends_while_the_daemon_is_down_cuts_the_call_at_once(
    daemon, phones, gateways
):
    e1 = gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", str(STEP_PRICE))
    daemon.import_extensions(("8001", "country", "desk-8001"))
    call = phones("8001").dial("02088886666")
    call.wait_answered()
    daemon.kill()
    time.sleep(7)
    assert call.is_up
    daemon.start()
    call.wait_ended(5)
    e1.wait_request("BYE")
    (bye,) = call.received("BYE")
    assert bye.reason("SIP") or bye.reason("Q.850")
    record = daemon.wait_record()
    assert record.released_by == "switch"
    assert "paid time" in record.end_reason
    assert record.charge == STEP_PRICE
    assert record.billed_seconds == 6
    assert daemon.balance("desk-8001") == 0


def test_a_ringing_call_ends_on_both_sides_after_kill_9(daemon, phones):
    daemon.import_extensions(("8001", "city", None), ("8002", "city", None))
    first, second = phones("8001"), phones("8002")
    call = first.dial("8002")
    callee = second.incoming()
    callee.ring()
    call.wait_ringing()
    time.sleep(0.2)
    daemon.kill()
    daemon.start()
    assert call.wait_ended()["status"] == 503
    assert callee.wait_ended()["status"] == 487
    record = daemon.wait_record()
    assert record.disposition == "FAILED"
    assert "restart" in record.end_reason
    assert daemon.status()["calls"] == 0
    # And the next one gets through.
    since = len(second.events)
    second_call = first.dial("8002")
    second.incoming(since=since).answer()
    second_call.wait_answered()
    second_call.hang_up()


def test_many_kills_charge_a_call_once(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "1.00")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    call = phones("8001").dial("02088886666")
    call.wait_answered()
    # An orderly stop is no other end than a kill: the call goes on.
    for end in (daemon.kill, daemon.stop, daemon.kill):
        end()
        daemon.start()
    assert call.is_up
    assert daemon.records() == []
    call.hang_up()
    call.wait_ended()
    (record,) = daemon.wait_records(1)
    balance = daemon.balance("desk-8001")
    daemon.kill()
    daemon.start()
    (same,) = daemon.wait_records(1)
    assert same.row == record.row
    assert daemon.balance("desk-8001") == balance == Decimal(1) - record.charge


def test_drain_waits_for_the_last_call_and_takes_no_new_one(daemon, phones):
    daemon.import_extensions(
        ("8001", "city", None), ("8002", "city", None), ("8003", "city", None))
    first, second, third = phones("8001"), phones("8002"), phones("8003")
    call = first.dial("8002")
    second.incoming().answer()
    call.wait_answered()
    left = daemon.run("drain", "--timeout", "1s")
    assert left.code == 1
    assert "1 calls are still under way" in left.text
    assert daemon.status()["state"].startswith("draining")
    refused = third.dial("8001").wait_ended()
    assert refused["status"] == 503
    assert call.is_up
    call.hang_up()
    call.wait_ended()
    daemon.do("drain", "--timeout", "10s")
    daemon.do("undrain")
    assert daemon.status()["state"] == "running"


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


def test_both_sides_are_asked_after_kill_9_whether_they_are_still_there(daemon, phones):
    daemon.import_extensions(("8001", "city", None), ("8002", "city", None))
    first, second = phones("8001"), phones("8002")
    call = first.dial("8002")
    second.incoming().answer()
    call.wait_answered()
    daemon.kill()
    daemon.start()
    time.sleep(3)
    for phone in (first, second):
        log = phone.log_text()
        # Once: it was answered, and so not sent again.
        assert log.count("\nINFO sip:") == 1, log[-6000:]
        assert re.search(r"^CSeq: 1\d{5} INFO", log, re.M), log[-6000:]
    assert call.is_up
    call.hang_up()
    call.wait_ended()
