/// Up to 15 dialled characters in one word, the first in the highest four bits.
///
/// A character is 1 to 13 and the rest is 0, so words are ordered as the texts are, and what begins
/// with a prefix stands directly behind it. Fifteen is what a number of E.164 has at most, and what
/// a `String` holds without allocating.
struct PackedPrefix: Hashable, Comparable {
    static let longest = 15

    private(set) var word: UInt64

    /// All of a prefix; nil when it is empty, too long or has a character nobody can dial.
    init?(exactly text: some Sequence<UInt8>) {
        var word: UInt64 = 0
        var shift = 60
        for byte in text {
            guard let code = PackedPrefix.code(byte), shift > 0 else { return nil }
            word |= code << UInt64(shift)
            shift -= 4
        }
        guard word != 0 else { return nil }
        self.word = word
    }

    /// As much of a number as can matter: its first 15 characters, up to the first that cannot be
    /// dialled.
    init(leading text: String) {
        var word: UInt64 = 0
        var shift = 60
        for byte in text.utf8 {
            guard shift > 0, let code = PackedPrefix.code(byte) else { break }
            word |= code << UInt64(shift)
            shift -= 4
        }
        self.word = word
    }

    private static func code(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0")) + 1
        case UInt8(ascii: "*"): 11
        case UInt8(ascii: "#"): 12
        case UInt8(ascii: "+"): 13
        default: nil
        }
    }

    private init(word: UInt64) { self.word = word }

    /// How many characters.
    var length: Int { 16 - word.trailingZeroBitCount / 4 }

    /// The first word behind all that begins with this one. Codes end at 13, so nothing is carried.
    var end: PackedPrefix { PackedPrefix(word: word + 1 << UInt64(64 - 4 * length)) }

    /// Its first `count` characters, 1 to 15.
    func prefix(_ count: Int) -> PackedPrefix {
        PackedPrefix(word: word & ~(UInt64.max >> UInt64(4 * count)))
    }

    static func < (a: PackedPrefix, b: PackedPrefix) -> Bool { a.word < b.word }

    /// Does not allocate.
    var text: String {
        String(unsafeUninitializedCapacity: PackedPrefix.longest) { buffer in
            var rest = word
            var count = 0
            while rest != 0 {
                let code = UInt8(truncatingIfNeeded: rest >> 60)
                switch code {
                case 11: buffer[count] = UInt8(ascii: "*")
                case 12: buffer[count] = UInt8(ascii: "#")
                case 13: buffer[count] = UInt8(ascii: "+")
                default: buffer[count] = UInt8(ascii: "0") + code - 1
                }
                count += 1
                rest <<= 4
            }
            return count
        }
    }
}
