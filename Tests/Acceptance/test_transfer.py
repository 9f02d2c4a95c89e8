"""Transfers between real phones, and calls whose phone has died without a word."""

import signal
import time
from decimal import Decimal

import pytest


@pytest.fixture
def office(site):
    site.write_config(calls={"alive-check": "10s"})
    site.start()
    site.import_tariff()
    site.open_account("desk", "5")
    site.import_extensions(
        *[(str(number), "country", "desk", 2) for number in range(8001, 8006)],
        ("8009", "house", None))
    return site


def heard(*calls):
    for call in calls:
        call.wait_packets("received", 25)


def test_a_blind_transfer_connects_both_with_sound_each_way(office, phones):
    first, second, third = phones("8001"), phones("8002"), phones("8003")
    call = first.dial("8002")
    taken = second.incoming()
    taken.answer()
    call.wait_answered()
    heard(call, taken)
    taken.transfer("8003")
    last = third.incoming()
    assert last.invite["Referred-By"]
    last.ring()
    last.answer()
    assert taken.wait_transferred()["status"] == 200
    taken.wait_ended()
    heard(call, last)
    assert {row["caller"] for row in office.ask("show", "calls")} == {"8001", "8002"}
    call.hang_up()
    last.wait_ended()
    chain(office, ("8001", "8002"), ("8002", "8003"))


def test_who_transfers_outside_pays_at_its_level(office, phones, peers):
    inside, outside = phones("8001"), peers(office.pstn_port)
    gateway = peers(office.e1_port)
    call = outside.dial("66778001", office.address)
    taken = inside.incoming()
    taken.answer()
    call.wait_answered()
    taken.transfer("02088886666")
    last = gateway.incoming()
    last.answer()
    taken.wait_ended()
    heard(call, last)
    last.hang_up()
    call.wait_ended()
    records = office.wait_records(2)
    (made,) = [record for record in records if record.link]
    assert made.caller == "8001" and made.account == "desk" and made.link == "transferred"
    (before,) = [record for record in records if not record.link]
    assert made.linked_call == before.call and before.direction == "inbound"
    assert made.charge == Decimal("0.07") == Decimal(5) - office.balance("desk")


def test_a_transfer_that_is_refused_returns_the_call(office, phones):
    caller, barred = phones("8001"), phones("8009")
    call = caller.dial("8009")
    taken = barred.incoming()
    taken.answer()
    call.wait_answered()
    taken.transfer("02088886666")
    assert taken.wait_transferred()["status"] == 403
    heard(call, taken)
    taken.hang_up()
    call.wait_ended()
    records = {r.dialled: r for r in office.wait_records(2)}
    refused = records["02088886666"]
    assert (refused.caller, refused.disposition, refused.sip_status, refused.charge) == (
        "8009", "FAILED", 403, 0)
    assert records["8009"].disposition == "ANSWERED"


def test_a_busy_target_returns_the_call(office, phones):
    first, second, third = phones("8001"), phones("8002"), phones("8003")
    call = first.dial("8002")
    taken = second.incoming()
    taken.answer()
    call.wait_answered()
    taken.transfer("8003")
    third.incoming().reject(486)
    assert taken.wait_transferred()["status"] == 486
    heard(call, taken)
    taken.hang_up()
    call.wait_ended()
    records = {r.dialled: r for r in office.wait_records(2)}
    assert (records["8003"].caller, records["8003"].disposition, records["8003"].q850) == (
        "8002", "BUSY", 17)
    assert records["8002"].disposition == "ANSWERED"


def chain(site, first, second):
    """The records of a transfer by 8002: its own call names the one that it sent on."""
    records = {(r.caller, r.dialled): r for r in site.wait_records(2)}
    before, made = records[first], records[second]
    assert before.link is None and before.disposition == "ANSWERED"
    assert (made.link, made.linked_call, made.disposition) == (
        "transferred", before.call, "ANSWERED")
    return before, made


def test_an_attended_transfer_connects_those_who_were_talked_with(office, phones):
    first, second, third = phones("8001"), phones("8002"), phones("8003")
    call = first.dial("8002")
    taken = second.incoming()
    taken.answer()
    call.wait_answered()
    taken.hold()
    consulted = second.dial("8003")
    last = third.incoming()
    last.answer()
    consulted.wait_answered()
    heard(consulted, last)
    taken.transfer_to(consulted)
    assert taken.wait_transferred()["status"] == 200
    taken.wait_ended()
    consulted.wait_ended()
    heard(call, last)
    last.hang_up()
    call.wait_ended()
    before, made = chain(office, ("8001", "8002"), ("8002", "8003"))
    assert (before.charge, made.charge, made.released_by) == (0, 0, "callee")
    office.wait_idle()


def test_who_connects_outside_with_outside_pays_for_the_call_it_made(office, phones, peers):
    second, outside, gateway = phones("8002"), peers(office.pstn_port), peers(office.e1_port)
    call = outside.dial("66778002", office.address)
    taken = second.incoming()
    taken.answer()
    call.wait_answered()
    taken.hold()
    consulted = second.dial("02088886666")
    last = gateway.incoming()
    last.answer()
    consulted.wait_answered()
    answered = time.monotonic()
    taken.transfer_to(consulted)
    taken.wait_ended()
    consulted.wait_ended()
    heard(call, last)
    # Into the second step of six seconds: 8002 has left, and pays on.
    time.sleep(max(0, 6.5 - (time.monotonic() - answered)))
    call.hang_up()
    last.wait_ended()
    records = {r.direction: r for r in office.wait_records(2)}
    before, made = records["inbound"], records["outbound"]
    assert (made.caller, made.account, made.link, made.linked_call) == (
        "8002", "desk", "transferred", before.call)
    assert (before.charge, before.account) == (0, None)
    assert made.charge == Decimal("0.14") == Decimal(5) - office.balance("desk")


def test_a_call_is_transferred_to_a_phone_that_still_rings(office, phones):
    first, second, third = phones("8001"), phones("8002"), phones("8003")
    call = first.dial("8002")
    taken = second.incoming()
    taken.answer()
    call.wait_answered()
    consulted = second.dial("8003")
    last = third.incoming()
    last.ring()
    consulted.wait_ringing()
    taken.transfer_to(consulted)
    last.answer()
    assert taken.wait_transferred()["status"] == 200
    heard(call, last)
    call.hang_up()
    last.wait_ended()
    chain(office, ("8001", "8002"), ("8002", "8003"))


def test_who_consults_and_comes_back_has_had_two_calls(office, phones):
    first, second, third = phones("8001"), phones("8002"), phones("8003")
    call = first.dial("8002")
    taken = second.incoming()
    taken.answer()
    call.wait_answered()
    taken.hold()
    consulted = second.dial("8003")
    last = third.incoming()
    last.answer()
    consulted.wait_answered()
    heard(consulted, last)
    consulted.hang_up()
    last.wait_ended()
    taken.resume()
    heard(call, taken)
    call.hang_up()
    taken.wait_ended()
    records = office.wait_records(2)
    assert [(r.caller, r.dialled, r.disposition, r.released_by, r.link) for r in records] == [
        ("8002", "8003", "ANSWERED", "caller", None), ("8001", "8002", "ANSWERED", "caller", None)]


def test_a_transferor_that_wants_to_hear_nothing_hears_nothing(office, phones):
    first, second, third = phones("8001"), phones("8002"), phones("8003")
    call = first.dial("8002")
    taken = second.incoming()
    taken.answer()
    call.wait_answered()
    taken.transfer("8003", **{"Refer-Sub": "false", "Supported": "norefersub"})
    last = third.incoming()
    last.answer()
    taken.wait_ended()
    heard(call, last)
    (accepted,) = [m for m in taken.messages() if m.status == 202]
    assert accepted["refer-sub"] == "false" and taken.received("NOTIFY") == []
    call.hang_up()
    last.wait_ended()
    chain(office, ("8001", "8002"), ("8002", "8003"))


def test_transferred_phones_talk_on_when_the_switch_is_killed(office, phones):
    first, second, third = phones("8001"), phones("8002"), phones("8003")
    call = first.dial("8002")
    taken = second.incoming()
    taken.answer()
    call.wait_answered()
    taken.transfer("8003")
    last = third.incoming()
    last.answer()
    taken.wait_ended()
    office.kill()
    office.start()
    heard(call, last)
    call.hang_up()
    last.wait_ended()
    chain(office, ("8001", "8002"), ("8002", "8003"))


def test_a_phone_that_has_died_is_found_and_charged_no_longer(office, phones, peers):
    caller, gateway = phones("8001"), peers(office.e1_port)
    call = caller.dial("02088886666")
    taken = gateway.incoming()
    taken.answer()
    call.wait_answered()
    caller.process.send_signal(signal.SIGSTOP)
    try:
        taken.wait_ended(60)
        record = office.wait_record()
    finally:
        caller.process.send_signal(signal.SIGCONT)
    assert record.released_by == "switch" and "is gone" in record.end_reason
    assert record.q850 == 102 and record.billed_seconds <= 45
