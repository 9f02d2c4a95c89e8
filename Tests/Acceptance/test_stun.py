"""STUN at the port of SIP: a phone that keeps its flow over UDP alive, and several flows of one phone."""

import os
import socket
import struct

import pytest

from sipmessage import SIPMessage, authorization
from tandem_daemon import REALM

COOKIE = 0x2112A442


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


class Flow:
    """One flow of a phone of 8002: a socket that registers with its own `reg-id`."""

    INSTANCE = "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"

    def __init__(self, site, number):
        self.site, self.number, self.cseq = site, number, 0
        self.link = sip_socket(site)
        self.port = self.link.getsockname()[1]

    def request(self, extra):
        self.cseq += 1
        call = f"flow-{self.number}-{self.port}"
        self.link.send((
            f"REGISTER sip:{REALM} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 192.168.7.7:5060;branch=z9hG4bK{call}-{self.cseq};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:8002@{REALM}>;tag={self.number}\r\n"
            f"To: <sip:8002@{REALM}>\r\nCall-ID: {call}\r\nCSeq: {self.cseq} REGISTER\r\n"
            f"Contact: <sip:8002@192.168.7.7:5060>;+sip.instance=\"{self.INSTANCE}\""
            f";reg-id={self.number}\r\nSupported: outbound, path\r\nExpires: 600\r\n{extra}"
            "Content-Length: 0\r\n\r\n").encode())
        return self.message()

    def message(self):
        return SIPMessage(self.link.recv(65536).decode())

    def register(self, password):
        return self.request(
            authorization(self.request(""), "8002", password, "REGISTER", f"sip:{REALM}"))

    def keep_alive(self):
        """The address and port that the switch sees."""
        request, identifier = binding_request()
        self.link.send(request)
        return mapped(read(self.link.recv(2000), identifier)[1][0x0020], identifier)

    def answer(self, request, status, phrase):
        fields = "".join(f"{name}: {request[name.lower()]}\r\n" for name in (
            "Via", "From", "To", "Call-ID", "CSeq"))
        fields = fields.replace("\r\nCall-ID", f";tag=f{self.number}\r\nCall-ID")
        self.link.send(f"SIP/2.0 {status} {phrase}\r\n{fields}Content-Length: 0\r\n\r\n".encode())


def test_one_phone_with_two_flows_by_udp_is_rung_by_the_one_that_lives(site, phones):
    site.write_config()
    site.start()
    site.import_extensions(("8001", "country", None), ("8002", "country", None))
    flows = [Flow(site, 1), Flow(site, 2)]
    for flow in flows:
        answer = flow.register("secret-8002")
        assert answer.status == 200, answer
        assert answer["require"] == "outbound" and answer["flow-timer"] == "29"
        assert flow.keep_alive() == ("127.0.0.1", flow.port)
    assert len(site.ask("show", "registrations")) == 2
    caller = phones("8001")
    # The flow that was refreshed last is gone: its port is unreachable.
    flows[1].link.close()
    call = caller.dial("8002")
    invite = flows[0].message()
    assert invite.method == "INVITE"
    flows[0].answer(invite, 486, "Busy Here")
    assert call.wait_ended()["status"] == 486
    assert flows[0].message().method == "ACK"
    flows[0].link.close()
