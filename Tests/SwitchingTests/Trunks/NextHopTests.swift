import SIP
import Testing

@testable import Switching

/// Where requests inside the dialog of a gateway go (RFC 3261 §12.2.1.1): to what its Contact or its
/// Record-Route says, a name looked up (RFC 3263), and to where it speaks from where that cannot be.
@Suite struct NextHopTests {
    private static let other = Endpoint(text: "192.0.2.20:5062")
    private static let third = Endpoint(text: "192.0.2.30:5060")
    private static let name = "Contact: <sip:gw@node7.example.net>\n"

    private func query(_ host: String, port: UInt16? = nil) -> NextHopQuery {
        NextHopQuery(
            host: TrunkHost(name: host, port: port),
            ways: [TrunkWay(transport: .udp, listener: 0, isV4: true)])
    }

    private func told(
        _ endpoints: Endpoint..., of host: String = "node7.example.net", port: UInt16? = nil,
        seconds: Int = 300, failure: String? = nil
    ) -> Event {
        .nextHopResolved(
            NextHopResolution(
                query: query(host, port: port),
                targets: endpoints.enumerated().map { place, endpoint in
                    TrunkTarget(endpoint: endpoint, priority: UInt16(place))
                }, seconds: seconds, failure: failure))
    }

    /// A call of 8001 to the E1 that is answered with these fields; what it is told is in the inbox.
    private func answered(
        _ fields: String, _ site: inout Site, _ phone: inout Party, id: String = "1"
    ) throws -> Party {
        var gateway = Party.e1
        try phone.call("02088886666", at: &site, id: id)
        gateway.answer(
            try site.next(Site.e1), 200, at: &site, extra: fields, body: Party.offer)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        return gateway
    }

    private func site(_ change: (inout Settings) -> Void = { _ in }) throws -> (Site, Party) {
        var settings = Site.settings()
        change(&settings)
        var site = try Site(settings: settings)
        let phone = try site.registered("8001")[0]
        return (site, phone)
    }

    // MARK: Addresses

    @Test func anAddressInTheContactIsWhereACKAndBYEGo() throws {
        var (site, phone) = try site()
        _ = try answered("Contact: <sip:gw@192.0.2.20:5062>\n", &site, &phone)
        #expect(site.said(Site.e1) == "" && site.said(Self.other) == "ACK")
        phone.send("BYE", at: &site)
        #expect(site.said(Site.e1) == "" && site.said(Self.other) == "BYE")
        #expect(site.lookUps.isEmpty)
    }

    @Test func anACKThatWasLostIsSentToTheSamePlaceAgain() throws {
        var (site, phone) = try site()
        var gateway = try answered("Contact: <sip:gw@192.0.2.20:5062>\n", &site, &phone)
        let ack = try site.next(Self.other)
        gateway.answer(
            try #require(gateway.invite), 200, at: &site,
            extra: "Contact: <sip:gw@192.0.2.20:5062>\n", body: Party.offer)
        let again = try site.next(Self.other)
        #expect(again.bytes.elementsEqual(ack.bytes) && site.said(Site.e1) == "")
    }

    @Test func whoCallsInIsHungUpAtItsContact() throws {
        var (site, _) = try site()
        var phone = try site.registered("8002")[0]
        site.deliver(Self.invite(contact: "<sip:gw@192.0.2.20:5062>"), from: Site.e1)
        phone.answer(try site.next(phone.endpoint), 200, at: &site, body: Party.offer)
        _ = site.all(phone.endpoint)
        // What answers its own request goes back where that came from.
        #expect(site.said(Site.e1) == "100 200" && site.said(Self.other) == "")
        phone.send("BYE", at: &site)
        #expect(site.said(Site.e1) == "" && site.said(Self.other) == "BYE")
    }

    @Test func theFirstRouteIsBeforeTheContact() throws {
        var (site, phone) = try site()
        _ = try answered(
            "Record-Route: <sip:192.0.2.30;lr>\nContact: <sip:gw@192.0.2.20:5062>\n", &site, &phone)
        let ack = try site.next(Self.third)
        #expect(ack.requestURI.elementsEqual("sip:gw@192.0.2.20:5062".utf8))
        #expect(ack.text(.route) == "<sip:192.0.2.30;lr>")
        phone.send("BYE", at: &site)
        #expect(site.said(Self.third) == "BYE" && site.said(Self.other) == "")
    }

    @Test func anotherContactInAReinviteIsFollowed() throws {
        var (site, phone) = try site()
        var gateway = try answered("", &site, &phone)
        #expect(site.said(Site.e1) == "ACK")
        phone.send("INVITE", at: &site, body: Party.offer)
        gateway.answer(
            try site.next(Site.e1), 200, at: &site, extra: "Contact: <sip:gw@192.0.2.20:5062>\n",
            body: Party.offer)
        #expect(site.said(Site.e1) == "" && site.said(Self.other) == "ACK")
        phone.send("INFO", at: &site)
        #expect(site.said(Self.other) == "INFO")
    }

    @Test func aPRACKGoesWhereItsEarlyDialogIsReached() throws {
        var (site, phone) = try site()
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        for (place, endpoint) in [Self.other, Self.third].enumerated() {
            gateway.answer(
                invite, 183, at: &site,
                extra: "Require: 100rel\nRSeq: 1\nContact: <sip:gw@\(endpoint)>\n",
                body: Party.offer, tag: "fork\(place)")
        }
        #expect(site.said(Self.other) == "PRACK" && site.said(Self.third) == "PRACK")
        #expect(site.said(Site.e1) == "")
    }

    @Test func maddrIsBeforeTheHost() throws {
        for contact in [
            "sip:gw@10.7.7.7:5062;maddr=192.0.2.20", "sip:gw@unknown.example:5062;maddr=192.0.2.20",
        ] {
            var (site, phone) = try site()
            _ = try answered("Contact: <\(contact)>\n", &site, &phone)
            phone.send("BYE", at: &site)
            #expect(site.said(Self.other) == "ACK BYE" && site.said(Site.e1) == "")
            #expect(site.lookUps.isEmpty)
        }
    }

    @Test func maddrOfARouteMayBeAName() throws {
        var (site, phone) = try site()
        _ = try answered(
            "Record-Route: <sip:192.0.2.99;maddr=node7.example.net;lr>\n", &site, &phone)
        #expect(site.lookUps == [query("node7.example.net")])
        site.handle(told(Self.third))
        phone.send("BYE", at: &site)
        let bye = try #require(site.all(Self.third).last)
        #expect(bye.method == .bye)
        #expect(bye.text(.route) == "<sip:192.0.2.99;maddr=node7.example.net;lr>")
    }

    @Test(arguments: ["224.2.0.1", "", "not/a/name", "0.0.0.0"])
    func aMaddrThatIsNobodysIsNotFollowed(maddr: String) throws {
        var (site, phone) = try site()
        _ = try answered("Contact: <sip:gw@192.0.2.20:5062;maddr=\(maddr)>\n", &site, &phone)
        #expect(site.said(Site.e1) == "ACK" && site.said(Self.other) == "")
        #expect(site.lookUps.isEmpty)
    }

    @Test func maddrInAViaHasNobodyElseAnswered() throws {
        var (site, _) = try site()
        site.deliver(
            """
            OPTIONS sip:127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:5070;maddr=192.0.2.20;branch=z9hG4bK-maddr;rport
            Max-Forwards: 70
            From: <sip:a@127.0.0.1>;tag=g
            To: <sip:127.0.0.1:5060>
            Call-ID: maddr
            CSeq: 1 OPTIONS
            Content-Length: 0


            """, from: Site.e1)
        #expect(site.said(Site.e1) == "200")
        #expect(site.said(Endpoint(text: "192.0.2.20:5070")) == "")
    }

    // MARK: Behind NAT

    @Test func behindNATItIsReachedWhereItSpeaksFrom() throws {
        for isBehindNAT in [true, false] {
            var (site, phone) = try site { $0.trunks[0].isBehindNAT = isBehindNAT }
            _ = try answered("Contact: <sip:gw@192.0.2.20:5062>\n", &site, &phone)
            phone.send("BYE", at: &site)
            #expect(site.said(Site.e1) == (isBehindNAT ? "ACK BYE" : ""))
            #expect(site.said(Self.other) == (isBehindNAT ? "" : "ACK BYE"))
        }
    }

    @Test(arguments: [
        "10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "127.0.0.1",
        "0.0.0.0",
        "224.0.0.1", "[fe80::1]", "[2001:db8::1]", "203.0.113.7:0",
    ])
    func anAddressThatCannotBeReachedFromOutsideIsNotFollowed(host: String) throws {
        let gatewayEndpoint = Endpoint(text: "198.51.100.7:5060")
        var (site, phone) = try site { $0.trunks[0].endpoint = gatewayEndpoint }
        var gateway = Party("e1", gatewayEndpoint)
        try phone.call("02088886666", at: &site)
        gateway.answer(
            try site.next(gatewayEndpoint), 200, at: &site, extra: "Contact: <sip:gw@\(host)>\n",
            body: Party.offer)
        #expect(site.said(gatewayEndpoint) == "ACK")
    }

    // MARK: Names

    @Test func aNameIsLookedUpAndWhatCouldNotWaitForItIsSentAfter() throws {
        var (site, phone) = try site()
        _ = try answered(Self.name, &site, &phone)
        #expect(site.lookUps == [query("node7.example.net")])
        // Nobody waits for the name server: it may be reached where it answered from.
        let ack = try site.next(Site.e1)
        #expect(ack.method == .ack)
        site.handle(told(Self.third))
        let again = try site.next(Self.third)
        #expect(again.bytes.elementsEqual(ack.bytes))
        phone.send("BYE", at: &site)
        #expect(site.said(Self.third) == "BYE" && site.said(Site.e1) == "")
        #expect(site.lookUps.count == 1)
    }

    @Test func aNameThatIsKnownBeforeTheAnswerCostsNothing() throws {
        var (site, phone) = try site()
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 180, at: &site, extra: Self.name)
        #expect(site.lookUps.count == 1)
        site.handle(told(Self.third))
        gateway.answer(invite, 200, at: &site, extra: Self.name, body: Party.offer)
        #expect(site.said(Site.e1) == "" && site.said(Self.third) == "ACK")
        #expect(site.lookUps.count == 1)
    }

    @Test func aBYEThatCannotWaitGoesToBothAndIsAnsweredByEither() throws {
        var (site, phone) = try site()
        var gateway = try answered(Self.name, &site, &phone)
        phone.send("BYE", at: &site)
        #expect(site.said(Site.e1) == "ACK BYE")
        site.handle(told(Self.third))
        let heard = site.all(Self.third)
        #expect(heard.map(\.method) == [.ack, .bye])
        // Sent again where it is now, and no more when it is answered.
        site.pass(.milliseconds(600))
        #expect(site.said(Self.third) == "BYE" && site.said(Site.e1) == "")
        gateway.answer(try #require(heard.last), 200, at: &site)
        site.pass(.seconds(40))
        #expect(site.said(Self.third) == "" && site.said(Site.e1) == "" && site.isIdle)
    }

    @Test func whereNobodyAnswersForTheNameItIsReachedWhereItAnsweredFrom() throws {
        var (site, phone) = try site()
        _ = try answered(Self.name, &site, &phone)
        site.handle(told(failure: "no name server answers"))
        #expect(site.logs.contains { $0.contains("node7.example.net") })
        phone.send("INFO", at: &site)
        #expect(site.said(Site.e1) == "ACK INFO" && site.lookUps.count == 1)
        // It is asked again in a while, and then used.
        site.pass(.seconds(11))
        phone.send("INFO", at: &site)
        #expect(site.lookUps.count == 2)
        site.handle(told(Self.third))
        phone.send("BYE", at: &site)
        #expect(site.said(Self.third).hasSuffix("BYE"))
    }

    @Test func aNameThatStandsForNothingIsReachedWhereItAnsweredFrom() throws {
        var (site, phone) = try site()
        _ = try answered(Self.name, &site, &phone)
        site.handle(told())
        phone.send("BYE", at: &site)
        #expect(site.said(Site.e1) == "ACK BYE")
    }

    @Test func anAnswerThatNoLongerHoldsIsUsedUntilThereIsAnother() throws {
        var (site, phone) = try site()
        _ = try answered(Self.name, &site, &phone)
        site.handle(told(Self.third, seconds: 60))
        _ = site.all(Site.e1)
        _ = site.all(Self.third)
        site.pass(.seconds(61))
        phone.send("INFO", at: &site)
        #expect(site.said(Self.third) == "INFO" && site.lookUps.count == 2)
        site.handle(told(Self.other))
        phone.send("BYE", at: &site)
        #expect(site.said(Self.other) == "BYE" && site.said(Site.e1) == "")
    }

    @Test func ofSeveralTargetsItIsTheOneThatItSpokeFrom() throws {
        var (site, phone) = try site()
        _ = try answered(Self.name, &site, &phone)
        site.handle(told(Self.third, Self.other, Site.e1))
        phone.send("BYE", at: &site)
        #expect(site.said(Site.e1) == "ACK BYE" && site.said(Self.third) == "")
    }

    @Test func aTargetThatIsDeadMakesRoomForTheNext() throws {
        var (site, phone) = try site()
        _ = try answered(Self.name, &site, &phone)
        site.handle(told(Self.third, Self.other))
        phone.send("INFO", at: &site)
        #expect(site.said(Self.third) == "ACK INFO")
        site.handle(
            .transportFailed(Flow(transport: .udp, listener: 0, remote: Self.third)))
        #expect(site.said(Self.other) == "INFO")
        phone.send("BYE", at: &site)
        #expect(site.said(Self.other) == "BYE" && site.said(Self.third) == "")
    }

    @Test func aNameInTheRecordRouteOfACallerIsLookedUp() throws {
        var (site, _) = try site()
        var phone = try site.registered("8002")[0]
        site.deliver(
            Self.invite(
                contact: "<sip:gw@192.0.2.20:5062>", route: "<sip:Edge.Example.Net:5070;lr>"),
            from: Site.e1)
        #expect(site.lookUps == [query("edge.example.net", port: 5070)])
        site.handle(told(Self.third, of: "edge.example.net", port: 5070))
        phone.answer(try site.next(phone.endpoint), 200, at: &site, body: Party.offer)
        phone.send("BYE", at: &site)
        let bye = try site.next(Self.third)
        #expect(bye.method == .bye && bye.text(.route) == "<sip:Edge.Example.Net:5070;lr>")
        #expect(bye.requestURI.elementsEqual("sip:gw@192.0.2.20:5062".utf8))
    }

    @Test func aRestartAsksForTheNameAgain() throws {
        var (site, phone) = try site()
        _ = try answered(Self.name, &site, &phone)
        site.handle(told(Self.third))
        site.lookUps = []
        try site.crash(.process(.seconds(1)))
        site.pass(.seconds(3))
        #expect(site.lookUps == [query("node7.example.net")])
        site.handle(told(Self.third))
        phone.send("BYE", at: &site)
        #expect(site.said(Self.third).hasSuffix("BYE"))
    }

    @Test func thePhonesOwnNameIsNobodysToLookUp() throws {
        var (site, _) = try site()
        var phones = try site.registered("8002", "8003")
        try phones[0].call("8003", at: &site)
        phones[1].answer(
            try site.next(phones[1].endpoint), 200, at: &site, extra: Self.name,
            body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK" && site.lookUps.isEmpty)
    }

    @Test(arguments: [
        "sip:gw@node7.example.net;transport=tls", "sip:gw@node7.example.net;transport=sctp",
        "sips:gw@node7.example.net", "tel:+8620", "sip:gw@bad!name",
    ])
    func whereWeHaveNoWayItIsReachedWhereItAnsweredFrom(contact: String) throws {
        var (site, phone) = try site()
        _ = try answered("Contact: <\(contact)>\n", &site, &phone)
        #expect(site.said(Site.e1) == "ACK" && site.lookUps.isEmpty)
    }

    // MARK: Transports

    private func streams(_ settings: inout Settings) {
        for (transport, port) in [(TransportKind.tcp, 5060), (.tls, 5061)] {
            settings.listeners.append(
                ListenerSettings(
                    transport: transport, bound: Site.own, advertisedHost: "127.0.0.1",
                    advertisedPort: UInt16(port)))
        }
    }

    @Test func aContactThatAsksForAConnectionGetsOne() throws {
        var (site, phone) = try site(streams)
        _ = try answered("Contact: <sip:gw@192.0.2.20:5062;transport=tcp>\n", &site, &phone)
        let ack = try site.next(Self.other)
        #expect(ack.topVia.transportKind == .tcp)
        #expect(
            site.flows(to: Self.other) == [Flow(transport: .tcp, listener: 1, remote: Self.other)])
    }

    @Test func aNameIsLookedUpForTheTransportThatItAsksFor() throws {
        var (site, phone) = try site(streams)
        _ = try answered("Contact: <sip:gw@node7.example.net;transport=tcp>\n", &site, &phone)
        let way = TrunkWay(transport: .tcp, listener: 1, isV4: true)
        let query = NextHopQuery(host: TrunkHost(name: "node7.example.net"), ways: [way])
        #expect(site.lookUps == [query])
        site.handle(
            .nextHopResolved(
                NextHopResolution(
                    query: query, targets: [TrunkTarget(endpoint: Self.third, transport: .tcp)],
                    seconds: 60)))
        let ack = try site.next(Self.third)
        #expect(ack.method == .ack && ack.topVia.transportKind == .tcp)
        phone.send("BYE", at: &site)
        #expect(try site.next(Self.third).topVia.transportKind == .tcp)
    }

    @Test func whatIsSentAgainByAnotherListenerSaysSoInItsContact() throws {
        var (site, phone) = try site(streams)
        _ = try answered("Contact: <sip:gw@node7.example.net;transport=tcp>\n", &site, &phone)
        _ = site.all(Site.e1)
        phone.send("INVITE", at: &site, body: Party.offer)
        let first = try site.next(Site.e1)
        #expect(first.method == .invite && first.text(.contact) == "<sip:127.0.0.1:5060>")
        site.handle(
            .nextHopResolved(
                NextHopResolution(
                    query: try #require(site.lookUps.first),
                    targets: [TrunkTarget(endpoint: Self.third, transport: .tcp)], seconds: 60)))
        let again = try #require(site.all(Self.third).first { $0.method == .invite })
        #expect(again.text(.contact) == "<sip:127.0.0.1:5060;transport=tcp>")
        #expect(again.topVia.transportKind == .tcp && again.cseqNumber == first.cseqNumber)
        #expect(again.topVia.branch.map { Array($0) } == first.topVia.branch.map { Array($0) })
    }

    @Test func whatBeganByTLSIsNotSaidInTheClear() throws {
        var (site, phone) = try site { settings in
            streams(&settings)
            settings.trunks[0].transport = .tls
            settings.trunks[0].listener = 2
        }
        let own = Flow(transport: .tls, listener: 2, remote: Site.e1)
        site.streams[Site.e1] = own
        _ = try answered("Contact: <sip:gw@192.0.2.20:5062;transport=udp>\n", &site, &phone)
        site.handle(.connectionClosed(ClosedConnection(flow: own, wasAccepted: false)))
        phone.send("BYE", at: &site)
        #expect(site.said(Self.other) == "" && site.said(Site.e1) == "ACK BYE")
    }

    @Test func aConnectionThatIsOpenIsAsGoodAsANewOne() throws {
        var (site, phone) = try site { settings in
            streams(&settings)
            settings.trunks[0].transport = .tcp
            settings.trunks[0].listener = 1
        }
        let own = Flow(transport: .tcp, listener: 1, remote: Site.e1)
        site.streams[Site.e1] = own
        _ = try answered("Contact: <sip:gw@192.0.2.20:5062;transport=tcp>\n", &site, &phone)
        #expect(site.said(Site.e1) == "ACK" && site.said(Self.other) == "")
        // When it is gone, one is made to where the gateway says.
        site.handle(.connectionClosed(ClosedConnection(flow: own, wasAccepted: false)))
        phone.send("BYE", at: &site)
        #expect(site.said(Self.other) == "BYE" && site.said(Site.e1) == "")
    }

    // MARK: Who may speak

    @Test func aGatewaySpeaksFromWhereItIsReachedAndNobodyElseDoes() throws {
        for contact in ["Contact: <sip:gw@192.0.2.20:5062>\n", Self.name] {
            var (site, phone) = try site()
            var gateway = try answered(contact, &site, &phone)
            site.handle(told(Endpoint(text: "192.0.2.20:5062")))
            gateway.remote = String(
                decoding: try #require(gateway.invite).value(.from) ?? [], as: UTF8.self)
            let stranger = Endpoint(text: "192.0.2.77:5060")
            gateway.send("BYE", at: &site, from: stranger)
            #expect(site.sw.calls.count == 1 && site.said(stranger) == "481")
            gateway.send("BYE", at: &site, from: Self.other)
            #expect(site.sw.calls.count == 0 && site.said(phone.endpoint) == "BYE")
        }
    }

    @Test func aBYEThatIsAskedForAPasswordAtTheContactHasTheTrunks() throws {
        var (site, phone) = try site {
            $0.trunks[0].credentials = TrunkCredentials(username: "u", password: "p")
        }
        var gateway = try answered("Contact: <sip:gw@192.0.2.20:5062>\n", &site, &phone)
        _ = site.all(Self.other)
        phone.send("BYE", at: &site)
        gateway.answer(
            try site.next(Self.other), 407, at: &site,
            extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5\n")
        let again = try site.next(Self.other)
        #expect(again.method == .bye && again.has(.proxyAuthorization))
    }

    // MARK: Limits

    private func names(_ count: Int, from first: Int = 0) -> [NextHopQuery] {
        (first..<(first + count)).map { query("n\($0).example.net") }
    }

    private let flow = Flow(transport: .udp, listener: 0, remote: Site.e1)

    @Test func noMoreNamesAreAskedForAtOnceThanTheLimit() {
        var names = NextHopNames()
        let now = Instant(nanoseconds: 0)
        for query in self.names(NextHopNames.askedLimit) {
            #expect(names.targets(of: query, for: flow, now: now) == .toBeAsked([]))
            #expect(names.targets(of: query, for: flow, now: now) == .known([]))
        }
        let beyond = query("beyond.example.net")
        #expect(names.targets(of: beyond, for: flow, now: now) == .known([]))
        #expect(names.count == NextHopNames.askedLimit)
        let first = NextHopResolution(query: query("n0.example.net"), targets: [], seconds: 60)
        #expect(names.resolved(first, now: now) == [])
        #expect(names.targets(of: beyond, for: flow, now: now) == .toBeAsked([]))
        // An answer that nobody waits for says nothing.
        #expect(names.resolved(first, now: now) == [])
        #expect(names.isAsking)
    }

    @Test func namesAreForgottenBeyondTheLimit() {
        var names = NextHopNames()
        let now = Instant(nanoseconds: 0)
        for query in self.names(NextHopNames.limit) {
            #expect(names.targets(of: query, for: flow, now: now) == .toBeAsked([]))
            _ = names.resolved(
                NextHopResolution(query: query, targets: [], seconds: 60), now: now)
        }
        #expect(names.count == NextHopNames.limit && !names.isAsking)
        _ = names.targets(of: query("more.example.net"), for: flow, now: now)
        #expect(names.count == 1)
    }

    @Test func noMoreRequestsWaitForANameThanTheLimit() {
        var names = NextHopNames()
        let now = Instant(nanoseconds: 0)
        let query = query("slow.example.net")
        _ = names.targets(of: query, for: flow, now: now)
        for slot in 0..<UInt32(NextHopNames.waitingLimit + 5) {
            names.sent(Handle(slot: slot, generation: 1), to: query.host, on: flow)
        }
        // Those of others that happen to name the same do not.
        let elsewhere = Flow(transport: .udp, listener: 0, remote: Site.pstn)
        names.sent(Handle(slot: 0, generation: 3), to: query.host, on: elsewhere)
        let waiting = names.resolved(
            NextHopResolution(query: query, targets: [], seconds: 60), now: now)
        #expect(waiting.count == NextHopNames.waitingLimit)
    }

    private static func invite(contact: String, route: String? = nil) -> String {
        """
        INVITE sip:66778002@127.0.0.1:5060 SIP/2.0
        Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-next-hop;rport
        \(route.map { "Record-Route: \($0)\n" } ?? "")Max-Forwards: 70
        From: <sip:02011112222@127.0.0.1>;tag=g
        To: <sip:66778002@127.0.0.1>
        Call-ID: next-hop
        CSeq: 1 INVITE
        Contact: \(contact)
        Content-Length: 0


        """
    }
}
