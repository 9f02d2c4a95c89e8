import SIP

/// A name that stands in the Contact or the Record-Route of a gateway, as it is looked up (RFC 3263
/// §4).
public struct NextHopQuery: Sendable, Hashable {
    /// In small letters.
    public var host: TrunkHost
    /// By which transports requests can leave, as those of a trunk.
    public var ways: [TrunkWay]
    /// The name says which of them.
    public var isOpen: Bool

    public init(host: TrunkHost, ways: [TrunkWay], isOpen: Bool = false) {
        self.host = host
        self.ways = ways
        self.isOpen = isOpen
    }
}

/// What a name server said to a `NextHopQuery`.
public struct NextHopResolution: Sendable, Hashable {
    public var query: NextHopQuery
    /// Empty when the name stands for nothing.
    public var targets: [TrunkTarget]
    /// For how long that holds.
    public var seconds: Int
    /// Why there is no answer; nil when there is one.
    public var failure: String?

    public init(
        query: NextHopQuery, targets: [TrunkTarget], seconds: Int, failure: String? = nil
    ) {
        self.query = query
        self.targets = targets
        self.seconds = seconds
        self.failure = failure
    }
}

/// What the names stand for by which gateways want to be reached inside their calls.
///
/// A name is asked for when the first request to it is near, and again when its answer no longer
/// holds; meanwhile, and where asking fails, what it stood for before goes on. Requests that had to
/// leave before there was any answer are noted, to be sent after it.
struct NextHopNames: Sendable {
    /// Names that are remembered; beyond it those that nobody is asked for are forgotten.
    static let limit = 1_000
    /// Names that name servers are asked for at once: they may take seconds each.
    static let askedLimit = 100
    /// Requests that wait for one name; more of them go where their gateway spoke from.
    static let waitingLimit = 1_000
    /// How long an answer holds at least and at most, and after how long a failure is tried anew.
    static let shortest = 30
    static let longest = 3_600
    static let retry = 10
    /// How long a target that failed goes last.
    static let quarantine = Instant.Span.seconds(30)

    private struct Entry {
        var targets: [TrunkTarget] = []
        var until = Instant(nanoseconds: .min)
        var isAsked = false
        /// Where the gateways spoke from for which it is asked.
        var flows: Set<Flow> = []
        /// Client transactions that left without an answer.
        var waiting: [Handle] = []
    }

    enum Knowledge: Equatable {
        /// What it stands for; empty when nobody knows.
        case known([TrunkTarget])
        /// The same, and it has to be asked for.
        case toBeAsked([TrunkTarget])
    }

    private var entries: [NextHopQuery: Entry] = [:]
    private var asked = 0
    private var failedUntil: [NextHop: Instant] = [:]

    var isAsking: Bool { asked > 0 }
    var count: Int { entries.count }

    /// What a name stands for.
    ///
    /// - Parameter flow: where the gateway spoke from whose request is to be sent.
    mutating func targets(
        of query: NextHopQuery, for flow: Flow, now: Instant
    ) -> Knowledge {
        if let entry = entries[query], entry.isAsked || entry.until > now {
            if entry.isAsked { entries[query]!.flows.insert(flow) }
            return .known(entry.targets)
        }
        let known = entries[query]?.targets ?? []
        guard asked < Self.askedLimit else { return .known(known) }
        if entries[query] == nil, entries.count >= Self.limit {
            entries = entries.filter { $0.value.isAsked }
        }
        asked += 1
        entries[query, default: Entry()].isAsked = true
        entries[query]!.flows.insert(flow)
        return .toBeAsked(known)
    }

    /// A request has left on this flow to a name: where that is being asked for, it waits for the
    /// answer.
    mutating func sent(_ client: Handle, to host: TrunkHost, on flow: Flow) {
        for (query, entry) in entries
        where entry.isAsked && query.host == host && entry.flows.contains(flow)
            && entry.targets.isEmpty && entry.waiting.count < Self.waitingLimit
        {
            entries[query]!.waiting.append(client)
        }
    }

    /// The answer. A failure leaves what was known before.
    ///
    /// - Returns: the requests that waited for it.
    mutating func resolved(_ resolution: NextHopResolution, now: Instant) -> [Handle] {
        guard var entry = entries[resolution.query], entry.isAsked else { return [] }
        asked -= 1
        let waiting = entry.waiting
        entry.isAsked = false
        entry.flows = []
        entry.waiting = []
        if resolution.failure == nil {
            entry.targets = resolution.targets
            let seconds = min(max(resolution.seconds, Self.shortest), Self.longest)
            entry.until = now + .seconds(seconds)
        } else {
            entry.until = now + .seconds(Self.retry)
        }
        entries[resolution.query] = entry
        return waiting
    }

    /// Whether a name stands for this address, as far as is known.
    func stands(_ host: TrunkHost, for ip: IPAddress) -> Bool {
        entries.contains { query, entry in
            query.host == host && entry.targets.contains { $0.endpoint.ip == ip }
        }
    }

    /// Nobody is there: the next request goes to another target, where there is one.
    mutating func failed(_ hop: NextHop, now: Instant) {
        guard entries.contains(where: { $0.value.targets.contains { $0.hop == hop } }) else {
            return
        }
        failedUntil = failedUntil.filter { $0.value > now }
        failedUntil[hop] = now + Self.quarantine
    }

    /// Which of its targets a request goes to: the one that the gateway spoke from, or else the best
    /// of those that have not failed lately. Always the same one, since all requests of a dialog
    /// belong to one place.
    func choice(of targets: [TrunkTarget], preferring own: NextHop, now: Instant) -> NextHop? {
        if targets.contains(where: { $0.hop == own }) { return own }
        let alive = targets.filter { target in
            failedUntil[target.hop].map { $0 <= now } ?? true
        }
        // Among equals the family that is spoken already is known to get through.
        func key(_ target: TrunkTarget) -> (UInt16, UInt16, UInt16, Int, String) {
            let isOther = target.endpoint.ip.isV4 != own.endpoint.ip.isV4
            return (
                target.rank, target.priority, UInt16.max - target.weight, isOther ? 1 : 0,
                target.endpoint.sortKey
            )
        }
        return (alive.isEmpty ? targets : alive).min { key($0) < key($1) }?.hop
    }
}
