import Charging
import GRDB
import GRDBSQLite
import Switching

/// Reads all that is stored once more and says what does not fit: the ledger against its postings, the
/// postings against the records, sequences without a gap, the hash chain, and the file itself.
///
/// It reads one snapshot, so it can run beside a daemon. It shares no code with what writes but the
/// names of the columns. Some seconds for a million postings.
struct Auditor {
    private let database: Database
    private var report = AuditReport()
    private var balances: [String: Amount] = [:]
    /// Charged, and not yet seen in a record.
    private var charged: [UInt64: Amount] = [:]
    /// What was given back, for each call and account that refunds name.
    private var refunds: [Refunded: Amount] = [:]
    private var lastEntry: Int64 = 0
    private var lastSequence: Int64 = 0
    /// Rows up to these were there before the chain was.
    private var lastUnsealed: [Seal.Kind: Int64] = [:]
    /// An end of the chain that was kept elsewhere, and is still looked for.
    private var head: String?

    init(_ database: Database, head: String? = nil) {
        self.database = database
        self.head = head
    }

    /// - Parameter checksFile: also lets SQLite look at every page and index, which takes most of
    ///   the time.
    static func audit(
        _ database: Database, checksFile: Bool = true, head: String? = nil
    ) throws -> AuditReport {
        var auditor = Auditor(database, head: head)
        if checksFile { try auditor.checkFile() }
        // Before a closer look: a table that cannot be read makes the rest meaningless.
        guard auditor.report.isGood else { return auditor.report }
        try auditor.checkSealed()
        try auditor.checkKeys()
        try auditor.checkPostingKeys()
        try auditor.checkRefunds()
        try auditor.checkAccounts()
        try auditor.checkRunningCalls()
        try auditor.checkRefused()
        return auditor.report
    }

    private struct Refunded: Hashable, Comparable {
        var call: UInt64
        var account: String

        static func < (a: Refunded, b: Refunded) -> Bool {
            (a.call, a.account) < (b.call, b.account)
        }
    }

    private mutating func checkFile() throws {
        let lines = try String.fetchAll(database, sql: "PRAGMA integrity_check(20)")
        for line in lines where line != "ok" { report.find("the file is damaged: \(line)") }
    }

    // MARK: Postings, records and the chain

    /// Rows of one table in the order of its key, one at a time.
    struct Rows {
        let statement: Statement
        var handle: SQLiteStatement { statement.sqliteStatement }
        private(set) var key: Int64?

        init(_ database: Database, sql: String) throws {
            statement = try database.makeStatement(sql: sql)
            try advance()
        }

        mutating func advance() throws {
            let code = sqlite3_step(handle)
            switch code {
            case SQLITE_ROW: key = sqlite3_column_int64(handle, 0)
            case SQLITE_DONE: key = nil
            default:
                throw DatabaseError(
                    resultCode: ResultCode(rawValue: sqlite3_reset(handle)),
                    message: String(cString: sqlite3_errmsg(sqlite3_db_handle(handle))))
            }
        }

        func integer(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }

        func isNull(_ column: Int) -> Bool {
            sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL
        }

        func text(_ column: Int) -> String {
            guard let text = sqlite3_column_text(handle, Int32(column)) else { return "" }
            let count = Int(sqlite3_column_bytes(handle, Int32(column)))
            return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
        }

        func blob(_ column: Int) -> [UInt8] {
            let count = Int(sqlite3_column_bytes(handle, Int32(column)))
            guard count > 0, let bytes = sqlite3_column_blob(handle, Int32(column)) else {
                return []
            }
            return Array(UnsafeRawBufferPointer(start: bytes, count: count))
        }
    }

    /// Walks along the chain; postings and records come in the order in which they were written, so
    /// each is read once.
    private mutating func checkSealed() throws {
        for kind in [Seal.Kind.posting, .record] {
            lastUnsealed[kind] = try Int64.fetchOne(
                database, sql: "SELECT value FROM state WHERE name = ?",
                arguments: [kind.nameOfUnsealed])
        }
        var seals = try StoredSeals(database)
        let table = try postingTable()
        var postings = try Rows(
            database, sql: "SELECT entry, \(PostingColumns.names) FROM \(table) ORDER BY entry")
        var records = try Rows(
            database,
            sql: "SELECT sequence, \(CallRecordColumns.names) FROM record ORDER BY sequence")
        var chain = Seal(after: Seal.origin)
        var lastSeal: Int64 = 0
        var isPostingSealed = false
        var isRecordSealed = false
        while let seal = try seals.popFirst() {
            let (entry, row, columns) = (seal.number, seal.row, seal.columns)
            if entry != lastSeal + 1 {
                report.find("the hash chain has no seals \(lastSeal + 1) to \(entry - 1)")
            }
            lastSeal = entry
            let isThere: Bool
            switch seal.kind {
            case .posting:
                try pass(&postings, before: row, areSealed: isPostingSealed)
                isPostingSealed = true
                isThere = postings.key == row
                chain.begin(.posting)
                if isThere {
                    chain.add(columns: 1..<1 + columns, of: postings.handle)
                    posting(postings)
                    try postings.advance()
                }
            case .record:
                try pass(&records, before: row, areSealed: isRecordSealed)
                isRecordSealed = true
                isThere = records.key == row
                chain.begin(.record)
                if isThere {
                    chain.add(columns: 0..<1 + columns, of: records.handle)
                    record(records)
                    try records.advance()
                }
            case nil:
                report.find("seal \(entry) is of nothing that is known")
                isThere = true
            }
            let name = seal.kind == .posting ? "posting" : "record"
            if isThere {
                chain.finish()
                report.sealed += 1
                if let kept = head, kept == Seal.hexadecimal(chain.last) { head = nil }
                if chain.last != seal.hash {
                    report.find(
                        "\(name) \(row) is not as it was written: seal \(entry) does not fit")
                }
            } else {
                report.find("\(name) \(row) was written once and is gone (seal \(entry))")
            }
            // What comes behind is judged by what was written then.
            chain = Seal(after: seal.hash)
        }
        try pass(&postings, before: .max, areSealed: isPostingSealed)
        try pass(&records, before: .max, areSealed: isRecordSealed)
        report.head = report.sealed == 0 ? "" : Seal.hexadecimal(chain.last)
        if let head {
            report.find(
                "the hash chain never was at \(head): what was written up to then was cut off or "
                    + "written anew")
        }
        for (call, amount) in charged.sorted(by: { $0.key < $1.key }) {
            report.find(
                "call \(CallID(rawValue: call)) was charged \(amount) and no record says so")
        }
    }

    /// Rows without a seal. Those of a database from before there were seals come first; any other
    /// was put in by somebody else.
    private mutating func pass(_ rows: inout Rows, before row: Int64, areSealed: Bool) throws {
        while let key = rows.key, key < row {
            let isPosting = sqlite3_column_count(rows.handle) == Self.postingColumns
            if areSealed || key > lastUnsealed[isPosting ? .posting : .record] ?? 0 {
                report.find("\(isPosting ? "posting" : "record") \(key) has no seal")
            }
            if isPosting { posting(rows) } else { record(rows) }
            try rows.advance()
        }
    }

    private static let postingNames = PostingColumns.names.split(separator: ", ").map(String.init)
    private static let recordNames = CallRecordColumns.names.split(separator: ", ").map(String.init)
    private static let postingColumns = Int32(postingNames.count + 1)

    /// The place of a column behind the key; a name that is not there is our own bug.
    private static func place(_ name: String, in names: [String]) -> Int {
        guard let place = names.firstIndex(of: name) else {
            preconditionFailure("there is no column \(name)")
        }
        return place + 1
    }

    private enum PostingPlace {
        static let id = place("id", in: postingNames)
        static let account = place("account", in: postingNames)
        static let kind = place("kind", in: postingNames)
        static let amount = place("amount", in: postingNames)
        static let balanceAfter = place("balance_after", in: postingNames)
        static let call = place("call", in: postingNames)
    }

    private enum RecordPlace {
        static let call = place("call", in: recordNames)
        static let account = place("account", in: recordNames)
        static let charge = place("charge", in: recordNames)
    }

    private mutating func posting(_ rows: Rows) {
        guard let entry = rows.key else { return }
        report.postings += 1
        if entry != lastEntry + 1 {
            report.find("there are no postings \(lastEntry + 1) to \(entry - 1)")
        }
        lastEntry = entry
        let account = rows.text(PostingPlace.account)
        let amount = Amount(micros: rows.integer(PostingPlace.amount))
        let after = Amount(micros: rows.integer(PostingPlace.balanceAfter))
        let before = balances[account] ?? .zero
        if before + amount != after {
            report.find(
                "posting \(entry) (\(rows.text(PostingPlace.id))) makes \(before) and \(amount) of "
                    + "account \(account) \(after)")
        }
        balances[account] = after
        guard !rows.isNull(PostingPlace.call) else { return }
        let call = UInt64(bitPattern: rows.integer(PostingPlace.call))
        let kind = rows.text(PostingPlace.kind)
        if kind == Posting.Kind.refund.rawValue {
            refunds[Refunded(call: call, account: account), default: .zero] += amount
        }
        guard kind == Posting.Kind.charge.rawValue else { return }
        if let other = charged[call], other != -amount {
            report.find(
                "call \(CallID(rawValue: call)) was charged \(other) on one account of its chain "
                    + "and \(-amount) on account \(account)")
        }
        charged[call] = -amount
    }

    private mutating func record(_ rows: Rows) {
        guard let sequence = rows.key else { return }
        report.records += 1
        if sequence != lastSequence + 1 {
            report.find("there are no records \(lastSequence + 1) to \(sequence - 1)")
        }
        lastSequence = sequence
        let call = UInt64(bitPattern: rows.integer(RecordPlace.call))
        let charge = Amount(micros: rows.integer(RecordPlace.charge))
        let posted = charged.removeValue(forKey: call) ?? .zero
        guard posted != charge else { return }
        report.find(
            "record \(sequence) of call \(CallID(rawValue: call)) says \(charge), and "
                + "\(posted) was charged")
    }

    /// A record whose key is not filed would not be found by it. A key too many does no harm.
    private mutating func checkKeys() throws {
        let keys = RecordKeys.keys(where: "sequence <= \(RecordKeys.filed)")
        let missing = try Row.fetchOne(
            database,
            sql: """
                SELECT count(*), min(sequence) FROM (\(keys)) AS wanted WHERE NOT EXISTS (
                    SELECT 1 FROM record_key AS key WHERE key.kind = wanted.kind
                    AND key.value = wanted.value AND key.started = wanted.started
                    AND key.sequence = wanted.sequence)
                """)
        guard let missing = missing.map({ SQLRow(row: $0) }), missing.integer(0) > 0 else { return }
        report.find(
            "\(missing.integer(0)) keys of records are not filed, the first one of record "
                + "\(missing.integer(1)): calls cannot be found by them")
    }

    /// Statements are sums of keys: each posting has one that says the same, and there are no others.
    private mutating func checkPostingKeys() throws {
        let table = try postingTable()
        let found = try Row.fetchOne(
            database,
            sql: """
                SELECT count(*) FILTER (WHERE key.amount IS NOT posting.amount
                        OR key.kind IS NOT posting.kind),
                    count(*) - (SELECT count(*) FROM posting_key)
                FROM \(table) AS posting LEFT JOIN posting_key AS key
                ON key.account = posting.account AND key.at = posting.at
                    AND key.entry = posting.entry
                WHERE posting.entry <= \(PostingKeys.filed)
                """)
        guard let found = found.map({ SQLRow(row: $0) }) else { return }
        guard found.integer(0) != 0 || found.integer(1) != 0 else { return }
        report.find(
            "the keys of \(found.integer(0)) postings are not filed or differ from them, and there "
                + "are \(-found.integer(1)) keys too many: statements do not add up")
    }

    /// Nobody was given back more for a call than was paid for it.
    private mutating func checkRefunds() throws {
        let table = try postingTable()
        for (of, refunded) in refunds.sorted(by: { $0.key < $1.key }) {
            let (call, account) = (of.call, of.account)
            let posted = try Int64.fetchOne(
                database, sql: "SELECT amount FROM \(table) WHERE id = ?",
                arguments: ["call:\(call):\(account)"])
            let charge = Amount(micros: -(posted ?? 0))
            guard refunded > charge else { continue }
            report.find(
                "\(refunded) of call \(CallID(rawValue: call)) was refunded to account \(account), "
                    + "which was charged \(charge) for it")
        }
    }

    /// Old postings may lie in a table of their own.
    private func postingTable() throws -> String {
        try database.viewExists("every_posting") ? "every_posting" : "posting"
    }

    // MARK: Accounts and the journal

    private mutating func checkAccounts() throws {
        let cursor = try Row.fetchCursor(
            database, sql: "SELECT id, balance, credit_limit FROM account ORDER BY id")
        while let row = try cursor.next() {
            let row = SQLRow(row: row)
            report.accounts += 1
            let posted = balances.removeValue(forKey: row.text(0)) ?? .zero
            if row.amount(1) != posted {
                report.find(
                    "account \(row.text(0)) has \(row.amount(1)), and its postings add up to "
                        + "\(posted)")
            }
            if (row.amount(1) + row.amount(2)).isNegative {
                report.find("account \(row.text(0)) is below its limit: \(row.amount(1))")
            }
        }
        for id in balances.keys.sorted() {
            report.find("there are postings of account \(id), which is not there")
        }
    }

    private mutating func checkRunningCalls() throws {
        let journal = try JournalLog.journal(in: database)
        for reason in journal.unreadable { report.find(reason) }
        let calls = journal.calls
        report.runningCalls = calls.count
        var parents: [String: String] = [:]
        var available: [String: Amount] = [:]
        let cursor = try Row.fetchCursor(
            database, sql: "SELECT id, parent, balance + credit_limit FROM account")
        while let row = try cursor.next() {
            let row = SQLRow(row: row)
            parents[row.text(0)] = row.optionalText(1)
            available[row.text(0)] = row.amount(2)
        }
        // What running calls hold must be there, on each account of the chain.
        var held: [String: Amount] = [:]
        for call in calls {
            var account = call.account
            while let id = account {
                held[id, default: .zero] += call.reserved
                account = parents[id]
            }
        }
        for (account, amount) in held.sorted(by: { $0.key < $1.key }) {
            guard let available = available[account], amount > available else { continue }
            report.find(
                "running calls hold \(amount) of account \(account), which has \(available)")
        }
    }

    private mutating func checkRefused() throws {
        let cursor = try Row.fetchCursor(
            database, sql: "SELECT start, ticket, reason FROM refused_commit ORDER BY entry")
        while let row = try cursor.next() {
            let row = SQLRow(row: row)
            report.find(
                "commit \(row.integer(1)) of start \(row.integer(0)) was left out: \(row.text(2))")
        }
    }
}
