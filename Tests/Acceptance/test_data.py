"""Backup, restore and audit of a running switch's data."""

import os
import shutil
import sqlite3
import subprocess
from decimal import Decimal

from tandem_daemon import BINARY

NATIONAL = "02088886666"


def test_a_backup_is_restored_to_the_moment_and_the_call_in_it_is_ended(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "5")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    call = phones("8001").dial(NATIONAL)
    call.wait_answered()
    file = daemon.path("backup.sqlite")
    made = daemon.do("backup", file)
    assert file in made.text
    again = daemon.run("backup", file)
    assert again.code == 1 and "there already" in again.text
    good = daemon.do("audit", "--file", file)
    assert "1 running calls: everything fits" in good.text
    call.hang_up()
    call.wait_ended()
    daemon.wait_record()
    daemon.top_up("desk-8001", "3", "later")
    (audit,) = daemon.ask("audit")
    assert audit["good"] and audit["postings"] == 3 and audit["sealed"] == 4

    running = daemon.run("restore", file)
    assert running.code == 1 and "in use" in running.text
    daemon.stop()
    offline = daemon.do("audit")
    assert audit["head"] in offline.text
    done = daemon.do("restore", file)
    assert "1 postings" in done.text and "replaced-1" in done.text
    daemon.start()
    record = daemon.wait_record()
    assert record.released_by == "switch"
    assert daemon.balance("desk-8001") == Decimal(5) - record.charge
    assert daemon.ask("audit")[0]["good"]


def test_an_audit_finds_what_was_changed_behind_the_switch(daemon):
    daemon.open_account("desk-8001", "5")
    daemon.stop()
    with sqlite3.connect(os.path.join(daemon.path("data"), "tandem.sqlite")) as database:
        database.execute("UPDATE account SET balance = 500000000 WHERE id = 'desk-8001'")
        database.execute("DROP TRIGGER posting_is_never_changed")
        database.execute("UPDATE posting SET note = 'a gift'")
    result = daemon.run("audit")
    assert result.code == 1
    assert "account desk-8001 has 500.000000, and its postings add up to 5.000000" in result.text
    assert "posting 1 is not as it was written" in result.text
    (rows,) = daemon.run("audit", json_output=True).rows
    assert not rows["good"] and len(rows["findings"]) == 2
    file = daemon.path("backup.sqlite")
    daemon.do("backup", file)
    refused = daemon.run("restore", file)
    assert refused.code == 1 and "is not taken" in refused.text
    taken = daemon.do("restore", file, "--despite-findings")
    assert "2 things in it do not fit" in taken.text


def test_a_head_that_was_kept_shows_an_end_that_was_cut_off(daemon):
    daemon.open_account("desk-8001", "5")
    file = daemon.path("backup.sqlite")
    made = daemon.do("backup", file)
    (before,) = daemon.ask("audit")
    assert before["head"] in made.text and "1 in the hash chain" in made.text
    daemon.top_up("desk-8001", "3", "later")
    (after,) = daemon.ask("audit", "--head", before["head"])
    assert after["good"] and after["sealed"] == 2
    # The backup is a state of before: in itself it fits.
    assert daemon.run("audit", "--file", file).code == 0
    assert daemon.run("audit", "--file", file, "--head", before["head"].upper()).code == 0
    cut = daemon.run("audit", "--file", file, "--head", after["head"])
    assert cut.code == 1 and f"never was at {after['head']}" in cut.text
    assert daemon.run("audit", "--head", "abc").code == 2


def test_a_restore_that_is_killed_leaves_a_whole_database_at_every_moment(site, faults):
    site.start()
    site.open_account("sales", "20")
    backup = site.path("backup.sqlite")
    site.do("backup", backup)
    site.top_up("sales", "100", "later")
    # What was there has a log beside it.
    site.kill()
    data, kept = site.path("data"), site.path("kept")
    shutil.copytree(data, kept)
    kills = 0
    for place in range(1, 50):
        faults(killed_at=place)
        done = subprocess.run(
            [BINARY, "restore", backup, "--config", site.config],
            env={**os.environ, **site.environment}, capture_output=True, text=True)
        faults()
        balance = site.balance("sales")
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
        kills += 1
        assert balance in (20, 120), f"killed before change {place}"
        shutil.rmtree(data)
        shutil.copytree(kept, data)
    assert balance == 20 and kills >= 3, f"{kills} kills"
    assert site.run("audit").code == 0
    assert not [name for name in os.listdir(data) if "restoring" in name]
