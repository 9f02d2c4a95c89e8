"""Phones and trunks over TLS: certificates are checked on both sides, and changed while it runs."""

import os
import shutil
import socket
import ssl
import time

import pytest

from authority import Authority
from tandem_daemon import free_port
from test_connections import read_message
from test_phones import talk
from wire import connect


@pytest.fixture
def authority(site):
    return Authority(site.folder)


@pytest.fixture
def tls(site, authority):
    """A daemon that listens by UDP, TCP and TLS."""
    site.tls_port = free_port()
    site.tls = f"127.0.0.1:{site.tls_port}"
    certificate, key = authority.sign("tandem", "IP:127.0.0.1", "DNS:tandem.test")
    configure(site, certificate, key, authority)
    site.start()
    site.import_tariff()
    site.open_account("sales", "100")
    site.import_extensions(
        ("8001", "city", None), ("8002", "city", None), ("8003", "country", "sales"))
    return site


def configure(site, certificate, key, authority, asks="yes", **more):
    more["more"] = (
        f"tls: {{ certificate: {certificate}, key: {key}, trust: {authority.certificate} }}\n")
    site.write_config(
        listen=[f"{{ transport: tcp, address: {site.address} }}",
                f"{{ transport: tls, address: {site.tls}, ask-certificate: {asks} }}"],
        options_interval=0, **more)


def tls_phone(site, phones, authority, user, **more):
    phone = phones(
        user, transport="tls", authority=authority.certificate, register=False, at=site.tls, **more)
    event = phone.register()
    assert event["status"] == 200, f"{event['status']} {event['reason']}"
    return phone


@pytest.mark.parametrize("second", ["tls", "tcp", "udp"])
def test_a_tls_phone_calls_and_is_called(tls, phones, authority, second):
    caller = tls_phone(tls, phones, authority, "8001")
    callee = (
        tls_phone(tls, phones, authority, "8002") if second == "tls"
        else phones("8002", transport=second))
    assert tls.registration("8001")["transport"] == "tls"
    for one, other, number in ((caller, callee, "8002"), (callee, caller, "8001")):
        call, far = talk(one, other, number)
        for end in (call, far):
            end.wait_packets("received", 25)
        far.hang_up()
        call.wait_ended()
        far.wait_ended()
    first, second_record = tls.wait_records(2)
    assert (first.caller, first.dialled) == ("8001", "8002")
    assert (second_record.caller, second_record.dialled) == ("8002", "8001")
    assert {first.disposition, second_record.disposition} == {"ANSWERED"}


def test_a_reload_takes_a_new_certificate_and_keeps_connections(tls, phones, authority):
    caller = tls_phone(tls, phones, authority, "8001")
    callee = tls_phone(tls, phones, authority, "8002")
    call, other = talk(caller, callee, "8002")
    before = connect(tls, authority=authority).getpeercert()["serialNumber"]
    certificate, key = authority.sign("renewed", "IP:127.0.0.1")
    configure(tls, certificate, key, authority)
    tls.do("reload")
    renewed = connect(tls, authority=authority).getpeercert()
    assert renewed["serialNumber"] != before
    assert ("commonName", "renewed") in [pair for part in renewed["subject"] for pair in part]
    # The call runs on over connections of the old one.
    call.hang_up()
    other.wait_ended()
    assert "connections made" not in tls.status()["counters"]
    # A file that is none changes nothing.
    with open(certificate, "w") as file:
        file.write("nonsense")
    result = tls.run("reload")
    assert result.code == 1 and "renewed.pem is no certificate in PEM form" in result.text
    assert connect(tls, authority=authority).getpeercert()["serialNumber"] == renewed["serialNumber"]


def test_a_certificate_of_somebody_else_is_refused(tls, authority):
    stranger = Authority(tls.folder, "stranger")
    link = None
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        link = connect(
            tls, authority=authority,
            certificate=stranger.sign("forged", "DNS:sip.example.net"))
        # With TLS 1.3 the client hears of it when it reads.
        link.sendall(b"\r\n\r\n")
        if link.recv(10) == b"":
            raise ConnectionError("closed")
    limit = time.monotonic() + 5
    while not tls.status()["counters"].get("TLS handshakes failed"):
        assert time.monotonic() < limit
        time.sleep(0.05)
    # And one that shows none is let in, to prove by password who it is.
    link = connect(tls, authority=authority)
    link.sendall(b"\r\n\r\n")
    assert link.recv(10) == b"\r\n"


def trunk_invite(site, branch):
    return (
        f"INVITE sip:66778001@{site.tls} SIP/2.0\r\n"
        f"Via: SIP/2.0/TLS 127.0.0.1:{site.e1_port};branch=z9hG4bK{branch}\r\n"
        f"From: <sip:02012345678@127.0.0.1>;tag=t\r\nTo: <sip:66778001@{site.tls}>\r\n"
        f"Call-ID: {branch}\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:127.0.0.1:{site.e1_port};transport=tls>\r\n"
        "Content-Length: 0\r\n\r\n").encode()


def test_a_trunk_with_a_certificate_is_known_by_it_and_not_by_its_address(tls, authority):
    certificate, key = authority.sign("tandem", "IP:127.0.0.1")
    configure(
        tls, certificate, key, authority,
        e1_more="transport: tls\ncertificate-name: sip.example.net")
    tls.do("reload")
    # The right address, with no certificate and with another's.
    for shown in (None, authority.sign("other", "DNS:other.example.net")):
        link = connect(tls, authority=authority, certificate=shown)
        link.sendall(trunk_invite(tls, f"no{shown is None}"))
        assert read_message(link).status == 401
    link = connect(
        tls, authority=authority, certificate=authority.sign("trunk", "DNS:sip.example.net"))
    link.sendall(trunk_invite(tls, "yes"))
    answer = read_message(link)
    assert answer.status != 401, answer.text


class TLSGateway:
    """A gateway over TLS, which has to be shown a certificate."""

    def __init__(self, port, certificate, authority):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        context.load_verify_locations(authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        listener = socket.create_server(("127.0.0.1", port))
        listener.settimeout(10)
        self.context, self.listener = context, listener

    def accept(self):
        link, _ = self.listener.accept()
        return self.context.wrap_socket(link, server_side=True)

    def be_busy(self):
        """Refuses the call that comes; its INVITE, and the certificate that it was shown."""
        with self.accept() as link:
            invite = read_message(link)
            answer = "SIP/2.0 486 Busy Here\r\n" + "".join(
                f"{name}: {invite[name]}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
            answer += f"To: {invite['to']};tag=g\r\nContent-Length: 0\r\n\r\n"
            link.sendall(answer.encode())
            assert read_message(link).method == "ACK"
            return invite, link.getpeercert()

    def close(self):
        self.listener.close()


def test_a_call_goes_out_over_mutual_tls_to_the_trunk_whose_certificate_is_right(
    tls, phones, authority
):
    certificate, key = authority.sign("tandem", "IP:127.0.0.1", "DNS:tandem.test")
    configure(
        tls, certificate, key, authority,
        e1_more="transport: tls\ncertificate-name: sip.example.net")
    tls.do("reload")
    phone = phones("8003")
    gateway = TLSGateway(
        tls.e1_port, authority.sign("trunk", "DNS:sip.example.net"), authority)
    try:
        call = phone.dial("02088886666")
        invite, shown = gateway.be_busy()
        assert ("commonName", "tandem") in [pair for part in shown["subject"] for pair in part]
        assert "SIP/2.0/TLS" in invite["via"] and ";transport=tls" in invite.request_uri
        assert call.wait_ended()["status"] == 486
    finally:
        gateway.close()


def refused_by(gateway):
    """Whether a gateway and the switch do not come to terms over the next connection."""
    try:
        return gateway.accept().recv(10) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def test_a_reload_renews_whom_we_trust_and_what_we_show_to_trunks(tls, phones, authority):
    """The files stay where they are, and what stands in them is another authority's."""
    certificate, key = authority.sign("tandem", "IP:127.0.0.1", "DNS:tandem.test")
    configure(
        tls, certificate, key, authority,
        e1_more="transport: tls\ncertificate-name: sip.example.net")
    tls.do("reload")
    phone = phones("8003")

    def shown_to(gateway):
        """The number of the certificate that a call shows."""
        call = phone.dial("02088886666")
        _, shown = gateway.be_busy()
        assert call.wait_ended()["status"] == 486
        return shown["serialNumber"]

    trunk = authority.sign("trunk", "DNS:sip.example.net")
    former = tls.path("former")
    os.mkdir(former)
    old = [shutil.copy(file, former) for file in (*trunk, authority.certificate)]
    gateway = TLSGateway(tls.e1_port, trunk, authority)
    try:
        first = shown_to(gateway)
    finally:
        gateway.close()

    renewed = Authority(tls.folder)
    renewed.sign("tandem", "IP:127.0.0.1", "DNS:tandem.test")
    trunk = renewed.sign("trunk", "DNS:sip.example.net")
    tls.do("reload")
    gateway = TLSGateway(tls.e1_port, trunk, renewed)
    try:
        assert shown_to(gateway) != first
    finally:
        gateway.close()
    # In, it is the same: the renewed certificate is known and the former one is a stranger's.
    link = connect(tls, authority=renewed, certificate=trunk)
    link.sendall(trunk_invite(tls, "renewed"))
    assert read_message(link).status != 401
    link.close()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        link = connect(tls, authority=renewed, certificate=(old[0], old[1]))
        link.sendall(trunk_invite(tls, "former"))
        read_message(link)
    # A trunk that trusts us, and that we trust no longer, gets no call.
    gateway = TLSGateway(tls.e1_port, (old[0], old[1]), renewed)
    try:
        # Two out and one in so far.
        tls.wait_records(3)
        call = phone.dial("02088886666")
        assert refused_by(gateway)
        call.wait_ended()
        record = tls.wait_records(4)[-1]
        assert record.attempts[0].route == "ip-e1" and record.disposition != "ANSWERED"
    finally:
        gateway.close()


def test_a_trunk_with_a_wrong_certificate_gets_no_call(tls, phones, authority):
    certificate, key = authority.sign("tandem", "IP:127.0.0.1")
    configure(
        tls, certificate, key, authority,
        e1_more="transport: tls\ncertificate-name: sip.example.net")
    tls.do("reload")
    phone = phones("8003")
    gateway = TLSGateway(tls.e1_port, authority.sign("other", "DNS:other.example.net"), authority)
    try:
        call = phone.dial("02088886666")
        assert refused_by(gateway)
        call.wait_ended()
        record = tls.wait_record()
        assert record.attempts[0].route == "ip-e1"
        assert record.disposition != "ANSWERED"
    finally:
        gateway.close()


def test_tls_needs_its_files(site, authority):
    site.tls = f"127.0.0.1:{free_port()}"
    site.write_config(listen=[f"{{ transport: tls, address: {site.tls} }}"])
    result = site.run("check")
    assert result.code == 1
    assert "a listener of transport tls needs a certificate" in result.text
    certificate, _ = authority.sign("one", "IP:127.0.0.1")
    _, key = authority.sign("two", "IP:127.0.0.1")
    configure(site, certificate, site.path("missing.key"), authority)
    assert "missing.key is no private key" in site.run("check").text
    configure(site, certificate, key, authority)
    assert "do not belong together" in site.run("check").text
