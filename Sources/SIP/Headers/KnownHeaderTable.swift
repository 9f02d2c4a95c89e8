extension KnownHeader {
    /// Finds a known name by its bytes in any case: one hash of the first and the last eight bytes,
    /// one comparison of at most four words.
    struct Table: Sendable {
        static let shared = Table()

        /// Known names have 2 to `longest` bytes, so that four words that may overlap hold one.
        static let longest = 32
        private static let slotCount = 512

        private struct Entry {
            var known: KnownHeader
            var count: Int
            var first: UInt64
            var last: UInt64
            /// Of a name above sixteen bytes the eight after the first, and those before the last.
            var second: UInt64
            var third: UInt64
        }

        /// One more than the place in `entries`; zero is an empty slot.
        private var slots: [UInt8]
        private var entries: [Entry]

        private init() {
            slots = Array(repeating: 0, count: Self.slotCount)
            entries = []
            for known in KnownHeader.allCases {
                let name = known.spelling.withUTF8Buffer { Array($0) }
                let range = ByteRange(0, name.count)
                let entry = Entry(
                    known: known, count: name.count, first: Self.first(name.span, range),
                    last: Self.last(name.span, range), second: Self.second(name.span, range),
                    third: Self.third(name.span, range))
                entries.append(entry)
                var slot = Self.slot(entry.first, entry.last, entry.count)
                while slots[slot] != 0 { slot = (slot + 1) & (Self.slotCount - 1) }
                slots[slot] = UInt8(entries.count)
            }
        }

        @inline(__always)
        func find(_ span: Swift.Span<UInt8>, _ range: ByteRange) -> KnownHeader? {
            let count = range.count
            guard count > 1, count <= Self.longest else {
                return count == 1 ? KnownHeader(compact: span[range.lower]) : nil
            }
            let first = Self.first(span, range)
            let last = Self.last(span, range)
            var slot = Self.slot(first, last, count)
            while true {
                let number = Int(slots[slot])
                if number == 0 { return nil }
                let place = number &- 1
                if entries[place].first == first, entries[place].last == last,
                    entries[place].count == count,
                    count <= 16
                        || entries[place].second == Self.second(span, range)
                            && entries[place].third == Self.third(span, range)
                {
                    return entries[place].known
                }
                slot = (slot &+ 1) & (Self.slotCount &- 1)
            }
        }

        @inline(__always)
        private static func slot(_ first: UInt64, _ last: UInt64, _ count: Int) -> Int {
            let mixed =
                (first ^ (last &* 31) ^ UInt64(truncatingIfNeeded: count)) &* 0x9e37_79b9_7f4a_7c15
            return Int(truncatingIfNeeded: mixed &>> 55)
        }

        /// The first eight bytes, or what there is.
        @inline(__always)
        private static func first(_ span: Swift.Span<UInt8>, _ range: ByteRange) -> UInt64 {
            span.word(at: range.lower, count: min(8, range.count)).lowercasedLetters
        }

        /// The last eight bytes; of a shorter name nothing.
        @inline(__always)
        private static func last(_ span: Swift.Span<UInt8>, _ range: ByteRange) -> UInt64 {
            range.count < 8 ? 0 : span.word(at: range.upper &- 8, count: 8).lowercasedLetters
        }

        @inline(__always)
        private static func second(_ span: Swift.Span<UInt8>, _ range: ByteRange) -> UInt64 {
            range.count <= 16 ? 0 : span.word(at: range.lower &+ 8, count: 8).lowercasedLetters
        }

        @inline(__always)
        private static func third(_ span: Swift.Span<UInt8>, _ range: ByteRange) -> UInt64 {
            range.count <= 16 ? 0 : span.word(at: range.upper &- 16, count: 8).lowercasedLetters
        }
    }
}
