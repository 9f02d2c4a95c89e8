import Charging
import GRDB
import GRDBSQLite

/// The values of one statement, in the order of its question marks; reused from row to row.
///
/// All texts and blobs stand in one buffer, which SQLite reads in place: a row of thirty columns
/// costs no allocation, where GRDB's `StatementArguments` would take a quarter of the time of the
/// whole write.
struct SQLValues {
    private enum Slot {
        case null
        case integer(Int64)
        case text(from: Int, count: Int)
        case blob(from: Int, count: Int)
    }

    private var slots: [Slot] = []
    private var bytes: [UInt8] = []

    mutating func removeAll() {
        slots.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
    }

    mutating func add(_ value: Int64?) {
        slots.append(value.map { .integer($0) } ?? .null)
    }

    mutating func add(_ value: Int?) { add(value.map { Int64($0) }) }
    mutating func add(_ value: Amount) { add(value.micros) }
    /// 64 bits go into SQLite's signed integer as they are.
    mutating func add(bits value: UInt64) { add(Int64(bitPattern: value)) }

    mutating func add(_ value: String?) {
        guard let value else { return slots.append(.null) }
        let first = bytes.count
        bytes.append(utf8: value)
        slots.append(.text(from: first, count: bytes.count - first))
    }

    mutating func add(_ value: [UInt8]) {
        slots.append(.blob(from: bytes.count, count: value.count))
        bytes.append(contentsOf: value)
    }

    mutating func add(_ value: DatabaseValue) {
        switch value.storage {
        case .null: slots.append(.null)
        case .int64(let value): add(value)
        case .string(let value): add(value)
        case .blob(let value): add(Array(value))
        case .double: preconditionFailure("no table has numbers that are not whole")
        }
    }

    /// A text that is written in place.
    mutating func addJSON(_ write: (inout CompactJSONWriter) -> Void) {
        let first = bytes.count
        var writer = CompactJSONWriter(appendingTo: bytes)
        bytes = []
        write(&writer)
        bytes = writer.bytes
        slots.append(.text(from: first, count: bytes.count - first))
    }

    /// Runs a statement that gives no rows, with all of its values.
    ///
    /// - Throws: `DatabaseError`. The statement can be used again.
    func run(_ statement: Statement) throws {
        let handle = statement.sqliteStatement
        precondition(Int(sqlite3_bind_parameter_count(handle)) == slots.count)
        try bytes.withUnsafeBufferPointer { buffer in
            for (index, slot) in slots.enumerated() {
                let code = SQLValues.bind(slot, at: Int32(index + 1), of: handle, in: buffer)
                if code != SQLITE_OK { throw SQLValues.error(code, handle) }
            }
            let code = sqlite3_step(handle)
            if code == SQLITE_DONE {
                sqlite3_reset(handle)
                return
            }
            // The message belongs to the connection; resetting keeps it, and gives the full code.
            throw SQLValues.error(sqlite3_reset(handle), handle)
        }
    }

    /// Adds all values to a seal, in their order.
    func seal(into seal: inout Seal) {
        bytes.withUnsafeBufferPointer { buffer in
            for slot in slots {
                switch slot {
                case .null: seal.addNull()
                case .integer(let value): seal.add(value)
                case .text(let first, let count):
                    seal.add(text: UnsafeBufferPointer(rebasing: buffer[first..<first + count]))
                case .blob(let first, let count):
                    seal.add(blob: UnsafeBufferPointer(rebasing: buffer[first..<first + count]))
                }
            }
        }
    }

    /// The first byte of a packed value.
    enum Packed: UInt8 {
        case null = 0
        case integer = 1
        case text = 2
        case blob = 3
    }

    /// Adds all values to other bytes, in their order: of each its kind, then an integer, or the length
    /// of a text or a blob and its bytes. Lengths go in groups of seven bits, the low ones first, all
    /// but the last with their top bit set; integers too, with their sign in the lowest bit.
    /// `PackedValues` reads them.
    func append(to packed: inout [UInt8]) {
        for slot in slots {
            switch slot {
            case .null: packed.append(Packed.null.rawValue)
            case .integer(let value):
                Self.head(.integer, UInt64(bitPattern: value << 1 ^ value >> 63), &packed)
            case .text(let first, let count):
                Self.head(.text, UInt64(count), &packed)
                packed.append(contentsOf: bytes[first..<first + count])
            case .blob(let first, let count):
                Self.head(.blob, UInt64(count), &packed)
                packed.append(contentsOf: bytes[first..<first + count])
            }
        }
    }

    private static func head(_ kind: Packed, _ number: UInt64, _ packed: inout [UInt8]) {
        packed.append(kind.rawValue)
        var rest = number
        while rest > 127 {
            packed.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        packed.append(UInt8(truncatingIfNeeded: rest))
    }

    var count: Int { slots.count }

    private static func bind(
        _ slot: Slot, at index: Int32, of handle: SQLiteStatement,
        in buffer: UnsafeBufferPointer<UInt8>
    ) -> Int32 {
        switch slot {
        case .null:
            return sqlite3_bind_null(handle, index)
        case .integer(let value):
            return sqlite3_bind_int64(handle, index, value)
        case .text(let first, let count):
            // A nil pointer would bind NULL: an empty buffer has none.
            guard let base = buffer.baseAddress, count > 0 else {
                return sqlite3_bind_text(handle, index, "", 0, transient)
            }
            return (base + first).withMemoryRebound(to: CChar.self, capacity: count) { text in
                // No destructor: the buffer outlives the step, and every slot is bound anew before
                // the next one.
                sqlite3_bind_text(handle, index, text, Int32(count), nil)
            }
        case .blob(let first, let count):
            guard let base = buffer.baseAddress, count > 0 else {
                return sqlite3_bind_zeroblob(handle, index, 0)
            }
            return sqlite3_bind_blob(handle, index, base + first, Int32(count), nil)
        }
    }

    /// SQLite's `SQLITE_TRANSIENT`, a macro that Swift does not see: copy the bytes.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    private static func error(_ code: Int32, _ handle: SQLiteStatement) -> DatabaseError {
        let connection = sqlite3_db_handle(handle)
        return DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: String(cString: sqlite3_errmsg(connection)))
    }
}

extension [UInt8] {
    /// Appends a text from where it lies. `append(contentsOf: text.utf8)` takes three times as long.
    mutating func append(utf8 text: borrowing String) {
        let isDone: Void? = text.utf8.withContiguousStorageIfAvailable { append(contentsOf: $0) }
        if isDone == nil { append(contentsOf: text.utf8) }
    }
}
