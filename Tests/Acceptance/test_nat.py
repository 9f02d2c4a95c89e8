"""A phone behind a NAT with a short memory, by UDP, that keeps nothing open by itself."""

import time

import pytest

from nat import NAT
from tandem_daemon import free_port
from test_connections import registration
from wire import WirePhone

MEMORY = 8
PRIVATE = "192.168.7.7:5060"


@pytest.fixture
def nat(site):
    box = NAT(("127.0.0.1", site.port), MEMORY)
    yield box
    box.close()


def configure(site, keep_alive):
    site.write_config(more=f"registration: {{ nat-keepalive: {keep_alive} }}\n")


def registered(site, nat, gateways):
    """A phone of SIPp behind the NAT, which answers calls and OPTIONS, and says nothing else."""
    port = free_port()
    phone = WirePhone(site, "8002", port=port, nat=nat.port, private=PRIVATE)
    phone.register()
    # At the same port SIPp goes on.
    phone.close()
    return gateways("answer", port)


def call(caller, phone, count):
    taken = caller.dial("8002")
    taken.wait_answered()
    phone.wait_request("INVITE", count=count)
    taken.hang_up()
    taken.wait_ended()
    phone.wait_request("BYE", count=count)


def test_a_phone_behind_nat_that_says_nothing_is_called_for_as_long_as_it_is_registered(
        site, nat, phones, gateways):
    configure(site, "2s")
    site.start()
    site.import_extensions(("8001", "city", None), ("8002", "city", None))
    phone = registered(site, nat, gateways)
    caller = phones("8001")
    time.sleep(MEMORY + 2)
    call(caller, phone, 1)
    row = registration(site, "8002")
    assert 0 <= row["unheard_seconds"] <= 4 and row["state"] == "reachable"
    assert registration(site, "8001").get("unheard_seconds") is None
    asked = len(phone.requests("OPTIONS"))
    assert asked >= 4
    counters = site.status()["counters"]
    assert counters["NAT keep-alives answered"] >= 4 and "stray-responses" not in counters
    # It goes on after a restart, of which the phone learns nothing.
    site.kill()
    site.start()
    time.sleep(MEMORY + 2)
    assert len(phone.requests("OPTIONS")) >= asked + 4
    call(caller, phone, 2)
    assert nat.dropped == 0, "the NAT had forgotten the phone"
    assert "OPTIONS" not in site.log_text()


def test_without_it_the_nat_forgets_the_phone(site, nat, phones, gateways):
    configure(site, "off")
    site.start()
    site.import_extensions(("8001", "city", None), ("8002", "city", None))
    phone = registered(site, nat, gateways)
    caller = phones("8001")
    time.sleep(MEMORY + 2)
    taken = caller.dial("8002")
    limit = time.monotonic() + 10
    while not nat.dropped:
        assert time.monotonic() < limit, "the NAT let the call through"
        time.sleep(0.05)
    taken.hang_up()
    taken.wait_ended()
    assert not phone.requests("INVITE") and not phone.requests("OPTIONS")
    assert "NAT keep-alives" not in site.status()["counters"]


def test_a_phone_that_keeps_its_flow_by_itself_is_not_asked(site, nat):
    configure(site, "2s")
    site.start()
    site.import_extensions(("8002", "city", None))
    phone = WirePhone(site, "8002", nat=nat.port, private=PRIVATE)
    phone.register()
    for _ in range(16):
        phone.send("\r\n\r\n")
        time.sleep(0.5)
    assert phone.wait_request("OPTIONS", timeout=0) is None
    assert "NAT keep-alives" not in site.status()["counters"]
    # Once it stops it is asked, and the operator sees that nothing comes from it.
    assert phone.wait_request("OPTIONS")
    time.sleep(3)
    assert registration(site, "8002")["unheard_seconds"] >= 4
    phone.close()
