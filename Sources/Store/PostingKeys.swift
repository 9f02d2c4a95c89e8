import GRDB

/// What the statements of accounts are made from: of each posting its account, time, kind and amount,
/// of new postings and of old ones. They are filed many at once, as those of records are, and for the
/// same reason: see `RecordKeys`.
enum PostingKeys {
    /// So many postings wait until they are filed.
    static let batch = 2048

    static let table = """
        CREATE TABLE posting_key (
            account TEXT NOT NULL,
            at INTEGER NOT NULL,
            entry INTEGER NOT NULL,
            kind TEXT NOT NULL,
            amount INTEGER NOT NULL,
            PRIMARY KEY (account, at, entry)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO state VALUES ('filed_postings', 0);
        """

    /// The last posting whose key is filed; 0 when none is.
    static let filed = "(SELECT value FROM state WHERE name = 'filed_postings')"

    /// The keys that are filed, and those that are not. Each posting is in one of them.
    static let sources = [
        "posting_key",
        "(SELECT account, at, entry, kind, amount FROM posting WHERE entry > \(filed))",
    ]

    /// How many postings are not filed.
    static func waiting(in database: Database) throws -> Int {
        try Int.fetchOne(
            database,
            sql: "SELECT coalesce((SELECT max(entry) FROM posting), 0) - \(filed)") ?? 0
    }

    /// Files the keys of all postings that wait for it, inside the transaction that is open.
    static func file(in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO posting_key SELECT account, at, entry, kind, amount FROM posting
                WHERE entry > \(filed) ORDER BY account, at, entry
                """)
        // Where the newest posting is an old one, nothing was filed now and the mark stays.
        try database.execute(
            sql: """
                UPDATE state SET value = max(value, (SELECT coalesce(max(entry), 0) FROM posting))
                WHERE name = 'filed_postings'
                """)
    }

    /// Those of a database from before there were any, old postings too.
    static func fileAll(in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO posting_key SELECT account, at, entry, kind, amount
                FROM posting_archive ORDER BY account, at, entry
                """)
        try file(in: database)
    }
}
