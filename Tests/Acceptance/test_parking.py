"""Calls that wait at a place, and who fetches them, with real phones."""

import time
from decimal import Decimal

import pytest

from tandem_daemon import DIALPLAN

FEATURES = """
feature park      *85{code}
feature retrieve  *86{code}
"""


@pytest.fixture
def office(site):
    site.write_dialplan(DIALPLAN + FEATURES)
    site.write_config(calls={"park-recall": "10s"})
    site.start()
    site.import_tariff()
    site.import_extensions(
        *[(str(number), "country", None, 2) for number in range(8001, 8004)])
    return site


@pytest.fixture
def parked(office, phones):
    """8001 has called 8002, who has parked it at 7."""
    caller, parker = phones("8001"), phones("8002")
    call = caller.dial("8002")
    taken = parker.incoming()
    taken.answer()
    call.wait_answered()
    taken.transfer("*857")
    assert taken.wait_transferred()["status"] == 200
    taken.wait_ended()
    (row,) = office.ask("show", "calls")
    assert row["state"] == "parked" and row["route"] == "place 7, parked by 8002"
    return call, parker


def test_a_parked_call_is_fetched_from_another_phone(office, parked, phones):
    call, _ = parked
    fetched = phones("8003").dial("*867")
    fetched.wait_answered()
    for end in (call, fetched):
        end.wait_packets("received", 25)
    fetched.hang_up()
    call.wait_ended()
    records = office.wait_records(3)
    (code,) = [record for record in records if record.caller == "8003"]
    (first,) = [record for record in records if record.dialled == "8002"]
    assert code.direction == "feature" and code.linked_call == first.call
    assert (first.caller, first.disposition, first.released_by) == ("8001", "ANSWERED", "callee")
    assert [record.charge for record in records] == [0, 0, 0]
    office.wait_idle()


def test_who_dials_the_place_on_a_second_line_parks_the_call_it_holds(office, phones):
    caller, parker = phones("8001"), phones("8002")
    call = caller.dial("8002")
    taken = parker.incoming()
    taken.answer()
    call.wait_answered()
    taken.hold()
    ended = parker.dial("*857").wait_ended()
    assert ended["status"] == 487, ended
    taken.wait_ended()
    (row,) = office.ask("show", "calls")
    assert row["state"] == "parked" and row["route"] == "place 7, parked by 8002"
    # Nothing waits at another place, and nothing is held any more.
    assert parker.dial("*868").wait_ended()["status"] == 404
    assert parker.dial("*859").wait_ended()["status"] != 487
    fetched = parker.dial("*867")
    fetched.wait_answered()
    for end in (call, fetched):
        end.wait_packets("received", 25)
    call.hang_up()
    fetched.wait_ended()
    office.wait_idle()
    (record,) = [r for r in office.wait_records(5) if r.direction == "internal"]
    assert (record.caller, record.dialled, record.disposition, record.released_by) == (
        "8001", "8002", "ANSWERED", "caller")


def test_a_paid_call_is_paid_on_by_who_made_it_while_it_waits_and_is_fetched(
    office, phones, peers
):
    office.open_account("desk", "5")
    office.do("extension", "set", "8002", "--account", "desk")
    parker, fetcher, gateway = phones("8002"), phones("8003"), peers(office.e1_port)
    call = parker.dial("02088886666")
    far = gateway.incoming()
    far.answer()
    call.wait_answered()
    answered = time.monotonic()
    call.transfer("*857")
    call.wait_ended()
    (row,) = office.ask("show", "calls")
    assert (row["state"], row["account"]) == ("parked", "desk")
    time.sleep(1)
    fetched = fetcher.dial("*867")
    fetched.wait_answered()
    for end in (far, fetched):
        end.wait_packets("received", 25)
    # Into the second step of six seconds, most of it after the one who pays has left.
    time.sleep(max(0, 6.5 - (time.monotonic() - answered)))
    fetched.hang_up()
    far.wait_ended()
    records = office.wait_records(3)
    (paid,) = [record for record in records if record.direction == "outbound"]
    assert (paid.caller, paid.dialled, paid.account) == ("8002", "02088886666", "desk")
    assert paid.disposition == "ANSWERED" and 6 < paid.billed_seconds < 12
    assert paid.charge == Decimal("0.14") == Decimal(5) - office.balance("desk")
    assert {(r.caller, r.dialled, r.charge) for r in records if r.direction == "feature"} == {
        ("8002", "*857", 0), ("8003", "*867", 0)}


def test_a_parked_call_that_nobody_fetches_comes_back(office, parked):
    call, parker = parked
    since = len(parker.events)
    back = parker.incoming(30, since)
    back.answer()
    for end in (call, back):
        end.wait_packets("received", 25)
    call.hang_up()
    back.wait_ended()
    office.wait_idle()
    record, recall = [r for r in office.wait_records(3) if r.direction == "internal"]
    assert (record.caller, record.dialled, record.disposition) == ("8001", "8002", "ANSWERED")
    assert record.released_by == "caller" and record.billed_seconds > 10
    assert (recall.caller, recall.link, recall.linked_call, recall.disposition) == (
        "8002", "transferred", record.call, "ANSWERED")


def test_a_parked_call_waits_while_the_switch_is_killed(office, parked, phones):
    call, _ = parked
    office.kill()
    office.start()
    fetched = phones("8003").dial("*867")
    fetched.wait_answered()
    for end in (call, fetched):
        end.wait_packets("received", 25)
    fetched.hang_up()
    call.wait_ended()
    (record,) = [r for r in office.wait_records(3) if r.direction == "internal"]
    assert (record.disposition, record.released_by) == ("ANSWERED", "callee")
