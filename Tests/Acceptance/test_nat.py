"""A phone behind a NAT with a short memory, by UDP, that keeps nothing open by itself."""

import time

import pytest

from nat import NAT
from tandem_daemon import free_port
from wire import WirePhone

MEMORY = 8
PRIVATE = "192.168.7.7:5060"


@pytest.fixture
def nat(site):
    box = NAT(("127.0.0.1", site.port), MEMORY)
    yield box
    box.close()


def start(site, keep_alive):
    site.write_config(more=f"registration: {{ nat-keepalive: {keep_alive} }}\n")
    site.start()
    site.import_extensions(("8001", "city", None), ("8002", "city", None))


def silent(site, nat, gateways):
    """A phone of SIPp behind the NAT, which answers calls and OPTIONS, and has said nothing else for
    longer than the NAT remembers."""
    port = free_port()
    phone = WirePhone(site, "8002", port=port, nat=nat.port, private=PRIVATE)
    phone.register()
    # At the same port SIPp goes on.
    phone.close()
    gateway = gateways("answer", port)
    time.sleep(MEMORY + 2)
    return gateway


def call(caller, phone, count):
    taken = caller.dial("8002")
    taken.wait_answered()
    phone.wait_request("INVITE", count=count)
    taken.hang_up()
    taken.wait_ended()
    phone.wait_request("BYE", count=count)


def test_a_phone_behind_nat_that_says_nothing_is_called_for_as_long_as_it_is_registered(
        site, nat, phones, gateways):
    start(site, "2s")
    caller = phones("8001")
    phone = silent(site, nat, gateways)
    call(caller, phone, 1)
    row = site.registration("8002")
    assert 0 <= row["unheard_seconds"] <= 4 and row["state"] == "reachable"
    assert site.registration("8001").get("unheard_seconds") is None
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
    start(site, "off")
    caller = phones("8001")
    phone = silent(site, nat, gateways)
    taken = caller.dial("8002")
    limit = time.monotonic() + 10
    while not nat.dropped:
        assert time.monotonic() < limit, "the NAT let the call through"
        time.sleep(0.05)
    taken.hang_up()
    taken.wait_ended()
    assert not phone.requests("INVITE") and not phone.requests("OPTIONS")
    assert "NAT keep-alives" not in site.status()["counters"]


def test_a_phone_whose_nat_gives_it_another_port_is_in_its_call_there(site, phones):
    site.start()
    site.import_tariff()
    site.import_extensions(("8001", "city", None), ("8002", "city", None))
    caller, phone = phones("8001"), WirePhone(site, "8002", private=PRIVATE)
    phone.register(call_id="r")
    call = caller.dial("8002")
    phone.take()
    call.wait_answered()
    before = phone.link
    phone.bind()
    phone.register(call_id="r")
    # A restart does not forget it, once it is on the disk, as what a command has set after it.
    site.do("extension", "set", "8001", "--call-limit", "2")
    site.kill()
    site.start()
    call.hang_up()
    bye = phone.wait_request("BYE")
    assert bye, "it was told where it is no more"
    phone.answer(bye, 200, "OK")
    call.wait_ended()
    before.settimeout(0)
    with pytest.raises(BlockingIOError):
        before.recv(65535)
    (record,) = site.wait_records(1)
    assert (record.caller, record.dialled, record.disposition) == ("8001", "8002", "ANSWERED")
    before.close()
    phone.close()


def test_a_phone_that_keeps_its_flow_by_itself_is_not_asked(site, nat):
    start(site, "2s")
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
    assert site.registration("8002")["unheard_seconds"] >= 4
    phone.close()
