"""What an office does with its phones beyond calling: several calls at once, texts, presence, another
phone of the same extension, and what waits in a mailbox. All with real phones."""

import os
import subprocess
import time
from decimal import Decimal

import pytest

from gateway import SCENARIOS
from tandem_daemon import DIALPLAN, REALM, free_port
from wire import WirePhone

CODES = """
group pair 8001 8002
feature call-waiting  on *43  off #43
feature redial        *66
feature speed-dial    *7{code}  on *75*{code}*{number}  off #75*{code}
feature do-not-disturb on *56  off #56
feature park          *85{code}
"""


@pytest.fixture
def office(site):
    site.write_dialplan(DIALPLAN + CODES)
    site.write_config(calls={"park-recall": "10s"}, more="mailbox: { trunk: pstn }\n")
    site.start()
    site.import_tariff()
    site.open_account("desk", "5")
    site.import_extensions(
        *[(str(number), "country", "desk") for number in range(8001, 8006)])
    return site


def code(phone, digits):
    """Dials a code and returns how it ended."""
    return phone.dial(digits.replace("#", "%23")).wait_ended()


def talk(*ends):
    for end in ends:
        end.wait_packets("received", 25)


def ended(site, count):
    site.wait_idle()
    return site.wait_records(count)


def knock(caller, busy):
    """Another call rings where somebody talks, and is given up."""
    since = len(busy.events)
    call = caller.dial("8002")
    busy.incoming(since=since).ring()
    call.wait_ringing()
    call.hang_up()
    call.wait_ended()


def test_a_second_call_knocks_until_its_user_wants_none(office, phones):
    office.do("extension", "set", "8002", "--call-limit", "2")
    first, busy, second = phones("8001"), phones("8002"), phones("8003")
    call = first.dial("8002")
    taken = busy.incoming()
    taken.answer()
    call.wait_answered()
    knock(second, busy)
    (row,) = office.ask("extension", "show", "8002")
    assert row["call_waiting"] is True and row["call_limit"] == 2 and row["calls_in"] == 1

    assert code(busy, "#43")["reason"] == "Call waiting is off"
    since = len(busy.events)
    refused = second.dial("8002").wait_ended()
    assert refused["status"] == 486
    assert not any(e["event"] == "incoming" for e in busy.events[since:])
    # It is kept over a restart, as the call is.
    office.kill()
    office.start()
    (row,) = office.ask("extension", "show", "8002")
    assert row["call_waiting"] is False and row["calls_in"] == 1
    assert second.register()["status"] == 200
    assert second.dial("8002").wait_ended()["status"] == 486
    # And lets it in again: a third call knocks, while they talk.
    assert busy.register()["status"] == 200
    assert code(busy, "*43")["reason"] == "Call waiting is on"
    knock(second, busy)
    talk(call, taken)
    call.hang_up()
    taken.wait_ended()
    office.wait_idle()
    record = [r for r in office.records() if r.disposition == "BUSY"][-1]
    assert record.q850 == 17 and record.caller == "8003"


def test_calls_out_in_and_together_have_limits_of_their_own(office, phones):
    office.do(
        "extension", "set", "8001", "--call-limit", "3", "--call-limit-out", "1",
        "--call-limit-in", "1")
    limited, other, third = phones("8001"), phones("8002"), phones("8003")
    fourth = phones("8004")
    call = limited.dial("8002")
    other.incoming().answer()
    call.wait_answered()
    assert limited.dial("8004").wait_ended()["status"] == 486
    coming = third.dial("8001")
    taken = limited.incoming()
    taken.answer()
    coming.wait_answered()
    assert fourth.dial("8001").wait_ended()["status"] == 486
    # Without limits of each kind the two calls are all that it may have.
    office.do(
        "extension", "set", "8001", "--call-limit", "2", "--call-limit-out", "-",
        "--call-limit-in", "-")
    assert limited.dial("8004").wait_ended()["status"] == 486
    assert fourth.dial("8001").wait_ended()["status"] == 486
    assert not fourth.was_called
    office.do("extension", "set", "8001", "--call-limit", "3")
    since = len(fourth.events)
    more = limited.dial("8004")
    fourth.incoming(since=since).ring()
    more.wait_ringing()
    more.hang_up()
    talk(call, coming)
    call.hang_up()
    coming.hang_up()
    records = ended(office, 7)
    refused = [(r.caller, r.dialled, r.sip_status, r.q850) for r in records
               if r.disposition == "BUSY"]
    assert refused == [("8001", "8004", 486, 17), ("8004", "8001", 486, 17)] * 2
    assert sorted((r.caller, r.dialled) for r in records if r.disposition == "ANSWERED") == [
        ("8001", "8002"), ("8003", "8001")]


def test_every_phone_of_an_extension_rings_and_the_first_answer_wins(office, phones):
    caller, desk, mobile = phones("8001"), phones("8002"), phones("8002")
    call = caller.dial("8002")
    ring, taken = desk.incoming(), mobile.incoming()
    ring.ring()
    taken.ring()
    call.wait_ringing()
    taken.answer()
    call.wait_answered()
    ring.wait_ended()
    (cancel,) = ring.received("CANCEL")
    assert "Call completed elsewhere" in cancel.text
    talk(call, taken)
    # The other one has the same extension, and that has its call.
    assert phones("8003").dial("8002").wait_ended()["status"] == 486
    taken.hang_up()
    call.wait_ended()
    answered, busy = sorted(ended(office, 2), key=lambda r: r.disposition)
    assert (answered.disposition, answered.released_by) == ("ANSWERED", "callee")
    assert [(a.route, a.outcome) for a in answered.attempts] == [("8002", "answered")]
    assert (busy.disposition, busy.q850) == ("BUSY", 17)


def test_a_text_reaches_every_phone_of_an_extension_and_costs_nothing(office, phones):
    sender, desk, mobile = phones("8001"), phones("8002"), phones("8002")
    assert sender.send_text("8002", "Lunch? 午饭?")["status"] == 200
    for phone in (desk, mobile):
        text = phone.wait_text()
        assert text["text"] == "Lunch? 午饭?" and "sip:8001@" in text["sender"]
    assert desk.send_text("8001", "Yes")["status"] == 200
    assert sender.wait_text()["text"] == "Yes"
    assert sender.send_text("8005", "Anybody?")["status"] == 480
    assert sender.send_text("02088886666", "Anybody?")["status"] == 403
    assert sender.send_text("8002", "x" * 1301)["status"] == 413
    assert office.records() == [] and str(office.balance("desk")) == "5.000000"


def test_another_phone_of_the_extension_takes_the_call_over(office, phones, peers):
    desk, mobile = phones("8001"), phones("8001")
    gateway = peers(office.e1_port)
    call = desk.dial("02088886666")
    taken = gateway.incoming()
    taken.answer()
    call.wait_answered()
    talk(call, taken)
    moved = mobile.dial("8001", Replaces=call.replaces())
    moved.wait_answered()
    end = call.wait_ended()
    assert end["status"] == 200
    talk(moved, taken)
    moved.hang_up()
    taken.wait_ended()
    records = ended(office, 2)
    paid = next(r for r in records if r.direction == "outbound")
    fetched = next(r for r in records if r.direction == "feature")
    assert paid.disposition == "ANSWERED" and paid.caller == "8001" and paid.charge > 0
    assert fetched.charge == 0
    assert office.balance("desk") == 5 - paid.charge


def test_a_stranger_takes_nothing_over(office, phones):
    caller, called, stranger = phones("8001"), phones("8002"), phones("8003")
    call = caller.dial("8002")
    taken = called.incoming()
    taken.answer()
    call.wait_answered()
    assert stranger.dial("8001", Replaces=call.replaces()).wait_ended()["status"] == 403
    invented = stranger.dial("8001", Replaces="x;to-tag=1;from-tag=2")
    assert invented.wait_ended()["status"] == 481
    talk(call, taken)
    call.hang_up()
    taken.wait_ended()


def test_a_phone_that_mixes_three_has_two_calls_each_with_its_record_and_charge(
    office, phones, peers
):
    office.do("extension", "set", "8002", "--call-limit", "2")
    first, middle, gateway = phones("8001"), phones("8002"), peers(office.e1_port)
    call = first.dial("8002")
    taken = middle.incoming()
    taken.answer()
    call.wait_answered()
    taken.hold()
    added = middle.dial("02088886666")
    far = gateway.incoming()
    far.answer()
    added.wait_answered()
    taken.resume()
    middle.command("mix", calls=[taken.number, added.number])
    talk(call, taken, added, far)
    call.hang_up()
    taken.wait_ended()
    talk(added, far)
    far.hang_up()
    added.wait_ended()
    inside, outside = ended(office, 2)
    assert (inside.caller, inside.dialled, inside.charge, inside.released_by) == (
        "8001", "8002", 0, "caller")
    assert (outside.caller, outside.dialled, outside.account, outside.released_by) == (
        "8002", "02088886666", "desk", "callee")
    assert outside.charge == Decimal("0.07") == 5 - office.balance("desk")
    assert inside.disposition == outside.disposition == "ANSWERED"


def test_a_phone_sends_its_calls_on_by_itself(office, phones):
    caller, away, other = phones("8001"), phones("8002"), phones("8003")
    call = caller.dial("8002")
    away.incoming().reject(302, Contact=f"<sip:8003@{office.address}>")
    taken = other.incoming()
    assert "<sip:8002@" in taken.invite["diversion"]
    assert taken.invite.all("history-info")[-1].startswith("<sip:8003@")
    taken.answer()
    call.wait_answered()
    talk(call, taken)
    call.hang_up()
    taken.wait_ended()
    (record,) = ended(office, 1)
    assert record.disposition == "ANSWERED"
    assert [(a.route, a.outcome) for a in record.attempts] == [
        ("8002", "failed"), ("8003", "answered")]


def test_presence_follows_registration_and_calls(office, phones):
    watcher, caller = phones("8001"), phones("8003")
    watcher.watch("8002")
    watcher.wait_presence(lambda e: e["subscribed"] and not e["open"])
    watched = phones("8002")
    watcher.wait_presence(lambda e: e["open"])
    call = caller.dial("8002")
    since = len(watcher.events)
    taken = watched.incoming()
    taken.answer()
    call.wait_answered()
    watcher.wait_presence(lambda e: "phone" in e["note"].lower(), since=since)
    since = len(watcher.events)
    call.hang_up()
    watcher.wait_presence(
        lambda e: e["open"] and "phone" not in e["note"].lower(), since=since)
    since = len(watcher.events)
    assert code(watched, "*56")["status"] == 487
    watcher.wait_presence(lambda e: not e["open"], since=since)
    # The subscription outlives a restart and a reload, and so does what it tells.
    office.kill()
    office.start()
    office.write_dialplan(DIALPLAN + CODES + "// another version\n")
    office.do("reload")
    since = len(watcher.events)
    assert code(watched, "#56")["status"] == 487
    watcher.wait_presence(lambda e: e["open"], since=since)


def test_a_caller_that_hides_is_hidden_and_the_operator_knows_it(office, phones, peers):
    caller, called = phones("8001"), phones("8002")
    gateway = peers(office.e1_port)
    call = caller.dial("02088886666", Privacy="id")
    invite = gateway.incoming().invite
    assert "anonymous.invalid" in invite["from"] and invite["privacy"] == "id"
    assert invite.user("p-asserted-identity") == "+8631166778001"
    call.hang_up()
    call = caller.dial("8002", Privacy="id")
    ringing = called.incoming()
    assert "8001" not in ringing.invite["from"]
    call.hang_up()
    assert {r.caller for r in ended(office, 2)} == {"8001"}


def test_who_hides_stays_hidden_when_it_is_transferred_and_parked(office, phones):
    caller, second, third = phones("8001"), phones("8002"), phones("8003")
    call = caller.dial("8002", Privacy="id")
    taken = second.incoming()
    taken.answer()
    call.wait_answered()
    taken.transfer("8003")
    last = third.incoming()
    assert last.invite["from"].startswith('"Anonymous" <sip:8002@')
    assert "8001" not in last.invite.text
    last.answer()
    taken.wait_ended()
    talk(call, last)
    # A restart does not make it known.
    office.kill()
    office.start()
    since = len(third.events)
    last.transfer("*857")
    last.wait_ended()
    recall = third.incoming(since=since, timeout=25)
    assert recall.invite["from"].startswith('"Anonymous" <sip:8003@')
    assert "8001" not in recall.invite.text
    call.hang_up()
    assert {r.caller for r in ended(office, 4)} == {"8001", "8002", "8003"}


def test_a_text_shows_no_sender_that_hides(office):
    sender, called = WirePhone(office, "8001"), WirePhone(office, "8002")
    called.register()
    uri = f"sip:8002@{REALM}"
    sent = sender.ask("MESSAGE", uri, f"<{uri}>", "Privacy: id\r\n", "Lunch?")
    text = called.wait_request("MESSAGE")
    assert text.body == "Lunch?" and "anonymous.invalid" in text["from"]
    assert "8001" not in text.text
    called.answer(text, 200, "OK")
    assert sender.wait_answer(sent.call_id, "MESSAGE").status == 200
    sender.close()
    called.close()


def test_redial_and_speed_dial_call_what_they_stand_for(office, phones):
    caller, called = phones("8001"), phones("8002")

    def rings(digits, count):
        since = len(called.events)
        call = caller.dial(digits)
        called.incoming(since=since)
        call.hang_up()
        call.wait_ended()
        return office.wait_records(count)[-1]

    rings("8002", 1)
    again = rings("*66", 2)
    assert (again.dialled, again.normalised, again.attempts[0].route) == ("*66", "8002", "8002")
    assert code(caller, "*75*1*8002")["status"] == 487
    (row,) = office.ask("extension", "show", "8001")
    assert row["speed_dial"] == {"1": "8002"} and row["last_dialled"] == "8002"
    office.kill()
    office.start()
    assert caller.register()["status"] == 200 and called.register()["status"] == 200
    stored = rings("*71", 4)
    assert stored.disposition == "NO ANSWER"
    assert (stored.dialled, stored.normalised) == ("*71", "8002")
    assert rings("*66", 5).disposition == "NO ANSWER"
    assert code(caller, "#75*1")["status"] == 487
    assert code(caller, "*71")["status"] == 404
    office.do("extension", "set", "8001", "--speed-dial", "2=8002")
    assert rings("*72", 8).normalised == "8002"


def notify(site, number, body):
    """The mailbox server's NOTIFY, sent by SIPp; its exit code says whether it got 200."""
    with open(os.path.join(SCENARIOS, "mailbox.xml")) as file:
        text = file.read().replace("[number]", number).replace("[summary]", body)
    path = site.path("mailbox.xml")
    with open(path, "w") as file:
        file.write(text)
    return subprocess.run(
        ["sipp", site.address, "-sf", path, "-i", "127.0.0.1", "-p", str(site.pstn_port),
         "-m", "1", "-timeout", "10", "-nostdin"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=site.folder, check=False).returncode


def test_what_waits_in_a_mailbox_is_shown_by_the_phone(office, phones):
    phone = phones("8002", mailbox=True)
    first = phone.wait(lambda e: e["event"] == "mailbox", 20, "to hear of its mailbox")
    # The server has said nothing yet, and neither do we.
    assert "Messages-Waiting" not in first["message"]
    since = len(phone.events)
    assert notify(office, "8002", "Voice-Message: 2/8") == 0
    news = phone.wait(lambda e: e["event"] == "mailbox", 20, "to hear of its mailbox", since)
    assert "Voice-Message: 2/8" in news["message"]
    time.sleep(0.3)
    told = [e for e in phone.events[since:] if e["event"] == "mailbox"]
    assert len(told) == 1
    # After a kill it is said by the switch, since the server has no reason to.
    time.sleep(0.5)
    since = len(phone.events)
    office.kill()
    office.start()
    again = phone.wait(lambda e: e["event"] == "mailbox", 20, "to hear of its mailbox", since)
    assert "Voice-Message: 2/8" in again["message"]


def test_a_phone_that_was_off_is_told_what_waits_when_it_registers(office):
    assert notify(office, "8002", "Voice-Message: 2/8") == 0
    time.sleep(0.5)
    office.kill()
    office.start()
    phone = WirePhone(office, "8002")
    phone.register(call_id="first")
    told = phone.wait_told()
    assert told["event"] == "message-summary" and "Voice-Message: 2/8" in told.body
    # Not with each refresh, but when it begins anew.
    phone.register(call_id="first")
    assert phone.wait_request("NOTIFY", 1) is None
    phone.register(call_id="second")
    assert "Voice-Message: 2/8" in phone.wait_told().body
    phone.close()


def test_a_mailbox_server_is_asked_for_what_waits_and_anew_after_a_restart(
    office, phones, gateways
):
    office.write_config(more="mailbox: { trunk: pstn, subscribe: yes }\n")
    office.do("reload")
    server = gateways("mailbox-server", office.pstn_port, summary="Voice-Message: 2/8")
    phone = phones("8002", mailbox=True)

    def is_told(since):
        event = phone.wait(
            lambda e: e["event"] == "mailbox" and "Voice-Message: 2/8" in e["message"], 20,
            "to hear of its mailbox", since)
        assert "Messages-Waiting: yes" in event["message"]

    is_told(0)
    # The subscription is on the disk a moment after it was answered.
    time.sleep(0.5)
    asked = server.wait_request("SUBSCRIBE")
    assert asked.user("to") == "8002" and asked["event"] == "message-summary"
    since = len(phone.events)
    office.kill()
    office.start()
    is_told(since)
    again = server.wait_request("SUBSCRIBE", count=2)
    assert again["call-id"] != asked["call-id"]
