"""Softphones of several makers behind one interface: each registers when it starts and takes every call.

`dial` begins a call and `hang_up` ends it; `heard` are the RTP packets that the phone has received in the
calls it has had so far, or None where its maker does not say.
"""

import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import wave

from gateway import SCENARIOS
from phone import Phone
from tandem_daemon import free_port


class Softphone:
    """A program; what it says is in its log."""

    def __init__(self, site, user, make, command, **more):
        self.site = site
        self.user = user
        self.log = site.path(f"{make}-{user}-{time.time_ns()}.log")
        self.output = open(self.log, "w")
        self.process = self.spawn(command, **more)

    def spawn(self, command, **more):
        return subprocess.Popen(
            command, stdout=self.output, stderr=subprocess.STDOUT, cwd=self.site.folder, text=True,
            env={**os.environ, "HOME": self.site.folder}, **{"stdin": subprocess.DEVNULL, **more})

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def try_again(self):
        """Registers once more, where it does not do so by itself."""

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.output.close()


class Pjsua2:
    """The phone of all other tests, which answers by itself here."""

    def __init__(self, site, user, *, transport="udp", authority=None):
        self.phone = Phone(
            site.folder, user, domain=site.realm, password=site.extensions[user], answers=200,
            registrar=site.tls if transport == "tls" else site.address, transport=transport,
            algorithm="MD5" if site.digest else None,
            authority=authority.certificate if authority else None)
        self.phone.register()
        self.call = None

    def try_again(self):
        pass

    def dial(self, number):
        self.call = self.phone.dial(number)

    def hang_up(self):
        self.call.hang_up()

    def heard(self):
        return sum(
            e["packets"]["received"] for e in list(self.phone.events)
            if e["event"] == "stream ended")

    def log_text(self):
        return self.phone.log_text()

    def close(self):
        self.phone.close()


class Baresip(Softphone):
    """Told what to do over its control port; it sends a tone, and plays to a device that is none.
    `port` is that of SIP, any when it is 0."""

    def __init__(self, site, user, *, transport="udp", authority=None, port=0):
        folder = site.path(f"baresip-{user}")
        os.makedirs(folder, exist_ok=True)
        control = free_port()
        if control == port + 1:
            # It takes that for TLS.
            control = free_port()
        with open(os.path.join(folder, "config"), "w") as file:
            file.write(
                f"sip_listen 127.0.0.1:{port}\nnet_interface 127.0.0.1\nrtp_stats yes\n"
                + (f"sip_cafile {authority.certificate}\nsip_verify_server yes\n"
                   if authority else "")
                # A tone for the caller would take the device from its call.
                + "audio_player aubridge,nil\nringback_disabled yes\n"
                + "audio_source ausine,440\nausrc_srate 48000\nausrc_channels 2\n"
                + f"audio_buffer 20-160\nctrl_tcp_listen 127.0.0.1:{control}\n"
                + "module_path /usr/lib/baresip/modules\n"
                + "".join(f"module {name}.so\n" for name in ("g711", "aubridge", "ausine", "uuid"))
                + "".join(f"module_app {name}.so\n" for name in ("account", "ctrl_tcp", "menu")))
        self.where = site.tls if transport == "tls" else site.address
        with open(os.path.join(folder, "accounts"), "w") as file:
            file.write(
                f"<sip:{user}@{self.where};transport={transport}>;auth_user={user}"
                f";auth_pass={site.extensions[user]};answermode=auto;regint=300"
                f";audio_codecs=PCMU/8000/1\n")
        open(os.path.join(folder, "contacts"), "w").close()
        super().__init__(site, user, "baresip", ["baresip", "-f", folder])
        # What it says of itself here is little, and nobody reads it: its log has all.
        self.link = self._connect(control)

    def _connect(self, control):
        limit = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(("127.0.0.1", control), timeout=10)
            except ConnectionRefusedError:
                assert time.monotonic() < limit, f"baresip has no control port:\n{self.log_text()}"
                time.sleep(0.05)

    def _command(self, name, parameters=""):
        body = json.dumps({"command": name, "params": parameters}).encode()
        self.link.sendall(b"%d:%s," % (len(body), body))

    def dial(self, number):
        self._command("dial", f"sip:{number}@{self.where}")

    def hang_up(self):
        self._command("hangup")

    def hold(self):
        self._command("hold")

    def resume(self):
        self._command("resume")

    def transfer(self, number):
        self._command("transfer", f"sip:{number}@{self.where}")

    def heard(self):
        """It prints how many were sent and received when a call has ended."""
        return sum(map(int, re.findall(r"packets: +\d+ +(\d+)", self.log_text())))

    def close(self):
        super().close()
        self.link.close()


def write_linphone_config(
        config, user, *, password, realm, where, transport="udp", authority=None, port=0):
    # Zero closes a port, -1 leaves the choice to the system.
    ports = {kind: port or -1 if kind == transport else 0 for kind in ("udp", "tcp", "tls")}
    with open(config, "w") as file:
        file.write(
            "[sip]\n" + "".join(f"sip_{'' if k == 'udp' else k + '_'}port={v}\n"
                                for k, v in ports.items())
            + "default_proxy=0\nbind_address=127.0.0.1\nguess_hostname=0\nuse_ipv6=0\n"
            + (f"root_ca={authority.certificate}\nverify_server_certs=1\n"
               if authority else "")
            + "[rtp]\naudio_rtp_port=-1\n"
            + "[net]\nstun_server=\nfirewall_policy=0\n"
            + f"[proxy_0]\nreg_proxy=<sip:{where};transport={transport}>\n"
            + f"reg_route=<sip:{where};transport={transport};lr>\n"
            + f"reg_identity=sip:{user}@{realm}\nreg_expires=300\nreg_sendregister=1\n"
            + "publish=0\ndial_escape_plus=0\nquality_reporting_enabled=0\n"
            + f"[auth_info_0]\nusername={user}\npasswd={password}\n"
            + f"realm={realm}\n"
            + "[sound]\nplayback_dev_id=ANY\ncapture_dev_id=ANY\n"
            + "[misc]\nfile_transfer_protocol=\n")


class Linphone(Softphone):
    """Told what to do by its keyboard; it plays a file and writes what it hears to another. `port` is that
    of SIP, any when it is 0."""

    def __init__(self, site, user, *, transport="udp", authority=None, port=0):
        folder = site.path(f"linphone-{user}")
        os.makedirs(folder, exist_ok=True)
        # Its database has to have a folder.
        os.makedirs(site.path(".local/share/linphone"), exist_ok=True)
        config = os.path.join(folder, "linphonerc")
        write_linphone_config(
            config, user, password=site.extensions[user], realm=site.realm,
            where=site.tls if transport == "tls" else site.address, transport=transport,
            authority=authority, port=port)
        super().__init__(
            site, user, "linphone", ["linphonec", "-a", "-c", config, "-d", "1"],
            stdin=subprocess.PIPE)
        tone = os.path.join(folder, "tone.wav")
        with wave.open(tone, "w") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(b"\x00\x10" * 4 + b"\x00\xf0" * 4)
        self.sound = os.path.join(folder, "heard.wav")
        for line in ("soundcard use files", f"play {tone}", f"record {self.sound}"):
            self.type(line)

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def dial(self, number):
        self.type(f"call sip:{number}@{self.site.realm}")

    def hang_up(self):
        self.type("terminate")

    def hold(self):
        self.type("pause")

    def resume(self):
        self.type("resume")

    def transfer(self, number):
        self.type(f"transfer sip:{number}@{self.site.realm}")

    def heard(self):
        """Twenty milliseconds, as a packet has, are 320 bytes of the file."""
        return os.path.getsize(self.sound) // 320 if os.path.exists(self.sound) else 0


class Tunnel:
    """TLS for whoever speaks TCP alone: what connects here is carried on to `port`."""

    def __init__(self, port, authority):
        self.target = ("127.0.0.1", port)
        self.context = ssl.create_default_context(cafile=authority.certificate)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            secret = self.context.wrap_socket(
                socket.create_connection(self.target), server_hostname="127.0.0.1")
            for here, there in ((plain, secret), (secret, plain)):
                threading.Thread(target=self._carry, args=(here, there), daemon=True).start()

    @staticmethod
    def _carry(here, there):
        try:
            while piece := here.recv(65536):
                there.sendall(piece)
        except OSError:
            # One of the two is gone, and so is the other after this.
            pass
        here.close()
        there.close()

    def close(self):
        self.listener.close()


class SIPp(Softphone):
    """Two scenarios: one registers and answers, one dials. It sends back what it hears, so that it has
    been heard is said by the other side. Debian's has no TLS: a tunnel has."""

    def __init__(self, site, user, *, transport="udp", authority=None):
        self.tunnel = Tunnel(site.tls_port, authority) if transport == "tls" else None
        self.remote = f"127.0.0.1:{self.tunnel.port}" if self.tunnel else site.address
        self.transport = transport
        self.dialling = None
        self.site = site
        keys = {"user": user, "password": site.extensions[user]}
        self.registers = self._command(
            "phone-registers", "-oocsf", self._filled_in("phone-answers", **keys),
            "-auth_uri", site.realm, **keys)
        super().__init__(site, user, "sipp", self.registers)

    def try_again(self):
        """It has ended where it was asked by a digest that it does not know."""
        if self.process.poll() is not None:
            self.process = self.spawn(self.registers)

    def _filled_in(self, scenario, **keys):
        with open(os.path.join(SCENARIOS, scenario + ".xml")) as file:
            text = file.read()
        keys.update(domain=self.site.realm, via=self.transport.upper())
        for key, value in keys.items():
            text = text.replace(f"[{key}]", value)
        path = self.site.path(f"{scenario}-{time.time_ns()}.xml")
        with open(path, "w") as file:
            file.write(text)
        return path

    def _command(self, scenario, *more, **keys):
        return [
            "sipp", self.remote, "-sf", self._filled_in(scenario, **keys), "-i", "127.0.0.1",
            "-p", str(free_port()), "-mp", str(free_port()), "-rtp_echo", "-m", "1", "-nostdin",
            "-t", "u1" if self.transport == "udp" else "t1", *more]

    def dial(self, number):
        self.dialling = self.spawn(self._command(
            "phone-dials", "-auth_uri", f"{number}@{self.site.realm}", user=self.user,
            password=self.site.extensions[self.user], dialled=number))

    def hang_up(self):
        """It does so by itself; its scenario has to come to its end."""
        assert self.dialling.wait(10) == 0, self.log_text()

    def heard(self):
        return None

    def close(self):
        if self.dialling and self.dialling.poll() is None:
            self.dialling.kill()
            self.dialling.wait()
        super().close()
        if self.tunnel:
            self.tunnel.close()
