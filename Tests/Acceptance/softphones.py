"""Softphones that are no pjsua2: baresip and linphonec, each registered and answering by itself."""

import os
import subprocess
import time


class Softphone:
    """A program that registers when it starts and takes every call."""

    def __init__(self, folder, name, command):
        self.log = os.path.join(folder, f"{name}-{time.time_ns()}.log")
        self.output = open(self.log, "w")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=self.output, stderr=subprocess.STDOUT,
            cwd=folder, text=True, env={**os.environ, "HOME": folder})

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.output.close()


def baresip(site, user, *, transport="udp", at=None, authority=None):
    folder = site.path(f"baresip-{user}")
    os.makedirs(folder, exist_ok=True)
    modules = ["account", "g711", "ausine", "aufile", "menu", "stdio"]
    with open(os.path.join(folder, "config"), "w") as file:
        file.write(
            "sip_listen 127.0.0.1:0\n"
            + (f"sip_cafile {authority.certificate}\nsip_verify_server yes\n" if authority else "")
            + "audio_player aufile,/dev/null\naudio_source ausine,440\naudio_alert aufile,/dev/null\n"
            + "audio_buffer 20-160\nnet_interface 127.0.0.1\nmodule_path /usr/lib/baresip/modules\n"
            + "".join(f"module {name}.so\n" for name in modules[:4])
            + "".join(f"module_app {name}.so\n" for name in modules[4:5])
            + "module stdio.so\n")
    way = f";transport={transport}"
    where = at or site.address
    with open(os.path.join(folder, "accounts"), "w") as file:
        file.write(
            f"<sip:{user}@{where}{way}>;auth_user={user};auth_pass={site.extensions[user]}"
            f";answermode=auto;regint=300;audio_codecs=PCMU/8000/1\n")
    open(os.path.join(folder, "contacts"), "w").close()
    return Softphone(site.folder, f"baresip-{user}", ["baresip", "-f", folder])


def linphone(site, user, *, transport="udp", at=None, authority=None):
    folder = site.path(f"linphone-{user}")
    os.makedirs(folder, exist_ok=True)
    # Its database has to have a folder.
    os.makedirs(site.path(".local/share/linphone"), exist_ok=True)
    where = at or site.address
    # Zero closes a port, -1 leaves the choice to the system.
    ports = {kind: -1 if kind == transport else 0 for kind in ("udp", "tcp", "tls")}
    config = os.path.join(folder, "linphonerc")
    with open(config, "w") as file:
        file.write(
            "[sip]\n" + "".join(f"sip_{'' if k == 'udp' else k + '_'}port={v}\n"
                                for k, v in ports.items())
            + "default_proxy=0\nbind_address=127.0.0.1\nguess_hostname=0\nuse_ipv6=0\n"
            + (f"root_ca={authority.certificate}\nverify_server_certs=1\n" if authority else "")
            + "[rtp]\naudio_rtp_port=-1\n"
            + "[net]\nstun_server=\nfirewall_policy=0\n"
            + f"[proxy_0]\nreg_proxy=<sip:{where};transport={transport}>\n"
            + f"reg_route=<sip:{where};transport={transport};lr>\n"
            + f"reg_identity=sip:{user}@{site.realm}\nreg_expires=300\nreg_sendregister=1\n"
            + "publish=0\ndial_escape_plus=0\nquality_reporting_enabled=0\n"
            + f"[auth_info_0]\nusername={user}\npasswd={site.extensions[user]}\n"
            + f"realm={site.realm}\n"
            + "[sound]\nplayback_dev_id=ANY\ncapture_dev_id=ANY\n[misc]\nfile_transfer_protocol=\n")
    return Softphone(
        site.folder, f"linphone-{user}", ["linphonec", "-a", "-c", config, "-d", "1"])
