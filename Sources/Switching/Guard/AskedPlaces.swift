import SIP

/// Where requests of ours wait for an answer, roughly: whether one may wait at an endpoint costs no look
/// at all of them.
///
/// A datagram to a port where nobody listens comes back as an ICMP error, and whoever waits there is
/// told. A stranger makes that happen as often as it likes, by asking from a closed port; nothing of ours
/// waits for it, and this says so. A counter for each of a thousand buckets: one that is zero is certain.
/// Which endpoints share one depends on a secret, so that nobody finds a port that shares it with a trunk.
struct AskedPlaces: Sendable {
    private static let buckets = 1024

    private var counts = [UInt32](repeating: 0, count: Self.buckets)
    /// Odd.
    private let factor: UInt64

    /// - Parameter secret: at least eight bytes that nobody else knows.
    init(secret: [UInt8]) {
        factor = secret.prefix(8).reduce(1) { $0 << 8 | UInt64($1) } | 1
    }

    mutating func add(_ endpoint: Endpoint) { counts[bucket(endpoint)] += 1 }

    mutating func remove(_ endpoint: Endpoint) {
        let bucket = bucket(endpoint)
        assert(counts[bucket] > 0, "nothing was asked at \(endpoint)")
        counts[bucket] -= counts[bucket] > 0 ? 1 : 0
    }

    /// Whether a request may wait there; false is certain.
    func mayHold(_ endpoint: Endpoint) -> Bool { counts[bucket(endpoint)] > 0 }

    @inline(__always) private func bucket(_ endpoint: Endpoint) -> Int {
        var mixed = (endpoint.ip.high ^ factor) &* factor
        mixed = (mixed ^ mixed >> 32 ^ endpoint.ip.low) &* factor
        mixed = (mixed ^ mixed >> 32 ^ UInt64(endpoint.port)) &* factor
        return Int(mixed >> 54)
    }
}
