import SIP
import Testing

@testable import Switching

/// What the legs say to each other while they are connected.
@Suite struct InDialogTests {
    @Test func holdAndResumePassAndAreAcknowledged() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        let hold = Party.offer.replacing("sendrecv", with: "sendonly")
        phones[0].send("INVITE", at: &site, body: hold)
        let reinvite = try site.next(phones[1].endpoint)
        #expect(reinvite.method == .invite && reinvite.toTag != nil)
        #expect(String(decoding: reinvite.body, as: UTF8.self).contains("a=sendonly"))
        phones[1].answer(
            reinvite, 200, at: &site, body: Party.offer.replacing("sendrecv", with: "recvonly"))
        #expect(site.said(phones[1].endpoint) == "ACK")
        let answers = site.all(phones[0].endpoint)
        #expect(answers.map(\.status) == [100, 200])
        #expect(String(decoding: answers[1].body, as: UTF8.self).contains("a=recvonly"))
        phones[0].send("ACK", at: &site, cseq: Int(answers[1].cseqNumber))
        site.pass(.seconds(5))
        #expect(site.said(phones[0].endpoint) == "")
        #expect(site.records.isEmpty && site.sw.calls.count == 1)
    }

    @Test func aReinviteWithoutOfferIsAcknowledgedWithTheAnswer() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("INVITE", at: &site)
        let reinvite = try site.next(phones[1].endpoint)
        #expect(reinvite.body.isEmpty)
        phones[1].answer(reinvite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "")
        let answer = try #require(site.all(phones[0].endpoint).last)
        phones[0].send("ACK", at: &site, cseq: Int(answer.cseqNumber), body: Party.offer)
        let ack = try site.next(phones[1].endpoint)
        #expect(ack.method == .ack && !ack.body.isEmpty)
        #expect(ack.cseqNumber == reinvite.cseqNumber)
    }

    @Test func aLateOfferGoesThroughTheFirstACK() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, body: "")
        let invite = try site.next(phones[1].endpoint)
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "")
        let answer = try #require(site.all(phones[0].endpoint).last)
        #expect(answer.status == 200 && !answer.body.isEmpty)
        phones[0].acknowledge(answer, at: &site, body: Party.offer)
        let ack = try site.next(phones[1].endpoint)
        #expect(ack.method == .ack && !ack.body.isEmpty)
    }

    @Test(arguments: ["INFO", "UPDATE", "MESSAGE", "FROBNICATE"])
    func anyMethodPassesBothWays(method: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        for (from, to) in [(0, 1), (1, 0)] {
            phones[from].send(method, at: &site, body: Party.offer)
            let passed = try site.next(phones[to].endpoint)
            #expect(passed.method.name == method)
            #expect(passed.body.elementsEqual(Party.offer.replacing("\n", with: "\r\n").utf8))
            phones[to].answer(passed, 200, at: &site)
            #expect(site.said(phones[from].endpoint) == "200")
        }
    }

    /// What passes on would be without it (RFC 3261 §8.2.2.3).
    @Test(arguments: ["INVITE", "UPDATE", "INFO", "MESSAGE", "OPTIONS", "FROBNICATE"])
    func whoInsistsOnWhatIsNotKnownHereIsToldSo(method: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send(method, at: &site, extra: "Require: timer, x-fork\n", body: Party.offer)
        let refusal = try site.next(phones[0].endpoint)
        #expect(refusal.status == 420 && refusal.text(.unsupported) == "x-fork")
        #expect(site.said(phones[1].endpoint) == "")
        if method == "INVITE" { phones[0].acknowledge(refusal, at: &site) }
        // Nothing is left pending.
        phones[0].send("INVITE", at: &site, body: Party.offer)
        #expect(try site.next(phones[1].endpoint).method == .invite)
    }

    @Test func whoHangsUpIsHeardWhateverItInsistsOn() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("BYE", at: &site, extra: "Require: x-fork\n")
        #expect(site.said(phones[0].endpoint) == "200" && site.said(phones[1].endpoint) == "BYE")
    }

    /// A second BYE with a number far ahead would leave the first one's call without a way to be hung up,
    /// where a loss of power brings it back.
    @Test func aReinviteThatIsAnsweredAfterItsCallIsAcknowledgedAlone() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[1].send("INVITE", at: &site, body: Party.offer)
        let reinvite = try site.next(phones[0].endpoint)
        #expect(reinvite.method == .invite && reinvite.toTag != nil)
        site.pass(.seconds(5))
        phones[1].send("BYE", at: &site)
        let bye = try #require(site.all(phones[0].endpoint).last { $0.method == .bye })
        phones[0].answer(bye, 200, at: &site)
        // The transaction of the re-INVITE has timed out; the dialog is known for a while.
        site.pass(.seconds(28))
        _ = site.all(phones[0].endpoint)
        phones[0].answer(reinvite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[0].endpoint) == "ACK")
        site.pass(.seconds(40))
        #expect(site.said(phones[0].endpoint) == "" && site.isIdle)
    }

    @Test func aRefusedReinviteKeepsTheCall() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("INVITE", at: &site, body: Party.offer)
        phones[1].answer(try site.next(phones[1].endpoint), 488, at: &site)
        #expect(site.said(phones[1].endpoint) == "ACK")
        #expect(site.said(phones[0].endpoint) == "100 488")
        #expect(site.sw.calls.count == 1)
        // And it may be tried again.
        phones[0].send("INVITE", at: &site, body: Party.offer)
        #expect(try site.next(phones[1].endpoint).method == .invite)
    }

    @Test func glareIsAnsweredWith491() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("INVITE", at: &site, body: Party.offer)
        #expect(try site.next(phones[1].endpoint).method == .invite)
        phones[1].send("INVITE", at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "491")
    }

    @Test func aLegThatIsGoneEndsTheCall() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("UPDATE", at: &site)
        phones[1].answer(try site.next(phones[1].endpoint), 481, at: &site)
        #expect(site.said(phones[0].endpoint) == "481 BYE")
        #expect(site.records.first?.releasedBy == .switch && site.isIdle)
    }

    @Test func aStrangersByeChangesNothing() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("BYE", at: &site, from: Endpoint(text: "127.0.0.9:5060"))
        #expect(site.said(Endpoint(text: "127.0.0.9:5060")) == "481")
        var guess = phones[0]
        guess.callID = "another"
        guess.send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "481")
        #expect(site.sw.calls.count == 1)
    }

    @Test func aByeThatComesAgainFromANewPortIsAnsweredThere() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        site.diskIsQuick = false
        phones[0].send("BYE", at: &site)
        let moved = Endpoint(text: "127.0.0.1:23456")
        let stranger = Endpoint(text: "127.0.0.9:23456")
        for place in [moved, stranger] {
            phones[0].branches -= 1
            phones[0].send("BYE", at: &site, cseq: phones[0].cseq, from: place)
        }
        site.settle()
        #expect(site.said(moved) == "200")
        #expect(site.said(phones[0].endpoint) == "" && site.said(stranger) == "")
    }

    @Test func aRequestOutOfOrderIsRefused() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("INFO", at: &site, cseq: 1)
        #expect(site.said(phones[0].endpoint) == "500")
    }

    @Test func reliableProvisionalsPassWithOurNumbers() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: "Supported: 100rel, precondition\n")
        let invite = try site.next(phones[1].endpoint)
        #expect(invite.has("100rel", in: .supported) && !invite.has("precondition", in: .supported))
        phones[1].answer(
            invite, 183, at: &site, extra: "Require: 100rel\nRSeq: 4711\n", body: Party.offer)
        let progress = try #require(site.all(phones[0].endpoint).last)
        #expect(progress.status == 183 && progress.number(.rseq) == 1)
        phones[0].established(by: progress)
        phones[0].send("PRACK", at: &site, extra: "RAck: 1 \(progress.cseqNumber) INVITE\n")
        let prack = try site.next(phones[1].endpoint)
        #expect(prack.value(.rack)?.elementsEqual("4711 1 INVITE".utf8) == true)
        phones[1].answer(prack, 200, at: &site)
        #expect(site.said(phones[0].endpoint) == "200")
        // The answer makes the dialog, and the number of the PRACK stays used.
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK")
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        phones[0].send("BYE", at: &site)
        let bye = try site.next(phones[1].endpoint)
        #expect(bye.method == .bye && bye.cseqNumber > prack.cseqNumber)
    }
}
