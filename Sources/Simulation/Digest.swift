/// A running digest of all that was said and stored, so that two runs can be compared by one number.
/// Nothing cryptographic: FNV-1a over words.
struct Digest: Sendable {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ number: UInt64) {
        value = (value ^ number) &* 0x0000_0100_0000_01b3
        value ^= value >> 29
    }

    mutating func add(_ number: Int64) { add(UInt64(bitPattern: number)) }

    mutating func add(_ bytes: [UInt8]) {
        add(UInt64(bytes.count))
        bytes.withUnsafeBytes { raw in
            var place = 0
            while place + 8 <= raw.count {
                add(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
                place += 8
            }
            while place < raw.count {
                add(UInt64(raw[place]))
                place += 1
            }
        }
    }

    mutating func add(_ text: String) { add(Array(text.utf8)) }
}
