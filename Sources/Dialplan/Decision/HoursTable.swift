/// When something is open: times of each weekday, and days that are different.
struct HoursTable: Sendable {
    /// From a minute of the day on, up to a minute that may lie in the next day.
    struct Opening: Sendable {
        var start: Int
        var end: Int
    }

    var name: String
    /// Monday first.
    var week: [[Opening]] = Array(repeating: [], count: 7)
    /// By date, as 20261001.
    var exceptions: [Int: [Opening]] = [:]

    /// Whether it is open. A time over midnight belongs to the day it begins on.
    func isOpen(_ time: CivilTime) -> Bool {
        let today = openings(time, time.weekday)
        if today.contains(where: { $0.start <= time.minuteOfDay && time.minuteOfDay < $0.end }) {
            return true
        }
        let minute = time.minuteOfDay + 1440
        return openings(time.dayBefore, time.weekday.previous)
            .contains { $0.start <= minute && minute < $0.end }
    }

    private func openings(_ date: CivilTime, _ weekday: Weekday) -> [Opening] {
        if !exceptions.isEmpty, let openings = exceptions[date.dateNumber] { return openings }
        return week[weekday.rawValue - 1]
    }
}

extension CivilTime {
    /// 20261001
    var dateNumber: Int { (year * 100 + month) * 100 + day }

    var dayBefore: CivilTime {
        var time = self
        time.weekday = weekday.previous
        if day > 1 {
            time.day -= 1
        } else if month > 1 {
            time.month -= 1
            time.day = daysOfMonth(time.month, year)
        } else {
            time.year -= 1
            time.month = 12
            time.day = 31
        }
        return time
    }

    var dayAfter: CivilTime {
        var time = self
        time.weekday = Weekday(rawValue: weekday.rawValue % 7 + 1) ?? .monday
        if day < daysOfMonth(month, year) {
            time.day += 1
        } else {
            time.day = 1
            time.month = month % 12 + 1
            if month == 12 { time.year += 1 }
        }
        return time
    }
}

func daysOfMonth(_ month: Int, _ year: Int) -> Int {
    if month == 2 {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    }
    return [4, 6, 9, 11].contains(month) ? 30 : 31
}
