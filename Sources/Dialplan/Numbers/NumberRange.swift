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
        guard let low = PackedNumber(first), let high = PackedNumber(last),
            low.digits == high.digits, low.value <= high.value
        else { return nil }
        self.first = first
        self.last = last
        digits = low.digits
        self.low = low.value
        self.high = high.value
    }

    /// How many numbers there are.
    public var count: Int { Int(high - low) + 1 }

    /// `8000-8799`, or the one number.
    public var description: String { first == last ? first : "\(first)-\(last)" }

    /// Constant time in the length of the number.
    public func contains(_ number: String) -> Bool { offset(of: number) != nil }

    /// How far the number stands from the first; nil outside.
    public func offset(of number: String) -> Int? { PackedNumber(number).flatMap(offset) }

    func offset(of number: PackedNumber) -> Int? {
        contains(number) ? Int(number.value - low) : nil
    }

    func contains(_ number: PackedNumber) -> Bool {
        number.digits == digits && number.value >= low && number.value <= high
    }

    /// The number at an offset below `count`.
    public subscript(offset: Int) -> String {
        precondition(offset >= 0 && offset < count, "offset outside the range")
        let text = String(low + UInt64(offset))
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    /// Whether every number of the other is one of this.
    func covers(_ other: NumberRange) -> Bool {
        digits == other.digits && low <= other.low && other.high <= high
    }

    public func overlaps(_ other: NumberRange) -> Bool {
        digits == other.digits && low <= other.high && other.low <= high
    }
}

/// A number of 1 to 18 digits, read once to be compared with many ranges.
struct PackedNumber: Hashable, Sendable {
    var digits: Int
    var value: UInt64

    /// Nil for anything but 1 to 18 decimal digits.
    init?(_ text: String) {
        let bytes = text.utf8
        guard !bytes.isEmpty, bytes.count <= 18 else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + UInt64(byte - 0x30)
        }
        digits = bytes.count
        self.value = value
    }
}
