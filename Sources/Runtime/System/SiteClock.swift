import Charging
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
    /// When the zone of `last` was read, in microseconds since 1970.
    private var zoneReadAt: Int64

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
        let microseconds = unixMicroseconds()
        zoneReadAt = microseconds
        last = WallClock(
            instant: now, unixMicroseconds: microseconds,
            zone: Self.offsets(of: zone, around: microseconds))
    }

    /// To be called each second or so.
    /// - Returns: a reading the switch should hear of; nil when the last one still holds.
    mutating func check(now: Instant) -> WallClock? {
        let microseconds = readUnixMicroseconds()
        let isStepped =
            abs(microseconds - last.microseconds(at: now)) > Self.stepMicroseconds
        guard isStepped || now - last.instant >= Self.interval else { return nil }
        if abs(microseconds - zoneReadAt) >= Self.zoneInterval {
            zoneReadAt = microseconds
            last.zone = Self.offsets(of: zone, around: microseconds)
        }
        last = WallClock(instant: now, unixMicroseconds: microseconds, zone: last.zone)
        return last
    }

    /// How far back and ahead the zone is told of: prices are asked for other days too.
    private static let yearsBack = 3.0
    private static let yearsAhead = 5.0
    /// Of a zone, in those years. Morocco has four in a year.
    static let mostChanges = 64
    /// When the zone is read anew, in microseconds from the last time.
    private static let zoneInterval: Int64 = 30 * 86_400_000_000

    /// Offset and changes of a zone in the years around a moment.
    private static func offsets(of zone: TimeZone, around microseconds: Int64) -> UTCOffset {
        let moment = Date(timeIntervalSince1970: Double(microseconds) / 1e6)
        let year = 365.25 * 86_400
        let end = moment + yearsAhead * year
        var date = moment - yearsBack * year
        var offsets = UTCOffset(seconds: zone.secondsFromGMT(for: date))
        while offsets.changes.count < mostChanges,
            let change = zone.nextDaylightSavingTimeTransition(after: date), change > date,
            change <= end
        {
            offsets.changes.append(
                UTCOffset.Change(
                    from: Int64(change.timeIntervalSince1970),
                    seconds: zone.secondsFromGMT(for: change + 1)))
            date = change
        }
        return offsets
    }

    static func systemMicroseconds() -> Int64 {
        var reading = timespec()
        clock_gettime(CLOCK_REALTIME, &reading)
        return Int64(reading.tv_sec) * 1_000_000 + Int64(reading.tv_nsec) / 1000
    }
}
