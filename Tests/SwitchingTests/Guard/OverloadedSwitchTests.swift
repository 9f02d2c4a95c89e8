import Charging
import SIP
import Testing

@testable import Switching

/// A switch that does not get through what reaches it.
@Suite struct OverloadedSwitchTests {
    private func overload(_ site: inout Site, times: Int = 10) {
        for _ in 0..<times { site.handle(.loopMeasured(.milliseconds(500))) }
    }

    @Test func newCallsAndRegistrationsAreTurnedAwayUnseen() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        overload(&site)
        #expect(site.sw.isOverloaded)
        for method in ["INVITE", "REGISTER", "SUBSCRIBE"] {
            phones[0].callID = "new-\(method)"
            phones[0].local = "<sip:8001@example.com>;tag=x"
            phones[0].remote = "<sip:8002@example.com>"
            phones[0].send(method, at: &site)
            let answer = try site.next(phones[0].endpoint)
            #expect(answer.status == 503)
            let seconds = try #require(answer.number(.retryAfter))
            #expect((5...10).contains(seconds))
        }
        #expect(site.sw.counters.turnedAway == 3)
        #expect(site.sw.calls.count == 0)
    }

    @Test func callsUnderWayGoOnAndEnd() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        overload(&site)
        phones[0].send("INVITE", at: &site, body: Party.offer)
        let invite = try site.next(phones[1].endpoint)
        #expect(invite.method == .invite)
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        let answers = site.all(phones[0].endpoint)
        #expect(answers.map(\.status) == [100, 200])
        phones[0].acknowledge(try #require(answers.last), at: &site)
        _ = site.all(phones[1].endpoint)
        phones[1].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "BYE")
        #expect(site.said(phones[1].endpoint) == "200")
    }

    @Test(arguments: ["110", "119", "120", "122"])
    func emergencyNumbersAreAlwaysTaken(_ number: String) throws {
        var site = try Site()
        var phones = try site.registered("8001")
        overload(&site)
        try phones[0].call(number, at: &site)
        #expect(site.sw.calls.count == 1)
        #expect(site.said(phones[0].endpoint).hasPrefix("100"))
    }

    // MARK: One source floods

    /// Sends requests as fast as the wire takes them.
    private func flood(
        _ site: inout Site, from source: Endpoint, _ count: Int, method: String = "OPTIONS"
    ) {
        for number in 0..<count {
            site.deliver(
                """
                \(method) sip:example.com SIP/2.0
                Via: SIP/2.0/UDP \(source);branch=z9hG4bK\(site.now.nanoseconds)-\(number);rport
                From: <sip:a@b>;tag=1
                To: <sip:c@d>
                Call-ID: \(number)
                CSeq: 1 \(method)
                Content-Length: 0


                """, from: source)
        }
    }

    /// How many of so many OPTIONS are answered.
    private func answered(_ site: inout Site, from source: Endpoint, of count: Int) -> Int {
        flood(&site, from: source, count)
        return site.all(source).count
    }

    @Test func noSourceHasAShareWhileTheLoopKeepsUp() throws {
        var site = try Site()
        let phone = try site.registered("8001")[0].endpoint
        for source in [phone, Site.e1] {
            #expect(answered(&site, from: source, of: 5_000) == 5_000)
        }
        #expect(!site.sw.isMeasured)
    }

    @Test func aSourceIsReadNoMoreThanItsShareAndNobodyElsePaysForIt() throws {
        var settings = Site.settings()
        settings.bans.allowed = [
            try #require(AddressRange("198.51.100.7")),
            try #require(AddressRange("2001:db8:0:1::7")),
        ]
        settings.bans.isOn = false
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        let overload = settings.overload
        let wide = try #require(IPAddress("2001:db8::7"))
        let allowed = try #require(IPAddress("2001:db8:0:1::7"))
        let sources = [
            (Endpoint(text: "203.0.113.9:9999"), overload.shareOfAddress, isWhole: true),
            (Endpoint(ip: wide, port: 9999), overload.shareOfAddress, isWhole: true),
            (Endpoint(text: "198.51.100.7:5060"), overload.shareOfPhone, isWhole: true),
            (Endpoint(ip: allowed, port: 9999), overload.shareOfPhone, isWhole: true),
            (phones[2].endpoint, overload.shareOfPhone, isWhole: false),
            (Site.e1, overload.shareOfTrunk, isWhole: false),
        ]
        for (source, share, isWhole) in sources {
            // Behind, and not yet for so long that newcomers are turned away.
            site.handle(.loopMeasured(.zero))
            site.handle(.loopMeasured(.milliseconds(60)))
            #expect(answered(&site, from: source, of: 5_000) == share, "\(source)")
            // Nor by its other ports, where those are not somebody else.
            let beside = Endpoint(ip: source.ip, port: 9_998)
            #expect(
                answered(&site, from: beside, of: 10) == (isWhole ? 0 : 10), "\(source)")
            // The phones are heard meanwhile, and call.
            phones[0].send("INFO", at: &site)
            phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site)
            #expect(site.all(phones[0].endpoint).map(\.status) == [200])
        }
        #expect(!site.sw.isOverloaded)
        #expect(site.sw.counters.turnedAway == 0)
        #expect(site.logs.filter { $0.contains("sends more than its share") }.count == 1)
        guard case .status(let row)? = site.request(.status) else {
            Issue.record("no status")
            return
        }
        let read = sources.reduce(0) { $0 + $1.1 }
        #expect(
            row.counters["datagrams beyond their share"]
                == UInt64(sources.count * 5_000 - read + 4 * 10))
    }

    @Test func whatAPhoneFloodsWithMakesNoDifference() throws {
        for method in ["INVITE", "REGISTER", "SUBSCRIBE", "INFO", "BYE", "ACK", nil] {
            var site = try Site()
            let phone = try site.registered("8001")[0].endpoint
            site.handle(.loopMeasured(.milliseconds(60)))
            let before = site.sw.counters.heavy
            if let method {
                flood(&site, from: phone, 1_000, method: method)
            } else {
                for number in 0..<1_000 { site.deliver("no SIP \(number)", from: phone) }
            }
            let share = site.settings.overload.shareOfPhone
            let cost = method == "INVITE" ? Shares.ofInvite : 1
            let dropped = site.sw.counters.heavy - before
            #expect(dropped == UInt64(1_000 - share / cost), "\(method ?? "no SIP")")
            #expect(site.sw.inspection.bans == 0)
        }
    }

    @Test func aGatewayWithAThousandCallsASecondIsReadWhole() throws {
        var site = try Site()
        for _ in 0..<20 {
            site.handle(.loopMeasured(.milliseconds(90)))
            flood(&site, from: Site.e1, 100, method: "INVITE")
            flood(&site, from: Site.e1, 600)
            site.pass(.milliseconds(100))
        }
        #expect(site.sw.counters.heavy == 0)
    }

    @Test func manyPhonesBehindAProxyHaveTheShareOfMany() throws {
        var settings = Site.settings()
        settings.overload.shareOfPhone = 25
        settings.overload.shareOfTrunk = 45
        var site = try Site(settings: settings)
        let proxy = Endpoint(text: "198.51.100.7:5060")
        var shares: [Int] = []
        for number in 8001...8005 {
            var phone = Party("\(number)", proxy)
            #expect(try phone.register(at: &site).status == 200)
            site.handle(.loopMeasured(.milliseconds(60)))
            shares.append(answered(&site, from: proxy, of: 100))
            for _ in 0..<6 * Shares.patience { site.handle(.loopMeasured(.zero)) }
        }
        #expect(shares == [25, 25, 30, 40, 45])
    }

    @Test func theSharesOfTheFileAreInForce() throws {
        var settings = Site.settings()
        settings.overload.shareOfAddress = 70
        settings.overload.shareOfPhone = 80
        settings.overload.shareOfTrunk = 90
        var site = try Site(settings: settings)
        let phone = try site.registered("8001")[0].endpoint
        site.handle(.loopMeasured(.milliseconds(60)))
        let stranger = Endpoint(text: "203.0.113.9:9999")
        #expect(answered(&site, from: stranger, of: 200) == 70)
        #expect(answered(&site, from: phone, of: 200) == 80)
        #expect(answered(&site, from: Site.pstn, of: 200) == 90)
    }

    @Test func itRecoversByItself() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        overload(&site)
        for _ in 0..<20 { site.handle(.loopMeasured(.zero)) }
        #expect(!site.sw.isOverloaded)
        try site.connected(&phones)
        #expect(site.logs.contains("the overload is over"))
    }

    @Test func theStatusSaysSoAndShowsEveryTable() throws {
        var site = try Site()
        _ = try site.registered("8001", "8002")
        overload(&site, times: 5)
        guard case .status(let row)? = site.request(.status) else {
            Issue.record("no status")
            return
        }
        #expect(row.state == "overloaded: 60 of 100 newcomers are turned away")
        let tables = Dictionary(uniqueKeysWithValues: row.tables.map { ($0.name, $0) })
        #expect(tables["bindings"]?.used == 2)
        #expect(tables["bindings"]?.limit == Limits().bindings)
        #expect(row.tables.allSatisfy { $0.used ?? 0 <= $0.limit && $0.limit > 0 })
        #expect(row.tables.count == tables.count)
    }

    @Test func aConfigurationWithOtherDelaysIsObeyed() throws {
        var settings = Site.settings()
        settings.overload.delay = .seconds(10)
        settings.overload.calm = .seconds(1)
        var site = try Site(settings: settings)
        overload(&site)
        #expect(!site.sw.isOverloaded)
        for _ in 0..<3 { site.handle(.loopMeasured(.seconds(11))) }
        #expect(site.sw.isOverloaded)
    }
}
