import SIP

/// How long the loop has been behind with what reaches it.
///
/// A socket that gave a whole batch has more: then the loop is behind, and stays so until a turn empties
/// every socket. What waits in the kernel has been there for no longer than that, and a datagram that
/// comes while the loop is behind for long waits for a full buffer or is lost. So the delay is the time
/// since the loop was last done, at the end of a turn; of a turn that empties everything it is the length
/// of that turn.
struct LoopDelay {
    /// When the turn began after which nothing was done completely.
    private var behindSince: Instant?
    private var turnBegan: Instant
    private var lastEnd: Instant
    private var longest: Instant.Span = .zero
    private var nextReport: Instant

    /// A loop that was behind and waited for longer than this had nothing to do after all.
    private static let pause: Instant.Span = .milliseconds(5)

    init(now: Instant) {
        turnBegan = now
        lastEnd = now
        nextReport = now
    }

    mutating func turnBegan(now: Instant) {
        turnBegan = now
        if behindSince == nil { behindSince = now }
    }

    /// - Parameters:
    ///   - now: read again, at the end of the turn.
    ///   - isBehind: a socket gave a whole batch.
    mutating func turnEnded(now: Instant, isBehind: Bool) {
        // The last whole batch was all there was.
        if !isBehind, turnBegan - lastEnd > Self.pause { behindSince = turnBegan }
        if let behindSince { longest = max(longest, now - behindSince) }
        if !isBehind { behindSince = nil }
        lastEnd = now
    }

    /// The longest delay since the last report, where one is due.
    mutating func report(every interval: Instant.Span, now: Instant) -> Instant.Span? {
        guard now >= nextReport else { return nil }
        nextReport = now + interval
        defer { longest = .zero }
        return longest
    }

    /// When the next report is due.
    var deadline: Instant { nextReport }
}
