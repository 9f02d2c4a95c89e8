import Charging
import Dialplan
import Synchronization

/// The prices that a plan's `expect` lines are checked by: the tariff file of the configuration, read
/// when the first such line asks.
final class PlanPrices: Sendable {
    private enum State {
        case unread
        /// Nil when it cannot be read, which the check of the tariff reports.
        case read(Tariff?)
    }

    private let path: String
    private let state = Mutex(State.unread)

    init(path: String) { self.path = path }

    /// Millionths of the currency unit; nil where the tariff has no price for the number.
    func price(_ number: String, milliseconds: Int64) -> Int64? {
        guard let row = tariff?.row(for: number) else { return nil }
        return Rating(row).price(milliseconds: milliseconds).micros
    }

    private var tariff: Tariff? {
        state.withLock { state in
            if case .read(let tariff) = state { return tariff }
            var tariff: Tariff?
            do throws(ConfigurationFailure) {
                let text = try TextFile.read(path, called: "the tariff")
                tariff = Tariff.parse(csv: text, file: Paths.shown(path)).tariff
            } catch {
                tariff = nil
            }
            state = .read(tariff)
            return tariff
        }
    }
}
