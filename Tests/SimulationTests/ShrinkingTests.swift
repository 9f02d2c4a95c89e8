import Testing

@testable import Simulation

@Suite struct ShrinkingTests {
    private static let rule = "posted twice"

    private static func outcome(
        _ seed: UInt64, _ minutes: Int, _ faults: Faults, broken rules: [String], at second: Int64
    ) -> Outcome {
        Outcome(
            seed: seed, minutes: minutes, faults: faults,
            findings: rules.map { Finding(rule: $0, detail: "", milliseconds: second * 1000) },
            digest: 0, figures: Figures())
    }

    @Test func theFaultsThatAreNeededStay() {
        let needed = Faults([.loss, .nat])
        var tries = 0
        let first = Self.outcome(7, 9, .all, broken: [Self.rule], at: 200)
        let shrunk = first.shrunk { seed, minutes, faults in
            tries += 1
            let isBroken = minutes >= 3 && needed.list.allSatisfy(faults.contains)
            return Self.outcome(
                seed, minutes, faults, broken: isBroken ? ["another", Self.rule] : [], at: 170)
        }
        #expect(shrunk.faults == needed && shrunk.minutes == 3 && shrunk.seed == 7)
        #expect(shrunk.findings.contains { $0.rule == Self.rule })
        #expect(tries <= Outcome.mostTries)
        #expect(shrunk.command == "tandem simulate --seed 7 --minutes 3 --faults loss,nat")
    }

    @Test func aWorldThatBreaksAnotherRuleIsNotASmallerOne() {
        let first = Self.outcome(7, 4, .all, broken: [Self.rule], at: 239)
        let shrunk = first.shrunk { seed, minutes, faults in
            Self.outcome(seed, minutes, faults, broken: ["another"], at: 1)
        }
        #expect(shrunk.faults == .all && shrunk.minutes == 4)
        #expect(shrunk.findings == first.findings)
    }

    @Test func thereIsAnEndToTheTries() {
        var tries = 0
        let first = Self.outcome(7, 10_000, .all, broken: [Self.rule], at: 599_999)
        let shrunk = first.shrunk { seed, minutes, faults in
            tries += 1
            return Self.outcome(seed, minutes, faults, broken: [Self.rule], at: 1)
        }
        #expect(tries == Outcome.mostTries)
        #expect(shrunk.minutes < 10_000 && shrunk.faults == .none)
    }

    @Test func whatIsGoodStaysAsItIs() {
        let good = Self.outcome(7, 3, .all, broken: [], at: 0)
        let shrunk = good.shrunk { seed, minutes, faults in
            Issue.record("a good world is not run again")
            return Self.outcome(seed, minutes, faults, broken: [], at: 0)
        }
        #expect(shrunk.minutes == 3 && shrunk.faults == .all && shrunk.isGood)
    }
}
