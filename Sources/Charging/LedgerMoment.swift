/// When something happens to money, as the shell's clocks say: the wall clock labels, the monotonic
/// one counts an hour, and the site's date counts days and months.
public struct LedgerMoment: Hashable, Sendable {
    /// Wall time, microseconds since 1970 UTC.
    public var at: Int64
    /// Milliseconds of a clock that is never set.
    public var uptime: Int64
    /// The site's date.
    public var day: CivilDay

    public init(at: Int64, uptime: Int64, day: CivilDay) {
        self.at = at
        self.uptime = uptime
        self.day = day
    }
}

/// For what no hour and no date matters to: a wall time alone.
extension LedgerMoment: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) {
        self.init(at: value, uptime: 0, day: CivilDay(number: 0))
    }
}
