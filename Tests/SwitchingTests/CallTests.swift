import Charging
import SIP
import Testing

@testable import Switching

/// Calls between two phones, which cost nothing.
@Suite struct CallTests {
    @Test func twoPhonesTalkAndTheRecordSaysSo() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        site.pass(.seconds(10))
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "200")
        let bye = try site.next(phones[1].endpoint)
        #expect(bye.method == .bye)
        phones[1].answer(bye, 200, at: &site)

        let record = try #require(site.records.first)
        #expect(site.records.count == 1)
        #expect(record.direction == .internal && record.charge == .zero)
        #expect(record.caller == "8001" && record.normalised == "8002")
        #expect(record.billedMs == 10_000 && record.durationMs == 10_000)
        #expect(record.releasedBy == .caller && record.disposition == .answered)
        #expect(record.sequence == 1 && record.q850Cause == 16)
        #expect(site.isIdle)
    }

    @Test func theCalleeSeesNothingOfTheCallersSide() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        #expect(invite.elements(.via).count == 1)
        #expect(!invite.callID.elementsEqual(phones[0].callID.utf8))
        #expect(invite.address(.contact)?.uri.elementsEqual("sip:127.0.0.1:5060".utf8) == true)
        #expect(invite.address(.from)?.displayName == "Phone 8001")
        #expect(invite.address(.from)?.uriView?.userUnescaped == "8001")
        #expect(invite.maxForwards == 69)
        #expect(invite.body.elementsEqual(phones[0].invite?.body ?? []))
        #expect(invite.requestURI.elementsEqual("sip:8002@127.0.0.1:18002".utf8))
    }

    @Test func theCalleeHangingUpIsTheCalleesRelease() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[1].send("BYE", at: &site, extra: "Reason: Q.850;cause=31\n")
        #expect(site.said(phones[1].endpoint) == "200")
        let bye = try site.next(phones[0].endpoint)
        #expect(bye.method == .bye)
        #expect(bye.value(.reason)?.elementsEqual("Q.850;cause=31".utf8) == true)
        #expect(site.records.first?.releasedBy == .callee)
        #expect(site.records.first?.q850Cause == 31)
    }

    @Test func bothHangingUpAtOnceIsFineForBoth() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("BYE", at: &site)
        phones[1].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "200")
        #expect(site.said(phones[1].endpoint) == "BYE 200")
        #expect(site.records.count == 1 && site.isIdle)
    }

    @Test func aBusyPhoneGivesBusyTone() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        try phones[2].call("8002", at: &site)
        let answers = site.all(phones[2].endpoint)
        #expect(answers.map(\.status) == [100, 486])
        #expect(
            answers.last?.value(.reason).map { String(decoding: $0, as: UTF8.self) }
                == "Q.850;cause=17;text=\"8002 is busy\"")
        #expect(site.records.first?.disposition == .busy)
        #expect(site.inbox[phones[1].endpoint] == nil || site.all(phones[1].endpoint).isEmpty)
    }

    @Test func aPhoneThatSaysBusyIsPassedOn() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        phones[1].answer(invite, 486, at: &site)
        #expect(site.said(phones[1].endpoint) == "ACK")
        #expect(site.said(phones[0].endpoint) == "100 486")
        #expect(site.records.first?.disposition == .busy && site.isIdle)
    }

    @Test func anExtensionWithoutPhoneIsUnavailable() throws {
        var site = try Site()
        var phones = try site.registered("8001")
        try phones[0].call("8002", at: &site)
        #expect(site.said(phones[0].endpoint) == "100 480")
        #expect(site.records.first?.attempts.first?.reason == "not registered")
    }

    @Test func cancelBeforeTheAnswerEndsBothSides() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        phones[1].answer(invite, 180, at: &site)
        try phones[0].cancel(at: &site)
        #expect(site.said(phones[0].endpoint) == "100 180 200 487")
        let cancel = try site.next(phones[1].endpoint)
        #expect(cancel.method == .cancel && cancel.topVia.text == invite.topVia.text)
        phones[1].answer(cancel, 200, at: &site)
        phones[1].answer(invite, 487, at: &site)
        #expect(site.said(phones[1].endpoint) == "ACK")
        #expect(site.records.first?.disposition == .noAnswer)
        #expect(site.records.first?.releasedBy == .caller && site.isIdle)
    }

    /// RFC 3261 §13.3.1.
    @Test func anInvitationThatExpiresEndsTheCall() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: "Expires: 5\n")
        let invite = try site.next(phones[1].endpoint)
        phones[1].answer(invite, 180, at: &site)
        #expect(site.said(phones[0].endpoint) == "100 180")
        site.pass(.seconds(4))
        #expect(site.said(phones[0].endpoint) == "")
        site.pass(.seconds(1))
        #expect(site.said(phones[0].endpoint).hasPrefix("487"))
        #expect(try site.next(phones[1].endpoint).method == .cancel)
        phones[1].answer(invite, 487, at: &site)
        let record = try #require(site.records.first)
        #expect(record.disposition == .noAnswer && record.releasedBy == .caller)
        #expect(record.sipStatus == 487 && record.q850Cause == 102)
        #expect(record.endReason == "the caller's invitation expired")
        site.pass(.seconds(64))
        #expect(site.isIdle)
    }

    @Test(arguments: ["5", "-1", "soon"])
    func aCallThatWasAnsweredOutlivesItsInvitation(seconds: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: "Expires: \(seconds)\n")
        phones[1].answer(
            try site.next(phones[1].endpoint), 200, at: &site, body: Party.offer)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        site.pass(.seconds(20))
        #expect(site.said(phones[0].endpoint) == "" && site.sw.calls.count == 1)
    }

    @Test func aCallForHelpIsNotGivenUpWhenItsInvitationExpires() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("110", at: &site, extra: "Expires: 1\n")
        var trunk = Party.pstn
        let invite = try site.next(Site.pstn)
        trunk.answer(invite, 180, at: &site)
        _ = site.all(phone.endpoint)
        site.pass(.seconds(10))
        #expect(site.said(Site.pstn) == "" && site.sw.calls.count == 1)
        trunk.answer(invite, 200, at: &site, body: Party.offer)
        #expect(try site.next(phone.endpoint).status == 200)
    }

    @Test func cancelBeforeAnyProvisionalWaitsForOne() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        try phones[0].cancel(at: &site)
        #expect(site.said(phones[1].endpoint) == "")
        phones[1].answer(invite, 180, at: &site)
        #expect(site.said(phones[1].endpoint) == "CANCEL")
    }

    @Test func cancelThatCrossesTheAnswerHangsUpTheCallee() throws {
        var site = try Site()
        site.diskIsQuick = false
        var phones = try site.registered("8001", "8002")
        try phones[0].call("02088886666", at: &site)
        var gateway = Party.e1
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        // The ACK and the 200 wait for the disk; the caller gives up in this very moment.
        #expect(site.said(Site.e1) == "")
        try phones[0].cancel(at: &site)
        #expect(site.said(phones[0].endpoint) == "100 200")
        #expect(site.said(Site.e1) == "ACK BYE")
        // The answer may be on the disk: 487 waits for the record that takes it back.
        site.settle()
        #expect(site.said(phones[0].endpoint) == "487")
        let record = try #require(site.records.first)
        #expect(record.disposition == .noAnswer && record.charge == .zero)
        #expect(site.postings.isEmpty && site.isIdle)
    }

    @Test func anAnswerAfterCancelIsHungUp() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        phones[1].answer(invite, 180, at: &site)
        try phones[0].cancel(at: &site)
        #expect(site.said(phones[1].endpoint) == "CANCEL")
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK BYE")
    }

    @Test func everyForkThatAnswersAfterCancelIsHungUp() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        phones[1].answer(invite, 180, at: &site)
        try phones[0].cancel(at: &site)
        _ = site.all(phones[1].endpoint)
        for tag in ["one", "two"] {
            phones[1].answer(invite, 200, at: &site, body: Party.offer, tag: tag)
            let said = site.all(phones[1].endpoint)
            #expect(said.map(\.method) == [.ack, .bye])
            #expect(said.allSatisfy { $0.toTag?.elementsEqual(tag.utf8) == true })
        }
        // Come again, the first of them is known.
        phones[1].answer(invite, 200, at: &site, body: Party.offer, tag: "one")
        #expect(site.said(phones[1].endpoint) == "ACK")
    }

    /// Its ringing left an early dialog behind, which is no reason to let it talk.
    @Test func aCalleeThatAnswersAfterItsRouteFailedIsHungUp() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 180, at: &site)
        gateway.answer(invite, 503, at: &site)
        #expect(site.said(Site.e1) == "ACK")
        // The call goes on by another route, and has forgotten the INVITE of the first by then.
        var other = Party.pstn
        other.answer(try site.next(Site.pstn), 200, at: &site, body: Party.offer)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        site.pass(.seconds(40))
        #expect(site.sw.calls.count == 1)
        _ = site.all(Site.e1)
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(Site.e1) == "ACK BYE")
    }

    @Test func nobodyAnsweringEndsTheCall() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        phones[1].answer(invite, 180, at: &site)
        site.pass(.seconds(61))
        #expect(site.said(phones[0].endpoint).hasPrefix("100 180 480"))
        #expect(site.said(phones[1].endpoint).hasPrefix("CANCEL"))
        let record = try #require(site.records.first)
        #expect(record.disposition == .noAnswer && record.q850Cause == 19)
        #expect(record.attempts.first?.ringMs == 60_000)
    }

    @Test func allPhonesOfAnExtensionRingAndTheFirstWins() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var second = Party("8002", Endpoint(text: "127.0.0.1:30002"))
        second.callID = "second"
        try second.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8002@example.com>", extra: "",
            site: &site)
        _ = site.all(second.endpoint)
        try phones[0].call("8002", at: &site)
        let one = try site.next(phones[1].endpoint)
        let two = try site.next(second.endpoint)
        phones[1].answer(one, 180, at: &site)
        second.answer(two, 180, at: &site)
        second.answer(two, 200, at: &site, body: Party.offer)
        #expect(site.said(second.endpoint) == "ACK")
        #expect(site.said(phones[1].endpoint) == "CANCEL")
        // The slower one answers all the same.
        phones[1].answer(one, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK BYE")
        #expect(site.sw.calls.count == 1)
    }

    @Test func oneBusyPhoneDoesNotSilenceTheOther() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var second = Party("8002", Endpoint(text: "127.0.0.1:30002"))
        second.callID = "second"
        try second.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8002@example.com>", extra: "",
            site: &site)
        _ = site.all(second.endpoint)
        try phones[0].call("8002", at: &site)
        phones[1].answer(try site.next(phones[1].endpoint), 486, at: &site)
        #expect(site.sw.calls.count == 1)
        second.answer(try site.next(second.endpoint), 480, at: &site)
        #expect(site.said(phones[0].endpoint) == "100 486")
    }

    @Test func retransmissionsAreAbsorbed() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let again = String(decoding: try #require(phones[0].invite).bytes, as: UTF8.self)
            .replacing("\r\n", with: "\n")
        site.deliver(again, from: phones[0].endpoint)
        #expect(site.sw.calls.count == 1)
        #expect(site.said(phones[0].endpoint) == "100 100")
        let invite = try site.next(phones[1].endpoint)
        #expect(site.said(phones[1].endpoint) == "")
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK ACK")
    }

    @Test func theAnswerIsSentAgainUntilItsACK() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site, body: Party.offer)
        site.pass(.milliseconds(1600))
        let answers = site.all(phones[0].endpoint)
        #expect(answers.map(\.status) == [100, 200, 200, 200])
        phones[0].acknowledge(try #require(answers.last), at: &site)
        site.pass(.seconds(20))
        #expect(site.said(phones[0].endpoint) == "")
    }

    @Test func anAnswerThatIsNeverAcknowledgedIsHungUp() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site, body: Party.offer)
        site.pass(.seconds(33))
        #expect(site.said(phones[0].endpoint).hasSuffix("BYE"))
        #expect(site.said(phones[1].endpoint).hasPrefix("ACK BYE"))
        #expect(site.records.first?.releasedBy == .switch && site.isIdle)
    }

    @Test func aMergedRequestIsRefused() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        // The same request by another way: another branch.
        let text = String(decoding: try #require(phones[0].invite).bytes, as: UTF8.self)
            .replacing("\r\n", with: "\n").replacing("branch=z9hG4bK", with: "branch=z9hG4bKx")
        site.deliver(text, from: phones[0].endpoint)
        #expect(site.said(phones[0].endpoint) == "100 482")
    }

    @Test func aRequestThatCameAroundIsALoop() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("02088886666", at: &site)
        let sent = try site.next(Site.e1)
        // The gateway sends it back to us as it is, one Via on top.
        let text = String(decoding: sent.bytes, as: UTF8.self).replacing("\r\n", with: "\n")
            .replacing(
                "Via: ", with: "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-loop\nVia: ",
                maxReplacements: 1)
        site.deliver(text, from: Site.e1)
        #expect(site.said(Site.e1) == "482")
    }

    @Test func noMoreForwardsAreLeft() throws {
        var site = try Site()
        site.deliver(
            """
            INVITE sip:8002@example.com SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:9999;branch=z9hG4bK-1
            Max-Forwards: 0
            From: <sip:8001@example.com>;tag=a
            To: <sip:8002@example.com>
            Call-ID: x
            CSeq: 1 INVITE
            Contact: <sip:8001@127.0.0.1:9999>
            Content-Length: 0


            """, from: Endpoint(text: "127.0.0.1:9999"))
        #expect(site.said(Endpoint(text: "127.0.0.1:9999")) == "483")
    }

    @Test func anUnknownOptionIsRefusedByName() throws {
        var site = try Site()
        var phones = try site.registered("8001")
        try phones[0].call("8002", at: &site, extra: "Require: nothingSupportsThis\n")
        let answer = try #require(site.all(phones[0].endpoint).last)
        #expect(answer.status == 420)
        #expect(answer.value(.unsupported)?.elementsEqual("nothingSupportsThis".utf8) == true)
    }

    @Test func optionsIsAnsweredWhileCallsCanBeMade() throws {
        var site = try Site()
        let peer = Endpoint(text: "127.0.0.1:9999")
        let options = """
            OPTIONS sip:127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:9999;branch=z9hG4bK-1
            Max-Forwards: 70
            From: <sip:g@127.0.0.1>;tag=a
            To: <sip:127.0.0.1>
            Call-ID: x
            CSeq: 1 OPTIONS
            Content-Length: 0


            """
        site.deliver(options, from: peer)
        #expect(site.said(peer) == "200")
        site.diskIsQuick = false
        _ = try site.registered("8001")
        site.handle(.commitFailed(through: site.sw.lastTicket, reason: "disk full"))
        site.deliver(options, from: peer)
        let answer = try #require(site.all(peer).last)
        #expect(answer.status == 503 && answer.has(.retryAfter))
    }

    @Test func garbageChangesNothingButACounter() throws {
        var site = try Site()
        let before = site.sw.counters.malformed
        var generator = TokenGenerator(seed: Array(repeating: 3, count: 32))
        for _ in 0..<1000 {
            let bytes = (0..<Int(generator.next() % 400)).map { _ in
                UInt8(truncatingIfNeeded: generator.next())
            }
            let flow = Flow(
                transport: .udp, listener: 0, remote: Endpoint(text: "127.0.0.1:9999"))
            site.handle(.datagramReceived(Datagram(flow: flow, bytes: bytes + [65])))
        }
        #expect(site.sw.counters.malformed == before + 1000)
        #expect(site.isIdle && site.commits.isEmpty && site.inbox.isEmpty)
    }
}
