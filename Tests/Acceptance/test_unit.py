"""The unit of systemd is confined."""

import re
import subprocess

from tandem_daemon import REPOSITORY, have

UNIT = REPOSITORY + "/systemd/tandem.service"


def test_the_service_is_confined(measured):
    assert have("systemd-analyze"), "systemd is not installed: make test installs it"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT],
        capture_output=True, text=True)
    found = re.search(r"Overall exposure level for tandem\.service: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    measured(f"systemd-analyze security: exposure {found[1]}")
    assert float(found[1]) < 3.0, done.stdout


def test_the_service_notifies_is_watched_and_unprivileged():
    with open(UNIT) as file:
        settings = dict(
            line.strip().split("=", 1) for line in file if "=" in line and line[0] != "#")
    assert settings["Type"] == "notify"
    assert int(re.match(r"\d+", settings["WatchdogSec"])[0]) > 0
    assert settings.get("DynamicUser") == "yes" or settings.get("User") not in (None, "root")
    assert "--config" in settings["ExecStart"]
