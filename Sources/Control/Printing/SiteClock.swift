import Foundation

/// Wall times as people and programs write them, in the time zone of the site.
public struct SiteClock: Sendable {
    public let zone: TimeZone

    public init(zone: TimeZone) { self.zone = zone }

    /// - Parameter identifier: IANA name; the machine's own zone where it is nil or unknown.
    public init(identifier: String?) {
        zone = identifier.flatMap { TimeZone(identifier: $0) } ?? .current
    }

    // MARK: Writing

    /// `2026-11-22T07:04:05.123456Z`, always with six decimals, so that texts sort as times do.
    public static func rfc3339(_ microseconds: Int64) -> String {
        let (date, time, fraction) = parts(microseconds)
        let digits = String(fraction)
        return "\(date)T\(time).\(String(repeating: "0", count: 6 - digits.count))\(digits)Z"
    }

    /// `2026-11-22 15:04:05` by the site's clock.
    public func shown(_ microseconds: Int64) -> String {
        let date = Date(timeIntervalSince1970: Double(microseconds) / 1_000_000)
        let offset = Int64(zone.secondsFromGMT(for: date)) * 1_000_000
        let (day, time, _) = Self.parts(microseconds + offset)
        return "\(day) \(time)"
    }

    private static func parts(_ microseconds: Int64) -> (
        date: String, time: String, fraction: Int64
    ) {
        let (seconds, fraction) = divided(microseconds, by: 1_000_000)
        let (days, second) = divided(seconds, by: 86_400)
        let (year, month, day) = civil(days)
        return (
            "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))",
            "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))",
            fraction
        )
    }

    /// Days since 1970-01-01 to a Gregorian date, by Howard Hinnant's `civil_from_days`.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divided(days + 719_468, by: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
            dayOfYear - (153 * shifted + 2) / 5 + 1
        )
    }

    /// Rounds towards minus infinity, as calendars need before 1970.
    private static func divided(_ number: Int64, by divisor: Int64) -> (Int64, Int64) {
        let rest = number % divisor
        return rest < 0 ? (number / divisor - 1, rest + divisor) : (number / divisor, rest)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    // MARK: Reading

    /// What `parse` takes, for an error message.
    public static let forms =
        "write it as \"2026-11-22 15:04\", \"2026-11-22\", \"15:04\", \"tomorrow 00:00\", \"mon 10:00\","
        + " \"2h\" (ago) or 2026-11-22T15:04:05+08:00"

    /// Reads a time: RFC 3339, a date, a date and a time of day, a time of day of today, a weekday
    /// and a time of day (the next one), or a length of time ago (`30m`, `2h`, `7d`). `today` and
    /// `tomorrow` are dates.
    ///
    /// - Parameter now: microseconds since 1970 UTC.
    /// - Returns: microseconds since 1970 UTC; nil for anything else, and for dates that no calendar
    ///   has.
    public func parse(_ text: String, now: Int64) -> Int64? {
        if let ago = Self.ago(text) { return now - ago }
        if let instant = Self.instant(text) { return instant }
        let words = text.split(whereSeparator: { $0 == " " || $0 == "T" }).map(String.init)
        switch words.count {
        case 1:
            if let date = date(words[0], now) { return microseconds(date, (0, 0, 0)) }
            guard let time = Self.timeOfDay(words[0]) else { return nil }
            return microseconds(today(now), time)
        case 2:
            guard let time = Self.timeOfDay(words[1]) else { return nil }
            if let date = date(words[0], now) { return microseconds(date, time) }
            return next(words[0], time, now: now)
        default: return nil
        }
    }

    private typealias Triple = (Int, Int, Int)

    private static func ago(_ text: String) -> Int64? {
        guard let unit = text.last, let count = Int64(text.dropLast()), 0...100_000 ~= count else {
            return nil
        }
        switch unit {
        case "s": return count * 1_000_000
        case "m": return count * 60_000_000
        case "h": return count * 3_600_000_000
        case "d": return count * 86_400_000_000
        default: return nil
        }
    }

    /// RFC 3339 with its offset.
    private static func instant(_ text: String) -> Int64? {
        guard text.contains("T") || text.contains("t") else { return nil }
        let plain = Date.ISO8601FormatStyle()
        for style in [plain, Date.ISO8601FormatStyle(includingFractionalSeconds: true)] {
            do {
                let date = try style.parse(text)
                return Int64((date.timeIntervalSince1970 * 1_000_000).rounded())
            } catch {
                // Not this form; the other one or another reader may fit.
                continue
            }
        }
        return nil
    }

    private static func date(_ text: String) -> Triple? {
        guard let parts = numbers(text, "-"), parts.count == 3, parts[0] >= 1970, parts[0] <= 9999
        else { return nil }
        return (parts[0], parts[1], parts[2])
    }

    private static func timeOfDay(_ text: String) -> Triple? {
        guard let parts = numbers(text, ":"), 2...3 ~= parts.count, parts[0] < 24, parts[1] < 60
        else { return nil }
        let second = parts.count == 3 ? parts[2] : 0
        return second < 60 ? (parts[0], parts[1], second) : nil
    }

    private static func numbers(_ text: String, _ separator: Character) -> [Int]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            1...4 ~= part.count && part.utf8.allSatisfy { 48...57 ~= $0 } ? Int(part) : nil
        }
        return numbers.count == parts.count ? numbers : nil
    }

    private var calendar: Calendar {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        return calendar
    }

    private func microseconds(_ date: Triple, _ time: Triple) -> Int64? {
        let components = DateComponents(
            year: date.0, month: date.1, day: date.2, hour: time.0, minute: time.1, second: time.2)
        guard 1...12 ~= date.1, 1...31 ~= date.2, let day = calendar.date(from: components),
            calendar.component(.day, from: day) == date.2
        else { return nil }
        return Int64(day.timeIntervalSince1970) * 1_000_000
    }

    /// - Parameter days: how many days after today; its date is that of a calendar, whose days have
    ///   23 hours when clocks go forward.
    private func today(_ now: Int64, plus days: Int = 0) -> Triple {
        let today = Date(timeIntervalSince1970: Double(now) / 1_000_000)
        let date = calendar.date(byAdding: .day, value: days, to: today) ?? today
        let parts = calendar.dateComponents([.year, .month, .day], from: date)
        return (parts.year ?? 1970, parts.month ?? 1, parts.day ?? 1)
    }

    private func date(_ word: String, _ now: Int64) -> Triple? {
        switch word {
        case "today": today(now)
        case "tomorrow": today(now, plus: 1)
        default: Self.date(word)
        }
    }

    private func next(_ weekday: String, _ time: Triple, now: Int64) -> Int64? {
        let names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        guard let index = names.firstIndex(of: String(weekday.lowercased().prefix(3))) else {
            return nil
        }
        let wanted = DateComponents(
            hour: time.0, minute: time.1, second: time.2, weekday: index + 1)
        let start = Date(timeIntervalSince1970: Double(now) / 1_000_000)
        let day = calendar.nextDate(after: start, matching: wanted, matchingPolicy: .nextTime)
        return day.map { Int64($0.timeIntervalSince1970) * 1_000_000 }
    }
}
