"""Garbage changes nothing but a counter."""

import random
import socket
import time

SEED = 20261122

INVITE = """\
INVITE sip:8002@{address} SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{n}\r
Max-Forwards: 70\r
From: "Garbage" <sip:8001@tandem.test>;tag=t{n}\r
To: <sip:8002@tandem.test>\r
Call-ID: garbage-{n}\r
CSeq: 1 INVITE\r
Contact: <sip:8001@127.0.0.1:{port}>\r
Content-Type: application/sdp\r
Content-Length: 129\r
\r
v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio 4000 RTP/AVP 8\r
a=rtpmap:8 PCMA/8000\r
a=sendrecv\r
"""

REGISTER = """\
REGISTER sip:tandem.test SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{n}\r
Max-Forwards: 70\r
From: <sip:8001@tandem.test>;tag=t{n}\r
To: <sip:8001@tandem.test>\r
Call-ID: garbage-{n}\r
CSeq: 1 REGISTER\r
Contact: <sip:8001@127.0.0.1:{port}>\r
Expires: 3600\r
Content-Length: 0\r
\r
"""

RESPONSE = """\
SIP/2.0 200 OK\r
Via: SIP/2.0/UDP {address};branch=z9hG4bK{n}\r
From: <sip:8001@tandem.test>;tag=t{n}\r
To: <sip:8002@tandem.test>;tag=u{n}\r
Call-ID: garbage-{n}\r
CSeq: 1 INVITE\r
Content-Length: 0\r
\r
"""


def datagrams(count, port, address):
    """Random bytes, truncated messages and mangled ones, the same for every run of a seed."""
    numbers = random.Random(SEED)
    for n in range(count):
        template = numbers.choice([INVITE, REGISTER, RESPONSE])
        message = template.format(n=n, port=port, address=address).encode()
        kind = n % 4
        if kind == 0:
            # Four bytes or fewer are what phones send to keep their NAT open, and are no SIP.
            yield numbers.randbytes(numbers.randrange(5, 1400))
        elif kind == 1:
            # Always short of the blank line: a header section that does not end.
            yield message[:numbers.randrange(5, message.index(b"\r\n\r\n"))]
        elif kind == 2:
            mangled = bytearray(message)
            for _ in range(numbers.randrange(1, 40)):
                mangled[numbers.randrange(len(mangled))] = numbers.randrange(256)
            yield bytes(mangled)
        else:
            lines = message.split(b"\r\n")
            numbers.shuffle(lines)
            yield b"\r\n".join(lines)


def test_a_thousand_datagrams_of_garbage_change_nothing_but_a_counter(daemon, phones, measured):
    daemon.import_extensions(("8001", "city", None), ("8002", "city", None))
    first, second = phones("8001"), phones("8002")
    steady = ("state", "dialplan", "calls", "registrations", "extensions", "accounts",
              "tariffRows", "callsTotal")
    before = daemon.status()
    pid = daemon.process.pid
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.setblocking(False)
        for n, datagram in enumerate(
            datagrams(1000, sender.getsockname()[1], daemon.address)
        ):
            sender.sendto(datagram, ("127.0.0.1", daemon.port))
            if n % 50 == 49:
                time.sleep(0.01)
    limit = time.monotonic() + 20
    while daemon.status()["received"] - before["received"] < 1000:
        assert time.monotonic() < limit, "the daemon did not count 1,000 datagrams"
        time.sleep(0.1)
    after = daemon.status()
    measured(
        f"{after['received'] - before['received']} datagrams, "
        f"{after['malformed'] - before['malformed']} of them no SIP, "
        f"counters {dict(after['counters'])}")
    assert {key: after[key] for key in steady} == {key: before[key] for key in steady}
    # A quarter is random bytes and a quarter has no end of headers: at least these are no SIP.
    assert after["malformed"] - before["malformed"] >= 500
    assert daemon.records() == []
    assert daemon.process.pid == pid and daemon.process.poll() is None
    assert not second.was_called

    call = first.dial("8002")
    second.incoming().answer()
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    assert daemon.wait_record().disposition == "ANSWERED"


def test_what_callers_write_steers_no_terminal(daemon):
    """Escapes of ECMA-48, single characters of C1 and turned text, in all that a caller chooses."""
    evil = "%1b%5d0;x%07%c2%9b2J%0d%0a%008002%e2%80%ae%ff"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gateway:
        gateway.bind(("127.0.0.1", daemon.pstn_port))
        gateway.settimeout(5)
        message = (
            INVITE.format(n=1, port=daemon.pstn_port, address=daemon.address)
            .partition("Content-Type")[0]
            .replace("sip:8002@", f"sip:{evil}@", 1)
            .replace('"Garbage" <sip:8001@', f'"\x1b[2J\x9b" <sip:{evil}@')
            .replace("Via:", "User-Agent: \x1b[2J\x9b\u202e\r\nVia:", 1)
            + "Content-Length: 0\r\n\r\n")
        gateway.sendto(message.encode(), ("127.0.0.1", daemon.port))
        answers = [gateway.recv(65535) for _ in range(2)]
    assert [int(answer.split(b" ")[1]) for answer in answers] == [100, 484]
    record = daemon.wait_record()
    # All of it stands in the record, behind the NUL too.
    assert record.dialled == record.caller == "\x1b]0;x\x07\x9b2J\r\n\ufffd8002\u202e\ufffd"
    shown = [
        daemon.do("cdr").output, daemon.do("cdr", "--csv").output,
        daemon.do("cdr", "--call", record.call).output,
        daemon.do("explain", "--call", record.call).output,
        daemon.run("cdr", json_output=True).output, daemon.run("explain", "--from", "8001", "--dial",
        "\x1b[2J\x9b").text, daemon.run("hangup", "\x1b[2J").text, daemon.log_text()]
    for text in shown:
        steering = [
            c for c in text if ord(c) < 32 and c not in "\n\t" or 0x7f <= ord(c) < 0xa0
            or c in "\u202a\u202b\u202c\u202d\u202e"]
        assert steering == [], repr(text)
