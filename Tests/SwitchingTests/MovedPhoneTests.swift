import SIP
import Testing

@testable import Switching

/// Phones that go on from another place in the middle of a call, and hosts that take nothing for a moment.
@Suite struct MovedPhoneTests {
    private static let old = Endpoint(text: "203.0.113.9:40001")
    private static let new = Endpoint(text: "203.0.113.9:40002")
    private static let elsewhere = Endpoint(text: "198.51.100.7:40003")

    /// By this Call-ID and from there, with the Contact of a phone behind NAT.
    private func register(
        _ number: String, from endpoint: Endpoint, at site: inout Site, callID: String = "r",
        cseq: Int = 0, contact: String = "192.168.7.7:5060", extra: String = ""
    ) throws {
        var phone = Party(number, endpoint)
        (phone.callID, phone.cseq, phone.branches) = (callID, cseq, cseq)
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:\(number)@example.com>",
            extra: "Contact: <sip:\(number)@\(contact)>\(extra)\n", hasContact: false, site: &site)
        #expect(try site.next(endpoint).status == 200)
    }

    /// 8001 has called 8002, which is behind NAT.
    private func talking(
        _ settings: Settings = Site.settings()
    ) throws -> (site: Site, phones: [Party]) {
        var site = try Site(settings: settings)
        try register("8002", from: Self.old, at: &site)
        var phones = [try site.registered("8001")[0], Party("8002", Self.old)]
        try site.connected(&phones)
        return (site, phones)
    }

    @Test func aPhoneWhoseNATGaveItAnotherPortIsInItsCallThere() throws {
        var (site, phones) = try talking()
        try register("8002", from: Self.new, at: &site, cseq: 10)
        phones[0].send("INVITE", at: &site, body: Party.offer)
        let invite = try site.next(Self.new)
        phones[1].endpoint = Self.new
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(try site.next(Self.new).method == .ack)
        #expect(site.said(phones[0].endpoint) == "100 200")
        phones[0].send("BYE", at: &site)
        #expect(site.said(Self.new) == "BYE" && site.said(Self.old) == "")
    }

    @Test func whoCalledIsFoundThereToo() throws {
        var site = try Site()
        try register("8002", from: Self.old, at: &site)
        var phones = [Party("8002", Self.old), try site.registered("8001")[0]]
        try site.connected(&phones)
        try register("8002", from: Self.elsewhere, at: &site, cseq: 10)
        phones[1].send("BYE", at: &site)
        #expect(site.said(Self.elsewhere) == "BYE" && site.said(Self.old) == "")
    }

    @Test func whatWaitsForItsAnswerIsAskedThere() throws {
        var (site, phones) = try talking()
        phones[0].send("INFO", at: &site)
        let asked = try site.next(Self.old)
        try register("8002", from: Self.new, at: &site, cseq: 10)
        let again = try site.next(Self.new)
        #expect(again.bytes == asked.bytes)
        phones[1].endpoint = Self.new
        phones[1].answer(again, 200, at: &site)
        #expect(site.said(phones[0].endpoint) == "200")
        site.pass(.seconds(10))
        #expect(site.said(Self.old) == "" && site.said(Self.new) == "")
    }

    @Test func aPhoneThatRingsIsGivenUpThere() throws {
        var site = try Site()
        try register("8002", from: Self.old, at: &site)
        var phones = [try site.registered("8001")[0], Party("8002", Self.old)]
        try phones[0].call("8002", at: &site)
        phones[1].answer(try site.next(Self.old), 180, at: &site)
        try register("8002", from: Self.new, at: &site, cseq: 10)
        try phones[0].cancel(at: &site)
        #expect(site.said(Self.new) == "CANCEL" && site.said(Self.old) == "")
    }

    @Test func theJournalKnowsWhereItIs() throws {
        var (site, phones) = try talking()
        try register("8002", from: Self.new, at: &site, cseq: 10)
        site.settle()
        try site.crash(.process(.seconds(1)))
        phones[0].send("BYE", at: &site)
        #expect(site.said(Self.new) == "BYE" && site.said(Self.old) == "")
    }

    /// Behind a proxy without Path all have one flow, and only one of them has moved.
    @Test func whoElseSpeaksByTheOldFlowStaysThere() throws {
        var site = try Site()
        try register("8002", from: Self.old, at: &site)
        try register("8003", from: Self.old, at: &site, callID: "r3")
        var phones = [try site.registered("8001")[0], Party("8003", Self.old)]
        try site.connected(&phones)
        try register("8002", from: Self.new, at: &site, cseq: 10)
        phones[0].send("BYE", at: &site)
        #expect(site.said(Self.old) == "BYE" && site.said(Self.new) == "")
    }

    @Test(arguments: [
        (new, "r2", "192.168.7.7:5060", true),
        // Another phone may have the same private address behind another NAT.
        (elsewhere, "r2", "192.168.7.7:5060", false),
        // Another phone of the extension.
        (new, "r2", "192.168.7.8:5060", false),
    ])
    func byANewCallIDOnlyWhoIsSurelyTheSameHasMoved(
        endpoint: Endpoint, callID: String, contact: String, hasMoved: Bool
    ) throws {
        var (site, phones) = try talking()
        try register("8002", from: endpoint, at: &site, callID: callID, contact: contact)
        phones[0].send("BYE", at: &site)
        #expect(site.said(hasMoved ? endpoint : Self.old) == "BYE")
        #expect(site.said(hasMoved ? Self.old : endpoint) == "")
    }

    @Test func aPhoneWithAnInstanceIsTheSameAnywhere() throws {
        let flow = ";+sip.instance=\"<urn:uuid:a>\";reg-id=1"
        var site = try Site()
        try register(
            "8002", from: Self.old, at: &site, extra: flow + "\nSupported: outbound, path")
        var phones = [try site.registered("8001")[0], Party("8002", Self.old)]
        try site.connected(&phones)
        try register(
            "8002", from: Self.elsewhere, at: &site, callID: "r2", contact: "10.9.9.9:5060",
            extra: flow + "\nSupported: outbound, path")
        phones[0].send("BYE", at: &site)
        #expect(site.said(Self.elsewhere) == "BYE" && site.said(Self.old) == "")
    }

    /// A LAN and a WAN, or IPv4 and IPv6: the request cannot go on there, and the call does.
    @Test func whoComesBackByAnotherListenerIsAskedThere() throws {
        var settings = Site.settings()
        settings.listeners.append(
            ListenerSettings(
                transport: .udp, bound: Endpoint(text: "10.0.0.1:5070"), advertisedHost: "10.0.0.1",
                advertisedPort: 5070))
        var (site, phones) = try talking(settings)
        phones[0].send("INFO", at: &site)
        _ = site.all(Self.old)
        site.streams[Self.elsewhere] = Flow(
            transport: .udp, listener: 1, remote: Self.elsewhere)
        try register("8002", from: Self.elsewhere, at: &site, cseq: 10)
        #expect(site.said(phones[0].endpoint) == "503" && site.sw.calls.count == 1)
        site.pass(.milliseconds(5_100))
        let asked = try #require(site.all(Self.elsewhere).first)
        #expect(asked.method == .info || asked.method == .options)
        phones[1].endpoint = Self.elsewhere
        phones[1].answer(asked, 200, at: &site)
        site.pass(.seconds(60))
        #expect(site.sw.calls.count == 1 && site.said(phones[0].endpoint) == "")
    }

    // MARK: Hosts that take nothing for a moment

    private func unreachable(_ request: Message, at endpoint: Endpoint) -> Event {
        let flow = Flow(transport: .udp, listener: 0, remote: endpoint)
        return .undelivered(Datagram(flow: flow, bytes: Array(request.bytes)))
    }

    @Test(arguments: ["INFO", "INVITE", "UPDATE"])
    func nobodyHangsUpSinceAPhoneTookNothingForAMoment(method: String) throws {
        var (site, phones) = try talking()
        phones[0].send(method, at: &site, body: Party.offer)
        let request = try site.next(Self.old)
        _ = site.all(phones[0].endpoint)
        site.handle(unreachable(request, at: Self.old))
        #expect(site.said(phones[0].endpoint) == "" && site.sw.calls.count == 1)
        site.pass(.milliseconds(600))
        let again = try site.next(Self.old)
        #expect(again.bytes == request.bytes)
        phones[1].answer(again, 200, at: &site, body: method == "INFO" ? "" : Party.offer)
        #expect(site.said(phones[0].endpoint) == "200" && site.sw.calls.count == 1)
    }

    @Test func whoIsGoneForGoodIsFoundInTheTimeOfATransaction() throws {
        var (site, phones) = try talking()
        phones[0].send("INFO", at: &site)
        for _ in 0..<64 {
            for request in site.all(Self.old) { site.handle(unreachable(request, at: Self.old)) }
            site.pass(.milliseconds(500))
        }
        site.pass(.milliseconds(100))
        #expect(site.said(phones[0].endpoint) == "100 BYE")
        #expect(site.sw.calls.count == 0)
        #expect(site.records.last?.endReason == "8002 is gone (408)")
    }

    @Test func whatRingsThereRingsOn() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("02088886666", at: &site)
        var gateway = Party.e1
        let first = try site.next(Site.e1)
        gateway.answer(first, 180, at: &site)
        try phones[1].call("02088886667", at: &site)
        site.handle(unreachable(try site.next(Site.e1), at: Site.e1))
        // Only what has heard nothing goes by the next route.
        #expect(site.said(Site.pstn) == "INVITE")
        gateway.answer(first, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[0].endpoint) == "100 180 200" && site.said(Site.e1) == "ACK")
    }

    // MARK: Declined

    @Test(arguments: [(603, "CANCEL"), (486, "")])
    func whatAUserDeclinesStopsRingingAtAllItsPhones(status: Int, said: String) throws {
        var site = try Site()
        try register("8002", from: Self.old, at: &site)
        try register(
            "8002", from: Self.elsewhere, at: &site, callID: "r2", contact: "10.1.1.1:5060")
        var caller = try site.registered("8001")[0]
        try caller.call("8002", at: &site)
        var phones = [Party("8002", Self.old), Party("8002", Self.elsewhere)]
        let invites = [try site.next(Self.old), try site.next(Self.elsewhere)]
        for place in 0..<2 { phones[place].answer(invites[place], 180, at: &site) }
        _ = site.all(caller.endpoint)
        phones[0].answer(invites[0], status, at: &site)
        #expect(site.said(Self.elsewhere) == said)
        #expect(site.said(caller.endpoint) == (said.isEmpty ? "" : "603"))
    }
}
