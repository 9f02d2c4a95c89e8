"""Calls out: the E1 gateway at a price, the PSTN gateway when the E1 is dead."""

import math
import subprocess
import time
from decimal import Decimal

import pytest

from tandem_daemon import free_port


@pytest.fixture
def caller(daemon, phones):
    """8001, who may call the country and has money."""
    daemon.open_account("desk-8001", "50")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    return phones("8001")


def test_a_long_distance_call_reaches_the_e1_gateway_with_the_presented_number(
    daemon, caller, gateways
):
    e1, pstn = gateways("answer", daemon.e1_port), gateways("answer", daemon.pstn_port)
    call = caller.dial("02088886666")
    call.wait_answered()
    time.sleep(1)
    call.hang_up()
    call.wait_ended()
    (invite,) = e1.requests("INVITE")
    assert invite.request_user == "02088886666"
    assert invite.user("from") == "+8631166778001"
    assert invite.user("p-asserted-identity") == "+8631166778001"
    e1.wait_request("BYE")
    assert pstn.requests("INVITE") == []
    record = daemon.wait_record()
    assert record.direction == "outbound"
    assert record.route == "ip-e1"
    assert record.presented == "+8631166778001"
    assert record.number_class == "national"
    (attempt,) = record.attempts
    assert (attempt.route, attempt.outcome) == ("ip-e1", "answered")


@pytest.mark.parametrize(
    "number, prefix, talk, fee, steps",
    [
        ("02088886666", "020", 1.0, "0", [("0.07", 6)]),
        ("075525556666", "0755", 4.4, "0.123456", [("0.070001", 2), ("0.030003", 1)]),
    ],
)
def test_the_charge_equals_the_tariff_to_the_millionth(
    daemon, caller, gateways, measured, number, prefix, talk, fee, steps
):
    gateways("answer", daemon.e1_port)
    call = caller.dial(number)
    answered = call.wait_answered()["at"]
    time.sleep(talk)
    call.hang_up()
    talked = call.wait_ended()["at"] - answered
    record = daemon.wait_record()
    measured(f"talked {talked:.3f} s by the phone's clock, billed {record.billed_seconds:.3f} s")
    assert abs(record.billed_seconds - talked) < 1
    price, left, begun = Decimal(fee), record.billed_seconds, 0
    for amount, seconds in steps[:-1]:
        if left > 0 or begun == 0:
            price, left, begun = price + Decimal(amount), left - seconds, begun + 1
    if left > 0 or begun == 0:
        more = max(1, math.ceil(left / steps[-1][1]))
        price, begun = price + Decimal(steps[-1][0]) * more, begun + more
    assert record.tariff_prefix == prefix
    assert record.charge == price
    assert record.steps == begun
    assert daemon.balance("desk-8001") == Decimal(50) - price
    charges = [
        posting.amount("amount") for posting in daemon.statement("desk-8001")
        if posting["kind"] == "charge"
    ]
    assert charges == [-price]
    assert daemon.account("desk-8001").amount("reserved") == 0


def test_a_local_call_leaves_on_the_callers_own_line(daemon, caller, gateways):
    pstn = gateways("answer", daemon.pstn_port)
    call = caller.dial("86035566")
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    (invite,) = pstn.requests("INVITE")
    assert invite.request_user == "86035566"
    assert invite.user("from") == "66778001"
    record = daemon.wait_record()
    assert "66778001" in record.route
    assert record.charge == Decimal("0.22")


DEAD = {
    # How the E1 gateway is dead: the SIPp scenario that plays it, SIP status, Q.850 cause.
    "nothing listens": (None, None, None),
    "silent": ("silent", None, None),
    "503": ("unavailable", 503, None),
    "500 with cause 34": ("congested", 500, 34),
}


@pytest.mark.parametrize("death", DEAD)
def test_a_call_reaches_the_pstn_when_the_e1_gateway_is_dead(
    daemon, caller, gateways, measured, death
):
    scenario, status, cause = DEAD[death]
    e1 = gateways(scenario, daemon.e1_port) if scenario else None
    pstn = gateways("answer", daemon.pstn_port)
    dialled = time.time()
    call = caller.dial("02088886666")
    answered = call.wait_answered()["at"]
    measured(f"E1 {death}: answered from the PSTN {answered - dialled:.3f} s after dialling")
    time.sleep(0.5)
    call.hang_up()
    call.wait_ended()
    assert len(pstn.requests("INVITE")) == 1
    if e1:
        assert len(e1.requests("INVITE")) == 1, "the E1 gateway was not tried once"
    record = daemon.wait_record()
    first, second = record.attempts
    assert first.route == "ip-e1"
    assert first.outcome == "failed" if e1 else first.outcome in ("failed", "skipped")
    assert first.reason, "the first attempt has no cause in words"
    if status:
        assert first.sip_status == status
    if cause:
        assert first.q850 == cause
    assert (second.route, second.outcome) == ("pstn", "answered")
    assert record.route == "pstn"
    assert record.disposition == "ANSWERED"
    assert record.charge == Decimal("0.07")
    assert daemon.balance("desk-8001") == Decimal("49.93")


def test_a_busy_callee_is_never_tried_elsewhere(daemon, caller, gateways):
    e1, pstn = gateways("busy", daemon.e1_port), gateways("answer", daemon.pstn_port)
    ended = caller.dial("02088886666").wait_ended()
    assert ended["status"] == 486
    record = daemon.wait_record()
    assert len(e1.requests("INVITE")) == 1
    assert pstn.requests("INVITE") == []
    (attempt,) = record.attempts
    assert (attempt.route, attempt.outcome, attempt.sip_status) == ("ip-e1", "failed", 486)
    assert record.disposition == "BUSY"
    assert record.q850 == 17
    assert record.charge == Decimal(0)
    assert daemon.balance("desk-8001") == Decimal(50)
    assert daemon.account("desk-8001").amount("reserved") == 0


def test_with_both_gateways_dead_the_caller_is_told_and_nothing_is_charged(
    daemon, caller, gateways
):
    gateways("unavailable", daemon.e1_port)
    gateways("congested", daemon.pstn_port)
    ended = caller.dial("02088886666").wait_ended()
    assert 500 <= ended["status"] <= 599
    record = daemon.wait_record()
    assert [a.route for a in record.attempts] == ["ip-e1", "pstn"]
    assert {a.outcome for a in record.attempts} == {"failed"}
    assert record.disposition == "FAILED"
    assert daemon.balance("desk-8001") == Decimal(50)
    assert daemon.account("desk-8001").amount("reserved") == 0


def test_the_callee_hanging_up_ends_the_call(daemon, caller, peers):
    peer = peers(daemon.e1_port)
    call = caller.dial("02088886666")
    other = peer.incoming()
    assert other.invite.user("from") == "+8631166778001"
    other.ring()
    call.wait_ringing()
    other.answer()
    call.wait_answered()
    call.wait_packets("received", 25)
    other.wait_packets("received", 25)
    other.hang_up()
    call.wait_ended()
    other.wait_ended()
    assert len(call.received("BYE")) == 1 and not other.received("BYE")
    assert daemon.wait_record().released_by == "callee"


def test_a_call_on_a_direct_line_rings_its_extension(daemon, phones, peers):
    daemon.import_extensions(("8002", "house", None))
    phone, gateway = phones("8002"), peers(daemon.pstn_port)
    call = gateway.dial("66778002", daemon.address)
    other = phone.incoming()
    other.ring()
    call.wait_ringing()
    other.answer()
    call.wait_answered()
    call.wait_packets("received", 25)
    other.wait_packets("received", 25)
    busy = gateway.dial("66778002", daemon.address)
    assert busy.wait_ended()["status"] == 486
    other.hang_up()
    call.wait_ended()
    records = daemon.wait_records(2)
    assert {record.direction for record in records} == {"inbound"}
    assert {record.disposition for record in records} == {"ANSWERED", "BUSY"}
    assert {record.charge for record in records} == {Decimal(0)}


@pytest.mark.parametrize("number", ["02088886666", "86035566", "110"])
def test_a_trunk_reaches_lines_and_extensions_only(daemon, gateways, peers, number):
    e1, gateway = gateways("answer", daemon.e1_port), peers(daemon.pstn_port)
    ended = gateway.dial(number, daemon.address).wait_ended()
    assert ended["status"] in (403, 404)
    assert e1.requests("INVITE") == []
    assert not gateway.was_called


def trunk_state(daemon, name):
    return next(row for row in daemon.ask("show", "trunks") if row["name"] == name)["state"]


def wait_trunk(daemon, name, state, timeout=20):
    limit = time.monotonic() + timeout
    while (seen := trunk_state(daemon, name)) != state:
        assert time.monotonic() < limit, f"{name} is {seen}, expected {state}"
        time.sleep(0.1)


def test_options_see_a_gateway_die_and_come_back(site, phones, gateways):
    site.write_config(options_interval=1)
    first = gateways("answer", site.e1_port)
    gateways("answer", site.pstn_port)
    site.start()
    site.import_tariff()
    wait_trunk(site, "ip-e1", "up")
    first.close()
    wait_trunk(site, "ip-e1", "down")
    site.open_account("desk-8001", "50")
    site.import_extensions(("8001", "country", "desk-8001"))
    caller = phones("8001")
    call = caller.dial("02088886666")
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    record = site.wait_record()
    assert [(a.route, a.outcome) for a in record.attempts] == [
        ("ip-e1", "skipped"), ("pstn", "answered")]
    gateways("answer", site.e1_port)
    wait_trunk(site, "ip-e1", "up")


def test_an_e1_has_no_more_calls_than_channels(site, phones, peers, gateways):
    site.write_config(e1_channels=1)
    site.start()
    site.import_tariff()
    gateways("answer", site.pstn_port)
    e1 = gateways("answer", site.e1_port)
    site.open_account("desks", "50")
    site.import_extensions(("8001", "country", "desks"), ("8002", "country", "desks"))
    calls = [phones(user).dial("02088886666") for user in ("8001", "8002")]
    for call in calls:
        call.wait_answered()
    for call in calls:
        call.hang_up()
        call.wait_ended()
    records = site.wait_records(2)
    assert sorted(record.route for record in records) == ["ip-e1", "pstn"]
    assert len(e1.requests("INVITE")) == 1


def test_a_call_from_an_unknown_peer_is_not_carried(daemon, gateways, peers):
    e1 = gateways("answer", daemon.e1_port)
    stranger = peers(free_port())
    ended = stranger.dial("02088886666", daemon.address).wait_ended()
    assert ended["status"] in (401, 403, 404, 407)
    assert e1.requests("INVITE") == []


def test_gateways_that_ask_with_options_are_answered(daemon):
    done = subprocess.run(
        ["sipsak", "-s", f"sip:{daemon.address}"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
