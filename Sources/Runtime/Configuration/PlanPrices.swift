import Charging
import Dialplan
import Foundation
import Store
import Synchronization

/// The prices that a plan's `expect` lines are checked by: the price lists that are stored, or where
/// there are none yet the tariff file of the configuration. Read when the first such line asks.
///
/// Of the stored lists those count that are in force now, and of their bands those of the hour that a
/// line names. They are the standard plan's: a line names no account that could have another.
final class PlanPrices: Sendable {
    private let tariffCSV: String?
    private let dataFolder: String
    private let state = Mutex<String?>(nil)

    /// - Parameters:
    ///   - tariffCSV: absolute; nil where the configuration names none.
    ///   - dataFolder: absolute; it need not be there.
    init(tariffCSV: String?, dataFolder: String) {
        self.tariffCSV = tariffCSV
        self.dataFolder = dataFolder
    }

    /// Why the stored price lists could not be read, where that is so.
    var problem: String? { state.withLock { $0 } }

    /// Blocks on the disk.
    /// - Returns: nil where there are no prices to check by.
    func prices() -> PlanContext.Price? {
        guard let book = stored ?? file else { return nil }
        let now = Int64(Date().timeIntervalSince1970 * 1_000_000)
        return { number, way, time, milliseconds in
            guard
                let (row, deck) = book.price(
                    of: number, plan: TariffBook.standardPlan, via: way, at: now)
            else { return nil }
            let rating = Rating(
                row, calendar: deck.tariff.calendar, from: time.localMicroseconds,
                offset: UTCOffset(seconds: 0))
            return rating.price(milliseconds: milliseconds).micros
        }
    }

    private var stored: TariffBook? {
        do {
            let book = try Store.tariffs(folder: dataFolder)
            return book.flatMap { $0.isEmpty ? nil : $0 }
        } catch {
            state.withLock { $0 = "\(error)" }
            return nil
        }
    }

    /// Nil also where it cannot be read, which the check of the tariff reports.
    private var file: TariffBook? {
        guard let tariffCSV else { return nil }
        do throws(ConfigurationFailure) {
            let text = try TextFile.read(tariffCSV, called: "the tariff")
            return Tariff.parse(csv: text, file: Paths.shown(tariffCSV)).tariff.map(TariffBook.init)
        } catch {
            return nil
        }
    }
}

extension CivilTime {
    /// Microseconds from 1970 to what this clock shows, as if it stood in UTC.
    fileprivate var localMicroseconds: Int64 {
        // A date outside the calendar of prices is taken for one of its first day.
        let days = Int64(CivilDay(year: year, month: month, day: day)?.number ?? 0)
        return (days * 86_400 + Int64(minuteOfDay) * 60) * 1_000_000
    }
}
