"""What helps an admin with a dialplan: check, test, fmt, versions, rollback, digit map, explain."""

import os
import re
import shutil
import textwrap

import pytest

from tandem_daemon import DIALPLAN, REPOSITORY

BRANCH = """\
site branch { country 86  area 0755  timezone Asia/Shanghai }
extensions 9000-9099
class local  [2-8]XXXXXXX
class far    from "far.numbers"
level desk   may internal + local
route local far  via pstn
expect 9001 (desk) dials 86035566 -> via pstn
"""

MISTAKES = """\
class spare  7XX
expect 8100 (city) dials 86035566 -> via pstn
expect 8100 (city) dials 02088886666 -> via ip-e1
"""


def line_of(text, beginning):
    """The number of the first line that begins so."""
    lines = text.splitlines()
    return next(i for i, line in enumerate(lines, 1) if line.startswith(beginning))


def write(site, name, text):
    with open(site.path(name), "w") as file:
        file.write(text)


def read(site, name):
    with open(site.path(name)) as file:
        return file.read()


# check and test


def test_check_tells_editors_of_every_mistake_at_once(site):
    text = DIALPLAN.replace("may house + service", "may hous + service").replace(
        "via ip-e1          present", "via ip-e2          present")
    site.write_dialplan(text)
    result = site.run("check", json_output=True)
    assert result.code == 1
    errors = [row for row in result.rows if row["severity"] == "error"]
    level, route = line_of(text, "level city"), line_of(text, "route international")
    assert [(row["line"], row["column"], row["length"]) for row in errors] == [
        (level, text.splitlines()[level - 1].index("hous") + 1, 4),
        (route, text.splitlines()[route - 1].index("ip-e2") + 1, 5)]
    assert "house" in errors[0]["help"] and "ip-e1" in errors[1]["help"]
    assert all(row["file"].endswith("site.dialplan") for row in errors)
    shown = site.run("check")
    assert shown.code == 1
    place = f"site.dialplan:{errors[0]['line']}:{errors[0]['column']}: error: "
    assert place + errors[0]["message"] in shown.output
    assert re.search(r"^ +\^~~~$", shown.output, re.M), "no caret"
    assert shown.errors.rstrip().endswith(": 2 errors")


def test_check_passes_a_plan_with_warnings_and_keeps_them_apart(site):
    site.write_dialplan(DIALPLAN + "class spare  7XX\n")
    result = site.run("check", json_output=True)
    assert result.code == 0
    assert {row["severity"] for row in result.rows} == {"warning"}
    assert any("spare" in row["message"] for row in result.rows)
    assert ": good, " in site.do("check").output
    site.write_dialplan(DIALPLAN)
    assert site.run("check", json_output=True).output == ""


def test_test_runs_every_expect_line_and_names_those_that_fail(site):
    good = site.do("test")
    assert good.output.endswith(": all of 5 expect lines hold\n")
    text = DIALPLAN + MISTAKES
    site.write_dialplan(text)
    result = site.run("test", "--verbose")
    assert result.code == 1
    verdicts = [line.split()[0] for line in result.output.splitlines() if "  expect " in line
                and line.split()[0] in ("holds", "FAILS")]
    assert verdicts == ["holds"] * 5 + ["FAILS"] * 2
    assert result.errors.rstrip().endswith(": 2 of 7 do not hold")
    rows = [row for row in site.run("test", json_output=True).rows if "holds" in row]
    assert [row["holds"] for row in rows] == [True] * 5 + [False] * 2
    assert rows[5]["line"] == line_of(text, "class spare") + 1
    assert rows[5]["decided"].startswith("via line presents 66778100")
    assert rows[6]["decided"] == "refused by level"


# fmt


def test_fmt_writes_the_canonical_form_with_comments_and_is_content_with_it(site):
    untidy = "// who may do what\n" + DIALPLAN.replace(
        "level house    may internal", "level   house may internal   // inside only")
    site.write_dialplan(untidy)
    before = site.run("fmt", "--check")
    assert before.code == 1 and "site.dialplan" in before.output
    assert read(site, "site.dialplan") == untidy, "--check has written"
    printed = site.do("fmt", "--stdout").output
    assert read(site, "site.dialplan") == untidy, "--stdout has written"
    site.do("fmt")
    tidy = read(site, "site.dialplan")
    assert tidy == printed
    assert tidy.startswith("// who may do what\n")
    assert re.search(r"^level house +may internal +// inside only$", tidy, re.M)
    assert site.run("fmt", "--check").code == 0
    assert site.do("fmt", "--stdout").output == tidy
    site.do("test")


def test_fmt_formats_every_file_that_the_plan_includes(site):
    write(site, "far.numbers", "02X.   // as it was\n")
    write(site, "branch.dialplan", BRANCH + "include \"codes.dialplan\"\n")
    write(site, "codes.dialplan", "short   700->86035566\n")
    site.write_dialplan(DIALPLAN + "include \"branch.dialplan\"\n")
    before = site.run("fmt", "--check")
    assert before.code == 1
    assert all(name in before.output for name in ("branch.dialplan", "codes.dialplan"))
    site.do("fmt")
    assert read(site, "codes.dialplan") == "short 700  -> 86035566\n"
    assert read(site, "branch.dialplan").startswith(
        "site branch { country 86  area 0755  timezone Asia/Shanghai }\n")
    assert read(site, "far.numbers") == "02X.   // as it was\n"
    assert site.run("fmt", "--check").code == 0
    os.remove(site.path("codes.dialplan"))
    missing = site.run("fmt")
    assert missing.code == 1 and "codes.dialplan" in missing.errors


def test_fmt_leaves_a_plan_alone_that_it_cannot_read(site):
    broken = DIALPLAN + "level { may\n"
    site.write_dialplan(broken)
    result = site.run("fmt")
    assert result.code == 1
    assert f"site.dialplan:{len(broken.splitlines())}:" in result.output
    assert read(site, "site.dialplan") == broken


def test_fmt_keeps_a_link_and_the_mode_of_the_file(site):
    write(site, "real.dialplan", DIALPLAN + "class   spare   7XX\n")
    os.chmod(site.path("real.dialplan"), 0o640)
    os.symlink("real.dialplan", site.path("link.dialplan"))
    site.do("fmt", site.path("link.dialplan"))
    assert os.path.islink(site.path("link.dialplan"))
    assert "class   spare" not in read(site, "real.dialplan")
    assert os.stat(site.path("real.dialplan")).st_mode & 0o777 == 0o640


def test_a_file_in_another_encoding_is_named_with_its_line(site):
    site.write_dialplan(DIALPLAN + 'class spare from "spare.numbers"\n')
    with open(site.path("spare.numbers"), "wb") as file:
        file.write(b"7XX\n// \xca\xd0\n")
    refused = site.run("check")
    assert refused.code == 1 and "spare.numbers:2:" in refused.text and "UTF-8" in refused.text


# versions and rollback


def decided(daemon, caller, number):
    (row,) = daemon.ask("explain", "--from", caller, "--dial", number)
    return row["outcome"]


def test_a_rollback_puts_the_version_before_in_force_and_a_reload_takes_the_files(daemon):
    daemon.open_account("desk", "50")
    daemon.import_extensions(("8001", "city", "desk"))
    first = daemon.status()["dialplan"]
    worse = DIALPLAN + "rule closed { from 8001  refuse }\n"
    daemon.write_dialplan(worse)
    daemon.do("reload")
    second = daemon.status()["dialplan"]
    assert second != first
    assert decided(daemon, "8001", "86035566") == "refuse"
    done = daemon.do("rollback")
    assert first in done.output and "the files stay as they are" in done.output
    assert daemon.status()["dialplan"] == first
    assert decided(daemon, "8001", "86035566") == "route"
    assert read(daemon, "site.dialplan") == worse
    rows = daemon.ask("versions")
    assert [(r["number"], r["version"], r["reason"], r["in_force"]) for r in rows] == [
        (3, first, "rollback", True), (2, second, "reload", False), (1, first, "start", False)]
    assert all(row["kept"] for row in rows) and rows[0]["user"]
    table = daemon.do("versions").output.splitlines()
    assert len(table) == 4 and first in table[1] and "rollback" in table[1]
    # Over a restart it holds, until the files are taken again.
    daemon.stop()
    daemon.start()
    assert daemon.status()["dialplan"] == first
    assert first in daemon.log_text() and "by a rollback" in daemon.log_text()
    daemon.do("reload")
    assert daemon.status()["dialplan"] == second
    assert decided(daemon, "8001", "86035566") == "refuse"


def test_a_rollback_brings_back_the_texts_of_every_file_of_every_site(site):
    site.write_dialplan(DIALPLAN + 'include "branch.dialplan"\n')
    write(site, "branch.dialplan", BRANCH)
    write(site, "far.numbers", "0[1-9]XXXXXXXX.\n")
    site.start()
    site.import_tariff()
    site.open_account("desk", "50")
    site.import_extensions(("8001", "country", "desk"), ("9001", "desk", "desk"))
    first = site.status()["dialplan"]
    assert decided(site, "8001", "9001") == "ring 9001"
    assert decided(site, "9001", "86035566") == "route"

    # The second version differs in the branch's file alone, the third in its list of numbers.
    closed = BRANCH.replace("-> via pstn", "-> refused") + "rule closed { from 9001  refuse }\n"
    write(site, "branch.dialplan", closed)
    site.do("reload")
    second = site.status()["dialplan"]
    assert decided(site, "9001", "86035566") == "refuse"
    write(site, "branch.dialplan", BRANCH.replace("internal + local", "internal + local far"))
    write(site, "far.numbers", "0755XXXXXXXX\n")
    site.do("reload")
    third = site.status()["dialplan"]
    assert len({first, second, third}) == 3
    assert decided(site, "9001", "02088886666") == "refuse"
    assert decided(site, "9001", "075588886666") == "route"

    site.do("rollback", "1")
    assert site.status()["dialplan"] == first
    assert decided(site, "9001", "86035566") == "route"
    assert decided(site, "9001", "075588886666") == "refuse"
    site.do("rollback", second[:6])
    assert site.status()["dialplan"] == second
    assert decided(site, "9001", "86035566") == "refuse"
    # Kept texts do not look at the files, not even at those that are gone.
    os.remove(site.path("far.numbers"))
    site.do("rollback", third)
    assert decided(site, "9001", "075588886666") == "route"
    assert decided(site, "9001", "02088886666") == "refuse"
    refused = site.run("reload")
    assert refused.code == 1 and "far.numbers" in refused.text
    assert site.status()["dialplan"] == third


def test_a_rollback_to_what_is_not_there_is_refused(daemon):
    version = daemon.status()["dialplan"]
    alone = daemon.run("rollback")
    assert alone.code == 1 and "no other version" in alone.text
    unknown = daemon.run("rollback", "77")
    assert unknown.code == 1 and "tandem versions" in unknown.text
    assert daemon.status()["dialplan"] == version and len(daemon.ask("versions")) == 1


# The digit map


def covers(digit_map, keys):
    """Whether the map lets a gateway send these keys: whole, or with T after a pause."""
    def expression(alternative):
        # `.` is any number of what stands before it (RFC 3435 section 2.1.5).
        return alternative.removesuffix("T").replace("x", "[0-9]").replace(".", "*")
    return any(re.fullmatch(expression(part), keys)
               for part in digit_map.strip("()").split("|"))


def test_the_digit_map_takes_every_number_of_the_plan_whole(site):
    (row,) = site.ask("dialplan", "digitmap")
    digit_map = row["digitmap"]
    assert digit_map.startswith("(") and digit_map.endswith(")")
    for number in ("110", "8100", "10086", "86035566", "13812345678", "013812345678",
                   "02088886666", "031186035566", "0085223456789", "1790902088886666"):
        assert covers(digit_map, number), f"{number} is not in {digit_map}"
    assert not covers(digit_map, "999")
    # 8100 begins 8100 5566: the gateway has to wait for more.
    assert "8[0-7]xxT" in digit_map.split("|")
    assert site.do("dialplan", "digitmap", "--form", "common").output.strip() == (
        digit_map.strip("()"))
    short = site.do("dialplan", "digitmap", "--limit", "122").output.strip()
    assert len(short) <= 122 < len(digit_map) and covers(short, "02088886666")
    refused = site.run("dialplan", "digitmap", "--limit", "3")
    assert refused.code == 1 and "cannot be shorter" in refused.errors


# explain


def test_every_site_has_a_digit_map_and_gaps_of_its_own(site):
    site.write_dialplan(DIALPLAN + 'include "branch.dialplan"\n')
    write(site, "branch.dialplan", BRANCH)
    write(site, "far.numbers", "0[1-9]XXXXXXXX.\n")
    (main,) = site.ask("dialplan", "digitmap")
    (branch,) = site.ask("dialplan", "digitmap", "--site", "branch")
    # A mobile number is dialled at the main site alone, the other site's extensions at both.
    assert covers(main["digitmap"], "13812345678")
    assert not covers(branch["digitmap"], "13812345678")
    assert all(covers(map["digitmap"], "9001") for map in (main, branch))
    gaps = {name: {row["pattern"] for row in site.ask("dialplan", "gaps", "--site", name)}
            for name in ("headquarters", "branch")}
    assert any(covers(f"({pattern}x.)", "13812345678") for pattern in gaps["branch"])
    assert not any(covers(f"({pattern}x.)", "13812345678") for pattern in gaps["headquarters"])
    unknown = site.run("dialplan", "gaps", "--site", "brunch")
    assert unknown.code == 1 and "headquarters, branch" in unknown.text


def test_the_readme_shows_what_explain_says_of_the_sample(site):
    for folder in ("Config", "Dialplans"):
        shutil.copytree(os.path.join(REPOSITORY, folder), site.path(folder))
    site.config = site.path("Config/tandem.yaml")
    with open(os.path.join(REPOSITORY, "README.md")) as file:
        readme = file.read()
    shown = re.findall(
        r"^    \$ tandem (explain --from .*)\n((?:    (?!\$).*\n)+)", readme, re.M)
    assert len(shown) == 2
    for command, text in shown:
        assert site.do(*command.split()).output == textwrap.dedent(text)
    # The dialplan of those is what the daemon of the tour says that it serves.
    (version,) = set(re.findall(r"\bdialplan ([0-9a-f]{16})\b", readme))
    assert all(text.endswith(f"dialplan {version}\n") for _, text in shown)


def test_explain_supposes_a_time_and_a_trunk_that_is_down(daemon):
    daemon.write_dialplan(DIALPLAN + """\
hours office mon-fri 08:00-18:00
rule evenings { from 8001  to national  outside office  refuse "far calls in office hours only" }
""")
    daemon.do("reload")
    daemon.open_account("desk", "50")
    daemon.import_extensions(("8001", "country", "desk"))
    call = ("explain", "--from", "8001", "--dial", "02088886666", "--at")
    (day,) = daemon.ask(*call, "2026-11-23 10:00", "--down", "ip-e1")
    assert day["outcome"] == "route"
    assert day["routes"][0].startswith("ip-e1 (down)") and day["routes"][1].startswith("pstn")
    assert day["presented"] == "+8631166778001"
    assert ["rule-passed", "evenings"] in [fact[:2] for fact in day["facts"]]
    (evening,) = daemon.ask(*call, "2026-11-23 20:00")
    assert evening["outcome"] == "refuse"
    assert evening["refusal"] == "far calls in office hours only"
    assert evening["dialplan"] == daemon.status()["dialplan"]
    text = daemon.do(*call, "2026-11-23 20:00").output
    assert "evenings" in text and "site.dialplan:" in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_explain_tells_the_same_of_a_supposed_and_of_a_made_call(
    daemon, phones, gateways, language
):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "50")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    ask = ("explain", "--from", "8001", "--dial", "1790902088886666", "--lang", language)
    (supposed,) = daemon.ask(*ask)
    call = phones("8001").dial("1790902088886666")
    call.wait_answered()
    call.hang_up()
    call.wait_ended()
    record = daemon.wait_record()
    past = daemon.do("explain", "--call", record.call, "--lang", language)
    steps = supposed["steps"]
    assert len(steps) >= 4
    for step in steps:
        assert step in past.output, f"{step} is not in\n{past.output}"
    assert supposed["dialplan"] in past.output
    assert re.search(r"[一-鿿]", "".join(steps)) is None or language == "zh"
    if language == "zh":
        assert all(re.search(r"[一-鿿]", step) for step in steps)
    # The plan has changed since; what was decided then has not.
    daemon.write_dialplan(DIALPLAN + "rule closed { from 8001  refuse }\n")
    daemon.do("reload")
    (now,) = daemon.ask(*ask)
    assert now["outcome"] == "refuse"
    assert daemon.do("explain", "--call", record.call, "--lang", language).output == past.output


def test_explain_tells_of_a_call_while_it_is_under_way(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001", "50")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    (supposed,) = daemon.ask("explain", "--from", "8001", "--dial", "02088886666")
    call = phones("8001").dial("02088886666")
    call.wait_answered()
    (running,) = daemon.ask("show", "calls")
    (live,) = daemon.ask("explain", "--call", running["call"])
    assert live["explanation"] == supposed["steps"]
    assert live["attempts"][0]["route"] == "ip-e1" and not live.get("disposition")
    text = daemon.do("explain", "--call", running["call"]).output
    assert "the call is under way: " in text
    assert all(step in text for step in supposed["steps"])
    chinese = daemon.do("explain", "--call", running["call"], "--lang", "zh").output
    assert re.search(r"[一-鿿]", chinese)
    call.hang_up()
    call.wait_ended()
    (past,) = daemon.ask("explain", "--call", running["call"])
    assert past["explanation"] == live["explanation"]
    assert past["disposition"] == "ANSWERED"


def test_explain_supposes_a_number_that_the_phone_asks_to_present(daemon):
    daemon.write_dialplan(DIALPLAN + "phones 8001  presents 4001234567\n")
    daemon.do("reload")
    daemon.open_account("desk", "50")
    daemon.import_extensions(
        ("8001", "country", "desk"), ("8002", "country", "desk"), ("8003", "country", "desk"))
    daemon.do("extension", "set", "8003", "--presents", "4001234560-4001234569")
    (row,) = daemon.ask("extension", "show", "8003")
    assert row["presents"] == ["4001234560-4001234569"]
    for caller, presented in (
            ("8001", "4001234567"), ("8002", "+8631166778002"), ("8003", "4001234567")):
        (row,) = daemon.ask("explain", "--from", caller, "--dial", "02088886666",
                            "--present", "4001234567")
        assert row["presented"] == presented


def test_explain_says_who_cannot_pay_and_the_call_does(daemon, phones, gateways):
    gateways("answer", daemon.e1_port)
    daemon.open_account("desk-8001")
    daemon.import_extensions(("8001", "country", "desk-8001"))
    (said,) = daemon.ask("explain", "--from", "8001", "--dial", "02088886666")
    assert said["outcome"] == "refuse" and said["sip_status"] == 402
    assert said["refusal_code"] == "balance" and said["payments"][0]["way"] == "ip-e1"
    call = phones("8001").dial("02088886666")
    call.wait_ended()
    record = daemon.wait_record()
    assert record.sip_status == 402 and record.end_reason == said["refusal"]
    text = daemon.do("explain", "--from", "8001", "--dial", "02088886666", "--lang", "zh").output
    assert "余额不足" in text


def test_explain_refuses_what_it_cannot_answer(daemon):
    daemon.import_extensions(("8001", "city", None))
    assert daemon.run("explain", "--from", "8001").code == 2
    assert daemon.run("explain", "--call", "9-999").code == 1
    wrong = daemon.run("explain", "--from", "8001", "--dial", "110", "--at", "sometime")
    assert wrong.code == 2 and "sometime" in wrong.errors
    assert daemon.run("explain", "--from", "8001", "--dial", "1", "--lang", "fr").code == 2
