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
        #expect(clock.last.utcOffset == 8 * 3600)
        #expect(clock.last.nextOffset == nil)
        #expect(clock.last.unixMicroseconds == 1_700_000_000_000_000)
    }

    /// 2026-10-25 01:00 UTC: Berlin goes from +2 to +1.
    @Test func comingChangeOfOffsetIsTold() throws {
        let clock = try SiteClock(
            timezone: "Europe/Berlin", now: start, unixMicroseconds: Wall(1_792_800_000).read)
        #expect(clock.last.utcOffset == 7200)
        #expect(clock.last.nextOffset?.from == 1_792_890_000)
        #expect(clock.last.nextOffset?.utcOffset == 3600)
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
