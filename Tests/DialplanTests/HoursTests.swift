@testable import Dialplan
import Testing

@Suite struct HoursTests {
    @Test("a time over midnight belongs to the day it begins on")
    func overMidnight() {
        var hours = HoursTable(name: "night")
        hours.week[4] = [HoursTable.Opening(start: 1320, end: 1440 + 360)]
        func isOpen(_ day: Int, _ hour: Int, _ minute: Int = 0) -> Bool {
            hours.isOpen(CivilTime(year: 2026, month: 1, day: day, minuteOfDay: hour * 60 + minute))
        }
        // 9 January 2026 is a Friday.
        #expect(!isOpen(9, 21, 59))
        #expect(isOpen(9, 22))
        #expect(isOpen(10, 0))
        #expect(isOpen(10, 5, 59))
        #expect(!isOpen(10, 6))
        #expect(!isOpen(9, 5))
        #expect(!isOpen(11, 0))
    }

    @Test("a different day counts for the night that begins on it, over the turn of the year too")
    func exceptionOverMidnight() {
        var hours = HoursTable(name: "night")
        hours.week = Array(repeating: [HoursTable.Opening(start: 1320, end: 1440 + 360)], count: 7)
        hours.exceptions[20251231] = []
        let newYear = CivilTime(year: 2026, month: 1, day: 1, minuteOfDay: 60)
        #expect(!hours.isOpen(newYear))
        hours.exceptions = [20260101: []]
        #expect(hours.isOpen(newYear))
    }

    @Test("the day after the day before is the same day")
    func neighbours() {
        var date = CivilTime(year: 2023, month: 12, day: 1, minuteOfDay: 0)
        for _ in 0..<800 {
            let next = date.dayAfter
            #expect(next.dayBefore == date)
            #expect(
                next.weekday == Weekday(year: next.year, month: next.month, day: next.day))
            date = next
        }
    }
}
