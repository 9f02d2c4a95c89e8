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
        for turn in 0..<60 {
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
                #expect(record.attempts.isEmpty && record.sipStatus == said.sipStatus)
            } else if let first = record.attempts.first, let way = said.routes.first {
                routed += 1
                #expect(way.contains(first.route), "\(way) and \(first.route)")
            }
        }
        #expect(refused > 5 && routed > 2)
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
