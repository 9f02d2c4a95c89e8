/// A site's distance from UTC over some years, as the shell knows it from its time zone. The core reads
/// no clock and knows no zone.
///
/// Before the first change and after the last one it is what it is there: a zone is known as far as
/// somebody has told of it.
public struct UTCOffset: Hashable, Sendable, Codable {
    public struct Change: Hashable, Sendable, Codable {
        /// From this second since 1970 UTC on.
        public var from: Int64
        /// Seconds east of UTC.
        public var seconds: Int

        public init(from: Int64, seconds: Int) {
            self.from = from
            self.seconds = seconds
        }
    }

    /// Seconds east of UTC, before the first change.
    public var seconds: Int
    /// In the order of time.
    public var changes: [Change]

    public init(seconds: Int, changes: [Change] = []) {
        self.seconds = seconds
        self.changes = changes
    }

    /// How many changes the price of one call looks at: no zone has had more in the year that a price
    /// is told for.
    public static let mostChangesOfCall = 8

    /// Seconds east of UTC at a second since 1970 UTC.
    public func seconds(at unixSeconds: Int64) -> Int {
        changes.last { $0.from <= unixSeconds }?.seconds ?? seconds
    }

    /// In force at a second since 1970 UTC, and until when it is.
    func inForce(at unixSeconds: Int64) -> (seconds: Int, until: Int64) {
        (seconds(at: unixSeconds), changes.first { $0.from > unixSeconds }?.from ?? .max)
    }

    /// What of it matters to a call that begins at a second since 1970 UTC: the offset in force then,
    /// and the changes of the year that follows.
    public func ofCall(from unixSeconds: Int64) -> UTCOffset {
        let end = unixSeconds + Rating.horizonSeconds
        let coming = changes.filter { $0.from > unixSeconds && $0.from <= end }
        return UTCOffset(
            seconds: seconds(at: unixSeconds),
            changes: Array(coming.prefix(UTCOffset.mostChangesOfCall)))
    }
}
