import Charging
import Control
import Store
import Switching
import Synchronization

/// What the control socket asks of the store: closed calls, statements, the price list. The same
/// for the daemon and for a command that opened the data folder itself. Blocks on the disk, so
/// never on the loop's thread.
final class StoreRequests: Sendable {
    /// Rows of the price list in one answer at most.
    static let tariffRowLimit = 100_000

    private let store: Store
    private let tariff: Mutex<Tariff>

    init(store: Store, tariff: Tariff) {
        self.store = store
        self.tariff = Mutex(tariff)
    }

    func records(_ query: RecordQuery) -> Response {
        answering { .records(try store.records(query)) }
    }

    func statement(_ query: StatementQuery) -> Response {
        answering {
            .postings(
                try store.statement(
                    account: query.account, since: query.since, until: query.until,
                    limit: query.limit))
        }
    }

    func backup(to file: String) -> Response {
        answering {
            let size = try store.backup(to: file)
            return .done("everything is in \(file), \(size) bytes")
        }
    }

    func audit() -> Response { answering { .audit(try store.audit()) } }

    func tariffRows(prefix: String?, limit: Int) -> Response {
        let limit = min(max(limit, 1), Self.tariffRowLimit)
        let rows = tariff.withLock { $0.rows }
        guard let prefix else { return .tariff(Array(rows.prefix(limit))) }
        return .tariff(Array(rows.lazy.filter { $0.prefix.hasPrefix(prefix) }.prefix(limit)))
    }

    /// Puts a price list in the place of the stored one.
    /// - Returns: the new list when it is durable, and what to answer once it is in force.
    func replaceTariff(csv: String, file: String) -> (tariff: Tariff?, response: Response) {
        let (parsed, diagnostics) = Tariff.parse(csv: csv, file: file)
        guard let parsed, diagnostics.isEmpty else {
            return (nil, .refused(diagnostics.map { "\($0)" }))
        }
        var done: Tariff?
        let response = answering {
            try store.replaceTariff(parsed.rows)
            tariff.withLock { $0 = parsed }
            done = parsed
            return .done("the tariff has \(parsed.count) rows now")
        }
        return (done, response)
    }

    private func answering(_ body: () throws -> Response) -> Response {
        do {
            return try body()
        } catch {
            return .refused(["\(error)"])
        }
    }
}
