import NIOCore
import SIP

/// How many TLS handshakes each address begins, an IPv6 /64 being one: each costs some hundred times what
/// it costs to ask for it.
struct HandshakeRates {
    private var buckets: LeakyBuckets<IPAddress>

    /// - Parameter limit: see `StreamLimits.handshakingPeers`.
    init(limit: Int = StreamLimits().handshakingPeers) { buckets = LeakyBuckets(limit: limit) }

    var count: Int { buckets.count }

    /// Whether one more may begin now; one that may is counted.
    ///
    /// - Parameters:
    ///   - rate: a second, in the long run.
    ///   - burst: at once.
    mutating func admits(
        _ address: IPAddress, rate: Int, burst: Int, now: NIODeadline
    ) -> Bool {
        buckets.admits(
            address.network, each: Instant.Span(nanoseconds: 1_000_000_000 / Int64(rate)),
            burst: burst, now: Instant(now))
    }

    /// Forgets those that have begun none for a while.
    mutating func expire(now: NIODeadline) { buckets.expire(now: Instant(now)) }
}

extension Instant {
    fileprivate init(_ deadline: NIODeadline) {
        self.init(nanoseconds: Int64(clamping: deadline.uptimeNanoseconds))
    }
}
