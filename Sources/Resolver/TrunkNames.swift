import Dispatch
import SIP
import Switching

/// Follows the names of trunks: looks them up beside the loop, again whenever an answer no longer
/// holds, and tells what changed.
public final class TrunkNames: @unchecked Sendable {
    /// An answer is not asked for again sooner than this, whatever its TTL.
    static let shortest = 5
    static let longest = 3600
    /// After a failure.
    static let retry = 10

    /// One name that a trunk is reached by.
    public struct Name: Sendable, Hashable {
        public var trunk: String
        public var host: TrunkHost
        /// By which its requests can leave.
        public var ways: [TrunkWay]
        /// The name says which of them.
        public var isOpen: Bool

        public init(trunk: String, host: TrunkHost, ways: [TrunkWay], isOpen: Bool) {
            self.trunk = trunk
            self.host = host
            self.ways = ways
            self.isOpen = isOpen
        }
    }

    private let queue = DispatchQueue(label: "tandem.names")
    private let now: @Sendable () -> Instant
    private let tell: @Sendable (TrunkResolution) -> Void
    // All below belongs to the queue.
    private var servers = NameServers([])
    private var followed: [Name] = []
    /// Counts calls of `follow`: what was planned before the last one is void.
    private var round = 0
    private var told: [String: TrunkResolution] = [:]

    /// - Parameters:
    ///   - now: the monotonic clock.
    ///   - tell: called on a thread of its own with each answer that says something new.
    public init(
        now: @escaping @Sendable () -> Instant, tell: @escaping @Sendable (TrunkResolution) -> Void
    ) {
        self.now = now
        self.tell = tell
    }

    /// Follows these names from now on and no others. Returns at once.
    public func follow(_ names: [Name], servers: [Endpoint]) {
        queue.async { [self] in
            round += 1
            self.servers = NameServers(servers)
            followed = names
            // The switch forgets the answers to a name that has changed.
            told = [:]
            for name in names { look(name, round: round) }
        }
    }

    private func look(_ name: Name, round: Int) {
        guard round == self.round else { return }
        let time = now()
        let outcome = TargetLookup.targets(
            of: name.host, ways: name.ways, isOpen: name.isOpen
        ) {
            servers.ask($0, now: time)
        }
        let resolution = TrunkResolution(
            trunk: name.trunk, targets: outcome.targets, failure: outcome.failure)
        if told[name.trunk] != resolution {
            told[name.trunk] = resolution
            tell(resolution)
        }
        let seconds =
            outcome.failure == nil
            ? min(max(outcome.seconds, Self.shortest), Self.longest) : Self.retry
        queue.asyncAfter(deadline: .now() + .seconds(seconds)) { [weak self] in
            self?.look(name, round: round)
        }
    }
}
