"""A phone behind a proxy at the edge of the network: Kamailio, which puts itself into the Path."""

import pytest

from kamailio import Kamailio
from tandem_daemon import free_port

EDGE = """\
loadmodule "path.so"
modparam("tm", "fr_timer", 3000)

request_route {
    if (is_method("REGISTER")) {
        add_path();
        $du = "sip:127.0.0.1:SWITCH";
        t_relay();
        exit;
    }
    if (has_totag()) {
        loose_route();
        t_relay();
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    record_route();
    if ($sp == SWITCH) {
        xlog("L_ALERT", "to $ru by $hdr(Route)\\n");
        # It takes its own Route away; there is no other.
        loose_route();
    } else {
        $du = "sip:127.0.0.1:SWITCH";
    }
    t_relay();
}
"""


@pytest.fixture
def edge(site):
    site.write_config()
    site.start()
    site.import_extensions(("8001", "country", None), ("8002", "country", None))
    port = free_port()
    proxy = Kamailio(
        site.folder, [port], EDGE.replace("SWITCH", site.address.rsplit(":", 1)[1]))
    yield proxy, port
    proxy.close()


def test_a_phone_behind_a_proxy_is_called_by_its_path(site, edge, phones):
    proxy, port = edge
    called = phones("8002", at=f"127.0.0.1:{port}")
    (row,) = site.ask("show", "registrations")
    assert row["path"] == f"<sip:127.0.0.1:{port};lr>"
    assert row["source"] == f"127.0.0.1:{port}"
    caller = phones("8001")
    call = caller.dial("8002")
    taken = called.incoming()
    taken.answer()
    call.wait_answered()
    for end in (call, taken):
        end.wait_packets("received", 25)
    proxy.wait_said(rf"to sip:8002@127\.0\.0\.1:{called.port}.* by <sip:127\.0\.0\.1:{port};lr>")
    # What is said in the call goes by the proxy too, either way.
    taken.hang_up()
    call.wait_ended()
    # Until its record is written a kill would bring this call back, and 8002 would be busy.
    site.wait_records(1)
    # The binding is kept over a restart, and so is its path.
    site.kill()
    site.start()
    since = len(called.events)
    call = caller.dial("8002")
    called.incoming(since=since).ring()
    call.wait_ringing()
    call.hang_up()
    call.wait_ended()
    assert sorted(r.disposition for r in site.wait_records(2)) == ["ANSWERED", "NO ANSWER"]
