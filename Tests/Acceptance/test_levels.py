"""A level is a level, however the number is spelled; emergency is above all of them."""

from decimal import Decimal

import pytest

# A city level may call local numbers only; a house level may not call out at all.
BARRED = {
    "long distance": ("city", "02088886666"),
    "long distance by the carrier prefix": ("city", "1790902088886666"),
    "long distance by another carrier prefix": ("city", "1795102088886666"),
    "a mobile": ("city", "13812345678"),
    "a mobile with 0 before it": ("city", "013812345678"),
    "a mobile with 0 and the carrier prefix": ("city", "17909013812345678"),
    "international": ("city", "0085223456789"),
    "international by the carrier prefix": ("city", "179090085223456789"),
    "local from a house phone": ("house", "86035566"),
    "local with the own area code from a house phone": ("house", "031186035566"),
    "local with carrier prefix and own area code from a house phone":
        ("house", "17909031186035566"),
    "international from a country level": ("country", "0085223456789"),
}


@pytest.mark.parametrize("case", BARRED)
def test_a_number_above_the_level_is_refused_in_every_spelling(daemon, phones, gateways, case):
    level, number = BARRED[case]
    e1, pstn = gateways("answer", daemon.e1_port), gateways("answer", daemon.pstn_port)
    daemon.open_account("desk-8001", "50")
    daemon.import_extensions(("8001", level, "desk-8001"))
    call = phones("8001").dial(number)
    ended = call.wait_ended()
    assert ended["status"] == 403
    answer = call.received("SIP/2.0 403")[0]
    reasons = [answer.reason(protocol) for protocol in ("Q.850", "SIP")]
    assert any(reason and reason[1] for reason in reasons), f"no Reason text in {answer.text}"
    assert e1.requests("INVITE") == [] and pstn.requests("INVITE") == []
    record = daemon.wait_record()
    assert record.disposition == "FAILED"
    assert record.sip_status == 403
    assert record.attempts == []
    assert daemon.balance("desk-8001") == Decimal(50)


def test_a_local_number_with_the_own_area_code_is_local(daemon, phones, gateways):
    pstn = gateways("answer", daemon.pstn_port)
    daemon.open_account("desk-8001", "50")
    daemon.import_extensions(("8001", "city", "desk-8001"))
    call = phones("8001").dial("17909031186035566")
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    record = daemon.wait_record()
    assert record.normalised == "86035566"
    assert record.number_class == "local"
    assert record.charge == Decimal("0.22")
    assert len(pstn.requests("INVITE")) == 1


@pytest.mark.parametrize("number", ["110", "119", "120", "122"])
def test_emergency_goes_through_at_zero_balance_with_the_lowest_level(
    daemon, phones, gateways, number
):
    pstn = gateways("answer", daemon.pstn_port)
    daemon.open_account("desk-8001")
    daemon.import_extensions(("8001", "house", "desk-8001"))
    call = phones("8001").dial(number)
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    (invite,) = pstn.requests("INVITE")
    assert invite.request_user == number
    record = daemon.wait_record()
    assert record.direction == "emergency"
    assert record.charge == Decimal(0)
    assert daemon.balance("desk-8001") == Decimal(0)


def test_emergency_takes_the_e1_when_the_pstn_is_dead(daemon, phones, gateways):
    e1 = gateways("answer", daemon.e1_port)
    daemon.import_extensions(("8001", "house", None))
    call = phones("8001").dial("110")
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    assert len(e1.requests("INVITE")) == 1
    assert daemon.wait_record().route == "ip-e1"


def test_explain_says_why_a_call_would_be_refused(daemon):
    daemon.import_extensions(("8001", "city", None))
    (row,) = daemon.ask("explain", "--from", "8001", "--dial", "1790902088886666")
    assert row["outcome"] == "refuse"
    assert row["normalised"] == "02088886666"
    assert row["sipStatus"] == 403
    assert "city" in row["refusal"] and "national" in row["refusal"]
    assert row["steps"]
