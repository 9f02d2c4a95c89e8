import GRDB

/// What closed records are found by: who called, on whose account, which number, by which line or
/// trunk, and how it ended.
///
/// An index of the table would be written with each record: a page of each tree, which together is
/// more than all else that a call puts on the disk. So the keys of many records are filed at once, in
/// the order of the one tree they go into, where many of them share a page. Records that are not filed
/// yet are the end of the table, few enough to be looked through: see `RecordSelection`.
enum RecordKeys {
    enum Kind: Int64 {
        case caller = 1
        /// When it is not named after the caller.
        case account
        /// As it was dialled, and as it was understood.
        case called
        /// A line or trunk that carried the call or was tried for it.
        case way
        /// When it is not normal clearing, which nearly every call ends with.
        case cause
    }

    /// So many records wait until they are filed: two thousand are looked through in milliseconds.
    static let batch = 2048
    static let normalClearing = 16

    static let table = """
        CREATE TABLE record_key (
            kind INTEGER NOT NULL,
            value TEXT NOT NULL,
            started INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            PRIMARY KEY (kind, value, started, sequence)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO state VALUES ('filed', 0);
        """

    /// The last record whose keys are filed; 0 when none is.
    static let filed = "(SELECT value FROM state WHERE name = 'filed')"

    /// A record that tried the line or trunk of the first value, or went by it.
    static let wentBy = """
        (+route = ? OR EXISTS (SELECT 1 FROM json_each(attempts) WHERE \
        value ->> 1 <> 'extension' AND value ->> 0 = ?))
        """

    /// The keys of the records `range` stands for, a condition on `sequence`.
    static func keys(where range: String) -> String {
        let sources: [(kind: Kind, value: String, from: String, condition: String)] = [
            (.caller, "caller", "record", "TRUE"),
            (.account, "account", "record", "account <> caller"),
            (.called, "normalised", "record", "TRUE"),
            (.called, "dialled", "record", "dialled <> normalised"),
            (.way, "route", "record", "route IS NOT NULL"),
            (
                .way, "attempt.value ->> 0", "record, json_each(attempts) AS attempt",
                "attempt.value ->> 1 <> 'extension'"
            ),
            (
                .cause, "CAST(q850_cause AS TEXT)", "record",
                "q850_cause <> \(normalClearing)"
            ),
        ]
        return sources.map { source in
            """
            SELECT \(source.kind.rawValue) AS kind, \(source.value) AS value, started, sequence \
            FROM \(source.from) WHERE \(range) AND \(source.condition)
            """
        }
        .joined(separator: " UNION ALL ")
    }

    /// How many records are not filed.
    static func waiting(in database: Database) throws -> Int {
        try Int.fetchOne(
            database,
            sql: "SELECT coalesce((SELECT max(sequence) FROM record), 0) - \(filed)") ?? 0
    }

    /// Files the keys of all records that wait for it, inside the transaction that is open.
    /// Some ten milliseconds for a batch.
    static func file(in database: Database) throws {
        try database.execute(
            sql: """
                INSERT OR IGNORE INTO record_key
                SELECT * FROM (\(keys(where: "sequence > \(filed)"))) ORDER BY 1, 2, 3, 4
                """)
        try database.execute(
            sql: """
                UPDATE state SET value = (SELECT coalesce(max(sequence), 0) FROM record)
                WHERE name = 'filed'
                """)
    }
}
