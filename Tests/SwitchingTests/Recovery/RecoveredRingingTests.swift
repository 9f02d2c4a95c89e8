import Charging
import SIP
import Testing

@testable import Switching

/// A crash while a call rings: both sides are told, and the record says so.
@Suite struct RecoveredRingingTests {
    @Test func aRingingCallEndsOnBothSidesAndHasItsRecord() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 180, at: &site)
        try site.crash(.process(.seconds(2)))

        let refusal = try site.next(phone.endpoint)
        #expect(refusal.status == 503 && refusal.cseqNumber == UInt32(phone.cseq))
        #expect(refusal.value(.retryAfter) != nil)
        let reason = String(decoding: refusal.value(.reason) ?? [], as: UTF8.self)
        #expect(reason.contains("Interrupted by a restart"))
        // It comes again until its ACK.
        site.pass(.milliseconds(600))
        #expect(try site.next(phone.endpoint).status == 503)
        phone.established(by: refusal)
        let ack = try #require(phone.invite).ack(for: refusal)
        site.deliver(
            String(decoding: ack, as: UTF8.self).replacing("\r\n", with: "\n"),
            from: phone.endpoint)
        site.pass(.seconds(3))
        #expect(site.said(phone.endpoint) == "")

        let cancel = try site.next(Site.e1)
        #expect(cancel.method == .cancel && cancel.topVia.text == invite.topVia.text)
        #expect(cancel.requestURI.elementsEqual(invite.requestURI))
        _ = site.all(Site.e1)
        gateway.answer(cancel, 200, at: &site)
        gateway.answer(invite, 487, at: &site)
        #expect(site.said(Site.e1) == "ACK")
        let record = try #require(site.records.first)
        #expect(site.records.count == 1 && record.disposition == .failed)
        #expect(record.sipStatus == 503 && record.charge == .zero)
        #expect(record.durationMs == 2000 && record.attempts.first?.outcome == .failed)
        #expect(site.postings.isEmpty && site.isIdle)
    }

    @Test func allPhonesThatRangAreCancelled() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var second = Party("8002", Endpoint(text: "127.0.0.1:19999"))
        #expect(try second.register(at: &site).status == 200)
        try phones[0].call("8002", at: &site)
        #expect(site.said(phones[1].endpoint) == "INVITE")
        #expect(site.said(second.endpoint) == "INVITE")
        try site.crash(.process(.seconds(1)))
        #expect(site.said(phones[1].endpoint) == "CANCEL")
        #expect(site.said(second.endpoint) == "CANCEL")
        #expect(site.said(phones[0].endpoint) == "503" && site.isIdle)
    }

    @Test func aCancelThatCrossedTheCrashIsAnswered() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        try site.crash(.process(.seconds(1)))
        _ = site.all(phones[0].endpoint)
        try phones[0].cancel(at: &site)
        #expect(site.said(phones[0].endpoint) == "200")
    }
}
