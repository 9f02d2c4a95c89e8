"""STUN at the port of SIP: a phone that keeps its flow over UDP alive, and several flows of one phone."""

import os
import socket
import struct

import pytest

from wire import WirePhone

COOKIE = 0x2112A442
INSTANCE = "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"


def binding_request(attributes=b""):
    """A Binding request and its transaction ID."""
    identifier = os.urandom(12)
    header = struct.pack("!HHI", 1, len(attributes), COOKIE)
    return header + identifier + attributes, identifier


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def read(message, identifier):
    """The type and the attributes of an answer to this transaction."""
    kind, length, cookie = struct.unpack("!HHI", message[:8])
    assert cookie == COOKIE and message[8:20] == identifier
    assert length == len(message) - 20
    attributes, rest = {}, message[20:]
    while rest:
        number, size = struct.unpack("!HH", rest[:4])
        attributes[number] = rest[4:4 + size]
        rest = rest[4 + size + -size % 4:]
    return kind, attributes


def mapped(value, identifier):
    """The address and the port of XOR-MAPPED-ADDRESS."""
    mask = struct.pack("!I", COOKIE) + identifier
    port = struct.unpack("!H", value[2:4])[0] ^ COOKIE >> 16
    family = {1: socket.AF_INET, 2: socket.AF_INET6}[value[1]]
    plain = bytes(a ^ b for a, b in zip(value[4:], mask))
    return socket.inet_ntop(family, plain), port


def sip_socket(site, host="127.0.0.1"):
    link = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    link.bind((host, 0))
    link.settimeout(10)
    link.connect((host, int(site.address.rsplit(":", 1)[1])))
    return link


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_phone_learns_by_which_address_it_is_seen(site, host):
    port = site.address.rsplit(":", 1)[1]
    site.write_config(listen=[f'"[::1]:{port}"'])
    site.start()
    with sip_socket(site, host) as phone:
        request, identifier = binding_request(attribute(0x8022, b"a phone"))
        phone.send(request)
        kind, attributes = read(phone.recv(2000), identifier)
        assert kind == 0x0101
        assert mapped(attributes[0x0020], identifier) == phone.getsockname()[:2]
        assert 0x8028 not in attributes, "a fingerprint that nobody asked for"


def test_what_is_no_binding_request_is_refused_or_ignored(site):
    site.write_config()
    site.start()
    with sip_socket(site) as phone:
        # CHANGE-REQUEST, of a server with two addresses (RFC 5780).
        request, identifier = binding_request(attribute(0x0003, b"\0\0\0\4"))
        phone.send(request)
        kind, attributes = read(phone.recv(2000), identifier)
        assert kind == 0x0111 and attributes[0x0009][:4] == b"\0\0\4\x14"
        assert attributes[0x000A] == b"\0\3"
        # Without a cookie, cut off, an indication, a wrong fingerprint.
        plain, _ = binding_request()
        wrong, _ = binding_request(attribute(0x8028, b"1234"))
        for junk in (plain[:4] + bytes(4) + plain[8:], plain[:-1], b"\0\x11" + plain[2:], wrong):
            phone.send(junk)
        last, identifier = binding_request()
        phone.send(last)
        assert read(phone.recv(2000), identifier)[0] == 0x0101, "something before it was answered"
    status = site.status()
    assert status["counters"]["STUN binding requests"] == 2
    assert status["counters"]["STUN not answered"] == 1 and status["malformed"] == 3


def keep_alive(phone):
    """The address and port that the switch sees."""
    request, identifier = binding_request()
    phone.link.send(request)
    return mapped(read(phone.link.recv(2000), identifier)[1][0x0020], identifier)


def test_one_phone_with_two_flows_by_udp_is_rung_by_the_one_that_lives(site, phones):
    site.write_config()
    site.start()
    site.import_extensions(("8001", "country", None), ("8002", "country", None))
    flows = []
    for number in (1, 2):
        flow = WirePhone(site, "8002", private="192.168.7.7:5060")
        flow.link.settimeout(10)
        flow.contact += f';+sip.instance="{INSTANCE}";reg-id={number}'
        flows.append(flow)
        answer = flow.register("Supported: outbound, path\r\n")
        assert answer["require"] == "outbound" and answer["flow-timer"] == "29"
        assert keep_alive(flow) == flow.link.getsockname()
    assert len(site.ask("show", "registrations")) == 2
    caller = phones("8001")
    # The flow that was refreshed last is gone: its port is unreachable.
    flows[1].close()
    call = caller.dial("8002")
    (invite,) = flows[0].receive()
    assert invite.method == "INVITE"
    flows[0].answer(invite, 486, "Busy Here")
    assert call.wait_ended()["status"] == 486
    assert flows[0].receive()[0].method == "ACK"
    flows[0].close()
