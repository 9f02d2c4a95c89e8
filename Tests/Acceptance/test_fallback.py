"""A gateway that watches our OPTIONS answers takes the direct lines to the PSTN while we are away.

Kamailio with its dispatcher stands in for the gateway, SIPp for the PSTN behind it.
"""

import os
import signal
import time

import pytest

from kamailio import Kamailio
from tandem_daemon import free_port

GATEWAY = """\
loadmodule "dispatcher.so"
modparam("tm", "fr_timer", 1000)
modparam("dispatcher", "list_file", "LIST")
modparam("dispatcher", "flags", 2)
modparam("dispatcher", "ds_ping_interval", 1)
modparam("dispatcher", "ds_probing_mode", 1)
modparam("dispatcher", "ds_probing_threshold", 2)
modparam("dispatcher", "ds_inactive_threshold", 2)
modparam("dispatcher", "ds_ping_reply_codes", "class=2")

request_route {
    if (is_method("OPTIONS") && !has_totag()) { sl_send_reply("200", "OK"); exit; }
    if (has_totag()) { loose_route(); t_relay(); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (!is_method("INVITE")) { sl_send_reply("405", "No"); exit; }
    record_route();
    # The switch first, the PSTN behind it.
    if (!ds_select_dst("1", "8")) { sl_send_reply("503", "Nobody"); exit; }
    t_on_failure("NEXT");
    t_relay();
}

failure_route[NEXT] {
    if (t_is_canceled()) exit;
    if (t_check_status("50[03]") || t_branch_timeout()) {
        if (ds_next_dst()) {
            xlog("L_ALERT", "falls over to $du\\n");
            t_relay();
        }
    }
}

event_route[dispatcher:dst-down] { xlog("L_ALERT", "dst down $ru\\n"); }
event_route[dispatcher:dst-up] { xlog("L_ALERT", "dst up $ru\\n"); }
"""


class Lines:
    """The gateway with the direct lines, somebody who calls in on one, and who answers."""

    def __init__(self, site, phone, caller, pstn, kamailio):
        self.site, self.phone, self.caller = site, phone, caller
        self.pstn, self.kamailio = pstn, kamailio

    def call(self):
        """Calls 66778002 and hangs up; `switch` or `pstn`, and the seconds until the answer."""
        before = len(self.pstn.requests("INVITE"))
        heard, since = len(self.phone.events), time.time()
        call = self.caller.dial("66778002", f"127.0.0.1:{self.site.pstn_port}")
        limit = time.monotonic() + 10
        while len(self.pstn.requests("INVITE")) == before:
            if any(e["event"] == "incoming" for e in self.phone.events[heard:]):
                self.phone.incoming(since=heard).answer()
                break
            assert time.monotonic() < limit, "the call reached nobody"
            time.sleep(0.02)
        answered = call.wait_answered()["at"]
        time.sleep(0.3)
        call.hang_up()
        call.wait_ended()
        who = "switch" if len(self.pstn.requests("INVITE")) == before else "pstn"
        return who, answered - since

    def wait(self, event, count):
        self.kamailio.wait_said(f"dst {event} sip:127.0.0.1:{self.site.port}", count)


@pytest.fixture
def lines(site, phones, gateways, peers):
    site.start()
    site.import_tariff()
    site.import_extensions(("8002", "house", None))
    phone = phones("8002")
    pstn_port = free_port()
    pstn = gateways("answer", pstn_port)
    path = site.path("dispatcher.list")
    with open(path, "w") as file:
        file.write(f"1 sip:127.0.0.1:{site.port} 0 10\n1 sip:127.0.0.1:{pstn_port} 0 5\n")
    # The switch knows the gateway as its trunk pstn.
    kamailio = Kamailio(site.folder, [site.pstn_port], GATEWAY.replace("LIST", path))
    yield Lines(site, phone, peers(free_port()), pstn, kamailio)
    kamailio.close()


def test_the_gateway_takes_the_lines_while_the_switch_hangs_and_gives_them_back(
    lines, site, measured
):
    assert lines.call()[0] == "switch"
    os.kill(site.process.pid, signal.SIGSTOP)
    try:
        who, seconds = lines.call()
        assert who == "pstn"
        measured(f"switch hangs, gateway not aware yet: answered from the PSTN in {seconds:.3f} s")
        lines.wait("down", 1)
        who, seconds = lines.call()
        assert who == "pstn"
        measured(f"switch hangs, gateway aware: answered from the PSTN in {seconds:.3f} s")
    finally:
        os.kill(site.process.pid, signal.SIGCONT)
    lines.wait("up", 1)
    assert lines.call()[0] == "switch"


def test_the_gateway_takes_the_lines_while_the_switch_drains(lines, site, measured):
    assert lines.call()[0] == "switch"
    site.do("drain")
    lines.wait("down", 1)
    who, seconds = lines.call()
    assert who == "pstn"
    measured(f"switch drains: answered from the PSTN in {seconds:.3f} s")
    site.do("undrain")
    lines.wait("up", 1)
    assert lines.call()[0] == "switch"


def test_the_gateway_takes_the_lines_while_the_switch_is_stopped(lines, site, measured):
    assert lines.call()[0] == "switch"
    # On the disk, or the next start would take the call up again.
    site.wait_record()
    site.kill()
    who, seconds = lines.call()
    assert who == "pstn"
    measured(f"switch killed: answered from the PSTN in {seconds:.3f} s")
    lines.wait("down", 1)
    site.start()
    lines.wait("up", 1)
    assert lines.call()[0] == "switch"


def test_a_draining_switch_answers_options_with_503_and_when_to_ask_again(daemon, peers):
    import socket

    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.bind(("127.0.0.1", 0))
            asker.settimeout(5)
            port = asker.getsockname()[1]
            asker.sendto(
                (f"OPTIONS sip:{daemon.address} SIP/2.0\r\n"
                 f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{time.time_ns()};rport\r\n"
                 f"From: <sip:g@127.0.0.1:{port}>;tag=1\r\nTo: <sip:{daemon.address}>\r\n"
                 f"Call-ID: {time.time_ns()}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
                 "Content-Length: 0\r\n\r\n").encode(), ("127.0.0.1", daemon.port))
            return asker.recv(65536).decode()

    assert ask().startswith("SIP/2.0 200")
    daemon.do("drain")
    answer = ask()
    assert answer.startswith("SIP/2.0 503") and "\r\nRetry-After: " in answer
