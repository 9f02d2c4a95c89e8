"""The E1 span's own state, read by SNMP from a real snmpd that says what a test wants."""

import os
import subprocess
import time

import pytest

from tandem_daemon import free_port
from test_trunk_health import call_and_hang_up, caller_with_money, trunk
from test_trunks import wait_trunk

LINE_STATUS = ".1.3.6.1.2.1.10.18.6.1.10"
NO_ALARM, LOSS_OF_SIGNAL, LOSS_OF_FRAME = 1, 64, 32


class Agent:
    """snmpd that answers dsx1LineStatus of span 4 with a value of the test's."""

    def __init__(self, folder, port):
        self.folder = str(folder)
        self.port = port
        self.process = None

    def say(self, status, access="rocommunity gateway 127.0.0.1"):
        """Starts it anew with another value."""
        self.close()
        path = f"{self.folder}/agent.conf"
        kept = f"{self.folder}/snmpd-kept"
        os.makedirs(kept, exist_ok=True)
        with open(path, "w") as file:
            file.write(f"""\
agentaddress udp:127.0.0.1:{self.port}
{access}
override {LINE_STATUS}.4 integer {status}
""")
        self.output = open(f"{self.folder}/snmpd.log", "a")
        self.process = subprocess.Popen(
            ["snmpd", "-f", "-Lo", "-C", "-c", path, "-p", f"{self.folder}/snmpd.pid",
             "-I", "-smux"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT,
            env={"SNMP_PERSISTENT_DIR": kept, "PATH": "/usr/sbin:/usr/bin:/bin"})
        limit = time.monotonic() + 10
        while f":{self.port:04X} " not in open("/proc/net/udp").read():
            assert self.process.poll() is None, open(self.output.name).read()
            assert time.monotonic() < limit, "snmpd did not open its port"
            time.sleep(0.01)

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.output.close()
            self.process = None


@pytest.fixture
def agent(site):
    agent = Agent(site.folder, free_port())
    yield agent
    agent.close()


def write_config(site, agent, access="community: gateway"):
    site.write_config(e1_more=f"""\
        span:
          agent: 127.0.0.1:{agent.port}
          {access}
          index: 4
          interval: 1s
        """)


def wait_span(site, state, timeout=20):
    limit = time.monotonic() + timeout
    while (seen := trunk(site, "ip-e1")["signals"]["span"])["state"] != state:
        assert time.monotonic() < limit, f"the span is {seen}, expected {state}"
        time.sleep(0.1)
    return seen


def test_a_span_with_an_alarm_takes_its_trunk_down_and_a_clear_one_up(
    site, phones, gateways, agent
):
    agent.say(NO_ALARM)
    write_config(site, agent)
    e1 = gateways("answer", site.e1_port)
    gateways("answer", site.pstn_port)
    site.start()
    caller = caller_with_money(site, phones)
    assert wait_span(site, "up")["reason"] == "the span has no alarm"
    agent.say(LOSS_OF_SIGNAL | LOSS_OF_FRAME)
    wait_trunk(site, "ip-e1", "down")
    row = trunk(site, "ip-e1")
    assert row["reason"] == "the span has alarms: loss of frame, loss of signal"
    # The gateway itself lives and would take the call: the span says that it is of no use.
    call_and_hang_up(caller)
    assert e1.requests("INVITE") == []
    agent.say(NO_ALARM)
    wait_trunk(site, "ip-e1", "up")
    call_and_hang_up(caller)
    assert len(e1.requests("INVITE")) == 1
    assert [record.route for record in site.wait_records(2)] == ["pstn", "ip-e1"]


def test_an_agent_that_is_silent_takes_no_trunk_down(site, gateways, agent):
    agent.say(NO_ALARM)
    write_config(site, agent)
    site.start()
    wait_span(site, "up")
    agent.close()
    seen = wait_span(site, "unknown")
    assert "no answer" in seen["reason"]
    assert trunk(site, "ip-e1")["state"] in ("up", "unknown")


def test_an_agent_without_that_span_says_so(site, agent):
    agent.say(NO_ALARM)
    write_config(site, agent)
    text = open(site.config).read().replace("index: 4", "index: 5")
    open(site.config, "w").write(text)
    site.start()
    limit = time.monotonic() + 10
    while "there is no such value" not in trunk(site, "ip-e1")["signals"]["span"]["reason"]:
        assert time.monotonic() < limit, trunk(site, "ip-e1")
        time.sleep(0.1)


USERS = """\
createUser tandem SHA-256 "signed as agreed" AES "hidden as agreed"
createUser plain SHA "signed as agreed"
createUser open
rouser tandem priv
rouser plain auth
rouser open noauth"""
SIGNED = "auth-password: signed as agreed"


@pytest.mark.parametrize("access", [
    f"{{ user: tandem, {SIGNED}, privacy-password: hidden as agreed }}",
    f"{{ user: plain, auth: sha, {SIGNED} }}",
    "{ user: open }",
], ids=["encrypted", "signed", "open"])
def test_a_span_is_read_by_a_user_of_snmp_version_3(site, gateways, agent, access):
    keys = access.strip("{ }").split(", ")
    agent.say(NO_ALARM, USERS)
    write_config(site, agent, "\n          ".join(["version: 3", *keys]))
    gateways("answer", site.e1_port)
    site.start()
    assert wait_span(site, "up")["reason"] == "the span has no alarm"
    # The agent starts anew, with another identity and its clock at zero.
    agent.say(LOSS_OF_SIGNAL, USERS)
    wait_trunk(site, "ip-e1", "down")
    assert "loss of signal" in trunk(site, "ip-e1")["reason"]
    agent.say(NO_ALARM, USERS)
    wait_trunk(site, "ip-e1", "up")


@pytest.mark.parametrize("keys,reason", [
    (["user: tandem", "auth-password: signed otherwise", "privacy-password: hidden as agreed"],
     "Authentication failure"),
    (["user: stranger", SIGNED], "Unknown user name"),
    (["user: tandem", SIGNED], "access denied"),
], ids=["wrong-password", "unknown-user", "not-encrypted"])
def test_a_user_whom_the_agent_does_not_know_is_said(site, agent, keys, reason):
    agent.say(NO_ALARM, USERS)
    write_config(site, agent, "\n          ".join(["version: 3", *keys]))
    site.start()
    limit = time.monotonic() + 15
    while reason not in (seen := trunk(site, "ip-e1")["signals"]["span"])["reason"]:
        assert time.monotonic() < limit, seen
        time.sleep(0.1)
    assert "agreed" not in site.log_text(), "a password is in the log"


def test_a_password_that_changes_counts_from_the_reload_on(site, agent):
    agent.say(NO_ALARM, USERS)
    write_config(site, agent, "\n          ".join(["version: 3", "user: plain", "auth: sha", SIGNED]))
    site.start()
    wait_span(site, "up")
    good = open(site.config).read()
    open(site.config, "w").write(good.replace("signed as agreed", "signed otherwise"))
    site.do("reload")
    assert "Authentication failure" in wait_span(site, "unknown")["reason"]
    open(site.config, "w").write(good)
    site.do("reload")
    wait_span(site, "up")
