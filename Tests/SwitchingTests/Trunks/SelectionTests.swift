import Charging
import Dialplan
import SIP
import Testing

@testable import Switching

/// Which of several trunks a call takes first: by share, or by what their operators take.
@Suite struct SelectionTests {
    private func site(
        _ selection: String, hours: String = "", tariffs: [String: String] = [:]
    ) throws -> Site {
        let plan = Site.plan.replacing(
            "route mobile national  via ip-e1, line, pstn  present +86311{line}  send e164",
            with: "route mobile national  via \(selection)  present +86311{line}\n\(hours)")
        #expect(plan != Site.plan)
        var settings = Site.settings()
        for (trunk, rows) in tariffs {
            let header = rows.contains("prefix,") ? "" : "prefix,name,connect_fee,steps\n"
            let parsed = Tariff.parse(
                csv: Array("\(header)\(rows)".utf8), file: "\(trunk).csv")
            #expect(parsed.diagnostics.isEmpty)
            settings.trunkTariffs[trunk] = parsed.tariff
        }
        var site = try Site(settings: settings)
        site.handle(
            .configured(Configuration(settings: settings, plan: try Site.compiledPlan(plan))))
        return site
    }

    /// The trunks that a call is tried on, all of which refuse it.
    private func tried(_ site: inout Site, _ number: String, id: String) throws -> [String] {
        var phone = Party.phone("8001")
        if id == "1" { _ = try phone.register(at: &site) }
        try phone.call(number, at: &site, id: id)
        for _ in 0..<2 {
            for (endpoint, name) in [(Site.e1, "e1"), (Site.pstn, "pstn")] {
                var gateway = Party(name, endpoint)
                for invite in site.all(endpoint) where invite.method == .invite {
                    // Cause 47 goes on, and is no fault that a breaker counts.
                    gateway.answer(invite, 500, at: &site, extra: "Reason: Q.850;cause=47\n")
                }
            }
        }
        site.inbox = [:]
        return try #require(site.records.last).attempts.map(\.route)
    }

    @Test func theCheapestOperatorForTheNumberGoesFirst() throws {
        var site = try site(
            "ip-e1, pstn by cost",
            tariffs: [
                "ip-e1": "02,north,0,0.30/60\n13,mobile,0,0.10/60\n",
                "pstn": "02,north,0.05,0.20/60\n13,mobile,1,0.10/60\n",
            ])
        #expect(try tried(&site, "02088886666", id: "1") == ["pstn", "ip-e1"])
        #expect(try tried(&site, "13900001111", id: "2") == ["ip-e1", "pstn"])
    }

    @Test func anOperatorWithoutAPriceGoesLast() throws {
        var site = try site(
            "ip-e1, pstn by cost", tariffs: ["pstn": "02,north,0,9.99/60\n"])
        #expect(try tried(&site, "02088886666", id: "1") == ["pstn", "ip-e1"])
    }

    @Test func theBandsOfAnOperatorCount() throws {
        let rows = "band,day,mon-fri 08:00-18:00\nprefix,name,connect_fee,steps,band\n"
        var site = try site(
            "ip-e1, pstn by cost",
            tariffs: [
                "ip-e1": "02,north,0,0.20/60\n",
                "pstn": rows + "02,north,0,0.30/60,\n02,north,0,0.05/60,day\n",
            ])
        // 2027-01-15 08:00 UTC, a Friday, is 16:00 at the site.
        #expect(try tried(&site, "02088886666", id: "1") == ["pstn", "ip-e1"])
        let question = Explanation.Question(
            from: "8001", dial: "02088886666", at: site.sw.wallTime + 7_200_000_000)
        guard case .explanation(let evening) = site.request(.explained(question)) else {
            Issue.record("nothing is explained")
            return
        }
        #expect(evening.routes.map { $0.prefix(5) } == ["ip-e1", "pstn "])
    }

    @Test func whatIsExplainedIsTheOrderThatTheCallTakes() throws {
        var site = try site(
            "ip-e1, pstn by cost",
            tariffs: ["ip-e1": "02,north,0,0.30/60\n", "pstn": "02,north,0,0.10/60\n"])
        #expect(try tried(&site, "02088886666", id: "1") == ["pstn", "ip-e1"])
        let order = Step.ordered(.cost, "pstn 0.300000, ip-e1 0.900000").stored
        #expect(site.records.last?.explanation.last == order)
        let question = Explanation.Question(from: "8001", dial: "02088886666")
        guard case .explanation(let said) = site.request(.explained(question)) else {
            Issue.record("nothing is explained")
            return
        }
        #expect(said.routes == ["pstn sends 02088886666", "ip-e1 sends 02088886666"])
        #expect(said.steps.last == order)
    }

    @Test func aDrawStandsInTheRecord() throws {
        var site = try site("ip-e1 (share 3), pstn (share 1) by share")
        for call in 1...8 {
            let trunks = try tried(&site, "02088886666", id: "\(call)")
            let weights = ["ip-e1": "3", "pstn": "1"]
            let ways = trunks.map { "\($0) \(weights[$0] ?? "")" }.joined(separator: ", ")
            #expect(site.records.last?.explanation.last == Step.ordered(.drawn, ways).stored)
        }
        let question = Explanation.Question(from: "8001", dial: "02088886666")
        guard case .explanation(let said) = site.request(.explained(question)) else {
            Issue.record("nothing is explained")
            return
        }
        #expect(said.steps.last == Step.ordered(.share, "ip-e1 3, pstn 1").stored)
    }

    @Test func aTrunkIsTakenInItsHoursOnly() throws {
        var site = try site(
            "ip-e1 (during office), pstn", hours: "hours office mon-fri 08:00-18:00")
        // 2027-01-15 08:00 UTC, a Friday, is 16:00 at the site; two hours later it is closed.
        #expect(try tried(&site, "02088886666", id: "1") == ["ip-e1", "pstn"])
        site.handle(
            .wallClockRead(
                WallClock(
                    instant: site.now, unixMicroseconds: site.sw.wallTime + 7_200_000_000,
                    utcOffset: 28_800)))
        #expect(try tried(&site, "02088886666", id: "2") == ["pstn"])
    }

    @Test func callsAreSharedByWeight() throws {
        var site = try site("ip-e1 (share 3), pstn (share 1) by share")
        var first = 0
        for call in 1...80 {
            let trunks = try tried(&site, "02088886666", id: "\(call)")
            #expect(Set(trunks) == ["ip-e1", "pstn"])
            if trunks[0] == "ip-e1" { first += 1 }
        }
        #expect((45...75).contains(first), "\(first) of 80 began on the trunk of three quarters")
    }
}
