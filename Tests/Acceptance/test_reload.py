"""A broken dialplan never comes into force; a good one does without touching running calls."""

import re
import signal
import subprocess
import time

import pytest

from tandem_daemon import BINARY, DIALPLAN, REPOSITORY


def broken(text=DIALPLAN):
    """The dialplan with `contry` where a level is asked for, and where that is."""
    lines = text.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith("level world"))
    lines[index] = "level world    may contry + international"
    return "\n".join(lines) + "\n", index + 1, lines[index].index("contry") + 1


def assert_names_the_place(daemon, text, line, column):
    name = re.escape(daemon.dialplan.rsplit("/", 1)[1])
    assert re.search(rf"{name}:{line}:{column}\b", text), (
        f"no {name}:{line}:{column} in\n{text}")
    assert "contry" in text


def test_check_names_file_line_and_column(site):
    assert site.run("check").code == 0
    text, line, column = broken()
    site.write_dialplan(text)
    result = site.run("check")
    assert result.code == 1
    assert_names_the_place(site, result.text, line, column)
    assert "country" in result.text, "no suggestion"


def test_a_broken_dialplan_is_refused_at_start(site):
    text, line, column = broken()
    site.write_dialplan(text)
    site.spawn()
    assert site.process.wait(20) == 1
    assert_names_the_place(site, site.log_text(), line, column)


def test_a_failing_expectation_is_refused_at_start(site):
    site.write_dialplan(DIALPLAN + "expect 8100 (city) dials 02088886666 -> via pstn\n")
    site.spawn()
    assert site.process.wait(20) == 1
    line = len(DIALPLAN.splitlines()) + 1
    assert f"site.dialplan:{line}:" in site.log_text()


@pytest.mark.parametrize("how", ["reload", "SIGHUP"])
def test_a_broken_reload_keeps_running_calls_and_the_old_rules(daemon, phones, gateways, how):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "50")
    daemon.import_extensions(("8001", "country", "desk-8001"), ("8002", "country", "desk-8001"))
    first, second = phones("8001"), phones("8002")
    call = first.dial("02088886666")
    call.wait_answered()
    version = daemon.status()["dialplan"]
    text, line, column = broken()
    daemon.write_dialplan(text)
    if how == "reload":
        result = daemon.run("reload")
        assert result.code == 1
        assert_names_the_place(daemon, result.text, line, column)
    else:
        daemon.process.send_signal(signal.SIGHUP)
        limit = time.monotonic() + 10
        while f"site.dialplan:{line}:{column}" not in daemon.log_text():
            assert time.monotonic() < limit, "the log does not name the place"
            time.sleep(0.05)
    assert daemon.status()["dialplan"] == version
    assert call.is_up
    assert len(daemon.ask("show", "calls")) == 1
    other = second.dial("02088886666")
    other.wait_answered()
    for end in (call, other):
        end.hang_up()
        end.wait_ended()
    daemon.wait_records(2)


def test_a_good_reload_rules_the_next_call_and_leaves_the_running_one(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "50")
    daemon.import_extensions(("8001", "country", "desk-8001"), ("8002", "country", "desk-8001"))
    first, second = phones("8001"), phones("8002")
    call = first.dial("02088886666")
    call.wait_answered()
    version = daemon.status()["dialplan"]
    rules = [line for line in DIALPLAN.splitlines() if not line.startswith("expect")]
    text = "\n".join(rules).replace("may city + mobile national", "may city + mobile")
    daemon.write_dialplan(text + "\n")
    daemon.do("reload")
    assert daemon.status()["dialplan"] != version
    assert call.is_up
    assert second.dial("02088886666").wait_ended()["status"] == 403
    call.hang_up()
    call.wait_ended()
    daemon.wait_records(2)


def test_calls_go_on_by_the_old_rules_while_a_big_plan_is_read(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "50")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    phone = phones("8001")
    old = daemon.status()["dialplan"]
    with open(daemon.path("far.numbers"), "w") as file:
        file.writelines(f"03{number:06}!\n" for number in range(600_000))
    daemon.write_dialplan(DIALPLAN + 'class far from "far.numbers"\nroute far via pstn\n'
                          "level distant may house + far\n"
                          "rule closed { from 8001  to national  refuse }\n")
    reload = subprocess.Popen(
        [BINARY, "reload", "--config", daemon.config], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    try:
        call = phone.dial("02088886666")
        call.wait_answered()
        assert daemon.status()["dialplan"] == old
        call.hang_up()
        call.wait_ended()
        assert reload.poll() is None, "the plan was read before the call had ended"
        output, _ = reload.communicate(timeout=60)
    finally:
        reload.kill()
    assert reload.returncode == 0, output
    new = daemon.status()["dialplan"]
    assert new != old and new in output
    assert phone.dial("02088886666").wait_ended()["status"] == 403
    answered, refused = daemon.wait_records(2)
    assert (answered.row["dialplan"], refused.row["dialplan"]) == (old, new)


def test_the_configuration_that_is_shipped_passes_its_own_check(site):
    site.config = REPOSITORY + "/Config/tandem.yaml"
    result = site.run("check")
    assert result.code == 0, result.text
