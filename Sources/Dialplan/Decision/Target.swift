/// Where a call goes that somebody else than its caller sends on: by the plan or by a user's own
/// forwarding.
public enum Target: Hashable, Sendable {
    case `extension`(String)
    /// A ring group by its name.
    case group(String)
    /// A number, called with the rights and on the account of an extension.
    case number(String, as: String)
    /// A trunk that is told the extension or line that was called, such as one to a voice mail.
    /// Nobody pays for it.
    case trunk(String)
    /// Nowhere: the caller hears the busy tone.
    case busy
}

extension Target: CustomStringConvertible {
    /// As a plan spells it: `8003`, `group reception`, `02088886666 as 8000`.
    public var description: String {
        switch self {
        case .extension(let number): number
        case .group(let name): "group \(name)"
        case .number(let number, let payer): "\(number) as \(payer)"
        case .trunk(let name): "trunk \(name)"
        case .busy: "busy"
        }
    }
}

/// What is done with a call that an extension does not take: its user's own forwarding, else what the
/// plan's `when` says.
///
/// When it happens, ask the plan again with `Query.diverted(to:by:)`.
public struct Fallbacks: Hashable, Sendable {
    /// How long to ring before the call counts as not answered, in milliseconds; nil leaves it to
    /// the switch.
    public var ringMilliseconds: Int64?
    public var busy: Fallback?
    public var noAnswer: Fallback?
    public var unregistered: Fallback?

    public init() {}
}

/// One of the ways a call goes on.
public struct Fallback: Hashable, Sendable {
    public var target: Target
    /// The extension whose user forwards; nil where the plan does.
    public var forwardedBy: String?

    public init(target: Target, forwardedBy: String? = nil) {
        self.target = target
        self.forwardedBy = forwardedBy
    }
}
