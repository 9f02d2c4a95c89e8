import Charging
import SIP
import Testing

@testable import Switching

/// Calls that the disk knew nothing of when the process ended, and answers to nothing we know.
@Suite struct UnwrittenCallTests {
    /// Killed before the disk had anything of the call; the callee goes on ringing.
    @Test func aCalleeThatRingsForACallThatWasNotWrittenDownIsTakenBack() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        site.diskIsQuick = false
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        try site.crash(.process(.seconds(1)))
        site.diskIsQuick = true
        #expect(site.said(Site.e1) == "" && site.records.isEmpty)

        gateway.answer(invite, 183, at: &site)
        let cancel = try site.next(Site.e1)
        #expect(cancel.method == .cancel && cancel.cseqNumber == invite.cseqNumber)
        #expect(cancel.topVia.text == invite.topVia.text && cancel.toTag == nil)
        #expect(cancel.text(.reason)?.contains("Interrupted by a restart") == true)
        gateway.answer(cancel, 200, at: &site)
        gateway.answer(invite, 487, at: &site)
        #expect(site.said(Site.e1) == "ACK")
        // A stranger makes us send nothing.
        var stranger = Party("stranger", Endpoint(text: "192.0.2.9:5060"))
        stranger.answer(invite, 180, at: &site)
        #expect(site.said(stranger.endpoint) == "")
        try phone.cancel(at: &site)
        #expect(site.said(phone.endpoint) == "481 487")
        site.pass(.seconds(40))
        #expect(site.isIdle && site.sw.ledger.reservationCount == 0 && site.postings.isEmpty)
    }

    @Test func aCallThatWasNotWrittenDownEndsWhenItsSidesSpeak() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        site.diskIsQuick = false
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        #expect(site.sw.calls.count == 0)
        // The callee answers: nobody is there.
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK BYE")
        // It may be another fork that speaks; the one that has had its BYE says 481 to this one.
        phones[1].answer(invite, 200, at: &site, body: Party.offer, tag: "fork")
        let said = site.all(phones[1].endpoint)
        #expect(said.map(\.method) == [.ack, .bye])
        #expect(said.last?.toTag?.elementsEqual("fork".utf8) == true)
        // The caller gives up: that ends its INVITE.
        try phones[0].cancel(at: &site)
        #expect(site.said(phones[0].endpoint) == "481 487")
    }

    /// A table that is full lets nobody talk for free.
    @Test func aStrayAnswerIsHungUpWithoutRoomForATransaction() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        site.diskIsQuick = false
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        func limit(transactions: Int) throws {
            var settings = site.settings
            settings.limits.transactions = transactions
            site.handle(
                .configured(Configuration(settings: settings, plan: try Site.compiledPlan())))
        }
        try limit(transactions: 0)
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        let bye = try site.next(phones[1].endpoint)
        #expect(bye.method == .bye && bye.toTag?.elementsEqual(phones[1].tag.utf8) == true)
        // Nothing repeats it, and nothing keeps the callee from repeating its answer: BYE was lost.
        site.pass(.seconds(2))
        #expect(site.said(phones[1].endpoint) == "")
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "BYE")
        try limit(transactions: 100)
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK BYE")
        site.pass(.seconds(1))
        #expect(site.said(phones[1].endpoint) == "BYE")
    }

    /// Its NAT gave it another port between the INVITE and its answer.
    @Test func aStrayAnswerFromAnotherPortOfAKnownAddressIsHungUp() throws {
        var site = try Site()
        var caller = try site.registered("8001")[0]
        var callee = Party("8002", Endpoint(text: "10.1.1.2:5060"))
        #expect(try callee.register(at: &site).status == 200)
        site.diskIsQuick = false
        try caller.call("8002", at: &site)
        let invite = try site.next(callee.endpoint)
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        var moved = Party("8002", Endpoint(text: "10.1.1.2:5999"))
        moved.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(moved.endpoint) == "ACK BYE")
        // Who is elsewhere knows nothing of that phone.
        var stranger = Party("8002", Endpoint(text: "10.1.1.3:5060"))
        stranger.answer(invite, 200, at: &site, body: Party.offer, tag: "other")
        #expect(site.said(stranger.endpoint) == "" && site.said(callee.endpoint) == "")
    }

    /// It failed, and another phone behind the same contact rang all the same.
    @Test func aLateAnswerOfAPhoneWhoseRegistrationHasEndedIsHungUp() throws {
        var site = try Site()
        var caller = try site.registered("8001")[0]
        var callee = Party("8002", Endpoint(text: "10.1.1.2:5060"))
        #expect(try callee.register(at: &site, expires: 60).status == 200)
        site.pass(.seconds(50))
        try caller.call("8002", at: &site)
        let invite = try site.next(callee.endpoint)
        callee.answer(invite, 180, at: &site)
        callee.answer(invite, 480, at: &site, tag: "another")
        #expect(site.said(callee.endpoint) == "ACK" && site.isIdle)
        site.pass(.seconds(40))
        callee.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(callee.endpoint) == "ACK BYE")
        // Nobody else is believed to be that phone.
        var stranger = Party("8002", Endpoint(text: "10.9.9.9:5060"))
        stranger.answer(invite, 200, at: &site, body: Party.offer, tag: "other")
        #expect(site.said(stranger.endpoint) == "")
        site.pass(.seconds(60))
        #expect(site.sw.inspection.legs == 0 && site.sw.inspection.retiredLegs == 0)
    }

    @Test func aStrangerCannotMakeUsSend() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        try site.crash(.process(.seconds(1)))
        var stranger = Party("8002", Endpoint(text: "10.9.9.9:5060"))
        stranger.answer(invite, 200, at: &site, body: Party.offer)
        // The INVITE is known from the journal, so it is hung up where it was sent.
        #expect(site.said(stranger.endpoint) == "")
        // Nor is one that was never invited.
        let from = "From: <sip:tandem@127.0.0.1>;tag=aaaaaaaaaaaaa"
        site.deliver(
            """
            SIP/2.0 200 OK
            Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKaaaaaaaaaaaaa
            \(from)
            To: <sip:8002@example.com>;tag=x
            Call-ID: never-heard-of
            CSeq: 1 INVITE
            Contact: <sip:victim@10.8.8.8>
            Content-Length: 0


            """, from: stranger.endpoint)
        #expect(
            site.said(stranger.endpoint) == ""
                && site.inbox.keys.allSatisfy { $0.ip.v4 >> 24 == 127 })
    }
}
