import Charging
import SIP
import Testing

@testable import Switching

/// A call that rings at one phone is answered from another.
@Suite struct PickupTests {
    private static let other =
        "v=0\no=- 2 2 IN IP4 127.0.0.2\ns=-\nc=IN IP4 127.0.0.2\nt=0 0\n"
        + "m=audio 5000 RTP/AVP 0 8\na=sendrecv\n"

    /// 8001 calls 8004, which rings.
    private func ringing(_ site: inout Site) throws -> (
        caller: Party, called: Party, invite: Message
    ) {
        var phones = try site.registered("8001", "8004")
        try phones[0].call("8004", at: &site)
        let invite = try site.invite(phones[1])
        phones[1].answer(invite, 180, at: &site)
        _ = site.all(phones[0].endpoint)
        return (phones[0], phones[1], invite)
    }

    @Test(arguments: ["*8", "*8*8004"])
    func bothGetEachOthersOfferAsTheirAnswerAndTheRingingPhoneIsCancelled(code: String) throws {
        var site = try Site.withFeatures()
        var (caller, called, invite) = try ringing(&site)
        var picker = try site.registered("8005")[0]
        try picker.call(code, at: &site, body: Self.other)
        let cancel = try site.next(called.endpoint)
        #expect(cancel.method == .cancel)
        #expect(cancel.text(.reason) == "SIP;cause=200;text=\"Call completed elsewhere\"")
        called.answer(invite, 487, at: &site)
        let answers = site.all(picker.endpoint)
        #expect(answers.map(\.status) == [100, 200])
        #expect(answers.last?.text.contains("m=audio 4000 RTP/AVP 8") == true)
        let answer = try #require(site.all(caller.endpoint).last)
        #expect(answer.status == 200 && answer.text.contains("m=audio 5000 RTP/AVP 0 8"))
        caller.acknowledge(answer, at: &site)
        picker.acknowledge(try #require(answers.last), at: &site)
        // Neither is sent again once it is acknowledged, and both hear the other's re-INVITE.
        site.pass(.seconds(40))
        #expect(site.said(caller.endpoint) == "" && site.said(picker.endpoint) == "")
        picker.send("INFO", at: &site)
        #expect(try site.next(caller.endpoint).method == .info)

        caller.send("BYE", at: &site)
        #expect(site.said(picker.endpoint).hasSuffix("BYE"))
        let feature = try #require(site.records.first { $0.direction == .feature })
        #expect(feature.caller == "8005" && feature.charge == .zero)
        #expect(feature.endReason == "picked up the call that rang at 8004")
        let call = try #require(site.records.first { $0.direction == .internal })
        #expect(call.caller == "8001" && call.disposition == .answered)
        #expect(call.attempts.map(\.route) == ["8004", "8005"])
        #expect(call.attempts.map(\.outcome) == [.failed, .answered])
        #expect(call.attempts[0].reason == "8005 picked it up")
        #expect(call.attempts[1].reason == "picked up from 8004")
        #expect(site.isIdle && site.sw.ringing.isEmpty)
    }

    @Test func phonesThatSpeakDTLSAreToldWhoBegins() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8004", "8005")
        func offer(_ port: Int) -> String {
            "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\na=setup:actpass\n"
                + "m=audio \(port) UDP/TLS/RTP/SAVP 8\na=fingerprint:sha-256 AA:\(port)\n"
        }
        try phones[0].call("8004", at: &site, body: offer(4000))
        phones[1].answer(try site.invite(phones[1]), 180, at: &site)
        try phones[2].call("*8", at: &site, body: offer(5000))
        let picked = try #require(site.all(phones[2].endpoint).last)
        let answered = try #require(site.all(phones[0].endpoint).last)
        #expect(picked.status == 200 && answered.status == 200)
        // RFC 5763 §5: one begins, the other waits, and neither is left to choose.
        #expect(picked.text.contains("m=audio 4000") && answered.text.contains("m=audio 5000"))
        #expect(picked.text.contains("AA:4000\r\na=setup:active\r\n"))
        #expect(answered.text.contains("AA:5000\r\na=setup:passive\r\n"))
        #expect(!picked.text.contains("actpass") && !answered.text.contains("actpass"))
    }

    @Test func aCallerWhoHearsEarlyMediaGetsADialogOfItsOwnForThePicker() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8004", "8005")
        try phones[0].call("8004", at: &site)
        phones[1].answer(try site.invite(phones[1]), 183, at: &site, body: Party.offer)
        let early = try #require(site.all(phones[0].endpoint).last)
        #expect(early.status == 183 && !early.body.isEmpty)
        try phones[2].call("*8", at: &site, body: Self.other)
        let answer = try #require(site.all(phones[0].endpoint).last)
        // The description in the dialog of the 183 may not change (RFC 3261 §13.2.1).
        #expect(answer.status == 200 && answer.text(.to) != early.text(.to))
        phones[0].acknowledge(answer, at: &site)
        phones[2].acknowledge(try #require(site.all(phones[2].endpoint).last), at: &site)
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[2].endpoint) == "BYE" && site.isIdle)
    }

    @Test func aPickedUpCallGoesOnOverACrash() throws {
        var site = try Site.withFeatures()
        var (caller, _, _) = try ringing(&site)
        var picker = try site.registered("8005")[0]
        try picker.call("*8", at: &site)
        picker.acknowledge(try #require(site.all(picker.endpoint).last), at: &site)
        caller.acknowledge(try #require(site.all(caller.endpoint).last), at: &site)
        try site.crash(.process(.seconds(1)))
        #expect(site.sw.callsOfExtension == ["8001": 1, "8005": 1])
        picker.send("BYE", at: &site)
        #expect(try site.nextButCheck(caller.endpoint).method == .bye)
        #expect(site.records.last?.releasedBy == .callee && site.isIdle)
    }

    @Test func thePickerHangingUpEndsTheCall() throws {
        var site = try Site.withFeatures()
        var (caller, _, _) = try ringing(&site)
        var picker = try site.registered("8005")[0]
        try picker.call("*8", at: &site)
        picker.acknowledge(try #require(site.all(picker.endpoint).last), at: &site)
        caller.acknowledge(try #require(site.all(caller.endpoint).last), at: &site)
        picker.send("BYE", at: &site)
        #expect(site.said(caller.endpoint) == "BYE")
        #expect(site.records.last?.releasedBy == .callee && site.isIdle)
    }

    @Test func aCallFromOutsideThatRingsAGroupIsPickedUp() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8002", "8003")
        var gateway = Party.pstn
        try gateway.callUnasked("66770000", from: "13900001111", at: &site)
        for place in 0..<2 { phones[place].answer(try site.invite(phones[place]), 180, at: &site) }
        try phones[2].call("*8", at: &site)
        #expect(site.all(phones[2].endpoint).last?.status == 200)
        for place in 0..<2 { #expect(site.said(phones[place].endpoint) == "CANCEL") }
        #expect(site.all(Site.pstn).last?.status == 200)
        #expect(site.sw.callsOfExtension == ["8003": 1])
    }

    @Test func nothingRingsNothingIsPickedUp() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8005")[0]
        let answer = try site.code("*8", by: &phone)
        #expect(answer.status == 404)
        #expect(answer.text(.reason)?.contains("no call rings in your groups") == true)
        #expect(site.isIdle)
    }

    @Test func anExtensionWithoutACommonGroupIsNotPickedUpByItsNumber() throws {
        var site = try Site.withFeatures()
        let (caller, _, _) = try ringing(&site)
        var stranger = try site.registered("8003")[0]
        let answer = try site.code("*8*8004", by: &stranger)
        #expect(answer.status == 403)
        #expect(answer.text(.reason)?.contains("no group in common with 8004") == true)
        #expect(site.said(caller.endpoint) == "")
        let record = try #require(site.records.last)
        #expect(record.words.contains { $0.contains("8003 may not pick up what rings at 8004") })
    }

    @Test func onlyTheCallsOfTheOwnGroupsArePickedUp() throws {
        var site = try Site.withFeatures()
        _ = try ringing(&site)
        var stranger = try site.registered("8009")[0]
        #expect(try site.code("*8", by: &stranger).status == 404)
    }

    @Test(arguments: [
        "", other.replacing("0 8", with: "0 96") + "a=rtpmap:96 telephone-event/8000\n",
        "v=0\no=- 2 2 IN IP4 1.1.1.1\ns=-\nc=IN IP4 1.1.1.1\nt=0 0\nm=audio 5000 RTP/AVP 18\n",
        "v=0\no=- 2 2 IN IP4 1.1.1.1\ns=-\nc=IN IP4 1.1.1.1\nt=0 0\nm=audio 5000 RTP/SAVP 8\n",
    ])
    func phonesThatCannotHearEachOtherAreNotConnectedAndItGoesOnRinging(body: String) throws {
        var site = try Site.withFeatures()
        var (caller, called, invite) = try ringing(&site)
        var picker = try site.registered("8005")[0]
        try picker.call("*8", at: &site, body: body)
        #expect(site.said(picker.endpoint) == "100 488")
        #expect(
            site.records.last?.endReason
                == (body.isEmpty
                    ? "the phone makes no offer"
                    : "the caller's phone and this one have no media in common"))
        #expect(site.said(called.endpoint) == "")
        called.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.all(caller.endpoint).last?.status == 200)
    }

    /// Its offer would be the callee's to make, and its answer comes with the ACK.
    @Test func aCallerThatMakesALateOfferIsNotPickedUp() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8004", "8005")
        try phones[0].call("8004", at: &site, body: "")
        let invite = try site.invite(phones[1])
        phones[1].answer(invite, 180, at: &site)
        #expect(try site.code("*8", by: &phones[2]).status == 488)
        #expect(site.records.last?.endReason == "the caller's phone has made no offer yet")
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.all(phones[0].endpoint).last?.status == 200)
    }

    @Test func aPhoneThatIsInACallPicksNothingUp() throws {
        var site = try Site.withFeatures()
        _ = try ringing(&site)
        var pair = try site.registered("8005", "8003")
        try site.connected(&pair)
        var again = pair[0]
        #expect(try site.code("*8", by: &again, id: "pickup").status == 486)
    }
}
