"""Phones register and call each other for nothing."""

import re
import threading
import time
from decimal import Decimal

import pytest


@pytest.fixture
def two(daemon):
    daemon.import_extensions(("8001", "city", None), ("8002", "city", None))
    return daemon


def talk(caller, callee, number):
    """`caller` dials, `callee` rings and answers; both ends of the call."""
    call = caller.dial(number)
    other = callee.incoming()
    other.ring()
    call.wait_ringing()
    other.answer()
    call.wait_answered()
    return call, other


def algorithm_of(phone, method):
    """The digest algorithm of the last request of that method that carried credentials."""
    found = re.findall(
        rf"\n{method} sip:.*?\n\s*\n", phone.log_text().replace("\r", ""), re.S)
    algorithms = [re.search(r"uthorization: Digest.*algorithm=([\w-]+)", text) for text in found]
    return [match[1] for match in algorithms if match][-1]


def test_phones_register_with_md5_and_with_sha256(two, phones):
    old = phones("8001", algorithm="MD5")
    new = phones("8002")
    assert algorithm_of(old, "REGISTER") == "MD5"
    assert algorithm_of(new, "REGISTER") == "SHA-256"
    rows = two.ask("show", "registrations")
    assert sorted(row["extension"] for row in rows) == ["8001", "8002"]
    ports = {row["extension"]: row["contact"] for row in rows}
    assert f":{old.port}" in ports["8001"] and f":{new.port}" in ports["8002"]
    assert two.status()["registrations"] == 2


def test_a_phone_that_unregisters_is_no_longer_reached(two, phones):
    first, second = phones("8001"), phones("8002")
    assert second.unregister()["status"] == 200
    assert [row["extension"] for row in two.ask("show", "registrations")] == ["8001"]
    ended = first.dial("8002").wait_ended()
    assert ended["status"] in (404, 480)
    assert not second.was_called


def masked(message):
    """A response without what differs from one transaction to the next."""
    text = re.sub(r"(?i)(branch|tag|rport|nonce|opaque)=\"?[^;,\"\s]+\"?", r"\1=*", message)
    text = re.sub(r"(?im)^(call-id|i|cseq|date):.*$", r"\1: *", text)
    return re.sub(r"\b(8001|8700)\b", "USER", re.sub(r":\d{4,5}\b", ":PORT", text))


def test_a_wrong_password_is_refused_after_the_challenge_and_an_unknown_user_looks_the_same(
    two, phones
):
    wrong = phones("8001", password="not the password", register=False)
    unknown = phones("8700", password="not the password", register=False)
    answers = [wrong.register(), unknown.register()]
    assert [answer["status"] for answer in answers] == [403, 403]
    for phone in (wrong, unknown):
        assert "SIP/2.0 401" in phone.log_text(), "refused before it was challenged"
    assert masked(answers[0]["message"]) == masked(answers[1]["message"])
    challenges = [
        re.search(r"SIP/2\.0 401.*?\n\r?\n", phone.log_text(), re.S)[0]
        for phone in (wrong, unknown)
    ]
    assert masked(challenges[0]) == masked(challenges[1])
    assert two.ask("show", "registrations") == []


@pytest.mark.parametrize("releaser", ["caller", "callee"])
def test_phones_call_each_other_and_both_hear(two, phones, releaser):
    first, second = phones("8001", algorithm="MD5"), phones("8002")
    call, other = talk(first, second, "8002")
    answered = time.time()
    assert other.invite.user("from") == "8001"
    for end in (call, other):
        end.wait_packets("received", 25)
        end.wait_packets("sent", 25)
    (call if releaser == "caller" else other).hang_up()
    ends = [call.wait_ended(), other.wait_ended()]
    talked = ends[0]["at"] - answered
    assert [len(end.received("BYE")) for end in (call, other)] == (
        [0, 1] if releaser == "caller" else [1, 0])
    record = two.wait_record()
    assert (record.caller, record.dialled) == ("8001", "8002")
    assert record.direction == "internal"
    assert record.disposition == "ANSWERED"
    assert record.released_by == releaser
    assert record.charge == Decimal(0)
    assert abs(record.billed_seconds - talked) < 1
    assert record.duration_seconds >= record.billed_seconds
    assert two.status()["calls"] == 0


def test_hold_silences_the_call_and_resume_brings_it_back(two, phones):
    first, second = phones("8001"), phones("8002")
    call, other = talk(first, second, "8002")
    for end in (call, other):
        end.wait_packets("received", 25)
    since = len(second.events)
    call.hold()
    other.wait_media(since)
    (reinvite,) = [m for m in other.received("INVITE") if m.tag("to")]
    assert "a=sendonly" in reinvite.body
    # What was on its way when the hold was agreed has come in after this.
    time.sleep(0.5)
    held = call.packets()["received"]
    time.sleep(1)
    assert call.packets()["received"] == held, "the held side is still heard"
    # The held side holds as well: nobody hears anybody, and both directions are off.
    since = len(first.events)
    other.hold()
    call.wait_media(since)
    reinvites = [m for m in call.received("INVITE") if m.tag("to")]
    assert "a=inactive" in reinvites[-1].body
    time.sleep(0.5)
    silent = other.packets()["received"]
    time.sleep(1)
    assert other.packets()["received"] == silent, "who holds is still heard"
    since = len(first.events)
    other.resume()
    call.wait_media(since)
    # Its own may not begin before the ACK of that one.
    time.sleep(0.5)
    since = len(second.events)
    call.resume()
    other.wait_media(since)
    for end in (call, other):
        end.wait_packets("received", 25)
    other.hang_up()
    call.wait_ended()
    other.wait_ended()
    record = two.wait_record()
    assert (record.disposition, record.released_by) == ("ANSWERED", "callee")
    # Held time is call time.
    assert record.billed_seconds > 3
    assert record.charge == Decimal(0)


def test_a_phone_that_comes_into_another_network_goes_on_with_its_call(two, phones):
    first, second = phones("8001"), phones("8002")
    call, other = talk(first, second, "8002")
    since = len(second.events)
    second.command("move", address="127.0.0.2")
    second.wait(
        lambda e: e["event"] == "registration" and e["status"] == 200, 20, "to register", since)
    (row,) = [r for r in two.ask("show", "registrations") if r["extension"] == "8002"]
    assert row["source"].startswith("127.0.0.2:")
    since = len(first.events)
    second.command("reinvite", call=other.number)
    call.wait_media(since)
    for end in (call, other):
        end.wait_packets("received", 25)
    call.hang_up()
    other.wait_ended()
    (bye,) = other.received("BYE")
    assert "@127.0.0.2:" in bye.request_uri
    record = two.wait_record()
    assert (record.disposition, record.released_by) == ("ANSWERED", "caller")


def test_an_info_in_the_call_reaches_the_other_leg(two, phones):
    first, second = phones("8001"), phones("8002")
    call, other = talk(first, second, "8002")
    call.send_info()
    limit = time.monotonic() + 5
    while not other.received("INFO") and time.monotonic() < limit:
        time.sleep(0.05)
    (info,) = other.received("INFO")
    assert "Signal=5" in info.body
    assert info["call-id"] == other.invite["call-id"]
    call.hang_up()
    other.wait_ended()


def test_each_leg_has_its_own_call_id_tags_via_and_contact(two, phones):
    first, second = phones("8001"), phones("8002")
    call, other = talk(first, second, "8002")
    answer = call.received("SIP/2.0 200")[0]
    invite = other.invite
    assert answer["call-id"] != invite["call-id"]
    assert f":{two.port}" in answer["contact"] and f":{two.port}" in invite["contact"]
    assert len(invite.all("via")) == 1 and f":{two.port}" in invite["via"]
    assert f":{first.port}" not in invite.text.split("\n\n")[0].replace(invite.body, "")
    call.hang_up()
    other.wait_ended()


def test_a_busy_extension_gives_busy(two, phones, daemon):
    daemon.import_extensions(("8003", "city", None))
    first, second, third = phones("8001"), phones("8002"), phones("8003")
    call, other = talk(first, second, "8002")
    ended = third.dial("8002").wait_ended()
    assert ended["status"] == 486
    assert call.is_up and other.is_up
    call.hang_up()
    other.wait_ended()
    records = {r.caller: r for r in daemon.wait_records(2)}
    assert records["8003"].disposition == "BUSY"
    assert records["8003"].q850 == 17
    assert records["8001"].disposition == "ANSWERED"


def test_a_caller_who_gives_up_ends_the_ringing(two, phones):
    first, second = phones("8001"), phones("8002")
    call = first.dial("8002")
    other = second.incoming()
    other.ring()
    call.wait_ringing()
    call.hang_up()
    assert call.wait_ended()["status"] == 487
    other.wait_ended()
    record = two.wait_record()
    assert record.disposition == "NO ANSWER"
    assert record.released_by == "caller"
    assert record.billed_seconds == 0
    assert record.charge == Decimal(0)


def test_a_callee_who_rejects_is_told_to_the_caller(two, phones):
    first, second = phones("8001"), phones("8002")
    call = first.dial("8002")
    second.incoming().reject(603)
    assert call.wait_ended()["status"] == 603
    record = two.wait_record()
    assert record.sip_status == 603
    assert record.charge == Decimal(0)


def test_both_sides_hanging_up_at_once_end_it_once(two, phones):
    first, second = phones("8001"), phones("8002")
    call, other = talk(first, second, "8002")
    enders = [threading.Thread(target=end.hang_up) for end in (call, other)]
    for ender in enders:
        ender.start()
    for ender in enders:
        ender.join()
    call.wait_ended()
    other.wait_ended()
    record = two.wait_record()
    assert record.released_by in ("caller", "callee")
    two.wait_idle()


def test_an_unregistered_extension_is_not_reached_and_the_caller_is_told(two, phones):
    ended = phones("8001").dial("8002").wait_ended()
    assert ended["status"] in (404, 480)
    assert two.wait_record().disposition in ("FAILED", "NO ANSWER")
