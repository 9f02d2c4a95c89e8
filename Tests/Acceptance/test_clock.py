"""A wall clock that is set by hours while calls run, and back: it labels, and decides no money."""

import time
from decimal import Decimal

import pytest

NATIONAL = "02088886666"
STEP_SECONDS = 6
STEP_PRICE = Decimal("0.07")
HOUR = 3600
DAY = 86400


@pytest.fixture
def wall(site, faults):
    """A daemon whose wall clock `wall(seconds)` moves away from the machine's."""
    site.start()
    site.import_tariff()
    return lambda seconds: faults(clock_seconds=seconds)


def test_a_clock_that_is_stepped_by_hours_changes_no_charge(site, wall, phones, gateways):
    e1 = gateways("answer", site.e1_port)
    site.open_account("sales", "10")
    site.import_extensions(
        ("8001", "country", "sales"), ("8003", "city", None), ("8004", "city", None))
    first, third, fourth = phones("8001"), phones("8003"), phones("8004")
    call = first.dial(NATIONAL)
    begun = call.wait_answered()["at"]
    for shift in (5 * HOUR, -7 * HOUR, 40 * DAY, 0):
        wall(shift)
        time.sleep(2.2)
        assert call.is_up, f"cut when the clock was set by {shift} s"
    # Phones that are registered stay reached.
    inside = third.dial("8004")
    fourth.incoming().answer()
    inside.wait_answered()
    inside.hang_up()
    inside.wait_ended()
    wall(-3 * HOUR)
    time.sleep(1.5)
    call.hang_up()
    lasted = call.wait_ended()["at"] - begun
    e1.wait_request("BYE")
    records = site.wait_records(2)
    (record,) = [record for record in records if record.charge]
    assert abs(record.billed_seconds - lasted) <= 2
    assert record.charge == record.steps * STEP_PRICE
    assert (record.steps - 1) * STEP_SECONDS - 1 <= lasted <= record.steps * STEP_SECONDS + 1
    assert site.balance("sales") == 10 - record.charge
    # A crash finds another wall clock than the journal's: the machine's own clock tells how long.
    second = first.dial(NATIONAL)
    begun = second.wait_answered()["at"]
    time.sleep(0.5)
    site.kill()
    wall(9 * HOUR)
    site.start()
    assert second.is_up
    # Nor has it ended a registration.
    registered = {row["extension"] for row in site.ask("show", "registrations")}
    assert registered == {"8001", "8003", "8004"}
    second.hang_up()
    lasted = second.wait_ended()["at"] - begun
    record = site.wait_records(3)[-1]
    assert record.charge == record.steps * STEP_PRICE
    assert (record.steps - 1) * STEP_SECONDS - 1 <= lasted <= record.steps * STEP_SECONDS + 1
    audit = site.run("audit")
    assert audit.code == 0, audit.text


def test_postings_of_a_season_ago_are_archived_and_the_statement_still_adds_up(
    site, wall, phones, gateways
):
    gateways("answer", site.e1_port)
    wall(-100 * DAY)
    time.sleep(1.5)
    site.open_account("sales", "10")
    site.import_extensions(("8001", "country", "sales"))
    phone = phones("8001")

    def one_call():
        call = phone.dial(NATIONAL)
        call.wait_answered()
        call.hang_up()
        call.wait_ended()

    one_call()
    old = site.wait_record()
    wall(0)
    time.sleep(1.5)
    one_call()
    site.wait_records(2)
    before = site.statement("sales")
    assert len(before) == 3
    text = site.do("account", "archive", "--before", time.strftime(
        "%Y-%m-%d", time.localtime(time.time() - 40 * DAY))).text
    assert text.startswith("2 postings")
    assert site.statement("sales") == before
    # The archive knows ids and charges as before.
    again = site.top_up("sales", "10", "first-sales")
    assert "done before" in again.text
    refund = ("account", "refund", "sales", "--note", "late", "--call", old.call)
    assert site.run(*refund, "0.08", "--id", "1").code != 0
    site.do(*refund, "0.07", "--id", "1")
    assert site.balance("sales") == 10 - STEP_PRICE
    site.kill()
    site.start()
    assert len(site.statement("sales")) == 4
    audit = site.run("audit")
    assert audit.code == 0, audit.text
