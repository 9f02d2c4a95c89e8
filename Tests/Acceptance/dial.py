"""A telephone for a terminal: registers, calls, talks for some seconds, hangs up.

    dial.py USER PASSWORD NUMBER [SECONDS] [HOST:PORT] [REALM]
"""

import sys
import tempfile
import time

from phone import Phone


def main(user, password, number, seconds="20", switch="127.0.0.1:5060", realm="tandem.local"):
    with tempfile.TemporaryDirectory() as folder:
        phone = Phone(folder, user, domain=realm, registrar=switch, password=password)
        try:
            registration = phone.register()
            print(f"registered as {user}: {registration['status']} {registration['reason']}")
            call = phone.dial(number)
            # Every state that the call reaches, until it is over or has lasted long enough.
            end = time.monotonic() + float(seconds)
            seen = 0
            ended = None
            while ended is None and time.monotonic() < end:
                events = [e for e in phone.events if e["event"] == "state"]
                for event in events[seen:]:
                    print(f"{event['state'].lower():<13} {event['status']} {event['reason']}")
                    if event["state"] == "DISCONNECTED":
                        ended = event
                seen = len(events)
                time.sleep(0.05)
            if ended is None:
                call.hang_up()
                ended = call.wait_ended()
                print(f"hung up after {seconds} s")
            return 0
        finally:
            phone.close()


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 7:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
