"""The torture messages of RFC 4475 and RFC 5118, and the largest one there is, over real connections."""

import glob
import os

import pytest

from test_connections import options, read_message, tcp  # noqa: F401
from wire import connect

TORTURE = os.path.join(os.path.dirname(__file__), "..", "SIPTests", "Torture")
# Where it ends cannot be told: it is answered, and the connection is over.
OVER = {"ncl", "mcl01", "inv2543"}
# It says that it is longer than it is.
UNFINISHED = {"clerr"}
LARGEST = 65_535


def read_until(link, call_id):
    """The statuses of all answers up to that to a request of ours."""
    text, statuses = b"", []
    while True:
        head, end, rest = text.partition(b"\r\n\r\n")
        if end:
            statuses.append(int(head.split(b" ", 2)[1]))
            if f"Call-ID: {call_id}\r\n".encode() in head + b"\r\n":
                return statuses
            text = rest
            continue
        piece = link.recv(65536)
        assert piece, f"the connection was closed after {statuses} {text!r}"
        text += piece


def test_every_torture_message_byte_by_byte_leaves_the_connection_as_it_should_be(tcp):  # noqa: F811
    paths = sorted(glob.glob(TORTURE + "/*.dat") + glob.glob(TORTURE + "/IPv6/*.dat"))
    assert len(paths) == 49 + 12
    before = tcp.status()
    for path in paths:
        name = os.path.basename(path)[:-4]
        with open(path, "rb") as file:
            message = file.read()
        link = connect(tcp)
        for byte in message:
            link.send(bytes([byte]))
        if name in OVER:
            assert read_message(link).status == 400, name
            assert link.recv(10) == b"", name
        elif name not in UNFINISHED:
            link.sendall(options(tcp, f"after-{name}"))
            statuses = read_until(link, f"after-{name}")
            assert statuses[-1] == 200, (name, statuses)
            assert len(statuses) <= 3 and all(s < 600 for s in statuses), (name, statuses)
        link.close()
    after = tcp.status()
    assert after["counters"]["connections closed: no SIP"] == len(OVER)
    assert (after["calls"], after["callsTotal"]) == (0, before["callsTotal"])
    assert tcp.records() == []


@pytest.mark.parametrize("size", [1448, 7, LARGEST])
def test_sixty_four_kilobytes_with_hundreds_of_fields_are_answered(tcp, size):  # noqa: F811
    vias = "".join(f"Via: SIP/2.0/TCP h{n}.example.com;branch=z9hG4bKv{n}\r\n" for n in range(99))
    fields = "".join(f"X-{n}: {n}\r\n" for n in range(100))

    def message(length):
        text = options(tcp, f"large{size}").decode()
        text = text.replace("From:", vias + fields + "From:")
        body = length - len(text.replace("Content-Length: 0", "Content-Length: 00000"))
        return text.replace("Content-Length: 0", f"Content-Length: {body:05}").encode() + b"b" * body

    whole = message(LARGEST)
    assert len(whole) == LARGEST
    link = connect(tcp)
    for place in range(0, LARGEST, size):
        link.sendall(whole[place:place + size])
    answer = read_message(link)
    assert answer.status == 200
    assert len([name for name, _ in answer.fields if name == "via"]) == 100
    link.sendall(options(tcp, "after"))
    assert read_message(link).status == 200
    link.sendall(message(LARGEST + 1))
    assert read_message(link).status == 513
    assert link.recv(10) == b""
