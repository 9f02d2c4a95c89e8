import Charging
import Dialplan
import SIP
import Testing

@testable import Switching

/// Calls on trunks that are sick, full, far away, or want a password.
@Suite struct TrunkCallTests {
    private func trunk(_ name: String, _ site: inout Site) throws -> TrunkRow {
        guard case .trunks(let rows) = site.request(.trunks) else {
            throw Missing()
        }
        return try #require(rows.first { $0.name == name })
    }
    private struct Missing: Error {}

    private func signal(_ name: String, _ row: TrunkRow) -> TrunkSignalRow? {
        row.signals.first { $0.signal == name }
    }

    /// One call that the E1 refuses and the PSTN takes; it is over afterwards.
    private func fails(
        _ phone: inout Party, at site: inout Site, id: String, status: Int = 503,
        extra: String = ""
    ) throws {
        try phone.call("02088886666", at: &site, id: id)
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), status, at: &site, extra: extra)
        var pstn = Party.pstn
        pstn.answer(try site.next(Site.pstn), 486, at: &site)
        site.pass(.milliseconds(10))
        for endpoint in [Site.e1, Site.pstn, phone.endpoint] { _ = site.all(endpoint) }
    }

    // MARK: Breaker

    @Test func threeRealFailuresOpenTheBreakerAndCallsLoseNoMoreTime() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        for call in 1...3 { try fails(&phone, at: &site, id: "\(call)") }
        #expect(site.logs.contains { $0.contains("trunk ip-e1 is down: calls fail: ") })
        let row = try trunk("ip-e1", &site)
        #expect(row.state == "down" && signal("calls", row)?.state == "open")
        try phone.call("02088886666", at: &site, id: "4")
        #expect(site.said(Site.e1) == "")
        #expect(try site.next(Site.pstn).method == .invite)
    }

    @Test(arguments: [486, 404, 603, 480, 484, 488])
    func whatCalleesDecideNeverOpensIt(status: Int) throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        for call in 1...5 {
            try phone.call("02088886666", at: &site, id: "\(call)")
            var gateway = Party.e1
            gateway.answer(try site.next(Site.e1), status, at: &site)
            _ = site.all(phone.endpoint)
            _ = site.all(Site.e1)
        }
        #expect(site.sw.trunks["ip-e1"]?.isDown == false)
    }

    @Test func oneCallAtATimeTriesItAndClosesIt() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        for call in 1...3 { try fails(&phones[0], at: &site, id: "\(call)") }
        site.pass(.seconds(30))
        site.inbox = [:]
        #expect(try trunk("ip-e1", &site).state == "trial")
        try phones[0].call("02088886666", at: &site, id: "trial")
        let invite = try site.next(Site.e1)
        try phones[1].call("02088886666", at: &site, id: "other")
        #expect(site.said(Site.e1) == "" && site.said(Site.pstn) == "INVITE")
        var gateway = Party.e1
        gateway.answer(invite, 180, at: &site)
        let row = try trunk("ip-e1", &site)
        #expect(row.state == "up" && signal("calls", row)?.state == "closed")
        #expect(signal("calls", row)?.reason == "a call got through")
    }

    @Test func aTrialThatTheCallerGivesUpLeavesItToTheNext() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        for call in 1...3 { try fails(&phone, at: &site, id: "\(call)") }
        site.pass(.seconds(30))
        site.inbox = [:]
        try phone.call("02088886666", at: &site, id: "trial")
        #expect(try site.next(Site.e1).method == .invite)
        try phone.cancel(at: &site)
        site.inbox = [:]
        #expect(try trunk("ip-e1", &site).state == "trial")
        try phone.call("02088886666", at: &site, id: "next")
        #expect(site.all(Site.e1).contains { $0.method == .invite })
    }

    @Test func neitherAnOpenBreakerNorTheReserveStopsAnEmergencyCall() throws {
        var settings = Site.settings()
        settings.trunks[0].channels = 2
        settings.trunks[0].reservedChannels = [2]
        var site = try Site(settings: settings)
        var phone = try site.registered("8001")[0]
        for call in 1...3 { try fails(&phone, at: &site, id: "\(call)") }
        #expect(site.sw.trunks["ip-e1"]?.isDown == true)
        _ = site.sw.trunks["ip-e1"]?.channels.seize(isEmergency: false)
        try phone.call("110", at: &site)
        // Lines and trunks in their order, what is down at the end.
        var pstn = Party.pstn
        for _ in 0..<4 {
            for invite in site.all(Site.pstn) where invite.method == .invite {
                pstn.answer(invite, 503, at: &site)
            }
        }
        #expect(site.all(Site.e1).contains { $0.method == .invite })
        #expect(try trunk("ip-e1", &site).taken == [1, 2])
    }

    @Test func aCallFromOutsideThatFindsOnlyReservedChannelsIsOnThem() throws {
        var settings = Site.settings()
        settings.trunks[0].channels = 1
        settings.trunks[0].reservedChannels = [1]
        var site = try Site(settings: settings)
        let phone = try site.registered("8002")[0]
        var gateway = Party.e1
        // The other side has seized the channel already.
        try gateway.callUnasked("66778002", from: "13900001111", at: &site)
        #expect(try site.next(phone.endpoint).method == .invite)
        #expect(try trunk("ip-e1", &site).taken == [1])
    }

    @Test func callsFromOutsideBeyondTheRateAreRefusedWithWhenToTryAgain() throws {
        var settings = Site.settings()
        settings.trunks[1].callsPerSecond = 1
        var site = try Site(settings: settings)
        _ = try site.registered("8002", "8003")
        var first = Party("g1", Site.pstn)
        var second = Party("g2", Site.pstn)
        try first.callUnasked("66778002", from: "13900001111", at: &site)
        _ = site.all(Site.pstn)
        try second.callUnasked("66778003", from: "13900002222", at: &site)
        let refusal = try #require(site.all(Site.pstn).last)
        #expect(refusal.status == 503 && refusal.number(.retryAfter) != nil)
        #expect(site.records.last?.q850Cause == Causes.switchCongestion)
        #expect(site.sw.trunks["pstn"]?.channelsInUse == 1)
    }

    @Test func aTrunkThatDiesUnderACallThatDoesNotRingYetIsLeft() throws {
        var settings = Site.settings()
        settings.trunks[0].span = SpanSettings(
            agent: Endpoint(text: "127.0.0.1:161"), access: .community("public", .v2c), index: 1)
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002")
        var gateway = Party.e1
        try phones[0].call("02088886666", at: &site)
        gateway.answer(try site.next(Site.e1), 180, at: &site)
        try phones[1].call("02088886666", at: &site)
        gateway.answer(try site.next(Site.e1), 100, at: &site)
        let lost = Event.spanRead(trunk: "ip-e1", .status(SpanStatus(rawValue: 64)))
        site.handle(lost)
        site.handle(lost)
        let moved = try site.next(Site.pstn)
        #expect(moved.address(.from)?.uriView?.userUnescaped == "66778002")
        #expect(site.said(Site.pstn) == "" && site.sw.calls.count == 2)
    }

    // MARK: Span

    @Test func aSpanWithAnAlarmIsDownAndComesBackWhenItIsClear() throws {
        var settings = Site.settings()
        settings.trunks[0].span = SpanSettings(
            agent: Endpoint(text: "127.0.0.1:161"), access: .community("public", .v2c), index: 1)
        var site = try Site(settings: settings)
        let lost = Event.spanRead(trunk: "ip-e1", .status(SpanStatus(rawValue: 64)))
        let clear = Event.spanRead(trunk: "ip-e1", .status(SpanStatus(rawValue: 1)))
        site.handle(clear)
        #expect(try trunk("ip-e1", &site).state == "up")
        site.handle(lost)
        #expect(try trunk("ip-e1", &site).state == "up", "one reading may be a slip")
        site.handle(lost)
        var row = try trunk("ip-e1", &site)
        #expect(row.state == "down" && row.reason == "the span has alarms: loss of signal")
        site.handle(.spanRead(trunk: "ip-e1", .unreadable("no answer from the agent")))
        row = try trunk("ip-e1", &site)
        #expect(row.state == "up" && signal("span", row)?.state == "unknown")
        site.handle(lost)
        site.handle(lost)
        site.handle(clear)
        #expect(try trunk("ip-e1", &site).state == "down")
        site.handle(clear)
        #expect(try trunk("ip-e1", &site).state == "up")
    }

    // MARK: Channels

    @Test func theChannelStandsInTheRecordAndInTheRequest() throws {
        var settings = Site.settings()
        settings.trunks[0].hunting = .highestFirst
        settings.trunks[0].blockedChannels = [30]
        settings.trunks[0].channelParameter = "channel"
        var site = try Site(settings: settings)
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        #expect(
            invite.requestURI.elementsEqual(
                "sip:+862088886666@127.0.0.1:5070;channel=29".utf8))
        #expect(try trunk("ip-e1", &site).taken == [29])
        var gateway = Party.e1
        gateway.answer(invite, 486, at: &site)
        #expect(site.records.first?.attempts.first?.channel == 29 && site.isIdle)
    }

    @Test func aCollisionIsTriedOnceOnAnotherChannel() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        let glare = "Reason: Q.850;cause=44\n"
        gateway.answer(try site.next(Site.e1), 503, at: &site, extra: glare)
        #expect(try site.next(Site.e1).method == .ack)
        // 503 with cause 44 is no dead address: the same trunk again, on the next channel.
        let second = try site.next(Site.e1)
        #expect(second.method == .invite)
        gateway.answer(second, 503, at: &site, extra: glare)
        var pstn = Party.pstn
        pstn.answer(try site.next(Site.pstn), 486, at: &site)
        let attempts = try #require(site.records.first?.attempts)
        #expect(attempts.map(\.channel) == [1, 2, nil] && attempts.map(\.q850) == [44, 44, 17])
        #expect(site.sw.trunks["ip-e1"]?.isDown == false && site.isIdle)
    }

    @Test func callsBeyondTheRateOfATrunkTakeTheNextRoute() throws {
        var settings = Site.settings()
        settings.trunks[0].callsPerSecond = 1
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002")
        try phones[0].call("02088886666", at: &site)
        try phones[1].call("02088886666", at: &site)
        #expect(site.said(Site.e1) == "INVITE" && site.said(Site.pstn) == "INVITE")
    }

    // MARK: Lines

    @Test(arguments: ["parameter", "trunk group"])
    func aGatewayIsToldTheLineItsOwnWay(way: String) throws {
        var settings = Site.settings()
        var gateway = LineGatewaySettings(trunk: "pstn")
        gateway.lines = [try #require(NumberRange(first: "66778000", last: "66778099"))]
        gateway.label = "fxo{port}"
        gateway.addressing =
            way == "parameter" ? .parameter("line") : .trunkGroup(context: "pstn.example.com")
        settings.lineGateways = [gateway]
        var site = try Site(settings: settings)
        var phone = try site.registered("8003")[0]
        try phone.call("86035566", at: &site)
        let uri =
            way == "parameter"
            ? "sip:86035566@127.0.0.1:5080;line=fxo4"
            : "sip:86035566;tgrp=fxo4;trunk-context=pstn.example.com@127.0.0.1:5080;user=phone"
        let invite = try site.next(Site.pstn)
        #expect(invite.requestURI.elementsEqual(uri.utf8))
        guard case .lines(let rows) = site.request(.lines) else {
            Issue.record("no lines")
            return
        }
        let row = rows.first { $0.line == "66778003" }
        #expect(row?.label == "fxo4" && row?.gateway == "pstn" && row?.state == "busy")
    }

    @Test(arguments: [
        "sip:0@127.0.0.1:5060;line=fxo3 contact <sip:127.0.0.1:5080>",
        "sip:0@127.0.0.1:5060 contact <sip:127.0.0.1:5080;line=fxo3>",
    ])
    func aLineOfACallInIsKnownByItsParameter(text: String) throws {
        try inbound(text, .parameter("line"))
    }

    @Test(arguments: [
        "sip:0@127.0.0.1:5060 contact <sip:0;tgrp=fxo3;trunk-context=a.example@127.0.0.1:5080>",
        "sip:0;tgrp=fxo3;trunk-context=A.example@127.0.0.1:5060 contact <sip:127.0.0.1:5080>",
    ])
    func aLineOfACallInIsKnownByItsTrunkGroup(text: String) throws {
        try inbound(text, .trunkGroup(context: "a.example"))
    }

    private func inbound(_ text: String, _ addressing: LineGatewaySettings.Addressing) throws {
        var settings = Site.settings()
        var gateway = LineGatewaySettings(trunk: "pstn")
        gateway.lines = [try #require(NumberRange(first: "66778000", last: "66778099"))]
        gateway.label = "fxo{port}"
        gateway.addressing = addressing
        settings.lineGateways = [gateway]
        var site = try Site(settings: settings)
        let phone = try site.registered("8002")[0]
        let words = text.split(separator: " contact ").map(String.init)
        site.deliver(
            """
            INVITE \(words[0]) SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-in;rport
            Max-Forwards: 70
            From: <sip:13900001111@127.0.0.1:5080>;tag=g
            To: <sip:0@127.0.0.1>
            Call-ID: in
            CSeq: 1 INVITE
            Contact: \(words[1])
            Content-Length: 0


            """, from: Site.pstn)
        #expect(try site.next(phone.endpoint).method == .invite)
        #expect(site.sw.linesInUse["66778002"] != nil)
    }

    @Test func anotherContextIsAnotherGroup() throws {
        var settings = Site.settings()
        settings.lineGateways[0].addressing = .trunkGroup(context: "a.example")
        var site = try Site(settings: settings)
        let uri = "sip:66778002;tgrp=66778003;trunk-context=b.example@127.0.0.1:5060"
        site.deliver(
            """
            INVITE \(uri) SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-in;rport
            Max-Forwards: 70
            From: <sip:13900001111@127.0.0.1:5080>;tag=g
            To: <sip:0@127.0.0.1>
            Call-ID: in
            CSeq: 1 INVITE
            Contact: <sip:127.0.0.1:5080>
            Content-Length: 0


            """, from: Site.pstn)
        #expect(site.records.first?.dialled == "66778002")
    }

    // MARK: Names

    private func named() throws -> Site {
        var settings = Site.settings()
        settings.trunks[0].host = TrunkHost(name: "sip.example.net")
        return try Site(settings: settings)
    }

    private let targets = [
        TrunkTarget(endpoint: Endpoint(text: "192.0.2.1:5060"), priority: 10),
        TrunkTarget(endpoint: Endpoint(text: "192.0.2.2:5062"), priority: 20),
    ]

    @Test func aNameThatIsNotLookedUpYetIsSkipped() throws {
        var site = try named()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(try site.next(Site.pstn).method == .invite)
    }

    @Test func aCallGoesThroughTheAddressesOfANameBeforeItTakesTheNextRoute() throws {
        var site = try named()
        site.handle(.trunkResolved(TrunkResolution(trunk: "ip-e1", targets: targets)))
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let first = try site.next(targets[0].endpoint)
        #expect(first.requestURI.elementsEqual("sip:+862088886666@192.0.2.1:5060".utf8))
        site.pass(.milliseconds(3001))
        #expect(site.said(Site.pstn) == "")
        let second = try site.next(targets[1].endpoint)
        var other = Party("e1", targets[1].endpoint)
        other.answer(second, 503, at: &site)
        #expect(try site.next(Site.pstn).method == .invite)
        // The dead one goes last now.
        let again = site.sw.trunks["ip-e1"]?.targets
        var tokens = TokenGenerator(seed: Array(repeating: 1, count: 32))
        #expect(again?.order(now: site.now, using: &tokens) == targets.map(\.hop))
        try phone.cancel(at: &site)
        #expect(site.records.first?.attempts.map(\.route) == ["ip-e1", "ip-e1", "66778001"])
        #expect(site.isIdle)
    }

    @Test func aCallGoesOnByAnotherTransportOfTheName() throws {
        var settings = Site.settings()
        settings.listeners.append(
            ListenerSettings(
                transport: .tcp, bound: Site.own, advertisedHost: "127.0.0.1",
                advertisedPort: 5060))
        settings.trunks[0].host = TrunkHost(name: "sip.example.net")
        settings.trunks[0].ways = [
            TrunkWay(transport: .udp, listener: 0, isV4: true),
            TrunkWay(transport: .tcp, listener: 1, isV4: true),
        ]
        settings.trunks[0].isTransportOpen = true
        var site = try Site(settings: settings)
        var stream = TrunkTarget(endpoint: targets[0].endpoint, transport: .tcp)
        stream.rank = 0
        var datagram = targets[1]
        datagram.rank = 1
        site.handle(
            .trunkResolved(TrunkResolution(trunk: "ip-e1", targets: [datagram, stream])))
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let first = try site.next(stream.endpoint)
        #expect(first.topVia.transportKind == .tcp)
        #expect(
            first.requestURI.elementsEqual(
                "sip:+862088886666@192.0.2.1:5060;transport=tcp".utf8))
        let flow = Flow(transport: .tcp, listener: 1, remote: stream.endpoint)
        site.handle(.transportFailed(flow))
        let second = try site.next(datagram.endpoint)
        #expect(second.topVia.transportKind == .udp)
        #expect(second.requestURI.elementsEqual("sip:+862088886666@192.0.2.2:5062".utf8))
        try phone.cancel(at: &site)
        #expect(site.records.first?.attempts.map(\.route) == ["ip-e1", "ip-e1"])
    }

    @Test func aCallGoesOnByTheOtherFamilyOfTheName() throws {
        var settings = Site.settings()
        settings.listeners.append(
            ListenerSettings(
                transport: .udp,
                bound: Endpoint(ip: IPAddress(high: 0x2001_0db8_0000_0000, low: 1), port: 5060),
                advertisedHost: "[2001:db8::1]", advertisedPort: 5060))
        settings.trunks[0].host = TrunkHost(name: "sip.example.net")
        settings.trunks[0].ways = [
            TrunkWay(transport: .udp, listener: 0, isV4: true),
            TrunkWay(transport: .udp, listener: 1, isV4: false),
        ]
        var site = try Site(settings: settings)
        let old = TrunkTarget(endpoint: Endpoint(text: "192.0.2.1:5060"), priority: 1)
        let new = TrunkTarget(
            endpoint: Endpoint(ip: IPAddress(high: 0x2001_0db8_0000_0000, low: 7), port: 5060),
            priority: 2)
        site.handle(.trunkResolved(TrunkResolution(trunk: "ip-e1", targets: [old, new])))
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let first = try site.next(old.endpoint)
        #expect(first.topVia.host.elementsEqual("127.0.0.1".utf8))
        site.handle(
            .transportFailed(Flow(transport: .udp, listener: 0, remote: old.endpoint)))
        let second = try site.next(new.endpoint)
        #expect(second.topVia.host.elementsEqual("[2001:db8::1]".utf8))
        #expect(second.requestURI.elementsEqual("sip:+862088886666@[2001:db8::7]:5060".utf8))
        try phone.cancel(at: &site)
        #expect(site.records.first?.attempts.map(\.route) == ["ip-e1", "ip-e1"])
    }

    @Test func aCallFromAnyOfItsAddressesIsTheTrunks() throws {
        var site = try named()
        site.handle(.trunkResolved(TrunkResolution(trunk: "ip-e1", targets: targets)))
        let phone = try site.registered("8002")[0]
        var gateway = Party("e1", targets[1].endpoint)
        try gateway.callUnasked("66778002", from: "13900001111", at: &site)
        #expect(try site.next(phone.endpoint).method == .invite)
        #expect(site.sw.trunks["ip-e1"]?.channelsInUse == 1)
    }

    @Test func anOperatorMayHangUpFromAnotherOfItsAddresses() throws {
        var site = try named()
        site.handle(.trunkResolved(TrunkResolution(trunk: "ip-e1", targets: targets)))
        var phone = try site.registered("8001")[0]
        var gateway = Party("e1", targets[0].endpoint)
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        let stranger = Endpoint(text: "192.0.2.77:5060")
        gateway.remote = String(
            decoding: try #require(gateway.invite).value(.from) ?? [], as: UTF8.self)
        gateway.send("BYE", at: &site, from: stranger)
        #expect(site.sw.calls.count == 1 && site.said(stranger) == "481")
        gateway.send("BYE", at: &site, from: targets[1].endpoint)
        #expect(site.sw.calls.count == 0 && site.said(phone.endpoint) == "BYE")
    }

    @Test func aFailedLookUpLeavesTheAddressesOfBefore() throws {
        var site = try named()
        site.handle(.trunkResolved(TrunkResolution(trunk: "ip-e1", targets: targets)))
        site.handle(
            .trunkResolved(TrunkResolution(trunk: "ip-e1", targets: [], failure: "timeout")))
        #expect(site.sw.trunks["ip-e1"]?.isDown == false)
        site.handle(.trunkResolved(TrunkResolution(trunk: "ip-e1", targets: [])))
        #expect(try trunk("ip-e1", &site).reason == "its name stands for no address")
    }

    @Test func eachAddressIsAskedAndTheTrunkIsDownWhenAllAre() throws {
        var settings = Site.settings()
        settings.trunks[0].host = TrunkHost(name: "sip.example.net")
        settings.trunks[0].optionsInterval = .seconds(10)
        settings.trunks[0].failuresToDown = 2
        settings.trunks[0].answersToUp = 2
        var site = try Site(settings: settings)
        site.handle(.trunkResolved(TrunkResolution(trunk: "ip-e1", targets: targets)))
        let parties = targets.map { Party("e1", $0.endpoint) }
        /// One round of OPTIONS: who answers it with 200.
        func round(_ site: inout Site, _ answers: [Bool]) {
            site.pass(.milliseconds(1))
            for (place, answers) in answers.enumerated() where answers {
                var party = parties[place]
                for request in site.all(party.endpoint).prefix(1) {
                    party.answer(request, 200, at: &site)
                }
            }
            site.pass(.milliseconds(9_900))
            for party in parties { _ = site.all(party.endpoint) }
            site.pass(.milliseconds(99))
        }
        for _ in 0..<2 { round(&site, [false, true]) }
        var row = try trunk("ip-e1", &site)
        #expect(row.targetSignals.map(\.signal) == targets.map(\.endpoint.description))
        #expect(row.targetSignals.map(\.state) == ["down", "up"])
        #expect(signal("options", row)?.state == "up" && row.state == "up")
        // A call does not lose its time at the dead one, however long it is dead.
        var tokens = TokenGenerator(seed: Array(repeating: 1, count: 32))
        let order = site.sw.trunks["ip-e1"]?.targets.order(
            now: site.now + .seconds(3600), using: &tokens)
        #expect(order == targets.reversed().map(\.hop))
        round(&site, [false, false])
        #expect(try trunk("ip-e1", &site).state == "up")
        round(&site, [false, false])
        row = try trunk("ip-e1", &site)
        #expect(row.state == "down" && row.reason == "OPTIONS is not answered")
        for _ in 0..<2 { round(&site, [true, false]) }
        row = try trunk("ip-e1", &site)
        #expect(row.targetSignals.map(\.state) == ["up", "down"] && row.state == "up")
    }

    @Test func aGatewaySaysByWhichChannelACallComesIn() throws {
        var settings = Site.settings()
        settings.trunks[0].channelParameter = "channel"
        var site = try Site(settings: settings)
        let phone = try site.registered("8002")[0]
        site.deliver(
            """
            INVITE sip:66778002@127.0.0.1:5060;channel=17 SIP/2.0
            Via: SIP/2.0/UDP \(Site.e1);branch=z9hG4bK-channel;rport
            Max-Forwards: 70
            From: <sip:13900001111@\(Site.e1)>;tag=g
            To: <sip:66778002@127.0.0.1>
            Call-ID: channel
            CSeq: 1 INVITE
            Contact: <sip:\(Site.e1)>
            Content-Length: 0


            """, from: Site.e1)
        #expect(try site.next(phone.endpoint).method == .invite)
        #expect(try trunk("ip-e1", &site).taken == [17])
        guard case .calls(let rows) = site.request(.calls) else { throw Missing() }
        #expect(rows.map(\.channel) == [17])
    }
}
