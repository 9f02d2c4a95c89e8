"""What a call costs, written from the README alone: a third party's meter to check receipts with."""

import csv
import io
from datetime import datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ROUNDINGS = {
    "up": ROUND_CEILING, "down": ROUND_FLOOR, "half-up": ROUND_HALF_UP,
    "half-even": ROUND_HALF_EVEN}


def minutes(text):
    hours, rest = text.split(":")
    return int(hours) * 60 + int(rest)


def named_days(words):
    """Names of days, `daily` and `mon-fri` written out."""
    found = set()
    for word in words:
        if word == "daily":
            found |= {*DAYS, "holiday"}
        elif "-" in word:
            first, last = (DAYS.index(end) for end in word.split("-"))
            place = first
            while True:
                found.add(DAYS[place])
                if place == last:
                    break
                place = (place + 1) % 7
        else:
            found.add(word)
    return found


class Tariff:
    """A tariff file with one price for each prefix, or the prices of one record."""

    def __init__(self, text):
        self.holidays = set()
        self.bands = []
        self.rows = {}
        lines = text.splitlines()
        while not lines[0].startswith("prefix,"):
            kind, *rest = lines.pop(0).split(",")
            if kind == "holiday":
                first, _, last = rest[0].partition("..")
                day = datetime.fromisoformat(first).date()
                while day <= datetime.fromisoformat(last or first).date():
                    self.holidays.add(day)
                    day += timedelta(days=1)
            elif kind == "band":
                spans = []
                for piece in ",".join(rest[1:]).replace(",", ";").split(";"):
                    *days, span = piece.split()
                    begin, end = span.split("-")
                    spans.append((named_days(days), minutes(begin), minutes(end)))
                self.bands.append((rest[0], spans))
        for row in csv.DictReader(io.StringIO("\n".join(lines))):
            prices = self.rows.setdefault(row["prefix"], {})
            steps = []
            for step in row["steps"].split():
                price, seconds = step.split("/")
                steps.append((Decimal(price), int(seconds)))
            prices[row.get("band") or ""] = (Decimal(row["connect_fee"] or 0), steps)
            if not row.get("band"):
                prices["free"] = int(row.get("free_seconds") or 0)
                prices["minimum"] = Decimal(row.get("minimum") or 0)
                prices["rounding"] = row.get("rounding") or ""

    def kind(self, day):
        return "holiday" if day in self.holidays else DAYS[day.weekday()]

    def band(self, prices, local):
        """The first band of the file that has a price here and holds now."""
        minute = local.hour * 60 + local.minute
        today, yesterday = local.date(), local.date() - timedelta(days=1)
        for name, spans in self.bands:
            if name not in prices:
                continue
            for days, begin, end in spans:
                if begin < end:
                    holds = self.kind(today) in days and begin <= minute < end
                else:
                    holds = (self.kind(today) in days and minute >= begin
                             or self.kind(yesterday) in days and minute < end)
                if holds:
                    return name
        return ""

    def price(self, number, answered, seconds, local):
        """The charge of an answered call. `local` gives the site's clock at a UTC time."""
        prefix = max((p for p in self.rows if number.startswith(p)), key=len)
        prices = self.rows[prefix]
        total, _ = prices[self.band(prices, local(answered))]
        time, end = answered, answered + timedelta(seconds=seconds)
        paid, count = False, 0
        if prices["free"]:
            time += timedelta(seconds=prices["free"])
        while time < end or (time == answered and count == 0):
            _, steps = prices[self.band(prices, local(time))]
            price, length = steps[min(count, len(steps) - 1)] if steps else (Decimal(0), 60)
            total += price
            paid = True
            count += 1
            time += timedelta(seconds=length)
        if paid:
            total = max(total, prices["minimum"])
        if prices["rounding"]:
            mode, unit = prices["rounding"].split("/")
            total = (total / Decimal(unit)).quantize(Decimal(1), ROUNDINGS[mode]) * Decimal(unit)
        return total


def by_offsets(offset, changes):
    """The site's clock from a receipt: seconds east of UTC, and when that changes."""
    def local(time):
        seconds = offset
        for change in changes:
            begins, then = change.split()
            if time.timestamp() >= int(begins):
                seconds = int(then)
        return (time + timedelta(seconds=seconds)).replace(tzinfo=None)
    return local


def utc(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
