import SIP

/// What the clocks showed when a call was written into the journal, and what it had lasted then.
struct JournalClocks: Sendable, Hashable {
    /// Which run of the machine's monotonic clock `writtenAt` is of; 0 when that is not known.
    var boot: UInt64
    var writtenAt: Instant
    /// Microseconds since 1970 UTC.
    var wallTime: Int64
    /// From the caller's INVITE to the writing.
    var sinceStart: Instant.Span
    /// From the answer to the writing; nil while there was none.
    var sinceAnswer: Instant.Span?

    func write(to writer: inout JournalWriter) {
        writer.number(boot)
        writer.number(writtenAt.nanoseconds)
        writer.number(wallTime)
        writer.number(sinceStart.nanoseconds)
        writer.number(sinceAnswer?.nanoseconds ?? -1)
    }

    init(
        boot: UInt64, writtenAt: Instant, wallTime: Int64, sinceStart: Instant.Span,
        sinceAnswer: Instant.Span?
    ) {
        self.boot = boot
        self.writtenAt = writtenAt
        self.wallTime = wallTime
        self.sinceStart = sinceStart
        self.sinceAnswer = sinceAnswer
    }

    init?(reading reader: inout JournalReader) {
        guard let boot = reader.number(), let writtenAt = reader.signed(),
            let wallTime = reader.signed(), let sinceStart = reader.signed(), sinceStart >= 0,
            let sinceAnswer = reader.signed()
        else { return nil }
        self.boot = boot
        self.writtenAt = Instant(nanoseconds: writtenAt)
        self.wallTime = wallTime
        self.sinceStart = Instant.Span(nanoseconds: sinceStart)
        self.sinceAnswer = sinceAnswer < 0 ? nil : Instant.Span(nanoseconds: sinceAnswer)
    }

    /// How long ago it was written; nil when no clock can say.
    ///
    /// While the machine has not been started anew its monotonic clock went on, and nothing done to the
    /// wall clock matters. After a new start only the wall clock is left, and it may have been set: a
    /// reading before the writing is known to be wrong.
    func outage(boot: UInt64, now: Instant, wallTime: Int64) -> Instant.Span? {
        if boot != 0, boot == self.boot, now >= writtenAt { return now - writtenAt }
        guard wallTime >= self.wallTime else { return nil }
        let microseconds = min(wallTime - self.wallTime, Self.longestOutage)
        return Instant.Span(nanoseconds: microseconds * 1000)
    }

    /// Ten years: far beyond what any reservation covers, and far from an overflow.
    private static let longestOutage: Int64 = 10 * 366 * 86_400 * 1_000_000
}
