import SIP
import Testing

@testable import Switching

/// What one side says of the end of a call reaches the other (RFC 3326).
@Suite struct ReasonTests {
    private static let elsewhere = "SIP;cause=200;text=\"Call completed elsewhere\""

    private func ringing(_ site: inout Site) throws -> [Party] {
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        phones[1].answer(try site.invite(phones[1]), 180, at: &site)
        return phones
    }

    @Test func aPhoneShowsNoMissedCallWhereTheCallerSaysThatItWasTakenElsewhere() throws {
        var site = try Site()
        var phones = try ringing(&site)
        try phones[0].cancel(at: &site, reason: Self.elsewhere)
        let cancel = try site.next(phones[1].endpoint)
        #expect(cancel.method == .cancel && cancel.text(.reason) == Self.elsewhere)
        #expect(site.records.last?.disposition == .noAnswer)
    }

    @Test func aCallerThatSaysNothingIsGivenNoWords() throws {
        var site = try Site()
        var phones = try ringing(&site)
        try phones[0].cancel(at: &site)
        let cancel = try site.next(phones[1].endpoint)
        #expect(cancel.method == .cancel && cancel.text(.reason) == nil)
    }

    /// The CANCEL waits for the first provisional response (RFC 3261 §9.1).
    @Test func whatWaitsIsSaidLater() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.invite(phones[1])
        try phones[0].cancel(at: &site, reason: Self.elsewhere)
        phones[1].answer(invite, 180, at: &site)
        let cancel = try site.next(phones[1].endpoint)
        #expect(cancel.method == .cancel && cancel.text(.reason) == Self.elsewhere)
    }

    @Test func anAnswerThatMeetsTheEndIsToldWhy() throws {
        var site = try Site()
        site.diskIsQuick = false
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        try phone.cancel(at: &site, reason: Self.elsewhere)
        let bye = try #require(site.all(Site.e1).last)
        #expect(bye.method == .bye && bye.text(.reason) == Self.elsewhere)
    }

    @Test(arguments: ["\nReason: ", ", "])
    func allOfThemAreSaid(separator: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        let both = ["Q.850;cause=31;text=\"enough\"", Self.elsewhere]
        phones[1].send(
            "BYE", at: &site, extra: "Reason: \(both.joined(separator: separator))\n")
        let bye = try site.next(phones[0].endpoint)
        #expect(bye.method == .bye && bye.text(.reason) == both.joined(separator: ", "))
    }

    @Test(arguments: [
        (
            "SIP;cause=486;text=\"in a meeting\"",
            "Q.850;cause=17;text=\"Status\", SIP;cause=486;text=\"in a meeting\""
        ),
        ("Q.850;cause=17;text=\"in a meeting\"", "Q.850;cause=17;text=\"in a meeting\""),
    ])
    func aRefusalKeepsItsWords(given: String, told: String) throws {
        var site = try Site()
        var phones = try ringing(&site)
        let invite = try #require(phones[1].invite)
        phones[1].answer(invite, 486, at: &site, extra: "Reason: \(given)\n")
        let refusal = try #require(site.all(phones[0].endpoint).last)
        #expect(refusal.status == 486)
        #expect(refusal.text(.reason) == told)
        #expect(site.records.last?.q850Cause == 17)
    }

    /// A quote with a mark that combines with it is a `Character` of its own, and a quote.
    @Test(arguments: ["x%22%CC%81;SIP;cause=200", "x%0D%0AReason:%20SIP", "x%5C"])
    func nobodyEndsTheStringByItsName(user: String) throws {
        var site = try Site()
        var phones = try site.registered("8001")
        var gateway = Party.pstn
        try gateway.callUnasked("66778001", from: user, at: &site)
        let invite = try site.invite(phones[0])
        phones[0].answer(invite, 200, at: &site, body: Party.offer)
        gateway.acknowledge(try #require(site.all(gateway.endpoint).last), at: &site)
        #expect(try site.next(phones[0].endpoint).method == .ack)
        phones[0].send("INFO", at: &site)
        gateway.answer(try site.next(gateway.endpoint), 481, at: &site)
        let bye = try #require(site.all(phones[0].endpoint).last { $0.method == .bye })
        let reason = try #require(bye.text(.reason))
        #expect(reason.contains("is gone"), "\(reason)")
        let elements = Array(bye.elements(.reason))
        try #require(elements.count == 1, "\(reason)")
        #expect(Array(Parameters(elements[0])).count == 3, "\(reason)")
        #expect(!bye.fields.contains { $0.value.contains(0x0a) })
    }
}
