// The server side of an INVITE: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1.
//
//                         | INVITE received, passed up by the caller of `init`
//      INVITE:            v
//      resend 1xx  +------------+   2xx from the user: send
//           +----> |            | ------------------------------+
//           +----- | Proceeding |                               v
//      1xx from    |            | <--+                     +----------+ INVITE: absorb
//      user: send  +------------+ ---+ 200 ms: 100 Trying  | Accepted | ACK: pass up
//                         | 300-699 from the user: send    +----------+ 2xx: send
//      G: resend          v                                     | L
//      INVITE:     +-----------+  H: report                     v
//      resend +--> | Completed | ------------------------> Terminated
//             +--- +-----------+                                ^
//                         | ACK                                 |
//                         v                                     |
//                  +-----------+  I                             |
//                  | Confirmed | -------------------------------+
//                  +-----------+
//
// A transport error is reported and changes no state (RFC 6026 §7.1): the client sends the INVITE
// again, and the answer may get through then.

/// The server side of one INVITE: what to do when it comes again, when to send the answer again.
///
/// It holds state and deadlines, never bytes: its owner keeps the last response it sent. A 2xx is
/// sent again by `AnswerRetransmission`, not here. RFC 3261 §17.2.1, RFC 6026 §7.1.
public struct ServerInviteTransaction: Sendable {
    private enum State: UInt8 {
        /// The user has not answered yet; nothing or provisional responses were sent.
        case proceeding
        /// A 2xx was sent; repeated INVITEs are absorbed while its ACK goes to the user.
        case accepted
        /// A 3xx-6xx was sent and waits for its ACK.
        case completed
        /// The ACK has come; more of them may.
        case confirmed
        /// Nothing more will happen.
        case terminated
    }

    private var state: State
    private var hasResponded: Bool
    private let isReliable: Bool
    private let timers: TransactionTimers
    /// Timer G with the pause it was set with, or when 100 is due.
    private var resendAt: Instant
    private var interval: Instant.Span
    /// Timer H, I or L, by state.
    private var endsAt: Instant

    /// Starts in Proceeding. 100 is due after `timers.tryingAfter` unless a response is sent
    /// before.
    public init(reliable: Bool, timers: TransactionTimers, now: Instant) {
        self.state = .proceeding
        self.hasResponded = false
        self.isReliable = reliable
        self.timers = timers
        self.interval = timers.t1
        self.resendAt = now + timers.tryingAfter
        self.endsAt = .distantFuture
    }

    /// When `deadlineReached` wants to be called next; `distantFuture` when nothing is to come.
    public var deadline: Instant { min(resendAt, endsAt) }

    public var isTerminated: Bool {
        switch state {
        case .terminated: true
        case .proceeding, .accepted, .completed, .confirmed: false
        }
    }

    /// Whether a final response has been sent: a CANCEL comes too late (RFC 3261 §9.2).
    public var isDecided: Bool {
        switch state {
        case .proceeding: false
        case .accepted, .completed, .confirmed, .terminated: true
        }
    }

    public enum RequestAction: Hashable, Sendable {
        /// Send the last response again.
        case resend
        /// Drop it.
        case absorb
    }

    /// The INVITE has come again.
    public mutating func requestReceived(now: Instant) -> RequestAction {
        switch state {
        case .proceeding:
            return hasResponded ? .resend : .absorb
        case .completed:
            return .resend
        case .accepted:
            // The 2xx is sent again by the user's own timer (RFC 6026 §7.1).
            return .absorb
        case .confirmed, .terminated:
            return .absorb
        }
    }

    public enum AcknowledgementAction: Hashable, Sendable {
        /// The ACK of a 2xx: hand it to the user.
        case pass
        /// The ACK of a 3xx-6xx, or one for nothing: drop it.
        case absorb
    }

    /// An ACK has come that matches this transaction.
    public mutating func acknowledgementReceived(now: Instant) -> AcknowledgementAction {
        switch state {
        case .proceeding:
            // Nothing final has been sent that it could acknowledge.
            return .absorb
        case .accepted:
            return .pass
        case .completed:
            resendAt = .distantFuture
            if isReliable {
                terminate()  // Timer I is zero.
            } else {
                state = .confirmed
                endsAt = now + timers.t4
            }
            return .absorb
        case .confirmed, .terminated:
            return .absorb
        }
    }

    public enum SendAction: Hashable, Sendable {
        /// Send the response and keep it: it is now the last response.
        case send
        /// Do not send it: a final response has been sent before.
        case discard
    }

    /// The user wants to send a response. `status` is 100-699.
    public mutating func responseSent(_ status: Int, now: Instant) -> SendAction {
        switch state {
        case .proceeding:
            hasResponded = true
            resendAt = .distantFuture
            if status < 200 { return .send }
            endsAt = now + timers.timeout
            if status < 300 {
                state = .accepted
            } else {
                state = .completed
                if !isReliable { resendAt = now + interval }
            }
            return .send
        case .accepted:
            // The user's retransmission of its 2xx; anything else contradicts the answer given.
            return (200..<300).contains(status) ? .send : .discard
        case .completed, .confirmed, .terminated:
            return .discard
        }
    }

    public enum DeadlineAction: Hashable, Sendable {
        case none
        /// The user is slow: send 100 (through `responseSent`).
        case sendTrying
        /// Send the last response, a 3xx-6xx, again.
        case retransmit
        /// No ACK for a 3xx-6xx came (timer H). The transaction has terminated; tell the user.
        case timedOut
        /// The transaction has done its duty; forget it.
        case terminated
    }

    /// The time of `deadline` has come. An early call changes nothing.
    public mutating func deadlineReached(now: Instant) -> DeadlineAction {
        switch state {
        case .proceeding:
            guard now >= resendAt else { return .none }
            resendAt = .distantFuture
            return .sendTrying
        case .completed:
            if now >= endsAt {
                terminate()
                return .timedOut
            }
            guard now >= resendAt else { return .none }
            interval = timers.doubled(interval)
            resendAt = now + interval
            return .retransmit
        case .accepted, .confirmed:
            guard now >= endsAt else { return .none }
            terminate()
            return .terminated
        case .terminated:
            return .none
        }
    }

    public enum FailureAction: Hashable, Sendable {
        /// Tell the user that its response did not leave; the transaction goes on as it was.
        case report
        case none
    }

    /// The transport could not deliver a response (RFC 3261 §17.2.4 as changed by RFC 6026).
    public mutating func transportFailed() -> FailureAction {
        switch state {
        case .proceeding, .accepted, .completed: .report
        case .confirmed, .terminated: .none
        }
    }

    private mutating func terminate() {
        state = .terminated
        resendAt = .distantFuture
        endsAt = .distantFuture
    }
}
