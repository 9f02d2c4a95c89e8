import Charging
import GRDB

// Postings: statements of them, and the archive of the old ones.

extension Store {
    /// What was posted to an account, the newest first, with the sums of all of it. Milliseconds for a
    /// subscriber's account; the sums of a million postings take a tenth of a second.
    ///
    /// - Parameters:
    ///   - since: microseconds since 1970 UTC, inclusive.
    ///   - until: microseconds since 1970 UTC, exclusive.
    /// - Returns: nil when there is no such account.
    public func statement(
        account: String, since: Int64? = nil, until: Int64? = nil, limit: Int = 100
    ) throws -> AccountStatement? {
        try read { database in
            let stored = try Row.fetchOne(
                database, sql: "SELECT currency, balance FROM account WHERE id = ?",
                arguments: [account])
            guard let stored = stored.map({ SQLRow(row: $0) }) else { return nil }
            let (since, until) = (since ?? .min, until ?? .max)
            let before = try Store.sum("account = ? AND at < ?", [account, since], in: database)
            let after =
                until == .max
                ? .zero : try Store.sum("account = ? AND at >= ?", [account, until], in: database)
            return AccountStatement(
                account: account, currency: stored.text(0), opening: before,
                totals: try Store.totals(account, since, until, in: database),
                closing: stored.amount(1) - after,
                postings: try Store.postings(account, since, until, limit, in: database))
        }
    }

    /// The longest statement in postings.
    public static let statementLimitMaximum = 10_000

    private static func sum(
        _ condition: String, _ arguments: StatementArguments, in database: Database
    ) throws -> Amount {
        try PostingKeys.sources.reduce(into: Amount.zero) { sum, source in
            let part = try Int64.fetchOne(
                database, sql: "SELECT sum(amount) FROM \(source) WHERE \(condition)",
                arguments: arguments)
            sum += Amount(micros: part ?? 0)
        }
    }

    private static func totals(
        _ account: String, _ since: Int64, _ until: Int64, in database: Database
    ) throws -> [AccountStatement.Total] {
        var totals: [Posting.Kind: AccountStatement.Total] = [:]
        for source in PostingKeys.sources {
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT kind, count(*), sum(amount) FROM \(source)
                    WHERE account = ? AND at >= ? AND at < ? GROUP BY kind
                    """, arguments: [account, since, until])
            for row in rows {
                let row = SQLRow(row: row)
                let kind: Posting.Kind = try row.choice(0)
                let count: Int = try row.number(1)
                let known = totals[kind]
                totals[kind] = AccountStatement.Total(
                    kind: kind, count: count + (known?.count ?? 0),
                    sum: row.amount(2) + (known?.sum ?? .zero))
            }
        }
        return Posting.Kind.allCases.compactMap { totals[$0] }
    }

    static func newestEntries(in source: String) -> String {
        """
        SELECT at, entry FROM \(source)
        WHERE account = ? AND at >= ? AND at < ? ORDER BY at DESC, entry DESC LIMIT ?
        """
    }

    /// New postings and old ones. Each is asked by itself: through the view of both, SQLite would make
    /// a copy of all that fits.
    private static let postingTables = ["posting", "posting_archive"]

    private static func postings(
        _ account: String, _ since: Int64, _ until: Int64, _ limit: Int, in database: Database
    ) throws -> [Posting] {
        let limit = min(max(limit, 1), statementLimitMaximum)
        var found: [(at: Int64, entry: Int64)] = []
        for source in PostingKeys.sources {
            let cursor = try Row.fetchCursor(
                database, sql: newestEntries(in: source),
                arguments: [account, since, until, limit])
            while let row = try cursor.next() {
                let row = SQLRow(row: row)
                found.append((row.integer(0), row.integer(1)))
            }
        }
        found.sort { $0 > $1 }
        let tables = try postingTables.map { table in
            try database.cachedStatement(
                sql: "SELECT \(PostingColumns.names) FROM \(table) WHERE entry = ?")
        }
        return try found.prefix(limit).map { key in
            for table in tables {
                guard let row = try Row.fetchOne(table, arguments: [key.entry]) else { continue }
                return try PostingColumns.posting(in: SQLRow(row: row))
            }
            throw Failure(.damaged, "posting \(key.entry) of account \(account) is gone")
        }
    }

    /// What a call was charged on one account of its chain, new or archived.
    ///
    /// - Returns: nil when it was not, or when that is not on the disk yet.
    public func charge(ofCall call: UInt64, account: String) throws -> Amount? {
        try read { database in
            for table in Store.postingTables {
                let amount = try Int64.fetchOne(
                    database,
                    sql: "SELECT amount FROM \(table) WHERE id = ? AND kind = 'charge'",
                    arguments: [Posting.chargeID(call: call, account: account)])
                if let amount { return Amount(micros: -amount) }
            }
            return nil
        }
    }

    // MARK: The archive

    /// Moves postings that are older than a moment (microseconds since 1970 UTC) out of the way of the
    /// new ones. Statements and ids know them as before. Waits until that is durable; calls do not
    /// wait for it.
    ///
    /// - Returns: how many were moved.
    public func archivePostings(before: Int64) throws -> Int {
        try Failure.wrapping(path: path) {
            // What is not filed is looked for among the new ones alone.
            try writer.perform { database in
                try Writer.transaction(database) { try PostingKeys.file(in: database) }
            }
            var total = 0
            var moved = 0
            repeat {
                moved = try writer.perform { database in
                    try Writer.transaction(database) {
                        try Store.moveOldest(before: before, in: database)
                    }
                    return database.changesCount
                }
                total += moved
            } while moved > 0
            return total
        }
    }

    private static let archiveChunk = 5000

    /// The deletion comes last, so that it is what `changesCount` counts. The newest posting always
    /// stays: SQLite numbers the next one after it.
    private static func moveOldest(before: Int64, in database: Database) throws {
        let entries = try Int64.fetchAll(
            database,
            sql: """
                SELECT entry FROM posting WHERE at < ? AND entry < (SELECT max(entry) FROM posting)
                ORDER BY entry LIMIT \(archiveChunk)
                """, arguments: [before])
        let first = entries.first ?? 0
        let last = entries.last ?? -1
        // A clock that was set back leaves newer postings among them; they stay.
        let old: StatementArguments = [first, last, before]
        try database.execute(
            sql: """
                INSERT INTO posting_archive SELECT * FROM posting
                WHERE entry BETWEEN ? AND ? AND at < ?
                """, arguments: old)
        try database.execute(
            sql: "DELETE FROM posting WHERE entry BETWEEN ? AND ? AND at < ?", arguments: old)
    }
}
