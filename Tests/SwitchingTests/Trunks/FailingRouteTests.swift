import Charging
import Dialplan
import SIP
import Testing

@testable import Switching

/// Gateways that take a call and say no more, trunks that go away under one, and how many ways a call
/// tries.
@Suite struct FailingRouteTests {
    private static let second = Endpoint(text: "127.0.0.1:5071")

    /// The E1 is reached by a name with two addresses, the first of which is asked first.
    private func named(
        _ change: (inout Settings) -> Void = { _ in }
    ) throws -> (site: Site, settings: Settings) {
        var settings = Site.settings()
        settings.trunks[0].host = TrunkHost(name: "operator.example")
        change(&settings)
        var site = try Site(settings: settings)
        let targets = [
            TrunkTarget(endpoint: Site.e1, priority: 10),
            TrunkTarget(endpoint: Self.second, priority: 20),
        ]
        site.handle(.trunkResolved(TrunkResolution(trunk: "ip-e1", targets: targets)))
        return (site, settings)
    }

    /// Calls that came there, however often each was sent.
    private func invites(_ site: inout Site, _ endpoint: Endpoint) -> Int {
        let invites = site.all(endpoint).filter { $0.method == .invite }
        return Set(invites.map { Array($0.callID) }).count
    }

    // MARK: 100 and no more

    @Test func aGatewayThatSays100AndNoMoreIsLeft() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 100, at: &site)
        site.pass(.milliseconds(19_900))
        #expect(invites(&site, Site.pstn) == 0 && site.said(Site.e1) == "")
        site.pass(.milliseconds(200))
        #expect(site.said(Site.e1) == "CANCEL" && invites(&site, Site.pstn) == 1)
        let call = try #require(site.sw.calls.handles.first)
        let first = try #require(site.sw.calls[call].record.attempts.first)
        #expect(first.reason == "nothing but 100 Trying" && first.sipStatus == 408)
        #expect(site.sw.trunks["ip-e1"]?.failures == 1)
    }

    @Test(arguments: [180, 183, 181])
    func aGatewayThatSaysMoreIsWaitedForAsForACallee(status: Int) throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 100, at: &site)
        gateway.answer(invite, status, at: &site)
        gateway.answer(invite, 100, at: &site)
        site.pass(.seconds(59))
        #expect(invites(&site, Site.pstn) == 0)
        site.pass(.seconds(2))
        #expect(site.records.first?.disposition == .noAnswer)
        #expect(site.sw.trunks["ip-e1"]?.failures == 0)
    }

    @Test func withoutAnotherWayACallWaitsForASlowGateway() throws {
        var settings = Site.settings()
        settings.trunks[1].optionsInterval = .seconds(10)
        var site = try Site(settings: settings)
        var phone = try site.registered("8001")[0]
        // Nobody is at the PSTN gateway.
        site.pass(.seconds(30))
        #expect(site.sw.trunks["pstn"]?.isDown == true)
        site.inbox = [:]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 100, at: &site)
        site.pass(.seconds(50))
        #expect(site.said(Site.e1) == "")
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.all(phone.endpoint).last?.status == 200)
    }

    /// It would be cancelled for nothing.
    @Test func aWayWithoutAFreeChannelIsNoOtherWay() throws {
        var settings = Site.settings()
        settings.trunks[1].channels = 1
        settings.lineGateways = []
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002")
        try phones[0].call("86035566", at: &site)
        #expect(site.sw.trunks["pstn"]?.channelsInUse == 1)
        var pstn = Party.pstn
        pstn.answer(try site.next(Site.pstn), 180, at: &site)
        try phones[1].call("02088886666", at: &site)
        var gateway = Party.e1
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 100, at: &site)
        site.pass(.seconds(50))
        #expect(!site.all(Site.e1).contains { $0.method == .cancel })
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.all(phones[1].endpoint).last?.status == 200)
    }

    @Test func aRingingWithoutATagIsRinging() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        func text(_ name: HeaderName) -> String {
            String(decoding: invite.value(name) ?? [], as: UTF8.self)
        }
        for status in [100, 180, 100] {
            site.deliver(
                """
                SIP/2.0 \(status) Status
                Via: \(text(.via))
                From: \(text(.from))
                To: \(text(.to))
                Call-ID: \(text(.callID))
                CSeq: \(invite.cseqNumber) INVITE
                Content-Length: 0


                """, from: Site.e1)
        }
        site.pass(.seconds(59))
        #expect(invites(&site, Site.pstn) == 0)
        site.pass(.seconds(2))
        #expect(site.records.first?.disposition == .noAnswer)
        #expect(site.sw.trunks["ip-e1"]?.failures == 0)
    }

    @Test func aCallForHelpStaysWhereNoOtherWayIsLeft() throws {
        var settings = Site.settings()
        settings.lineGateways = []
        settings.trunks[1].optionsInterval = .seconds(10)
        var site = try Site(settings: settings)
        var phone = try site.registered("8001")[0]
        try phone.call("110", at: &site)
        var first = Party.e1
        first.answer(try site.next(Site.e1), 503, at: &site)
        let invite = try #require(site.all(Site.pstn).last { $0.method == .invite })
        var gateway = Party.pstn
        gateway.answer(invite, 100, at: &site)
        site.pass(.seconds(50))
        #expect(site.sw.trunks["pstn"]?.isDown == true)
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.all(phone.endpoint).last?.status == 200)
    }

    @Test func aCallForHelpDoesNotEndWhereTheFirstGatewayHangs() throws {
        var settings = Site.settings()
        settings.trunks[0].progressTimeout = .zero
        settings.trunks[1].progressTimeout = .zero
        settings.calls.noAnswer = .seconds(15)
        var site = try Site(settings: settings)
        var phone = try site.registered("8001")[0]
        try phone.call("110", at: &site)
        var gateway = Party.pstn
        gateway.answer(try site.next(Site.pstn), 100, at: &site)
        site.pass(.seconds(16))
        #expect(invites(&site, Site.e1) == 1)
    }

    /// A site whose E1 has failed one call, and is tried by the next.
    private func onTrial(_ settings: Settings) throws -> (site: Site, phone: Party) {
        var settings = settings
        settings.trunks[0].breaker.failures = 1
        var site = try Site(settings: settings)
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site, id: "1")
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 503, at: &site)
        try phone.cancel(at: &site)
        site.pass(.seconds(31))
        site.inbox = [:]
        #expect(site.sw.trunks["ip-e1"]?.stateName == "trial")
        return (site, phone)
    }

    @Test func aTrialThatGetsNoFurtherOpensTheBreakerAgain() throws {
        var (site, phone) = try onTrial(Site.settings())
        var gateway = Party.e1
        try phone.call("02088886666", at: &site, id: "2")
        gateway.answer(try site.next(Site.e1), 100, at: &site)
        site.pass(.seconds(21))
        #expect(site.sw.trunks["ip-e1"]?.isDown == true)
    }

    @Test func aCallForHelpIsNoTrialWhileAnotherWayIsWell() throws {
        var settings = Site.settings()
        settings.lineGateways = []
        var (site, phone) = try onTrial(settings)
        try phone.call("110", at: &site, id: "2")
        #expect(invites(&site, Site.e1) == 0 && invites(&site, Site.pstn) == 1)
    }

    @Test func aCallForHelpGoesBeyondTheCallsThatWeAllow() throws {
        var settings = Site.settings()
        settings.trunks[1].channels = 1
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002")
        try phones[0].call("86035566", at: &site)
        _ = site.all(Site.pstn)
        try phones[1].call("110", at: &site)
        #expect(invites(&site, Site.pstn) == 1)
        #expect(site.sw.trunks["pstn"]?.channelsInUse == 2)
    }

    // MARK: Trunks that go away

    /// The daemon trapped here.
    @Test func aReloadMayTakeATrunkAwayUnderACallThatHasAnotherAddressOfItLeft() throws {
        var (site, settings) = try named()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(invites(&site, Site.e1) == 1)
        settings.trunks.removeFirst()
        let plan = Site.plan.replacing("via ip-e1, line, pstn", with: "via line, pstn")
        site.handle(
            .configured(Configuration(settings: settings, plan: try Site.compiledPlan(plan))))
        site.pass(.seconds(4))
        #expect(invites(&site, Self.second) == 0 && invites(&site, Site.pstn) == 1)
    }

    @Test func callsOfATrunkThatGoesAndComesBackCountAsTheyAreThen() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var gateway = Party.e1
        for place in 0..<2 {
            try phones[place].call("02088886666", at: &site)
            gateway.answer(try site.next(Site.e1), 180, at: &site)
        }
        #expect(site.sw.trunks["ip-e1"]?.channels.takenNumbers == [1, 2])
        let all = site.settings
        var without = all
        without.trunks.removeFirst()
        let plan = Site.plan.replacing("via ip-e1, line, pstn", with: "via line, pstn")
        site.handle(
            .configured(Configuration(settings: without, plan: try Site.compiledPlan(plan))))
        try phones[0].cancel(at: &site)
        site.handle(.configured(Configuration(settings: all, plan: try Site.compiledPlan())))
        #expect(site.sw.trunks["ip-e1"]?.channels.takenNumbers == [2])
        #expect(site.sw.trunks["ip-e1"]?.channelsInUse == 1)
        try phones[1].cancel(at: &site)
        #expect(site.sw.trunks["ip-e1"]?.channelsInUse == 0 && site.sw.channelsOfGone.isEmpty)
    }

    @Test func aCallLeavesATrunkThatGoesDownWithAllItsAddresses() throws {
        var (site, _) = try named {
            $0.trunks[0].span = SpanSettings(
                agent: Endpoint(text: "127.0.0.1:161"), access: .community("public", .v2c),
                index: 1)
        }
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(invites(&site, Site.e1) == 1)
        let lost = Event.spanRead(trunk: "ip-e1", .status(SpanStatus(rawValue: 64)))
        site.handle(lost)
        site.handle(lost)
        #expect(invites(&site, Self.second) == 0 && invites(&site, Site.pstn) == 1)
        let call = try #require(site.sw.calls.handles.first)
        let first = try #require(site.sw.calls[call].record.attempts.first)
        #expect(first.reason == "ip-e1 went down: the span has alarms: loss of signal")
        // It is the span's failure and not the call's.
        #expect(site.sw.trunks["ip-e1"]?.failures == 0)
    }

    @Test func silenceCountsWhereOptionsAreSentAsOftenAsTheyMayWait() throws {
        var settings = Site.settings()
        settings.trunks[0].optionsInterval = .seconds(2)
        settings.trunks[0].attemptTimeout = .seconds(3)
        var site = try Site(settings: settings)
        site.pass(.seconds(5))
        #expect(site.sw.trunks["ip-e1"]?.isDown == true)
        #expect(site.sw.trunks["ip-e1"]?.downReason == "OPTIONS is not answered")
    }

    // MARK: What they say

    @Test(
        arguments: [
            ("SIP;cause=486, Q.850 ; cause = 34", 34), ("q.850;CAUSE=34", 34),
            ("Q.850;cause=999, Q.850;cause=34", 34), ("Q.850;cause=0", 18),
            ("Q.850;cause=999", 18), ("Q.850;cause=abc", 18), ("Q.850", 18),
        ] as [(String, Int)])
    func aCauseThatThereIsNotSaysNothing(reason: String, cause: Int) throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 480, at: &site, extra: "Reason: \(reason)\n")
        let call = site.sw.calls.handles.first.map { site.sw.calls[$0].record }
        let attempt = (call ?? site.records.last)?.attempts.first
        #expect(attempt?.q850 == cause)
        #expect((call != nil) == (cause == 34), "only the network's own causes go on")
    }

    // MARK: How many ways

    /// Ten trunks, none of which answers but the last.
    private func many(_ change: (inout Settings) -> Void = { _ in }) throws -> Site {
        var settings = Site.settings()
        for place in 0..<8 {
            var trunk = TrunkSettings(
                name: "t\(place)", kind: .sip,
                endpoint: Endpoint(text: "127.0.0.1:\(5100 + place)"), channels: 10)
            trunk.optionsInterval = .zero
            settings.trunks.insert(trunk, at: place)
        }
        change(&settings)
        let names = settings.trunks.map(\.name)
        let compiled = Plan.compile(
            PlanSources(
                main: SourceFile(
                    path: "test.dialplan",
                    text: Site.plan.replacing(
                        "via ip-e1, line, pstn", with: "via " + names.joined(separator: ", ")))),
            context: PlanContext(trunks: names.map { .init(name: $0, isE1: false) }))
        let plan = try #require(compiled.plan, "\(compiled.diagnostics)")
        var site = try Site(settings: settings)
        site.handle(.configured(Configuration(settings: settings, plan: plan)))
        return site
    }

    @Test func aCallForHelpTriesEveryTrunk() throws {
        var site = try many { $0.lineGateways = [] }
        var phone = try site.registered("8001")[0]
        try phone.call("110", at: &site)
        site.pass(.seconds(29))
        #expect(invites(&site, Site.pstn) == 1)
    }

    @Test func aCallTriesNoMoreThanItsLimitOfWays() throws {
        var site = try many()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        site.pass(.seconds(40))
        #expect(site.records.first?.attempts.count == 8)
        #expect(invites(&site, Site.e1) == 0)
    }

    @Test func whatIsKnownToBeDownDoesNotCountAsTried() throws {
        var site = try many {
            for place in 0..<8 { $0.trunks[place].optionsInterval = .seconds(5) }
        }
        site.pass(.seconds(12))
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(invites(&site, Site.e1) == 1)
    }

    // MARK: Calls on lines

    @Test func aCallOnALineIsOneOfItsTrunks() throws {
        var settings = Site.settings()
        settings.trunks[1].channels = 1
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002")
        try phones[0].call("86035566", at: &site)
        #expect(invites(&site, Site.pstn) == 1)
        #expect(site.sw.trunks["pstn"]?.channelsInUse == 1)
        try phones[1].call("86035566", at: &site)
        #expect(invites(&site, Site.pstn) == 0)
        let record = try #require(site.records.first)
        #expect(record.sipStatus == 503 && record.attempts.first?.route == "66778002")
        try phones[0].cancel(at: &site)
        #expect(site.sw.trunks["pstn"]?.channelsInUse == 0)
    }

    @Test func aKeyThatNoURIHoldsIsEscaped() throws {
        let plan = Site.plan.replacing(
            "route local            via line, pstn", with: "route local  via pstn  send prefix 9#")
        var site = try Site(plan: plan)
        var phone = try site.registered("8001")[0]
        try phone.call("86035566", at: &site)
        let uri = try site.next(Site.pstn).requestURI
        #expect(uri.elementsEqual("sip:9%2386035566@127.0.0.1:5080".utf8))
    }
}
