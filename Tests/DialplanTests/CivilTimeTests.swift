import Dialplan
import Testing

@Suite struct CivilTimeTests {
    @Test(
        "the weekday follows from the date",
        arguments: [
            (2026, 11, 22, Weekday.sunday), (2026, 1, 5, .monday), (2000, 2, 29, .tuesday),
            (1900, 3, 1, .thursday), (2024, 2, 29, .thursday),
        ])
    func weekday(year: Int, month: Int, day: Int, weekday: Weekday) {
        #expect(CivilTime(year: year, month: month, day: day, minuteOfDay: 0).weekday == weekday)
    }

    @Test func weekdaysAreReadShortAndLong() {
        #expect(Weekday("Mon") == .monday)
        #expect(Weekday("sunday") == .sunday)
        #expect(Weekday("noday") == nil)
        #expect(Weekday.monday.previous == .sunday)
    }
}
