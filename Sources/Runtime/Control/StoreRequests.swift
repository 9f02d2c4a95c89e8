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
    private let tariffs: Mutex<TariffBook>

    init(store: Store, tariffs: TariffBook) {
        self.store = store
        self.tariffs = Mutex(tariffs)
    }

    func records(_ query: RecordQuery) -> Response {
        answering { .records(try store.records(query)) }
    }

    func statement(_ query: StatementQuery) -> Response {
        answering {
            let statement = try store.statement(
                account: query.account, since: query.since, until: query.until,
                limit: query.limit)
            return statement.map { .statement($0) }
                ?? .refused(["there is no account \(query.account)"])
        }
    }

    /// Whether the switch cannot decide a request without what `completed` looks up.
    static func isIncomplete(_ request: ControlRequest) -> Bool {
        guard case .accountRefunded(let change) = request else { return false }
        return change.call != nil
    }

    /// A request with what the switch does not remember: what the call was charged that a refund is
    /// for. Whatever the asker said of it is not believed.
    func completed(_ request: ControlRequest) throws -> ControlRequest {
        guard case .accountRefunded(var change) = request else { return request }
        change.charged = nil
        if let call = change.call.flatMap({ CallID($0) }) {
            change.charged = try store.charge(ofCall: call.rawValue, account: change.account)
        }
        return .accountRefunded(change)
    }

    func backup(to file: String) -> Response {
        answering {
            let made = try store.backup(to: file)
            let chain = made.chain
            return .done(
                "everything is in \(file), \(made.bytes) bytes"
                    + (chain.sealed == 0
                        ? "" : "; \(chain.sealed) in the hash chain, head \(chain.head)"))
        }
    }

    func audit(head: String?) -> Response { answering { .audit(try store.audit(head: head)) } }

    func archivePostings(before: Int64) -> Response {
        answering {
            let count = try store.archivePostings(before: before)
            return .done(
                "\(count) postings were moved into the archive; statements still have them")
        }
    }

    // MARK: Price lists

    func tariffRows(_ query: TariffQuery) -> Response {
        let deck = tariffs.withLock {
            $0.deck(plan: query.plan, via: query.via, at: SiteClock.systemMicroseconds())
        }
        guard let deck else {
            guard query.plan == TariffBook.standardPlan, query.via == nil else {
                return .refused([missing(query.plan, query.via)])
            }
            return .tariff(TariffListing(rows: []))
        }
        let tariff = deck.tariff
        // A file may have all of them: it is a tenth as long.
        let limit = min(
            max(query.limit, 1), query.asCSV ? Tariff.mostRows : Self.tariffRowLimit)
        var rows = tariff.rows
        if let prefix = query.prefix { rows.removeAll { !$0.prefix.hasPrefix(prefix) } }
        let omitted = max(rows.count - limit, 0)
        rows.removeLast(omitted)
        guard query.asCSV else {
            return .tariff(
                TariffListing(rows: rows, currency: tariff.currency, omitted: omitted))
        }
        return .tariff(
            TariffListing(
                rows: [], currency: tariff.currency, omitted: omitted,
                csv: Tariff.csv(
                    rows: rows, calendar: tariff.calendar, currency: tariff.currency)))
    }

    private func missing(_ plan: String, _ via: String?) -> String {
        let plans = tariffs.withLock { $0.plans }.joined(separator: ", ")
        return "tariff plan \(plan) has no price list\(via.map { " via \($0)" } ?? "") in force"
            + (plans.isEmpty ? "" : "; there are the plans \(plans)")
    }

    func tariffDecks() -> Response {
        let now = SiteClock.systemMicroseconds()
        let book = tariffs.withLock { $0 }
        return .tariffDecks(
            book.all.map { deck in
                let inForce = book.deck(plan: deck.plan, via: deck.via, at: now)?.id == deck.id
                let state = deck.validFrom > now ? "to come" : inForce ? "in force" : "over"
                return TariffDeckRow(deck, state: state)
            })
    }

    /// Looks a price list over and, unless that is all that is wanted, stores it.
    /// - Returns: all lists when that is durable, and what to answer once they are in force.
    func importTariff(_ order: TariffImport) -> (tariffs: TariffBook?, response: Response) {
        let now = SiteClock.systemMicroseconds()
        guard TariffBook.isValidPlan(order.plan) else {
            return (nil, .refused(["\(Ledger.Refusal.invalidPlan(order.plan))"]))
        }
        let book = tariffs.withLock { $0 }
        let begins = order.validFrom.map { max($0, 1) }
        let current = book.deck(plan: order.plan, via: order.via, at: begins ?? now)
        let (parsed, reviewed) = Tariff.review(
            csv: Array(order.csv.utf8), file: order.file, against: current?.tariff,
            telling: order.tellsAll ? .all : .usual)
        var review = reviewed
        guard let parsed, !review.hasErrors else {
            return (nil, .refused(review.findings.map(\.description)))
        }
        review.validFrom = begins
        let name =
            (order.plan == TariffBook.standardPlan ? "the tariff" : "tariff plan \(order.plan)")
            + (order.via.map { " via \($0)" } ?? "")
        guard !order.isDryRun else {
            review.outcome = "nothing was changed: \(name) would have \(parsed.count) rows"
            return (nil, .tariffReview(review))
        }
        guard book.count < TariffBook.mostDecks else {
            return (nil, .refused(["there are \(TariffBook.mostDecks) price lists already"]))
        }
        // A list that begins before the one in force is kept and prices nothing.
        if let begins, let inForce = book.deck(plan: order.plan, via: order.via, at: now),
            inForce.validFrom > begins
        {
            review.outcome =
                "\(name) stays as it is: price list \(inForce.id), which began later, is in force; "
                + "without --from this one takes its place"
        } else {
            review.outcome =
                "\(name) has \(parsed.count) rows " + (begins ?? 0 > now ? "from then on" : "now")
        }
        var deck = TariffDeck(
            plan: order.plan, via: order.via, validFrom: begins ?? current?.validFrom ?? 0,
            source: order.file, tariff: parsed)
        var done: TariffBook?
        let response = answering {
            // A day's grace: a call may be priced by a clock that is a little late.
            let outdated = book.outdated(at: now - 86_400_000_000)
            deck.id = try store.put(deck, rows: parsed.rows, removing: outdated)
            done = tariffs.withLock { book in
                for id in outdated { _ = book.remove(id: id) }
                book.put(deck)
                return book
            }
            return .tariffReview(review)
        }
        return (done, response)
    }

    /// Takes a price list out.
    func removeDeck(_ id: Int64) -> (tariffs: TariffBook?, response: Response) {
        var book = tariffs.withLock { $0 }
        guard let deck = book.remove(id: id) else {
            return (nil, .refused(["there is no price list \(id); see \"tandem tariff decks\""]))
        }
        let changed = book
        var done: TariffBook?
        let response = answering {
            try store.removeDeck(id)
            tariffs.withLock { $0 = changed }
            done = changed
            let isLast = !changed.has(plan: deck.plan)
            return .done(
                "price list \(id) of plan \(deck.plan) is gone; calls keep their price"
                    + (isLast
                        ? "\nplan \(deck.plan) has no price list any more: whoever it prices makes no "
                            + "call that costs something" : ""))
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
