import Charging
import SIP
import Testing

@testable import Switching

/// A crash between the answer of a call and its ACK.
@Suite struct RecoveredAnswerTests {
    @Test func theAnswerIsSentAgainUntilItsACK() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        // The 200 and the ACK have left, and nobody has got them.
        try site.crash(.process(.seconds(1)))
        let answer = try site.next(phone.endpoint)
        #expect(answer.status == 200 && answer.body.elementsEqual(Site.crlf(Party.offer)))
        site.pass(.milliseconds(600))
        let again = try site.next(phone.endpoint)
        #expect(again.status == 200)
        phone.acknowledge(again, at: &site)
        site.pass(.seconds(5))
        #expect(!site.all(phone.endpoint).contains { !$0.isRequest })
        // The callee's 200 comes again and is acknowledged in its dialog.
        _ = site.all(Site.e1)
        let invite = try #require(gateway.invite)
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        let ack = try site.next(Site.e1)
        #expect(ack.method == .ack && ack.cseqNumber == 1)
        phone.send("BYE", at: &site)
        #expect(site.records.count == 1)
    }

    @Test func theINVITEThatComesAgainIsTheSameCall() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        try site.crash(.process(.seconds(1)))
        _ = site.all(phone.endpoint)
        site.deliver(
            String(decoding: try #require(phone.invite).bytes, as: UTF8.self).replacing(
                "\r\n", with: "\n"), from: phone.endpoint)
        #expect(site.said(phone.endpoint) == "" && site.said(Site.e1) == "")
        #expect(site.sw.calls.count == 1)
    }

    /// The ACK may have come before the crash: that it does not come again says nothing.
    @Test func aCallerThatDoesNotAcknowledgeAgainKeepsItsCall() throws {
        var (site, phone, gateway) = try Site.talking()
        try site.crash(.process(.seconds(1)))
        for _ in 0..<120 {
            site.pass(.seconds(1))
            for check in site.all(phone.endpoint) where check.method == .info {
                phone.answer(check, 200, at: &site)
            }
            for check in site.all(Site.e1) where check.method == .info {
                gateway.answer(check, 200, at: &site)
            }
        }
        #expect(site.sw.calls.count == 1 && site.records.isEmpty)
    }

    @Test func anAnswerThatWasNotDurableIsToldToNobody() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        site.diskIsQuick = false
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phone.endpoint) == "100" && site.said(Site.e1) == "")
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        #expect(site.said(phone.endpoint) == "503")
        #expect(site.said(Site.e1) == "CANCEL")
        // Its 200 comes again, since it has no ACK.
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(Site.e1) == "ACK BYE")
        let record = try #require(site.records.first)
        #expect(site.records.count == 1 && record.charge == .zero && site.isIdle)
        #expect(site.sw.ledger.account("a")?.balance == Amount("100"))
    }

    @Test func aLateOfferIsAnsweredThroughTheNewProcess() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site, body: "")
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        try site.crash(.process(.seconds(1)))
        let answer = try site.next(phone.endpoint)
        phone.acknowledge(answer, at: &site, body: Party.offer)
        let ack = try site.next(Site.e1)
        #expect(ack.method == .ack && ack.cseqNumber == 1)
        #expect(ack.body.elementsEqual(Site.crlf(Party.offer)))
    }
}
