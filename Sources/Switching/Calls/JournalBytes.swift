/// Writes what the journal keeps of a call: fields, each a tag, a length and its content, so that a
/// newer version can add some and an older one passes over those it does not know.
///
/// Numbers are little endian; texts have their length before them.
struct JournalWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    /// One field; what `content` writes is its content.
    mutating func field(_ tag: UInt8, _ content: (inout JournalWriter) -> Void) {
        bytes.append(tag)
        let place = bytes.count
        for _ in 0..<4 { bytes.append(0) }
        content(&self)
        let count = UInt32(truncatingIfNeeded: bytes.count - place - 4)
        for shift in 0..<4 {
            bytes[place + shift] = UInt8(truncatingIfNeeded: count >> UInt32(8 * shift))
        }
    }

    mutating func byte(_ byte: UInt8) { bytes.append(byte) }

    mutating func number(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func number(_ number: Int64) { self.number(UInt64(bitPattern: number)) }

    mutating func text(_ text: some Collection<UInt8>) {
        number(UInt64(text.count))
        bytes.append(contentsOf: text)
    }

    mutating func text(_ text: String) { self.text(text.utf8) }

    /// A number that is small most of the time: seven bits in a byte, the low ones first.
    mutating func small(_ number: UInt64) {
        var rest = number
        while rest > 127 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A text with a small length.
    mutating func short(_ text: some Collection<UInt8>) {
        small(UInt64(text.count))
        bytes.append(contentsOf: text)
    }

    mutating func short(_ text: String) { short(text.utf8) }
}

/// Reads what `JournalWriter` wrote; nil wherever the bytes are not whole.
struct JournalReader {
    private var rest: ArraySlice<UInt8>
    /// Numbers that could be small take eight bytes each all the same.
    private let isWide: Bool

    init(_ bytes: ArraySlice<UInt8>, isWide: Bool = false) {
        rest = bytes
        self.isWide = isWide
    }

    var isAtEnd: Bool { rest.isEmpty }

    /// The next field, to be read by a reader of its own.
    mutating func field() -> (tag: UInt8, content: JournalReader)? {
        guard rest.count >= 5, let tag = rest.popFirst() else { return nil }
        var count: UInt32 = 0
        for shift: UInt32 in [0, 8, 16, 24] { count |= UInt32(rest.removeFirst()) << shift }
        guard Int(count) <= rest.count else { return nil }
        let content = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        return (tag, JournalReader(content, isWide: isWide))
    }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func number() -> UInt64? {
        guard rest.count >= 8 else { return nil }
        var number: UInt64 = 0
        for shift: UInt64 in stride(from: 0, to: 64, by: 8) {
            number |= UInt64(rest.removeFirst()) << shift
        }
        return number
    }

    mutating func signed() -> Int64? { number().map { Int64(bitPattern: $0) } }

    /// A number that fits into a narrower type.
    mutating func number<Number: FixedWidthInteger>(as type: Number.Type) -> Number? {
        number().flatMap { Number(exactly: $0) }
    }

    mutating func text() -> [UInt8]? { text(count: number()) }

    mutating func small() -> UInt64? {
        if isWide { return number() }
        var number: UInt64 = 0
        for shift: UInt64 in stride(from: 0, to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            // Of the tenth byte only one bit is left.
            guard shift < 63 || byte < 2 else { return nil }
            number |= UInt64(byte & 127) << shift
            if byte < 128 { return number }
        }
        return nil
    }

    mutating func short() -> [UInt8]? { text(count: small()) }

    mutating func shortString() -> String? {
        short().map { String(decoding: $0, as: UTF8.self) }
    }

    private mutating func text(count: UInt64?) -> [UInt8]? {
        guard let count, count <= UInt64(rest.count) else { return nil }
        let text = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        return Array(text)
    }

    mutating func string() -> String? { text().map { String(decoding: $0, as: UTF8.self) } }
}
