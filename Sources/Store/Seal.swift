import CLibcrypto
import GRDB
import GRDBSQLite

/// The hash chain over all that is never changed: each posting and each closed record is sealed when it
/// is written, by SHA-256 over the seal before it and its own columns.
///
/// A row that was changed, put in or taken out later, with whatever tool, breaks the chain there, and
/// `Auditor` says where. Whoever could write the file could also write the whole chain anew; the last
/// hash, kept somewhere else, shows that too.
///
/// What is hashed of a row is the values in the order of its columns: a byte for the kind (0 null,
/// 1 integer, 2 text, 3 blob), for an integer its 8 bytes, for the others 8 bytes of length and the
/// bytes; numbers little endian. Columns that a later version adds stand behind the old ones; each seal
/// says how many columns it covers.
struct Seal {
    /// What a seal is of.
    enum Kind: Int64 {
        case record = 1
        case posting = 2
    }

    static let length = 32
    /// The seal before the first one.
    static let origin = [UInt8](repeating: 0, count: length)

    /// The last seal.
    private(set) var last: [UInt8]
    private var input: [UInt8] = []

    init(after last: [UInt8]) { self.last = last }

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

    /// Looked up once; immutable, and may be used by any thread (`EVP_MD_fetch(3)`).
    nonisolated(unsafe) private static let algorithm: OpaquePointer = {
        guard let algorithm = EVP_MD_fetch(nil, "SHA2-256", nil), EVP_MD_get_size(algorithm) == 32
        else { preconditionFailure("libcrypto offers no SHA-256") }
        return algorithm
    }()

    /// The last seal that is stored.
    static func last(in database: Database) throws -> [UInt8] {
        let row = try Row.fetchOne(
            database, sql: "SELECT hash FROM seal ORDER BY entry DESC LIMIT 1")
        guard let row else { return origin }
        let hash = SQLRow(row: row).bytes(0)
        guard hash.count == length else {
            throw Store.Failure(.damaged, "the last seal has \(hash.count) bytes, not \(length)")
        }
        return hash
    }
}

extension Seal {
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
