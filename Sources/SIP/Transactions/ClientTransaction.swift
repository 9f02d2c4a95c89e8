// The client side of any request but INVITE and ACK: RFC 3261 §17.1.2.
//
//                  | request sent (the caller of `init` sends it)
//                  v
//     E: resend +--------+   200-699: pass up
//      +------- | Trying | ------------------------+
//      +------> +--------+                         v
//             1xx  |   | F or transport error   +-----------+
//          pass up |   +---> Terminated         | Completed | <-+ any response:
//                  v                            +-----------+ --+ absorb
//     E: resend +------------+   200-699: pass up  ^   | K
//      +------- | Proceeding | --------------------+   v
//      +------> +------------+                      Terminated
//                  | F or transport error: report
//                  +---> Terminated

/// The client side of one request other than INVITE and ACK: when to send it again, what to do with
/// each response.
///
/// It holds state and deadlines, never bytes: its owner keeps the request and sends it, first and
/// again. RFC 3261 §17.1.2.
public struct ClientTransaction: Sendable {
    private enum State: UInt8 {
        /// The request is out and nothing has come back.
        case trying
        /// A provisional response has come: the request is sent again every T2 only.
        case proceeding
        /// The final response has come; it may come again.
        case completed
        /// Nothing more will happen.
        case terminated
    }

    private var state: State
    private let isReliable: Bool
    private let timers: TransactionTimers
    /// Timer E, and the pause it was set with.
    private var resendAt: Instant
    private var interval: Instant.Span
    /// Timer F or K, by state.
    private var endsAt: Instant

    /// Starts in Trying with timers E (unreliable transports only) and F running.
    ///
    /// - Parameter until: when it ends at the latest without any response, where that is sooner than
    ///   its own timer: whoever waits for it has waited for another one already.
    public init(
        reliable: Bool, timers: TransactionTimers, now: Instant, until: Instant = .distantFuture
    ) {
        self.state = .trying
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
        case .trying, .proceeding, .completed: false
        }
    }

    /// Whether nothing has come back so far.
    public var isUnanswered: Bool {
        switch state {
        case .trying: true
        case .proceeding, .completed, .terminated: false
        }
    }

    public enum ResponseAction: Hashable, Sendable {
        /// Hand the response to the user of the transaction.
        case pass
        /// Drop it: it says nothing new.
        case absorb
    }

    /// A response with this transaction's branch has come. `status` is 100-699.
    public mutating func responseReceived(_ status: Int, now: Instant) -> ResponseAction {
        switch state {
        case .trying, .proceeding:
            guard status >= 200 else {
                // Timer E runs on as it was set; from its next turn it takes T2 (§17.1.2.2).
                state = .proceeding
                return .pass
            }
            if isReliable {
                terminate()  // Timer K is zero.
            } else {
                state = .completed
                resendAt = .distantFuture
                endsAt = now + timers.t4
            }
            return .pass
        case .completed, .terminated:
            return .absorb
        }
    }

    public enum DeadlineAction: Hashable, Sendable {
        case none
        /// Send the request again.
        case retransmit
        /// No final response came (timer F): as if 408 (§8.1.3.1). The transaction has terminated.
        case timedOut
        /// The transaction has done its duty; forget it.
        case terminated
    }

    /// The time of `deadline` has come. An early call changes nothing.
    public mutating func deadlineReached(now: Instant) -> DeadlineAction {
        switch state {
        case .trying, .proceeding:
            if now >= endsAt {
                terminate()
                return .timedOut
            }
            guard now >= resendAt else { return .none }
            interval = state == .proceeding ? timers.t2 : timers.doubled(interval)
            resendAt = now + interval
            return .retransmit
        case .completed:
            guard now >= endsAt else { return .none }
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

    /// The transport could not deliver the request (§17.1.4).
    public mutating func transportFailed() -> FailureAction {
        switch state {
        case .trying, .proceeding:
            terminate()
            return .report
        case .completed, .terminated:
            return .none
        }
    }

    private mutating func terminate() {
        state = .terminated
        resendAt = .distantFuture
        endsAt = .distantFuture
    }
}
