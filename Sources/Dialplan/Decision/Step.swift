/// One step of an explanation: what was looked at and what came of it.
///
/// A step keeps the facts and not the sentence, so that deciding a call builds no text; `text` makes
/// the sentence when somebody reads it.
public enum Step: Hashable, Sendable {
    /// What was dialled, and by whom.
    case dialled(String, by: Caller)
    /// Separators were taken out, or a leading `+` became the international prefix.
    case cleaned(from: String, to: String)
    /// A normalise rule rewrote the number.
    case rewritten(from: String, to: String, pattern: String, place: Place)
    case unreadable(String, Unreadable)
    /// It is an emergency number.
    case emergency(String)
    /// It is an extension of this site.
    case `extension`(String, place: Place)
    /// It is a direct line of this site.
    case line(String, rings: String, place: Place)
    /// The most specific pattern that covers it, and its class.
    case classified(String, class: String, pattern: String, place: Place)
    /// Nothing covers it.
    case unclassified(String)
    /// The level allows the class: itself, or through one it builds on.
    case levelAllows(level: String, class: String, through: String, place: Place)
    case levelRefuses(level: String, class: String, place: Place)
    case levelUnknown(level: String)
    /// A rule for this caller does not apply: why.
    case rulePassed(String, because: Pass, place: Place)
    case ruleRefuses(String, text: String?, place: Place)
    case ruleLimits(String, milliseconds: Int64, place: Place)
    /// A way out, in its turn; the place is nil where no route of the plan names it.
    case alternative(RouteChoice, place: Place?)
    /// The caller's own line is a way out, and there is none.
    case withoutLine(String, place: Place)
    /// The class has no route.
    case noRoute(class: String)
    /// A caller from outside asked for more than a line or an extension.
    case insideOnly(String)

    /// Why a rule for this caller does not apply.
    public enum Pass: Hashable, Sendable {
        /// It is about other numbers.
        case number
        /// Its `except` leaves the number out.
        case excepted
        /// Its hours: whether they are open.
        case hours(String, isOpen: Bool)
    }

    /// Why what was dialled is no number.
    public enum Unreadable: String, Hashable, Sendable {
        case empty = "is empty"
        case tooLong = "is too long"
        case unknownCharacter = "holds a character that no phone has"
        case endless = "is rewritten without end"
    }
}

extension Step {
    /// What kind of step it is, in one word for programs.
    public var code: String {
        switch self {
        case .dialled: "dialled"
        case .cleaned: "cleaned"
        case .rewritten: "rewritten"
        case .unreadable: "unreadable"
        case .emergency: "emergency"
        case .extension: "extension"
        case .line: "line"
        case .classified: "classified"
        case .unclassified: "unclassified"
        case .levelAllows: "level-allows"
        case .levelRefuses: "level-refuses"
        case .levelUnknown: "level-unknown"
        case .rulePassed: "rule-passed"
        case .ruleRefuses: "rule-refuses"
        case .ruleLimits: "rule-limits"
        case .alternative: "alternative"
        case .withoutLine: "without-line"
        case .noRoute: "no-route"
        case .insideOnly: "inside-only"
        }
    }

    /// The sentence in English, without a full stop.
    public var text: String {
        switch self {
        case .dialled(let number, .extension(let caller, let level)):
            "\(caller) with level \(level) dialled \(number)"
        case .dialled(_, .line(let line)): "somebody outside calls in on line \(line)"
        case .dialled(let number, .trunk(let trunk)):
            "somebody outside calls \(number) over trunk \(trunk)"
        case .cleaned(let from, let to): "\(from) is read as \(to)"
        case .rewritten(let from, let to, let pattern, let place):
            "\(from) is brought to \(to) by the normalise rule \(pattern) (\(place))"
        case .unreadable(let dialled, let why): "\"\(dialled)\" \(why.rawValue)"
        case .emergency(let number):
            "\(number) is an emergency number: it goes out whatever the level, time or balance"
        case .extension(let number, let place): "\(number) is an extension of this site (\(place))"
        case .line(let line, let rings, let place):
            "\(line) is a direct line of this site and rings \(rings) (\(place))"
        case .classified(let number, let numberClass, let pattern, let place):
            "\(number) is of class \(numberClass): the most specific pattern that covers it is "
                + "\(pattern) (\(place))"
        case .unclassified(let number): "no extension, line or class covers \(number)"
        case .levelAllows(let level, let numberClass, let through, let place):
            level == through
                ? "level \(level) may call \(numberClass) (\(place))"
                : "level \(level) may call \(numberClass), as level \(through) may (\(place))"
        case .levelRefuses(let level, let numberClass, let place):
            "level \(level) may not call \(numberClass) (\(place))"
        case .levelUnknown(let level): "there is no level \(level) in this plan"
        case .rulePassed(let rule, let why, let place):
            "rule \(rule) does not apply: \(Self.text(why)) (\(place))"
        case .ruleRefuses(let rule, let text, let place):
            "rule \(rule) refuses the call" + (text.map { ": \($0)" } ?? "") + " (\(place))"
        case .ruleLimits(let rule, let milliseconds, let place):
            "rule \(rule) limits the call to \(milliseconds / 1000) s (\(place))"
        case .alternative(let choice, let place): Self.text(choice, place)
        case .withoutLine(let caller, let place):
            "\(caller) has no direct line of its own, so this way is passed over (\(place))"
        case .noRoute(let numberClass): "no route carries class \(numberClass)"
        case .insideOnly(let number):
            "\(number) is no extension and no direct line, and a caller from outside reaches "
                + "nothing else"
        }
    }

    private static func text(_ why: Pass) -> String {
        switch why {
        case .number: "it is about other numbers"
        case .excepted: "it leaves this number out"
        case .hours(let name, let isOpen):
            "it is \(isOpen ? "within" : "outside") the hours \(name)"
        }
    }

    private static func text(_ choice: RouteChoice, _ place: Place?) -> String {
        var text = "via \(choice.via): send \(choice.number)"
        if let presented = choice.presented { text += ", present \(presented)" }
        text += choice.down ? ", known to be down" : ", working as far as known"
        if let place { text += " (\(place))" }
        return text
    }
}
