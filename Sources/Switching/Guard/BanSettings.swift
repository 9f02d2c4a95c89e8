import SIP

/// What strangers do that honest phones seldom do, each with a weight.
public enum Offence: UInt8, Sendable, CaseIterable {
    /// A tool for scanning that gives its name in User-Agent.
    case scanner
    /// A password that is wrong, or a user that does not exist: the same in every way.
    case wrongPassword
    /// A challenge that nobody answered, beyond those of a phone that was switched off in between.
    case unansweredChallenge
    /// More requests at a time than anybody needs who is neither a trunk nor has a phone here.
    case flood
    /// A request that belongs to no call, or that only a peer may send.
    case strayRequest
    /// Bytes that are no SIP.
    case malformed

    /// As the configuration and the list of bans write it.
    public var name: String {
        switch self {
        case .scanner: "scanner"
        case .wrongPassword: "wrong-password"
        case .unansweredChallenge: "unanswered-challenge"
        case .flood: "flood"
        case .strayRequest: "stray-request"
        case .malformed: "malformed"
        }
    }

    /// Whether a stranger could commit it in another's name, by writing that address into a datagram.
    /// A wrong password answers a challenge that only that address received.
    var isForgeable: Bool { self != .wrongPassword }
}

/// When an address is banned, and for how long.
public struct BanSettings: Sendable, Hashable {
    public var isOn = true
    /// So many points are a ban.
    public var threshold = 100
    /// Points that are forgotten in a minute.
    public var forgottenPerMinute = 10
    /// The first ban of an address; each further one is twice as long as the one before.
    public var duration: Instant.Span = .seconds(3600)
    public var longest: Instant.Span = .seconds(86_400)
    /// Never banned, besides the trunks, the own addresses and the flows of registered phones.
    public var allowed: [AddressRange] = []
    /// Points of each offence; zero does not count it.
    public var weights = Self.defaultWeights

    public static let defaultWeights: [Offence: Int] = [
        .scanner: 100, .wrongPassword: 10, .unansweredChallenge: 5, .flood: 5,
        .strayRequest: 5, .malformed: 2,
    ]

    /// Challenges without an answer in one `window` that are no offence: phones start, lose packets
    /// and give up.
    public static let patience = 15
    public static let window: Instant.Span = .seconds(30)
    /// So many in one window are an offence each at once: more phones than any office switches on at a
    /// time. So are requests that need no challenge.
    public static let burst = 1_000

    public init() {}
}
