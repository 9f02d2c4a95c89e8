/// How much may be spent before somebody should look, against theft by telephone. A balance says what
/// an account can pay; these say what is usual.
public struct SpendingLimits: Hashable, Sendable, Codable {
    /// On one call; it is cut there. nil: no limit, or as configured.
    public var call: Amount?
    /// In any 60 minutes, whenever they begin.
    public var hour: Amount?
    /// On a day of the site's calendar, from midnight to midnight.
    public var day: Amount?

    public init(call: Amount? = nil, hour: Amount? = nil, day: Amount? = nil) {
        self.call = call
        self.hour = hour
        self.day = day
    }

    public static let none = SpendingLimits()

    /// These where they say something, and others where they do not.
    func over(_ others: SpendingLimits) -> SpendingLimits {
        SpendingLimits(
            call: call ?? others.call, hour: hour ?? others.hour, day: day ?? others.day)
    }

    var isValid: Bool {
        [call, hour, day].allSatisfy { limit in
            limit.map { $0.isPositive && $0 <= Ledger.largestBalance } ?? true
        }
    }
}

/// Whose spending is watched: an account's, which many extensions may share, or an extension's.
public enum SpendingSubject: Hashable, Sendable, Codable, CustomStringConvertible {
    case account(String)
    case `extension`(String)

    public var description: String {
        switch self {
        case .account(let id): "account \(id)"
        case .extension(let number): "extension \(number)"
        }
    }
}

/// Which of the limits was met.
public enum SpendingPeriod: String, Hashable, Sendable, Codable {
    case call
    case hour
    case day
}

/// Calls of a subject are stopped until an operator releases it. Kept after the release, since what was
/// spent before it does not count again.
public struct SpendingHold: Hashable, Sendable, Codable {
    public var subject: SpendingSubject
    /// Which limit was met, or why an operator holds it.
    public var reason: String
    /// The operator who held or released it; empty for the switch itself.
    public var by: String
    /// Wall time, microseconds since 1970 UTC.
    public var since: Int64
    /// nil while it is held.
    public var releasedAt: Int64?

    public init(
        subject: SpendingSubject, reason: String, by: String = "", since: Int64,
        releasedAt: Int64? = nil
    ) {
        self.subject = subject
        self.reason = reason
        self.by = by
        self.since = since
        self.releasedAt = releasedAt
    }

    /// Of the reason and of the operator, in bytes.
    public static let longestText = 256
}

/// A call that was charged a short while ago: what counts towards today's limits after a restart.
public struct RecentCharge: Hashable, Sendable {
    /// The extension it was charged to.
    public var `extension`: String?
    /// The first account of the chain.
    public var account: String
    public var amount: Amount
    /// When it was charged; wall time, microseconds since 1970 UTC.
    public var at: Int64

    public init(extension number: String?, account: String, amount: Amount, at: Int64) {
        self.extension = number
        self.account = account
        self.amount = amount
        self.at = at
    }
}

/// What one subject spent in the last hour and on the day at hand, and whether it is stopped.
struct Spending: Sendable {
    private var hour = LastHour()
    private var day = CivilDay(number: .min)
    /// When `day` began to be counted, by the monotonic clock in milliseconds.
    private var dayBegan: Int64 = 0
    private var dayTotal = Amount.zero
    /// In force or released.
    var hold: SpendingHold?

    var isHeld: Bool { hold.map { $0.releasedAt == nil } ?? false }

    func inHour(_ moment: LedgerMoment) -> Amount { hour.total(at: moment.uptime) }

    func onDay(_ moment: LedgerMoment) -> Amount { isNewDay(moment) ? .zero : dayTotal }

    private static let dayMilliseconds: Int64 = 86_400_000

    /// A date before the one that is counted is a clock that was set back: the count goes on, for a
    /// day by the clock that nobody sets, and then with the date that is shown.
    private func isNewDay(_ moment: LedgerMoment) -> Bool {
        moment.day > day
            || moment.day < day && moment.uptime - dayBegan >= Spending.dayMilliseconds
    }

    mutating func add(_ amount: Amount, at moment: LedgerMoment) {
        hour.add(amount, at: moment.uptime)
        if isNewDay(moment) {
            day = moment.day
            dayBegan = moment.uptime
            dayTotal = .zero
        }
        dayTotal += amount
    }

    /// Puts back what an earlier process counted. `age` is how long ago it was, in milliseconds.
    mutating func restore(_ amount: Amount, age: Int64, isToday: Bool, at moment: LedgerMoment) {
        hour.restore(amount, spent: age, before: moment.uptime)
        if isToday {
            day = moment.day
            dayBegan = moment.uptime
            dayTotal += amount
        }
    }

    mutating func forget() {
        hour = LastHour()
        dayTotal = .zero
    }

    /// What may be held more before the hour's or the day's limit is met.
    func headroom(_ limits: SpendingLimits, reserved: Amount, at moment: LedgerMoment) -> Amount? {
        var least: Amount?
        if let hour = limits.hour { least = hour - inHour(moment) - reserved }
        if let day = limits.day {
            let left = day - onDay(moment) - reserved
            least = least.map { min($0, left) } ?? left
        }
        return least
    }

    /// The limit that holding `amount` more would pass.
    func limitMet(
        by amount: Amount, _ limits: SpendingLimits, reserved: Amount, at moment: LedgerMoment
    ) -> (period: SpendingPeriod, limit: Amount)? {
        if let hour = limits.hour, inHour(moment) + reserved + amount > hour {
            return (.hour, hour)
        }
        if let day = limits.day, onDay(moment) + reserved + amount > day { return (.day, day) }
        return nil
    }
}
