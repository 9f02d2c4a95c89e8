/// What a plan decided about a call, and why.
public struct Decision: Sendable {
    public var outcome: Outcome
    /// The digits as they came.
    public var dialled: String
    /// The one form every spelling of the number is brought to: what levels, tariffs and records
    /// look at. Equal to `dialled` where the number could not be read.
    public var normalised: String
    /// The number class, `internal` and `emergency` among them; nil where no class covers it.
    public var numberClass: String?
    /// The longest the call may last by a rule of the plan, in milliseconds; nil without a limit.
    public var limitMilliseconds: Int64?
    /// The extension on whose rights the call is made and whose account pays: the caller, whose PIN
    /// was dialled, or who forwarded last. Nil where nobody inside has a part in it.
    public var rights: String?
    /// The number that a code stands for: what stands behind a PIN, in a speed dial entry or was dialled
    /// last; nil where the call is to what was dialled. Whoever asks again about the call asks for this
    /// in place of what was dialled, which may hold a PIN.
    public internal(set) var called: String?
    /// What follows when the extension of `ring` does not take the call.
    public var fallbacks = Fallbacks()
    /// Where another site of the switch has the say.
    var handover: Handover?
    /// Every step, in order.
    public var explanation: [Step]
    /// `Plan.version` of the plan that decided.
    public var planVersion: String

    public init(
        outcome: Outcome, dialled: String, normalised: String, numberClass: String?,
        limitMilliseconds: Int64? = nil, rights: String? = nil, explanation: [Step],
        planVersion: String
    ) {
        self.outcome = outcome
        self.dialled = dialled
        self.normalised = normalised
        self.numberClass = numberClass
        self.limitMilliseconds = limitMilliseconds
        self.rights = rights
        self.explanation = explanation
        self.planVersion = planVersion
    }
}

/// What the caller's site leaves to another one; the outcome beside it says nothing.
enum Handover: Sendable {
    /// A direct line of that site which rings something of its own, as that site writes it.
    case line(String, site: Int)
    /// A call on the level and the account of an extension there, by its PIN.
    case callByPIN(FeatureTable.Arguments, of: String)
    /// A group of another site.
    case group(String)
}

/// Where a call goes.
public enum Outcome: Hashable, Sendable {
    /// A subscriber of this site.
    case ring(extension: String)
    case ringGroup(RingGroup)
    /// Out, by the first of these that works; never empty. `RouteChoice.ordered` says which is first.
    case routes([RouteChoice])
    /// An emergency number: out by the first of these that works, whatever the caller's level,
    /// balance, lock or time. Empty only where the site has neither line nor trunk.
    case emergency([RouteChoice])
    /// No call: something is switched, read or picked up.
    case feature(FeatureCall)
    /// Nothing yet: a PIN is needed first.
    case askPIN(PINRequest)
    case refuse(Refusal)
}
