"""What users dial to change, ask and pick up something, and what becomes of calls nobody takes."""

import csv
import io
from decimal import Decimal

import pytest

from tandem_daemon import DIALPLAN

FEATURES = """
line 66770000  rings group reception
line 66770001  rings group sales
group reception 8001 8002 together 20s, then 8003 10s
group sales     8001 8002 8003 round-robin 3s
group lobby     8004 8005
pin { digits 4-8  attempts 3  lockout 15m }
feature forward-always       on *57*{number}  off #57
feature do-not-disturb       on *56  off #56
feature pickup               *8
feature pickup-extension     *8{extension}
feature call-by-pin          *88*{extension}*{pin}*{number}
feature balance              *10
feature redeem               *99*{code}
"""

ELSEWHERE = "Call completed elsewhere"


@pytest.fixture
def house(site):
    site.write_dialplan(DIALPLAN + FEATURES)
    site.write_config(calls={"no-answer": "5s"})
    site.start()
    site.import_tariff()
    site.open_account("desk", "5")
    site.import_extensions(
        *[(str(number), "country", "desk") for number in range(8001, 8006)],
        ("8009", "house", None))
    return site


def code(phone, digits):
    """Dials a code and returns how it ended."""
    return phone.dial(digits.replace("#", "%23")).wait_ended()


def features(site):
    return [record for record in site.records() if record.direction == "feature"]


def test_a_ring_group_rings_all_and_the_first_answer_wins(house, phones, peers):
    first, second = phones("8001"), phones("8002")
    gateway = peers(house.pstn_port)
    call = gateway.dial("66770000", house.address)
    rings = [first.incoming(), second.incoming()]
    for ring in rings:
        ring.ring()
    call.wait_ringing()
    rings[1].answer()
    call.wait_answered()
    rings[0].wait_ended()
    (cancel,) = rings[0].received("CANCEL")
    assert ELSEWHERE in cancel.text
    for end in (call, rings[1]):
        end.wait_packets("received", 25)
    call.hang_up()
    rings[1].wait_ended()
    record = house.wait_record()
    assert record.direction == "inbound" and record.disposition == "ANSWERED"
    assert [(a.route, a.outcome) for a in record.attempts] == [
        ("8001", "failed"), ("8002", "answered")]


def test_who_may_not_call_a_number_cannot_forward_to_it(house, phones):
    assert code(phones("8009"), "*57*02088886666")["status"] == 403
    (row,) = house.ask("extension", "show", "8009")
    assert row.get("forward_always") is None


def test_a_hunting_group_rings_one_after_the_other_and_begins_behind_whom_it_began_with(
    house, phones, peers
):
    members = {number: phones(number) for number in ("8001", "8002", "8003")}
    gateway = peers(house.pstn_port)
    for count, (first, second) in enumerate((("8001", "8002"), ("8002", "8003")), 1):
        since = {number: len(phone.events) for number, phone in members.items()}
        call = gateway.dial("66770001", house.address)
        ring = members[first].incoming(since=since[first])
        ring.ring()
        taken = members[second].incoming(since=since[second])
        ring.wait_ended()
        taken.answer()
        call.wait_answered()
        for end in (call, taken):
            end.wait_packets("received", 25)
        taken.hang_up()
        call.wait_ended()
        house.wait_idle()
        record = house.wait_records(count)[-1]
        assert (record.direction, record.disposition) == ("inbound", "ANSWERED")
        assert [(a.route, a.outcome) for a in record.attempts] == [
            (first, "failed"), (second, "answered")]
        assert record.released_by == "callee" and record.charge == 0


def test_do_not_disturb_is_busy_until_it_is_off(house, phones):
    caller, quiet = phones("8001"), phones("8002")

    def is_busy(count):
        assert caller.dial("8002").wait_ended()["status"] == 486
        record = house.wait_records(count)[-1]
        assert (record.disposition, record.q850, record.charge) == ("BUSY", 17, 0)

    assert code(quiet, "*56")["reason"] == "Do not disturb is on"
    is_busy(2)
    house.do("extension", "set", "8002", "--do-not-disturb", "off")
    house.do("extension", "set", "8002", "--do-not-disturb", "on")
    is_busy(3)
    assert not quiet.was_called
    assert code(quiet, "#56")["reason"] == "Do not disturb is off"
    call = caller.dial("8002")
    quiet.incoming().ring()
    call.wait_ringing()
    call.hang_up()


@pytest.mark.parametrize("digits", ["*8", "*88004"])
def test_a_ringing_call_is_picked_up_and_both_hear(house, phones, digits):
    caller, ringing, picker = phones("8001"), phones("8004"), phones("8005")
    call = caller.dial("8004")
    ring = ringing.incoming()
    ring.ring()
    call.wait_ringing()
    picked = picker.dial(digits)
    picked.wait_answered()
    call.wait_answered()
    ring.wait_ended()
    (cancel,) = ring.received("CANCEL")
    assert ELSEWHERE in cancel.text
    for end in (call, picked):
        end.wait_packets("received", 25)
        end.wait_packets("sent", 25)
    picked.hang_up()
    call.wait_ended()
    records = {record.direction: record for record in house.wait_records(2)}
    assert records["feature"].end_reason == "picked up the call that rang at 8004"
    assert [(a.route, a.outcome) for a in records["internal"].attempts] == [
        ("8004", "failed"), ("8005", "answered")]
    assert records["internal"].released_by == "callee"
    assert (records["internal"].disposition, records["internal"].charge) == ("ANSWERED", 0)
    assert (records["feature"].caller, records["feature"].dialled) == ("8005", digits)


def test_a_dialled_pin_calls_on_its_owners_account_and_stands_nowhere(house, phones, peers):
    house.do("extension", "set", "8001", "--pin", "471147")
    phone = phones("8009")
    gateway = peers(house.e1_port)
    call = phone.dial("*88*8001*471147*02088886666")
    taken = gateway.incoming()
    assert "+8631166778001" in taken.invite.text
    taken.answer()
    call.wait_answered()
    call.hang_up()
    taken.wait_ended()
    record = house.wait_record()
    assert record.dialled == "*88*8001******02088886666"
    assert record.account == "desk" and record.charge == Decimal("0.07")
    for _ in range(3):
        assert code(phone, "*88*8001*999999*8002")["status"] == 403
    assert code(phone, "*88*8001*471147*8002")["status"] == 403
    (row,) = house.ask("extension", "show", "8001")
    assert row["pin"] == "set" and row["locked_out_until"]
    house.wait_records(5)
    explained = house.run("explain", "--from", "8009", "--dial", "*88*8001*471147*8002")
    for text in (house.log_text(), explained.text, house.run("cdr").text, str(house.records())):
        assert "471147" not in text and "999999" not in text


def test_the_balance_is_read_out_as_text(house, phones):
    ended = code(phones("8001"), "*10")
    assert (ended["status"], ended["reason"]) == (487, "Balance 5.00 CNY")
    assert house.balance("desk") == Decimal(5)


def test_a_voucher_is_redeemed_by_dialling_its_code_once(house, phones):
    (voucher,) = csv.DictReader(io.StringIO(
        house.do("voucher", "make", "spring", "--count", "1", "--amount", "50").text))
    phone = phones("8001")
    ended = code(phone, "*99*" + voucher["code"])
    assert ended["status"] == 487
    house.wait_records(1)
    assert house.balance("desk") == 55
    house.kill()
    house.start()
    assert code(phone, "*99*" + voucher["code"])["status"] == 403
    assert house.balance("desk") == 55
    assert code(phone, "*99*1234567890123456")["status"] == 403
    (posting,) = [line for line in house.statement("desk") if line["kind"] == "voucher"]
    assert posting["by"] == "8001" and posting.amount("amount") == 50
    assert voucher["code"] not in house.log_text() + str(house.ask("cdr"))
    assert house.run("audit").code == 0


def test_settings_outlive_a_restart(house, phones):
    house.do(
        "extension", "set", "8001", "--forward-always", "8002", "--speed-dial", "1=02088886666",
        "--lock", "on")
    house.kill()
    house.start()
    (row,) = house.ask("extension", "show", "8001")
    assert row["forward_always"] == "8002" and row["locked"] is True
    assert row["speed_dial"]["1"] == "02088886666"
    house.do("extension", "set", "8001", "--forward-always", "-", "--lock", "off")
    (row,) = house.ask("extension", "show", "8001")
    assert row.get("forward_always") is None and row["locked"] is False
