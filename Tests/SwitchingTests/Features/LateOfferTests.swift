import SIP
import Testing

@testable import Switching

/// A re-INVITE without a description, whose ACK brings the answer to what the other side offers (RFC 3264
/// §5): what becomes of the other side when that ACK does not come, or something else is asked of it before.
@Suite struct LateOfferTests {
    /// The phone has asked the other one for an offer, has it, and has sent no ACK yet.
    ///
    /// - Returns: the 200 that it has, and the re-INVITE that the other one has answered.
    private static func asked(
        _ phone: inout Party, _ other: inout Party, _ site: inout Site
    ) throws -> (answer: Message, reinvite: Message) {
        phone.send("INVITE", at: &site)
        let reinvite = try TransferTests.reinvited(&other, &site)
        #expect(reinvite.body.isEmpty)
        // No ACK before there is an answer to the offer.
        #expect(site.said(other.endpoint) == "")
        let told = site.all(phone.endpoint)
        #expect(told.map(\.status) == [100, 200])
        return (try #require(told.last), reinvite)
    }

    private func refer(_ phone: inout Party, to target: String, _ site: inout Site) {
        phone.send("REFER", at: &site, extra: "Refer-To: <sip:\(target)@example.com>\n")
    }

    @Test(arguments: [0, 1])
    func whoParksBeforeItsACKLeavesNobodyWaitingForOne(parker: Int) throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8004", "8005")
        try site.connected(&phones)
        let waiting = 1 - parker
        var (own, other) = (phones[parker], phones[waiting])
        let (answer, reinvite) = try Self.asked(&own, &other, &site)
        refer(&own, to: "*68*1", &site)
        // Nobody takes its offer, which ends that; and then its streams are made inactive.
        let refusal = try site.next(other.endpoint)
        #expect(refusal.method == .ack && refusal.cseqNumber == reinvite.cseqNumber)
        #expect(refusal.text.contains("m=audio 0 "))
        #expect(try TransferTests.reinvited(&other, &site).body.isEmpty)
        let held = try site.next(other.endpoint)
        #expect(held.method == .ack && held.text.contains("a=inactive"))
        // What comes too late is let go.
        own.acknowledge(answer, at: &site, body: Party.offer)
        site.pass(.seconds(40))
        #expect(!site.said(other.endpoint).contains("ACK"))
        try phones[2].call("*69*1", at: &site, body: TransferTests.other)
        try TransferTests.reinvited(&other, &site, body: Party.offer)
        #expect(site.said(other.endpoint) == "ACK")
        #expect(site.all(phones[2].endpoint).last?.status == 200)
    }

    @Test(arguments: [0, 1])
    func aTransferWaitsForTheACKThatIsOnItsWay(transferor: Int) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        var (own, other) = (phones[transferor], phones[1 - transferor])
        let (answer, reinvite) = try Self.asked(&own, &other, &site)
        refer(&own, to: "8003", &site)
        let invite = try site.invite(phones[2])
        phones[2].answer(invite, 200, at: &site, body: TransferTests.third)
        #expect(site.said(other.endpoint) == "")
        own.acknowledge(answer, at: &site, body: Party.offer)
        let ack = try site.next(other.endpoint)
        #expect(ack.method == .ack && ack.cseqNumber == reinvite.cseqNumber)
        #expect(ack.text.contains("m=audio 4000"))
        // At once, what the third one offers.
        let asked = try TransferTests.reinvited(&other, &site)
        #expect(asked.text.contains("m=audio 6000"))
        #expect(site.said(other.endpoint) == "ACK")
        #expect(try site.next(phones[2].endpoint).text.contains("m=audio 5000"))
        #expect(TransferTests.heard(own, &site).suffix(2) == ["200 end", "BYE"])
    }

    @Test func aTransferGoesOnWhereThatACKNeverComes() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        var (own, other) = (phones[0], phones[1])
        let (_, reinvite) = try Self.asked(&own, &other, &site)
        refer(&own, to: "8003", &site)
        let invite = try site.invite(phones[2])
        phones[2].answer(invite, 200, at: &site, body: TransferTests.third)
        site.pass(.seconds(20))
        let refusal = try site.next(other.endpoint)
        #expect(refusal.method == .ack && refusal.cseqNumber == reinvite.cseqNumber)
        #expect(refusal.text.contains("m=audio 0 "))
        let asked = try TransferTests.reinvited(&other, &site)
        #expect(asked.text.contains("m=audio 6000"))
        #expect(try site.next(phones[2].endpoint).text.contains("m=audio 5000"))
        #expect(TransferTests.heard(own, &site).suffix(2) == ["200 end", "BYE"])
    }

    @Test func whoIsOwedAnACKHasItBeforeItLeaves() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        var (own, other) = (phones[0], phones[1])
        let (_, reinvite) = try Self.asked(&own, &other, &site)
        // The one that has offered transfers the one that owes it the answer.
        refer(&other, to: "8003", &site)
        let invite = try site.invite(phones[2])
        phones[2].answer(invite, 200, at: &site, body: TransferTests.third)
        try TransferTests.reinvited(&own, &site)
        let told = site.all(other.endpoint)
        let ack = try #require(told.firstIndex { $0.method == .ack && $0.isRequest })
        let bye = try #require(told.firstIndex { $0.method == .bye && $0.isRequest })
        #expect(ack < bye && told[ack].cseqNumber == reinvite.cseqNumber)
        #expect(try site.next(phones[2].endpoint).text.contains("m=audio 5000"))
    }

    @Test(arguments: [0, 1])
    func whoHangsUpInPlaceOfItsACKLeavesNobodyWaitingForOne(who: Int) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        var (own, other) = (phones[who], phones[1 - who])
        let (_, reinvite) = try Self.asked(&own, &other, &site)
        own.send("BYE", at: &site)
        let ack = try site.next(other.endpoint)
        #expect(ack.method == .ack && ack.cseqNumber == reinvite.cseqNumber)
        #expect(site.said(other.endpoint) == "BYE")
    }
}
