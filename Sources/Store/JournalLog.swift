import Charging
import Foundation
import GRDB
import Switching

/// The journal of calls under way, kept as a log.
///
/// A row for each call would cost every call some pages of the database: when it is tried, when it is
/// answered and when it is over. Here all entries that one transaction makes are one row of
/// `journal_run`, behind each other, and none is changed later. Of a call the newest entry counts, for
/// as long as the call has no record; that it is over needs nothing to be written here.
///
/// A run of which nothing counts any more is removed. Where long calls keep runs of which little is
/// left, what counts of the oldest is written anew: the log holds twice what counts, and `slack`.
///
/// An entry is the call (8 bytes), how many bytes follow (4), the values that `add(_:to:)` gives, packed, and
/// a checksum over all of that (8); numbers little endian. SQLite does not see that a disk has turned a bit of
/// a page. An entry that does not fit to its checksum counts as if it were not there: it costs its own call
/// alone. Its run is kept, so that an audit finds it.
struct JournalLog {
    static let table = """
        CREATE TABLE journal_run (
            number INTEGER PRIMARY KEY CHECK (number > 0),
            entries BLOB NOT NULL CHECK (length(entries) > 0)
        ) STRICT;
        """
    static let addRun = "INSERT INTO journal_run (number, entries) VALUES (?, ?)"
    static let removeRun = "DELETE FROM journal_run WHERE number = ?"

    /// Bytes of a call and a length.
    private static let headLength = 12
    private static let checksumLength = 8
    /// What may count no more beside as much as counts: 2,000 pages.
    private static let slack = 8 << 20
    /// So many bytes are written anew in one transaction at most, so that it stays short.
    private static let mostRewritten = 256 << 10

    /// The entry of a call that counts.
    private struct Place {
        var run: Int64
        /// In bytes, with its head.
        var length: Int
    }

    private struct Run {
        /// Entries that count.
        var live = 0
        /// Bytes of all entries.
        var length = 0
    }

    private var places: [UInt64: Place] = [:]
    private var runs: [Int64: Run] = [:]
    /// Runs by age; those that were removed may still stand here.
    private var order: ArraySlice<Int64> = []
    private var length = 0
    private var liveLength = 0
    /// Runs of which nothing counts any more: the transaction has to remove them.
    private(set) var removed: [Int64] = []

    /// The run that the transaction makes, as far as it is.
    private(set) var run: [UInt8] = []
    /// Its number; no run is made while the old ones are read.
    private(set) var number: Int64 = 0

    /// Goes on behind what is stored.
    init(in database: Database) throws {
        try Self.forEachRun(in: database) { number, bytes in
            begin(number)
            let content = Content(bytes)
            for entry in content.entries { count(entry.call, entry.bytes.count) }
            if content.damage != nil { keep(number) }
        }
        number = (order.last ?? 0) + 1
        for call in places.keys where try Self.isClosed(call, in: database) { closed(call) }
    }

    // MARK: Writing

    /// Puts an entry into the run of the transaction.
    ///
    /// - Parameter values: as `add(_:to:)` gives them.
    mutating func append(_ call: UInt64, _ values: SQLValues) {
        let first = run.count
        Self.append(call, values, to: &run)
        if first == 0 { begin(number) }
        count(call, run.count - first)
    }

    private static func append(
        _ call: UInt64, _ values: SQLValues, to run: inout [UInt8], isChecked: Bool = true
    ) {
        let first = run.count
        withUnsafeBytes(of: call.littleEndian) { run.append(contentsOf: $0) }
        for _ in 0..<4 { run.append(0) }
        values.append(to: &run)
        finishEntry(from: first, of: &run, isChecked: isChecked)
    }

    /// Puts in how many bytes follow the head of the last entry, and its checksum.
    private static func finishEntry(from first: Int, of run: inout [UInt8], isChecked: Bool) {
        let follow = run.count - first - headLength + (isChecked ? checksumLength : 0)
        for place in 0..<4 {
            run[first + 8 + place] = UInt8(truncatingIfNeeded: follow >> (8 * place))
        }
        guard isChecked else { return }
        let sum = run.withUnsafeBytes { checksum(UnsafeRawBufferPointer(rebasing: $0[first...])) }
        withUnsafeBytes(of: sum.littleEndian) { run.append(contentsOf: $0) }
    }

    /// For a disk's mistakes, and no signature: 64 bits after the pattern of FNV-1a, by words, which a
    /// change of one word always changes.
    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var sum: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ word: UInt64) {
            sum ^= word
            // So that a high bit finds its way to the low ones.
            sum = (sum << 29 | sum >> 35) &* 0x100_0000_01b3
        }
        var place = 0
        while place + 8 <= bytes.count {
            add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
            place += 8
        }
        while place < bytes.count {
            add(UInt64(bytes[place]))
            place += 1
        }
        return sum
    }

    /// A call has its record.
    mutating func closed(_ call: UInt64) {
        guard let place = places.removeValue(forKey: call) else { return }
        leave(place)
    }

    /// All that the transaction has to say was said; what it writes and removes stands in `run` and
    /// `removed` then.
    mutating func finish(_ database: Database) throws {
        try rewriteOldest(database)
        // A long call at the front keeps those behind it from being passed by.
        if order.count > 2 * runs.count + 1024 {
            order = ArraySlice(order.filter { runs[$0] != nil })
        }
    }

    /// It is in the tables, and the next transaction begins.
    mutating func written() {
        removed.removeAll(keepingCapacity: true)
        guard !run.isEmpty else { return }
        run.removeAll(keepingCapacity: true)
        number += 1
        removeIfEmpty(number - 1)
    }

    private mutating func rewriteOldest(_ database: Database) throws {
        var rewritten = 0
        while length > 2 * liveLength + Self.slack, rewritten < Self.mostRewritten,
            let oldest = order.first, oldest != number
        {
            order.removeFirst()
            guard runs[oldest] != nil else { continue }
            let entries = try Row.fetchOne(
                database, sql: "SELECT entries FROM journal_run WHERE number = ?",
                arguments: [oldest])
            guard let entries else {
                throw Store.Failure(.damaged, "run \(oldest) of the journal is not there")
            }
            for entry in Content(SQLRow(row: entries).bytes(0)).entries
            where places[entry.call]?.run == oldest {
                guard try !Self.isClosed(entry.call, in: database) else {
                    closed(entry.call)
                    continue
                }
                if run.isEmpty { begin(number) }
                run.append(contentsOf: entry.bytes)
                rewritten += entry.bytes.count
                count(entry.call, entry.bytes.count)
            }
        }
    }

    private mutating func begin(_ run: Int64) {
        runs[run] = Run()
        order.append(run)
    }

    /// An entry stands in the newest run, and any before it counts no more.
    private mutating func count(_ call: UInt64, _ length: Int) {
        let run = order[order.endIndex - 1]
        let before = places.updateValue(Place(run: run, length: length), forKey: call)
        runs[run]!.live += 1
        runs[run]!.length += length
        self.length += length
        liveLength += length
        if let before { leave(before) }
    }

    /// The run is not removed, and does not make others be written anew.
    private mutating func keep(_ run: Int64) {
        runs[run]!.live += 1
        length -= runs[run]!.length
        runs[run]!.length = 0
    }

    private mutating func leave(_ place: Place) {
        liveLength -= place.length
        runs[place.run]!.live -= 1
        removeIfEmpty(place.run)
    }

    private mutating func removeIfEmpty(_ run: Int64) {
        // The run that is being made may get more.
        guard let counted = runs[run], counted.live == 0, run != number else { return }
        length -= counted.length
        runs[run] = nil
        removed.append(run)
    }

    // MARK: Reading

    /// All that it says.
    struct Journal {
        /// Calls that are under way, in the order of their ids.
        var calls: [RunningCall] = []
        /// A line for each thing that cannot be read any more.
        var unreadable: [String] = []
    }

    /// Reads all of it; beside a daemon too.
    static func journal(in database: Database) throws -> Journal {
        var newest: [UInt64: ArraySlice<UInt8>] = [:]
        var journal = Journal()
        try forEachRun(in: database) { number, bytes in
            let content = Content(bytes)
            for entry in content.entries { newest[entry.call] = entry.bytes }
            if let damage = content.damage {
                journal.unreadable.append(
                    "run \(number) of the journal is damaged: \(damage). A call whose newest entry "
                        + "that was is not taken up as it was, and may be charged too little: compare "
                        + "its gateway's records, and look at the disk")
            }
        }
        let running = try newest.sorted { Int64(bitPattern: $0.key) < Int64(bitPattern: $1.key) }
            .filter { try !isClosed($0.key, in: database) }
        for (call, bytes) in running {
            do {
                let values = bytes.dropFirst(headLength).dropLast(checksumLength)
                journal.calls.append(try self.running(call, values))
            } catch let failure as Store.Failure {
                journal.unreadable.append(failure.message)
            }
        }
        return journal
    }

    /// Calls that went on after a backup and have ended since: of their entries only the money and the
    /// record still hold.
    static func forgetStates(in database: Database) throws {
        let calls = try journal(in: database).calls
        try database.execute(sql: "DELETE FROM journal_run")
        try write(calls, in: database) { call, values in
            var call = call
            call.state = []
            add(call, to: &values)
            return call.call.rawValue
        }
    }

    /// Gives every entry of a journal from before there were checksums its own.
    static func addChecksums(in database: Database) throws {
        for number in try Int64.fetchAll(database, sql: "SELECT number FROM journal_run") {
            let row = try Row.fetchOne(
                database, sql: "SELECT entries FROM journal_run WHERE number = ?",
                arguments: [number])
            guard let row else { continue }
            var rest = SQLRow(row: row).bytes(0)[...]
            var run: [UInt8] = []
            while rest.count >= headLength {
                let length = headLength + Int(Self.number(rest.dropFirst(8).prefix(4)))
                guard length <= rest.count else { break }
                let first = run.count
                run.append(contentsOf: rest.prefix(length))
                finishEntry(from: first, of: &run, isChecked: true)
                rest = rest.dropFirst(length)
            }
            // What does not read is kept as it is, and found as damaged.
            run.append(contentsOf: rest)
            try database.execute(
                sql: "UPDATE journal_run SET entries = ? WHERE number = ?",
                arguments: [Data(run), number])
        }
    }

    /// Takes over the table of one row for each call that was there before.
    static func replaceRows(in database: Database) throws {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT payer, reserved, held_prefix, state, call, direction, caller, account, dialled,
                normalised, number_class, presented, route, attempts, started, ringing, answered,
                ended, duration_ms, billed_ms, disposition, released_by, sip_status, q850_cause,
                end_reason, tariff_prefix, tariff_name, steps, charge, receipt, balances,
                plan_version, explanation, linked_call, link, charged_extension, basis
                FROM running_call ORDER BY call
                """)
        try write(rows.map { SQLRow(row: $0) }, in: database, isChecked: false) { row, values in
            for value in row.row.databaseValues { values.add(value) }
            return row.bits(callColumn)
        }
        try database.execute(sql: "DROP TABLE running_call")
    }

    /// All of a list as the one run of an empty journal.
    ///
    /// - Parameter add: adds the values of an item, and says which call it is.
    private static func write<Item>(
        _ items: [Item], in database: Database, isChecked: Bool = true,
        add: (Item, inout SQLValues) -> UInt64
    ) throws {
        var run: [UInt8] = []
        var values = SQLValues()
        for item in items {
            values.removeAll()
            let call = add(item, &values)
            append(call, values, to: &run, isChecked: isChecked)
        }
        guard !run.isEmpty else { return }
        values.removeAll()
        values.add(1)
        values.add(run)
        try values.run(database.makeStatement(sql: addRun))
    }

    private static func forEachRun(
        in database: Database, _ body: (Int64, [UInt8]) throws -> Void
    ) throws {
        let cursor = try Row.fetchCursor(
            database, sql: "SELECT number, entries FROM journal_run ORDER BY number")
        while let row = try cursor.next() {
            let row = SQLRow(row: row)
            try body(row.integer(0), row.bytes(1))
        }
    }

    /// What stands in a run.
    private struct Content {
        /// Whole ones, with their heads and checksums.
        var entries: [(call: UInt64, bytes: ArraySlice<UInt8>)] = []
        /// What is wrong with the first one that is not.
        var damage: String?

        init(_ run: [UInt8]) {
            var rest = run[...]
            while !rest.isEmpty {
                let place = run.count - rest.count
                let head = JournalLog.headLength
                guard rest.count >= head + JournalLog.checksumLength else {
                    find("\(rest.count) bytes at its end are no entry")
                    return
                }
                let length = head + Int(JournalLog.number(rest.dropFirst(8).prefix(4)))
                guard length <= rest.count, length >= head + JournalLog.checksumLength else {
                    find("the entry at its byte \(place) is cut off")
                    return
                }
                let entry = rest.prefix(length)
                let sum = JournalLog.number(entry.suffix(JournalLog.checksumLength))
                let found = entry.dropLast(JournalLog.checksumLength).withUnsafeBytes {
                    JournalLog.checksum($0)
                }
                if sum == found {
                    entries.append((JournalLog.number(rest.prefix(8)), entry))
                } else {
                    find("the entry at its byte \(place) is not as it was written")
                }
                rest = rest.dropFirst(length)
            }
        }

        private mutating func find(_ reason: String) {
            if damage == nil { damage = reason }
        }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func isClosed(_ call: UInt64, in database: Database) throws -> Bool {
        let statement = try database.cachedStatement(sql: "SELECT 1 FROM record WHERE call = ?")
        return try Int.fetchOne(statement, arguments: [Int64(bitPattern: call)]) != nil
    }

    // MARK: Entries

    /// What stands before the record's columns, so that more of those may follow.
    private static let before = "tItB"
    private static let shape = before + CallRecordColumns.shape
    private static let callColumn = 4

    static func add(_ running: RunningCall, to values: inout SQLValues) {
        values.add(running.account)
        values.add(running.reserved)
        values.add(running.tariffPrefix)
        values.add(running.state)
        CallRecordColumns.add(running.record, to: &values)
    }

    private static func running(_ call: UInt64, _ bytes: ArraySlice<UInt8>) throws -> RunningCall {
        do {
            let columns = try PackedValues(bytes, shape: shape)
            return RunningCall(
                call: CallID(rawValue: call),
                record: try CallRecordColumns.record(in: columns, from: callColumn),
                account: columns.optionalText(0), reserved: columns.amount(1),
                tariffPrefix: columns.optionalText(2), state: columns.bytes(3))
        } catch let failure as Store.Failure {
            throw Store.Failure(
                .damaged,
                "the journal of call \(CallID(rawValue: call)) does not read: \(failure.message)")
        }
    }
}
