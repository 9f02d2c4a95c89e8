import Charging
import GRDB
import Switching

/// A `RecordQuery` as SQL that one index answers, whatever else is asked for.
///
/// Records come by their start, newest first, and by sequence number where starts are equal; each
/// index ends in the start, so a page is read from one place of one index without sorting. The
/// planner has no statistics of the data and is not left to guess: one condition leads, and the
/// others carry a `+`, which takes their indexes out of the choice.
struct RecordSelection {
    /// Statements whose results do not overlap; the page is the newest of all of them.
    private(set) var statements: [(sql: String, arguments: [DatabaseValue])] = []
    let limit: Int

    /// - Parameter after: the record that ended the page before.
    init(_ query: RecordQuery, call: CallID?, after: (started: Int64, sequence: UInt64)?) {
        limit = min(max(query.limit, 1), RecordQuery.limitMaximum)
        var filters = Conditions()
        if let since = query.since { filters.add("started >= ?", since) }
        if let until = query.until { filters.add("started < ?", until) }
        if let after {
            filters.add(
                "(started, sequence) < (?, ?)", after.started, Int64(bitPattern: after.sequence))
        }

        if let call { filters.add("call = ?", Int64(bitPattern: call.rawValue)) }
        var isLed = call != nil
        /// The first condition that is given leads.
        func leads() -> Bool {
            defer { isLed = true }
            return !isLed
        }

        var variants: [Conditions] = []
        if let to = query.to {
            if leads() {
                variants = [
                    Conditions("normalised = ?", to),
                    Conditions("dialled = ? AND dialled <> normalised", to),
                ]
            } else {
                filters.add("(+normalised = ? OR +dialled = ?)", to, to)
            }
        }
        if let from = query.from { filters.add(leads() ? "caller = ?" : "+caller = ?", from) }
        if let account = query.account {
            if leads() {
                // Nearly every account is named after the extension that calls on it.
                variants = [
                    Conditions("caller = ? AND +account = ?", account, account),
                    Conditions("account = ? AND account <> caller", account),
                ]
            } else {
                filters.add("+account = ?", account)
            }
        }
        if let trunk = query.trunk {
            if leads() {
                statements = [
                    statement(from: "record", Conditions("route = ?", trunk), filters, query),
                    statement(
                        from: RecordSelection.triedRoutes, Conditions("tried = ?", trunk),
                        filters.renamed, query),
                ]
                return
            }
            filters.add(
                """
                (+route = ? OR EXISTS (SELECT 1 FROM tried_route AS tried WHERE tried.route = ? \
                AND tried.started = record.started AND tried.sequence = record.sequence))
                """, trunk, trunk)
        }
        if variants.isEmpty { variants = [Conditions()] }
        statements = variants.map { statement(from: "record", $0, filters, query) }
    }

    /// Records by the routes that were tried for them; the outer table is read first.
    private static let triedRoutes = """
        (SELECT route AS tried, started AS tried_started, sequence AS tried_sequence \
        FROM tried_route) CROSS JOIN record ON record.sequence = tried_sequence
        """

    /// Nearly every call ends with cause 16, which is therefore in no index.
    private static let normalClearing = 16

    private func statement(
        from table: String, _ leading: Conditions, _ filters: Conditions, _ query: RecordQuery
    ) -> (sql: String, arguments: [DatabaseValue]) {
        var all = leading
        all.add(filters)
        if let cause = query.cause {
            let isAlone = [query.from, query.to, query.trunk, query.account, query.call]
                .allSatisfy { $0 == nil }
            if isAlone, cause != RecordSelection.normalClearing {
                all.add("q850_cause = ? AND q850_cause <> 16", Int64(cause))
            } else {
                all.add("+q850_cause = ?", Int64(cause))
            }
        }
        let isTried = table != "record"
        let sql = """
            SELECT record.sequence, \(CallRecordColumns.names) FROM \(table)\
            \(all.texts.isEmpty ? "" : " WHERE " + all.texts.joined(separator: " AND ")) \
            ORDER BY \(isTried ? "tried_started DESC, tried_sequence" : "started DESC, sequence") \
            DESC LIMIT \(limit)
            """
        return (sql, all.values)
    }
}

private struct Conditions {
    private(set) var texts: [String] = []
    private(set) var values: [DatabaseValue] = []

    init() {}

    init(_ text: String, _ values: any DatabaseValueConvertible...) {
        texts = [text]
        self.values = values.map(\.databaseValue)
    }

    mutating func add(_ text: String, _ values: any DatabaseValueConvertible...) {
        texts.append(text)
        self.values += values.map(\.databaseValue)
    }

    mutating func add(_ others: Conditions) {
        texts += others.texts
        values += others.values
    }

    /// On the table of tried routes, which keeps the start and the number of its record.
    var renamed: Conditions {
        var renamed = self
        renamed.texts = texts.map { text in
            switch text {
            case "started >= ?": "tried_started >= ?"
            case "started < ?": "tried_started < ?"
            case "(started, sequence) < (?, ?)": "(tried_started, tried_sequence) < (?, ?)"
            default: text
            }
        }
        return renamed
    }
}
