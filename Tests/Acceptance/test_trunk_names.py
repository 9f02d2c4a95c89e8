"""Trunks by name: SRV and A records from a name server, and a call that goes through the addresses."""

import socket
import subprocess
import threading
import time

import pytest

from sipmessage import SIPMessage
from tandem_daemon import free_port
from test_trunk_health import call_and_hang_up, caller_with_money, trunk
from test_trunks import wait_trunk


class NameServer:
    """dnsmasq with records of a test, on a port of its own."""

    def __init__(self, folder, port, *records, ttl=1, address="127.0.0.1"):
        self.port = port
        self.output = open(f"{folder}/dnsmasq-{time.time_ns()}.log", "w")
        self.process = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
             "--no-hosts", "--no-daemon", f"--port={port}", f"--listen-address={address}",
             "--bind-interfaces", "--local=/test/", f"--local-ttl={ttl}", "--log-queries",
             f"--pid-file={folder}/dnsmasq-{port}.pid", *records],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT)
        limit = time.monotonic() + 10
        table = "/proc/net/udp6" if ":" in address else "/proc/net/udp"
        while f":{port:04X} " not in open(table).read():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < limit, "dnsmasq did not open its port"
            time.sleep(0.01)

    def text(self):
        with open(self.output.name) as file:
            return file.read()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.output.close()


@pytest.fixture
def name_server(site):
    made = []

    def make(port, *records, **more):
        server = NameServer(site.folder, port, *records, **more)
        made.append(server)
        return server

    yield make
    for server in made:
        server.close()


def service(port, priority, weight=0, host="gateway.test"):
    return f"--srv-host=_sip._udp.operator.test,{host},{port},{priority},{weight}"


ADDRESS = "--host-record=gateway.test,127.0.0.1"


def test_a_call_goes_through_the_targets_of_a_name_by_their_priority(
    site, phones, gateways, name_server, measured
):
    dns, second_port = free_port(), free_port()
    name_server(dns, ADDRESS, service(site.e1_port, 10), service(second_port, 20))
    site.write_config(
        e1_address="operator.test", attempt_timeout=1,
        more=f"name-servers: ['127.0.0.1:{dns}']\n")
    pstn = gateways("answer", site.pstn_port)
    first, second = gateways("silent", site.e1_port), gateways("answer", second_port)
    site.start()
    caller = caller_with_money(site, phones)
    assert sorted(trunk(site, "ip-e1")["targets"]) == sorted(
        [f"127.0.0.1:{site.e1_port}", f"127.0.0.1:{second_port}"])
    dialled = time.time()
    call = caller.dial("02088886666")
    measured(f"first target silent: {call.wait_answered()['at'] - dialled:.3f} s after dialling")
    call.hang_up()
    call.wait_ended()
    attempts = site.wait_record().attempts
    assert [(a.route, a.outcome) for a in attempts] == [
        ("ip-e1", "failed"), ("ip-e1", "answered")]
    call_and_hang_up(caller)
    assert len(first.requests("INVITE")) == 1, "a target that just failed was tried first again"
    assert len(second.requests("INVITE")) == 2
    assert pstn.requests("INVITE") == []


def test_equal_targets_share_the_calls_by_their_weights(site, phones, gateways, name_server):
    dns, second_port = free_port(), free_port()
    name_server(dns, ADDRESS, service(site.e1_port, 10, 50), service(second_port, 10, 50))
    site.write_config(
        e1_address="operator.test", more=f"name-servers: ['127.0.0.1:{dns}']\n")
    both = [gateways("answer", site.e1_port), gateways("answer", second_port)]
    site.start()
    caller = caller_with_money(site, phones)
    for _ in range(12):
        call_and_hang_up(caller)
    counts = [len(gateway.requests("INVITE")) for gateway in both]
    # Both of 12 on one side happens once in 2,048 runs.
    assert sum(counts) == 12 and min(counts) > 0, counts


def test_a_name_is_looked_up_again_when_its_time_is_over(site, gateways, name_server):
    dns, second_port = free_port(), free_port()
    server = name_server(dns, ADDRESS, service(site.e1_port, 10))
    site.write_config(
        e1_address="operator.test", more=f"name-servers: ['127.0.0.1:{dns}']\n")
    site.start()
    gateways("answer", site.e1_port)
    wait_targets(site, [f"127.0.0.1:{site.e1_port}"])
    server.close()
    name_server(dns, ADDRESS, service(second_port, 10))
    wait_targets(site, [f"127.0.0.1:{second_port}"])


def test_a_name_that_no_server_answers_for_keeps_no_other_trunk_waiting(
    site, gateways, name_server, measured
):
    dns = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        name_server(
            dns, "--host-record=operator.test,127.0.0.1",
            f"--server=/slow.zone/127.0.0.1#{silent.getsockname()[1]}")
        site.write_config(
            e1_address=f"operator.test:{site.e1_port}", options_interval=1,
            more=f"name-servers: ['127.0.0.1:{dns}']\n")
        text = open(site.config).read()
        slow = "".join(
            f"  - {{ name: slow{n}, kind: sip, address: gw{n}.slow.zone, channels: 5 }}\n"
            for n in range(3))
        open(site.config, "w").write(text.replace("  - name: ip-e1", f"{slow}  - name: ip-e1"))
        gateways("answer", site.e1_port)
        site.start()
        since = time.monotonic()
        wait_trunk(site, "ip-e1", "up")
        measured(f"beside three dead names a trunk is up after {time.monotonic() - since:.3f} s")
        assert time.monotonic() - since < 3


def test_a_reload_takes_a_trunk_away_under_a_call_that_has_an_address_of_it_left(
    site, phones, gateways, name_server
):
    dns, second_port = free_port(), free_port()
    name_server(dns, ADDRESS, service(site.e1_port, 10), service(second_port, 20))
    site.write_config(
        e1_address="operator.test", attempt_timeout=2,
        more=f"name-servers: ['127.0.0.1:{dns}']\n")
    e1, second = gateways("silent", site.e1_port), gateways("answer", second_port)
    gateways("answer", site.pstn_port)
    site.start()
    wait_targets(site, sorted([f"127.0.0.1:{site.e1_port}", f"127.0.0.1:{second_port}"]))
    call = caller_with_money(site, phones).dial("02088886666")
    e1.wait_request("INVITE")
    text = open(site.config).read()
    first, rest = text.index("  - name: ip-e1"), text.index("  - name: pstn")
    open(site.config, "w").write(text[:first] + text[rest:])
    plan = "\n".join(
        line for line in open(site.dialplan).read().splitlines() if not line.startswith("expect"))
    site.write_dialplan(
        plan.replace("via ip-e1, pstn ", "via pstn ").replace("via ip-e1 ", "via pstn ") + "\n")
    site.do("reload")
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    assert second.requests("INVITE") == []
    assert [a.route for a in site.wait_record().attempts] == ["ip-e1", "pstn"]


def test_a_name_server_that_dies_leaves_the_addresses_of_before(
    site, phones, gateways, name_server
):
    dns = free_port()
    server = name_server(dns, "--host-record=operator.test,127.0.0.1")
    site.write_config(
        e1_address=f"operator.test:{site.e1_port}",
        more=f"name-servers: ['127.0.0.1:{dns}']\n")
    e1 = gateways("answer", site.e1_port)
    site.start()
    wait_targets(site, [f"127.0.0.1:{site.e1_port}"])
    server.close()
    limit = time.monotonic() + 30
    while "no name server answers" not in site.log_text():
        assert time.monotonic() < limit, "nobody noticed that the name server is dead"
        time.sleep(0.2)
    call_and_hang_up(caller_with_money(site, phones))
    assert len(e1.requests("INVITE")) == 1


def test_a_name_that_nobody_knows_is_said_and_the_pstn_is_taken(
    site, phones, gateways, name_server
):
    dns = free_port()
    name_server(dns, ADDRESS)
    site.write_config(
        e1_address="operator.test", more=f"name-servers: ['127.0.0.1:{dns}']\n")
    gateways("answer", site.pstn_port)
    site.start()
    wait_trunk(site, "ip-e1", "down")
    assert trunk(site, "ip-e1")["reason"] == "its name stands for no address"
    call_and_hang_up(caller_with_money(site, phones))
    assert site.wait_record().route == "pstn"


def test_name_servers_are_asked_over_ipv6(site, phones, gateways, name_server):
    dns, nobody = free_port(), free_port()
    name_server(dns, ADDRESS, service(site.e1_port, 10), address="::1")
    site.write_config(
        e1_address="operator.test", more=f"name-servers: ['[::1]:{dns}']\n")
    e1 = gateways("answer", site.e1_port)
    site.start()
    wait_targets(site, [f"127.0.0.1:{site.e1_port}"])
    call_and_hang_up(caller_with_money(site, phones))
    assert len(e1.requests("INVITE")) == 1
    # One of either family that is dead costs the other nothing but time.
    text = open(site.config).read()
    open(site.config, "w").write(
        text.replace(f"['[::1]:{dns}']", f"['127.0.0.1:{nobody}', '[::1]:{dns}']"))
    site.do("reload")
    wait_targets(site, [f"127.0.0.1:{site.e1_port}"])
    assert "no name server answers" not in site.log_text()


def wait_targets(site, targets, timeout=20):
    limit = time.monotonic() + timeout
    while (seen := trunk(site, "ip-e1")["targets"]) != targets:
        assert time.monotonic() < limit, f"targets are {seen}, expected {targets}"
        time.sleep(0.1)


# Names that stand for addresses of both families.

def test_a_name_with_addresses_of_both_families_is_reached_by_each(
    site, phones, name_server, named_gateway
):
    dns, port = free_port(), site.address.rsplit(":", 1)[1]
    name_server(
        dns, "--host-record=old.test,127.0.0.1", "--host-record=new.test,::1",
        service(site.e1_port, 10, host="new.test"), service(site.e1_port, 20, host="old.test"))
    site.write_config(
        e1_address="operator.test", attempt_timeout=1, listen=[f'"[::1]:{port}"'],
        more=f"name-servers: ['127.0.0.1:{dns}']\n")
    old = named_gateway(site.e1_port, free_port(), f"sip:gw@127.0.0.1:{site.e1_port}")
    new = named_gateway(site.e1_port, free_port(), f"sip:gw@[::1]:{site.e1_port}", "::1")
    site.start()
    wait_targets(site, [f"[::1]:{site.e1_port}", f"127.0.0.1:{site.e1_port}"])
    caller = caller_with_money(site, phones)
    call_and_hang_up(caller)
    new.wait(new.outer, "BYE")
    assert "INVITE" not in old.outer
    # Its IPv6 address is dead: the call goes on by IPv4, and nobody else is tried.
    new.close()
    call_and_hang_up(caller)
    old.wait(old.outer, "BYE")
    assert {a.route for r in site.wait_records(2) for a in r.attempts} == {"ip-e1"}


# Which transports a name is reached by: NAPTR.

def pointer(preference, service, replacement):
    return f"--naptr-record=operator.test,10,{preference},s,{service},,{replacement}"


def streams(port, priority=10, host="gateway.test"):
    return f"--srv-host=_sip._tcp.operator.test,{host},{port},{priority},0"


def test_a_name_says_by_which_transport_it_is_reached(site, phones, gateways, name_server):
    dns, nobody, datagrams = free_port(), free_port(), free_port()
    name_server(
        dns, ADDRESS, pointer(20, "SIP+D2U", "_sip._udp.operator.test"),
        pointer(10, "SIP+D2T", "_sip._tcp.operator.test"),
        streams(nobody, 10), streams(site.e1_port, 20), service(datagrams, 10))
    site.write_config(
        e1_address="operator.test", attempt_timeout=2,
        listen=[f"{{ transport: tcp, address: {site.address} }}"],
        more=f"name-servers: ['127.0.0.1:{dns}']\n")
    e1 = gateways("answer", site.e1_port, transport="tcp")
    udp = gateways("answer", datagrams)
    site.start()
    caller = caller_with_money(site, phones)
    wait_targets(
        site, [f"tcp 127.0.0.1:{nobody}", f"tcp 127.0.0.1:{site.e1_port}",
               f"127.0.0.1:{datagrams}"])
    # Nobody takes connections at the first address: OPTIONS has found that, and calls go to the second.
    wait_trunk(site, "ip-e1", "up")
    call_and_hang_up(caller)
    assert site.wait_record().attempts[-1].outcome == "answered"
    assert len(e1.requests("INVITE")) == 1 and udp.requests("INVITE") == []
    # Without any connection the call goes on by UDP.
    e1.close()
    call_and_hang_up(caller)
    assert len(udp.requests("INVITE")) == 1
    second = max((r.attempts for r in site.wait_records(2)), key=len)
    assert {a.route for a in second} == {"ip-e1"}
    assert [a.outcome for a in second][-2:] == ["failed", "answered"]


# A name in the Contact of a gateway: where requests inside its call go.

class NamedGateway:
    """A gateway that answers at one port and says that it is reached by a name, which is another."""

    def __init__(self, port, inner_port, contact, address="127.0.0.1"):
        self.contact, self.inner, self.outer = contact, [], []
        self.sockets = []
        for number, kept in ((port, self.outer), (inner_port, self.inner)):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            link = socket.socket(family, socket.SOCK_DGRAM)
            link.bind((address, number))
            self.sockets.append(link)
            threading.Thread(target=self._serve, args=(link, kept), daemon=True).start()

    def _serve(self, link, kept):
        while True:
            try:
                data, source = link.recvfrom(65536)
            except OSError:
                return
            request = SIPMessage(data.decode())
            kept.append(request.method)
            if request.method == "ACK":
                continue
            fields = "".join(f"{name}: {request[name.lower()]}\r\n" for name in (
                "Via", "From", "To", "Call-ID", "CSeq"))
            if "tag=" not in request["to"]:
                fields = fields.replace("\r\nCall-ID", ";tag=named\r\nCall-ID")
            body = ""
            if request.method == "INVITE":
                body = (
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                    f"m=audio {free_port()} RTP/AVP 8\r\n")
                fields += f"Contact: <{self.contact}>\r\nContent-Type: application/sdp\r\n"
            answer = f"SIP/2.0 200 OK\r\n{fields}Content-Length: {len(body)}\r\n\r\n{body}"
            try:
                link.sendto(answer.encode(), source)
            except OSError:
                return

    def wait(self, kept, method):
        limit = time.monotonic() + 10
        while method not in kept:
            assert time.monotonic() < limit, f"no {method}: {self.outer} and {self.inner}"
            time.sleep(0.02)

    def close(self):
        for link in self.sockets:
            link.close()


@pytest.fixture
def named_gateway():
    made = []

    def make(*arguments):
        made.append(NamedGateway(*arguments))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()


def test_a_gateway_is_hung_up_where_the_name_in_its_contact_is(
    site, phones, name_server, named_gateway
):
    dns, inner = free_port(), free_port()
    name_server(dns, ADDRESS, f"--srv-host=_sip._udp.node.test,gateway.test,{inner},10,0")
    site.write_config(more=f"name-servers: ['127.0.0.1:{dns}']\n")
    gateway = named_gateway(site.e1_port, inner, "sip:gw@node.test")
    site.start()
    caller = caller_with_money(site, phones)
    call = caller.dial("02088886666")
    call.wait_answered()
    # The first ACK may have left before the name server answered; then it is sent there after that.
    gateway.wait(gateway.inner, "ACK")
    call.hang_up()
    call.wait_ended()
    gateway.wait(gateway.inner, "BYE")
    assert "BYE" not in gateway.outer
    assert site.wait_record().disposition == "ANSWERED"


def test_a_gateway_whose_name_nobody_knows_is_hung_up_where_it_answered_from(
    site, phones, name_server, named_gateway
):
    dns, inner = free_port(), free_port()
    name_server(dns, ADDRESS)
    site.write_config(more=f"name-servers: ['127.0.0.1:{dns}']\n")
    gateway = named_gateway(site.e1_port, inner, "sip:gw@unknown.test")
    site.start()
    caller = caller_with_money(site, phones)
    call_and_hang_up(caller)
    gateway.wait(gateway.outer, "BYE")
    assert gateway.outer.count("ACK") >= 1 and gateway.inner == []


def test_a_name_server_that_is_silent_holds_nobody_up(
    site, phones, named_gateway, measured
):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        inner = free_port()
        site.write_config(more=f"name-servers: ['127.0.0.1:{silent.getsockname()[1]}']\n")
        gateway = named_gateway(site.e1_port, inner, "sip:gw@node.test")
        site.start()
        caller = caller_with_money(site, phones)
        began = time.monotonic()
        call_and_hang_up(caller)
        gateway.wait(gateway.outer, "BYE")
        span = time.monotonic() - began
        measured(f"a call whose gateway names what no server answers for: {span:.3f} s")
        assert span < 3
        silent.settimeout(10)
        assert b"node" in silent.recv(512), "nobody was asked"


def test_what_meets_a_dead_place_of_a_name_goes_to_the_next_at_once(
    site, phones, name_server, named_gateway, measured
):
    dns, dead, inner = free_port(), free_port(), free_port()
    name_server(
        dns, ADDRESS, f"--srv-host=_sip._udp.node.test,gateway.test,{dead},10,0",
        f"--srv-host=_sip._udp.node.test,gateway.test,{inner},20,0")
    site.write_config(more=f"name-servers: ['127.0.0.1:{dns}']\n")
    gateway = named_gateway(site.e1_port, inner, "sip:gw@node.test")
    site.start()
    caller = caller_with_money(site, phones)
    call = caller.dial("02088886666")
    call.wait_answered()
    since = len(caller.events)
    began = time.monotonic()
    call.hold()
    gateway.wait(gateway.inner, "INVITE")
    gateway.wait(gateway.inner, "ACK")
    call.wait_media(since)
    measured(f"a re-INVITE past a dead place: {time.monotonic() - began:.3f} s")
    assert time.monotonic() - began < 3
    assert call.is_up and gateway.outer.count("INVITE") == 1
    call.hang_up()
    call.wait_ended()
    gateway.wait(gateway.inner, "BYE")
    assert "BYE" not in gateway.outer
    record = site.wait_record()
    assert record.disposition == "ANSWERED" and record.released_by == "caller"
    assert [(a.route, a.outcome) for a in record.attempts] == [("ip-e1", "answered")]
