"""Calls that a phone does not take and that go on to where its user says: set by code and by command."""

from decimal import Decimal

import pytest

from tandem_daemon import DIALPLAN

CODES = """
feature forward-always       on *57*{number}  off #57
feature forward-busy         on *40*{number}  off #40
feature forward-no-answer    on *41*{number}  off #41
feature forward-unregistered on *42*{number}  off #42
feature lock                 on *33           off #33*{pin}
feature call-by-pin          *88*{extension}*{pin}*{number}
forward 8005 when unregistered to pstn
rule brief { from 8004  limit 6s }
"""


def rejects(phone):
    phone.incoming(since=phone.seen).reject(486)


def rings(phone):
    phone.incoming(since=phone.seen).ring()


def does_nothing(phone):
    pass


# By kind: its codes' keys, what the phone of the forwarder does, how Diversion (RFC 5806) names it, and
# what the record says of the attempt at that phone.
KINDS = {
    "always": ("57", does_nothing, "unconditional", []),
    "busy": ("40", rejects, "user-busy", [("8002", "failed")]),
    "no-answer": ("41", rings, "no-answer", [("8002", "failed")]),
    "unregistered": ("42", does_nothing, "unavailable", [("8002", "skipped")]),
}


@pytest.fixture
def house(site):
    site.write_dialplan(DIALPLAN + CODES)
    site.write_config(calls={"no-answer": "5s"})
    site.start()
    site.import_tariff()
    site.open_account("desk", "5")
    site.import_extensions(
        ("8001", "house", None), ("8002", "country", "desk"), ("8003", "house", None),
        ("8004", "house", None), ("8005", "house", None))
    return site


def code(phone, digits):
    return phone.dial(digits.replace("#", "%23")).wait_ended()


def talked(house, call, taken, count):
    """Both hear each other; the record of the call when it is over, the last of so many."""
    for end in (call, taken):
        end.wait_packets("received", 25)
    call.hang_up()
    taken.wait_ended()
    house.wait_idle()
    record = house.wait_records(count)[-1]
    assert (record.caller, record.dialled, record.disposition, record.link) == (
        "8001", "8002", "ANSWERED", "forwarded")
    assert record.released_by == "caller" and record.q850 == 16
    return record


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_goes_on_with_the_rights_and_the_account_of_who_forwards(house, phones, peers, kind):
    keys, happens, reason, before = KINDS[kind]
    caller, away, other = phones("8001"), phones("8002"), phones("8003")
    gateway = peers(house.e1_port)
    if kind == "unregistered":
        away.unregister()

    # By the code, inside, for nothing.
    ended = code(away, f"*{keys}*8003")
    assert ended["status"] == 487 and ended["reason"].endswith("to 8003"), ended
    (row,) = house.ask("extension", "show", "8002")
    assert row[f"forward_{kind}"] == "8003"
    away.seen = len(away.events)
    call = caller.dial("8002")
    happens(away)
    taken = other.incoming()
    assert f"reason={reason}" in taken.invite["diversion"]
    assert "sip:8002@" in taken.invite["diversion"]
    taken.answer()
    call.wait_answered()
    record = talked(house, call, taken, 2)
    assert [(a.route, a.outcome) for a in record.attempts] == before + [("8003", "answered")]
    assert record.normalised == "8003" and record.charge == 0

    # By the command line, outside: the caller may not call there and has no account.
    house.do("extension", "set", "8002", f"--forward-{kind}", "02088886666")
    away.seen = len(away.events)
    call = caller.dial("8002")
    happens(away)
    taken = gateway.incoming()
    assert f"reason={reason}" in taken.invite["diversion"]
    taken.answer()
    call.wait_answered()
    record = talked(house, call, taken, 3)
    assert [(a.route, a.outcome) for a in record.attempts] == before + [("ip-e1", "answered")]
    assert record.normalised == "02088886666" and record.presented == "+8631166778002"
    assert (record.account, record.charged_extension) == ("desk", "8002")
    assert record.charge == Decimal("0.07") == Decimal(5) - house.balance("desk")

    # And no longer.
    assert code(away, f"%23{keys}")["status"] == 487
    (row,) = house.ask("extension", "show", "8002")
    assert row.get(f"forward_{kind}") is None
    away.seen = len(away.events)
    call = caller.dial("8002")
    if kind != "unregistered":
        away.incoming(since=away.seen).reject(486)
    status = call.wait_ended()["status"]
    assert status == (480 if kind == "unregistered" else 486)
    record = house.wait_records(5)[-1]
    assert record.link is None and [a.route for a in record.attempts] == ["8002"]


def test_a_redirection_is_passed_to_the_phone_that_calls(house, phones):
    house.write_config(calls={"follow-redirects": "pass"})
    house.do("reload")
    caller, away, other = phones("8001"), phones("8002"), phones("8003")
    call = caller.dial("8002")
    away.incoming().reject(302, Contact="<sip:8003@10.9.9.9:5062;transport=tcp>")
    # pjsua2 follows nothing by itself, and says 487 of it.
    call.wait_ended()
    # The number at the switch, and not at an address of the other phone's network.
    (told,) = call.received("SIP/2.0 302")
    assert told["contact"] == f"<sip:8003@{house.address}>"
    record = house.wait_record()
    assert (record.caller, record.dialled, record.disposition) == ("8001", "8002", "NO ANSWER")
    assert (record.sip_status, record.q850, record.released_by) == (302, 16, "switch")
    assert record.end_reason == "8002 sends it on to 8003"
    assert [(a.route, a.outcome, a.sip_status) for a in record.attempts] == [
        ("8002", "failed", 302)]
    assert record.charge == 0 and not other.was_called
    # It calls there as itself, and nobody has sent that call on.
    call = caller.dial("8003")
    taken = other.incoming()
    assert taken.invite["diversion"] is None
    taken.answer()
    call.wait_answered()
    call.hang_up()
    taken.wait_ended()
    second = house.wait_records(2)[-1]
    assert (second.dialled, second.disposition, second.link) == ("8003", "ANSWERED", None)


def test_a_call_by_pin_that_goes_on_to_a_mailbox_carries_no_pin(house, phones, peers):
    house.do("extension", "set", "8002", "--pin", "471147")
    caller, mailbox = phones("8001"), peers(house.pstn_port)
    call = caller.dial("*88*8002*471147*8005")
    taken = mailbox.incoming()
    assert taken.invite.first_line.startswith("INVITE sip:8005@")
    assert "471147" not in taken.invite.text
    taken.answer()
    call.wait_answered()
    for end in (call, taken):
        end.wait_packets("received", 25)
    call.hang_up()
    taken.wait_ended()
    record = house.wait_record()
    assert (record.dialled, record.normalised) == ("*88*8002******8005", "8005")
    for text in (str(record.row), house.run("explain", "--call", record.call).text,
                 house.log_text()):
        assert "471147" not in text


def test_a_limit_holds_where_the_call_is_sent_on_and_transferred(house, phones):
    house.do("extension", "set", "8002", "--forward-always", "8003")
    caller, taker, third = phones("8004"), phones("8003"), phones("8001")
    # A transfer has a record of its own.
    for dialled, count in (("8002", 1), ("8003", 3)):
        since = len(taker.events)
        call = caller.dial(dialled)
        taken = taker.incoming(since=since)
        taken.answer()
        call.wait_answered()
        if dialled == "8003":
            taken.transfer("8001")
            third.incoming().answer()
        call.wait_ended()
        house.wait_idle()
        record = next(r for r in house.wait_records(count) if r.caller == "8004"
                      and r.dialled == dialled)
        assert record.billed_seconds == pytest.approx(6, abs=1)
        assert record.released_by == "switch"


def test_a_locked_phone_is_forwarded_nowhere_it_may_not_call(house, phones, peers):
    house.do("extension", "set", "8002", "--pin", "471147")
    locked, caller, gateway = phones("8002"), phones("8001"), peers(house.e1_port)
    assert code(locked, "*33")["reason"] == "The phone is locked"
    for key in ("57", "40", "41", "42"):
        assert code(locked, f"*{key}*02088886666")["status"] == 403
    assert code(locked, "*57*8003")["status"] == 487
    assert code(locked, "#57")["status"] == 487
    # Nor by the phone's own forwarding.
    call = caller.dial("8002")
    locked.incoming().reject(302, Contact=f"<sip:02088886666@{house.address}>")
    assert call.wait_ended()["status"] == 403
    assert not gateway.was_called
    # What had been set before it was locked stays.
    assert code(locked, "#33*471147")["status"] == 487
    assert code(locked, "*57*02088886666")["status"] == 487
    assert code(locked, "*33")["status"] == 487
    call = caller.dial("8002")
    gateway.incoming().answer()
    call.wait_answered()
    call.hang_up()
