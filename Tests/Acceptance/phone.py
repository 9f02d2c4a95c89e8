"""The test's end of a telephone: starts `phone_agent.py`, sends commands, waits for events."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time

from sipmessage import SIPMessage

# RTP ports, eighty a phone, below the range that the kernel gives out by itself.
_rtp_bases = itertools.cycle(range(12000, 20000, 80))


class Phone:
    """A pjsua2 telephone. `registrar` is `host:port`, or None for a peer such as a gateway.

    `retry` are the seconds after which it registers again by itself when its connection is gone;
    `authority` is the file of whoever signs the switch's certificate. `address` is its own, `::1` for
    a phone whose signalling is IPv6.
    """

    def __init__(
        self, folder, user, *, domain, registrar=None, password=None, algorithm=None, port=0,
        answers=None, expires=300, transport="udp", retry=0, authority=None,
        address="127.0.0.1", mailbox=False,
    ):
        self.user = user
        self.registrar = registrar
        self.log = os.path.join(folder, f"phone-{user}-{time.time_ns()}.log")
        settings = {
            "user": user, "domain": domain, "registrar": registrar, "password": password,
            "algorithm": algorithm, "port": port, "answers": answers, "expires": expires,
            "log": self.log, "rtp": next(_rtp_bases), "transport": transport, "retry": retry,
            "authority": authority, "address": address,
            "mailbox": mailbox,
        }
        self.events = []
        self.changed = threading.Condition()
        self.ids = itertools.count(1)
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), "phone_agent.py"),
             json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.port = self.wait(lambda e: e["event"] == "ready", 20, "to start")["port"]

    def _read(self):
        for line in self.process.stdout:
            if not line.startswith("{"):
                continue
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.events.append({"event": "ended", "at": time.time()})
            self.changed.notify_all()

    def wait(self, wanted, timeout, what, since=0):
        """The first event from index `since` on for which `wanted` holds."""
        limit = time.monotonic() + timeout
        with self.changed:
            while True:
                for event in self.events[since:]:
                    if wanted(event):
                        return event
                if self.events and self.events[-1]["event"] == "ended":
                    raise AssertionError(f"phone {self.user} ended while waiting for it {what}")
                left = limit - time.monotonic()
                if left <= 0:
                    seen = [
                        {k: v for k, v in e.items() if k not in ("message", "at")}
                        for e in self.events[-12:]
                    ]
                    raise AssertionError(
                        f"phone {self.user}: waited {timeout} s for it {what}; last events {seen}")
                self.changed.wait(left)

    def command(self, do, **arguments):
        number = next(self.ids)
        line = json.dumps({"do": do, "id": number, **arguments}) + "\n"
        self.process.stdin.write(line)
        self.process.stdin.flush()
        reply = self.wait(
            lambda e: e["event"] == "reply" and e["id"] == number, 20, f"to {do}")
        assert "error" not in reply, f"phone {self.user} could not {do}: {reply['error']}"
        return reply

    def register(self, timeout=20):
        """Registers and returns the final event: its `status`, `reason`, `message`."""
        since = len(self.events)
        self.command("register", renew=True)
        return self.wait(
            lambda e: e["event"] == "registration", timeout, "to register", since)

    def unregister(self, timeout=20):
        since = len(self.events)
        self.command("register", renew=False)
        return self.wait(
            lambda e: e["event"] == "registration", timeout, "to unregister", since)

    def dial(self, number, host=None, **headers):
        """Calls a number; `headers` are more fields of the INVITE."""
        reply = self.command(
            "dial", uri=f"sip:{number}@{host or self.registrar}", headers=headers)
        return Call(self, reply["call"])

    def send_text(self, number, text):
        """Sends a text and returns its final `status`, and `reason`."""
        since = len(self.events)
        self.command("text", uri=f"sip:{number}@{self.registrar}", text=text)
        return self.wait(
            lambda e: e["event"] == "text_status", 20, "to hear of its text", since)

    def wait_text(self, timeout=20, since=0):
        """The text that came: `sender`, `text`."""
        return self.wait(lambda e: e["event"] == "text", timeout, "to get a text", since)

    def watch(self, number):
        """Shows from now on whether an extension can be reached."""
        self.command("watch", uri=f"sip:{number}@{self.registrar}")

    def wait_presence(self, wanted, timeout=20, since=0):
        return self.wait(
            lambda e: e["event"] == "presence" and wanted(e), timeout, "to see presence", since)

    def incoming(self, timeout=20, since=0):
        event = self.wait(
            lambda e: e["event"] == "incoming", timeout, "to be called", since)
        return Call(self, event["call"], SIPMessage(event["message"], event["at"]))

    @property
    def was_called(self):
        return any(e["event"] == "incoming" for e in self.events)

    def log_text(self):
        """The library's own log so far, every SIP message in it."""
        if self.process.poll() is None:
            self.command("write_log")
        with open(self.log, errors="replace") as file:
            return file.read()

    def close(self):
        if self.process.poll() is None:
            try:
                self.process.stdin.write('{"do": "quit"}\n')
                self.process.stdin.close()
                self.process.wait(5)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()


class Call:
    """One call of a phone, either direction."""

    def __init__(self, phone, number, invite=None):
        self.phone = phone
        self.number = number
        self.invite = invite

    def _wait(self, wanted, timeout, what):
        return self.phone.wait(
            lambda e: e.get("call") == self.number and wanted(e), timeout, what)

    def wait_state(self, state, timeout=20):
        return self._wait(
            lambda e: e["event"] == "state" and e["state"] == state, timeout, f"to be {state}")

    def wait_ringing(self, timeout=20):
        return self._wait(
            lambda e: e["event"] == "state" and e["state"] == "EARLY", timeout, "to ring back")

    def wait_settled(self, timeout=20):
        """Waits until the call is confirmed or has ended: `state`, `status`, `reason`."""
        return self._wait(
            lambda e: e["event"] == "state" and e["state"] in ("CONFIRMED", "DISCONNECTED"),
            timeout, "to be answered")

    def wait_answered(self, timeout=20):
        """Waits until the call is confirmed; a call that ends instead is reported as it ended."""
        event = self.wait_settled(timeout)
        assert event["state"] == "CONFIRMED", f"{event['status']} {event['reason']}"
        return event

    def wait_ended(self, timeout=20):
        """The end: `status`, `reason`, `at`, `packets`."""
        return self.wait_state("DISCONNECTED", timeout)

    @property
    def is_up(self):
        states = [
            e["state"] for e in self.phone.events
            if e["event"] == "state" and e["call"] == self.number
        ]
        return bool(states) and states[-1] == "CONFIRMED"

    def messages(self):
        """SIP messages of this call's transactions as the phone met them."""
        return [
            SIPMessage(e["message"], e["at"]) for e in list(self.phone.events)
            if e["event"] == "received" and e["call"] == self.number and e["message"]
        ]

    def received(self, start):
        """Messages received whose first line begins with `start`, each counted once."""
        seen = {}
        for message in self.messages():
            if message.first_line.startswith(start):
                seen.setdefault(message.text, message)
        return list(seen.values())

    def ring(self):
        self.phone.command("answer", call=self.number, status=180)

    def answer(self):
        self.phone.command("answer", call=self.number, status=200)
        return self.wait_answered()

    def reject(self, status, **headers):
        self.phone.command("answer", call=self.number, status=status, headers=headers)

    def replaces(self):
        """The value of Replaces by which another phone takes the place of this one, the caller."""
        answer = self.received("SIP/2.0 200")[0]
        return f"{answer['call-id']};to-tag={answer.tag('to')};from-tag={answer.tag('from')}"

    def hang_up(self):
        self.phone.command("hang_up", call=self.number)

    def hold(self):
        self.phone.command("hold", call=self.number)

    def resume(self):
        self.phone.command("resume", call=self.number)

    def transfer(self, number, **headers):
        """Sends the other side on to a number; `headers` are more fields of the REFER."""
        host = self.phone.registrar
        self.phone.command(
            "transfer", call=self.number, uri=f"sip:{number}@{host}", headers=headers)

    def transfer_to(self, consulted):
        """Connects the other side with that of another call of this phone."""
        self.phone.command("transfer", call=self.number, consulted=consulted.number)

    def wait_transferred(self, timeout=20):
        """The last word on the transfer: `status`, `reason`."""
        return self._wait(
            lambda e: e["event"] == "transfer" and e["final"], timeout, "to be told of its transfer")

    def send_info(self):
        self.phone.command("info", call=self.number)

    def wait_media(self, after, timeout=20):
        return self.phone.wait(
            lambda e: e.get("call") == self.number and e["event"] == "media", timeout,
            "to agree on media", after)

    def packets(self):
        """RTP packets sent and received so far."""
        return self.phone.command("packets", call=self.number)["packets"]

    def wait_packets(self, direction, count, timeout=10):
        """Waits until `count` more RTP packets went in this direction; their number so far."""
        first = self.packets()[direction]
        limit = time.monotonic() + timeout
        while True:
            now = self.packets()[direction]
            if now - first >= count:
                return now
            assert time.monotonic() < limit, (
                f"phone {self.phone.user}: {now - first} packets {direction} in {timeout} s, "
                f"expected {count}")
            time.sleep(0.05)
