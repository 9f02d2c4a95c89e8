/// A pattern of numbers: sets of keys one after the other, and perhaps an open end.
///
/// `X` is 0 to 9, `Z` 1 to 9, `N` 2 to 9, `[2-46]` one of those, `.` at the end one digit or more,
/// `!` at the end any number of digits, also none. `X`, `.` and `!` never stand for `*` or `#`.
struct Pattern: Hashable, Sendable {
    enum End: UInt8, Hashable, Sendable {
        case closed
        /// `.`
        case oneOrMore
        /// `!`
        case zeroOrMore
    }

    var keys: [KeySet]
    var end: End

    init(keys: [KeySet], end: End) {
        self.keys = keys
        self.end = end
    }

    /// Covers that number and no other.
    init(exactly number: DialString) {
        self.init(keys: (0..<number.count).map { KeySet(key: number[$0]) }, end: .closed)
    }

    /// The shortest number it covers.
    var minimumCount: Int { keys.count + (end == .oneOrMore ? 1 : 0) }

    /// Whether it covers one number and no other.
    var isOneNumber: Bool { end == .closed && keys.allSatisfy { $0.count == 1 } }

    /// How wide the pattern is at a place: the fewer the more specific. The first place at which two
    /// patterns differ in it decides which of them is the more specific.
    func width(at index: Int) -> Int {
        if index < keys.count { return keys[index].count }
        switch end {
        case .closed: return 0
        case .oneOrMore: return 13
        case .zeroOrMore: return 14
        }
    }

    /// Whether both cover some number in common.
    func overlaps(_ other: Pattern) -> Bool {
        let (short, long) = keys.count <= other.keys.count ? (self, other) : (other, self)
        for index in short.keys.indices where !short.keys[index].intersects(long.keys[index]) {
            return false
        }
        if short.keys.count == long.keys.count {
            return short.end == long.end || short.end != .closed && long.end != .closed
                || short.end == .zeroOrMore || long.end == .zeroOrMore
        }
        if short.end == .closed { return false }
        return long.keys[short.keys.count...].allSatisfy { $0.intersects(.digits) }
    }

    /// The smallest number it covers.
    var example: String {
        var bytes = keys.map { byte(of: $0.first) }
        if end == .oneOrMore { bytes.append(0x30) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The few patterns that cover exactly the numbers of a range.
    static func covering(_ range: NumberRange) -> [Pattern] {
        let first = range.first.utf8.map { $0 - 0x30 }
        let last = range.last.utf8.map { $0 - 0x30 }
        var patterns: [Pattern] = []
        cover(first[...], last[...], after: [], into: &patterns)
        return patterns
    }

    private static func cover(
        _ first: ArraySlice<UInt8>, _ last: ArraySlice<UInt8>, after prefix: [KeySet],
        into patterns: inout [Pattern]
    ) {
        guard let start = first.first, let stop = last.first else {
            patterns.append(Pattern(keys: prefix, end: .closed))
            return
        }
        let (first, last) = (first.dropFirst(), last.dropFirst())
        let opens = first.allSatisfy { $0 == 0 }
        let closes = last.allSatisfy { $0 == 9 }
        if start == stop, !(opens && closes) {
            cover(first, last, after: prefix + [KeySet(key: start)], into: &patterns)
            return
        }
        var (low, high) = (start, stop)
        if !opens {
            let nines = [UInt8](repeating: 9, count: first.count)
            cover(first, nines[...], after: prefix + [KeySet(key: low)], into: &patterns)
            low += 1
        }
        var tail: (high: UInt8, keys: ArraySlice<UInt8>)?
        if !closes {
            tail = (high, last)
            high -= 1
        }
        if low <= high {
            let middle = KeySet(bits: (low...high).reduce(0) { $0 | 1 << UInt16($1) })
            let rest = [KeySet](repeating: .digits, count: first.count)
            patterns.append(Pattern(keys: prefix + [middle] + rest, end: .closed))
        }
        if let tail {
            let zeros = [UInt8](repeating: 0, count: last.count)
            cover(
                zeros[...], tail.keys, after: prefix + [KeySet(key: tail.high)], into: &patterns)
        }
    }
}
