"""Phones and gateways over TCP: registered, called, cut off, and found again."""

import os
import re
import socket
import threading
import time

import pytest

from sipmessage import SIPMessage, authorization
from tandem_daemon import REALM
from test_phones import talk
from wire import OFFER, WireStreamPhone, connect


@pytest.fixture
def tcp(site):
    """A daemon that listens by UDP and TCP, with three extensions."""
    site.write_config(listen=[f"{{ transport: tcp, address: {site.address} }}"])
    site.start()
    site.import_tariff()
    site.import_extensions(
        ("8001", "city", None), ("8002", "city", None), ("8003", "city", None))
    return site


def options(site, branch, body=b""):
    return (
        f"OPTIONS sip:{site.address} SIP/2.0\r\n"
        f"Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK{branch};rport\r\n"
        f"From: <sip:probe@{REALM}>;tag=p\r\nTo: <sip:{site.address}>\r\n"
        f"Call-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
        f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def read_message(link):
    text = b""
    while b"\r\n\r\n" not in text:
        piece = link.recv(65536)
        assert piece, f"the connection was closed after {text!r}"
        text += piece
    return SIPMessage(text.decode())


@pytest.mark.parametrize("first, second", [("tcp", "tcp"), ("tcp", "udp"), ("udp", "tcp")])
def test_phones_call_each_other_over_tcp_and_udp(tcp, phones, first, second):
    caller, callee = phones("8001", transport=first), phones("8002", transport=second)
    assert [tcp.registration(n)["transport"] for n in ("8001", "8002")] == [first, second]
    call, other = talk(caller, callee, "8002")
    assert f"SIP/2.0/{second.upper()} " in other.invite["via"]
    for end in (call, other):
        end.wait_packets("received", 25)
    other.hang_up()
    call.wait_ended()
    other.wait_ended()
    record = tcp.wait_record()
    assert (record.caller, record.dialled, record.disposition) == ("8001", "8002", "ANSWERED")
    assert record.released_by == "callee"
    assert tcp.status()["calls"] == 0


def test_a_phone_is_reached_by_its_connection_and_not_by_its_contact(tcp, phones):
    """Both phones use the connection that they registered by: nobody else is connected to."""
    caller, callee = phones("8001", transport="tcp"), phones("8002", transport="tcp")
    call, other = talk(caller, callee, "8002")
    source = tcp.registration("8002")["source"]
    assert f":{callee.port}" != source[source.rindex(":"):], "that is where it listens"
    counters = tcp.status()["counters"]
    assert "connections made" not in counters, counters
    assert counters["connections"] == 2
    call.hang_up()
    other.wait_ended()


def test_the_sipp_gateway_of_a_tcp_trunk_takes_a_call(site, phones, gateways):
    site.write_config(
        listen=[f"{{ transport: tcp, address: {site.address} }}"], e1_more="transport: tcp",
        options_interval=0)
    site.start()
    site.import_tariff()
    site.open_account("sales", "100")
    site.import_extensions(("8001", "country", "sales"))
    gateway = gateways("answer", site.e1_port, transport="tcp")
    phone = phones("8001")
    call = phone.dial("02088886666")
    call.wait_answered()
    invite = gateway.wait_request("INVITE")
    assert "SIP/2.0/TCP" in invite["via"]
    assert ";transport=tcp" in invite.request_uri and ";transport=tcp" in invite["contact"]
    call.hang_up()
    call.wait_ended()
    gateway.wait_request("BYE")
    assert len(gateway.requests("ACK")) == 1
    record = site.wait_record()
    assert record.disposition == "ANSWERED"
    assert site.status()["counters"]["connections made"] == 1


class TwoWays:
    """A gateway with UDP and TCP at one port, which is busy, and keeps how each request came."""

    def __init__(self, port):
        self.came = []
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", port))
        self.listener = socket.create_server(("127.0.0.1", port))
        self.links = []
        threading.Thread(target=self._read_datagrams, daemon=True).start()
        threading.Thread(target=self._accept, daemon=True).start()

    def _took(self, request, way):
        """What it answers."""
        self.came.append((way, request))
        if request.method == "ACK":
            return b""
        fields = "".join(f"{n}: {request[n]}\r\n" for n in ("Via", "From", "Call-ID", "CSeq"))
        return (f"SIP/2.0 486 Busy Here\r\n{fields}To: {request['to']};tag=g\r\n"
                "Content-Length: 0\r\n\r\n").encode()

    def _read_datagrams(self):
        while True:
            try:
                datagram, source = self.datagrams.recvfrom(65536)
            except OSError:
                return
            if answer := self._took(SIPMessage(datagram.decode()), "udp"):
                self.datagrams.sendto(answer, source)

    def _accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self._read, args=(link,), daemon=True).start()

    def _read(self, link):
        text = b""
        while piece := link.recv(65536):
            text += piece
            while b"\r\n\r\n" in text:
                head, _, rest = text.partition(b"\r\n\r\n")
                length = int(re.search(rb"(?im)^Content-Length: *(\d+)", head)[1])
                if len(rest) < length:
                    break
                text = rest[length:]
                request = SIPMessage((head + b"\r\n\r\n" + rest[:length]).decode())
                link.sendall(self._took(request, "tcp"))

    def close_tcp(self):
        # The thread that waits in accept() would keep the port open.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in self.links:
            link.shutdown(socket.SHUT_RDWR)
            link.close()

    def close(self):
        self.listener.close()
        self.datagrams.close()

    def wait(self, count):
        """How the first so many requests came, and those requests."""
        limit = time.monotonic() + 10
        while len(self.came) < count:
            assert time.monotonic() < limit, self.came
            time.sleep(0.02)
        return self.came[:count]


def test_what_is_too_large_for_a_datagram_goes_by_tcp_and_by_udp_where_nobody_takes_that(
    site, phones
):
    """RFC 3261 §18.1.1, to a trunk of UDP that has both at one port."""
    site.write_config(listen=[f"{{ transport: tcp, address: {site.address} }}"])
    site.start()
    site.import_tariff()
    site.open_account("sales", "100")
    site.import_extensions(("8003", "country", "sales"))
    phone = phones("8003")
    gateway = TwoWays(site.e1_port)

    def came(subject, earlier):
        assert phone.dial("02088886666", Subject=subject).wait_ended()["status"] == 486
        messages = gateway.wait(earlier + 2)[earlier:]
        assert [m.method for _, m in messages] == ["INVITE", "ACK"]
        return messages

    try:
        (way, invite), (acknowledged, _) = came("short", 0)
        assert (way, acknowledged) == ("udp", "udp") and len(invite.text) <= 1300
        large = "x" * 1300
        (way, invite), (acknowledged, _) = came(large, 2)
        assert (way, acknowledged) == ("tcp", "tcp") and len(invite.text) > 1300
        assert invite["via"].startswith("SIP/2.0/TCP ") and invite["subject"] == large
        gateway.close_tcp()
        (way, invite), (acknowledged, _) = came(large, 4)
        assert (way, acknowledged) == ("udp", "udp") and len(invite.text) > 1300
        assert invite["via"].startswith("SIP/2.0/UDP ") and invite["subject"] == large
        counters = site.status()["counters"]
        assert counters["large-requests-by-udp"] == 1
        # It is remembered: nothing is tried there by TCP for a while.
        assert came(large, 6)[0][0] == "udp"
        assert site.status()["counters"]["large-requests-by-udp"] == 1
    finally:
        gateway.close()


def test_a_call_to_a_phone_whose_connection_broke_is_told_so_at_once(tcp, phones):
    caller, callee = phones("8001"), phones("8002", transport="tcp")
    # The connection alone breaks; the phone does not listen where its contact says.
    callee.process.kill()
    callee.process.wait()
    limit = time.monotonic() + 10
    while tcp.status()["counters"]["connections"]:
        assert time.monotonic() < limit, "the connection is still there"
        time.sleep(0.05)
    began = time.monotonic()
    ended = caller.dial("8002").wait_ended()
    assert ended["status"] in (480, 503)
    assert time.monotonic() - began < 3
    assert tcp.registration("8002")["state"] == "connection lost"


def test_tcp_phones_are_back_after_a_kill_and_their_call_goes_on(tcp, phones):
    """Their connections end with the daemon; they register again, and the hang-up finds them."""
    caller = phones("8001", transport="tcp", retry=1)
    callee = phones("8002", transport="tcp", retry=1)
    call, other = talk(caller, callee, "8002")
    since = len(callee.events), len(caller.events)
    tcp.kill()
    tcp.start()
    for phone, place in ((callee, since[0]), (caller, since[1])):
        phone.wait(
            lambda e: e["event"] == "registration" and e["status"] == 200, 30,
            "to register again", place)
    assert tcp.registration("8002")["state"] == "reachable"
    assert tcp.status()["calls"] == 1
    call.hang_up()
    other.wait_ended()
    call.wait_ended()
    record = tcp.wait_record()
    assert (record.disposition, record.released_by) == ("ANSWERED", "caller")
    # And they can be called again.
    since = len(callee.events)
    call = caller.dial("8002")
    other = callee.incoming(since=since)
    other.answer()
    call.wait_answered()
    other.hang_up()
    call.wait_ended()


def test_a_message_torn_at_every_byte_is_answered_on_its_connection(tcp):
    link = connect(tcp)
    for byte in options(tcp, "torn"):
        link.send(bytes([byte]))
    answer = read_message(link)
    assert answer.status == 200
    assert "received=127.0.0.1" in answer["via"]
    link.send(b"\r\n\r\n")
    assert link.recv(10) == b"\r\n"


def test_what_is_too_large_or_has_no_length_is_refused_and_closed(tcp):
    link = connect(tcp)
    link.sendall(options(tcp, "large", b"x" * 70000))
    assert read_message(link).status == 513
    assert link.recv(10) == b""
    link = connect(tcp)
    link.sendall(re.sub(rb"Content-Length: 0\r\n", b"", options(tcp, "endless")))
    assert read_message(link).first_line == "SIP/2.0 400 Missing Content-Length"
    assert link.recv(10) == b""
    assert tcp.status()["counters"]["connections closed: no SIP"] == 2


def test_what_would_be_too_large_with_what_is_ours_is_refused_and_no_connection_closed(tcp):
    """A message may have 65,535 bytes on its way here, and no more than that on its way out."""
    phones = [WireStreamPhone(tcp, user, "tcp", lambda: connect(tcp)) for user in ("8001", "8002")]
    caller, callee = phones
    for phone in phones:
        phone.register()
    uri = f"sip:8002@{REALM}"

    def offer(count):
        return f"{OFFER}a=x:{'y' * (count - len(OFFER) - 6)}\r\n"

    def invite(count, extra=""):
        return caller.ask("INVITE", uri, f"<{uri}>", extra, offer(count))

    call = invite(20000)
    callee.answer(callee.wait_request("INVITE"), 486, "Busy Here")
    assert caller.wait_answer(call.call_id, "INVITE").status == 486
    # The largest that may come.
    call = invite(20000 + 65535 - len(call.sent))
    assert len(call.sent) == 65535
    assert caller.wait_answer(call.call_id, "INVITE").status == 513
    assert callee.wait_request("INVITE", 0.5) is None
    # An answer that fits no longer with the Via of those who were there before.
    vias = "".join(
        f"Via: SIP/2.0/TCP h{place}.test;branch=z9hG4bK{'x' * 80}\r\n" for place in range(30))
    call = invite(1000, vias)
    callee.answer(callee.wait_request("INVITE"), 200, "OK", offer(64000))
    assert caller.wait_answer(call.call_id, "INVITE").status == 502
    assert callee.wait_request("ACK") is not None
    callee.answer(callee.wait_request("BYE"), 200, "OK")
    records = tcp.wait_records(3)
    assert [r.sip_status for r in records] == [486, 513, 502]
    assert all(r.disposition != "ANSWERED" and r.charge == 0 for r in records)
    assert [(a.outcome, a.sip_status) for a in records[1].attempts] == [("failed", 513)]
    # The same connections carry the next call.
    call = caller.dial("8002")
    callee.take()
    call.wait_answered()
    assert call.request("BYE").status == 200
    callee.answer(callee.wait_request("BYE"), 200, "OK")
    assert tcp.wait_records(4)[-1].disposition == "ANSWERED"
    assert "does not parse" not in tcp.log_text()
    for phone in phones:
        phone.close()


def test_one_address_cannot_take_all_connections(site, phones):
    """A thousand of one address are refused beyond its limit; a phone goes on calling meanwhile."""
    site.write_config(
        listen=[f"{{ transport: tcp, address: {site.address} }}"],
        more="connections: { limit: 200, of-peer: 100, idle: 1m }\n")
    site.start()
    site.import_extensions(("8001", "city", None), ("8002", "city", None))
    first, second = phones("8001"), phones("8002")
    flood = []
    for _ in range(300):
        flood.append(connect(site))
    limit = time.monotonic() + 10
    while site.status()["counters"].get("connections refused: too many", 0) < 200:
        assert time.monotonic() < limit, site.status()["counters"]
        time.sleep(0.1)
    status = site.status()
    assert status["counters"]["connections"] == 100
    tables = status["tables"]
    assert (tables["connections"]["used"], tables["connections"]["limit"]) == (100, 200)
    assert all(0 <= row.get("used", 0) <= row["limit"] for row in tables.values()), tables
    # It is looked at every second.
    def of_peer():
        (row,) = (row for row in site.ask("show", "limits") if row["name"] == "connections-of-peer")
        return row

    while of_peer()["used"] != 100:
        assert time.monotonic() < limit, of_peer()
        time.sleep(0.1)
    assert (of_peer()["limit"], of_peer()["key"]) == (100, "connections.of-peer")
    call, other = talk(first, second, "8002")
    call.hang_up()
    other.wait_ended()
    # Whoever says nothing is cut off, and there is room again.
    limit = time.monotonic() + 20
    while site.status()["counters"]["connections"]:
        assert time.monotonic() < limit, site.status()["counters"]
        time.sleep(0.2)
    link = connect(site)
    link.sendall(options(site, "again"))
    assert read_message(link).status == 200
    for link in flood:
        link.close()


def test_a_trunk_of_tcp_needs_a_listener_of_tcp(site):
    site.write_config(e1_more="transport: tcp")
    result = site.run("check")
    assert result.code == 1
    assert "no listener is of transport tcp" in result.text
    assert 'add "- { transport: tcp, address: ... }" to listen' in result.text
    site.write_config(e1_more="transport: sctp")
    assert "transport must be udp or tcp" in site.run("check").text
    site.write_config(listen=[f"{{ transport: tcp, address: {site.address} }}"] * 2)
    assert "is written twice" in site.run("check").text
    assert not os.path.exists(site.path("data"))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_phones_of_ipv6_call_each_other_and_one_of_ipv4(site, phones, transport):
    six = f"[::1]:{site.port}"
    site.write_config(
        listen=[f'"{six}"', f'{{ transport: tcp, address: "{six}" }}'], options_interval=0)
    site.start()
    site.import_extensions(
        ("8001", "city", None), ("8002", "city", None), ("8003", "city", None))
    first, second = (
        phones(user, transport=transport, address="::1", at=six) for user in ("8001", "8002"))
    row = site.registration("8002")
    assert row["transport"] == transport and row["source"].startswith("[::1]:")
    call, other = talk(first, second, "8002")
    assert f"[::1]:{site.port}" in other.invite["via"]
    assert f"[::1]:{site.port}" in other.invite["contact"]
    for end in (call, other):
        end.wait_packets("received", 25)
    other.hang_up()
    call.wait_ended()
    assert site.wait_record().disposition == "ANSWERED"
    # The signalling goes between the families; media are the phones' own.
    third = phones("8003")
    call = third.dial("8001")
    back = first.incoming()
    assert "SIP/2.0/" in back.invite["via"]
    call.hang_up()
    call.wait_ended()
    back.wait_ended()


def registered(site, number, source):
    """A phone that has registered by a connection from there."""
    phone = WireStreamPhone(site, number, "tcp", lambda: connect(site, source))
    phone.register()
    return phone


def held(site, source, count):
    """Connections of a stranger's, each of which has said something that anybody may."""
    links = []
    for number in range(count):
        link = connect(site, source)
        link.sendall(options(site, f"held-{source}-{number}"))
        assert read_message(link).status == 200
        links.append(link)
    return links


def is_open(link):
    link.setblocking(False)
    try:
        return link.recv(10) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        link.settimeout(10)


def test_whoever_proves_itself_in_the_moment_of_a_ban_is_not_cut_off(tcp):
    """Behind one address: a password that is right and then a scanner, both in one piece."""
    source = "127.0.0.66"
    link, other = connect(tcp, source), held(tcp, source, 1)[0]

    def request(method, cseq, extra=""):
        host, port = link.getsockname()
        return (
            f"{method} sip:8002@{REALM} SIP/2.0\r\n"
            f"Via: SIP/2.0/TCP {host}:{port};branch=z9hG4bK{method}{cseq};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:8001@{REALM}>;tag=m\r\n"
            f"To: <sip:8002@{REALM}>\r\nCall-ID: {method}\r\nCSeq: {cseq} {method}\r\n"
            f"{extra}Content-Length: 0\r\n\r\n").encode()

    link.sendall(request("MESSAGE", 1))
    header = authorization(
        read_message(link), "8001", tcp.extensions["8001"], "MESSAGE", f"sip:8002@{REALM}")
    link.sendall(
        request("MESSAGE", 2, header)
        + request("REGISTER", 1, "User-Agent: friendly-scanner\r\n"))
    # The ban is in force when it is closed.
    assert other.recv(100) == b""
    assert [(row["address"], row["reason"]) for row in tcp.ask("show", "bans")] == [
        (source, "scanner")]
    text = b""
    link.sendall(b"\r\n\r\n")
    while not text.endswith(b"\r\n\r\n\r\n"):
        piece = link.recv(65536)
        assert piece, f"the connection was closed after {text!r}"
        text += piece
    # It said what it had to, and got its keep-alive back.
    assert b"CSeq: 2 MESSAGE" in text


def test_strangers_that_prove_nothing_hold_no_connection(site):
    """Two addresses take all of them, and a phone registers all the same and keeps its own."""
    site.write_config(
        listen=[f"{{ transport: tcp, address: {site.address} }}"],
        more="connections: { limit: 20, of-peer: 10, unproved: 5s }\n")
    site.start()
    site.import_extensions(("8001", "city", None), ("8002", "city", None))
    early = registered(site, "8001", "127.0.0.2")
    strangers = held(site, "127.0.0.66", 10) + held(site, "127.0.0.67", 9)
    assert site.status()["counters"]["connections"] == 20
    late = registered(site, "8002", "127.0.0.3")
    counters = site.status()["counters"]
    assert counters["connections closed: nothing proved, for others"] == 1, counters
    assert [is_open(link) for link in strangers] == [False] + [True] * 18
    limit = time.monotonic() + 10
    while any(is_open(link) for link in strangers):
        assert time.monotonic() < limit, site.status()["counters"]
        time.sleep(0.2)
    counters = site.status()["counters"]
    assert counters["connections closed: nothing proved"] == 18, counters
    assert counters["connections"] == 2 and is_open(early.link) and is_open(late.link)
    assert site.registration("8001")["source"].startswith("127.0.0.2:")
    for link in [early, late, *strangers]:
        link.close()


def test_whoever_is_banned_is_not_let_in_until_the_ban_is_lifted(site):
    site.write_config(listen=[f"{{ transport: tcp, address: {site.address} }}"])
    site.start()
    idle = held(site, "127.0.0.66", 1)[0]
    link = connect(site, "127.0.0.66")
    link.sendall(options(site, "scan").replace(
        b"Max-Forwards", b"User-Agent: friendly-scanner\r\nMax-Forwards"))
    assert [row["reason"] for row in site.ask("show", "bans")] == ["scanner"]
    # What it had is closed, and what it opens is closed at once.
    for one in (idle, connect(site, "127.0.0.66")):
        try:
            assert one.recv(10) == b""
        except ConnectionError:
            pass
    assert site.status()["counters"]["connections refused: banned"] == 1
    assert held(site, "127.0.0.67", 1), "another address notices nothing"
    site.do("unban", "127.0.0.66")
    assert held(site, "127.0.0.66", 1)
