"""An operator that wants to know who we are: Kamailio as registrar and proxy, with digest."""

import time

import pytest

from kamailio import Kamailio
from tandem_daemon import free_port
from test_trunk_health import caller_with_money, trunk
from test_trunks import wait_trunk

OPERATOR = """\
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
alias="operator.test"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 10)
modparam("tm", "fr_timer", 3000)

request_route {
    if (is_method("OPTIONS") && !has_totag()) { sl_send_reply("200", "OK"); exit; }
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("operator.test", "secret", "0")) {
            www_challenge("operator.test", "1");
            exit;
        }
        xlog("L_ALERT", "registers $tU until $hdr(Expires) by $hdr(CSeq)\\n");
        save("location");
        exit;
    }
    # Whatever the switch sends, it must say who it is; but for ACK and CANCEL, which nobody may ask.
    if ($sp == SWITCH && !is_method("ACK|CANCEL")) {
        if (!pv_proxy_authenticate("operator.test", "secret", "0")) {
            proxy_challenge("operator.test", "1");
            exit;
        }
        xlog("L_ALERT", "authenticated $rm of $au\\n");
        consume_credentials();
    }
    if (has_totag()) {
        loose_route();
        t_relay();
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (!is_method("INVITE")) exit;
    record_route();
    if ($sp == SWITCH) {
        $du = "sip:127.0.0.1:CARRIER";
    } else {
        # Somebody calls a number of the customer: it goes where the customer has registered, and
        # leaves from another address than the one the customer knows.
        $ru = "sip:12345@operator.test";
        if (!lookup("location")) { sl_send_reply("404", "Not Registered"); exit; }
        $fs = "udp:127.0.0.1:OTHER";
    }
    t_relay();
}
"""


@pytest.fixture
def operator(site):
    made = []

    def make(carrier):
        text = OPERATOR.replace("SWITCH", str(site.port)).replace("CARRIER", str(carrier))
        other = free_port()
        made.append(Kamailio(
            site.folder, [site.e1_port, other], text.replace("OTHER", str(other))))
        return made[0]

    yield make
    for kamailio in made:
        kamailio.close()


def write_config(site, password="secret"):
    site.write_config(e1_more=f"""\
        username: "12345"
        password: {password}
        register:
          user: "12345"
          domain: operator.test
        """)


def registration(site):
    return trunk(site, "ip-e1")["signals"]["registration"]


def wait_registration(site, state, timeout=20):
    limit = time.monotonic() + timeout
    while (seen := registration(site))["state"] != state:
        assert time.monotonic() < limit, f"the registration is {seen}, expected {state}"
        time.sleep(0.1)
    return seen


def test_calls_go_out_through_an_operator_that_asks_for_a_password(
    site, phones, gateways, operator
):
    carrier_port = free_port()
    carrier = gateways("answer", carrier_port)
    kamailio = operator(carrier_port)
    write_config(site)
    site.start()
    caller = caller_with_money(site, phones)
    assert wait_registration(site, "up")["reason"] == "registered for 10 s"
    call = caller.dial("02088886666")
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    carrier.wait_request("BYE")
    kamailio.wait_said("authenticated INVITE of 12345")
    kamailio.wait_said("authenticated BYE of 12345")
    (attempt,) = site.wait_record().attempts
    assert (attempt.route, attempt.outcome) == ("ip-e1", "answered")


def test_a_registration_is_refreshed_and_comes_back_after_an_outage(site, operator):
    kamailio = operator(free_port())
    write_config(site)
    site.start()
    wait_registration(site, "up")
    kamailio.wait_said("registers 12345", count=3, timeout=20)
    assert registration(site)["state"] == "up"
    kamailio.close()
    seen = wait_registration(site, "down", timeout=60)
    assert "expired" in seen["reason"] or "REGISTER" in seen["reason"]
    assert trunk(site, "ip-e1")["state"] == "down"
    kamailio.start()
    wait_registration(site, "up", timeout=60)
    wait_trunk(site, "ip-e1", "up")


def test_the_registration_is_taken_back_when_the_daemon_stops(site, operator):
    kamailio = operator(free_port())
    write_config(site)
    site.start()
    wait_registration(site, "up")
    assert kamailio.said("registers 12345 until 0 ") == 0
    assert site.stop() == 0
    # Authenticated too, before the process ended.
    assert kamailio.said("registers 12345 until 0 ") == 1


def test_a_wrong_password_is_shown_and_keeps_calls_away(site, phones, gateways, operator):
    kamailio = operator(free_port())
    gateways("answer", site.pstn_port)
    write_config(site, password="wrong")
    site.start()
    caller = caller_with_money(site, phones)
    seen = wait_registration(site, "down")
    assert seen["reason"].startswith("REGISTER is refused: 401")
    call = caller.dial("02088886666")
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    assert site.wait_record().route == "pstn"
    assert kamailio.said("authenticated") == 0


def test_a_call_by_registration_rings_the_extension_of_its_number(
    site, phones, peers, operator
):
    operator(free_port())
    write_config(site)
    site.start()
    site.import_tariff()
    site.import_extensions(("8002", "house", None))
    phone = phones("8002")
    wait_registration(site, "up")
    stranger = peers(free_port())
    call = stranger.dial("66778002", f"127.0.0.1:{site.e1_port}")
    other = phone.incoming()
    other.ring()
    call.wait_ringing()
    other.answer()
    call.wait_answered()
    assert trunk(site, "ip-e1")["in_use"] == 1
    call.hang_up()
    other.wait_ended()
    record = site.wait_record()
    assert (record.direction, record.dialled) == ("inbound", "66778002")
