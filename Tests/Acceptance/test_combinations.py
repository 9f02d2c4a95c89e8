"""What phones do one after the other with the same call: parked, fetched, held, sent on, taken over, and
the switch killed in between. What is left of it in the records has to tell the story."""

import pytest

from tandem_daemon import DIALPLAN

FEATURES = """
group desks 8001 8002 8003
feature pickup            *8
feature park              *85{code}
feature retrieve          *86{code}
feature forward-always    on *57*{number}  off #57
"""


@pytest.fixture
def office(site):
    site.write_dialplan(DIALPLAN + FEATURES)
    six = f"[::1]:{site.port}"
    site.write_config(listen=[f"{{ transport: tcp, address: {site.address} }}", f'"{six}"'])
    site.start()
    site.import_extensions(
        *[(str(number), "country", None, 2) for number in range(8001, 8006)])
    return site


def connected(caller, number, called):
    call = caller.dial(number)
    taken = called.incoming(since=len(called.events) if called.was_called else 0)
    taken.answer()
    call.wait_answered()
    return call, taken


def talk(*ends):
    for end in ends:
        end.wait_packets("received", 25)


def story(office, count):
    """Of each record: who called whom, what became of it, and how it belongs to which other one."""
    office.wait_idle()
    records = office.wait_records(count)
    dialled = {r.call: r.dialled for r in records}
    assert office.run("audit").code == 0
    return [(r.caller, r.dialled, r.disposition, r.link, dialled.get(r.linked_call))
            for r in records if r.direction != "feature"]


def test_a_parked_call_is_fetched_held_and_sent_on_over_a_kill(office, phones):
    caller, parker, third, last = (phones(str(number)) for number in range(8001, 8005))
    call, taken = connected(caller, "8002", parker)
    taken.transfer("*851")
    assert taken.wait_transferred()["status"] == 200
    taken.wait_ended()
    office.kill()
    office.start()
    (row,) = office.ask("show", "calls")
    assert (row["state"], row["route"]) == ("parked", "place 1, parked by 8002")
    fetched = third.dial("*861")
    fetched.wait_answered()
    talk(call, fetched)
    fetched.hold()
    consulted, other = connected(third, "8004", last)
    office.kill()
    office.start()
    fetched.transfer_to(consulted)
    assert fetched.wait_transferred()["status"] == 200
    fetched.wait_ended()
    consulted.wait_ended()
    talk(call, other)
    call.hang_up()
    other.wait_ended()
    assert sorted(story(office, 4), key=str) == [
        ("8001", "8002", "ANSWERED", None, None),
        ("8003", "8004", "ANSWERED", "transferred", "8002")]


def test_of_two_that_pick_up_one_talks_and_the_other_is_told_that_nothing_rings(office, phones):
    caller, called, first, second = (phones(str(n)) for n in (8005, 8002, 8001, 8003))
    call = caller.dial("8002")
    ringing = called.incoming()
    ringing.ring()
    call.wait_ringing()
    tries = [first.dial("*8"), second.dial("*8")]
    call.wait_answered()
    ringing.wait_ended()
    told = {pickup.wait_settled()["status"]: pickup for pickup in tries}
    assert set(told) == {200, 404}
    picked = told[200]
    talk(call, picked)
    picked.hang_up()
    call.wait_ended()
    assert story(office, 3) == [("8005", "8002", "ANSWERED", None, None)]


def test_a_forwarded_call_is_picked_up_where_it_rings(office, phones):
    caller, forwarder, target, picker = (phones(str(n)) for n in (8005, 8001, 8002, 8003))
    assert forwarder.dial("*57*8002").wait_ended()["reason"] == "every call to 8002"
    call = caller.dial("8001")
    ringing = target.incoming()
    ringing.ring()
    call.wait_ringing()
    picked = picker.dial("*8")
    picked.wait_answered()
    call.wait_answered()
    ringing.wait_ended()
    talk(call, picked)
    assert not forwarder.was_called
    call.hang_up()
    picked.wait_ended()
    assert story(office, 3) == [("8005", "8001", "ANSWERED", "forwarded", None)]
    record = next(r for r in office.records() if r.dialled == "8001")
    assert [(a.route, a.reason) for a in record.attempts] == [
        ("8002", "8003 picked it up"), ("8003", "picked up from 8002")]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_call_goes_from_ipv6_over_tcp_to_udp(office, phones, is_killed):
    caller = phones("8001", address="::1", at=f"[::1]:{office.port}")
    called, third = phones("8002", transport="tcp"), phones("8003")
    call, taken = connected(caller, "8002", called)
    if is_killed:
        office.kill()
        office.start()
        assert called.register()["status"] == 200
    taken.transfer("8003")
    last = third.incoming()
    last.answer()
    assert taken.wait_transferred()["status"] == 200
    taken.wait_ended()
    talk(call, last)
    last.hang_up()
    call.wait_ended()
    assert sorted(story(office, 2), key=str) == [
        ("8001", "8002", "ANSWERED", None, None),
        ("8002", "8003", "ANSWERED", "transferred", "8002")]


def test_a_call_that_another_phone_took_over_is_held_after_a_kill_and_sent_on(office, phones):
    desk, mobile, called, last = (phones(u) for u in ("8001", "8001", "8002", "8003"))
    call, taken = connected(desk, "8002", called)
    moved = mobile.dial("8001", Replaces=call.replaces())
    moved.wait_answered()
    call.wait_ended()
    office.kill()
    office.start()
    after = len(mobile.events)
    moved.hold()
    moved.wait_media(after)
    after = len(mobile.events)
    moved.resume()
    moved.wait_media(after)
    talk(moved, taken)
    moved.transfer("8003")
    other = last.incoming()
    other.answer()
    assert moved.wait_transferred()["status"] == 200
    talk(taken, other)
    other.hang_up()
    taken.wait_ended()
    assert sorted(story(office, 3), key=str) == [
        ("8001", "8002", "ANSWERED", None, None),
        ("8001", "8003", "ANSWERED", "transferred", "8002")]
