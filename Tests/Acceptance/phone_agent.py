"""A telephone without sound, in a process of its own.

pjsua2 keeps one library instance a process, so each phone of a test is one run of this file. It
reads one JSON command a line from standard input and writes one JSON event a line to standard
output; `phone.py` is the other end. All callbacks run on the main thread, from `libHandleEvents`.
"""

import ctypes
import hashlib
import json
import os
import select
import sys
import time

import pjsua2 as pj

# The binding names none of the library's own errors.
PJSIP_ESESSIONTERMINATED = 171140

STATE_NAMES = {
    pj.PJSIP_INV_STATE_NULL: "NULL",
    pj.PJSIP_INV_STATE_CALLING: "CALLING",
    pj.PJSIP_INV_STATE_INCOMING: "INCOMING",
    pj.PJSIP_INV_STATE_EARLY: "EARLY",
    pj.PJSIP_INV_STATE_CONNECTING: "CONNECTING",
    pj.PJSIP_INV_STATE_CONFIRMED: "CONFIRMED",
    pj.PJSIP_INV_STATE_DISCONNECTED: "DISCONNECTED",
}


def emit(**event):
    event["at"] = time.time()
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class PhoneCall(pj.Call):
    def __init__(self, agent, account, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(account, call_id)
        self.agent = agent
        self.number = agent.remember(self)

    def onCallState(self, prm):
        # The message that ends a call is told here alone: its transaction is forgotten by then.
        if prm.e.type == pj.PJSIP_EVENT_TSX_STATE:
            self.tell_received(prm.e.body.tsxState)
        info = self.getInfo()
        stats = self.packets() if info.state == pj.PJSIP_INV_STATE_DISCONNECTED else None
        emit(
            event="state", call=self.number, state=STATE_NAMES[info.state],
            status=info.lastStatusCode, reason=info.lastReason, packets=stats,
        )

    def onCallTsxState(self, prm):
        self.tell_received(prm.e.body.tsxState)

    def tell_received(self, change):
        if change.type == pj.PJSIP_EVENT_RX_MSG:
            emit(event="received", call=self.number, message=change.src.rdata.wholeMsg)

    def onCallMediaState(self, prm):
        info = self.getInfo()
        directions = []
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            directions.append([media.status, media.dir])
            if media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                self.agent.tone.startTransmit(self.getAudioMedia(index))
        emit(event="media", call=self.number, directions=directions)

    def onCallTransferStatus(self, prm):
        emit(
            event="transfer", call=self.number, status=prm.statusCode, reason=prm.reason,
            final=prm.finalNotify,
        )

    def onStreamDestroyed(self, prm):
        emit(event="stream ended", call=self.number, packets=self.packets())

    def packets(self):
        """RTP packets of the first stream, sent and received."""
        try:
            rtcp = self.getStreamStat(0).rtcp
        except pj.Error:
            return None
        return {"sent": rtcp.txStat.pkt, "received": rtcp.rxStat.pkt}


class PhoneAccount(pj.Account):
    def __init__(self, agent):
        super().__init__()
        self.agent = agent

    def onRegState(self, prm):
        emit(
            event="registration", status=prm.code, reason=prm.reason, expires=prm.expiration,
            message=prm.rdata.wholeMsg,
        )

    def onInstantMessage(self, prm):
        emit(event="text", sender=prm.fromUri, text=prm.msgBody)

    def onInstantMessageStatus(self, prm):
        emit(event="text_status", status=prm.code, reason=prm.reason)

    def onMwiInfo(self, prm):
        emit(event="mailbox", message=prm.rdata.wholeMsg)

    def onIncomingCall(self, prm):
        call = PhoneCall(self.agent, self, prm.callId)
        info = call.getInfo()
        emit(
            event="incoming", call=call.number, remote=info.remoteUri, local=info.localUri,
            message=prm.rdata.wholeMsg,
        )
        automatic = self.agent.settings.get("answers")
        if automatic:
            self.agent.answer({"call": call.number, "status": automatic})


class Watched(pj.Buddy):
    """Another extension whose presence the phone shows."""

    def onBuddyState(self):
        info = self.getInfo()
        emit(
            event="presence", subscribed=info.subState == pj.PJSIP_EVSUB_STATE_ACTIVE,
            open=info.presStatus.status == pj.PJSUA_BUDDY_STATUS_ONLINE,
            note=info.presStatus.statusText, activity=info.presStatus.activity,
        )


def headers(command):
    """More fields of a request or response, from the command's own."""
    wanted = pj.SipHeaderVector()
    for name, value in command.get("headers", {}).items():
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        wanted.append(header)
    return wanted


class Agent:
    def __init__(self, settings):
        self.settings = settings
        self.calls = []
        self.buddies = []
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 16
        config.uaConfig.userAgent = "pjsua2 " + self.endpoint.libVersion().full
        config.logConfig.level = 5
        config.logConfig.consoleLevel = 0
        config.logConfig.filename = settings["log"]
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        config.medConfig.clockRate = 8000
        config.medConfig.sndClockRate = 8000
        self.endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.boundAddress = settings["address"]
        transport.port = settings.get("port", 0)
        kind = {
            "udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP,
            "tls": pj.PJSIP_TRANSPORT_TLS,
        }[settings["transport"]]
        if ":" in settings["address"]:
            kind += pj.PJSIP_TRANSPORT_IPV6
        if settings.get("authority"):
            transport.tlsConfig.CaListFile = settings["authority"]
            transport.tlsConfig.verifyServer = True
        self.transport = kind, transport
        transport_id = self.endpoint.transportCreate(kind, transport)
        self.endpoint.audDevManager().setNullDev()
        self.endpoint.libStart()
        for codec in self.endpoint.codecEnum2():
            wanted = codec.codecId.startswith(("PCMA", "PCMU", "telephone-event"))
            self.endpoint.codecSetPriority(codec.codecId, 128 if wanted else 0)
        self.tone = pj.ToneGenerator()
        self.tone.createToneGenerator(8000, 1)
        tone = pj.ToneDesc()
        tone.freq1, tone.on_msec, tone.off_msec = 440, 1000, 0
        tones = pj.ToneDescVector()
        tones.append(tone)
        self.tone.play(tones, True)
        self.account = PhoneAccount(self)
        self.account.create(self.account_config(transport_id))
        self.settings["port"] = self.port(transport_id)
        emit(event="ready", port=self.settings["port"])

    def port(self, transport_id):
        return int(self.endpoint.transportGetInfo(transport_id).localName.rsplit(":", 1)[1])

    def account_config(self, transport_id):
        settings = self.settings
        config = pj.AccountConfig()
        config.idUri = f"sip:{settings['user']}@{settings['domain']}"
        # A connection is made when it is needed; only a datagram has a socket to leave by.
        transport = settings["transport"]
        way = "" if transport == "udp" else f";transport={transport}"
        if transport == "udp" or ":" in settings["address"]:
            config.sipConfig.transportId = transport_id
        # The binding of PyPI has media of IPv4 alone.
        config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        config.mediaConfig.transportConfig.port = settings["rtp"]
        config.mediaConfig.transportConfig.portRange = 80
        config.natConfig.iceEnabled = False
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
        if settings.get("registrar"):
            config.regConfig.registrarUri = f"sip:{settings['registrar']}{way}"
            config.regConfig.registerOnAdd = False
            config.regConfig.retryIntervalSec = settings.get("retry", 0)
            config.regConfig.firstRetryIntervalSec = settings.get("retry", 0)
            config.regConfig.timeoutSec = settings.get("expires", 300)
            config.sipConfig.proxies.append(f"sip:{settings['registrar']}{way};lr")
        config.mwiConfig.enabled = bool(settings.get("mailbox"))
        if settings.get("password"):
            config.sipConfig.authCreds.append(self.credential())
        return config

    def credential(self):
        """A password answers the first challenge that the library knows, which is SHA-256; an HA1
        of MD5 answers MD5 alone. (With a nonce of its own in each challenge it would be the last.)
        """
        settings = self.settings
        credential = pj.AuthCredInfo("digest", settings["domain"], settings["user"], 0, "")
        if settings.get("algorithm") == "MD5":
            text = f"{settings['user']}:{settings['domain']}:{settings['password']}"
            credential.dataType = pj.PJSIP_CRED_DATA_DIGEST
            credential.algoType = pj.PJSIP_AUTH_ALGORITHM_MD5
            credential.data = hashlib.md5(text.encode()).hexdigest()
        else:
            credential.data = settings["password"]
        return credential

    def remember(self, call):
        self.calls.append(call)
        return len(self.calls) - 1

    # Commands: one method each, the argument is the command's object.

    def register(self, command):
        self.account.setRegistration(command.get("renew", True))

    def dial(self, command):
        call = PhoneCall(self, self.account)
        parameters = pj.CallOpParam(True)
        parameters.txOption.headers = headers(command)
        call.makeCall(command["uri"], parameters)
        return {"call": call.number}

    def text(self, command):
        """A text outside of any call; its status comes as an event."""
        parameters = pj.SendInstantMessageParam()
        parameters.content = command["text"]
        config = pj.BuddyConfig()
        config.uri, config.subscribe = command["uri"], False
        buddy = pj.Buddy()
        buddy.create(self.account, config)
        self.buddies.append(buddy)
        buddy.sendInstantMessage(parameters)

    def watch(self, command):
        config = pj.BuddyConfig()
        config.uri, config.subscribe = command["uri"], True
        buddy = Watched()
        buddy.create(self.account, config)
        self.buddies.append(buddy)
        buddy.subscribePresence(True)

    def answer(self, command):
        parameters = pj.CallOpParam(True)
        parameters.statusCode = command["status"]
        parameters.txOption.headers = headers(command)
        self.calls[command["call"]].answer(parameters)

    def hang_up(self, command):
        parameters = pj.CallOpParam(True)
        parameters.statusCode = command.get("status", 0)
        try:
            self.calls[command["call"]].hangup(parameters)
        except pj.Error as error:
            # The other side was faster.
            if error.status != PJSIP_ESESSIONTERMINATED:
                raise

    def hold(self, command):
        self.calls[command["call"]].setHold(pj.CallOpParam(True))

    def resume(self, command):
        parameters = pj.CallOpParam(True)
        parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.calls[command["call"]].reinvite(parameters)

    def transfer(self, command):
        """REFER: to a number, or to the call that the phone has consulted in."""
        parameters = pj.CallOpParam(True)
        parameters.txOption.headers = headers(command)
        call = self.calls[command["call"]]
        if "consulted" in command:
            call.xferReplaces(self.calls[command["consulted"]], parameters)
        else:
            call.xfer(command["uri"], parameters)

    def move(self, command):
        """Into another network: it registers from there and its calls go on there."""
        kind, transport = self.transport
        transport.boundAddress = command["address"]
        transport.port = 0
        self.account.modify(self.account_config(self.endpoint.transportCreate(kind, transport)))

    def reinvite(self, command):
        parameters = pj.CallOpParam(True)
        parameters.opt.flag = (
            pj.PJSUA_CALL_UPDATE_CONTACT | pj.PJSUA_CALL_UPDATE_VIA | pj.PJSUA_CALL_UPDATE_TARGET)
        self.calls[command["call"]].reinvite(parameters)

    def mix(self, command):
        """A conference of the phone's own: each of its calls hears the others."""
        media = [self.calls[number].getAudioMedia(-1) for number in command["calls"]]
        for one in media:
            for other in media:
                if one is not other:
                    one.startTransmit(other)

    def info(self, command):
        """An INFO in the dialog, with the body that carries one digit."""
        parameters = pj.CallSendRequestParam()
        parameters.method = "INFO"
        parameters.txOption.contentType = "application/dtmf-relay"
        parameters.txOption.msgBody = "Signal=5\r\nDuration=160\r\n"
        self.calls[command["call"]].sendRequest(parameters)

    def packets(self, command):
        return {"packets": self.calls[command["call"]].packets()}

    def write_log(self, command):
        """The library's log goes through C's buffers; after this it is in the file."""
        ctypes.CDLL(None).fflush(None)

    def perform(self, line):
        command = json.loads(line)
        if command["do"] == "quit":
            return False
        try:
            reply = getattr(self, command["do"])(command) or {}
            emit(event="reply", id=command["id"], **reply)
        except pj.Error as error:
            emit(event="reply", id=command["id"], error=error.info())
        return True

    def run(self):
        os.set_blocking(0, False)
        pending = b""
        while True:
            self.endpoint.libHandleEvents(5)
            if not select.select([0], [], [], 0)[0]:
                continue
            chunk = os.read(0, 65536)
            if not chunk:
                return
            pending += chunk
            *lines, pending = pending.split(b"\n")
            for line in lines:
                if not self.perform(line):
                    return


if __name__ == "__main__":
    Agent(json.loads(sys.argv[1])).run()
    sys.stdout.flush()
    # The library's own shutdown waits a second for nothing; the process is done.
    os._exit(0)
