/// One step of an explanation: what was looked at and what came of it.
///
/// A step keeps the facts and not the sentence, so that deciding a call builds no text; `text` makes
/// the sentence when somebody reads it.
public enum Step: Hashable, Sendable {
    /// What was dialled, and by whom.
    case dialled(String, by: Caller)
    /// Separators were taken out or a leading `+` became the international prefix.
    case cleaned(from: String, to: String)
    /// A normalise rule rewrote the number.
    case rewritten(from: String, to: String, pattern: String, place: Place)
    /// The number is none: why.
    case unreadable(String, because: String)
    /// It is an emergency number.
    case emergency(String)
    /// It is an extension of this site.
    case `extension`(String, place: Place)
    /// It is a direct line of this site, which rings an extension.
    case line(String, rings: String, place: Place)
    /// The most specific pattern that covers it, and its class.
    case classified(String, class: String, pattern: String, place: Place)
    /// Nothing covers it.
    case unclassified(String)
    /// The level allows the class.
    case levelAllows(level: String, class: String, through: String, place: Place)
    case levelRefuses(level: String, class: String, place: Place)
    case levelUnknown(level: String)
    /// A rule was looked at and did not apply: why.
    case ruleSkipped(String, because: String, place: Place)
    case ruleRefuses(String, text: String, place: Place)
    case ruleLimits(String, milliseconds: Int64, place: Place)
    /// A way out, in its turn.
    case alternative(RouteChoice, place: Place?)
    /// A way out that this caller does not have: why.
    case alternativeSkipped(String, because: String, place: Place?)
    /// The class has no route.
    case noRoute(class: String)
    /// Only a caller inside may do this.
    case insideOnly(String)
}

extension Step {
    /// The sentence, in English, without a full stop.
    public var text: String { "\(self)" }
}
