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

    private let zone: TimeZone
    private let readUnixMicroseconds: () -> Int64
    private(set) var last: WallClock

    /// - Parameters:
    ///   - timezone: a name of the tz database.
    ///   - unixMicroseconds: the wall clock; tests bring their own.
    /// - Throws: `StartFailure` when this machine does not know the zone.
    init(
        timezone: String, now: Instant,
        unixMicroseconds: @escaping () -> Int64 = SiteClock.systemMicroseconds
    ) throws(StartFailure) {
        guard let zone = TimeZone(identifier: timezone) else {
            throw StartFailure(
                "this machine knows no time zone \"\(timezone)\"; the package tzdata has them")
        }
        self.zone = zone
        readUnixMicroseconds = unixMicroseconds
        last = Self.reading(zone: zone, now: now, microseconds: unixMicroseconds())
    }

    /// To be called each second or so.
    /// - Returns: a reading the switch should hear of; nil when the last one still holds.
    mutating func check(now: Instant) -> WallClock? {
        let microseconds = readUnixMicroseconds()
        let isStepped =
            abs(microseconds - last.microseconds(at: now)) > Self.stepMicroseconds
        guard isStepped || now - last.instant >= Self.interval else { return nil }
        last = Self.reading(zone: zone, now: now, microseconds: microseconds)
        return last
    }

    private static func reading(
        zone: TimeZone, now: Instant, microseconds: Int64
    ) -> WallClock {
        let date = Date(timeIntervalSince1970: Double(microseconds) / 1e6)
        var next: (from: Int64, utcOffset: Int)?
        if let change = zone.nextDaylightSavingTimeTransition(after: date) {
            next = (
                Int64(change.timeIntervalSince1970),
                zone.secondsFromGMT(for: change.addingTimeInterval(1))
            )
        }
        return WallClock(
            instant: now, unixMicroseconds: microseconds,
            utcOffset: zone.secondsFromGMT(for: date), nextOffset: next)
    }

    static func systemMicroseconds() -> Int64 {
        var reading = timespec()
        clock_gettime(CLOCK_REALTIME, &reading)
        return Int64(reading.tv_sec) * 1_000_000 + Int64(reading.tv_nsec) / 1000
    }
}
