"""Calls that wait at a place, and who fetches them, with real phones."""

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
    office.wait_idle()


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


def test_a_parked_call_waits_while_the_switch_is_killed(office, parked, phones):
    call, _ = parked
    office.kill()
    office.start()
    fetched = phones("8003").dial("*867")
    fetched.wait_answered()
    fetched.wait_packets("received", 25)
    fetched.hang_up()
    call.wait_ended()
