import Charging
import Dialplan
import SIP
import Switching
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

    /// A plan of a site in one zone, and of another site where a second zone is given.
    private static func plan(_ timezone: String, and other: String? = nil) throws -> Plan {
        func site(_ name: String, _ timezone: String, _ extensions: String) -> String {
            """
            site \(name) { country 86  area 0311  timezone \(timezone) }
            extensions \(extensions)

            """
        }
        let main = site("here", timezone, "8000") + (other == nil ? "" : "include \"there\"\n")
        let (plan, diagnostics) = Plan.compile(
            PlanSources(
                main: SourceFile(path: "here", text: main),
                included: other.map { ["there": site("there", $0, "9000")] } ?? [:]),
            context: PlanContext(trunks: [PlanContext.Trunk(name: "pstn", isE1: true)]))
        return try #require(plan, "\(diagnostics)")
    }

    private func clock(
        _ timezone: String, and other: String? = nil, _ wall: Wall
    ) throws -> SiteClock {
        let zones = try SiteZones(Self.plan(timezone, and: other), around: wall.read())
        return SiteClock(zones, now: start, unixMicroseconds: wall.read)
    }

    @Test func zoneWithoutSummerTimeHasOneOffset() throws {
        let clock = try clock("Asia/Shanghai", Wall(1_700_000_000))
        #expect(clock.last.zone == UTCOffset(seconds: 8 * 3600))
        #expect(clock.last.otherZones.isEmpty)
        #expect(clock.last.unixMicroseconds == 1_700_000_000_000_000)
    }

    /// Berlin goes from +2 to +1 on 2026-10-25 at 01:00 UTC, and back on 2027-03-28.
    @Test func everyComingChangeOfOffsetIsKnown() throws {
        let zone = try clock("Europe/Berlin", Wall(1_792_800_000)).last.zone
        #expect(zone.seconds(at: 1_792_800_000) == 7200)
        #expect(zone.changes.contains(UTCOffset.Change(from: 1_792_890_000, seconds: 3600)))
        #expect(zone.seconds(at: 1_792_889_999) == 7200)
        #expect(zone.seconds(at: 1_792_890_000) == 3600)
        #expect(zone.changes.contains(UTCOffset.Change(from: 1_806_195_600, seconds: 7200)))
        #expect(zone.seconds(at: 1_806_195_600) == 7200)
        // A summer and a winter long before and after: 2025-07-15, 2050-07-15 and 2051-01-15.
        #expect(zone.seconds(at: 1_752_537_600) == 7200)
        #expect(zone.seconds(at: 2_541_456_000) == 7200)
        #expect(zone.seconds(at: 2_557_353_600) == 3600)
        #expect(zone.changes.map(\.from) == zone.changes.map(\.from).sorted())
    }

    @Test func otherSitesHaveTheirOwnZones() throws {
        let clock = try clock("Asia/Shanghai", and: "Europe/Berlin", Wall(1_792_800_000))
        #expect(clock.last.zone == UTCOffset(seconds: 8 * 3600))
        let berlin = clock.last.otherTimes(1_792_890_000_000_000)["Europe/Berlin"]
        #expect(berlin?.minuteOfDay == 120)
        #expect(clock.last.civilTime(1_792_890_000_000_000).minuteOfDay == 9 * 60)
        let same = try self.clock("Asia/Shanghai", and: "Asia/Shanghai", Wall(1_792_800_000))
        #expect(same.last.otherZones.isEmpty)
    }

    @Test func steadyClockIsToldOnceAMinute() throws {
        let wall = Wall(1_700_000_000)
        var clock = try clock("UTC", wall)
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
        var clock = try clock("UTC", wall)
        wall.advance(milliseconds: 1000 + milliseconds)
        let reading = clock.check(now: start + .seconds(1))
        #expect(reading?.unixMicroseconds == 1_700_000_001_000_000 + milliseconds * 1000)
    }

    @Test func slewedClockIsNotAStep() throws {
        let wall = Wall(1_700_000_000)
        var clock = try clock("UTC", wall)
        wall.advance(milliseconds: 1030)
        let reading = clock.check(now: start + .seconds(1))
        #expect(reading == nil)
    }

    @Test func unknownZoneIsNamed() {
        #expect {
            try SiteZones(Self.plan("Asia/Atlantis"))
        } throws: {
            "\($0)".contains("Asia/Atlantis")
        }
    }
}
