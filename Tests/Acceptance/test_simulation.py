"""What `tandem simulate` says of a world in which the switch traps."""

import os
import re
import signal
import subprocess
import time

from tandem_daemon import BINARY


def trap_in_worlds_with(fault, pid):
    """Sends the signal of a trap to each world of `pid` that has this fault."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    for child in children:
        try:
            with open(f"/proc/{child}/cmdline") as file:
                words = file.read().split("\0")
            if "--unshrunk" in words:
                if fault in words[words.index("--faults") + 1].split(","):
                    os.kill(int(child), signal.SIGILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


def test_a_world_in_which_the_switch_traps_is_named_and_made_smaller():
    process = subprocess.Popen(
        [BINARY, "simulate", "--seeds", "100000", "--minutes", "3", "--faults",
         "loss,duplication,nat"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(2)
        process.send_signal(signal.SIGILL)
        limit = time.monotonic() + 120
        while process.poll() is None:
            assert time.monotonic() < limit, "it is not made smaller"
            trap_in_worlds_with("nat", process.pid)
            time.sleep(0.01)
        output, errors = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 1, errors
    named = re.search(
        r"the switch trapped in simulate --seed (\d+) --minutes 3 --faults loss,duplication,nat",
        errors.replace("tandem simulate", "simulate"))
    assert named, errors
    assert f"repeat it, shrunk: tandem simulate --seed {named[1]} --minutes 1 --faults nat\n" in (
        output), output
    assert "  the switch traps" in output
