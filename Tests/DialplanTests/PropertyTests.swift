import Dialplan
import TestSupport
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

    /// What extensions may have set, drawn so that the same number always has the same.
    static func settings(_ seed: UInt64) -> @Sendable (String) -> ExtensionSettings? {
        { number in
            guard let value = UInt64(number) else { return nil }
            var generator = SeededGenerator(seed: seed &+ value)
            if Int.random(in: 0...3, using: &generator) == 0 { return nil }
            func target(_ generator: inout SeededGenerator) -> String? {
                guard Int.random(in: 0...4, using: &generator) == 0 else { return nil }
                return ["8001", "8200", "8201", "02088886666", "110", "*66", "", "x", "700"]
                    .randomElement(using: &generator)
            }
            let levels = ["house", "city", "world", "locked", "nobody"]
            var settings = ExtensionSettings(level: levels.randomElement(using: &generator)!)
            settings.incomingLevel =
                [nil, nil, nil, "open", "quiet", "boss", "known", "closed", "unheard-of"]
                .randomElement(using: &generator)!
            settings.isLocked = Int.random(in: 0...5, using: &generator) == 0
            settings.doNotDisturb = Int.random(in: 0...5, using: &generator) == 0
            settings.hasPIN = Bool.random(using: &generator)
            settings.forwardAlways = target(&generator)
            settings.forwardBusy = target(&generator)
            settings.forwardNoAnswer = target(&generator)
            settings.lastDialled = target(&generator)
            settings.presents = [[], [], ["4001234567"], ["+8631166770000-+8631166770009", "x"]]
                .randomElement(using: &generator)!
            if let entry = target(&generator) { settings.speedDial["3"] = entry }
            return settings
        }
    }

    @Test("a plan with everything decides every call, the same way each time", arguments: 0..<8)
    func everything(seed: Int) throws {
        let text = try #require(GoldenTests.text("calls.dialplan"))
        let included = ["spam.numbers": "139XXXX2222", "friends.numbers": "02012345678"]
        let plan = try compiled(text, included: included)
        let again = try compiled(text, included: included)
        var generator = SeededGenerator(seed: UInt64(4_000 + seed))
        let codes = [
            "*57*8200", "#57", "*8", "*88001", "*1234*0085221234567", "*88*8200*1234*700", "*66",
            "*73", "*75*3*8200", "#33*1234", "66770000", "700", "*901", "8001", "8100", "8300",
        ]
        var codesSeen: Set<String> = []
        for _ in 0..<1_500 {
            let dialled =
                Bool.random(using: &generator)
                ? Self.dialled(&generator) : codes.randomElement(using: &generator)!
            let callers: [Caller] = [
                .extension("8100", level: "world"), .extension("8001", level: "house"),
                .extension("8250", level: "city"), .extension("8250", level: "nobody"),
                .line("66770000"), .line(dialled), .trunk("pstn"), .trunk("ip-e1"),
            ]
            var query = Query(
                caller: callers.randomElement(using: &generator)!, dialled: dialled, time: monday,
                down: Bool.random(using: &generator) ? ["ip-e1"] : [],
                settings: Self.settings(UInt64(seed) << 20))
            query.time.minuteOfDay = Int.random(in: 0..<1440, using: &generator)
            query.callerNumber = [nil, "13911112222", "0755", "x"].randomElement(using: &generator)!
            query.wish = [nil, "4001234567", "x"].randomElement(using: &generator)!
            let owner = ["8100", "8200", "8250"].randomElement(using: &generator)!
            query.pin = [
                .notAsked, .verified(extension: owner), .wrong(extension: owner),
                .lockedOut(extension: owner),
            ].randomElement(using: &generator)!
            let targets: [Target] = [
                .extension("8001"), .group("reception"), .group("nobody"), .busy,
                .number("02088886666", as: "8200"), .number("110", as: "8200"), .trunk("pstn"),
            ]
            if Int.random(in: 0...3, using: &generator) == 0 {
                query = query.diverted(
                    to: targets.randomElement(using: &generator)!,
                    by: Bool.random(using: &generator) ? owner : nil)
            }

            let first = plan.decide(query)
            let second = again.decide(query)
            #expect(first.outcome == second.outcome && first.explanation == second.explanation)
            #expect(first.explanation.allSatisfy { !$0.text.isEmpty && !$0.code.isEmpty })
            query.isThorough = true
            #expect(plan.decide(query).outcome == first.outcome)
            codesSeen.formUnion(first.explanation.map(\.code))

            // Nobody outside goes out unless somebody inside pays or the plan names the trunk.
            if query.caller.number == nil, case .routes(let choices) = first.outcome {
                #expect(first.rights != nil || choices.map(\.via) == [.trunk("pstn")])
            }
            // An emergency number dialled inside is one, whatever else is so.
            if let inside = query.caller.number, let form = plan.normalise(dialled),
                ["110", "119", "120", "122"].contains(form)
            {
                guard case .emergency = first.outcome else {
                    Issue.record("\(inside) dialled \(dialled): \(first.outcome)")
                    return
                }
            }
            // What is forwarded is never an emergency call.
            if query.caller.number == nil, case .emergency = first.outcome {
                Issue.record("\(query.caller) reaches an emergency number")
            }
        }
        #expect(codesSeen.count > 30)
    }
}
