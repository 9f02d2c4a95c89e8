import Dispatch
import SIP
import Switching
import Synchronization

/// Follows the names of trunks: looks them up beside the loop, again whenever an answer no longer
/// holds, and tells what changed.
///
/// Several at a time, so that a name that no server answers for keeps no other waiting.
public final class TrunkNames: @unchecked Sendable {
    /// An answer is not asked for again sooner than this, whatever its TTL.
    static let shortest = 5
    static let longest = 3600
    /// After a failure.
    static let retry = 10
    /// Names that are asked for at a time; more of them wait for one another.
    static let laneLimit = 16

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

    private let lanes: [TrunkNameLane]
    private let told: Told

    /// - Parameters:
    ///   - now: the monotonic clock.
    ///   - tell: called on threads of its own with each answer that says something new.
    public init(
        now: @escaping @Sendable () -> Instant, tell: @escaping @Sendable (TrunkResolution) -> Void
    ) {
        let told = Told(tell)
        self.told = told
        lanes = (0..<Self.laneLimit).map { _ in TrunkNameLane(now: now, told: told) }
    }

    /// Follows these names from now on and no others. Returns at once.
    public func follow(_ names: [Name], servers: [Endpoint]) {
        let round = told.begin()
        for (place, lane) in lanes.enumerated() {
            let own = names.indices.filter { $0 % lanes.count == place }.map { names[$0] }
            lane.follow(own, servers: servers, round: round)
        }
    }
}

/// What was told of the names that are followed now: an answer to a question of before says nothing.
private final class Told: Sendable {
    private struct State {
        /// Counts calls of `follow`.
        var round = 0
        var resolutions: [String: TrunkResolution] = [:]
    }

    private let state = Mutex(State())
    private let tell: @Sendable (TrunkResolution) -> Void

    init(_ tell: @escaping @Sendable (TrunkResolution) -> Void) { self.tell = tell }

    /// The switch forgets the answers to a name that has changed, so all are told anew.
    func begin() -> Int {
        state.withLock { state in
            state.round += 1
            state.resolutions = [:]
            return state.round
        }
    }

    /// Under the lock, so that nobody tells of an earlier round after a later one has begun.
    func found(_ resolution: TrunkResolution, round: Int) {
        state.withLock { state in
            guard round == state.round, state.resolutions[resolution.trunk] != resolution else {
                return
            }
            state.resolutions[resolution.trunk] = resolution
            tell(resolution)
        }
    }
}

/// Names that are looked up one after the other.
private final class TrunkNameLane: @unchecked Sendable {
    private let queue = DispatchQueue(label: "tandem.names")
    private let now: @Sendable () -> Instant
    private let told: Told
    // All below belongs to the queue.
    private var servers = NameServers([])
    /// What was planned in an earlier one is void.
    private var round = 0

    init(now: @escaping @Sendable () -> Instant, told: Told) {
        self.now = now
        self.told = told
    }

    func follow(_ names: [TrunkNames.Name], servers: [Endpoint], round: Int) {
        queue.async { [self] in
            self.round = round
            self.servers = NameServers(servers)
            for name in names { look(name, round: round) }
        }
    }

    private func look(_ name: TrunkNames.Name, round: Int) {
        guard round == self.round else { return }
        let time = now()
        let outcome = TargetLookup.targets(
            of: name.host, ways: name.ways, isOpen: name.isOpen
        ) {
            servers.ask($0, now: time)
        }
        told.found(
            TrunkResolution(
                trunk: name.trunk, targets: outcome.targets, failure: outcome.failure),
            round: round)
        let seconds =
            outcome.failure == nil
            ? min(max(outcome.seconds, TrunkNames.shortest), TrunkNames.longest) : TrunkNames.retry
        queue.asyncAfter(deadline: .now() + .seconds(seconds)) { [weak self] in
            self?.look(name, round: round)
        }
    }
}
