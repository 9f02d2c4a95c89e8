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

    @Test func oneAddressIsReadNoMoreThanItsShareAndNobodyElsePaysForIt() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        // It cannot be banned: a phone is registered at its address, by another port.
        let flood = Endpoint(text: "127.0.0.1:9999")
        func ask(_ count: Int, _ round: Int) -> Int {
            for number in 0..<count {
                site.deliver(
                    """
                    OPTIONS sip:example.com SIP/2.0
                    Via: SIP/2.0/UDP 127.0.0.1:9999;branch=z9hG4bK\(round)-\(number);rport
                    From: <sip:a@b>;tag=1
                    To: <sip:c@d>
                    Call-ID: \(round)-\(number)
                    CSeq: 1 OPTIONS
                    Content-Length: 0


                    """, from: flood)
            }
            return site.all(flood).count
        }
        #expect(ask(300, 0) == 300)
        overload(&site)
        #expect(ask(300, 1) == HeavySources.limit)
        // The phones at that address, and a trunk, are heard meanwhile.
        for _ in 0..<150 {
            phones[0].send("INFO", at: &site)
            phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site)
        }
        #expect(site.all(phones[0].endpoint).map(\.status) == Array(repeating: 200, count: 150))
        site.handle(.loopMeasured(.milliseconds(500)))
        #expect(ask(300, 2) == HeavySources.limit)
        guard case .status(let row)? = site.request(.status) else {
            Issue.record("no status")
            return
        }
        #expect(row.counters["datagrams beyond their share"] == 400)
        for _ in 0..<20 { site.handle(.loopMeasured(.zero)) }
        #expect(ask(300, 3) == 300)
    }

    @Test func theSharesOfManyAddressesTakeNoMoreRoomThanTheyMay() {
        var sources = HeavySources()
        for number in 0..<UInt32(20_000) { _ = sources.isHeavy(IPAddress(v4: number)) }
        func isHeavyAtLast(_ address: UInt32, of count: Int = 200) -> Bool {
            var isHeavy = false
            for _ in 0..<count { isHeavy = sources.isHeavy(IPAddress(v4: address)) }
            return isHeavy
        }
        #expect(isHeavyAtLast(1))
        // There was no room left to count it.
        #expect(!isHeavyAtLast(19_999))
        sources.forget()
        #expect(!isHeavyAtLast(1, of: HeavySources.limit))
        #expect(isHeavyAtLast(1, of: 1))
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
        overload(&site, times: 4)
        guard case .status(let row)? = site.request(.status) else {
            Issue.record("no status")
            return
        }
        #expect(row.state == "overloaded: 60 of 100 newcomers are turned away")
        let tables = Dictionary(uniqueKeysWithValues: row.tables.map { ($0.name, $0) })
        #expect(tables["bindings"]?.used == 2)
        #expect(tables["bindings"]?.limit == Limits().bindings)
        #expect(row.tables.allSatisfy { $0.used <= $0.limit && $0.limit > 0 })
        #expect(row.tables.count == tables.count)
    }

    @Test func aConfigurationWithOtherDelaysIsObeyed() throws {
        var settings = Site.settings()
        settings.overload.delay = .seconds(10)
        settings.overload.calm = .seconds(1)
        var site = try Site(settings: settings)
        overload(&site)
        #expect(!site.sw.isOverloaded)
        for _ in 0..<2 { site.handle(.loopMeasured(.seconds(11))) }
        #expect(site.sw.isOverloaded)
    }
}
