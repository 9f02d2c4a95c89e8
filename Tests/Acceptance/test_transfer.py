"""Transfers between real phones, and calls whose phone has died without a word."""

import signal
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
    records = office.wait_records(2)
    (made,) = [record for record in records if record.caller == "8002"]
    (first_record,) = [record for record in records if record.caller == "8001"]
    assert made.link == "transferred"
    assert made.linked_call == first_record.call
    assert made.disposition == first_record.disposition == "ANSWERED"


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
    assert made.caller == "8001" and made.account == "desk"
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
    assert len(office.wait_records(2)) == 2
    office.wait_idle()


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
    assert len(office.wait_records(2)) == 2


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
