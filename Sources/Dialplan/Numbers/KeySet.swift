/// A set of telephone keys in twelve bits: 0 to 9, then `*`, then `#`.
struct KeySet: Hashable, Sendable {
    var bits: UInt16

    /// `X`, `Z` and `N`.
    static let digits = KeySet(bits: 0x3ff)
    static let oneToNine = KeySet(bits: 0x3fe)
    static let twoToNine = KeySet(bits: 0x3fc)

    init(bits: UInt16) { self.bits = bits }

    /// - Parameter key: 0 to 11.
    init(key: UInt8) { bits = 1 << UInt16(key) }

    var count: Int { bits.nonzeroBitCount }

    func contains(_ key: UInt8) -> Bool { bits >> UInt16(key) & 1 != 0 }

    func intersects(_ other: KeySet) -> Bool { bits & other.bits != 0 }

    /// The smallest key; the set is not empty.
    var first: UInt8 { UInt8(bits.trailingZeroBitCount) }

    /// Whether every other set of as many keys is this one or shares no key with it: then two
    /// patterns of the same weight cannot part here.
    var isPlain: Bool { count == 1 || self == .digits }
}

/// The number of a key: 0 to 9, 10 for `*`, 11 for `#`; nil for any other byte.
func key(of byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case UInt8(ascii: "*"): 10
    case UInt8(ascii: "#"): 11
    default: nil
    }
}

/// The byte of a key.
func byte(of key: UInt8) -> UInt8 {
    switch key {
    case 10: UInt8(ascii: "*")
    case 11: UInt8(ascii: "#")
    default: key + 0x30
    }
}
