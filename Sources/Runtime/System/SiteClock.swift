import Foundation
import SIP
import Switching
import Transport

/// Reads the wall clock for the switch: at the start, each minute, and when it was set.
struct SiteClock {
    /// How often the clock is told although nothing happened to it.
    static let interval = Instant.Span.seconds(60)
    /// Beyond this the clock was set; below it, it is being slewed.
    static let stepMicroseconds: Int64 = 200_000

    private let zones: SiteZones
    private let readUnixMicroseconds: () -> Int64
    private(set) var last: WallClock

    /// - Parameter unixMicroseconds: the wall clock; tests bring their own.
    init(
        _ zones: SiteZones, now: Instant,
        unixMicroseconds: @escaping () -> Int64 = SiteClock.systemMicroseconds
    ) {
        self.zones = zones
        readUnixMicroseconds = unixMicroseconds
        last = Self.reading(zones, now: now, microseconds: unixMicroseconds())
    }

    /// To be called each second or so.
    /// - Returns: a reading the switch should hear of; nil when the last one still holds.
    mutating func check(now: Instant) -> WallClock? {
        let microseconds = readUnixMicroseconds()
        let isStepped =
            abs(microseconds - last.microseconds(at: now)) > Self.stepMicroseconds
        guard isStepped || now - last.instant >= Self.interval else { return nil }
        last = Self.reading(zones, now: now, microseconds: microseconds)
        return last
    }

    private static func reading(
        _ zones: SiteZones, now: Instant, microseconds: Int64
    ) -> WallClock {
        WallClock(
            instant: now, unixMicroseconds: microseconds, zone: zones.main,
            otherZones: zones.others)
    }

    static func systemMicroseconds() -> Int64 {
        var reading = timespec()
        clock_gettime(CLOCK_REALTIME, &reading)
        return Int64(reading.tv_sec) * 1_000_000 + Int64(reading.tv_nsec) / 1000
    }
}
