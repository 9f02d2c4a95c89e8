/// A reading of the wall clock in the site's time zone, in minutes.
public struct CivilTime: Hashable, Sendable {
    public var year: Int
    /// 1 to 12.
    public var month: Int
    /// 1 to 31.
    public var day: Int
    public var weekday: Weekday
    /// Minutes since midnight, 0 to 1439.
    public var minuteOfDay: Int

    public init(year: Int, month: Int, day: Int, weekday: Weekday, minuteOfDay: Int) {
        self.year = year
        self.month = month
        self.day = day
        self.weekday = weekday
        self.minuteOfDay = minuteOfDay
    }

    /// The weekday follows from the date (proleptic Gregorian calendar).
    public init(year: Int, month: Int, day: Int, minuteOfDay: Int) {
        self.init(
            year: year, month: month, day: day,
            weekday: Weekday(year: year, month: month, day: day), minuteOfDay: minuteOfDay)
    }
}

/// Monday to Sunday, numbered 1 to 7 as ISO 8601 does.
public enum Weekday: Int, Hashable, Sendable, CaseIterable {
    case monday = 1
    case tuesday, wednesday, thursday, friday, saturday, sunday

    /// The weekday of a date (Sakamoto's congruence); a year before 1 counts as year 1.
    public init(year: Int, month: Int, day: Int) {
        let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4]
        let month = min(max(month, 1), 12)
        let year = min(max(year, 1), 1_000_000) - (month < 3 ? 1 : 0)
        let fromSunday =
            (year + year / 4 - year / 100 + year / 400 + shift[month - 1] + min(max(day, 1), 31))
            % 7
        self = Weekday(rawValue: fromSunday == 0 ? 7 : fromSunday) ?? .sunday
    }

    /// The day before.
    public var previous: Weekday { Weekday(rawValue: rawValue == 1 ? 7 : rawValue - 1) ?? .sunday }

    /// Three small letters, as plans spell it: `mon`.
    public var abbreviation: String {
        switch self {
        case .monday: "mon"
        case .tuesday: "tue"
        case .wednesday: "wed"
        case .thursday: "thu"
        case .friday: "fri"
        case .saturday: "sat"
        case .sunday: "sun"
        }
    }

    /// Reads `mon` or `monday`, small or capital letters.
    public init?(_ text: String) {
        let text = text.lowercased()
        for day in Weekday.allCases {
            if text == day.abbreviation || text == day.name {
                self = day
                return
            }
        }
        return nil
    }

    /// The whole English word in small letters.
    public var name: String {
        switch self {
        case .monday: "monday"
        case .tuesday: "tuesday"
        case .wednesday: "wednesday"
        case .thursday: "thursday"
        case .friday: "friday"
        case .saturday: "saturday"
        case .sunday: "sunday"
        }
    }
}
