import SIP

/// Where a request goes and how it gets there (RFC 3263 §2).
public struct NextHop: Sendable, Hashable, CustomStringConvertible {
    public var transport: TransportKind
    public var endpoint: Endpoint

    public init(transport: TransportKind = .udp, endpoint: Endpoint) {
        self.transport = transport
        self.endpoint = endpoint
    }

    var isSecure: Bool { transport == .tls }

    /// `192.0.2.7:5060`, with the transport before it where that is not UDP.
    public var description: String {
        transport == .udp ? endpoint.description : "\(transport.name) \(endpoint)"
    }
}

extension Flow {
    /// Where it leads, whichever listener of ours it leaves by.
    var hop: NextHop { NextHop(transport: transport, endpoint: remote) }
}

/// One place a trunk's name stands for (RFC 3263 §4.2).
public struct TrunkTarget: Sendable, Hashable {
    public var endpoint: Endpoint
    public var transport: TransportKind
    /// Of its transport among those that the name offers: the lowest goes first (RFC 3263 §4.1).
    public var rank: UInt16 = 0
    /// Of its SRV record: the lowest goes first (RFC 2782).
    public var priority: UInt16
    /// Of its SRV record: the share among equals.
    public var weight: UInt16

    public init(
        endpoint: Endpoint, transport: TransportKind = .udp, priority: UInt16 = 0,
        weight: UInt16 = 0
    ) {
        self.endpoint = endpoint
        self.transport = transport
        self.priority = priority
        self.weight = weight
    }

    public var hop: NextHop { NextHop(transport: transport, endpoint: endpoint) }
}

/// What a name server said of a trunk's name.
public struct TrunkResolution: Sendable, Hashable {
    public var trunk: String
    /// Empty when the name stands for nothing.
    public var targets: [TrunkTarget]
    /// Why there is no answer; nil when there is one.
    public var failure: String?

    public init(trunk: String, targets: [TrunkTarget], failure: String? = nil) {
        self.trunk = trunk
        self.targets = targets
        self.failure = failure
    }
}

/// Where a trunk is reached: one address, or what its name stands for at the moment, and which of
/// those failed lately.
///
/// A target that failed goes last for a while, so that a dead one costs a call its time once and not
/// each time (RFC 3263 §4.3). One that does not answer our OPTIONS goes last until it does again.
struct TargetSet: Sendable {
    /// How long a target that failed goes last.
    static let quarantine = Instant.Span.seconds(30)

    private(set) var targets: [TrunkTarget]
    private var failedUntil: [NextHop: Instant] = [:]
    /// By OPTIONS; those that were not asked yet are missing.
    private(set) var health: [NextHop: ProbeHealth] = [:]

    init(_ targets: [TrunkTarget]) { self.targets = targets }

    var isEmpty: Bool { targets.isEmpty }
    var endpoints: [Endpoint] { targets.map(\.endpoint) }
    var hops: [NextHop] { targets.map(\.hop) }

    mutating func replace(_ targets: [TrunkTarget]) {
        self.targets = targets
        failedUntil = failedUntil.filter { entry in
            targets.contains { $0.hop == entry.key }
        }
        health = health.filter { entry in targets.contains { $0.hop == entry.key } }
    }

    mutating func probeAnswered(_ hop: NextHop, answersToUp: Int, now: Instant) {
        failedUntil[hop] = nil
        health[hop, default: ProbeHealth(now: now)].answered(
            "answers OPTIONS", again: "answers OPTIONS again", answersToUp: answersToUp, now: now)
    }

    mutating func probeFailed(
        _ hop: NextHop, _ why: String, failuresToDown: Int, now: Instant
    ) {
        failed(hop, now: now)
        health[hop, default: ProbeHealth(now: now)].failed(
            why, failuresToDown: failuresToDown, now: now)
    }

    mutating func failed(_ hop: NextHop, now: Instant) {
        failedUntil[hop] = now + Self.quarantine
    }

    mutating func answered(_ hop: NextHop) { failedUntil[hop] = nil }

    /// The order to try them in: by transport, by priority, among equals drawn by weight (RFC 2782);
    /// those that failed lately come after all others.
    func order(now: Instant, using tokens: inout TokenGenerator) -> [NextHop] {
        guard targets.count > 1 else { return hops }
        var order: [NextHop] = []
        let sorted = targets.sorted {
            ($0.rank, $0.priority, $0.endpoint.sortKey)
                < ($1.rank, $1.priority, $1.endpoint.sortKey)
        }
        var rest = sorted[...]
        while let first = rest.first {
            var equals = Array(
                rest.prefix { $0.rank == first.rank && $0.priority == first.priority })
            rest = rest.dropFirst(equals.count)
            while !equals.isEmpty {
                order.append(equals.remove(at: Self.draw(equals, using: &tokens)).hop)
            }
        }
        return order.filter { !isFailed($0, now: now) } + order.filter { isFailed($0, now: now) }
    }

    private func isFailed(_ hop: NextHop, now: Instant) -> Bool {
        health[hop]?.isDown == true || failedUntil[hop].map { $0 > now } ?? false
    }

    /// Whether one is left that has not failed lately.
    func hasOther(now: Instant) -> Bool { hops.contains { !isFailed($0, now: now) } }

    /// Targets of weight 0 have a very small chance beside others (RFC 2782).
    private static func draw(
        _ equals: [TrunkTarget], using tokens: inout TokenGenerator
    ) -> Int {
        let weights = equals.map { $0.weight == 0 ? 1 : UInt64($0.weight) * 100 }
        return WeightedDraw.pick(weights, using: &tokens)
    }
}

/// One of several by weight.
enum WeightedDraw {
    /// A place of `weights`, which is not empty; where all weigh nothing, each is as likely.
    static func pick(_ weights: [UInt64], using tokens: inout TokenGenerator) -> Int {
        let total = weights.reduce(0, +)
        guard total > 0 else { return Int(tokens.next() % UInt64(weights.count)) }
        var drawn = tokens.next() % total
        for (place, weight) in weights.enumerated() {
            if drawn < weight { return place }
            drawn -= weight
        }
        return weights.count - 1
    }
}

extension Endpoint {
    /// Addresses have no order of their own; a list of them needs one that is always the same.
    var sortKey: String { description }
}
