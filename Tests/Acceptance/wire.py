"""A phone that writes each of its messages itself, for what no good phone sends. It checks nothing."""

import itertools
import os
import re
import select
import socket
import ssl
import time

from sipmessage import SIPMessage, authorization
from tandem_daemon import REALM

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n")


def connect(site, source="127.0.0.1", *, authority=None, certificate=None):
    """A connection to the switch; by TLS with an `authority`, shows the files of a `certificate`."""
    link = socket.create_connection(
        ("127.0.0.1", site.tls_port if authority else site.port), timeout=10,
        source_address=(source, 0))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if authority is None:
        return link
    context = ssl.create_default_context(cafile=authority.certificate)
    if certificate:
        context.load_cert_chain(*certificate)
    return context.wrap_socket(link, server_hostname="127.0.0.1")


class WirePhone:
    """A UDP socket of `address` that talks with the switch alone. It knows MD5.

    Behind a NAT it sends to the `nat` of this port, and takes `private` for its own address and port.
    """

    transport = "UDP"

    def __init__(self, site, user, address="127.0.0.1", port=0, nat=None, private=None):
        self.peer = ("127.0.0.1", nat or site.port)
        self.bind(address, port)
        self._begin(site, user, private or "%s:%d" % self.link.getsockname())

    def bind(self, address="127.0.0.1", port=0):
        """From now on from another port, as behind a NAT that has forgotten the one before."""
        self.link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.link.bind((address, port))
        self.link.connect(self.peer)

    def _begin(self, site, user, address):
        self.user, self.password = user, site.extensions.get(user, "none")
        self.address = address
        way = "" if self.transport == "UDP" else f";transport={self.transport.lower()}"
        self.contact = f"<sip:{user}@{address}{way}>"
        self.heard = []
        self.cseq = itertools.count(1)

    def close(self):
        self.link.close()

    def send(self, text):
        self.link.sendall(text.encode())

    def receive(self):
        """The messages that have come; waits for the first."""
        return [SIPMessage(self.link.recv(65535).decode(errors="replace"))]

    def wait(self, wanted, timeout=10):
        """The first message for which `wanted` holds; None when there is none in time."""
        limit = time.monotonic() + timeout
        while True:
            for place, message in enumerate(self.heard):
                if wanted(message):
                    return self.heard.pop(place)
            left = max(limit - time.monotonic(), 0)
            if not select.select([self.link], [], [], left)[0]:
                return None
            try:
                self.heard += self.receive()
            except ConnectionRefusedError:
                # An earlier message had no listener.
                continue

    def wait_request(self, method, timeout=10):
        return self.wait(lambda m: m.status is None and m.method == method, timeout)

    def wait_answer(self, call_id, method, timeout=10):
        """The final response to the last request of this method in this call."""
        return self.wait(
            lambda m: (m.status or 0) >= 200 and m.method == method and m["call-id"] == call_id,
            timeout)

    def via(self):
        return f"SIP/2.0/{self.transport} {self.address};rport;branch=z9hG4bK{os.urandom(8).hex()}"

    def write(self, method, uri, *, sender, to, call_id, cseq, via=None, extra="", body=""):
        body_type = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\nVia: {via or self.via()}\r\nMax-Forwards: 70\r\n"
            f"From: {sender}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: {self.contact}\r\n{extra}{body_type}Content-Length: {len(body)}\r\n\r\n{body}")

    def ask(self, method, uri, to, extra="", body="", call_id=None):
        """Sends a request outside of any call, proves its password; the dialog that it may begin."""
        dialog = WireDialog(self, call_id or os.urandom(8).hex())
        dialog.local = f"<sip:{self.user}@{REALM}>;tag={os.urandom(4).hex()}"
        dialog.remote = to
        for attempt in (1, 2):
            dialog.cseq, dialog.via = next(self.cseq), self.via()
            dialog.sent = self.write(
                method, uri, sender=dialog.local, to=to, call_id=dialog.call_id,
                cseq=dialog.cseq, via=dialog.via, extra=extra, body=body)
            self.send(dialog.sent)
            if attempt == 1:
                challenge = self.wait_answer(dialog.call_id, method)
                assert challenge.status == 401, challenge
                extra += authorization(challenge, self.user, self.password, method, uri)
        return dialog

    def register(self, extra="", call_id=None):
        dialog = self.ask(
            "REGISTER", f"sip:{REALM}", f"<sip:{self.user}@{REALM}>", f"Expires: 300\r\n{extra}",
            call_id=call_id)
        answer = self.wait_answer(dialog.call_id, "REGISTER")
        assert answer.status == 200, answer
        return answer

    def subscribe(self, event, number):
        uri = f"sip:{number}@{REALM}"
        dialog = self.ask("SUBSCRIBE", uri, f"<{uri}>", f"Event: {event}\r\nExpires: 600\r\n")
        answer = self.wait_answer(dialog.call_id, "SUBSCRIBE")
        assert answer.status == 200, answer

    def wait_told(self, timeout=20):
        """The next NOTIFY, which is answered."""
        notify = self.wait_request("NOTIFY", timeout)
        assert notify, f"{self.user} is told nothing"
        self.answer(notify, 200, "OK")
        return notify

    def dial(self, number, extra=""):
        uri = f"sip:{number}@{REALM}"
        return self.ask("INVITE", uri, f"<{uri}>", extra, OFFER)

    def answer(self, request, status, phrase, body="", tag="wire"):
        to = request["to"] if ";tag=" in request["to"] else f"{request['to']};tag={tag}"
        vias = "".join(f"Via: {via}\r\n" for via in request.all("via"))
        body_type = "Content-Type: application/sdp\r\n" if body else ""
        self.send(
            f"SIP/2.0 {status} {phrase}\r\n{vias}From: {request['from']}\r\nTo: {to}\r\n"
            f"Call-ID: {request['call-id']}\r\nCSeq: {request['cseq']}\r\n"
            f"Contact: {self.contact}\r\n{body_type}Content-Length: {len(body)}\r\n\r\n{body}")

    def take(self, timeout=10):
        """Answers the call that comes; its dialog."""
        invite = self.wait_request("INVITE", timeout)
        assert invite, f"{self.user} was not called"
        self.answer(invite, 200, "OK", OFFER)
        assert self.wait_request("ACK"), f"{self.user} has no ACK"
        dialog = WireDialog(self, invite["call-id"])
        dialog.local, dialog.remote = f"{invite['to']};tag=wire", invite["from"]
        dialog.target = re.search("<([^>]+)>", invite["contact"])[1]
        dialog.cseq = 0
        return dialog


class WireStreamPhone(WirePhone):
    """The same by TCP or TLS, from behind a NAT: `connect()` gives a connection to the switch."""

    def __init__(self, site, user, transport, connect, private="192.168.7.7:5061"):
        self.transport, self.connect = transport.upper(), connect
        self._begin(site, user, private)
        self.reconnect()

    def reconnect(self):
        """Another connection of the same phone; the old one is closed by `close`, or is there still."""
        self.link, self.rest = self.connect(), b""

    def receive(self):
        piece = self.link.recv(65535)
        assert piece, f"the connection of {self.user} is closed"
        self.rest += piece
        # What TLS has read already is not announced by the socket.
        while getattr(self.link, "pending", lambda: 0)():
            self.rest += self.link.recv(65535)
        messages = []
        while True:
            head, end, body = self.rest.partition(b"\r\n\r\n")
            length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1]) if end else 0
            if not end or len(body) < length:
                return messages
            messages.append(SIPMessage((head + end + body[:length]).decode(errors="replace")))
            self.rest = body[length:]


class WireDialog:
    """One call of a WirePhone. `sent` is its INVITE, `target` where the switch is reached in it."""

    def __init__(self, phone, call_id):
        self.phone, self.call_id, self.target = phone, call_id, None

    def wait_answered(self):
        answer = self.phone.wait_answer(self.call_id, "INVITE")
        assert answer and answer.status == 200, answer
        self.remote = answer["to"]
        self.target = re.search("<([^>]+)>", answer["contact"])[1]
        self.phone.send(self.phone.write(
            "ACK", self.target, sender=self.local, to=self.remote, call_id=self.call_id,
            cseq=self.cseq))
        return answer

    def request(self, method, extra="", body="", by=None, cseq=None):
        """Sends a request in the call, through another phone's socket with `by`; its final response."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        phone = by or self.phone
        phone.send(phone.write(
            method, self.target, sender=self.local, to=self.remote, call_id=self.call_id,
            cseq=cseq, extra=extra, body=body))
        return phone.wait_answer(self.call_id, method)
