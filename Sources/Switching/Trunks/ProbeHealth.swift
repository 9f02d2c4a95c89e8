import SIP

/// What the answers to our OPTIONS say of a trunk, with hysteresis.
///
///               failures in a row          answers in a row
///     unknown --------------------> down --------------------> up
///        |  answer                    ^                         |
///        +----------> up              +-------------------------+
///                                          failures in a row
///
/// It serves any signal that is asked for at an interval: the span's state by SNMP is another.
struct ProbeHealth: Sendable {
    private enum State: Sendable {
        /// Nothing has been heard yet.
        case unknown
        case up
        case down
    }

    private var state = State.unknown
    /// In a row: failures while not down, answers while down.
    private var streak = 0
    /// When and why the state last changed.
    private(set) var since: Instant
    private(set) var reason: String

    /// - Parameter reason: what to say until something is heard.
    init(now: Instant, reason: String = "not heard of yet") {
        since = now
        self.reason = reason
    }

    var isDown: Bool {
        switch state {
        case .down: true
        case .unknown, .up: false
        }
    }

    var isUp: Bool {
        switch state {
        case .up: true
        case .unknown, .down: false
        }
    }

    var stateName: String {
        switch state {
        case .unknown: "unknown"
        case .up: "up"
        case .down: "down"
        }
    }

    /// A good sign. `answersToUp` of them in a row end a time of trouble.
    mutating func answered(_ why: String, again: String, answersToUp: Int, now: Instant) {
        switch state {
        case .unknown: change(to: .up, because: why, now: now)
        case .up: streak = 0
        case .down:
            streak += 1
            if streak >= answersToUp { change(to: .up, because: again, now: now) }
        }
    }

    /// A bad sign. `failuresToDown` of them in a row make it down.
    mutating func failed(_ why: String, failuresToDown: Int, now: Instant) {
        switch state {
        case .unknown, .up:
            streak += 1
            if streak >= failuresToDown { change(to: .down, because: why, now: now) }
        case .down:
            streak = 0
            // The latest cause tells the operator more than the first.
            reason = why
        }
    }

    /// What people should know of a state that stays as it is.
    mutating func noted(_ what: String) { reason = what }

    /// Nobody can tell any more: what was known is of no use.
    mutating func lost(_ why: String, now: Instant) {
        switch state {
        case .unknown: reason = why
        case .up, .down: change(to: .unknown, because: why, now: now)
        }
    }

    private mutating func change(to state: State, because why: String, now: Instant) {
        self.state = state
        streak = 0
        since = now
        reason = why
    }
}
