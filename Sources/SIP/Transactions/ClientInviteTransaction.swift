// The client side of an INVITE: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.
//
//                   | INVITE sent (the caller of `init` sends it)
//                   v
//      A: resend +---------+   300-699: ACK, pass up
//      +-------- | Calling | ---------------------------+
//      +-------> +---------+                            |
//                 |   |  B or transport error: report   |
//          1xx    |   +--------------> Terminated       |
//       pass up   v                                     v
//            +------------+   300-699: ACK, pass up  +-----------+  300-699: ACK
//            | Proceeding | -----------------------> | Completed | <--+ again
//            +------------+                          +-----------+ ---+
//                 | 2xx pass up (also from Calling)     | D or transport error
//                 v                                     v
//            +----------+  M                        +------------+
//            | Accepted | ------------------------> | Terminated |
//            +----------+ <--+ 2xx: pass up         +------------+
//                 +----------+
//
// Where it goes further: a limit to ringing (timer C of §16.6), and CANCEL (§9.1), which has to
// wait for the first provisional response and gives the callee 64 * T1 to answer.

/// The client side of one INVITE: when to send it again, what to do with each response.
///
/// It holds state and deadlines, never bytes: its owner keeps the INVITE and the ACK it sends
/// again. The owner sends the INVITE itself, before or just after `init`. RFC 3261 §17.1.1, RFC
/// 6026 §7.2.
public struct ClientInviteTransaction: Sendable {
    private enum State: UInt8 {
        /// The INVITE is out and nothing has come back.
        case calling
        /// A provisional response has come; ringing.
        case proceeding
        /// A 2xx has come; more of them may (retransmissions, other forks).
        case accepted
        /// A 3xx-6xx has come and was acknowledged; it may come again.
        case completed
        /// Nothing more will happen.
        case terminated
    }

    private enum Cancellation: UInt8 {
        /// Nobody wants to cancel.
        case unwanted
        /// It has rung too long and the user was told; its CANCEL has not left.
        case advised
        /// Asked for before a provisional response has come: it may not leave yet (§9.1).
        case waiting
        /// CANCEL has left; the final response is due within 64 * T1.
        case sent
    }

    private var state: State
    private var cancellation: Cancellation
    private let isReliable: Bool
    private let timers: TransactionTimers
    /// Timer A: when to send the INVITE again, and the pause that follows.
    private var resendAt: Instant
    private var interval: Instant.Span
    /// Timer B, C, D or M, by state: when this state ends.
    private var endsAt: Instant

    /// Starts in Calling with timers A (unreliable transports only) and B running.
    ///
    /// - Parameter until: when it ends at the latest without any response, where that is sooner than
    ///   its own timer: whoever waits for it has waited for another one already.
    public init(
        reliable: Bool, timers: TransactionTimers, now: Instant, until: Instant = .distantFuture
    ) {
        self.state = .calling
        self.cancellation = .unwanted
        self.isReliable = reliable
        self.timers = timers
        self.interval = timers.t1
        self.resendAt = reliable ? .distantFuture : now + timers.t1
        self.endsAt = min(now + timers.timeout, until)
    }

    /// When `deadlineReached` wants to be called next; `distantFuture` once terminated.
    public var deadline: Instant { min(resendAt, endsAt) }

    public var isTerminated: Bool {
        switch state {
        case .terminated: true
        case .calling, .proceeding, .accepted, .completed: false
        }
    }

    /// Whether nothing has come back so far.
    public var isUnanswered: Bool {
        switch state {
        case .calling: true
        case .proceeding, .accepted, .completed, .terminated: false
        }
    }

    /// Whether its user has taken it back, or was advised to.
    public var isTakenBack: Bool {
        switch cancellation {
        case .unwanted: false
        case .advised, .waiting, .sent: true
        }
    }

    /// Whether a final response, a failure or the end has been seen: nothing is left to cancel.
    public var isDecided: Bool {
        switch state {
        case .calling, .proceeding: false
        case .accepted, .completed, .terminated: true
        }
    }

    public enum ResponseAction: Hashable, Sendable {
        /// Hand the response to the user of the transaction. For a 2xx the user sends the ACK
        /// (§13.2.2.4).
        case pass
        /// Hand the provisional response up and send the CANCEL that waited for it (§9.1).
        case passAndCancel
        /// Hand the 3xx-6xx up and send the ACK of §17.1.1.3.
        case passAndAcknowledge
        /// Send the same ACK again.
        case acknowledgeAgain
        /// Drop it: it says nothing new.
        case absorb
    }

    /// A response with this transaction's branch has come. `status` is 100-699.
    public mutating func responseReceived(_ status: Int, now: Instant) -> ResponseAction {
        switch state {
        case .calling, .proceeding:
            if status < 200 { return provisionalReceived(status, now: now) }
            resendAt = .distantFuture
            if status < 300 {
                state = .accepted
                endsAt = now + timers.timeout
                return .pass
            }
            if isReliable {
                terminate()  // Timer D is zero: the ACK cannot get lost.
            } else {
                state = .completed
                endsAt = now + timers.finalLinger
            }
            return .passAndAcknowledge
        case .accepted:
            // A 2xx again, or from another fork; only the user knows which, by its To tag. A late
            // provisional or a 3xx-6xx is out of order: the call is answered.
            return (200..<300).contains(status) ? .pass : .absorb
        case .completed:
            // A 2xx after a 3xx-6xx would be from a fork that a proxy should have held back.
            return status >= 300 ? .acknowledgeAgain : .absorb
        case .terminated:
            return .absorb
        }
    }

    private mutating func provisionalReceived(_ status: Int, now: Instant) -> ResponseAction {
        let isFirst = state == .calling
        state = .proceeding
        resendAt = .distantFuture
        switch cancellation {
        case .unwanted:
            if isFirst || status > 100 { endsAt = now + timers.proceedingLimit }
            return .pass
        case .waiting:
            cancellation = .sent
            endsAt = now + timers.timeout
            return .passAndCancel
        case .advised, .sent:
            return .pass
        }
    }

    public enum CancelAction: Hashable, Sendable {
        /// Send CANCEL now, in a client transaction of its own.
        case send
        /// Not yet: `responseReceived` will say `passAndCancel` when it may leave.
        case wait
        /// Needless: sent before, or the INVITE is decided.
        case none
    }

    /// The user does not want the call any more (RFC 3261 §9.1).
    ///
    /// Once CANCEL has left, the INVITE times out 64 * T1 later if no final response comes.
    public mutating func cancelRequested(now: Instant) -> CancelAction {
        switch state {
        case .calling:
            if cancellation == .waiting { return .none }
            cancellation = .waiting
            return .wait
        case .proceeding:
            // `waiting` became `sent` with the response that brought this state.
            if cancellation == .sent { return .none }
            cancellation = .sent
            endsAt = now + timers.timeout
            return .send
        case .accepted, .completed, .terminated:
            return .none
        }
    }

    public enum DeadlineAction: Hashable, Sendable {
        case none
        /// Send the INVITE again.
        case retransmit
        /// It has rung for `proceedingLimit` (timer C): the user should cancel. The transaction
        /// lives on for the answer to the CANCEL.
        case rangTooLong
        /// No final response came (timer B, or 64 * T1 after CANCEL): as if 408 (§8.1.3.1). The
        /// transaction has terminated.
        case timedOut
        /// The transaction has done its duty; forget it.
        case terminated
    }

    /// The time of `deadline` has come. An early call changes nothing.
    public mutating func deadlineReached(now: Instant) -> DeadlineAction {
        if now >= endsAt { return stateEnded(now: now) }
        guard now >= resendAt else { return .none }
        // Timer A doubles without a bound; timer B ends it. From `now`, so that a loop that was
        // held up does not send a burst.
        interval = interval * 2
        resendAt = now + interval
        return .retransmit
    }

    private mutating func stateEnded(now: Instant) -> DeadlineAction {
        switch state {
        case .calling:
            terminate()
            return .timedOut
        case .proceeding:
            switch cancellation {
            case .unwanted:
                // One warning; a user that does not cancel gets the timeout 64 * T1 later.
                cancellation = .advised
                endsAt = now + timers.timeout
                return .rangTooLong
            case .advised, .waiting, .sent:
                terminate()
                return .timedOut
            }
        case .accepted, .completed:
            terminate()
            return .terminated
        case .terminated:
            return .none
        }
    }

    public enum FailureAction: Hashable, Sendable {
        /// Tell the user: as if 503 (§8.1.3.1). The transaction has terminated.
        case report
        case none
    }

    /// The transport could not deliver the INVITE or the ACK (§17.1.4).
    public mutating func transportFailed() -> FailureAction {
        switch state {
        case .calling, .proceeding:
            terminate()
            return .report
        case .completed:
            // Only the ACK is lost; the user has had its final response.
            terminate()
            return .none
        case .accepted:
            // The ACK of a 2xx is the user's own, outside this transaction (RFC 6026 §7.2).
            return .none
        case .terminated:
            return .none
        }
    }

    private mutating func terminate() {
        state = .terminated
        resendAt = .distantFuture
        endsAt = .distantFuture
    }
}
