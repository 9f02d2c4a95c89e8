import GRDB

/// The seals of a database, the first one first.
struct StoredSeals {
    private var old: Auditor.Rows
    private var runs: Auditor.Rows
    /// What is left of a run.
    private var run: ArraySlice<UInt8> = []
    private var next: Int64 = 0

    struct Item {
        var number: Int64
        /// nil for one that is of nothing that is known.
        var kind: Seal.Kind?
        var row: Int64
        var columns: Int
        var hash: [UInt8]
    }

    init(_ database: Database) throws {
        old = try Auditor.Rows(database, sql: "SELECT entry, of, row, columns, hash FROM seal")
        runs = try Auditor.Rows(database, sql: "SELECT first, seals FROM seal_run")
    }

    /// Rows of each kind that were written before the first seal: where there is no seal of it, all.
    static func countUnsealed(in database: Database) throws {
        for (kind, table, key) in [
            (Seal.Kind.posting, "every_posting", "entry"), (.record, "record", "sequence"),
        ] {
            var seals = try StoredSeals(database)
            var first: Int64?
            while first == nil, let seal = try seals.popFirst() {
                if seal.kind == kind { first = seal.row }
            }
            let last =
                try first.map { $0 - 1 }
                ?? Int64.fetchOne(database, sql: "SELECT max(\(key)) FROM \(table)")
            try database.execute(
                sql: "INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)",
                arguments: [kind.nameOfUnsealed, last ?? 0])
        }
    }

    /// nil behind the last one.
    mutating func popFirst() throws -> Item? {
        if let number = old.key {
            let item = Item(
                number: number, kind: Seal.Kind(rawValue: old.integer(1)), row: old.integer(2),
                columns: Int(clamping: old.integer(3)), hash: old.blob(4))
            try old.advance()
            return item
        }
        if run.isEmpty {
            guard let first = runs.key else { return nil }
            next = first
            run = runs.blob(1)[...]
            try runs.advance()
        }
        // A run that somebody has cut is of nothing that is known either.
        let bytes = Array(run.prefix(Seal.entryLength))
        run = run.dropFirst(Seal.entryLength)
        defer { next += 1 }
        guard bytes.count == Seal.entryLength else {
            return Item(number: next, kind: nil, row: 0, columns: 0, hash: Seal.origin)
        }
        let row = bytes[2..<10].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Item(
            number: next, kind: Seal.Kind(rawValue: Int64(bytes[0])),
            row: Int64(bitPattern: row), columns: Int(bytes[1]), hash: Array(bytes[10...]))
    }
}
