/// Numbers of one length from `first` to `last`, both included: `8000-8799`.
public struct NumberRange: Hashable, Sendable, CustomStringConvertible {
    /// Digits only, at most 18 of them.
    public let first: String
    public let last: String
    let digits: Int
    let low: UInt64
    let high: UInt64

    /// Nil when either is no number of 1 to 18 digits, the lengths differ, or they run backwards.
    public init?(first: String, last: String) {
        guard let low = packed(first), let high = packed(last),
            first.utf8.count == last.utf8.count, low <= high
        else { return nil }
        self.first = first
        self.last = last
        self.digits = first.utf8.count
        self.low = low
        self.high = high
    }

    /// How many numbers there are.
    public var count: Int { Int(high - low) + 1 }

    /// `8000-8799`, or the one number.
    public var description: String { first == last ? first : "\(first)-\(last)" }

    /// Constant time in the length of the number.
    public func contains(_ number: String) -> Bool { offset(of: number) != nil }

    /// How far the number stands from the first; nil outside.
    public func offset(of number: String) -> Int? {
        guard number.utf8.count == digits, let value = packed(number), value >= low, value <= high
        else { return nil }
        return Int(value - low)
    }

    /// The number at an offset below `count`.
    public subscript(offset: Int) -> String {
        precondition(offset >= 0 && offset < count, "offset outside the range")
        let text = String(low + UInt64(offset))
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    public func overlaps(_ other: NumberRange) -> Bool {
        digits == other.digits && low <= other.high && other.low <= high
    }
}

/// The value of 1 to 18 decimal digits; nil for anything else.
private func packed(_ text: String) -> UInt64? {
    var value: UInt64 = 0
    let bytes = text.utf8
    guard !bytes.isEmpty, bytes.count <= 18 else { return nil }
    for byte in bytes {
        guard byte >= 0x30, byte <= 0x39 else { return nil }
        value = value * 10 + UInt64(byte - 0x30)
    }
    return value
}
