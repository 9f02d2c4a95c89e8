import Charging
import SIP
import Testing

@testable import Switching

/// Answers that wait for a disk that says nothing.
@Suite struct SlowDiskTests {
    @Test func aFreeCallWaitsForTheDiskAMomentOnly() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        site.diskIsQuick = false
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[0].endpoint) == "100" && site.said(phones[1].endpoint) == "")
        site.pass(.milliseconds(260))
        #expect(site.said(phones[0].endpoint) == "200" && site.said(phones[1].endpoint) == "ACK")
    }

    @Test func aPaidCallIsRefusedWhenTheDiskSaysNothingAndOPTIONSSaysSo() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        site.diskIsQuick = false
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        site.pass(.milliseconds(3100))
        #expect(site.said(phone.endpoint) == "100 503" && site.said(Site.e1) == "ACK BYE")
        #expect(site.sw.ledger.reservationCount == 0)
        gateway.callID = "options"
        site.deliver(
            """
            OPTIONS sip:127.0.0.1 SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-options;rport
            From: <sip:gateway@127.0.0.1>;tag=1
            To: <sip:127.0.0.1>
            Call-ID: options
            CSeq: 1 OPTIONS
            Content-Length: 0


            """, from: Site.e1)
        let answer = try site.next(Site.e1)
        #expect(answer.status == 503 && answer.value(.retryAfter) != nil)
        // It comes back by itself.
        site.diskIsQuick = true
        site.settle()
        #expect(site.sw.outOfService == nil)
        #expect(site.records.count == 1 && site.records[0].charge == .zero && site.isIdle)
    }
}
