"""A NAT on loopback, which forgets a flow over UDP as many at home do."""

import select
import socket
import threading
import time


class NAT:
    """Phones send to `address`, and it goes on to the switch from a port of its own for each of them.

    A flow is forgotten `memory` seconds after the last datagram of the phone, whatever comes from
    outside (RFC 4787 §4.3: "outbound refresh"); what comes later is dropped and counted.
    """

    def __init__(self, server, memory):
        self.server, self.memory = server, memory
        self.inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inside.bind(("127.0.0.1", 0))
        self.port = self.inside.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.flows = {}
        self.dropped = 0
        self.passed_in = []
        self.is_open = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.is_open:
            links = {flow[0]: phone for phone, flow in self.flows.items()}
            for link in select.select([self.inside, *links], [], [], 0.05)[0]:
                try:
                    if link is self.inside:
                        self._out()
                    else:
                        self._in(link, links[link])
                except OSError:
                    # Nobody listens there at the moment, as ICMP says.
                    continue

    def _out(self):
        message, phone = self.inside.recvfrom(65536)
        known = self.flows.get(phone)
        if known and time.monotonic() - known[1] > self.memory:
            # Its old port goes on to be there, and leads nowhere.
            self.flows[("forgotten", *phone, known[1])] = (known[0], 0)
            known = None
        if known is None:
            link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            link.connect(self.server)
            known = (link, 0)
        self.flows[phone] = (known[0], time.monotonic())
        known[0].send(message)

    def _in(self, link, phone):
        message = link.recv(65536)
        if time.monotonic() - self.flows[phone][1] > self.memory:
            self.dropped += 1
            return
        self.passed_in.append(message.split(b"\r\n", 1)[0].decode(errors="replace"))
        self.inside.sendto(message, phone)

    def close(self):
        self.is_open = False
        self.thread.join()
        for link in (self.inside, *(flow[0] for flow in self.flows.values())):
            link.close()
