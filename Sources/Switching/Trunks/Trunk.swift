import SIP

/// A way out at work: its channels, and whether it lives.
///
/// Health joins two signals with hysteresis: answers to our OPTIONS, and what calls met. A trunk goes
/// down after `failuresToDown` failures in a row of either kind and comes up after `answersToUp`
/// answered OPTIONS in a row. A trunk that is never asked cannot come up by itself, so it never goes
/// down either.
///
///               failures in a row          answers in a row
///     unknown --------------------> down --------------------> up
///        |  answer                    ^                         |
///        +----------> up              +-------------------------+
///                                          failures in a row
struct Trunk: Sendable {
    private enum Health: Sendable {
        /// Not heard of since the start; calls are tried.
        case unknown
        case up
        case down
    }

    /// What a signal changed.
    enum Change {
        case none
        case wentDown
        case cameUp
    }

    let settings: TrunkSettings
    private var health = Health.unknown
    /// In a row: failures while not down, answers while down.
    private var streak = 0
    /// When and why the health last changed.
    private(set) var since: Instant
    private(set) var reason = "not heard of yet"
    /// Calls on it, both directions.
    private(set) var channelsInUse = 0
    private(set) var attempts: UInt64 = 0
    private(set) var failures: UInt64 = 0
    /// The OPTIONS that is out.
    var probe: Handle?

    init(settings: TrunkSettings, now: Instant) {
        self.settings = settings
        self.since = now
    }

    var isProbed: Bool { settings.optionsInterval > .zero }
    var isDown: Bool {
        switch health {
        case .down: true
        case .unknown, .up: false
        }
    }

    var stateName: String {
        switch health {
        case .unknown: "unknown"
        case .up: "up"
        case .down: "down"
        }
    }

    /// Takes a channel; false when all are taken.
    mutating func takeChannel() -> Bool {
        guard channelsInUse < settings.channels else { return false }
        channelsInUse += 1
        return true
    }

    /// Counts a call that is on it already, whatever the limit is now.
    mutating func countChannel() { channelsInUse += 1 }

    /// Gives a channel back. One that was never taken is our own bug.
    mutating func freeChannel() {
        precondition(channelsInUse > 0, "trunk \(settings.name) frees a channel it has not taken")
        channelsInUse -= 1
    }

    mutating func attemptStarted() { attempts += 1 }

    /// The far side answered an OPTIONS with anything but 503 and 408.
    mutating func probeAnswered(now: Instant) -> Change {
        switch health {
        case .unknown:
            change(to: .up, because: "answers OPTIONS", now: now)
            return .cameUp
        case .up:
            streak = 0
            return .none
        case .down:
            streak += 1
            guard streak >= settings.answersToUp else { return .none }
            change(to: .up, because: "answers OPTIONS again", now: now)
            return .cameUp
        }
    }

    mutating func probeFailed(_ why: String, now: Instant) -> Change {
        failed(why, now: now)
    }

    /// A call met the trunk's own fault: silence, a transport error, 5xx or a congestion cause.
    mutating func attemptFailed(_ why: String, now: Instant) -> Change {
        failures += 1
        return failed(why, now: now)
    }

    /// A call got through to the far side, whatever the callee then did.
    mutating func attemptPassed() {
        switch health {
        case .unknown, .up: streak = 0
        // Only OPTIONS bring a trunk up: one lucky call does not make it flap.
        case .down: break
        }
    }

    private mutating func failed(_ why: String, now: Instant) -> Change {
        switch health {
        case .unknown, .up:
            streak += 1
            guard isProbed, streak >= settings.failuresToDown else { return .none }
            change(to: .down, because: why, now: now)
            return .wentDown
        case .down:
            streak = 0
            return .none
        }
    }

    private mutating func change(to health: Health, because why: String, now: Instant) {
        self.health = health
        streak = 0
        since = now
        reason = why
    }

    /// Same name and address, new settings: what is known of it stays, but for its channels, which
    /// are counted anew.
    func reconfigured(_ settings: TrunkSettings, now: Instant) -> Trunk {
        guard settings.endpoint == self.settings.endpoint else {
            return Trunk(settings: settings, now: now)
        }
        var copy = Trunk(settings: settings, now: now)
        copy.health = isProbed && settings.optionsInterval == .zero ? .unknown : health
        copy.since = since
        copy.reason = reason
        copy.attempts = attempts
        copy.failures = failures
        return copy
    }
}
