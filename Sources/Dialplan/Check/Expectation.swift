/// An `expect` line whose names are checked.
struct Expectation {
    var caller: Caller
    /// Empty for a call that came in on a line.
    var dialled: String
    var time: CivilTime
    var down: Set<String>
    var results: [ExpectSyntax.ResultSyntax]
    /// The levels it must hold at; one, or all of the plan where the line names none.
    var levels: [String]
    var range: SourceRange

    /// The time of a line that names none: a Monday morning.
    static let usualTime = CivilTime(year: 2026, month: 1, day: 5, minuteOfDay: 600)

    /// The number of a caller from outside, or the one that an extension's phone asks to present.
    var number: String?
    /// The incoming level of whom is called.
    var incoming: String?
    var pin: ExpectSyntax.GivenPIN?
    /// The level of every other extension than the caller; that of the caller where nothing is said.
    var pinLevel: String?
    var isLocked = false
    /// In millionths of the currency unit.
    var balance: Int64?
    /// The trunks of each group of trunks.
    var trunkGroups: [String: Set<String>] = [:]

    /// Whether it cannot be told without a tariff.
    var needsPrices: Bool {
        balance != nil
            || results.contains { result in
                if case .costs = result { return true }
                return false
            }
    }

    /// The query to ask with one of the levels.
    private func query(level: String) -> Query {
        var caller = caller
        var own: String?
        if case .extension(let number, _) = caller {
            caller = .extension(number, level: level)
            own = number
        }
        let (incoming, isLocked, others) = (incoming, isLocked, pinLevel ?? level)
        var query = Query(caller: caller, dialled: dialled, time: time, down: down) {
            [own] number in
            var settings = ExtensionSettings(
                level: number == own ? level : others, incomingLevel: number == own ? nil : incoming
            )
            settings.isLocked = isLocked && number == own
            settings.hasPIN = true
            return settings
        }
        if own == nil { query.callerNumber = number } else { query.wish = number }
        return query
    }

    /// What the plan decides with one of the levels, the PIN and the balance of the line; the ways out
    /// in the order they are tried.
    func decision(
        of plan: Plan, level: String, _ price: PlanContext.Price?, _ cost: PlanContext.Cost?
    ) -> Decision {
        var query = query(level: level)
        var decision = plan.decide(query)
        if let pin, case .askPIN(let request) = decision.outcome {
            switch pin {
            case .right: query.pin = .verified(extension: request.extension)
            case .wrong: query.pin = .wrong(extension: request.extension)
            }
            decision = plan.decide(query)
        }
        guard case .routes(var choices) = decision.outcome else { return decision }
        let number = decision.normalised
        // By chance any may be the first; the one written first stands for them.
        choices = RouteChoice.ordered(
            choices, draw: { _ in 0 }, price: { cost?(number, $0.via, time) })
        decision.outcome = .routes(choices)
        guard let balance, let price else { return decision }
        let payable = choices.filter { choice in
            // What has no price is not sold.
            price(number, choice.via.priced, time, 1).map { $0 <= balance } ?? false
        }
        decision.outcome =
            payable.isEmpty
            ? .refuse(Refusal(code: .balance, reason: "the balance does not pay for the call"))
            : .routes(payable)
        return decision
    }

    /// Whether the ways that are tried begin with those that a line names; a group of trunks stands
    /// for all of its trunks that are tried there, in any order.
    private func follows(_ names: [String], _ tried: [String]) -> Bool {
        var left = tried[...]
        for name in names {
            guard let next = left.first else { return false }
            if let members = trunkGroups[name] {
                guard members.contains(next) else { return false }
                left = left.drop(while: members.contains)
            } else {
                guard next == name else { return false }
                left = left.dropFirst()
            }
        }
        return true
    }

    /// Whether a decision is what every part of the line says.
    func holds(for decision: Decision, _ price: PlanContext.Price?) -> Bool {
        results.allSatisfy { holds($0, for: decision, price) }
    }

    private func holds(
        _ result: ExpectSyntax.ResultSyntax, for decision: Decision, _ price: PlanContext.Price?
    ) -> Bool {
        let chosen = decision.choices.first { !$0.down } ?? decision.choices.first
        switch result {
        case .via(let ways):
            let tried =
                decision.choices.contains { !$0.down }
                ? decision.choices.filter { !$0.down } : decision.choices
            return follows(ways.map(\.text), tried.map(\.via.word))
        case .presents(let number): return chosen?.presented == number.text
        case .sends(let number): return chosen?.number == number.text
        case .rings(let number): return decision.outcome == .ring(extension: number.text)
        case .ringsGroup(let name):
            guard case .ringGroup(let group) = decision.outcome else { return false }
            return group.name == name.text
        case .numberClass(let name): return decision.numberClass == name.text
        case .limit(let word): return decision.limitMilliseconds == lengthOfTime(word.text)
        case .emergency:
            guard case .emergency = decision.outcome else { return false }
            return true
        case .asksPIN:
            guard case .askPIN = decision.outcome else { return false }
            return true
        case .feature(let name, let action):
            guard case .feature(let call) = decision.outcome else { return false }
            return call.feature.rawValue == name.text && (action == nil || action == call.action)
        case .rights(let number): return decision.rights == number.text
        case .costs(let bound, let duration):
            guard let chosen else { return false }
            // Without a tariff only the way is known; the check says so.
            guard let price else { return true }
            let milliseconds = duration.flatMap { lengthOfTime($0.text) } ?? 60_000
            guard let bound = millionths(bound.text),
                let cost = price(decision.normalised, chosen.via.priced, time, milliseconds)
            else { return false }
            return cost <= bound
        case .refused(_, let code):
            guard case .refuse(let refusal) = decision.outcome else { return false }
            return code == nil || code == refusal.code
        }
    }
}

/// Reads `0.22` into millionths: no sign, at most six decimals.
func millionths(_ text: String) -> Int64? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), (1...12).contains(parts[0].utf8.count),
        parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
        let units = Int64(parts[0])
    else { return nil }
    guard parts.count == 2 else { return units * 1_000_000 }
    guard (1...6).contains(parts[1].utf8.count), let decimals = Int64(parts[1]) else { return nil }
    var scale: Int64 = 1
    for _ in parts[1].utf8.count..<6 { scale *= 10 }
    return units * 1_000_000 + decimals * scale
}

extension Decision {
    /// The ways out, in their order; none where the call stays inside or is refused.
    var choices: [RouteChoice] {
        switch outcome {
        case .routes(let choices), .emergency(let choices): choices
        case .ring, .ringGroup, .feature, .askPIN, .refuse: []
        }
    }

    /// What was decided in the words of an `expect` line.
    var expectation: String {
        guard let limitMilliseconds else { return outcomeInWords }
        return outcomeInWords + " limit \(limitMilliseconds / 1000)s"
    }

    private var outcomeInWords: String {
        let chosen = choices.first { !$0.down } ?? choices.first
        switch outcome {
        case .ring(let number): return "rings \(number)"
        case .ringGroup(let group): return "rings group \(group.name)"
        case .askPIN: return "asks pin"
        case .feature(let call):
            return "feature \(call.feature.rawValue)"
                + (call.action == .use ? "" : " \(call.action.rawValue)")
        case .refuse(let refusal): return "refused \(refusal.code.words)"
        case .routes, .emergency:
            var words: [String] = []
            if case .emergency = outcome { words.append("emergency") }
            if let chosen {
                words.append("via \(chosen.via.word)")
                if let presented = chosen.presented { words.append("presents \(presented)") }
                words.append("sends \(chosen.number)")
            }
            return words.joined(separator: " ")
        }
    }
}

extension RouteChoice.Via {
    /// As a price list for one way out names it.
    var priced: String {
        switch self {
        case .line, .lines: "line"
        case .trunk(let name): name
        }
    }

    /// As a route and an `expect` line spell it.
    var word: String {
        switch self {
        case .line: "line"
        case .lines(let name), .trunk(let name): name
        }
    }
}

extension Refusal.Code {
    /// As an `expect` line spells it behind `refused`.
    var words: String {
        switch self {
        case .level, .rule, .group, .incoming, .pin, .balance: "by \(rawValue)"
        case .busy, .invalid: "as \(rawValue)"
        case .forwarding: "as forwarded"
        case .unknownNumber: "as unknown"
        case .noRoute: "without route"
        }
    }
}
