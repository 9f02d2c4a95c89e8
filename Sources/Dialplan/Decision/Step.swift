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
    /// A short code stands for a number.
    case shortCode(String, to: String, place: Place)
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
    /// The phone is locked: the level that bounds it until it is unlocked, nil where the plan has
    /// none.
    case locked(String, level: String?)
    /// The incoming level of the called extension; nil where it has none and everybody may ring.
    case incomingAllows(String, level: String?, place: Place?)
    case incomingRefuses(String, level: String, place: Place)
    case incomingUnknown(String, level: String)
    /// The caller's group may call the other: through which of its groups.
    case groupAllows(String, group: String, place: Place)
    /// The groups that the caller is in and what they may call do not hold the other.
    case groupRefuses(String, group: String, place: Place)
    /// A rule for this caller does not apply: why.
    case rulePassed(String, because: Pass, place: Place)
    case ruleRefuses(String, text: String?, place: Place)
    case ruleLimits(String, milliseconds: Int64, place: Place)
    /// It lets the call pass although the level does not.
    case ruleAllows(String, place: Place)
    case ruleAsksPIN(String, place: Place)
    /// What became of a PIN that was asked for.
    case pin(PINAnswer)
    /// The extension has no PIN to be asked for.
    case pinMissing(String)
    /// From here on the rights and the account of another than the caller count.
    case onRightsOf(String, level: String)
    /// A user or the plan sends the call on.
    case diverted(to: Target, by: String?)
    /// The call is made for a transfer: by whom, and who is sent on.
    case transferred(by: String, party: String)
    /// The called extension forwards every call.
    case forwardsAlways(String, to: String)
    case forwardedTooOften(by: String)
    case doNotDisturb(String)
    /// A feature code.
    case feature(Feature, FeatureCall.Action, code: String, place: Place)
    /// Redial or a speed dial entry: the number it stands for; nil where there is none.
    case recalled(Feature, entry: String?, number: String?)
    /// Whether one extension may answer what rings at another.
    case pickup(PickupRight, at: String, by: String)
    /// An INVITE with Replaces: by whom, and the extension in whose call it takes a place; nil where
    /// there is no such call.
    case replaces(by: String, of: String?, isRinging: Bool)
    /// A ring group is rung.
    case group(String, place: Place)
    /// A member of a ring group that is not rung, because of its user.
    case memberPassed(String, group: String, because: Pass)
    /// An inbound route of a trunk; nil for whatever no other names.
    case inbound(trunk: String, pattern: String?, place: Place)
    /// One of the targets of a line or an inbound route: whether its hours let it be taken.
    case target(Target, passed: Pass?, place: Place)
    /// What follows when an extension does not take the call; the place is nil where its user says so.
    case fallback(String, Occasion, Target, place: Place?)
    /// A way out, in its turn; the place is nil where no route of the plan names it.
    case alternative(RouteChoice, place: Place?)
    /// In which order neighbouring ways are tried, where that is not the written one: `pstn 0.300000,
    /// ip-e1 0.900000`, with what each was chosen by.
    case ordered(Ordering, String)
    /// The caller's own line is a way out, and there is none.
    case withoutLine(String, place: Place)
    /// A way out that the caller's group may not use.
    case wayForbidden(String, group: String, place: Place)
    /// A way out outside its hours.
    case wayClosed(String, hours: String, isOpen: Bool, place: Place)
    /// The number that the caller's phone asks to present, and whether its group may.
    case wish(String, isGranted: Bool, group: String?)
    /// The number that the phone asks to present may be presented by this extension itself: by the plan,
    /// or without a place by its settings.
    case wishGranted(String, to: String, place: Place?)
    /// The class has no route.
    case noRoute(class: String)
    /// A caller from outside asked for more than a line or an extension.
    case insideOnly(String)

    /// Why a rule, a target or a member of a group is passed over.
    public enum Pass: Hashable, Sendable {
        /// It is about other callers.
        case caller
        /// It is about other numbers.
        case number
        /// Its `except` leaves the number out.
        case excepted
        /// Its hours: whether they are open.
        case hours(String, isOpen: Bool)
        /// It asks for a PIN, which has been given.
        case pinGiven
        case doNotDisturb
        /// Its incoming level does not let this caller ring.
        case incoming(level: String)
    }

    /// What decided over the order of ways.
    public enum Ordering: String, Hashable, Sendable, CaseIterable {
        /// What their operators take for three minutes.
        case cost
        /// A draw by their shares, which was made for this call.
        case drawn
        /// Their shares; each call draws anew.
        case share
    }

    /// Why an extension does not take a call.
    public enum Occasion: String, Hashable, Sendable, CaseIterable {
        case busy
        case noAnswer = "unanswered"
        case unregistered
    }

    /// Why what was dialled is no number.
    public enum Unreadable: String, Hashable, Sendable {
        case empty = "is empty"
        case tooLong = "is too long"
        case unknownCharacter = "holds a character that no phone has"
        case endless = "is rewritten without end"
        case emergency = "is an emergency number, to which nothing is sent on"
    }
}

extension Step {
    /// What kind of step it is, in one word for programs.
    public var code: String {
        switch self {
        case .dialled: "dialled"
        case .cleaned: "cleaned"
        case .rewritten: "rewritten"
        case .shortCode: "short-code"
        case .unreadable: "unreadable"
        case .emergency: "emergency"
        case .extension: "extension"
        case .line: "line"
        case .classified: "classified"
        case .unclassified: "unclassified"
        case .levelAllows: "level-allows"
        case .levelRefuses: "level-refuses"
        case .levelUnknown: "level-unknown"
        case .locked: "locked"
        case .incomingAllows: "incoming-allows"
        case .incomingRefuses: "incoming-refuses"
        case .incomingUnknown: "incoming-unknown"
        case .groupAllows: "group-allows"
        case .groupRefuses: "group-refuses"
        case .rulePassed: "rule-passed"
        case .ruleRefuses: "rule-refuses"
        case .ruleLimits: "rule-limits"
        case .ruleAllows: "rule-allows"
        case .ruleAsksPIN: "rule-asks-pin"
        case .pin: "pin"
        case .pinMissing: "pin-missing"
        case .onRightsOf: "on-rights-of"
        case .diverted: "diverted"
        case .transferred: "transferred"
        case .forwardsAlways: "forwards-always"
        case .forwardedTooOften: "forwarded-too-often"
        case .doNotDisturb: "do-not-disturb"
        case .feature: "feature"
        case .recalled: "recalled"
        case .pickup: "pickup"
        case .replaces: "replaces"
        case .group: "group"
        case .memberPassed: "member-passed"
        case .inbound: "inbound"
        case .target: "target"
        case .fallback: "fallback"
        case .alternative: "alternative"
        case .ordered: "ordered"
        case .withoutLine: "without-line"
        case .wayForbidden: "way-forbidden"
        case .wayClosed: "way-closed"
        case .wish: "wish"
        case .wishGranted: "wish-granted"
        case .noRoute: "no-route"
        case .insideOnly: "inside-only"
        }
    }
}
