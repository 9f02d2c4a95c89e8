"""No account ever overspends: prepaid calls are paid ahead and cut when nothing is left."""

import threading
import time
from decimal import Decimal

import pytest

NATIONAL = "02088886666"
STEP_SECONDS = 6
STEP_PRICE = Decimal("0.07")


def assert_books_balance(daemon, account):
    """The balance is what was put in less what the records say was charged, never below zero."""
    balance = daemon.balance(account)
    assert balance >= 0
    assert daemon.postings_total(account) == balance
    charged = sum(record.charge for record in daemon.records() if record.account == account)
    paid_in = sum(
        posting.amount("amount") for posting in daemon.statement(account)
        if posting["kind"] == "topup")
    assert paid_in - charged == balance
    assert daemon.account(account).amount("reserved") == 0


@pytest.mark.parametrize("steps", [1, 2])
def test_a_call_is_cut_at_the_second_that_is_paid(
    daemon, phones, gateways, measured, steps
):
    e1 = gateways("answer", daemon.e1_port)
    paid = steps * STEP_SECONDS
    daemon.open_account("desk-8001", str(steps * STEP_PRICE))
    daemon.import_extensions(("8001", "country", "desk-8001"))
    call = phones("8001").dial(NATIONAL)
    answered = call.wait_answered()["at"]
    ended = call.wait_ended(paid + 15)["at"]
    at_gateway = e1.wait_request("BYE")
    answered_at_gateway = next(
        message.at for message in e1.messages("sent")
        if message.status == 200 and message.method == "INVITE")
    measured(
        f"paid {paid} s: cut for the caller {ended - answered:.3f} s after its answer, "
        f"for the callee {at_gateway.at - answered_at_gateway:.3f} s after its answer")
    assert paid - 1 < ended - answered < paid + 3
    assert paid - 1 < at_gateway.at - answered_at_gateway < paid + 3
    (bye,) = call.received("BYE")
    for side in (bye, at_gateway):
        reasons = [side.reason("SIP"), side.reason("Q.850")]
        assert any(reasons), f"no Reason in {side.text}"
    record = daemon.wait_record()
    assert record.released_by == "switch"
    assert record.disposition == "ANSWERED"
    assert record.end_reason
    assert record.charge == steps * STEP_PRICE
    assert record.steps == steps
    assert daemon.account("desk-8001")["balance"] == "0.000000"
    assert_books_balance(daemon, "desk-8001")


def test_a_caller_who_hangs_up_first_pays_only_the_begun_steps(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "10")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    call = phones("8001").dial(NATIONAL)
    call.wait_answered()
    time.sleep(0.5)
    during = daemon.account("desk-8001")
    assert during.amount("reserved") >= STEP_PRICE
    assert during.amount("available") == during.amount("balance") - during.amount("reserved")
    call.hang_up()
    call.wait_ended()
    record = daemon.wait_record()
    assert record.charge == STEP_PRICE
    assert daemon.balance("desk-8001") == Decimal("9.93")
    assert_books_balance(daemon, "desk-8001")


@pytest.mark.parametrize("after", [2, 5])
def test_a_top_up_in_mid_call_lengthens_it(daemon, phones, gateways, measured, after):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", str(STEP_PRICE))
    daemon.import_extensions(("8001", "country", "desk-8001"))
    call = phones("8001").dial(NATIONAL)
    answered = call.wait_answered()["at"]
    time.sleep(after)
    daemon.top_up("desk-8001", str(STEP_PRICE), "voucher-1")
    ended = call.wait_ended(2 * STEP_SECONDS + 15)["at"]
    measured(f"topped up after {after} s: cut {ended - answered:.3f} s after the answer")
    assert 2 * STEP_SECONDS - 1 < ended - answered < 2 * STEP_SECONDS + 3
    record = daemon.wait_record()
    assert record.charge == 2 * STEP_PRICE
    assert record.released_by == "switch"
    assert_books_balance(daemon, "desk-8001")
    assert daemon.balance("desk-8001") == Decimal(0)


def test_the_same_top_up_twice_is_one(daemon):
    daemon.open_account("desk-8001")
    daemon.top_up("desk-8001", "5", "voucher-1")
    daemon.run("account", "topup", "desk-8001", "5", "--id", "voucher-1")
    assert daemon.balance("desk-8001") == Decimal(5)
    assert len(daemon.statement("desk-8001")) == 1


@pytest.mark.parametrize("amount", [None, "0.069999"])
def test_too_little_for_the_first_step_gets_402(daemon, phones, gateways, amount):
    e1, pstn = gateways("answer", daemon.e1_port), gateways("answer", daemon.pstn_port)
    daemon.open_account("desk-8001", amount)
    daemon.import_extensions(("8001", "country", "desk-8001"))
    ended = phones("8001").dial(NATIONAL).wait_ended()
    assert ended["status"] == 402
    assert e1.requests("INVITE") == [] and pstn.requests("INVITE") == []
    record = daemon.wait_record()
    assert record.sip_status == 402
    assert record.charge == Decimal(0)
    assert daemon.balance("desk-8001") == Decimal(amount or 0)


def test_calls_inside_are_free_at_zero_balance(daemon, phones):
    daemon.open_account("desk-8001")
    daemon.import_extensions(("8001", "house", "desk-8001"), ("8002", "house", None))
    first, second = phones("8001"), phones("8002")
    call = first.dial("8002")
    second.incoming().answer()
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    assert daemon.wait_record().charge == Decimal(0)


def test_ten_calls_at_once_on_one_account_never_overspend_it(
    daemon, phones, gateways, measured
):
    gateways("answer", daemon.e1_port)
    # Five first steps and a rest that pays for none.
    daemon.open_account("sales", "0.40")
    users = [str(number) for number in range(8001, 8011)]
    daemon.import_extensions(*[(user, "country", "sales") for user in users])
    desks = [phones(user) for user in users]
    calls = [None] * len(desks)

    def dial(index):
        calls[index] = desks[index].dial(NATIONAL)

    threads = [threading.Thread(target=dial, args=(i,)) for i in range(len(desks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lowest = daemon.balance("sales")
    limit = time.monotonic() + 60
    while daemon.status()["calls"]:
        lowest = min(lowest, daemon.account("sales").amount("available"))
        assert time.monotonic() < limit, "calls on an empty account are still up after 60 s"
        time.sleep(0.2)
    ends = [call.wait_ended() for call in calls]
    records = daemon.wait_records(10)
    answered = [record for record in records if record.disposition == "ANSWERED"]
    refused = [record for record in records if record.disposition != "ANSWERED"]
    assert answered
    assert len(answered) <= 5
    assert {record.sip_status for record in refused} == {402}
    assert sum(end["status"] == 402 for end in ends) == len(refused)
    assert {record.released_by for record in answered} == {"switch"}
    assert lowest >= 0
    assert 0 <= daemon.balance("sales") < STEP_PRICE
    assert sum(record.charge for record in records) == Decimal("0.35")
    assert_books_balance(daemon, "sales")
    measured(
        f"{len(answered)} of 10 answered, {len(refused)} refused with 402, "
        f"{daemon.balance('sales')} left")


def test_an_operator_can_end_a_call(daemon, phones, gateways):
    e1 = gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "10")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    call = phones("8001").dial(NATIONAL)
    call.wait_answered()
    (row,) = daemon.ask("show", "calls")
    assert (row["caller"], row["dialled"]) == ("8001", NATIONAL)
    daemon.do("hangup", row["call"])
    call.wait_ended()
    e1.wait_request("BYE")
    record = daemon.wait_record()
    assert record.released_by == "switch"
    assert record.charge == STEP_PRICE
