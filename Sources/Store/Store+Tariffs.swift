import Charging
import Foundation
import GRDB

// Price lists: written beside the others, then put in force by one small transaction.

extension Store {
    /// The price lists of a data folder, which a daemon may have open: nothing is locked or written.
    /// 2 s for a million rows.
    ///
    /// - Returns: nil where the folder has no database.
    /// - Throws: `Failure`.
    public static func tariffs(folder: String) throws -> TariffBook? {
        let path = folder + "/" + fileName
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        settings
        return try Failure.wrapping(path: path) {
            try reading(path) { try StateReader(database: $0, now: 0).tariffs() }
        }
    }

    /// Stores a price list in the place of one of the same plan, way out and beginning. Waits until it
    /// is durable.
    ///
    /// The rows are written beside those of the others, a bit between every two groups, so that calls
    /// do not wait for a long list. 3 s for a million rows.
    ///
    /// - Parameters:
    ///   - rows: those of the deck's tariff.
    ///   - outdated: decks that no call needs any more; they go with the same transaction.
    /// - Returns: the number of the deck.
    public func put(
        _ deck: TariffDeck, rows: [TariffRow], removing outdated: [Int64] = []
    ) throws -> Int64 {
        try Failure.wrapping(path: path) {
            let number = try writer.perform { database in
                // One above all that are there, those of an import that failed included.
                try Int64.fetchOne(
                    database,
                    sql: """
                        SELECT 1 + max((SELECT coalesce(max(deck), 0) FROM tariff_deck),
                        (SELECT coalesce(max(deck), 0) FROM tariff))
                        """) ?? 1
            }
            var first = 0
            while first < rows.count {
                let chunk = rows[first..<min(first + Store.tariffChunk, rows.count)]
                try writer.perform { try Store.add(chunk, deck: number, to: $0) }
                first += Store.tariffChunk
            }
            let head = try Tariff(
                rows: [], calendar: deck.tariff.calendar, currency: deck.tariff.currency
            ).csv
            try writer.perform { database in
                try Writer.transaction(database) {
                    try database.execute(
                        sql: """
                            DELETE FROM tariff_deck
                            WHERE plan = ? AND via IS ? AND valid_from = ?
                            """,
                        arguments: [deck.plan, deck.via, deck.validFrom])
                    for deck in outdated {
                        try database.execute(
                            sql: "DELETE FROM tariff_deck WHERE deck = ?", arguments: [deck])
                    }
                    try database.execute(
                        sql: """
                            INSERT INTO tariff_deck (deck, plan, via, valid_from, source, calendar)
                            VALUES (?, ?, ?, ?, ?, ?)
                            """,
                        arguments: [
                            number, deck.plan, deck.via, deck.validFrom, deck.source, head,
                        ])
                }
            }
            try removeOldDecks()
            return number
        }
    }

    /// Takes price lists out. Waits until that is durable.
    public func removeDeck(_ deck: Int64) throws {
        try Failure.wrapping(path: path) {
            try writer.perform { database in
                try Writer.transaction(database) {
                    try database.execute(
                        sql: "DELETE FROM tariff_deck WHERE deck = ?", arguments: [deck])
                }
            }
            try removeOldDecks()
        }
    }

    /// Rows written or removed between two groups of commits.
    private static let tariffChunk = 5000

    private static func add(
        _ rows: ArraySlice<TariffRow>, deck: Int64, to database: Database
    ) throws {
        let statement = try database.makeStatement(
            sql: "INSERT INTO tariff (deck, \(TariffColumns.names)) VALUES (?, ?, ?, ?, ?, ?)")
        var values = SQLValues()
        try Writer.transaction(database) {
            for row in rows {
                values.removeAll()
                values.add(deck)
                TariffColumns.add(row, to: &values)
                try values.run(statement)
            }
        }
    }

    private func removeOldDecks() throws {
        var removed = 0
        repeat {
            removed = try writer.perform { database in
                try database.execute(
                    sql: """
                        DELETE FROM tariff WHERE (deck, prefix) IN (SELECT deck, prefix FROM tariff
                        WHERE deck NOT IN \(TariffColumns.wholeDecks) LIMIT \(Store.tariffChunk))
                        """)
                return database.changesCount
            }
        } while removed > 0
    }
}
