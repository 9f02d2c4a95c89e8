import Charging
import Dialplan
import Foundation
import Switching

/// The time zones of a plan's sites, with every change of their offsets over many years.
///
/// Looking a zone up takes a while, so it is done where a plan is loaded and not on the loop. New
/// rules of the tz database count from the next reload or start on.
struct SiteZones: Sendable {
    /// How far back a call may lie that is explained or priced by its time, in years.
    static let yearsBack = 3
    /// How long a daemon may run without a reload and know every change, in years.
    static let yearsAhead = 30
    /// A zone with more changes than four a year, as Morocco has, is known for a shorter time.
    static let changeLimit = 132

    var main: UTCOffset
    var others: [String: UTCOffset]

    /// - Throws: `StartFailure` that names a zone which this machine does not know.
    init(
        _ plan: Plan, around microseconds: Int64 = SiteClock.systemMicroseconds()
    ) throws(StartFailure) {
        main = try Self.offsets(plan.site.timezone, around: microseconds)
        others = [:]
        for name in plan.otherTimezones {
            others[name] = try Self.offsets(name, around: microseconds)
        }
    }

    private static func offsets(
        _ name: String, around microseconds: Int64
    ) throws(StartFailure) -> UTCOffset {
        guard let zone = TimeZone(identifier: name) else {
            throw StartFailure(
                "this machine knows no time zone \"\(name)\"; the package tzdata has them")
        }
        let year = 366.0 * 86_400
        let now = Date(timeIntervalSince1970: Double(microseconds) / 1e6)
        var date = now.addingTimeInterval(-Double(yearsBack) * year)
        let end = now.addingTimeInterval(Double(yearsAhead) * year)
        var offsets = UTCOffset(seconds: zone.secondsFromGMT(for: date))
        while offsets.changes.count < changeLimit,
            let change = zone.nextDaylightSavingTimeTransition(after: date), change > date,
            change < end
        {
            offsets.changes.append(
                UTCOffset.Change(
                    from: Int64(change.timeIntervalSince1970),
                    seconds: zone.secondsFromGMT(for: change.addingTimeInterval(1))))
            date = change
        }
        return offsets
    }
}
