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

    /// The query to ask with one of the levels.
    func query(level: String) -> Query {
        var caller = caller
        if case .extension(let number, _) = caller {
            caller = .extension(number, level: level)
        }
        return Query(caller: caller, dialled: dialled, time: time, down: down)
    }

    /// Whether a decision is what every part of the line says.
    func holds(for decision: Decision) -> Bool {
        let chosen = decision.choices.first { !$0.down } ?? decision.choices.first
        return results.allSatisfy { result in
            switch result {
            case .via(let ways):
                let tried =
                    decision.choices.contains { !$0.down }
                    ? decision.choices.filter { !$0.down } : decision.choices
                return ways.count <= tried.count
                    && zip(ways, tried).allSatisfy { $0.text == $1.via.word }
            case .presents(let number): return chosen?.presented == number.text
            case .sends(let number): return chosen?.number == number.text
            case .rings(let number): return decision.outcome == .ring(extension: number.text)
            case .numberClass(let name): return decision.numberClass == name.text
            case .limit(let word): return decision.limitMilliseconds == lengthOfTime(word.text)
            case .emergency:
                guard case .emergency = decision.outcome else { return false }
                return true
            case .refused(_, let code):
                guard case .refuse(let refusal) = decision.outcome else { return false }
                return code == nil || code == refusal.code
            }
        }
    }
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
