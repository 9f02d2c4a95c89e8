import CLibcrypto
import GRDB
import GRDBSQLite

/// The hash chain over all that is never changed: each posting and each closed record is sealed when it
/// is written, by SHA-256 over the seal before it and its own columns.
///
/// A row that was changed, put in or taken out later, with whatever tool, breaks the chain there, and
/// `Auditor` says where. Whoever could write the file could also cut off its end or write the whole chain
/// anew; the last hash, kept somewhere else, shows that too.
///
/// Rows of a database from before there was a chain have no seal. How many there are of each kind stands in
/// `state`, so that a chain that was removed is not taken for one that never was.
///
/// What is hashed of a row is the values in the order of its columns: a byte for the kind (0 null,
/// 1 integer, 2 text, 3 blob), for an integer its 8 bytes, for the others 8 bytes of length and the
/// bytes; numbers little endian. Columns that a later version adds stand behind the old ones; each seal
/// says how many columns it covers.
///
/// The seals of one transaction are one row of `seal_run`, one behind the other: what a seal is of (1
/// byte), how many columns it covers (1), the row (8, little endian) and the hash (32). Databases of
/// before have rows of their own for the first seals, in `seal`.
struct Seal {
    /// What a seal is of.
    enum Kind: Int64 {
        case record = 1
        case posting = 2

        /// What `state` calls the last row that was there before the chain.
        var nameOfUnsealed: String {
            switch self {
            case .record: "unsealed_records"
            case .posting: "unsealed_postings"
            }
        }
    }

    static let length = 32
    /// Bytes of one seal in `seal_run`.
    static let entryLength = 2 + 8 + length
    /// The seal before the first one.
    static let origin = [UInt8](repeating: 0, count: length)

    /// The last seal.
    private(set) var last: [UInt8]
    private var input: [UInt8] = []
    /// Seals that are not written yet, as `seal_run` has them.
    private(set) var run: [UInt8] = []
    /// The number of the first of them; the first seal of all is 1.
    private(set) var firstOfRun: Int64

    init(after last: [UInt8], number: Int64 = 0) {
        self.last = last
        firstOfRun = number + 1
    }

    /// Begins the next one.
    mutating func begin(_ kind: Kind) {
        input.removeAll(keepingCapacity: true)
        input.append(contentsOf: last)
        input.append(UInt8(truncatingIfNeeded: kind.rawValue))
    }

    mutating func addNull() { input.append(0) }

    mutating func add(_ value: Int64) {
        input.append(1)
        append(UInt64(bitPattern: value))
    }

    mutating func add(text: UnsafeBufferPointer<UInt8>) { add(2, text) }

    mutating func add(blob: UnsafeBufferPointer<UInt8>) { add(3, blob) }

    private mutating func add(_ kind: UInt8, _ bytes: UnsafeBufferPointer<UInt8>) {
        input.append(kind)
        append(UInt64(bytes.count))
        input.append(contentsOf: bytes)
    }

    private mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { input.append(contentsOf: $0) }
    }

    /// Hashes what was added; the result is the last seal now.
    mutating func finish() {
        let input = input
        let result = last.withUnsafeMutableBufferPointer { output in
            EVP_Digest(input, input.count, output.baseAddress, nil, Seal.algorithm, nil)
        }
        precondition(result == 1, "libcrypto could not hash")
    }

    /// Puts the last seal into the run.
    mutating func append(_ kind: Kind, row: Int64, columns: Int) {
        run.append(UInt8(truncatingIfNeeded: kind.rawValue))
        run.append(UInt8(columns))
        withUnsafeBytes(of: row.littleEndian) { run.append(contentsOf: $0) }
        run.append(contentsOf: last)
    }

    /// The run is written, and the next one begins.
    mutating func runWritten() {
        firstOfRun += Int64(run.count / Seal.entryLength)
        run.removeAll(keepingCapacity: true)
    }

    /// Looked up once; immutable, and may be used by any thread (`EVP_MD_fetch(3)`).
    nonisolated(unsafe) private static let algorithm: OpaquePointer = {
        guard let algorithm = EVP_MD_fetch(nil, "SHA2-256", nil), EVP_MD_get_size(algorithm) == 32
        else { preconditionFailure("libcrypto offers no SHA-256") }
        return algorithm
    }()

    /// Goes on behind the last seal that is stored.
    init(in database: Database) throws {
        let run = try Row.fetchOne(
            database, sql: "SELECT first, seals FROM seal_run ORDER BY first DESC LIMIT 1")
        let old =
            try run
            ?? Row.fetchOne(
                database, sql: "SELECT entry, hash FROM seal ORDER BY entry DESC LIMIT 1")
        guard let old else {
            self.init(after: Seal.origin)
            return
        }
        let row = SQLRow(row: old)
        let bytes = row.bytes(1)
        guard bytes.count >= Seal.length,
            run == nil || bytes.count.isMultiple(of: Seal.entryLength)
        else { throw Store.Failure(.damaged, "the last seal has \(bytes.count) bytes") }
        let count = run == nil ? 1 : bytes.count / Seal.entryLength
        self.init(
            after: Array(bytes.suffix(Seal.length)), number: row.integer(0) + Int64(count) - 1)
    }
}

/// Where a hash chain ends: how many rows are sealed, and the last hash in hexadecimal, empty while nothing
/// is.
public struct ChainEnd: Sendable, Hashable {
    public var sealed: Int64 = 0
    public var head = ""

    init() {}

    init(_ seal: Seal) {
        sealed = seal.firstOfRun - 1
        head = sealed == 0 ? "" : Seal.hexadecimal(seal.last)
    }
}

extension Seal {
    static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    /// Adds columns of the row a statement stands on.
    mutating func add(columns: Range<Int>, of statement: SQLiteStatement) {
        for column in columns {
            let column = Int32(column)
            switch sqlite3_column_type(statement, column) {
            case SQLITE_NULL: addNull()
            case SQLITE_INTEGER: add(sqlite3_column_int64(statement, column))
            case SQLITE_BLOB:
                let count = Int(sqlite3_column_bytes(statement, column))
                let bytes = sqlite3_column_blob(statement, column)?
                    .assumingMemoryBound(to: UInt8.self)
                add(blob: UnsafeBufferPointer(start: bytes, count: count))
            default:
                let bytes = sqlite3_column_text(statement, column)
                let count = Int(sqlite3_column_bytes(statement, column))
                add(text: UnsafeBufferPointer(start: bytes, count: count))
            }
        }
    }
}
