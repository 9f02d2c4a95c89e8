import SIP
import Testing

@testable import Switching

/// Several places to listen at, each with what it is known by outside.
@Suite struct ListenerTests {
    private static let inside = Endpoint(text: "10.0.0.1:5060")

    /// The second listener is behind NAT, and is known outside by another address.
    private func site() throws -> Site {
        var settings = Site.settings()
        settings.listeners.append(
            ListenerSettings(
                transport: .udp, bound: Self.inside, advertisedHost: "203.0.113.5",
                advertisedPort: 5080))
        settings.trunks[1].listener = 1
        return try Site(settings: settings)
    }

    /// A phone that comes by the second listener.
    private func outside(_ number: String, _ site: inout Site) throws -> Party {
        var phone = Party.phone(number)
        site.streams[phone.endpoint] = Flow(
            transport: .udp, listener: 1, remote: phone.endpoint)
        #expect(try phone.register(at: &site).status == 200)
        return phone
    }

    @Test func aPhoneIsCalledByTheListenerItCameByAndToldWhatThatIsKnownBy() throws {
        var site = try site()
        var caller = try site.registered("8001")[0]
        var phone = try outside("8002", &site)
        try caller.call("8002", at: &site)
        let invite = try site.next(phone.endpoint)
        #expect(invite.topVia.hostText == "203.0.113.5" && invite.topVia.port == 5080)
        #expect(invite.text(.contact)?.contains("203.0.113.5:5080") == true)
        #expect(invite.text(.from)?.contains("@203.0.113.5:5080>") == true)
        phone.answer(invite, 200, at: &site, body: Party.offer)
        // To the caller it is what its own listener is known by.
        let answer = try #require(site.all(caller.endpoint).last)
        #expect(answer.text(.contact)?.contains("127.0.0.1:5060") == true)
        #expect(site.flows(to: phone.endpoint).map(\.listener) == [1])
        #expect(site.flows(to: caller.endpoint).map(\.listener) == [0])
        // Nothing of the inside is said to anybody.
        let said = String(decoding: invite.bytes, as: UTF8.self)
        #expect(!said.contains("10.0.0.1") && !said.contains("127.0.0.1:5060"))
    }

    @Test func aTrunkIsReachedByTheListenerThatItsFileSays() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        try phone.call("86035566", at: &site)
        let invite = try site.next(Site.pstn)
        #expect(invite.topVia.hostText == "203.0.113.5" && invite.topVia.port == 5080)
        #expect(invite.text(.contact)?.contains("203.0.113.5:5080") == true)
        #expect(site.flows(to: Site.pstn).map(\.listener) == [1])
    }

    @Test func whoCallsTheAddressOutsideIsServed() throws {
        var site = try site()
        var phone = try outside("8002", &site)
        let other = try site.registered("8001")[0]
        phone.callID = "call"
        try phone.authenticated(
            "INVITE", uri: "sip:8001@203.0.113.5:5080", to: "<sip:8001@203.0.113.5:5080>",
            extra: "", body: Party.offer, site: &site)
        #expect(try site.next(other.endpoint).method == .invite)
    }
}

extension Via {
    fileprivate var hostText: String { String(decoding: host, as: UTF8.self) }
}
