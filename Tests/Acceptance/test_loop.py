"""Two switches, each the other's trunk, whose dialplans send a call round for ever (RFC 3261 §16.3)."""

import pytest

from tandem_daemon import DIALPLAN, Daemon

NUMBER = "02088886666"
# What comes in for this number goes back to where it came from.
ROUND = f"inbound ip-e1 {NUMBER}  rings ip-e1\n"
FORWARDS = 70


@pytest.fixture
def pair(site, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    other = Daemon(folder)
    other.e1_port, site.e1_port = site.port, other.port
    for one in (site, other):
        one.write_dialplan(DIALPLAN + ROUND)
        one.write_config(e1_channels=200)
    try:
        for one in (site, other):
            one.start()
        site.import_tariff()
        site.open_account("sales", "100")
        site.import_extensions(("8003", "country", "sales"))
        yield site, other
        assert other.stop() == 0, other.log_text()
    finally:
        other.close()


def test_a_call_that_two_switches_send_each_other_for_ever_ends_and_says_why(pair, phones, measured):
    here, there = pair
    phone = phones("8003")
    before = [one.status()["received"] for one in pair]
    ended = phone.dial(NUMBER).wait_ended(40)
    assert ended["status"] in (482, 483), ended
    for one in pair:
        one.wait_idle()
    own = [r for r in here.records() if r.caller == "8003"]
    assert len(own) == 1
    record = own[0]
    assert record.disposition != "ANSWERED" and record.charge == 0
    assert record.sip_status in (482, 483), record
    assert [(a.route, a.sip_status) for a in record.attempts] == [("ip-e1", record.sip_status)], record
    assert here.balance("sales") == 100
    # One call for each hop that the first INVITE may take, and no hop takes two ways.
    turns = len(here.records()) + len(there.records())
    assert turns <= FORWARDS + 1
    received = [
        one.status()["received"] - earlier for one, earlier in zip(pair, before)]
    # INVITE and ACK one way, 100 and the refusal the other way, at each hop.
    assert sum(received) <= 5 * turns, (received, turns)
    measured(f"a call in a circle: {turns} turns, {received} messages received")
    # Both go on: the next call meets the same end.
    assert phone.dial(NUMBER).wait_ended(40)["status"] == ended["status"]
