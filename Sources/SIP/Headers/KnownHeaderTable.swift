extension KnownHeader {
    /// Finds a known name by its bytes in any case: one hash of the first and the last eight bytes,
    /// one comparison of at most four words.
    struct Table: Sendable {
        static let shared = Table()

        /// Known names have 2 to `longest` bytes, so that four words that may overlap hold one.
        static let longest = 32
        private static let slotCount = 512

        private struct Entry {
            var count = 0
            var words: InlineArray<4, UInt64> = .init(repeating: 0)
        }

        /// One more than the raw value; zero is an empty slot.
        private var slots: [UInt8]
        private var entries: [Entry]

        private init() {
            slots = Array(repeating: 0, count: Self.slotCount)
            entries = []
            for known in KnownHeader.allCases {
                let name = known.spelling.withUTF8Buffer { Array($0) }
                let words = Self.words(name.span, ByteRange(0, name.count))
                entries.append(Entry(count: name.count, words: words))
                var slot = Self.slot(words, name.count)
                while slots[slot] != 0 { slot = (slot + 1) % Self.slotCount }
                slots[slot] = known.rawValue + 1
            }
        }

        @inline(__always)
        func find(_ span: Swift.Span<UInt8>, _ range: ByteRange) -> KnownHeader? {
            let count = range.count
            if count == 1 { return KnownHeader(compact: span[range.lower]) }
            guard count > 1, count <= Self.longest else { return nil }
            let words = Self.words(span, range)
            var slot = Self.slot(words, count)
            while true {
                let number = slots[slot]
                if number == 0 { return nil }
                let candidate = Int(number) - 1
                if entries[candidate].count == count,
                    entries[candidate].words[0] == words[0],
                    entries[candidate].words[1] == words[1],
                    entries[candidate].words[2] == words[2],
                    entries[candidate].words[3] == words[3]
                {
                    return KnownHeader(rawValue: UInt8(candidate))
                }
                slot = (slot + 1) % Self.slotCount
            }
        }

        @inline(__always)
        private static func slot(_ words: borrowing InlineArray<4, UInt64>, _ count: Int) -> Int {
            let mixed = (words[0] ^ (words[1] &* 31) ^ UInt64(count)) &* 0x9e37_79b9_7f4a_7c15
            return Int(mixed >> 55)
        }

        /// The first and the last eight bytes and, of a name above sixteen, those next to them.
        @inline(__always)
        private static func words(_ span: Swift.Span<UInt8>, _ range: ByteRange)
            -> InlineArray<4, UInt64>
        {
            var words = InlineArray<4, UInt64>(repeating: 0)
            let start = range.lower
            if range.count < 8 {
                if start + 8 <= span.count {
                    let mask = UInt64.max &>> UInt64(64 - 8 * range.count)
                    words[0] = (span.word(at: start) & mask).lowercasedLetters
                } else {
                    for index in 0..<range.count {
                        words[0] |= UInt64(span[start + index]) << UInt64(8 * index)
                    }
                    words[0] = words[0].lowercasedLetters
                }
                return words
            }
            words[0] = span.word(at: start).lowercasedLetters
            words[1] = span.word(at: range.upper - 8).lowercasedLetters
            if range.count > 16 {
                words[2] = span.word(at: start + 8).lowercasedLetters
                words[3] = span.word(at: range.upper - 16).lowercasedLetters
            }
            return words
        }
    }
}
