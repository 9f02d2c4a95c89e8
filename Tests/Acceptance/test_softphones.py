"""Phones of three makers call each other, each by another transport."""

import shutil
import time

import pytest

import softphones
from authority import Authority
from tandem_daemon import REALM, free_port
from test_connections import registration
from test_tls import configure, tls_phone

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")


@pytest.fixture
def authority(site):
    return Authority(site.folder)


@pytest.fixture
def tls(site, authority):
    site.tls_port = free_port()
    site.tls = f"127.0.0.1:{site.tls_port}"
    site.realm = REALM
    certificate, key = authority.sign("tandem", "IP:127.0.0.1", "DNS:127.0.0.1")
    # linphone asks its user when it is asked; baresip of Debian 12 knows no other digest.
    configure(site, certificate, key, authority, asks="no", digest="[MD5]")
    site.start()
    site.import_extensions(("8001", "city", None), ("8002", "city", None))
    return site


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("make", ["baresip", "linphone"])
def test_another_makers_phone_registers_and_is_called(tls, phones, authority, make, transport):
    program = {"baresip": "baresip", "linphone": "linphonec"}[make]
    if shutil.which(program) is None:
        pytest.skip(f"no {program}")
    other = getattr(softphones, make)(
        tls, "8002", transport=transport, at=tls.tls if transport == "tls" else None,
        authority=authority if transport == "tls" else None)
    try:
        limit = time.monotonic() + 20
        while (row := registration(tls, "8002")) is None:
            assert time.monotonic() < limit, f"{make} did not register:\n{other.log_text()}"
            time.sleep(0.1)
        assert row["transport"] == transport
        phone = tls_phone(tls, phones, authority, "8001")
        call = phone.dial("8002")
        call.wait_ringing()
        if make == "linphone":
            call.wait_answered()
            call.wait_packets("sent", 25)
        call.hang_up()
        call.wait_ended()
        record = tls.wait_record()
        # baresip rings: its own answering wants a sound card.
        assert (record.dialled, record.disposition == "ANSWERED", record.released_by) == (
            "8002", make == "linphone", "caller")
        tls.wait_idle()
    finally:
        other.close()


@pytest.mark.parametrize("make", ["linphone", "baresip"])
def test_it_registers_where_nothing_is_said_of_digests(site, measured, make):
    program = {"baresip": "baresip", "linphone": "linphonec"}[make]
    if shutil.which(program) is None:
        pytest.skip(f"no {program}")
    site.realm = REALM
    site.write_config()
    site.start()
    site.import_extensions(("8002", "country", None))
    other = getattr(softphones, make)(site, "8002")
    began = time.monotonic()
    try:
        # baresip of Debian 12 gives up where it finds SHA-256 among the challenges. When it tries again,
        # after 30 to 60 s, it is asked by MD5 alone.
        while registration(site, "8002") is None:
            assert time.monotonic() < began + 100, f"{make} did not register:\n{other.log_text()}"
            time.sleep(0.1)
    finally:
        other.close()
    measured(f"{make} registered after {time.monotonic() - began:.1f} s")
