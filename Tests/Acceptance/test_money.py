"""Plans, receipts, vouchers, allowances and limits against theft, as operators use them."""

import csv
import io
from decimal import ROUND_HALF_UP, Decimal

NATIONAL = "02088886666"

# A band that always holds, so that its price is the one at any hour.
BANDED = """\
band,always,daily 00:00-24:00
prefix,name,connect_fee,steps,band,minimum,rounding
020,Guangzhou,5,9/6,,0.15,half-up/0.01
020,Guangzhou,0.05,0.0333/6,always,,
"""


def write(daemon, text, name="new.csv"):
    path = daemon.path(name)
    with open(path, "w") as file:
        file.write(text)
    return path


def one_call(daemon, phones):
    """A national call that is answered, and its record."""
    call = phones("8001").dial(NATIONAL)
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    return daemon.wait_record()


def test_a_third_party_can_compute_the_charge_from_the_receipt(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.do("tariff", "import", write(daemon, BANDED))
    daemon.open_account("desk-8001", "10")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    record = one_call(daemon, phones)
    (receipt,) = daemon.ask("cdr", "--call", record.call, "--receipt")
    assert receipt["computes"] == "yes"
    # By hand, from nothing but the prices in the receipt and the number of steps.
    head, *lines = receipt["prices"].splitlines()
    assert head.startswith("band,always,")
    rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
    (base,) = [row for row in rows if not row["band"]]
    (band,) = [row for row in rows if row["band"] == "always"]
    price, _ = band["steps"].split("/")
    total = Decimal(band["connect_fee"]) + receipt["steps"] * Decimal(price)
    total = max(total, Decimal(base["minimum"]))
    mode, unit = base["rounding"].split("/")
    assert mode == "half-up"
    assert total.quantize(Decimal(unit), ROUND_HALF_UP) == record.charge == Decimal("0.15")
    assert daemon.balance("desk-8001") == Decimal("9.85")
    text = daemon.do("cdr", "--call", record.call, "--receipt").text
    assert "to the minimum charge 0.066700" in text and "computes to the same  yes" in text


def test_no_more_is_refunded_for_a_call_than_was_paid_for_it(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "10")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    record = one_call(daemon, phones)
    assert record.charge == Decimal("0.07")

    def refund(amount, unique, *more):
        return daemon.run(
            "account", "refund", "desk-8001", amount, "--id", unique, "--note", "bad line", *more)

    call = ("--call", record.call)
    refused = refund("0.08", "1", *call)
    assert refused.code != 0 and "0.070000 is the most" in refused.text
    assert refund("0.05", "1", *call).code == 0
    assert refund("0.05", "1", *call).code == 0, "the same refund again is no refund"
    refused = refund("0.05", "2", *call)
    assert refused.code != 0 and "0.020000 is the most" in refused.text
    refused = refund("0.01", "2", "--call", "99-1")
    assert refused.code != 0 and "nothing was charged" in refused.text
    daemon.kill()
    daemon.start()
    assert refund("0.05", "2", *call).code != 0
    assert refund("0.02", "2", *call).code == 0
    daemon.stop()
    # A command on the data of a stopped daemon knows the charge as well.
    assert "0.000000 is the most" in refund("0.01", "3", *call).text
    assert daemon.balance("desk-8001") == 10
    assert daemon.run("audit").code == 0


def test_a_price_list_is_looked_over_and_nothing_changes_in_a_dry_run(daemon):
    before = daemon.ask("tariff", "list")
    path = write(daemon, (
        "prefix,name,connect_fee,steps\n2,local,0,0.22/180 0.11/60\n"
        "0208,far,0,0.07/6\n020,Guangzhou,0,0.09/6\n021,Shanghai,0,0.07/6\n"))
    rows = daemon.ask("tariff", "import", path, "--dry-run")
    findings = [row for row in rows if "severity" in row]
    assert [row["line"] for row in findings] == [4], findings
    assert "missing parent" in findings[0]["message"]
    changes = {row["prefix"]: row["change"] for row in rows if "change" in row}
    assert changes["020"] == "changed" and changes["021"] == "new" and changes["3"] == "gone"
    assert daemon.ask("tariff", "list") == before
    bad = daemon.run("tariff", "import", write(daemon, "prefix,name,connect_fee,steps\n2,a,0,x\n"))
    assert bad.code == 1 and "new.csv:2:7: error:" in bad.text
    assert daemon.ask("tariff", "list") == before


def test_plans_price_by_account_and_lists_begin_when_they_say(daemon):
    daemon.open_account("desk-8001", "10")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    path = write(daemon, "prefix,name,connect_fee,steps\n020,gold,0,0.01/6\n")
    refused = daemon.run("account", "set", "desk-8001", "--plan", "gold")
    assert refused.code == 1 and "no tariff plan gold" in refused.text
    daemon.do("tariff", "import", path, "--plan", "gold")
    daemon.do("account", "set", "desk-8001", "--plan", "gold")
    later = write(daemon, "prefix,name,connect_fee,steps\n020,later,0,0.02/6\n", "later.csv")
    daemon.do("tariff", "import", later, "--plan", "gold", "--from", "2099-01-01 00:00")
    def price(*more):
        (row,) = daemon.ask("tariff", "price", NATIONAL, "--duration", "60s", *more)
        return row["plan"], row["name"], row.amount("amount")
    assert price() == ("standard", "Guangzhou", Decimal("0.70"))
    assert price("--for", "8001") == ("gold", "gold", Decimal("0.10"))
    assert price("--for", "8001", "--at", "2099-01-01 00:00") == (
        "gold", "later", Decimal("0.20"))
    # Both lists survive a crash.
    daemon.kill()
    daemon.start()
    assert price("--for", "8001", "--at", "2099-01-02") == ("gold", "later", Decimal("0.20"))
    decks = {row["valid_from"]: row for row in daemon.ask("tariff", "decks")
             if row["plan"] == "gold"}
    assert {row["state"] for row in decks.values()} == {"in force", "to come"}
    (later_deck,) = [row for row in decks.values() if row["state"] == "to come"]
    daemon.do("tariff", "remove", later_deck["deck"])
    assert price("--for", "8001", "--at", "2099-01-02") == ("gold", "gold", Decimal("0.10"))


def test_a_voucher_pays_once_and_its_code_is_kept_nowhere(daemon):
    daemon.open_account("desk-8001")
    daemon.open_account("desk-8002")
    text = daemon.do("voucher", "make", "spring", "--count", "3", "--amount", "50").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len({row["code"] for row in rows}) == 3
    code = rows[1]["code"]
    daemon.do("voucher", "redeem", code, "desk-8001")
    daemon.kill()
    daemon.start()
    daemon.do("voucher", "redeem", f"{code[:4]}-{code[4:8]} {code[8:]}", "desk-8001")
    stolen = daemon.run("voucher", "redeem", code, "desk-8002")
    assert stolen.code == 1 and "redeemed already" in stolen.text
    assert daemon.balance("desk-8001") == Decimal(50)
    assert daemon.balance("desk-8002") == Decimal(0)
    (batch,) = daemon.ask("voucher", "list")
    assert (batch["vouchers"], batch["redeemed"]) == (3, 1)
    daemon.stop()
    for name in ("tandem.sqlite", "tandem.sqlite-wal"):
        try:
            with open(daemon.path("data/" + name), "rb") as file:
                assert code.encode() not in file.read()
        except FileNotFoundError:
            assert name.endswith("-wal")
    daemon.start()


def test_an_allowance_and_its_department_both_pay(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("sales", "1")
    daemon.do(
        "account", "open", "desk-8001", "--parent", "sales", "--allowance", "0.20", "--per", "day")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    record = one_call(daemon, phones)
    assert record.charge == Decimal("0.07")
    allowance = daemon.account("desk-8001")
    assert allowance.amount("available") == Decimal("0.13")
    assert allowance["allowance"] == "day"
    assert daemon.balance("sales") == Decimal("0.93")
    for name in ("desk-8001", "sales"):
        assert daemon.statement(name)[0]["call"] == record.call


def test_whoever_spends_too_much_is_on_hold_until_released(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.write_config(spending={"extension": {"hour": "0.10"}})
    daemon.do("reload")
    daemon.open_account("desk-8001", "10")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    phone = phones("8001")
    call = phone.dial(NATIONAL)
    call.wait_answered()
    # One step is all that the hour allows: it is talked out, and the call is cut.
    call.wait_ended(20)
    record = daemon.wait_record()
    assert record.charge == Decimal("0.07") and "an hour" in record.end_reason
    assert "extension 8001 is on hold" in daemon.log_text()
    daemon.kill()
    daemon.start()
    assert phone.dial(NATIONAL).wait_ended()["status"] == 403
    daemon.do("account", "release", "8001", "--extension")
    call = phone.dial(NATIONAL)
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    assert [row.charge for row in daemon.wait_records(3)][-1] == Decimal("0.07")


def test_a_list_in_force_is_printed_as_the_file_that_it_was(daemon):
    text = (
        "currency,USD\nholiday,2026-10-01..2026-10-03\nband,night,daily 21:00-07:00\n"
        "prefix,name,connect_fee,steps,band,free_seconds,minimum,rounding\n"
        "02,\"far, and free\",0.1,0.07/6 0.05/1,,10,0.2,up/0.01\n"
        "02,\"far, and free\",0,0.04/6,night,,,\n021,near,0,0.3/60,,,,\n")
    daemon.do("tariff", "import", write(daemon, text), "--plan", "gold")
    assert daemon.do("tariff", "list", "--plan", "gold", "--csv").output == text
    # In what it is priced, and all that makes up a price; what is left out is told.
    shown = daemon.do("tariff", "list", "--plan", "gold", "--limit", "1").output
    assert "USD" in shown and "CNY" not in shown and "up/0.01" in shown, shown
    assert shown.endswith("and 1 more; --limit says how many are shown\n")
    rows = daemon.ask("tariff", "list", "--plan", "gold")
    assert {row["currency"] for row in rows} == {"USD"}
    daemon.stop()
    assert daemon.do("tariff", "list", "--plan", "gold", "--csv").output == text


def test_an_import_that_would_never_price_a_call_says_so(daemon):
    row = "prefix,name,connect_fee,steps\n02,a,0,0.07/6\n"
    path = write(daemon, row)
    typo = daemon.run("tariff", "import", path, "--via", "ip-e2")
    assert typo.code == 1 and "there is no trunk ip-e2; --via takes one of ip-e1, pstn, line" in typo.text
    empty = daemon.run("tariff", "import", write(daemon, row.splitlines()[0] + "\n", "empty.csv"))
    assert empty.code == 1 and "empty.csv:1:1: error: there is no row" in empty.text
    daemon.do("tariff", "import", path, "--from", "today")
    old = daemon.do("tariff", "import", path, "--from", "2020-01-01").text
    assert "stays as it is" in old and "rows now" not in old, old
    new = daemon.do("tariff", "import", path, "--from", "tomorrow 00:00").text
    assert "1 rows from then on" in new
    daemon.do("tariff", "import", path, "--plan", "gold")
    daemon.open_account("desk")
    daemon.do("account", "set", "desk", "--plan", "gold")
    (gold,) = [deck for deck in daemon.ask("tariff", "decks") if deck["plan"] == "gold"]
    gone = daemon.do("tariff", "remove", gold["deck"]).text
    assert "plan gold has no price list any more" in gone
    # And its accounts can still be stopped.
    daemon.do("account", "set", "desk", "--blocked", "yes")


def test_a_statement_from_later_to_earlier_is_a_wrong_question(daemon):
    daemon.open_account("desk", "5")
    wrong = daemon.run("account", "statement", "desk", "--since", "tomorrow", "--until", "today")
    assert wrong.code == 2 and "--until is before --since" in wrong.text


def test_what_was_set_and_held_is_shown(daemon):
    daemon.open_account("desk", "5")
    daemon.import_extensions(("8001", "country", "desk"), ("8002", "country", "desk"))
    daemon.do(
        "account", "set", "desk", "--low-mark", "2", "--limit-hour", "7", "--expires", "2099-01-01")
    card = daemon.do("account", "show", "desk").text
    for line in ("low below", "most an hour", "expires", "spent in the hour"):
        assert line in card, card
    daemon.do("account", "hold", "8002", "--extension", "--reason", "stolen phone")
    held = {row["extension"]: row.get("on_hold") for row in daemon.ask("extension", "list")}
    assert held == {"8001": None, "8002": "stolen phone"}
    assert "stolen phone" in daemon.do("extension", "list").text
