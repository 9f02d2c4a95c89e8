import SIP
import Store

/// Feeds the service manager's watchdog while the loop turns and the store's thread lives.
///
/// A disk that refuses is no reason to be restarted: that would end the calls that go on and mend
/// nothing. It is told as the status; paid calls are refused meanwhile. A thread that hangs in the
/// kernel is a reason.
final class Watchdog {
    /// The store's thread shows itself each second; after so long without it hangs.
    static let storePatience = Instant.Span.seconds(15)

    private let notifier: ServiceNotifier
    private let interval: Instant.Span?
    private var nextFeed: Instant
    private var lastTurns: UInt64 = 0
    private var lastTurnsChanged: Instant
    private var isStalled = false

    init(notifier: ServiceNotifier, now: Instant) {
        self.notifier = notifier
        // Twice in the time it is waited for, as sd_watchdog_enabled(3) advises.
        interval = notifier.watchdogSeconds.map { .milliseconds(Int($0 * 500)) }
        nextFeed = now
        lastTurnsChanged = now
    }

    /// To be called from the loop, each second or so.
    func loopTurned(now: Instant, health: Store.Health) {
        if health.turns != lastTurns {
            lastTurns = health.turns
            lastTurnsChanged = now
        }
        if (health.stalledBecause != nil) != isStalled {
            isStalled = health.stalledBecause != nil
            notifier.tell(.status(health.stalledBecause ?? "running"))
        }
        guard let interval, now >= nextFeed, now - lastTurnsChanged < Self.storePatience else {
            return
        }
        nextFeed = now + interval
        notifier.tell(.watchdog)
    }
}
