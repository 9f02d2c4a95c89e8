import Charging
import Dialplan
import SIP
import Testing

@testable import Switching

/// What explain says is what the call does.
@Suite struct ExplainTests {
    private static let rules = """

        class service 10XXX
        level other may service
        route service via line
        hours office mon-fri 08:00-18:00
        rule night  { from 8000-8009  to mobile  outside office  refuse "not now" }
        rule short  { to local  limit 3m }
        rule others { from 8050  to local  refuse }
        rule card   { from level city  to 0755.  refuse }
        """

    /// Numbers near the plan's own, in every spelling.
    private static func dialled(_ generator: inout some RandomNumberGenerator) -> String {
        let starts = [
            "", "0311", "17909", "179", "0", "00", "+86", "8", "13", "1", "10", "0755", "66778",
            "*",
        ]
        var text = starts.randomElement(using: &generator) ?? ""
        for _ in 0..<Int.random(in: 2...10, using: &generator) {
            text += String(Int.random(in: 0...9, using: &generator))
        }
        return text
    }

    @Test("a call is decided step by step as explain said before", arguments: 0..<6)
    func saysWhatTheCallDid(seed: Int) throws {
        var generator = Draws(state: UInt64(seed) &* 77 &+ 1)
        var site = try Site(plan: Site.plan + Self.rules)
        var phones = try site.registered("8001", "8009")
        var (refused, routed) = (0, 0)
        for turn in 0..<100 {
            let dialled = Self.dialled(&generator)
            let question = Explanation.Question(
                from: turn % 2 == 0 ? "8001" : "8009", dial: dialled)
            guard case .explanation(let said)? = site.request(.explained(question)) else {
                Issue.record("no explanation of \(dialled)")
                return
            }
            let before = site.records.count
            try phones[turn % 2].call(dialled, at: &site)
            var gateways = [Party.e1, Party.pstn]
            for index in gateways.indices {
                for invite in site.all(gateways[index].endpoint) where invite.method == .invite {
                    gateways[index].answer(invite, 404, at: &site)
                }
            }
            site.pass(.seconds(70))
            _ = site.all(phones[0].endpoint)
            _ = site.all(phones[1].endpoint)
            guard let record = site.records.dropFirst(before).first else { continue }
            // Explain names the rules for other callers too; the call has no time for them.
            let steps = said.steps.filter { stored in
                if case .rulePassed(_, because: .caller, _)? = Step(stored: stored) { return false }
                return true
            }
            #expect(Array(record.explanation.prefix(steps.count)) == steps, "\(dialled)")
            #expect(record.dialplanVersion == said.planVersion)
            #expect(record.normalised == said.normalised && record.numberClass == said.numberClass)
            if said.refusal != nil {
                refused += 1
                #expect(record.sipStatus == said.sipStatus)
                // What nobody pays for is passed over way by way.
                #expect(record.attempts.count == said.payments.count)
                #expect(record.attempts.allSatisfy { $0.outcome == .skipped })
            } else if let first = record.attempts.first, let way = said.routes.first {
                routed += 1
                #expect(way.contains(first.route), "\(way) and \(first.route)")
            }
        }
        #expect(refused > 5 && routed > 2)
    }

    private func explained(
        _ site: inout Site, _ question: Explanation.Question
    ) throws -> Explanation {
        guard case .explanation(let said)? = site.request(.explained(question)) else {
            throw Unexpected(site.replies.last)
        }
        return said
    }

    @Test func whoCannotPayIsToldSo() throws {
        var site = try Site(balance: "0.05")
        var phone = try site.registered("8001")[0]
        let said = try explained(&site, .init(from: "8001", dial: "02088886666"))
        #expect(said.outcome == "refuse" && said.routes.isEmpty && said.refusalCode == "balance")
        #expect(said.payments.map(\.way) == ["ip-e1", "line 66778001", "pstn"])
        #expect(said.payments.first?.minute == Amount("0.70"))
        #expect(said.payments.first?.account == "a")
        try phone.call("02088886666", at: &site)
        let record = try #require(site.records.first)
        #expect(record.sipStatus == said.sipStatus && record.endReason == said.refusal)
    }

    @Test func aFirstStepIsEnough() throws {
        var site = try Site(balance: "0.07")
        let said = try explained(&site, .init(from: "8001", dial: "02088886666"))
        #expect(said.outcome == "route" && said.payments.count == 3)
        #expect(!said.payments.contains { $0.refusal != nil })
        let inside = try explained(&site, .init(from: "8001", dial: "8002"))
        #expect(inside.payments.isEmpty)
    }

    @Test func theCheapestWayIsNamedFirst() throws {
        var settings = Site.settings()
        for (trunk, price) in [("ip-e1", "0.9"), ("pstn", "0.1")] {
            let parsed = Tariff.parse(
                csv: Array("prefix,name,connect_fee,steps\n0,x,0,\(price)/60\n".utf8), file: "t")
            let tariff: Tariff = try #require(parsed.tariff)
            settings.trunkTariffs[trunk] = tariff
        }
        var site = try Site(
            settings: settings,
            plan: Site.plan.replacing(
                "national  via ip-e1, line, pstn", with: "national  via ip-e1, pstn by cost"))
        var phone = try site.registered("8001")[0]
        let said = try explained(&site, .init(from: "8001", dial: "02088886666"))
        #expect(said.routes.map { $0.prefix(4) } == ["pstn", "ip-e"])
        try phone.call("02088886666", at: &site)
        #expect(site.all(Site.pstn).contains { $0.method == .invite })
    }

    @Test func aCallFromOutsideIsExplainedWithItsNumber() throws {
        var site = try Site(
            plan: Site.plan + "\nrule spam { from number 0755.  refuse \"not them\" }")
        let friend = Explanation.Question(
            from: "66778002", dial: "66778002", presenting: "02088886666")
        #expect(try explained(&site, friend).outcome == "ring 8002")
        for from in ["66778002", "pstn"] {
            let said = try explained(
                &site, .init(from: from, dial: "66778002", presenting: "075512345678"))
            #expect(said.refusal == "not them")
        }
        let other = site.request(.explained(.init(from: "66778002", dial: "8001")))
        guard case .refused("a call on the direct line 66778002 dials 66778002")? = other else {
            throw Unexpected(other)
        }
        let line = try explained(
            &site, .init(from: "8001", dial: "86035566", down: ["66778001"]))
        #expect(line.routes.first == "line 66778001 (down) sends 86035566")
    }

    @Test func aNumberThatMayNotBePresentedIsSaid() throws {
        var site = try Site()
        let said = try explained(
            &site, .init(from: "8001", dial: "02088886666", presenting: "4001234567"))
        #expect(
            said.steps.contains { $0.contains("4001234567") }
                && said.presented == "+8631166778001")
    }

    /// A reproducible source of numbers.
    private struct Draws: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }
}
