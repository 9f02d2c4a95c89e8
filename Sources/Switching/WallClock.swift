import Charging
import Dialplan
import SIP

/// What the wall clock showed at an instant, and how far the sites' zones are from UTC in the years
/// around it.
///
/// Wall time labels records and tells office hours. It decides no length of time and no money.
public struct WallClock: Sendable, Hashable {
    /// When the clock was read.
    public var instant: Instant
    /// Microseconds since 1970-01-01 00:00 UTC.
    public var unixMicroseconds: Int64
    /// The zone of the main site.
    public var zone: UTCOffset
    /// Those of other sites that have one of their own, by their IANA names.
    public var otherZones: [String: UTCOffset]

    public init(
        instant: Instant, unixMicroseconds: Int64, zone: UTCOffset,
        otherZones: [String: UTCOffset] = [:]
    ) {
        self.instant = instant
        self.unixMicroseconds = unixMicroseconds
        self.zone = zone
        self.otherZones = otherZones
    }

    /// A clock in a zone that keeps one offset, in seconds east of UTC.
    public init(instant: Instant, unixMicroseconds: Int64, utcOffset: Int) {
        self.init(
            instant: instant, unixMicroseconds: unixMicroseconds,
            zone: UTCOffset(seconds: utcOffset))
    }

    /// Wall time at an instant, in microseconds since 1970 UTC.
    public func microseconds(at now: Instant) -> Int64 {
        unixMicroseconds + (now - instant).nanoseconds / 1000
    }

    /// The civil date and time of the main site at an instant.
    public func civilTime(at now: Instant) -> CivilTime { civilTime(microseconds(at: now)) }

    /// The civil date and time of the main site at a wall time in microseconds since 1970 UTC.
    public func civilTime(_ microseconds: Int64) -> CivilTime {
        Self.civilTime(microseconds, in: zone)
    }

    /// The same for every other zone, by its name. Empty, and nothing is allocated, where the sites
    /// share a zone.
    public func otherTimes(_ microseconds: Int64) -> [String: CivilTime] {
        if otherZones.isEmpty { return [:] }
        return otherZones.mapValues { Self.civilTime(microseconds, in: $0) }
    }

    private static func civilTime(_ microseconds: Int64, in zone: UTCOffset) -> CivilTime {
        let seconds = microseconds.flooredQuotient(by: 1_000_000)
        return CivilTime(localSeconds: seconds + Int64(zone.seconds(at: seconds)))
    }
}

extension CivilTime {
    /// - Parameter localSeconds: seconds since 1970-01-01 00:00 by the site's own clock.
    ///
    /// Days to a date by Howard Hinnant's `civil_from_days`, which holds for every proleptic
    /// Gregorian date.
    public init(localSeconds: Int64) {
        let days = localSeconds.flooredQuotient(by: 86_400)
        let secondOfDay = Int(localSeconds - days * 86_400)
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        let month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        let year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        self.init(year: year, month: month, day: day, minuteOfDay: secondOfDay / 60)
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity, as calendars need before 1970.
    func flooredQuotient(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
