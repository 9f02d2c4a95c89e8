import NIOCore
import SIP

/// How many TLS handshakes each address begins: each costs some hundred times what it costs to ask for
/// it.
///
/// A handshake takes its place in a queue that moves at a rate; whoever would stand behind too many
/// others is refused. So one point in time for each address is all there is to keep, and none once its
/// queue is empty.
struct HandshakeRates {
    /// See `StreamLimits.handshakingPeers`.
    private let limit: Int
    /// When the queue of an address, an IPv6 /64 being one, will be empty.
    private var emptyAt: [IPAddress: NIODeadline] = [:]

    init(limit: Int = StreamLimits().handshakingPeers) { self.limit = limit }

    var count: Int { emptyAt.count }

    /// Whether one more may begin now; one that may is counted.
    ///
    /// - Parameters:
    ///   - rate: a second, in the long run.
    ///   - burst: at once.
    mutating func admits(
        _ address: IPAddress, rate: Int, burst: Int, now: NIODeadline
    ) -> Bool {
        let network = address.network
        let each = TimeAmount.nanoseconds(1_000_000_000 / Int64(rate))
        let known = emptyAt[network]
        let place = max(known ?? now, now)
        guard place - now <= each * (burst - 1) else { return false }
        if known == nil, emptyAt.count >= limit {
            expire(now: now)
            guard emptyAt.count < limit else { return true }
        }
        emptyAt[network] = place + each
        return true
    }

    /// Forgets empty queues.
    mutating func expire(now: NIODeadline) { emptyAt = emptyAt.filter { $0.value > now } }
}
