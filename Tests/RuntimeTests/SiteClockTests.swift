import Charging
import SIP
import Synchronization
import Testing

@testable import Runtime

@Suite struct SiteClockTests {
    /// A wall clock that tests set.
    private final class Wall: Sendable {
        let microseconds: Atomic<Int64>
        init(_ seconds: Int64) { microseconds = Atomic(seconds * 1_000_000) }
        var read: () -> Int64 { { self.microseconds.load(ordering: .relaxed) } }
        func advance(milliseconds: Int64) {
            microseconds.add(milliseconds * 1000, ordering: .relaxed)
        }
    }

    private let start = Instant(nanoseconds: 5_000_000_000)

    @Test func zoneWithoutSummerTimeHasOneOffset() throws {
        let clock = try SiteClock(
            timezone: "Asia/Shanghai", now: start, unixMicroseconds: Wall(1_700_000_000).read)
        #expect(clock.last.zone == UTCOffset(seconds: 8 * 3600))
        #expect(clock.last.unixMicroseconds == 1_700_000_000_000_000)
    }

    /// 2026-10-25 01:00 UTC: Berlin goes from +2 to +1.
    @Test func theChangesOfOffsetOfSomeYearsAreTold() throws {
        let clock = try SiteClock(
            timezone: "Europe/Berlin", now: start, unixMicroseconds: Wall(1_792_800_000).read)
        let zone = clock.last.zone
        #expect(zone.seconds(at: 1_792_800_000) == 7200)
        #expect(zone.changes.contains(UTCOffset.Change(from: 1_792_890_000, seconds: 3600)))
        // 2027-03-28 01:00 UTC, and 2026-03-29 before.
        #expect(zone.changes.contains(UTCOffset.Change(from: 1_806_195_600, seconds: 7200)))
        #expect(zone.changes.contains(UTCOffset.Change(from: 1_774_746_000, seconds: 7200)))
        #expect(zone.changes.count == 16)
        #expect(zone.changes.map(\.from) == zone.changes.map(\.from).sorted())
    }

    /// A daemon that runs for years goes on knowing the years around it.
    @Test func theZoneIsReadAnewAsTimePasses() throws {
        let wall = Wall(1_792_800_000)
        var clock = try SiteClock(
            timezone: "Europe/Berlin", now: start, unixMicroseconds: wall.read)
        let first = try #require(clock.last.zone.changes.last)
        wall.advance(milliseconds: 3 * 366 * 86_400_000)
        let reading = clock.check(now: start + .seconds(3 * 366 * 86_400))
        let last = try #require(reading?.zone.changes.last)
        #expect(last.from > first.from + 2 * 365 * 86_400)
    }

    @Test func steadyClockIsToldOnceAMinute() throws {
        let wall = Wall(1_700_000_000)
        var clock = try SiteClock(timezone: "UTC", now: start, unixMicroseconds: wall.read)
        var told: [Int] = []
        for second in 1...130 {
            wall.advance(milliseconds: 1000)
            if clock.check(now: start + .seconds(second)) != nil { told.append(second) }
        }
        #expect(told == [60, 120])
    }

    @Test(arguments: [-3_600_000, -201, 201, 86_400_000])
    func clockThatWasSetIsToldAtOnce(milliseconds: Int64) throws {
        let wall = Wall(1_700_000_000)
        var clock = try SiteClock(timezone: "UTC", now: start, unixMicroseconds: wall.read)
        wall.advance(milliseconds: 1000 + milliseconds)
        let reading = clock.check(now: start + .seconds(1))
        #expect(reading?.unixMicroseconds == 1_700_000_001_000_000 + milliseconds * 1000)
    }

    @Test func slewedClockIsNotAStep() throws {
        let wall = Wall(1_700_000_000)
        var clock = try SiteClock(timezone: "UTC", now: start, unixMicroseconds: wall.read)
        wall.advance(milliseconds: 1030)
        let reading = clock.check(now: start + .seconds(1))
        #expect(reading == nil)
    }

    @Test func unknownZoneIsNamed() {
        #expect {
            try SiteClock(timezone: "Asia/Atlantis", now: start)
        } throws: {
            "\($0)".contains("Asia/Atlantis")
        }
    }
}
