"""Scanners and guessers are banned and find nothing; whoever is honest is not."""

import os
import re
import socket
import statistics
import subprocess
import time

import pytest

from gateway import _START, SCENARIOS
from sipmessage import SIPMessage, authorization
from tandem_daemon import REALM, free_port

ATTACKER = "127.0.0.66"


@pytest.fixture
def attack(site):
    """Runs a scenario of SIPp from another address; the messages that it got back."""

    def run(scenario, rows, *, rate, seconds=20, source=ATTACKER, **keys):
        name = site.path(f"{scenario}-{time.time_ns()}")
        with open(os.path.join(SCENARIOS, scenario + ".xml")) as file:
            text = file.read()
        for key, value in keys.items():
            text = text.replace(f"[{key}]\n", value + "\n" if value else "")
            text = text.replace(f"[{key}]", value)
        with open(name + ".xml", "w") as file:
            file.write(text)
        with open(name + ".inf", "w") as file:
            file.write("SEQUENTIAL\n" + "".join(";".join(row) + "\n" for row in rows))
        subprocess.run(
            ["sipp", site.address, "-sf", name + ".xml", "-inf", name + ".inf", "-i", source,
             "-p", str(free_port()), "-r", str(rate), "-m", str(len(rows)), "-l", "100000",
             "-nostdin", "-trace_msg", "-message_file", name + ".messages", "-nr",
             "-timeout", f"{seconds}s", "-recv_timeout", "2000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=site.folder, timeout=seconds + 30)
        with open(name + ".messages", errors="replace", newline="") as file:
            text = file.read().replace("\r\n", "\n")
        starts = list(_START.finditer(text))
        ends = [m.start() for m in starts[1:]] + [len(text)]
        return [
            SIPMessage(text[m.end():end]) for m, end in zip(starts, ends) if m[3] == "received"]

    return run


def shape(message):
    """A response without what is random and what the request said."""
    fields = [
        (name, re.sub(r'nonce="[0-9a-f]+"', "nonce", value)) for name, value in message.fields
        if name not in ("via", "from", "to", "call-id")]
    return message.first_line, tuple(fields)


def bans(daemon):
    return {row["address"]: row for row in daemon.ask("show", "bans")}


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_a_scan_for_extensions_finds_nothing_and_is_banned(daemon, attack, phones, method):
    daemon.import_extensions(("8001", "city", None), ("8002", "city", None))
    first, second = phones("8001"), phones("8002")
    rows = [(str(number),) for number in range(7000, 9000)]
    answers = attack("scan", rows, rate=250, seconds=30, method=method, agent="")
    # Whether an extension is there, registered or neither makes no difference.
    assert len({shape(answer) for answer in answers}) == 1, {shape(a) for a in answers}
    assert {answer.status for answer in answers} == {401}
    assert len(answers) < 1200
    assert bans(daemon)[ATTACKER]["reason"] == "unanswered-challenge"
    assert daemon.status()["counters"]["datagrams of banned addresses"] > 500
    # The phones beside it notice nothing.
    call = first.dial("8002")
    second.incoming().answer()
    call.wait_answered()
    call.hang_up()
    call.wait_ended()


@pytest.mark.parametrize("method", ["REGISTER", "OPTIONS"])
def test_a_scanner_that_gives_its_name_gets_one_answer(daemon, attack, method):
    daemon.import_extensions(("8001", "city", None))
    rows = [(str(number),) for number in range(8000, 8050)]
    answers = attack(
        "scan", rows, rate=200, method=method, agent="User-Agent: friendly-scanner")
    assert len(answers) == 1
    assert bans(daemon)[ATTACKER]["reason"] == "scanner"


def test_a_guesser_is_banned_before_it_meets_the_password(site, attack):
    site.write_config(digest="[MD5]")
    site.start()
    site.import_tariff()
    site.import_extensions(("8001", "city", None))
    guesses = [f"{number:04}" for number in range(30)] + [site.extensions["8001"]]
    rows = [("8001", f"[authentication username=8001 password={guess}]") for guess in guesses]
    answers = attack("crack", rows, rate=10, seconds=15)
    assert {answer.status for answer in answers} == {401, 403}
    assert 8 <= sum(answer.status == 403 for answer in answers) <= 12
    ban = bans(site)[ATTACKER]
    assert ban["reason"] == "wrong-password" and ban["count"] == 1 and ban["dropped"] > 0
    assert site.ask("show", "registrations") == []
    # The same of a user that does not exist, from another address.
    rows = [("8700", f"[authentication username=8700 password={guess}]") for guess in guesses]
    others = attack("crack", rows, rate=10, seconds=15, source="127.0.0.67")
    assert {shape(a) for a in others} == {shape(a) for a in answers}
    assert 8 <= sum(answer.status == 403 for answer in others) <= 12
    assert bans(site)["127.0.0.67"]["reason"] == "wrong-password"


def test_a_ban_is_lifted_and_then_the_password_is_good(site, attack):
    site.write_config(digest="[MD5]")
    site.start()
    site.import_tariff()
    site.import_extensions(("8001", "city", None))
    wrong = [("8001", "[authentication username=8001 password=wrong]")] * 15
    right = [("8001", f"[authentication username=8001 password={site.extensions['8001']}]")]
    attack("crack", wrong, rate=20, seconds=10)
    assert attack("crack", right, rate=1, seconds=5) == []
    refused = site.run("unban", "127.0.0.99")
    assert refused.code == 1 and "127.0.0.99 is not banned" in refused.text
    assert f"{ATTACKER} is heard again" in site.do("unban", ATTACKER).output
    assert bans(site) == {}
    assert "nobody is banned" in site.do("show", "bans").output
    assert [answer.status for answer in attack("crack", right, rate=1, seconds=5)] == [401, 200]


def test_an_address_that_is_allowed_is_never_banned(site, attack):
    site.write_config(digest="[MD5]", more=f"bans: {{ allow: [{ATTACKER}] }}")
    site.start()
    site.import_tariff()
    site.import_extensions(("8001", "city", None))
    wrong = [("8001", "[authentication username=8001 password=wrong]")] * 30
    answers = attack("crack", wrong, rate=20, seconds=10)
    assert [answer.status for answer in answers].count(403) == 30
    assert bans(site) == {}


def test_an_unknown_extension_is_refused_as_a_wrong_password_is(site, measured):
    site.write_config(digest="[MD5]", more="bans: { allow: [127.0.0.1] }")
    site.start()
    site.import_tariff()
    site.import_extensions(("8001", "city", None))
    host, port = site.address.rsplit(":", 1)
    spans, shapes = {"8001": [], "8077": []}, set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind((host, 0))
        link.connect((host, int(port)))
        link.settimeout(5)

        def register(number, place, extra=""):
            own = link.getsockname()[1]
            link.send((
                f"REGISTER sip:{REALM} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:{own};branch=z9hG4bK{number}{place}{len(extra)};rport\r\n"
                f"From: <sip:{number}@{REALM}>;tag=g\r\nTo: <sip:{number}@{REALM}>\r\n"
                f"Call-ID: {number}-{place}\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\n"
                f"Contact: <sip:{number}@{host}:{own}>\r\n{extra}Content-Length: 0\r\n\r\n"
            ).encode())
            sent = time.perf_counter()
            return SIPMessage(link.recv(4096).decode()), time.perf_counter() - sent

        # By turns, so that a busy machine slows both alike.
        for place in range(300):
            for number in spans:
                challenge, _ = register(number, place)
                refusal, span = register(
                    number, place,
                    authorization(challenge, number, "guess", "REGISTER", f"sip:{REALM}"))
                spans[number].append(span)
                shapes.add(shape(refusal))
    assert len(shapes) == 1 and {line for line, _ in shapes} == {"SIP/2.0 403 Forbidden"}, shapes
    known, unknown = (statistics.median(spans[number]) * 1e6 for number in spans)
    measured(
        f"a wrong password is refused in {known:.0f} us, an unknown extension in {unknown:.0f} us")
