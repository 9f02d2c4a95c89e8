"""A phone with a lamp beside a key, of linphone or played by SIPp, watches real phones that call each other."""

import os
import re
import subprocess
import sys
import time

import pytest

from authority import Authority
from gateway import SCENARIOS
from softphones import write_linphone_config
from tandem_daemon import DIALPLAN, REALM, free_port
from wire import WirePhone, WireStreamPhone, connect


class Lamp:
    """Subscribes once and answers every NOTIFY; what it was told is in SIPp's message log."""

    def __init__(self, site, user, watched):
        with open(os.path.join(SCENARIOS, "watch.xml")) as file:
            text = file.read()
        keys = {"user": user, "password": site.extensions[user], "watched": watched,
                "domain": REALM}
        for key, value in keys.items():
            text = text.replace(f"[{key}]", value)
        path = site.path("watch.xml")
        with open(path, "w") as file:
            file.write(text)
        self.log = site.path("lamp.messages")
        self.process = subprocess.Popen(
            ["sipp", site.address, "-sf", path, "-i", "127.0.0.1", "-p", str(free_port()),
             "-m", "1", "-auth_uri", f"{watched}@{site.address}", "-nostdin", "-trace_msg", "-message_file", self.log],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=site.folder)

    def documents(self):
        """Version and states of each document, in order of version."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, errors="replace") as file:
            text = file.read()
        found = {
            int(version): re.findall("<state>(.*?)</state>", rest)
            for version, rest in re.findall(
                r'<dialog-info [^>]*?version="(\d+)"(.*?)</dialog-info>', text, re.S)}
        return sorted(found.items())

    def wait(self, states, timeout=20):
        limit = time.monotonic() + timeout
        while not (told := self.documents()) or told[-1][1] != states:
            assert time.monotonic() < limit, f"the lamp was told {told}, expected {states}"
            time.sleep(0.05)

    def wait_dialog(self, timeout=20):
        """Call-ID and tags of what rings there, once all of them are told."""
        limit = time.monotonic() + timeout
        while True:
            with open(self.log, errors="replace") as file:
                dialogs = re.findall("<dialog ([^>]*)>", file.read())
            if dialogs:
                told = dict(re.findall(r'([\w-]+)="([^"]*)"', dialogs[-1]))
                if all(told.get(key) for key in ("call-id", "local-tag", "remote-tag")):
                    return told
            assert time.monotonic() < limit, f"the lamp was told {dialogs}"
            time.sleep(0.05)

    def close(self):
        self.process.kill()
        self.process.wait()


class LinphoneLamp(Lamp):
    """The same of linphone's library; what it was told is what it prints."""

    def __init__(self, site, user, watched):
        home = site.path("linphone")
        # Its database has to have a folder.
        os.makedirs(os.path.join(home, ".local/share/linphone"))
        config = os.path.join(home, "linphonerc")
        write_linphone_config(
            config, user, password=site.extensions[user], realm=REALM, where=site.address)
        self.log = site.path("lamp.documents")
        with open(self.log, "w") as output:
            self.process = subprocess.Popen(
                [sys.executable, os.path.join(os.path.dirname(__file__), "lamp_agent.py"), config,
                 f"sip:{watched}@{REALM}"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=home,
                env={**os.environ, "HOME": home})


@pytest.fixture(params=[Lamp, LinphoneLamp])
def lamp(site, request):
    # SIPp answers the first challenge, and knows MD5.
    site.write_config(digest="[MD5]" if request.param is Lamp else None)
    site.start()
    site.import_extensions(*[(str(number), "country", None) for number in range(8001, 8005)])
    lamp = request.param(site, "8004", "8002")
    yield lamp
    lamp.close()


def test_a_lamp_shows_ringing_talking_and_free_and_does_so_after_a_restart_and_a_reload(
        site, lamp, phones):
    lamp.wait([])
    caller, called = phones("8001"), phones("8002")
    call = caller.dial("8002")
    taken = called.incoming()
    lamp.wait(["early"])
    taken.answer()
    call.wait_answered()
    lamp.wait(["confirmed"])
    call.hang_up()
    lamp.wait([])
    site.kill()
    site.start()
    told = len(lamp.documents())
    limit = time.monotonic() + 10
    while len(lamp.documents()) == told:
        assert time.monotonic() < limit, "the lamp is told nothing after the restart"
        time.sleep(0.05)
    site.write_dialplan(DIALPLAN + "// another version\n")
    site.do("reload")
    since = len(called.events)
    call = caller.dial("8002")
    called.incoming(since=since)
    lamp.wait(["early"])
    call.hang_up()
    lamp.wait([])


def test_the_key_beside_a_lamp_picks_up_in_a_common_group_and_nowhere_else(site, phones):
    site.write_dialplan(
        DIALPLAN + "group pair 8002 8004\nfeature pickup-extension *8{extension}\n")
    site.write_config(digest="[MD5]")
    site.start()
    site.import_extensions(*[(str(number), "country", None) for number in range(8001, 8005)])
    lamp = Lamp(site, "8004", "8002")
    try:
        lamp.wait([])
        caller, called = phones("8001"), phones("8002")
        stranger, picker = phones("8003"), phones("8004")
        call = caller.dial("8002")
        ring = called.incoming()
        ring.ring()
        call.wait_ringing()
        dialog = lamp.wait_dialog()
        # As the key of a phone does it: a dialog of 8002, seen from the switch.
        replaces = (f"{dialog['call-id']};to-tag={dialog['remote-tag']};"
                    f"from-tag={dialog['local-tag']};early-only")
        assert stranger.dial("8002", Replaces=replaces).wait_ended()["status"] == 403
        assert stranger.dial("*88002").wait_ended()["status"] == 403
        picked = picker.dial("8002", Replaces=replaces)
        picked.wait_answered()
        call.wait_answered()
        ring.wait_ended()
        for end in (call, picked):
            end.wait_packets("received", 25)
        call.hang_up()
        picked.wait_ended()
    finally:
        lamp.close()
    records = site.wait_records(4)
    by_key = [r for r in records if r.direction == "feature" and r.caller in ("8003", "8004")]
    told = {r.caller: site.do("explain", "--call", r.call).output for r in by_key
            if r.dialled == "8002"}
    assert "8003 asks by Replaces for the call that rings at 8002" in told["8003"]
    assert "8003 may not pick up what rings at 8002" in told["8003"]
    assert "8004 may pick up what rings at 8002: both are in group pair" in told["8004"]


@pytest.fixture
def office(site):
    """A daemon that listens by UDP, TCP and TLS, and has a mailbox server."""
    authority = Authority(site.folder)
    certificate, key = authority.sign("tandem", "IP:127.0.0.1")
    site.tls_port = free_port()
    site.write_config(
        listen=[f"{{ transport: tcp, address: {site.address} }}",
                f"{{ transport: tls, address: 127.0.0.1:{site.tls_port} }}"],
        more="mailbox: { trunk: pstn }\n"
             f"tls: {{ certificate: {certificate}, key: {key}, trust: {authority.certificate} }}\n")
    site.start()
    site.import_extensions(*[(str(number), "country", None) for number in range(8001, 8005)])
    site.authority = authority
    return site


EVENTS = (("dialog", "8002"), ("presence", "8002"), ("message-summary", "8004"))


def states(notify):
    return re.findall("<state>(.*?)</state>", notify.text)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_who_watches_by_a_connection_is_told_all_when_it_has_another_after_a_kill(
        office, phones, transport):
    authority = office.authority if transport == "tls" else None
    watcher = WireStreamPhone(
        office, "8004", transport, lambda: connect(office, authority=authority))
    watcher.register(call_id="watcher")
    for event, watched in EVENTS:
        watcher.subscribe(event, watched)
        assert watcher.wait_told()["event"] == event
    called = phones("8002")
    assert "<basic>open</basic>" in watcher.wait_told().text
    time.sleep(0.5)
    office.kill()
    office.start()
    # Longer than the second after which phones by UDP are told.
    time.sleep(3)
    counters = office.status()["counters"]
    assert counters["subscriptions"] == 3
    assert "connections made" not in counters and "connections not to be had" not in counters, counters
    caller = phones("8001")
    call = caller.dial("8002")
    taken = called.incoming()
    taken.answer()
    call.wait_answered()
    # Its own connection is new, and its dialogs are the old ones.
    watcher.reconnect()
    watcher.register(call_id="watcher")
    told = {notify["event"]: notify for notify in (watcher.wait_told() for _ in EVENTS)}
    assert states(told["dialog"]) == ["confirmed"]
    assert "on-the-phone" in told["presence"].text
    # Its server has said nothing.
    assert told["message-summary"].body == ""
    call.hang_up()
    taken.wait_ended()
    told = {notify["event"]: notify for notify in (watcher.wait_told() for _ in range(2))}
    assert states(told["dialog"]) == [] and "on-the-phone" not in told["presence"].text
    # The same without a restart: what happens meanwhile is told by the next connection.
    watcher.close()
    limit = time.monotonic() + 10
    while office.registration("8004")["state"] != "connection lost":
        assert time.monotonic() < limit, "the end of the connection is not noticed"
        time.sleep(0.05)
    assert called.unregister()["status"] == 200
    watcher.reconnect()
    watcher.register(call_id="watcher")
    assert "<basic>closed</basic>" in watcher.wait_told().text
    assert office.status()["counters"]["subscriptions"] == 3
    watcher.close()


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_real_phone_shows_presence_and_its_mailbox_after_a_kill(office, phones, transport):
    at = f"127.0.0.1:{office.tls_port}" if transport == "tls" else None
    watcher = phones(
        "8001", transport=transport, retry=3, mailbox=True, at=at,
        authority=office.authority.certificate)
    watcher.watch("8002")
    watcher.wait_presence(lambda e: e["subscribed"] and not e["open"])
    watcher.wait(lambda e: e["event"] == "mailbox", 20, "to hear of its mailbox")
    watched = phones("8002")
    watcher.wait_presence(lambda e: e["open"])
    time.sleep(1)
    since = len(watcher.events)
    office.kill()
    office.start()
    watcher.wait(
        lambda e: e["event"] == "registration" and e["status"] == 200, 30, "to register again",
        since)
    watcher.wait(lambda e: e["event"] == "mailbox", 20, "to hear of its mailbox", since)
    since = len(watcher.events)
    assert watched.unregister()["status"] == 200
    watcher.wait_presence(lambda e: not e["open"], since=since)


def test_a_lamp_that_names_an_id_and_accepts_a_range_hears_that_its_extension_is_gone(office, phones):
    watcher = WirePhone(office, "8004")
    watcher.register()
    uri = f"sip:8002@{REALM}"
    asked = watcher.ask(
        "SUBSCRIBE", uri, f"<{uri}>",
        "Event: dialog;id=17\r\nAccept: application/*;q=0.8\r\nExpires: 600\r\n")
    assert watcher.wait_answer(asked.call_id, "SUBSCRIBE").status == 200
    assert watcher.wait_told()["event"] == "dialog;id=17"
    office.do("extension", "remove", "8004")
    last = watcher.wait_told()
    assert last["subscription-state"] == "terminated;reason=rejected" and last.body == ""
    called = phones("8002")
    call = phones("8001").dial("8002")
    called.incoming()
    assert watcher.wait_request("NOTIFY", 1) is None
    call.hang_up()
    watcher.close()
