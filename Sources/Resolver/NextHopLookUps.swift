import Dispatch
import SIP
import Switching

/// Asks for names in the dialogs of gateways, one after another, beside the loop.
///
/// Apart from `TrunkNames`, so that a gateway that names what no server answers for keeps no trunk
/// waiting. The switch asks for a name again when it needs it again; it never has many of them asked
/// at once (`NextHopNames.askedLimit`).
public final class NextHopLookUps: @unchecked Sendable {
    private let queue = DispatchQueue(label: "tandem.next-hops")
    private let now: @Sendable () -> Instant
    private let tell: @Sendable (NextHopResolution) -> Void
    /// Belongs to the queue.
    private var servers = NameServers([])

    /// - Parameters:
    ///   - now: the monotonic clock.
    ///   - tell: called on a thread of its own, once for each `look`.
    public init(
        now: @escaping @Sendable () -> Instant,
        tell: @escaping @Sendable (NextHopResolution) -> Void
    ) {
        self.now = now
        self.tell = tell
    }

    /// Asks these name servers from now on; none is as the system is set up. Returns at once.
    public func use(_ servers: [Endpoint]) {
        queue.async { [self] in self.servers = NameServers(servers) }
    }

    /// Looks a name up by RFC 3263. Returns at once.
    public func look(up query: NextHopQuery) {
        queue.async { [self] in
            let time = now()
            let outcome = TargetLookup.targets(
                of: query.host, ways: query.ways, isOpen: query.isOpen
            ) {
                servers.ask($0, now: time)
            }
            tell(
                NextHopResolution(
                    query: query, targets: outcome.targets, seconds: outcome.seconds,
                    failure: outcome.failure))
        }
    }
}
