// The server side of any request but INVITE and ACK: RFC 3261 §17.2.2, with RFC 4320.
//
//                  | request received, passed up by the caller of `init`
//                  v
//              +--------+   200-699 from the user: send
//              | Trying | ---------------------------------+
//              +--------+ <-+ request: absorb              |
//      1xx from    |    +---+                              v
//      user: send  v                                 +-----------+ request: resend
//           +------------+  200-699 from the user    | Completed | <-+
//           | Proceeding | ------------------------> +-----------+ --+
//           +------------+ <-+ request: resend             | J or transport error
//                  +---------+ 1xx: send                   v
//                                                     Terminated
//
// Where it goes further: it asks for 100 once the client resends every T2 only, and a 408, which
// would arrive after the client has given up, is never sent (RFC 4320 §4.1, §4.2).

/// The server side of one request other than INVITE and ACK: what to do when it comes again.
///
/// It holds state and deadlines, never bytes: its owner keeps the last response it sent. RFC 3261
/// §17.2.2, RFC 4320.
public struct ServerTransaction: Sendable {
    private enum State: UInt8 {
        /// The user has not answered yet and nothing was sent.
        case trying
        /// A provisional response was sent.
        case proceeding
        /// The final response was sent; the request may come again.
        case completed
        /// A 408 was swallowed: the client gives up by its own timer F and hears nothing.
        case abandoned
        /// Nothing more will happen.
        case terminated
    }

    private var state: State
    private let isReliable: Bool
    private let timers: TransactionTimers
    /// When 100 is due.
    private var tryingAt: Instant
    /// Timer J.
    private var endsAt: Instant

    /// Starts in Trying.
    public init(reliable: Bool, timers: TransactionTimers, now: Instant) {
        self.state = .trying
        self.isReliable = reliable
        self.timers = timers
        self.tryingAt = now + timers.nonInviteTryingAfter
        self.endsAt = .distantFuture
    }

    /// When `deadlineReached` wants to be called next; `distantFuture` when nothing is to come.
    public var deadline: Instant { min(tryingAt, endsAt) }

    public var isTerminated: Bool {
        switch state {
        case .terminated: true
        case .trying, .proceeding, .completed, .abandoned: false
        }
    }

    public enum RequestAction: Hashable, Sendable {
        /// Send the last response again.
        case resend
        /// Drop it.
        case absorb
    }

    /// The request has come again.
    public mutating func requestReceived(now: Instant) -> RequestAction {
        switch state {
        case .proceeding, .completed: .resend
        case .trying, .abandoned, .terminated: .absorb
        }
    }

    public enum SendAction: Hashable, Sendable {
        /// Send the response and keep it: it is now the last response.
        case send
        /// Do not send it: a final response was sent before, or it is a 408.
        case discard
    }

    /// The user wants to send a response. `status` is 100-699.
    public mutating func responseSent(_ status: Int, now: Instant) -> SendAction {
        switch state {
        case .trying, .proceeding:
            tryingAt = .distantFuture
            if status < 200 {
                state = .proceeding
                return .send
            }
            let isSent = status != 408
            if isReliable {
                terminate()  // Timer J is zero.
            } else {
                state = isSent ? .completed : .abandoned
                endsAt = now + timers.timeout
            }
            return isSent ? .send : .discard
        case .completed, .abandoned, .terminated:
            return .discard
        }
    }

    public enum DeadlineAction: Hashable, Sendable {
        case none
        /// The user is slow: send 100 (through `responseSent`).
        case sendTrying
        /// The transaction has done its duty; forget it.
        case terminated
    }

    /// The time of `deadline` has come. An early call changes nothing.
    public mutating func deadlineReached(now: Instant) -> DeadlineAction {
        switch state {
        case .trying, .proceeding:
            guard now >= tryingAt else { return .none }
            tryingAt = .distantFuture
            return .sendTrying
        case .completed, .abandoned:
            guard now >= endsAt else { return .none }
            terminate()
            return .terminated
        case .terminated:
            return .none
        }
    }

    public enum FailureAction: Hashable, Sendable {
        /// Tell the user that its response did not leave. The transaction has terminated.
        case report
        case none
    }

    /// The transport could not deliver a response (RFC 3261 §17.2.4).
    public mutating func transportFailed() -> FailureAction {
        switch state {
        case .proceeding, .completed:
            terminate()
            return .report
        case .trying, .abandoned, .terminated:
            // Nothing of ours is under way.
            return .none
        }
    }

    private mutating func terminate() {
        state = .terminated
        tryingAt = .distantFuture
        endsAt = .distantFuture
    }
}
