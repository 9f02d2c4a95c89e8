import Dialplan
import Testing

/// Facts that hold for whatever is dialled, tried on seeded random strings.
@Suite struct PropertyTests {
    /// Strings near the plan's own prefixes, so that its rules are met and not only missed.
    static func dialled(_ generator: inout SeededGenerator) -> String {
        let starts = [
            "", "0", "00", "+", "+86", "0086", "00860", "0311", "17909", "179", "1", "110", "8",
            "66778", "13", "*", "#", "99", " ", "a", "国",
        ]
        let keys = Array("0123456789012345678901234567890123456789*#+-. ")
        var text = ""
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            text += starts.randomElement(using: &generator)!
        }
        for _ in 0..<Int.random(in: 0...14, using: &generator) {
            text.append(keys.randomElement(using: &generator)!)
        }
        return text
    }

    @Test("decide is total and deterministic", arguments: 0..<8)
    func totalAndDeterministic(seed: Int) throws {
        let plan = try compiled(sample)
        let again = try compiled(sample)
        var generator = SeededGenerator(seed: UInt64(seed))
        let levels = plan.levels + ["nobody"]
        for _ in 0..<2_000 {
            let dialled = Self.dialled(&generator)
            let callers: [Caller] = [
                .extension("8100", level: levels.randomElement(using: &generator)!),
                .extension("8750", level: levels.randomElement(using: &generator)!),
                .line(dialled), .trunk("pstn"),
            ]
            let query = Query(
                caller: callers.randomElement(using: &generator)!, dialled: dialled, time: monday,
                down: Bool.random(using: &generator) ? ["ip-e1"] : [])
            let first = plan.decide(query)
            let second = again.decide(query)
            #expect(first.outcome == second.outcome)
            #expect(first.explanation == second.explanation)
            #expect(!first.explanation.isEmpty)
            #expect(first.dialled == dialled)
            switch first.outcome {
            case .routes(let choices), .emergency(let choices):
                #expect(!choices.isEmpty && choices.allSatisfy { !$0.number.isEmpty })
                #expect(Set(choices.map(\.via)).count == choices.count)
                guard case .extension = query.caller else {
                    Issue.record("\(query) goes out")
                    return
                }
            case .ring(let number): #expect(plan.hasExtension(number))
            case .ringGroup(let group):
                #expect(!group.stages.isEmpty && group.stages.allSatisfy { !$0.members.isEmpty })
            case .feature(let call): #expect(call.extension == query.caller.number)
            case .askPIN(let request): #expect(plan.hasExtension(request.extension))
            case .refuse(let refusal): #expect(!refusal.reason.isEmpty)
            }
        }
    }

    @Test("normalising twice is normalising once", arguments: 100..<108)
    func idempotent(seed: Int) throws {
        let plan = try compiled(sample)
        var generator = SeededGenerator(seed: UInt64(seed))
        var changed = 0
        for _ in 0..<3_000 {
            let dialled = Self.dialled(&generator)
            guard let once = plan.normalise(dialled) else { continue }
            if once != dialled { changed += 1 }
            #expect(plan.normalise(once) == once)
        }
        #expect(changed > 100)
    }

    @Test("a number and its normal form are decided alike", arguments: 200..<204)
    func normalFormIsDecidedAlike(seed: Int) throws {
        let plan = try compiled(sample)
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<2_000 {
            let dialled = Self.dialled(&generator)
            guard let normalised = plan.normalise(dialled) else { continue }
            let one = plan.dialled(dialled, level: "city")
            let other = plan.dialled(normalised, level: "city")
            #expect(one.numberClass == other.numberClass)
            #expect(one.refusal == other.refusal)
            #expect(one.normalised == other.normalised)
        }
    }

    @Test("the check never traps on a plan with random damage", arguments: 300..<316)
    func damagedPlans(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let bytes = Array((sample + "\nexpect 8100 (city) dials 110 -> emergency").utf8)
        for _ in 0..<30 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let index = Int.random(in: 0..<damaged.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: damaged.remove(at: index)
                case 1: damaged[index] = UInt8.random(in: 0...255, using: &generator)
                default: damaged.insert(damaged.randomElement(using: &generator)!, at: index)
                }
            }
            let text = String(decoding: damaged, as: UTF8.self)
            let (plan, diagnostics) = Plan.compile(
                PlanSources(main: SourceFile(path: "d", text: text)), context: context)
            #expect((plan == nil) == diagnostics.contains { $0.severity == .error })
            #expect(diagnostics.allSatisfy { !$0.rendered.isEmpty && $0.line > 0 && $0.column > 0 })
        }
    }
}
