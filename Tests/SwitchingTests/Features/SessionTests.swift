import Charging
import SIP
import Testing

@testable import Switching

/// A side that has died without a word is found, and session timers run on either leg.
@Suite struct SessionTests {
    private func site(aliveCheck seconds: Int = 60) throws -> Site {
        var settings = Site.settings()
        settings.calls.aliveCheck = .seconds(seconds)
        return try Site(settings: settings)
    }

    // MARK: Who says nothing is asked

    @Test func aGatewayThatHasDiedEndsTheCallWithinTheBoundAndIsChargedNoLonger() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.seconds(59))
        #expect(site.said(Site.e1) == "")
        site.pass(.seconds(1))
        #expect(site.all(Site.e1).first?.method == .info)
        phone.answer(try site.next(phone.endpoint), 200, at: &site)
        site.pass(.seconds(32))
        let bye = try #require(site.all(phone.endpoint).last)
        #expect(bye.method == .bye && bye.text(.reason)?.contains("is gone (408)") == true)
        let record = try #require(site.records.first)
        #expect(record.billedMs <= 93_000 && record.releasedBy == .switch)
        #expect(record.q850Cause == 102)
        #expect(site.isIdle)
    }

    @Test(arguments: [200, 405, 415, 501, 503])
    func whoKnowsItsDialogIsThereWhateverElseItSays(status: Int) throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        for _ in 0..<10 {
            site.pass(.seconds(60))
            for place in 0..<2 {
                let asked = try site.next(phones[place].endpoint)
                #expect(asked.method == .info && asked.toTag != nil && asked.body.isEmpty)
                phones[place].answer(asked, status, at: &site)
            }
        }
        #expect(site.sw.calls.count == 1)
        phones[0].answer(try site.askedAfterAMinute(phones[0]), 481, at: &site)
        #expect(site.said(phones[1].endpoint).hasSuffix("BYE") && site.isIdle)
    }

    /// A phone that has begun anew answers OPTIONS as it would outside of a dialog, as baresip and
    /// linphone do; what else is asked in a dialog it refuses with 481.
    @Test(arguments: [
        ("", Method.info), ("Allow: INVITE, ACK, BYE, INFO, UPDATE\n", .info),
        ("Allow: INVITE, ACK, BYE, UPDATE\n", .update),
    ])
    func aPhoneThatHasBegunAnewIsFoundThoughItAnswersOPTIONS(
        allow: String, question: Method
    ) throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site, extra: allow)
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        _ = site.all(Site.e1)
        for minute in 1...3 {
            site.pass(.seconds(60))
            gateway.answer(try site.next(Site.e1), 200, at: &site)
            let asked = try site.next(phone.endpoint)
            #expect(asked.method == question && asked.body.isEmpty)
            phone.answer(asked, minute < 3 ? 200 : Self.answerOfAStranger(asked), at: &site)
        }
        let record = try #require(site.records.first)
        #expect(record.endReason == "8001 is gone (481)" && record.billedMs == 180_000)
        // 0.07 for each begun 6 s, and nothing after it was found.
        #expect(record.charge == Amount("2.10") && site.isIdle)
        #expect(site.said(Site.e1) == "BYE")
    }

    private static func answerOfAStranger(_ request: Message) -> Int {
        request.method == .options ? 200 : 481
    }

    @Test func whoTakesNeitherINFONorUPDATEIsAskedByOPTIONS() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: "Allow: INVITE, ACK, BYE\n")
        phones[1].answer(
            try site.invite(phones[1]), 200, at: &site, extra: "Allow: INVITE\n",
            body: Party.offer)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        _ = site.all(phones[1].endpoint)
        site.pass(.seconds(60))
        for place in 0..<2 {
            let asked = try site.next(phones[place].endpoint)
            #expect(asked.method == .options)
            phones[place].answer(asked, place == 0 ? 200 : 481, at: &site)
        }
        #expect(site.said(phones[0].endpoint) == "BYE" && site.isIdle)
    }

    /// A refused UPDATE says nothing about the session, which has no timer here.
    @Test func whoRefusesTheUPDATEThatItAllowsIsAskedOtherwiseAndKeepsItsSession() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: "Allow: INVITE, UPDATE\n")
        phones[1].answer(try site.invite(phones[1]), 200, at: &site, body: Party.offer)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        _ = site.all(phones[1].endpoint)
        for method in [Method.update, .options] {
            site.pass(.seconds(60))
            phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site)
            let asked = try site.next(phones[0].endpoint)
            #expect(asked.method == method)
            phones[0].answer(asked, 501, at: &site)
        }
        #expect(site.said(phones[0].endpoint) == "" && site.said(phones[1].endpoint) == "")
        #expect(site.sw.calls.count == 1)
    }

    /// An UPDATE without Session-Expires would end the timer (RFC 4028 §7.1).
    @Test func aQuestionByUPDATERefreshesTheSession() throws {
        var site = try site()
        var (phones, _, _) = try connected(
            &site,
            caller: "Supported: timer\nAllow: INVITE, UPDATE\nSession-Expires: 300\n", callee: "")
        for _ in 0..<10 {
            site.pass(.seconds(60))
            phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site)
            let asked = try site.next(phones[0].endpoint)
            #expect(asked.method == .update)
            #expect(asked.text(.sessionExpires) == "300;refresher=uas")
            phones[0].answer(
                asked, 200, at: &site, extra: "Session-Expires: 300;refresher=uas\n")
        }
        #expect(site.sw.calls.count == 1)
    }

    /// INFO with a digit that was lost comes again: a question that overtook it would cost it its turn.
    @Test func whoIsAskedSomethingElseIsNotAskedAtItsHeels() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        site.pass(.seconds(59))
        phones[0].send("INFO", at: &site)
        site.pass(.seconds(2))
        let said = site.all(phones[1].endpoint)
        #expect(!said.isEmpty && Set(said.map(\.cseqNumber)).count == 1)
        // It says nothing to that either: this is what ends the call.
        site.pass(.seconds(31))
        #expect(site.isIdle)
    }

    @Test func whatAPeerTakesOutlivesACrash() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: "Allow: INVITE, UPDATE\n")
        phones[1].answer(
            try site.invite(phones[1]), 200, at: &site, extra: "Allow: INVITE\n",
            body: Party.offer)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        try site.crash(.process(.seconds(1)))
        site.pass(.seconds(2))
        #expect(site.all(phones[0].endpoint).contains { $0.method == .update })
        #expect(site.all(phones[1].endpoint).contains { $0.method == .options })
    }

    // MARK: Phones that begin anew

    @Test func aPhoneThatRegistersByANewCallIDIsAskedAtOnce() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        site.pass(.seconds(5))
        var reborn = phones[1]
        #expect(try reborn.register(at: &site, boot: 1).status == 200)
        site.pass(.seconds(1))
        let asked = try site.next(phones[1].endpoint)
        #expect(asked.method == .info)
        phones[1].answer(asked, 481, at: &site)
        #expect(site.said(phones[0].endpoint) == "BYE" && site.isIdle)
        #expect(site.records.first?.endReason == "8002 is gone (481)")
        #expect(site.records.first?.billedMs == 6000)
    }

    @Test func aPhoneThatRegistersAnewAndKnowsItsCallGoesOn() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        for boot in 1...3 {
            var again = phones[1]
            #expect(try again.register(at: &site, boot: boot).status == 200)
            site.pass(.seconds(1))
            phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site)
        }
        // By the Call-ID that it has it only refreshes.
        var again = phones[1]
        again.cseq += 10
        again.branches += 10
        #expect(try again.register(at: &site, boot: 3).status == 200)
        site.pass(.seconds(2))
        #expect(site.said(phones[1].endpoint) == "" && site.said(phones[0].endpoint) == "")
        #expect(site.sw.calls.count == 1)
    }

    /// Its other phone is elsewhere, and nobody else's call is looked at.
    @Test func anotherPhoneOfTheExtensionThatBeginsAnewChangesNothing() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        var other = Party("8002", Endpoint(text: "127.0.0.2:5060"))
        #expect(try other.register(at: &site, boot: 1).status == 200)
        var stranger = Party.phone("8003")
        #expect(try stranger.register(at: &site, boot: 1).status == 200)
        site.pass(.seconds(2))
        #expect(site.said(phones[1].endpoint) == "" && site.said(phones[0].endpoint) == "")
    }

    @Test func whereNobodyIsAskedAPhoneThatBeginsAnewIsNotEither() throws {
        var site = try site(aliveCheck: 0)
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        var reborn = phones[1]
        #expect(try reborn.register(at: &site, boot: 1).status == 200)
        site.pass(.seconds(60))
        #expect(site.said(phones[1].endpoint) == "")
    }

    @Test func whoSpeaksIsNotAsked() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        for _ in 0..<3 {
            site.pass(.seconds(50))
            for (from, to) in [(0, 1), (1, 0)] {
                phones[from].send("INFO", at: &site)
                let info = try site.next(phones[to].endpoint)
                #expect(info.method == .info)
                phones[to].answer(info, 200, at: &site)
                #expect(site.said(phones[from].endpoint) == "200")
            }
        }
    }

    @Test func bothHalvesOfATransferAreWatched() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        phones[1].send("REFER", at: &site, extra: "Refer-To: <sip:8003@example.com>\n")
        phones[2].answer(try site.invite(phones[2]), 200, at: &site, body: Party.offer)
        try TransferTests.reinvited(&phones[0], &site)
        for place in 0..<3 { _ = site.all(phones[place].endpoint) }
        site.pass(.seconds(60))
        phones[0].answer(try site.next(phones[0].endpoint), 200, at: &site)
        site.pass(.seconds(32))
        #expect(site.said(phones[0].endpoint).hasPrefix("BYE") && site.isIdle)
    }

    // MARK: Session timers

    /// 8001 calls 8002, each with these fields; what each of them got.
    private func connected(
        _ site: inout Site, caller: String, callee: String
    ) throws -> (phones: [Party], invite: Message, answer: Message) {
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: caller)
        let invite = try site.invite(phones[1])
        phones[1].answer(invite, 200, at: &site, extra: callee, body: Party.offer)
        let answer = try #require(site.all(phones[0].endpoint).last)
        phones[0].acknowledge(answer, at: &site)
        #expect(site.said(phones[1].endpoint) == "ACK")
        return (phones, invite, answer)
    }

    @Test func eachLegHasATimerOfItsOwnAndThePeersRefresh() throws {
        var site = try site(aliveCheck: 0)
        var (phones, invite, answer) = try connected(
            &site, caller: "Supported: timer\nSession-Expires: 300\n",
            callee: "Require: timer\nSession-Expires: 600;refresher=uas\n")
        #expect(invite.text(.sessionExpires) == "1800;refresher=uas")
        #expect(invite.has("timer", in: .supported))
        #expect(answer.text(.sessionExpires) == "300;refresher=uac")
        #expect(answer.has("timer", in: .require))
        // An UPDATE that only refreshes stays on its leg.
        site.pass(.seconds(150))
        phones[0].send(
            "UPDATE", at: &site, extra: "Supported: timer\nSession-Expires: 300;refresher=uac\n")
        let refreshed = try site.next(phones[0].endpoint)
        #expect(refreshed.status == 200)
        #expect(refreshed.text(.sessionExpires) == "300;refresher=uac")
        #expect(site.said(phones[1].endpoint) == "")
        // The caller refreshes no more.
        site.pass(.seconds(267))
        #expect(site.sw.calls.count == 1)
        site.pass(.seconds(2))
        #expect(site.said(phones[1].endpoint).hasPrefix("BYE"))
        #expect(site.records.first?.endReason == "8001 has not refreshed the session")
        #expect(site.isIdle)
    }

    @Test func aReinviteRefreshesBothLegs() throws {
        var site = try site(aliveCheck: 0)
        var (phones, _, _) = try connected(
            &site, caller: "Supported: timer\nSession-Expires: 300\n",
            callee: "Require: timer\nSession-Expires: 300;refresher=uas\n")
        site.pass(.seconds(200))
        phones[1].send(
            "INVITE", at: &site,
            extra: "Supported: timer\nSession-Expires: 300;refresher=uac\n", body: Party.offer)
        let passed = try site.next(phones[0].endpoint)
        #expect(passed.text(.sessionExpires) == "300;refresher=uas")
        phones[0].answer(
            passed, 200, at: &site, extra: "Session-Expires: 300;refresher=uas\n",
            body: Party.offer)
        let answer = try #require(site.all(phones[1].endpoint).last)
        #expect(answer.text(.sessionExpires) == "300;refresher=uac")
        phones[1].send("ACK", at: &site, cseq: Int(answer.cseqNumber))
        site.pass(.seconds(250))
        #expect(site.sw.calls.count == 1)
        site.pass(.seconds(20))
        #expect(site.isIdle)
    }

    @Test func whereThePeerAsksForItWeRefreshByUpdate() throws {
        var site = try site(aliveCheck: 0)
        var (phones, _, answer) = try connected(
            &site,
            caller: "Supported: timer\nAllow: INVITE, UPDATE\nSession-Expires: 200;refresher=uas\n",
            callee: "")
        #expect(answer.text(.sessionExpires) == "200;refresher=uas")
        for _ in 0..<3 {
            site.pass(.seconds(100))
            let update = try site.next(phones[0].endpoint)
            #expect(update.method == .update && update.body.isEmpty)
            #expect(update.text(.sessionExpires) == "200;refresher=uac")
            phones[0].answer(
                update, 200, at: &site, extra: "Session-Expires: 200;refresher=uac\n")
        }
        #expect(site.said(phones[1].endpoint) == "")
        // It has died: nobody answers the next one.
        site.pass(.seconds(100 + 33))
        #expect(site.said(phones[1].endpoint).hasPrefix("BYE") && site.isIdle)
    }

    @Test func aPeerThatTakesNoUpdateIsRefreshedByInvite() throws {
        var site = try site(aliveCheck: 0)
        var (phones, _, _) = try connected(
            &site, caller: "Supported: timer\nSession-Expires: 200;refresher=uas\n", callee: "")
        site.pass(.seconds(100))
        let asked = try TransferTests.reinvited(&phones[0], &site)
        #expect(asked.text(.sessionExpires) == "200;refresher=uac")
        try TransferTests.reinvited(&phones[1], &site)
        #expect(site.said(phones[0].endpoint) == "ACK")
        #expect(site.said(phones[1].endpoint) == "ACK")
    }

    @Test func aTooBriefSessionIsRefusedWithTheLeastOne() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call(
            "8002", at: &site, extra: "Supported: timer\nSession-Expires: 30\n")
        let refusal = try #require(site.all(phones[0].endpoint).last)
        #expect(refusal.status == 422 && refusal.text(.minSE) == "90")
        #expect(site.isIdle)
        // One that knows no timers is not refused (RFC 4028 §9).
        try site.connected(&phones)
        phones[0].send(
            "UPDATE", at: &site, extra: "Supported: timer\nSession-Expires: 30\n")
        #expect(try site.next(phones[0].endpoint).status == 422)
    }

    @Test func aCalleeThatWantsALongerSessionIsAskedForIt() throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let first = try site.invite(phones[1])
        phones[1].answer(first, 422, at: &site, extra: "Min-SE: 3600\n")
        #expect(try site.next(phones[1].endpoint).method == .ack)
        let second = try site.invite(phones[1])
        #expect(second.text(.sessionExpires) == "3600;refresher=uas")
        #expect(second.text(.minSE) == "3600" && second.cseqNumber == first.cseqNumber + 1)
        phones[1].answer(second, 422, at: &site, extra: "Min-SE: 3600\n")
        let refusal = try #require(site.all(phones[0].endpoint).last)
        #expect(refusal.status == 422 && refusal.text(.minSE) == "3600")
    }

    // MARK: A request inside the dialog that the other side finds too brief (RFC 4028 §7.3)

    /// 8001 and 8002 talk; 8002 has a timer that it refreshes itself.
    private func timed(_ site: inout Site) throws -> [Party] {
        try connected(
            &site, caller: "", callee: "Require: timer\nSession-Expires: 300;refresher=uas\n"
        ).phones
    }

    @Test(arguments: ["INVITE", "UPDATE"])
    func aSideThatWantsALongerSessionIsAskedForItAndTheOtherHearsNothingOfThat(
        method: String
    ) throws {
        var site = try site(aliveCheck: 0)
        var phones = try timed(&site)
        phones[0].send(method, at: &site, body: Party.offer)
        let first = try site.next(phones[1].endpoint)
        #expect(first.method.name == method)
        #expect(first.text(.sessionExpires) == "300;refresher=uas" && first.text(.minSE) == nil)
        phones[1].answer(first, 422, at: &site, extra: "Min-SE: 3600\n")
        if method == "INVITE" { #expect(try site.next(phones[1].endpoint).method == .ack) }
        let second = try site.next(phones[1].endpoint)
        #expect(second.method.name == method && second.cseqNumber == first.cseqNumber + 1)
        #expect(second.text(.sessionExpires) == "3600;refresher=uas")
        #expect(second.text(.minSE) == "3600" && second.body.elementsEqual(first.body))
        phones[1].answer(
            second, 200, at: &site, extra: "Require: timer\nSession-Expires: 3600;refresher=uas\n",
            body: Party.offer)
        #expect(site.said(phones[0].endpoint) == (method == "INVITE" ? "100 200" : "200"))
        // The next one asks for that at once, and goes through.
        if method == "INVITE" {
            phones[0].send("ACK", at: &site, cseq: phones[0].cseq)
            #expect(try site.next(phones[1].endpoint).method == .ack)
        }
        phones[0].send("UPDATE", at: &site, body: Party.offer)
        let third = try site.next(phones[1].endpoint)
        #expect(third.text(.sessionExpires) == "3600;refresher=uas")
    }

    @Test(arguments: ["INVITE", "UPDATE"])
    func whatIsStillTooBriefIsRefusedWithTheLeastInterval(method: String) throws {
        var site = try site(aliveCheck: 0)
        var phones = try timed(&site)
        phones[0].send(method, at: &site, body: Party.offer)
        for _ in 0..<2 {
            let asked = try #require(
                site.all(phones[1].endpoint).last { $0.method.name == method })
            phones[1].answer(asked, 422, at: &site, extra: "Min-SE: 3600\n")
        }
        let refusal = try #require(site.all(phones[0].endpoint).last)
        #expect(refusal.status == 422 && refusal.text(.minSE) == "3600")
        // The session that there was goes on.
        phones[0].send("INFO", at: &site)
        #expect(try #require(site.all(phones[1].endpoint).last).method == .info)
        #expect(site.sw.calls.count == 1)
    }

    @Test func aReinviteThatIsAskedAgainIsTakenBackWhereItRings() throws {
        var site = try site(aliveCheck: 0)
        var phones = try timed(&site)
        phones[0].send("INVITE", at: &site, body: Party.offer)
        let cancelled = phones[0]
        let first = try site.next(phones[1].endpoint)
        phones[1].answer(first, 422, at: &site, extra: "Min-SE: 3600\n")
        let second = try #require(site.all(phones[1].endpoint).last)
        #expect(second.method == .invite)
        phones[1].answer(second, 180, at: &site)
        site.deliver(
            """
            CANCEL sip:127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(cancelled.endpoint);branch=z9hG4bK-8001-\(cancelled.callID)-\(cancelled.branches);rport
            Max-Forwards: 70
            From: \(cancelled.local)
            To: \(cancelled.remote)
            Call-ID: \(cancelled.callID)
            CSeq: \(cancelled.cseq) CANCEL
            Content-Length: 0


            """, from: cancelled.endpoint)
        let cancel = try site.next(phones[1].endpoint)
        #expect(cancel.method == .cancel && cancel.cseqNumber == second.cseqNumber)
        #expect(cancel.topVia.branch.map { Array($0) } == second.topVia.branch.map { Array($0) })
    }

    @Test func timersGoOnOverACrash() throws {
        var site = try site(aliveCheck: 0)
        var (phones, _, _) = try connected(
            &site,
            caller:
                "Supported: timer\nAllow: INVITE, INFO, UPDATE\nSession-Expires: 200;refresher=uas\n",
            callee: "")
        try site.crash(.process(.seconds(1)))
        site.pass(.milliseconds(1_010))
        for place in 0..<2 {
            for asked in site.all(phones[place].endpoint) where asked.method == .info {
                if asked.isRequest { phones[place].answer(asked, 200, at: &site) }
            }
        }
        site.pass(.milliseconds(98_990))
        #expect(site.said(phones[0].endpoint).hasSuffix("UPDATE"))
    }
}

extension Site {
    fileprivate mutating func askedAfterAMinute(_ phone: Party) throws -> Message {
        pass(.seconds(60))
        return try next(phone.endpoint)
    }
}
