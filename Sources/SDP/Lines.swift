/// The lines of a description, without their ends.
struct Lines {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var isAtEnd: Bool { position == bytes.endIndex }

    mutating func next() -> Range<Int>? {
        guard !isAtEnd else { return nil }
        let start = position
        let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.endIndex
        position = end == bytes.endIndex ? end : end + 1
        let hasReturn = end > start && bytes[end - 1] == 0x0d
        return start..<(hasReturn ? end - 1 : end)
    }
}

/// The next word of a line whose words are separated by spaces.
func takeWord(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    rest = rest.drop { $0 == 0x20 }
    let word = rest.prefix { $0 != 0x20 }
    guard !word.isEmpty else { return nil }
    rest = rest[word.endIndex...]
    return word
}

/// A decimal number of 1 to 19 digits.
func decimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard (1...19).contains(digits.count) else { return nil }
    var number: UInt64 = 0
    for digit in digits {
        guard (0x30...0x39).contains(digit) else { return nil }
        number = number * 10 + UInt64(digit - 0x30)
    }
    return number
}

/// What stands behind the colon of an attribute of this name: of `setup:actpass` the value `actpass`;
/// `nil` when it is another.
func attributeValue(
    of attribute: ArraySlice<UInt8>, named name: StaticString
) -> ArraySlice<UInt8>? {
    guard let colon = attribute.firstIndex(of: UInt8(ascii: ":")),
        name.isEqual(to: attribute[..<colon])
    else { return nil }
    return attribute[(colon + 1)...]
}
