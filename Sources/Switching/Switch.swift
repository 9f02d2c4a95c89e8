import Charging
import Dialplan
import SIP

/// The whole switch as one value: calls, legs, registrar, lines, trunks, money.
///
/// `handle` is the one verb. It is pure: the same events in the same order with the same readings of
/// the clock give the same actions, byte for byte, since the token generator's seed is handed in too.
public struct Switch: Sendable {
    /// - Parameters:
    ///   - stored: what the disk held; running calls in it are ended and recorded.
    ///   - seed: 32 bytes from the system's random source.
    ///   - actions: receives what follows from the start itself.
    public init(
        configuration: Configuration, stored: StoredState, hashes: HashFunctions, seed: [UInt8],
        wallClock: WallClock, now: Instant, into actions: inout ActionList
    ) {
        fatalError()
    }

    /// When `deadlineReached` is next due; `distantFuture` when nothing waits.
    public var nextDeadline: Instant { .distantFuture }

    public mutating func handle(_ event: Event, now: Instant, into actions: inout ActionList) {}
}
