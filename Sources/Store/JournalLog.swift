import Charging
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
/// An entry is the call (8 bytes), how many bytes follow (4), both little endian, and the values that
/// `add(_:to:)` gives, packed.
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
        try Self.forEachRun(in: database) { number, entries in
            begin(number)
            for entry in try Self.split(entries) { count(entry.call, entry.bytes.count) }
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
        withUnsafeBytes(of: call.littleEndian) { run.append(contentsOf: $0) }
        for _ in 0..<4 { run.append(0) }
        values.append(to: &run)
        let follow = run.count - first - Self.headLength
        for place in 0..<4 {
            run[first + 8 + place] = UInt8(truncatingIfNeeded: follow >> (8 * place))
        }
        if first == 0 { begin(number) }
        count(call, run.count - first)
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
            for entry in try Self.split(SQLRow(row: entries).bytes(0))
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

    /// Calls that are under way, in the order of their ids. It may be read beside a daemon.
    ///
    /// - Throws: `Store.Failure` where the journal does not read.
    static func calls(in database: Database) throws -> [RunningCall] {
        var newest: [UInt64: ArraySlice<UInt8>] = [:]
        try forEachRun(in: database) { _, entries in
            for entry in try split(entries) { newest[entry.call] = entry.bytes }
        }
        return try newest.sorted { Int64(bitPattern: $0.key) < Int64(bitPattern: $1.key) }
            .filter { try !isClosed($0.key, in: database) }
            .map { try running($0.key, $0.value.dropFirst(headLength)) }
    }

    /// Calls that went on after a backup and have ended since: of their entries only the money and the
    /// record still hold.
    static func forgetStates(in database: Database) throws {
        let calls = try calls(in: database)
        try database.execute(sql: "DELETE FROM journal_run")
        try write(calls, in: database) { call, values in
            var call = call
            call.state = []
            add(call, to: &values)
            return call.call.rawValue
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
        try write(rows.map { SQLRow(row: $0) }, in: database) { row, values in
            for value in row.row.databaseValues { values.add(value) }
            return row.bits(callColumn)
        }
        try database.execute(sql: "DROP TABLE running_call")
    }

    /// All of a list as one run.
    ///
    /// - Parameter add: adds the values of an item, and says which call it is.
    private static func write<Item>(
        _ items: [Item], in database: Database, add: (Item, inout SQLValues) -> UInt64
    ) throws {
        var log = try JournalLog(in: database)
        var values = SQLValues()
        for item in items {
            values.removeAll()
            let call = add(item, &values)
            log.append(call, values)
        }
        guard !log.run.isEmpty else { return }
        values.removeAll()
        values.add(log.number)
        values.add(log.run)
        try values.run(database.makeStatement(sql: addRun))
    }

    private static func forEachRun(
        in database: Database, _ body: (Int64, [UInt8]) throws -> Void
    ) throws {
        let cursor = try Row.fetchCursor(
            database, sql: "SELECT number, entries FROM journal_run ORDER BY number")
        while let row = try cursor.next() {
            let row = SQLRow(row: row)
            do {
                try body(row.integer(0), row.bytes(1))
            } catch let failure as Store.Failure {
                throw Store.Failure(
                    .damaged, "run \(row.integer(0)) of the journal: \(failure.message)")
            }
        }
    }

    /// Entries with their heads.
    private static func split(
        _ entries: [UInt8]
    ) throws -> [(call: UInt64, bytes: ArraySlice<UInt8>)] {
        var list: [(call: UInt64, bytes: ArraySlice<UInt8>)] = []
        var rest = entries[...]
        while !rest.isEmpty {
            guard rest.count >= headLength else {
                throw Store.Failure(.damaged, "the last entry has \(rest.count) bytes")
            }
            let follow = number(rest.dropFirst(8).prefix(4))
            guard follow <= UInt64(rest.count - headLength) else {
                throw Store.Failure(.damaged, "the last entry is cut off")
            }
            let length = headLength + Int(follow)
            list.append((number(rest.prefix(8)), rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return list
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
