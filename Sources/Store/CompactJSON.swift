/// Writes JSON made of arrays, whole numbers, texts and null into one buffer: all that the nested
/// parts of a record need, at a hundredth of what a general encoder costs for each record.
///
/// Lists of fields go as arrays in a fixed order, which `CallRecordColumns` knows; SQLite's own JSON
/// functions and every other tool can read them too.
struct CompactJSONWriter {
    private(set) var bytes: [UInt8]
    private var needsComma = false

    /// Behind what stands in a buffer already.
    init(appendingTo bytes: consuming [UInt8] = []) { self.bytes = bytes }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    mutating func integer(_ value: Int64?) {
        separate()
        guard let value else { return bytes.append(contentsOf: "null".utf8) }
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let first = bytes.count
        var rest = value.magnitude
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[first...].reverse()
    }

    mutating func string(_ value: String?) {
        separate()
        guard let value else { return bytes.append(contentsOf: "null".utf8) }
        bytes.append(UInt8(ascii: "\""))
        let isDone: Void? = value.utf8.withContiguousStorageIfAvailable { escape($0) }
        if isDone == nil { Array(value.utf8).withUnsafeBufferPointer { escape($0) } }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ value: UnsafeBufferPointer<UInt8>) {
        // What stands between two escaped bytes is taken in one piece.
        var first = 0
        for place in value.indices {
            let byte = value[place]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                continue
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: value[first..<place]))
            first = place + 1
            bytes.append(UInt8(ascii: "\\"))
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
            case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
            default:
                bytes.append(contentsOf: "u00".utf8)
                bytes.append(hexDigit(byte >> 4))
                bytes.append(hexDigit(byte & 15))
            }
        }
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: value[first...]))
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

/// Reads what `CompactJSONWriter` wrote, item by item; anything else is refused with its offset.
struct CompactJSONReader {
    struct Malformed: Error, Hashable {
        /// In bytes of UTF-8.
        var offset: Int
    }

    private let bytes: [UInt8]
    private var offset = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    /// Reads `[`, then calls `element` for each element, then reads `]`.
    mutating func array(
        _ element: (inout CompactJSONReader) throws(Malformed) -> Void
    ) throws(Malformed) {
        try beginArray()
        guard !tryTake(UInt8(ascii: "]")) else { return }
        repeat { try element(&self) } while tryTake(UInt8(ascii: ","))
        try take(UInt8(ascii: "]"))
    }

    /// `[` of an array with a fixed order; `comma` stands between its elements, `endArray` behind.
    mutating func beginArray() throws(Malformed) { try take(UInt8(ascii: "[")) }
    mutating func comma() throws(Malformed) { try take(UInt8(ascii: ",")) }
    /// Whether a comma comes, and so another element.
    var hasMore: Bool { offset < bytes.count && bytes[offset] == UInt8(ascii: ",") }
    mutating func endArray() throws(Malformed) { try take(UInt8(ascii: "]")) }
    /// Whether a fixed order goes on, which older writers made shorter.
    mutating func goesOn() -> Bool { tryTake(UInt8(ascii: ",")) }

    /// Nothing may follow.
    func end() throws(Malformed) {
        guard offset == bytes.count else { throw Malformed(offset: offset) }
    }

    mutating func integer() throws(Malformed) -> Int64 {
        guard let value = try optionalInteger() else { throw Malformed(offset: offset) }
        return value
    }

    mutating func optionalInteger() throws(Malformed) -> Int64? {
        if try takeNull() { return nil }
        let first = offset
        while offset < bytes.count,
            bytes[offset] == UInt8(ascii: "-")
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset])
        {
            offset += 1
        }
        guard let value = Int64(String(decoding: bytes[first..<offset], as: UTF8.self)) else {
            throw Malformed(offset: first)
        }
        return value
    }

    mutating func string() throws(Malformed) -> String {
        guard let value = try optionalString() else { throw Malformed(offset: offset) }
        return value
    }

    mutating func optionalString() throws(Malformed) -> String? {
        if try takeNull() { return nil }
        try take(UInt8(ascii: "\""))
        let first = offset
        // Nearly all texts hold nothing that was escaped: they are taken as they stand.
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                let text = String(decoding: bytes[first..<offset], as: UTF8.self)
                offset += 1
                return text
            case UInt8(ascii: "\\"):
                return try escapedString(from: first)
            default:
                offset += 1
            }
        }
        throw Malformed(offset: offset)
    }

    private mutating func escapedString(from first: Int) throws(Malformed) -> String {
        var text = Array(bytes[first..<offset])
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text.append(try escapedByte())
            default:
                text.append(byte)
            }
        }
        throw Malformed(offset: offset)
    }

    /// Behind a backslash: what the writer escapes, which is one byte each.
    private mutating func escapedByte() throws(Malformed) -> UInt8 {
        guard offset < bytes.count else { throw Malformed(offset: offset) }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            return byte
        case UInt8(ascii: "t"):
            return UInt8(ascii: "\t")
        case UInt8(ascii: "u"):
            guard offset + 4 <= bytes.count,
                let code = UInt8(
                    String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
            else { throw Malformed(offset: offset) }
            offset += 4
            return code
        default:
            throw Malformed(offset: offset - 1)
        }
    }

    private mutating func takeNull() throws(Malformed) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "n") else { return false }
        for byte in "null".utf8 { try take(byte) }
        return true
    }

    private mutating func take(_ byte: UInt8) throws(Malformed) {
        guard tryTake(byte) else { throw Malformed(offset: offset) }
    }

    private mutating func tryTake(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }
}
