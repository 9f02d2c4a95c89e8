import Control
import Testing

@Suite struct SiteClockTests {
    private let shanghai = SiteClock(identifier: "Asia/Shanghai")
    /// 2026-11-22 15:04:05.123456 in Shanghai, a Sunday.
    private let now: Int64 = 1_795_331_045_123_456

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
        (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
    ])
    func rfc3339HoldsAtTheEdgesOfDaysAndCenturies(time: Int64, text: String) {
        #expect(SiteClock.rfc3339(time) == text)
    }

    @Test func peopleSeeTheSitesTime() {
        #expect(shanghai.shown(now) == "2026-11-22 15:04:05")
    }

    @Test(arguments: [
        ("2026-11-22T07:04:05Z", "2026-11-22 15:04:05"),
        ("2026-11-22T07:04:05.5Z", "2026-11-22 15:04:05"),
        ("2026-11-22T15:04:05+08:00", "2026-11-22 15:04:05"),
        ("2026-11-22", "2026-11-22 00:00:00"), ("2026-11-22 08:30", "2026-11-22 08:30:00"),
        ("2026-11-22T08:30:01", "2026-11-22 08:30:01"), ("08:30", "2026-11-22 08:30:00"),
        ("mon 10:00", "2026-11-23 10:00:00"), ("sunday 10:00", "2026-11-29 10:00:00"),
        ("tomorrow 00:00", "2026-11-23 00:00:00"), ("tomorrow", "2026-11-23 00:00:00"),
        ("today 08:30", "2026-11-22 08:30:00"),
        ("90s", "2026-11-22 15:02:35"), ("2h", "2026-11-22 13:04:05"),
        ("7d", "2026-11-15 15:04:05"),
    ])
    func aTimeIsReadByTheSitesClock(text: String, shown: String) {
        #expect(shanghai.parse(text, now: now).map(shanghai.shown) == shown)
    }

    @Test(arguments: [
        "", "yesterday", "25:00", "2026-02-30", "2026-13-01", "10", "mon", "-2h", "2026-11-22 10",
        "2026-11-22 10:00 x", "1:2:3:4",
    ])
    func whatIsNoTimeIsNil(text: String) {
        #expect(shanghai.parse(text, now: now) == nil)
    }

    @Test func anHourThatAClockSkipsIsTheOneAfterIt() {
        let berlin = SiteClock(identifier: "Europe/Berlin")
        // 2026-03-29 02:30 does not exist there.
        #expect(
            berlin.parse("2026-03-29 02:30", now: now).map(berlin.shown) == "2026-03-29 03:30:00")
    }
}
