import SIP

/// What calls met on a trunk: opens after failures in a row, and closes when a trial call gets
/// through.
///
///               failures in a row           pause over             a call takes it
///     closed ----------------------> open -------------> halfOpen ---------------> trying
///        ^                            ^                      ^                     |  |  |
///        |                            |                      +---------------------+  |  |
///        |                            |                        ended without verdict  |  |
///        |                            +-----------------------------------------------+  |
///        |                               failed: the next pause is twice as long         |
///        +-------------------------------------------------------------------------------+
///                                    passed
///
/// Only one call at a time is the trial; the others take their next route at once. A trunk that fails
/// again soon after it closed keeps its long pause, so that it does not flap.
struct Breaker: Sendable {
    private enum State: Sendable {
        /// Calls are tried.
        case closed
        /// Calls are not tried before this.
        case open(until: Instant)
        /// The next call is the trial.
        case halfOpen
        /// One call is trying it.
        case trying
    }

    let settings: BreakerSettings
    private var state = State.closed
    /// Failures in a row while closed.
    private var streak = 0
    /// The next pause.
    private var pause: Instant.Span
    /// When and why the state last changed.
    private(set) var since: Instant
    private(set) var reason = "no call has failed"

    init(settings: BreakerSettings, now: Instant) {
        self.settings = settings
        pause = settings.pause
        since = now
    }

    /// Whether a call has to take another way now.
    var isBlocking: Bool {
        switch state {
        case .open, .trying: true
        case .closed, .halfOpen: false
        }
    }

    var isOnTrial: Bool {
        switch state {
        case .halfOpen, .trying: true
        case .closed, .open: false
        }
    }

    var stateName: String {
        switch state {
        case .closed: "closed"
        case .open: "open"
        case .halfOpen: "half-open"
        case .trying: "trying"
        }
    }

    /// When it is to be told `deadlineReached`.
    var deadline: Instant {
        switch state {
        case .open(let until): until
        case .closed, .halfOpen, .trying: .distantFuture
        }
    }

    mutating func deadlineReached(now: Instant) {
        switch state {
        case .open(let until):
            guard until <= now else { return }
            change(to: .halfOpen, because: "the next call tries it", now: now)
        case .closed, .halfOpen, .trying: break
        }
    }

    /// A call takes the trunk.
    ///
    /// - Returns: whether it is the trial, so that its owner must say how it went.
    mutating func attemptStarted(now: Instant) -> Bool {
        switch state {
        case .closed: return false
        case .halfOpen:
            change(to: .trying, because: "a call is trying it", now: now)
            return true
        // An emergency call goes where no other may; it decides nothing.
        case .open, .trying: return false
        }
    }

    /// A call met the trunk's own fault.
    mutating func attemptFailed(_ why: String, isTrial: Bool, now: Instant) {
        guard settings.failures > 0 else { return }
        switch state {
        case .closed:
            streak += 1
            guard streak >= settings.failures else { return }
            // Closed for longer than it was last open: that trouble is over.
            if now - since > pause { pause = settings.pause }
            open(why, now: now)
        case .trying:
            guard isTrial else { return }
            open(why, now: now)
        // A call that began before it opened, or an emergency call.
        case .open, .halfOpen: break
        }
    }

    /// A call got through to the far side, whatever the callee then did.
    mutating func attemptPassed(isTrial: Bool, now: Instant) {
        switch state {
        case .closed: streak = 0
        case .trying:
            guard isTrial else { return }
            change(to: .closed, because: "a call got through", now: now)
        // One lucky call of before, or an emergency call, is no trial.
        case .open, .halfOpen: break
        }
    }

    /// The trial call ended before anything was learnt: the caller hung up.
    mutating func trialAbandoned(now: Instant) {
        switch state {
        case .trying: change(to: .halfOpen, because: "the next call tries it", now: now)
        case .closed, .open, .halfOpen: break
        }
    }

    private mutating func open(_ why: String, now: Instant) {
        change(to: .open(until: now + pause), because: why, now: now)
        pause = min(pause * 2, max(settings.longestPause, settings.pause))
    }

    private mutating func change(to state: State, because why: String, now: Instant) {
        self.state = state
        streak = 0
        since = now
        reason = why
    }
}
