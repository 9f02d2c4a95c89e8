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
        #expect(site.all(Site.e1).first?.method == .options)
        phone.answer(try site.next(phone.endpoint), 200, at: &site)
        site.pass(.seconds(32))
        let bye = try #require(site.all(phone.endpoint).last)
        #expect(bye.method == .bye && bye.text(.reason)?.contains("is gone (408)") == true)
        let record = try #require(site.records.first)
        #expect(record.billedMs <= 93_000 && record.releasedBy == .switch)
        #expect(record.q850Cause == 102)
        #expect(site.isIdle)
    }

    @Test(arguments: [200, 405, 503])
    func whoAnswersAnythingElseIsThere(status: Int) throws {
        var site = try site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        for _ in 0..<10 {
            site.pass(.seconds(60))
            for place in 0..<2 {
                let asked = try site.next(phones[place].endpoint)
                #expect(asked.method == .options && asked.toTag != nil)
                phones[place].answer(asked, status, at: &site)
            }
        }
        #expect(site.sw.calls.count == 1)
        phones[0].answer(try site.askedAfterAMinute(phones[0]), 481, at: &site)
        #expect(site.said(phones[1].endpoint).hasSuffix("BYE") && site.isIdle)
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
        #expect(site.all(phones[0].endpoint).last?.status == 422)
    }

    @Test func timersGoOnOverACrash() throws {
        var site = try site(aliveCheck: 0)
        var (phones, _, _) = try connected(
            &site,
            caller: "Supported: timer\nAllow: INVITE, UPDATE\nSession-Expires: 200;refresher=uas\n",
            callee: "")
        try site.crash(.process(.seconds(1)))
        site.pass(.milliseconds(1_010))
        for place in 0..<2 {
            for asked in site.all(phones[place].endpoint) where asked.method == .options {
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
