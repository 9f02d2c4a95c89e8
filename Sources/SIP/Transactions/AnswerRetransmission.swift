/// A 2xx to INVITE that is sent again until its ACK comes: RFC 3261 §13.3.1.4.
///
/// It runs on every transport, since a proxy on the way may go on over UDP. The pauses double from
/// T1 to T2; it gives up after 64 * T1, and then the session should end with a BYE.
public struct AnswerRetransmission: Sendable {
    private enum State: UInt8 {
        /// The 2xx is out and its ACK is not here.
        case waiting
        /// The ACK has come.
        case acknowledged
        /// No ACK came in time.
        case abandoned
    }

    private var state: State
    private let timers: TransactionTimers
    private var resendAt: Instant
    private var interval: Instant.Span
    private var endsAt: Instant

    /// Starts with the first sending of the 2xx, which is the caller's.
    public init(timers: TransactionTimers, now: Instant) {
        self.state = .waiting
        self.timers = timers
        self.interval = timers.t1
        self.resendAt = now + timers.t1
        self.endsAt = now + timers.timeout
    }

    /// When `deadlineReached` wants to be called next; `distantFuture` once it has ended.
    public var deadline: Instant { min(resendAt, endsAt) }

    public var isAcknowledged: Bool {
        switch state {
        case .acknowledged: true
        case .waiting, .abandoned: false
        }
    }

    public enum AcknowledgementAction: Hashable, Sendable {
        /// The first ACK: the session is confirmed.
        case pass
        /// One more ACK, or one that comes too late.
        case absorb
    }

    /// The ACK of the 2xx has come.
    public mutating func acknowledgementReceived() -> AcknowledgementAction {
        switch state {
        case .waiting:
            state = .acknowledged
            stop()
            return .pass
        case .acknowledged, .abandoned:
            return .absorb
        }
    }

    public enum DeadlineAction: Hashable, Sendable {
        case none
        /// Send the 2xx again.
        case retransmit
        /// No ACK came: send BYE (§13.3.1.4).
        case gaveUp
    }

    /// The time of `deadline` has come. An early call changes nothing.
    public mutating func deadlineReached(now: Instant) -> DeadlineAction {
        switch state {
        case .waiting:
            if now >= endsAt {
                state = .abandoned
                stop()
                return .gaveUp
            }
            guard now >= resendAt else { return .none }
            interval = timers.doubled(interval)
            resendAt = now + interval
            return .retransmit
        case .acknowledged, .abandoned:
            return .none
        }
    }

    private mutating func stop() {
        resendAt = .distantFuture
        endsAt = .distantFuture
    }
}
