"""Prices and receipts against a meter that was written from the README alone."""

import random
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from rating import Tariff, by_offsets, utc
from tandem_daemon import DIALPLAN

BERLIN = ZoneInfo("Europe/Berlin")

PRICES = """\
currency,CNY
holiday,2026-10-01..2026-10-07
holiday,2026-12-25
band,night,mon-fri 21:00-07:00; sun holiday 22:30-05:15
band,rest,sat sun holiday 00:00-24:00
prefix,name,connect_fee,steps,band,free_seconds,minimum,rounding
020,plain,0.10,0.22/180 0.11/60,,,,
021,banded,0.10,0.07/6,,10,0.20,up/0.01
021,banded,0,0.04/6,night,,,
021,banded,0.03,0.05/6,rest,,,
024,stepped,0,1/180 0.50/60,,,,half-even/0.1
024,stepped,0.01,0.0133/7,night,,,
025,free at night,0.05,0.60/60,,,0.3,half-up/0.05
025,free at night,0,,night,,,
"""


@pytest.fixture
def berlin(site):
    site.write_dialplan(DIALPLAN.replace("Asia/Shanghai", "Europe/Berlin"))
    site.start()
    path = site.path("prices.csv")
    with open(path, "w") as file:
        file.write(PRICES)
    site.do("tariff", "import", path)
    return site


def sum_of_lines(lines):
    """What the lines of a receipt add up to; the sum stands last in each, or before a band's name."""
    total = Decimal(0)
    for line in lines:
        text = line.split(",")[0]
        if not text.endswith(" free"):
            total += Decimal(text.split()[-1])
    return total


def test_prices_at_any_hour_are_what_an_independent_meter_counts(berlin, measured):
    tariff = Tariff(PRICES)
    generator = random.Random(20261125)
    moments = [
        # Clocks go forward, clocks go back, holidays, a turn of the year.
        datetime(2026, 3, 28, 23, 30), datetime(2026, 10, 24, 23, 59), datetime(2026, 9, 30, 20, 58),
        datetime(2026, 12, 24, 20, 59), datetime(2026, 12, 31, 23, 0), datetime(2028, 3, 26, 0, 1),
        datetime(2024, 10, 26, 22, 29),
    ]
    count = 0
    for turn in range(60):
        number = generator.choice(["020", "021", "024", "025"]) + "88886666"
        if turn < 21:
            at = moments[turn % len(moments)]
            number = ["021", "024", "025"][turn // len(moments)] + "88886666"
        else:
            at = datetime(2026, 1, 1) + timedelta(minutes=generator.randrange(365 * 1440))
            # An hour that comes twice, or not at all, says not which moment is meant.
            if at.hour == 2:
                at += timedelta(hours=1)
        seconds = generator.choice([0, 1, 10, 11, 60, 61, 185, generator.randrange(21600)])
        if turn < 21:
            seconds += 3600 * 6
        (row,) = berlin.ask(
            "tariff", "price", number, "--via", "line", "--at", at.strftime("%Y-%m-%d %H:%M"),
            "--duration", f"{seconds}s")
        answered = at.replace(tzinfo=BERLIN).astimezone(timezone.utc)
        expected = tariff.price(
            number, answered, seconds, lambda time: time.astimezone(BERLIN).replace(tzinfo=None))
        case = f"{number} at {at} for {seconds} s: {row}"
        assert row.amount("amount") == expected, case
        assert sum_of_lines(row["receipt"]) == expected, case
        count += 1
    measured(f"{count} prices over bands, holidays and changes of the clock are the meter's")


def test_a_records_receipt_is_enough_for_the_meter(berlin, phones, gateways):
    gateways("answer", berlin.e1_port)
    berlin.open_account("desk-8001", "50")
    berlin.import_extensions(("8001", "country", "desk-8001"))
    phone = phones("8001")
    for number in ("02188886666", "02488886666", "02588886666", "02088886666"):
        call = phone.dial(number)
        call.wait_answered()
        call.hang_up()
        call.wait_ended()
    records = berlin.wait_records(4)
    charged = Decimal(0)
    # All of them at once, as an auditor takes them, or one by one.
    receipts = {row["uniqueid"]: row for row in berlin.ask("cdr", "--receipt")}
    assert len(receipts) == 4
    for record in records:
        (receipt,) = berlin.ask("cdr", "--call", record.call, "--receipt")
        assert receipts[record.call] == receipt
        assert receipt["computes"] == "yes"
        # From nothing but what stands in the receipt.
        answered = utc(receipt["priced_from"] or receipt["answer"])
        local = by_offsets(receipt["utc_offset"], receipt["utc_offset_changes"])
        seconds = Decimal(receipt["billsec_ms"]) / 1000
        expected = Tariff(receipt["prices"]).price(
            receipt["normalised"], answered, float(seconds), local)
        assert expected == record.charge == sum_of_lines(receipt["receipt"]), receipt
        charged += expected
    assert berlin.balance("desk-8001") == 50 - charged
    # The statement adds up, and so does each line of it; archived postings stay in it.
    lines = berlin.statement("desk-8001")
    assert sum(line.amount("amount") for line in lines) == 50 - charged
    after = Decimal(0)
    for line in reversed(lines):
        after += line.amount("amount")
        assert line.amount("balance_after") == after, line
