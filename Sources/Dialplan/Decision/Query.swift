/// What is asked of a plan: who dials what, when, and which ways out are known to be down.
public struct Query: Sendable {
    public var caller: Caller
    /// The digits as they came: `0-9 * # +`, with the separators `- . ( )` and space forgiven.
    public var dialled: String
    /// The wall clock in the main site's time zone.
    public var time: CivilTime
    /// The wall clock in the time zones of other sites, by their IANA names. A site whose zone is not
    /// among them has the main site's time.
    public var timesElsewhere: [String: CivilTime] = [:]
    /// Names of trunks and numbers of lines that are known not to work; `line` stands for every
    /// line.
    public var down: Set<String>
    /// The number that a caller from outside says it has; nil when it says none.
    public var callerNumber: String?
    /// The number that the caller's phone asks to present; shown when its group may.
    public var wish: String?
    /// What became of the PIN that an earlier decision asked for.
    public var pin = PINAnswer.notAsked
    /// Where the call goes instead of what was dialled: a target that an earlier decision named.
    public var target: Target?
    /// The extensions that have forwarded this call, in their order. The last one's rights and
    /// account count.
    public var forwardedBy: [String] = []
    /// The extensions and groups that have not taken this call. The plan sends it to none of them again.
    public var passed: [String] = []
    /// Whether the phone of the last that forwarded has sent it on by itself (3xx). A phone that is
    /// locked gets no further by that than by dialling.
    public var isRedirected = false
    /// How often the call has been sent on, by users or by the plan.
    public var diversions = 0
    /// Names every rule of the plan in the explanation, also those for other callers. Costs time in
    /// the number of rules; decides the same.
    public var isThorough = false
    /// What a subscriber has set; nil for a number that is not set up.
    public var settings: @Sendable (_ extension: String) -> ExtensionSettings?

    public init(
        caller: Caller, dialled: String, time: CivilTime, down: Set<String> = [],
        settings: @escaping @Sendable (_ extension: String) -> ExtensionSettings? = { _ in nil }
    ) {
        self.caller = caller
        self.dialled = dialled
        self.time = time
        self.down = down
        self.settings = settings
    }

    /// The question to ask when a call goes on to a target that a decision named: because the phone
    /// is busy, does not answer or is not registered, or a ring group overflows.
    ///
    /// - Parameters:
    ///   - extension: whose forwarding it is; nil where the plan sends it on by itself.
    ///   - from: the extension or group that did not take it.
    public func diverted(
        to target: Target, by extension: String? = nil, from: String? = nil
    ) -> Query {
        var query = self
        query.target = target
        query.pin = .notAsked
        query.isRedirected = false
        query.diversions += 1
        if let from { query.passed.append(from) }
        if let `extension` { query.forwardedBy.append(`extension`) }
        return query
    }
}

/// Who dials.
public enum Caller: Hashable, Sendable {
    /// A subscriber of this site with the outgoing level it holds.
    case `extension`(String, level: String)
    /// Somebody outside who came in on a direct line: the line's number.
    case line(String)
    /// Somebody outside who came in on a trunk: the trunk's name.
    case trunk(String)
}

extension Caller {
    /// The extension that dials; nil for somebody outside.
    public var number: String? {
        switch self {
        case .extension(let number, _): number
        case .line, .trunk: nil
        }
    }
}
