/// A date of the Gregorian calendar, as the number of days since 1970-01-01.
public struct CivilDay: Hashable, Comparable, Sendable, Codable {
    public var number: Int32

    public init(number: Int32) { self.number = number }

    /// Days by Howard Hinnant's `days_from_civil`; nil for a date that no calendar has, and for years
    /// outside 1970 to 9999.
    public init?(year: Int, month: Int, day: Int) {
        guard 1970...9999 ~= year, 1...12 ~= month, day >= 1,
            day <= CivilDay.length(ofMonth: month, year: year)
        else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let shiftedMonth = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        number = Int32(era * 146_097 + dayOfEra - 719_468)
    }

    /// - Parameter localSeconds: seconds since 1970-01-01 00:00 by the site's own clock.
    public init(localSeconds: Int64) {
        number = Int32(clamping: localSeconds.dividedDown(by: 86_400))
    }

    /// Reads `2026-10-01`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4, parts[1].utf8.count == 2,
            parts[2].utf8.count == 2, let year = Int(parts[0]), let month = Int(parts[1]),
            let day = Int(parts[2])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    private static func length(ofMonth month: Int, year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    public static func < (a: CivilDay, b: CivilDay) -> Bool { a.number < b.number }

    public var next: CivilDay { CivilDay(number: number + 1) }
    var previous: CivilDay { CivilDay(number: number - 1) }

    /// 0 for Monday to 6 for Sunday. 1970-01-01 was a Thursday.
    public var weekday: Int {
        Int((Int64(number) + 3) - (Int64(number) + 3).dividedDown(by: 7) * 7)
    }

    /// By Howard Hinnant's `civil_from_days`.
    public var parts: (year: Int, month: Int, day: Int) {
        let shifted = Int64(number) + 719_468
        let era = shifted.dividedDown(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        return (
            Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), month,
            Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        )
    }

    /// Months since January 1970.
    public var month: Int32 { Int32((parts.year - 1970) * 12 + parts.month - 1) }
}

extension CivilDay: CustomStringConvertible {
    /// `2026-10-01`
    public var description: String {
        let (year, month, day) = parts
        return "\(CivilDay.padded(year, 4))-\(CivilDay.padded(month, 2))-\(CivilDay.padded(day, 2))"
    }

    static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity, as calendars need before 1970.
    func dividedDown(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
