import Charging
import GRDB
import Switching

/// A `RecordQuery` as SQL that reads one place of one tree, whatever else is asked for.
///
/// Records come by their start, newest first, and by sequence number where starts are equal; the tree
/// of their keys ends in the start, so a page is read from one place without sorting. The planner has
/// no statistics of the data and is not left to guess: one condition leads, and the others carry a
/// `+`, which takes their indexes out of the choice. Records whose keys are not filed yet are looked
/// through by a statement of their own.
struct RecordSelection {
    /// Statements whose results do not overlap; the page is the newest of all of them.
    private(set) var statements: [(sql: String, arguments: [DatabaseValue])] = []
    let limit: Int

    /// Where records are looked for.
    private enum Source {
        /// The table, by an index of its own.
        case table
        /// The keys that are filed, and from each its record.
        case filed(RecordKeys.Kind, value: String)
        /// The records whose keys are not filed.
        case unfiled
    }

    /// - Parameter after: the record that ended the page before.
    init(_ query: RecordQuery, call: CallID?, after: (started: Int64, sequence: UInt64)?) {
        limit = min(max(query.limit, 1), RecordQuery.limitMaximum)
        // Each with the key that leads to it, the first that is asked for.
        var conditions = Conditions()
        var leading: [(kind: RecordKeys.Kind, value: String)] = []
        func add(_ key: RecordKeys.Kind?, _ value: String, _ text: String, count: Int = 1) {
            if let key, leading.isEmpty, call == nil { leading = [(key, value)] }
            conditions.add(text, Array(repeating: value.databaseValue, count: count))
        }
        if let to = query.to {
            add(.called, to, "(+normalised = ? OR +dialled = ?)", count: 2)
        }
        if let from = query.from { add(.caller, from, "+caller = ?") }
        if let account = query.account {
            let leads = leading.isEmpty && call == nil
            add(.account, account, "+account = ?")
            // Nearly every account is named after the extension that calls on it.
            if leads { leading.append((.caller, account)) }
        }
        if let trunk = query.trunk { add(.way, trunk, RecordKeys.wentBy, count: 2) }
        if let cause = query.cause {
            let isRare = cause != RecordKeys.normalClearing
            add(isRare ? .cause : nil, String(cause), "+q850_cause = CAST(? AS INTEGER)")
        }
        if let call {
            conditions.add("call = ?", [Int64(bitPattern: call.rawValue).databaseValue])
        }

        let sources: [Source] =
            leading.isEmpty
            ? [.table] : leading.map { .filed($0.kind, value: $0.value) } + [.unfiled]
        statements = sources.map { source in
            statement(from: source, conditions, query, after: after)
        }
    }

    private func statement(
        from source: Source, _ conditions: Conditions, _ query: RecordQuery,
        after: (started: Int64, sequence: UInt64)?
    ) -> (sql: String, arguments: [DatabaseValue]) {
        var all = Conditions()
        let table: String
        let started: String
        let sequence: String
        switch source {
        case .table:
            (table, started, sequence) = ("record", "started", "sequence")
        case .filed(let kind, let value):
            // The outer table is read first.
            table = Self.filedRecords
            (started, sequence) = ("key_started", "key_sequence")
            all.add("kind = ? AND value = ?", [kind.rawValue.databaseValue, value.databaseValue])
        case .unfiled:
            (table, started, sequence) = ("record", "+started", "sequence")
            all.add("sequence > \(RecordKeys.filed)", [])
        }
        if let since = query.since { all.add("\(started) >= ?", [since.databaseValue]) }
        if let until = query.until { all.add("\(started) < ?", [until.databaseValue]) }
        if let after {
            all.add(
                "(\(started), \(sequence)) < (?, ?)",
                [after.started.databaseValue, Int64(bitPattern: after.sequence).databaseValue])
        }
        all.add(conditions)
        let sql = """
            SELECT record.sequence, \(CallRecordColumns.names) FROM \(table)\
            \(all.texts.isEmpty ? "" : " WHERE " + all.texts.joined(separator: " AND ")) \
            ORDER BY \(started) DESC, \(sequence) DESC LIMIT \(limit)
            """
        return (sql, all.values)
    }

    private static let filedRecords = """
        (SELECT kind, value, started AS key_started, sequence AS key_sequence FROM record_key) \
        CROSS JOIN record ON record.sequence = key_sequence
        """
}

private struct Conditions {
    private(set) var texts: [String] = []
    private(set) var values: [DatabaseValue] = []

    mutating func add(_ text: String, _ values: [DatabaseValue]) {
        texts.append(text)
        self.values += values
    }

    mutating func add(_ others: Conditions) {
        texts += others.texts
        values += others.values
    }
}
