import SIP
import Testing

@testable import Switching

/// What the holder of the connections is told of those who connect: who is banned, and who has proved who
/// it is.
@Suite struct ConnectionNoticeTests {
    private static let stranger = Endpoint(text: "203.0.113.9:5060")

    private static func request(
        _ method: String, from endpoint: Endpoint, _ number: Int = 1, extra: String = ""
    ) -> String {
        """
        \(method) sip:8001@example.com SIP/2.0
        Via: SIP/2.0/TCP \(endpoint);branch=z9hG4bK-notice-\(endpoint.port)-\(number)
        From: <sip:8001@example.com>;tag=n\(number)
        To: <sip:8001@example.com>
        Call-ID: notice-\(number)
        CSeq: 1 \(method)
        Max-Forwards: 70
        \(extra)Content-Length: 0


        """
    }

    private static let scanner = "User-Agent: friendly-scanner\n"

    /// A site with TCP, and these addresses connected there.
    private static func site(
        _ endpoints: [Endpoint], _ change: (inout Settings) -> Void = { _ in }
    ) throws -> Site {
        var settings = Site.settings()
        settings.listeners.append(
            ListenerSettings(
                transport: .tcp, bound: Site.own, advertisedHost: "127.0.0.1",
                advertisedPort: 5060))
        change(&settings)
        var site = try Site(settings: settings)
        for endpoint in endpoints { site.streams[endpoint] = flow(endpoint) }
        return site
    }

    private static func flow(_ endpoint: Endpoint) -> Flow {
        Flow(transport: .tcp, listener: 1, remote: endpoint)
    }

    // MARK: Bans

    @Test func whoIsBannedIsBarredUntilTheBanEndsAndAdmittedWhenItIsLifted() throws {
        var site = try Self.site([Self.stranger])
        site.deliver(
            Self.request("OPTIONS", from: Self.stranger, extra: Self.scanner),
            from: Self.stranger)
        let address = Self.stranger.ip
        #expect(site.notices == [.barred(address, until: site.now + .seconds(3600))])
        site.notices = []
        guard case .done? = site.request(.unbanned(address: "203.0.113.9")) else {
            Issue.record("the ban was not lifted")
            return
        }
        #expect(site.notices == [.admitted(address)])
    }

    @Test func aBanThatIsOverIsSaidToBe() throws {
        var site = try Self.site([Self.stranger])
        site.deliver(
            Self.request("OPTIONS", from: Self.stranger, extra: Self.scanner),
            from: Self.stranger)
        site.notices = []
        site.pass(.seconds(3599))
        #expect(site.notices.isEmpty)
        site.pass(.seconds(61))
        #expect(site.notices == [.admitted(Self.stranger.ip)])
    }

    @Test func anOfficeWithPhonesIsBannedAndNotBarred() throws {
        var site = try Self.site([])
        var phone = Party("8001", Endpoint(text: "203.0.113.9:5062"))
        #expect(try phone.register(at: &site).status == 200)
        var guesser = Party("8002", Endpoint(text: "203.0.113.9:5064"))
        for number in 0..<10 {
            #expect(try guesser.register(at: &site, password: "\(number)").status == 403)
        }
        #expect(site.sw.inspection.bans == 1)
        #expect(site.notices.isEmpty)
    }

    @Test func whoSharesItsNetworkInIPv6WithABannedOneIsHeardWhereItIsTrusted() throws {
        let trusted = Endpoint(ip: try #require(IPAddress("2001:db8:0:1::7")), port: 5060)
        let banned = Endpoint(ip: try #require(IPAddress("2001:db8:0:1::66")), port: 5060)
        let range = try #require(AddressRange("2001:db8:0:1::7"))
        var site = try Self.site([trusted, banned]) { $0.bans.allowed = [range] }
        site.deliver(
            Self.request("OPTIONS", from: banned, extra: Self.scanner), from: banned)
        #expect(site.sw.inspection.bans == 1)
        #expect(site.notices.isEmpty)
        _ = site.all(banned)
        site.deliver(Self.request("OPTIONS", from: banned, 2), from: banned)
        #expect(site.said(banned) == "")
        site.deliver(Self.request("OPTIONS", from: trusted), from: trusted)
        #expect(site.said(trusted) == "200")
    }

    @Test func nobodyBansANetworkInIPv6ThatPhonesAreRegisteredIn() throws {
        let home = Endpoint(ip: try #require(IPAddress("2001:db8:0:1::7")), port: 5060)
        let forger = Endpoint(ip: try #require(IPAddress("2001:db8:0:1::66")), port: 5060)
        var site = try Self.site([])
        var phone = Party("8001", home)
        #expect(try phone.register(at: &site).status == 200)
        site.deliver(
            Self.request("OPTIONS", from: forger, extra: Self.scanner), from: forger)
        #expect(site.sw.inspection.bans == 0)
    }

    // MARK: Who is known

    @Test func whoeverHasRegisteredByAConnectionIsKnownByItOnce() throws {
        var phone = Party("8001", Endpoint(text: "203.0.113.9:5062"))
        var site = try Self.site([phone.endpoint])
        for _ in 0..<3 { #expect(try phone.register(at: &site).status == 200) }
        #expect(site.notices == [.proved(Self.flow(phone.endpoint))])
        // Another one that comes from there has to prove it anew.
        site.notices = []
        site.handle(
            .connectionClosed(
                ClosedConnection(flow: Self.flow(phone.endpoint), wasAccepted: true)))
        site.deliver(Self.request("OPTIONS", from: phone.endpoint), from: phone.endpoint)
        #expect(site.notices.isEmpty)
        #expect(try site.next(phone.endpoint).status == 200)
        #expect(try phone.register(at: &site).status == 200)
        #expect(site.notices == [.proved(Self.flow(phone.endpoint))])
    }

    @Test func whoeverHasNoPasswordIsNotKnownWhateverItSays() throws {
        var guesser = Party("8001", Self.stranger)
        var site = try Self.site([Self.stranger])
        #expect(try guesser.register(at: &site, password: "wrong").status == 403)
        for (number, method) in [
            "OPTIONS", "REGISTER", "INVITE", "BYE", "ACK", "CANCEL", "NOTIFY",
        ].enumerated() {
            site.deliver(
                Self.request(method, from: Self.stranger, number), from: Self.stranger)
        }
        site.deliver("no SIP at all", from: Self.stranger)
        #expect(site.notices.isEmpty)
    }

    @Test func onePasswordKeepsNoMoreConnectionsThanItMay() throws {
        let limit = Connections.limitOfExtension
        let endpoints = (0..<limit + 2).map { Endpoint(text: "203.0.113.9:\(6000 + $0)") }
        var site = try Self.site(endpoints)
        var phone = Party("8001", endpoints[0])
        for endpoint in endpoints {
            phone.endpoint = endpoint
            #expect(try phone.register(at: &site).status == 200)
        }
        #expect(site.notices == endpoints.prefix(limit).map { .proved(Self.flow($0)) })
        // Of another extension it says nothing, and what is closed makes room.
        site.notices = []
        let last = try #require(endpoints.last)
        var other = Party("8002", last)
        #expect(try other.register(at: &site).status == 200)
        site.handle(
            .connectionClosed(
                ClosedConnection(flow: Self.flow(endpoints[0]), wasAccepted: true)))
        phone.endpoint = endpoints[limit]
        #expect(try phone.register(at: &site).status == 200)
        #expect(
            site.notices == [.proved(Self.flow(last)), .proved(Self.flow(endpoints[limit]))])
    }

    @Test func aTrunkIsKnownByItsFirstWord() throws {
        var gateway = Party("e1", Endpoint(ip: Site.e1.ip, port: 40_000))
        gateway.callID = "alive"
        var site = try Self.site([gateway.endpoint])
        site.deliver(Self.request("OPTIONS", from: gateway.endpoint), from: gateway.endpoint)
        #expect(site.notices == [.proved(Self.flow(gateway.endpoint))])
    }

    @Test func aTrunkThatHasACertificateToShowIsNotKnownByItsAddress() throws {
        let address = Endpoint(text: "198.51.100.1:5061")
        let gateway = Endpoint(ip: address.ip, port: 40_000)
        var site = try Self.site([gateway]) {
            $0.trunks[0].endpoint = address
            $0.trunks[0].certificateName = "sip.operator.example"
        }
        for (number, names) in [[], ["sip.other.example"]].enumerated() {
            site.handle(.connectionCertified(Self.flow(gateway), names: names))
            site.deliver(Self.request("OPTIONS", from: gateway, number), from: gateway)
            #expect(site.notices.isEmpty)
        }
        site.handle(
            .connectionCertified(Self.flow(gateway), names: ["sip.operator.example"]))
        for number in 3..<6 {
            site.deliver(Self.request("OPTIONS", from: gateway, number), from: gateway)
        }
        #expect(site.notices == [.proved(Self.flow(gateway))])
    }

    @Test func nobodyIsKnownByAnAddressOfOurOwn() throws {
        let here = Endpoint(ip: Site.own.ip, port: 40_000)
        var site = try Self.site([here]) { settings in
            for place in settings.trunks.indices {
                settings.trunks[place].endpoint = Endpoint(text: "198.51.100.\(place + 1):5060")
            }
        }
        site.deliver(Self.request("OPTIONS", from: here), from: here)
        #expect(site.notices.isEmpty)
    }

    @Test func whoeverGoesOnWithItsCallByANewConnectionIsKnown() throws {
        var phones = [
            Party("8001", Endpoint(text: "203.0.113.1:5060")),
            Party("8002", Endpoint(text: "203.0.113.2:5060")),
        ]
        let again = Endpoint(text: "203.0.113.1:5070")
        var site = try Self.site([again])
        for place in phones.indices {
            #expect(try phones[place].register(at: &site).status == 200)
        }
        try site.connected(&phones)
        phones[0].send("INFO", at: &site, from: again)
        #expect(try site.next(phones[1].endpoint).method == .info)
        #expect(site.notices == [.proved(Self.flow(again))])
    }
}
