/// A time zone's distance from UTC over some years, as the shell has looked it up. The core reads no clock
/// and knows no zone.
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

    /// Seconds east of UTC at a second since 1970 UTC. Logarithmic in the number of changes.
    public func seconds(at unixSeconds: Int64) -> Int { inForce(at: unixSeconds).seconds }

    /// In force at a second since 1970 UTC, and until when it is.
    func inForce(at unixSeconds: Int64) -> (seconds: Int, until: Int64) {
        let next = index(after: unixSeconds)
        return (
            next == 0 ? seconds : changes[next - 1].seconds,
            next < changes.count ? changes[next].from : .max
        )
    }

    /// Of the first change after a second since 1970 UTC.
    private func index(after unixSeconds: Int64) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].from <= unixSeconds { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// What of it matters to a call that begins at a second since 1970 UTC: the offset in force then,
    /// and the changes of the year that follows.
    public func ofCall(from unixSeconds: Int64) -> UTCOffset {
        let end = unixSeconds + Rating.horizonSeconds
        let coming = changes[index(after: unixSeconds)...].prefix { $0.from <= end }
        return UTCOffset(
            seconds: seconds(at: unixSeconds),
            changes: Array(coming.prefix(UTCOffset.mostChangesOfCall)))
    }
}
