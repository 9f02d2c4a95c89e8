"""What good phones do not send: forged, torn out of its order, or with addresses of somebody else."""

import re
import socket

import pytest

from tandem_daemon import REALM, free_port
from wire import OFFER, WirePhone

STRANGER = "127.0.0.66"


@pytest.fixture
def wires(daemon):
    """Makes phones that write their messages themselves; `register=False` for a stranger."""
    daemon.import_extensions(
        *[(str(number), "country", None, 2) for number in range(8001, 8005)])
    made = []

    def make(user, *, register=True, **more):
        phone = WirePhone(daemon, user, **more)
        made.append(phone)
        if register:
            phone.register()
        return phone

    yield make
    for phone in made:
        phone.close()


@pytest.fixture
def victim():
    """A socket that has asked for nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.77", 0))
        link.setblocking(False)
        yield link


def heard(link):
    try:
        return link.recv(65535)
    except BlockingIOError:
        return None


def hang_up(dialog, other):
    assert dialog.request("BYE").status == 200
    other.phone.answer(other.phone.wait_request("BYE"), 200, "OK")


def test_who_knows_all_of_a_call_and_is_elsewhere_changes_nothing_in_it(daemon, wires):
    first, second = wires("8001"), wires("8002")
    forger = wires("8003", register=False, address=STRANGER)
    call = first.dial("8002")
    taken = second.take()
    call.wait_answered()
    for method, extra in (
        ("BYE", ""), ("INVITE", ""), ("UPDATE", ""), ("INFO", ""), ("MESSAGE", ""),
        ("REFER", f"Refer-To: <sip:8003@{REALM}>\r\n"),
        ("NOTIFY", "Event: refer\r\nSubscription-State: terminated\r\n"),
    ):
        body = OFFER if method in ("INVITE", "UPDATE") else ""
        answer = call.request(method, extra, body, by=forger, cseq=call.cseq + 10)
        assert answer.status == 481, f"{method}: {answer}"
    # The CANCEL of a call that still rings, from the wrong place and from the right one.
    ringing = wires("8003").dial("8002")
    invite = second.wait_request("INVITE")
    second.answer(invite, 180, "Ringing")
    cancel = forger.write(
        "CANCEL", f"sip:8002@{REALM}", sender=ringing.local, to=ringing.remote,
        call_id=ringing.call_id, cseq=ringing.cseq, via=ringing.via)
    forger.send(cancel)
    assert second.wait_request("CANCEL", 0.5) is None
    ringing.phone.send(cancel)
    assert second.wait_request("CANCEL") is not None
    second.answer(invite, 487, "Request Terminated")
    assert ringing.phone.wait_answer(ringing.call_id, "INVITE").status == 487
    # None of it has reached the other side, and the call goes on.
    assert second.wait(lambda m: m.status is None and m["call-id"] == taken.call_id, 0.2) is None
    hang_up(call, taken)
    assert {(r.caller, r.disposition) for r in daemon.wait_records(2)} == {
        ("8001", "ANSWERED"), ("8003", "NO ANSWER")}


def test_a_password_that_was_overheard_calls_nobody_from_elsewhere(daemon, wires):
    first, second = wires("8001"), wires("8002")
    forger = wires("8001", register=False, address=STRANGER)
    call = first.dial("8002")
    second.answer(second.wait_request("INVITE"), 486, "Busy Here")
    assert first.wait_answer(call.call_id, "INVITE").status == 486
    forger.send(call.sent.replace(first.address, forger.address).replace(call.call_id, "again"))
    assert forger.wait_answer("again", "INVITE").status == 401
    assert second.wait_request("INVITE", 0.5) is None
    assert len(daemon.wait_records(1)) == 1


def test_whom_a_via_names_is_sent_nothing(daemon, wires, victim):
    phone = wires("8001", register=False)
    address, port = victim.getsockname()
    for number, via in enumerate((
        f"{address}:{port}", f"{address}:{port};maddr={address}", f"{address}:{port};received={address}",
        f"{address}:{port};received={address};rport={port}", f"127.0.0.1:{daemon.port}",
        f"127.0.0.1:5060;maddr={address};ttl=255", "127.0.0.1:0", "127.0.0.1:99999", "[::1%25lo]",
    )):
        phone.send(phone.write(
            "OPTIONS", f"sip:{REALM}", sender="<sip:x@y>;tag=1", to=f"<sip:{REALM}>",
            call_id=f"via-{number}", cseq=1, via=f"SIP/2.0/UDP {via};branch=z9hG4bK{number}"))
    phone.send(phone.write(
        "OPTIONS", f"sip:{REALM}", sender="<sip:x@y>;tag=1", to=f"<sip:{REALM}>",
        call_id="last", cseq=1))
    assert phone.wait_answer("last", "OPTIONS").status == 200
    assert heard(victim) is None
    assert daemon.status()["calls"] == 0


@pytest.mark.parametrize("whose", ["victim", "switch"])
def test_a_phone_is_called_where_it_registered_from_whatever_its_contact_names(
        daemon, wires, victim, whose):
    first, second = wires("8001"), wires("8002", register=False)
    place = "%s:%d" % victim.getsockname() if whose == "victim" else daemon.address
    second.contact = f"<sip:8002@{place}>"
    second.register()
    call = first.dial("8002")
    # Its answer names the same place, and so everything in the call would go there.
    taken = second.take()
    call.wait_answered()
    hang_up(call, taken)
    assert heard(victim) is None
    assert daemon.wait_record().disposition == "ANSWERED"


def test_who_has_no_answer_in_the_time_it_gave_hears_487(daemon, wires):
    first, second = wires("8001"), wires("8002")
    call = first.dial("8002", "Expires: 1\r\n")
    invite = second.wait_request("INVITE")
    second.answer(invite, 180, "Ringing")
    assert first.wait_answer(call.call_id, "INVITE").status == 487
    assert second.wait_request("CANCEL") is not None
    second.answer(invite, 487, "Request Terminated")
    record = daemon.wait_record()
    assert (record.disposition, record.released_by, record.q850) == ("NO ANSWER", "caller", 102)
    assert "reason       the caller's invitation expired\n" in daemon.do(
        "explain", "--call", record.call).output


@pytest.mark.parametrize("status, told", [(200, "200 OK"), (486, "486 Busy Here")])
def test_a_transferor_that_has_hung_up_is_told_how_it_ended(daemon, wires, status, told):
    """As RFC 5359 §2.4 has it: BYE as soon as the transfer is under way."""
    first, second, third = wires("8001"), wires("8002"), wires("8003")
    call = first.dial("8002")
    taken = second.take()
    call.wait_answered()
    assert taken.request("REFER", f"Refer-To: <sip:8003@{REALM}>\r\n").status == 202
    second.answer(second.wait_request("NOTIFY"), 200, "OK")
    assert taken.request("BYE").status == 200
    third.answer(third.wait_request("INVITE"), status, "Now", OFFER if status == 200 else "")
    if status == 200:
        first.answer(first.wait_request("INVITE"), 200, "OK", OFFER)
    notify = second.wait_request("NOTIFY")
    second.answer(notify, 200, "OK")
    assert notify.body.startswith(f"SIP/2.0 {told}")
    assert notify["subscription-state"].startswith("terminated")
    assert second.wait_request("BYE", 0.3) is None
    if status == 200:
        assert call.request("BYE").status == 200
        third.answer(third.wait_request("BYE"), 200, "OK")
    else:
        # Nobody is left to give the call back to.
        first.answer(first.wait_request("BYE"), 200, "OK")
    assert [r.disposition for r in daemon.wait_records(2)].count("ANSWERED") == (
        2 if status == 200 else 1)


def test_what_is_said_before_the_answer_stays_in_the_dialog_of_its_fork(daemon, wires):
    """Two phones of an extension, one of which stands for two: UPDATE goes to whom its tags name."""
    caller, desk, mobile = wires("8001"), wires("8002"), wires("8002")
    call = caller.dial("8002")
    invites = {phone: phone.wait_request("INVITE") for phone in (desk, mobile)}
    forks, heard = ((desk, "one"), (desk, "two"), (mobile, "three")), {}
    for phone, tag in forks:
        phone.answer(invites[phone], 183, "Session Progress", OFFER, tag=tag)
        heard[tag] = caller.wait(lambda m: m.status == 183)
    assert len({answer.tag("to") for answer in heard.values()}) == 3
    for number, (phone, tag) in enumerate(forks * 2, start=1):
        known = heard[tag]
        caller.send(caller.write(
            "UPDATE", re.search("<([^>]+)>", known["contact"])[1], sender=call.local,
            to=known["to"], call_id=call.call_id, cseq=call.cseq + number, body=OFFER))
        update = phone.wait_request("UPDATE")
        assert update.tag("to") == tag, update
        phone.answer(update, 200, "OK", OFFER)
        assert caller.wait_answer(call.call_id, "UPDATE").status == 200

        invite = invites[phone]
        phone.send(phone.write(
            "UPDATE", re.search("<([^>]+)>", invite["contact"])[1],
            sender=f"{invite['to']};tag={tag}", to=invite["from"], call_id=invite["call-id"],
            cseq=number, body=OFFER))
        update = caller.wait_request("UPDATE")
        assert update.tag("from") == known.tag("to"), update
        caller.answer(update, 200, "OK", OFFER)
        assert phone.wait_answer(invite["call-id"], "UPDATE").status == 200
    # One of them answers in the dialog that it had, and can be hung up there.
    desk.answer(invites[desk], 200, "OK", OFFER, tag="one")
    assert call.wait_answered().tag("to") == heard["one"].tag("to")
    assert desk.wait_request("ACK") is not None
    assert mobile.wait_request("CANCEL") is not None
    mobile.answer(invites[mobile], 487, "Request Terminated")
    call.cseq += 10
    assert call.request("BYE").status == 200
    bye = desk.wait_request("BYE")
    assert bye.tag("to") == "one"
    desk.answer(bye, 200, "OK")
    assert daemon.wait_record().disposition == "ANSWERED"


def test_of_several_contacts_of_a_302_the_best_that_is_served_rings_first(daemon, wires):
    caller, away, second, first = (wires(number) for number in ("8001", "8002", "8003", "8004"))
    call = caller.dial("8002")
    away.contact = (
        f"<mailto:away@{REALM}>, <sip:8003@{REALM}>;q=0.1, <sip:8009@elsewhere.test>, "
        f"<sip:8004@{REALM}>;q=0.9")
    away.answer(away.wait_request("INVITE"), 302, "Moved Temporarily")
    first.answer(first.wait_request("INVITE"), 486, "Busy Here")
    taken = second.take()
    call.wait_answered()
    hang_up(call, taken)
    record = daemon.wait_record()
    assert (record.disposition, record.link) == ("ANSWERED", "forwarded")
    assert [(a.route, a.outcome) for a in record.attempts] == [
        ("8002", "failed"), ("8004", "failed"), ("8003", "answered")]
