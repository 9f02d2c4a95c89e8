/// The timer values of the four transaction machines (RFC 3261 §17.1.1.1 and Appendix A).
///
/// The defaults are the RFC's. All machines of a switch share one value; each keeps its own copy so
/// that a configuration change never alters a transaction that runs.
public struct TransactionTimers: Hashable, Sendable {
    /// T1: the estimate of a round trip. Timers B, F, H, J, L and M are 64 times this.
    public var t1: Instant.Span
    /// T2: the longest pause between two retransmissions of a non-INVITE request or of a response
    /// to INVITE.
    public var t2: Instant.Span
    /// T4: how long a message may stay in the network. Timers I and K.
    public var t4: Instant.Span
    /// Timer D: how long a client INVITE transaction answers repeated 3xx-6xx over UDP; the RFC
    /// asks for 32 s or more.
    public var finalLinger: Instant.Span
    /// How long a client INVITE transaction may ring: timer C of RFC 3261 §16.6, more than 3
    /// minutes, started again by every provisional response but 100.
    public var proceedingLimit: Instant.Span
    /// How long the user of a server INVITE transaction may take before it has to say 100 (RFC 3261
    /// §17.2.1).
    public var tryingAfter: Instant.Span

    public init(
        t1: Instant.Span = .milliseconds(500), t2: Instant.Span = .seconds(4),
        t4: Instant.Span = .seconds(5), finalLinger: Instant.Span = .seconds(32),
        proceedingLimit: Instant.Span = .seconds(185),
        tryingAfter: Instant.Span = .milliseconds(200)
    ) {
        self.t1 = t1
        self.t2 = t2
        self.t4 = t4
        self.finalLinger = finalLinger
        self.proceedingLimit = proceedingLimit
        self.tryingAfter = tryingAfter
    }

    /// 64 times T1: timers B, F, H, J, L and M.
    @inlinable public var timeout: Instant.Span { t1 * 64 }

    /// The pause after one of `interval`: twice as long, T2 at most.
    @inlinable func doubled(_ interval: Instant.Span) -> Instant.Span {
        min(interval * 2, t2)
    }

    /// How long a client of a non-INVITE request takes until its timer E has grown to T2; before
    /// that a 100 would only add traffic (RFC 4320 §4.1). 3.5 s with the RFC's values.
    var nonInviteTryingAfter: Instant.Span {
        var interval = t1
        var sum = Instant.Span.zero
        while interval < t2 && interval > .zero {
            sum = sum + interval
            interval = interval * 2
        }
        return sum
    }
}
