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
    /// Every step, in order.
    public var explanation: [Step]
    /// `Plan.version` of the plan that decided.
    public var planVersion: String

    public init(
        outcome: Outcome, dialled: String, normalised: String, numberClass: String?,
        limitMilliseconds: Int64? = nil, explanation: [Step], planVersion: String
    ) {
        self.outcome = outcome
        self.dialled = dialled
        self.normalised = normalised
        self.numberClass = numberClass
        self.limitMilliseconds = limitMilliseconds
        self.explanation = explanation
        self.planVersion = planVersion
    }
}

/// Where a call goes.
public enum Outcome: Hashable, Sendable {
    /// A subscriber of this site.
    case ring(extension: String)
    /// Out, by the first of these that works; never empty.
    case routes([RouteChoice])
    /// An emergency number: out by the first of these that works, whatever the caller's level,
    /// balance, lock or time. Empty only where the site has neither line nor trunk.
    case emergency([RouteChoice])
    case refuse(Refusal)
}

/// One way out for a call.
public struct RouteChoice: Hashable, Sendable {
    public var via: Via
    /// The number in the form this way wants it.
    public var number: String
    /// The caller's number to show; nil leaves it to the trunk's own setting.
    public var presented: String?
    /// Known not to work at the moment of the question: skip it while another is left.
    public var down: Bool

    public init(via: Via, number: String, presented: String?, down: Bool) {
        self.via = via
        self.number = number
        self.presented = presented
        self.down = down
    }

    /// What carries the call.
    public enum Via: Hashable, Sendable, CustomStringConvertible {
        /// The caller's own direct line, by its number.
        case line(String)
        case trunk(String)

        /// `line 66778100` or the trunk's name.
        public var description: String {
            switch self {
            case .line(let number): "line \(number)"
            case .trunk(let name): name
            }
        }
    }
}

/// Why a call is not made.
public struct Refusal: Hashable, Sendable {
    public var code: Code
    /// One plain sentence without a full stop, fit for a SIP Reason text.
    public var reason: String

    public init(code: Code, reason: String) {
        self.code = code
        self.reason = reason
    }

    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// The caller's level does not allow this class of number.
        case level
        /// A rule of the plan forbids it.
        case rule
        /// No class, extension or line has this number.
        case unknownNumber
        /// The class has no route, or none that this caller can use.
        case noRoute
        /// What was dialled is no number.
        case invalid
    }

    /// The SIP status to answer with.
    public var sipStatus: Int {
        switch code {
        case .level, .rule: 403
        case .unknownNumber, .noRoute: 404
        case .invalid: 484
        }
    }

    /// The Q.850 cause to record and to put in a Reason header (RFC 3398 §7.2.4.1).
    public var q850: Int {
        switch code {
        case .level, .rule: 21
        case .unknownNumber: 1
        case .noRoute: 3
        case .invalid: 28
        }
    }
}
