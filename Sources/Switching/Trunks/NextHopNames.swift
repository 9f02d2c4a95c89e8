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
    private var restsUntil: [NextHop: Instant] = [:]
    /// Some name has stood for several places.
    private(set) var hasChoices = false

    var isAsking: Bool { asked > 0 }
    var count: Int { entries.count }
    var askedCount: Int { asked }
    /// The most requests that wait for one name.
    var longestWaiting: Int { entries.values.reduce(0) { max($0, $1.waiting.count) } }

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
            if entry.targets.count > 1 { hasChoices = true }
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

    func isAsked(_ query: NextHopQuery) -> Bool { entries[query]?.isAsked == true }

    /// Nobody is there: requests go to another target, where there is one, until it answers or its time
    /// is over.
    mutating func failed(_ hop: NextHop, now: Instant) {
        guard isTarget(hop) else { return }
        failedUntil = failedUntil.filter { $0.value > now }
        failedUntil[hop] = now + Self.quarantine
    }

    mutating func answered(_ hop: NextHop) {
        if !failedUntil.isEmpty { failedUntil[hop] = nil }
    }

    /// It has said that it takes no requests for so long (RFC 3261 §21.5.4).
    mutating func rests(_ hop: NextHop, seconds: Int, now: Instant) {
        guard isTarget(hop) else { return }
        restsUntil = restsUntil.filter { $0.value > now }
        restsUntil[hop] = now + .seconds(min(seconds, Self.longest))
    }

    private func isTarget(_ hop: NextHop) -> Bool {
        entries.contains { $0.value.targets.contains { $0.hop == hop } }
    }

    /// The order in which requests go to targets of a name: first the one that the gateway spoke from,
    /// then the best. Those that failed lately come last; one that rests comes after its like, but for
    /// the gateway's own, which alone may know the dialog. Always the same order, since all requests of a
    /// dialog belong to one place.
    func order(of targets: [TrunkTarget], preferring own: NextHop, now: Instant) -> [NextHop] {
        guard targets.count > 1 else { return targets.map(\.hop) }
        func place(_ target: TrunkTarget) -> Int {
            let isOwn = target.hop == own
            let rests = !isOwn && restsUntil[target.hop].map { $0 > now } == true
            let isFailed = failedUntil[target.hop].map { $0 > now } == true
            return (isFailed ? 4 : 0) + (isOwn ? 0 : 2) + (rests ? 1 : 0)
        }
        // Among equals the family that is spoken already is known to get through.
        func key(_ target: TrunkTarget) -> (Int, UInt16, UInt16, UInt16, Int, String) {
            let isOther = target.endpoint.ip.isV4 != own.endpoint.ip.isV4
            return (
                place(target), target.rank, target.priority, UInt16.max - target.weight,
                isOther ? 1 : 0, target.endpoint.sortKey
            )
        }
        return targets.map { (key($0), $0.hop) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
