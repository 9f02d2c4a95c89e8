"""The E1 span's own state, read by SNMP from a real snmpd that says what a test wants."""

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

    def say(self, status):
        """Starts it anew with another value."""
        self.close()
        path = f"{self.folder}/snmpd.conf"
        with open(path, "w") as file:
            file.write(f"""\
agentaddress udp:127.0.0.1:{self.port}
rocommunity gateway 127.0.0.1
override {LINE_STATUS}.4 integer {status}
""")
        self.output = open(f"{self.folder}/snmpd.log", "a")
        self.process = subprocess.Popen(
            ["snmpd", "-f", "-Lo", "-C", "-c", path, "-p", f"{self.folder}/snmpd.pid",
             "-I", "-smux"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT,
            env={"SNMP_PERSISTENT_DIR": self.folder, "PATH": "/usr/sbin:/usr/bin:/bin"})
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


def write_config(site, agent):
    site.write_config(e1_more=f"""\
        span:
          agent: 127.0.0.1:{agent.port}
          community: gateway
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
