/// How far a time zone is from UTC, and every change of that the shell has looked up. The core reads
/// no clock and knows no zone.
public struct ZoneOffsets: Sendable, Hashable {
    public struct Change: Sendable, Hashable {
        /// From this second since 1970 UTC on.
        public var from: Int64
        /// Seconds east of UTC.
        public var utcOffset: Int

        public init(from: Int64, utcOffset: Int) {
            self.from = from
            self.utcOffset = utcOffset
        }
    }

    /// Seconds east of UTC before the first change.
    public var first: Int
    /// The earliest first.
    public var changes: [Change]

    public init(_ first: Int, changes: [Change] = []) {
        self.first = first
        self.changes = changes
    }

    /// Seconds east of UTC at a second since 1970 UTC. Logarithmic in the number of changes.
    public func utcOffset(at unixSeconds: Int64) -> Int {
        let index = index(after: unixSeconds)
        return index == 0 ? first : changes[index - 1].utcOffset
    }

    /// The first change after a second since 1970 UTC.
    public func change(after unixSeconds: Int64) -> Change? {
        let index = index(after: unixSeconds)
        return index < changes.count ? changes[index] : nil
    }

    private func index(after unixSeconds: Int64) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].from <= unixSeconds { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
