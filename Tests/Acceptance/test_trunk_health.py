"""Gateways that die in the middle, answer late, flap, and refuse with each cause."""

import socket
import time

import pytest

from test_trunks import trunk_state, wait_trunk


def caller_with_money(site, phones):
    """8001, who may call the country, at a daemon that runs."""
    site.import_tariff()
    site.open_account("desk-8001", "50")
    site.import_extensions(("8001", "country", "desk-8001"))
    return phones("8001")


def trunk(site, name):
    return next(row for row in site.ask("show", "trunks") if row["name"] == name)


def call_and_hang_up(caller):
    call = caller.dial("02088886666")
    call.wait_answered()
    call.hang_up()
    call.wait_ended()


@pytest.mark.parametrize("cause", [27, 34, 38, 41, 42, 44, 47, 102])
def test_a_cause_of_the_network_goes_on_to_the_pstn(daemon, phones, gateways, cause):
    caller = caller_with_money(daemon, phones)
    gateways("refuse", daemon.e1_port, status=480, cause=cause)
    gateways("answer", daemon.pstn_port)
    call_and_hang_up(caller)
    attempts = daemon.wait_record().attempts
    assert [a.q850 for a in attempts[:-1]] == [cause] * (2 if cause == 44 else 1)
    assert (attempts[-1].route, attempts[-1].outcome) == ("pstn", "answered")


@pytest.mark.parametrize("cause, status", [
    (1, 404), (17, 486), (18, 408), (19, 480), (20, 480), (21, 403), (22, 410), (28, 484),
    (55, 403), (65, 488)])
def test_a_cause_of_the_callee_ends_the_call_and_harms_no_trunk(
    daemon, phones, gateways, cause, status
):
    caller = caller_with_money(daemon, phones)
    gateways("refuse", daemon.e1_port, status=500, cause=cause)
    pstn = gateways("answer", daemon.pstn_port)
    assert caller.dial("02088886666").wait_ended()["status"] == status
    record = daemon.wait_record()
    assert record.q850 == cause and len(record.attempts) == 1
    assert pstn.requests("INVITE") == []
    signals = trunk(daemon, "ip-e1")["signals"]
    assert signals["calls"]["state"] == "closed"


def test_the_table_of_causes_can_be_edited(site, phones, gateways):
    site.write_config(more="""\
        causes:
          to-sip: { 17: 480 }
          next-route: { 34: no }
        """)
    site.start()
    caller = caller_with_money(site, phones)
    busy = gateways("refuse", site.e1_port, status=486, cause=17)
    assert caller.dial("02088886666").wait_ended()["status"] == 480
    busy.close()
    gateways("refuse", site.e1_port, status=503, cause=34)
    pstn = gateways("answer", site.pstn_port)
    assert caller.dial("02088886666").wait_ended()["status"] == 503
    assert pstn.requests("INVITE") == []


def test_calls_open_the_breaker_and_one_call_closes_it(site, phones, gateways, measured):
    site.write_config(e1_more="breaker: { failures: 2, pause: 2s, longest-pause: 10s }")
    site.start()
    caller = caller_with_money(site, phones)
    e1 = gateways("silent", site.e1_port)
    gateways("answer", site.pstn_port)
    for _ in range(2):
        call_and_hang_up(caller)
    row = trunk(site, "ip-e1")
    assert row["state"] == "down"
    assert row["signals"]["calls"]["state"] == "open"
    assert "no answer" in row["signals"]["calls"]["reason"]
    seen = len(e1.requests("INVITE"))
    dialled = time.time()
    call = caller.dial("02088886666")
    answered = call.wait_answered()["at"]
    measured(f"with an open breaker: answered from the PSTN {answered - dialled:.3f} s "
             "after dialling")
    call.hang_up()
    call.wait_ended()
    assert len(e1.requests("INVITE")) == seen, "a trunk known down was tried"
    e1.close()
    wait_trunk(site, "ip-e1", "trial")
    e1 = gateways("answer", site.e1_port)
    call_and_hang_up(caller)
    assert len(e1.requests("INVITE")) == 1
    row = trunk(site, "ip-e1")
    assert row["state"] == "up"
    assert row["signals"]["calls"] | {"since": None} == {
        "state": "closed", "since": None, "reason": "a call got through"}


def test_a_gateway_that_answers_late_is_hung_up(site, phones, gateways):
    site.write_config(attempt_timeout=1)
    site.start()
    caller = caller_with_money(site, phones)
    e1 = gateways("late", site.e1_port, wait=2500)
    gateways("answer", site.pstn_port)
    call = caller.dial("02088886666")
    call.wait_answered()
    e1.wait_request("ACK")
    e1.wait_request("BYE")
    assert call.is_up
    call.hang_up()
    call.wait_ended()
    assert site.wait_record().route == "pstn"


def test_a_gateway_that_dies_with_a_call_in_its_hands_is_left(site, phones, gateways):
    site.write_config(options_interval=1)
    e1 = gateways("trying", site.e1_port)
    gateways("answer", site.pstn_port)
    site.start()
    caller = caller_with_money(site, phones)
    wait_trunk(site, "ip-e1", "up")
    call = caller.dial("02088886666")
    e1.wait_request("INVITE")
    time.sleep(0.3)
    e1.close()
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    record = site.wait_record()
    assert [(a.route, a.outcome) for a in record.attempts] == [
        ("ip-e1", "failed"), ("pstn", "answered")]


def test_a_gateway_that_says_100_and_no_more_is_left(site, phones, gateways, measured):
    site.write_config(e1_more="progress-timeout: 2s")
    e1 = gateways("trying", site.e1_port)
    gateways("answer", site.pstn_port)
    site.start()
    caller = caller_with_money(site, phones)
    dialled = time.time()
    call = caller.dial("02088886666")
    answered = call.wait_answered()["at"]
    measured(f"nothing but 100: answered from the PSTN {answered - dialled:.3f} s after dialling")
    assert 2 <= answered - dialled < 5
    e1.wait_request("CANCEL")
    call.hang_up()
    call.wait_ended()
    attempts = site.wait_record().attempts
    assert [(a.route, a.outcome, a.reason) for a in attempts] == [
        ("ip-e1", "failed", "nothing but 100 Trying"), ("pstn", "answered", "")]


def test_a_silent_gateway_is_found_however_often_it_is_asked(site):
    # As often as it may take to answer.
    site.write_config(options_interval=1, attempt_timeout=2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", site.e1_port))
        site.start()
        wait_trunk(site, "ip-e1", "down")
    assert trunk(site, "ip-e1")["reason"] == "OPTIONS is not answered"


def test_a_gateway_that_flaps_does_not_make_the_trunk_flap(site, gateways):
    site.write_config(options_interval=1, e1_more="""\
        failures-to-down: 3
        answers-to-up: 3
        """)
    gateway = gateways("answer", site.e1_port)
    site.start()
    wait_trunk(site, "ip-e1", "up")
    since = trunk(site, "ip-e1")["since"]
    for _ in range(4):
        gateway.close()
        time.sleep(0.7)
        gateway = gateways("answer", site.e1_port)
        time.sleep(1.5)
        assert trunk_state(site, "ip-e1") == "up"
    assert trunk(site, "ip-e1")["since"] == since
    gateway.close()
    wait_trunk(site, "ip-e1", "down")
    changes = [line for line in site.log_text().splitlines() if "trunk ip-e1 is" in line]
    assert len(changes) == 2, changes


def test_the_caller_hears_one_coherent_ring_through_a_failover(daemon, phones, gateways):
    caller = caller_with_money(daemon, phones)
    gateways("early", daemon.e1_port)
    gateways("answer", daemon.pstn_port)
    call = caller.dial("02088886666")
    call.wait_answered()
    progress = call.received("SIP/2.0 183") + call.received("SIP/2.0 180")
    answers = call.received("SIP/2.0 200")
    first, ringing = [message.tag("to") for message in progress[:2]]
    assert first != ringing, "ringing was put over somebody else's early media"
    invites = [m for m in answers if "INVITE" in m["cseq"]]
    assert {m.tag("to") for m in invites} == {ringing}
    call.hang_up()
    call.wait_ended()
    assert daemon.wait_record().disposition == "ANSWERED"


def test_channels_are_taken_in_their_order_and_stand_in_the_record(site, phones, gateways):
    site.write_config(e1_more="""\
        hunting: highest-first
        blocked-channels: [30]
        reserved-channels: [28-29]
        channel-parameter: channel
        """)
    site.start()
    caller = caller_with_money(site, phones)
    e1 = gateways("answer", site.e1_port)
    call = caller.dial("02088886666")
    call.wait_answered()
    row = trunk(site, "ip-e1")
    assert (row["taken"], row["blocked"], row["reserved"]) == ([27], [30], [28, 29])
    (shown,) = site.ask("show", "calls")
    assert shown["channel"] == 27
    call.hang_up()
    call.wait_ended()
    (invite,) = e1.requests("INVITE")
    assert ";channel=27" in invite.request_uri
    assert site.wait_record().row["attempts"][0]["channel"] == 27


def test_lines_of_two_gateways_are_named_as_each_wants_it(site, phones, gateways):
    site.write_config()
    text = open(site.config).read().replace("lines:\n  gateway: pstn\n", """\
lines:
  gateways:
    - { trunk: pstn, lines: [66778000-66778001], addressing: parameter, label: "fxo{port}" }
    - { trunk: ip-e1, addressing: trunk-group, trunk-context: lines.test }
""")
    open(site.config, "w").write(text)
    site.start()
    site.import_tariff()
    site.open_account("desks", "50")
    site.import_extensions(("8001", "country", "desks"), ("8002", "country", "desks"))
    gateway = {8001: gateways("answer", site.pstn_port), 8002: gateways("answer", site.e1_port)}
    for user, uri in [
        (8001, f"sip:86035566@127.0.0.1:{site.pstn_port};line=fxo2"),
        (8002, "sip:86035566;tgrp=66778002;trunk-context=lines.test"
               f"@127.0.0.1:{site.e1_port};user=phone"),
    ]:
        call = phones(str(user)).dial("86035566")
        call.wait_answered()
        call.hang_up()
        call.wait_ended()
        (invite,) = gateway[user].requests("INVITE")
        assert invite.request_uri == uri
    lines = {row["line"]: row for row in site.ask("show", "lines")}
    assert (lines["66778001"]["gateway"], lines["66778001"]["label"]) == ("pstn", "fxo2")
    assert (lines["66778002"]["gateway"], lines["66778002"]["state"]) == ("ip-e1", "idle")


def test_no_more_calls_a_second_than_set(site, phones, gateways):
    site.write_config(e1_more="calls-per-second: 1")
    site.start()
    site.import_tariff()
    site.open_account("desks", "50")
    site.import_extensions(("8001", "country", "desks"), ("8002", "country", "desks"))
    gateways("answer", site.e1_port)
    gateways("answer", site.pstn_port)
    callers = [phones("8001"), phones("8002")]
    calls = [caller.dial("02088886666") for caller in callers]
    for call in calls:
        call.wait_answered()
    for call in calls:
        call.hang_up()
        call.wait_ended()
    assert sorted(record.route for record in site.wait_records(2)) == ["ip-e1", "pstn"]


def test_the_cheapest_operator_for_a_number_goes_first(site, phones, gateways):
    for name, price in [("e1", "0.30"), ("pstn", "0.10")]:
        with open(site.path(f"{name}.csv"), "w") as file:
            file.write(f"prefix,name,connect_fee,steps\n020,Guangzhou,0,{price}/60\n")
    site.write_config(e1_more="tariff: e1.csv")
    text = open(site.config).read().replace(
        "  - name: pstn\n", "  - name: pstn\n    tariff: pstn.csv\n")
    open(site.config, "w").write(text)
    plan = open(site.dialplan).read()
    lines = [line for line in plan.splitlines() if not line.startswith("expect")]
    plan = "\n".join(lines).replace("via ip-e1, pstn ", "via ip-e1, pstn by cost ") + "\n"
    assert "by cost" in plan
    site.write_dialplan(plan)
    site.start()
    caller = caller_with_money(site, phones)
    gateways("answer", site.e1_port)
    gateways("answer", site.pstn_port)
    call_and_hang_up(caller)
    record = site.wait_record()
    assert record.route == "pstn"
    # What is explained before and after is what the call did.
    (before,) = site.ask("explain", "--from", "8001", "--dial", "02088886666")
    assert [route.split()[0] for route in before["routes"]] == ["pstn", "ip-e1"]
    why = "the cheapest for three minutes goes first: pstn 0.300000, ip-e1 0.900000"
    assert why in site.do("explain", "--call", record.call).output
    line = "expect 8001 (country) dials 02088886666 -> via {}\n"
    site.write_dialplan(plan + line.format("pstn then ip-e1"))
    site.do("reload")
    site.write_dialplan(plan + line.format("ip-e1 then pstn"))
    assert "decided otherwise: via pstn" in site.run("reload").text
