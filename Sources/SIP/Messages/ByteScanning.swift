// Scanning of bytes: the classes of RFC 3261 §25.1 and searches that look at eight bytes a step.

extension UInt8 {
    static let tab: UInt8 = 0x09
    static let lf: UInt8 = 0x0a
    static let cr: UInt8 = 0x0d
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let comma: UInt8 = 0x2c
    static let slash: UInt8 = 0x2f
    static let colon: UInt8 = 0x3a
    static let semicolon: UInt8 = 0x3b
    static let less: UInt8 = 0x3c
    static let equals: UInt8 = 0x3d
    static let greater: UInt8 = 0x3e
    static let question: UInt8 = 0x3f
    static let at: UInt8 = 0x40
    static let backslash: UInt8 = 0x5c

    /// Linear white space, line ends of folded values included.
    @inline(__always) var isLWS: Bool {
        self == .space || self == .tab || self == .cr || self == .lf
    }

    @inline(__always) var isBlank: Bool { self == .space || self == .tab }

    @inline(__always) var isDigit: Bool { self &- 0x30 < 10 }

    @inline(__always) var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }

    /// `token` characters: letters, digits and ``-.!%*_+`'~``.
    @inline(__always) var isToken: Bool {
        let mask: UInt64 = self < 64 ? 0x03ff_6ca2_0000_0000 : 0x47ff_ffff_87ff_fffe
        return self < 128 && (mask >> UInt64(self & 63)) & 1 == 1
    }

    @inline(__always) var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    /// The value of a hexadecimal digit.
    var hexValue: UInt8? {
        if isDigit { return self &- 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }
}

extension UInt64 {
    /// The same byte eight times.
    @inline(__always) static func repeating(_ byte: UInt8) -> UInt64 {
        UInt64(byte) &* 0x0101_0101_0101_0101
    }

    /// Upper case ASCII letters made lower case. Only bytes with bit 6 gain bit 5, so that `-`, dots
    /// and digits stay apart from control characters.
    @inline(__always) var lowercasedLetters: UInt64 {
        self | ((self & .repeating(0x40)) >> 1)
    }

    /// The top bit of the bytes below `limit`. Borrows disturb only bytes above the first hit: the
    /// lowest bit set is exact, those above it are not.
    @inline(__always) func places(below limit: UInt8) -> UInt64 {
        (self &- .repeating(limit)) & ~self & .repeating(0x80)
    }

    /// The top bit of the bytes that are `byte`; the lowest bit set is exact.
    @inline(__always) func places(of byte: UInt8) -> UInt64 {
        let difference = self ^ .repeating(byte)
        return (difference &- .repeating(1)) & ~difference & .repeating(0x80)
    }
}

extension StaticString {
    /// Up to eight bytes from `offset` with zeros above them. The compiler makes it a constant.
    @inline(__always) func word(at offset: Int) -> UInt64 {
        var word: UInt64 = 0
        var index = Swift.min(utf8CodeUnitCount, offset &+ 8)
        while index > offset {
            index &-= 1
            word = word &<< 8 | UInt64(utf8Start[index])
        }
        return word
    }
}

extension Swift.Span where Element == UInt8 {
    /// Eight bytes from `offset`, the first in the lowest place.
    ///
    /// The caller has checked `offset + 8 <= count`: the loops over whole messages cannot afford a
    /// second check.
    @inline(__always) func word(uncheckedAt offset: Int) -> UInt64 {
        UInt64(
            littleEndian: bytes.unsafeLoadUnaligned(
                fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// Up to eight bytes from `offset` with zeros above them.
    @inline(__always) func word(at offset: Int, count: Int) -> UInt64 {
        if offset &+ 8 <= self.count {
            // Of eight bytes the mask is all ones: the amount is taken modulo 64.
            return word(uncheckedAt: offset)
                & (.max &>> UInt64(bitPattern: Int64(64 &- 8 &* count)))
        }
        var word: UInt64 = 0
        for index in 0..<count { word |= UInt64(self[offset &+ index]) &<< UInt64(8 &* index) }
        return word
    }

    /// The first byte below 0x20 in `offset ..< end`, or `end`.
    @inline(__always) func firstControl(from offset: Int, to end: Int) -> Int {
        first(below: 0x20, from: offset, to: end)
    }

    /// The first byte below `limit`, at most 0x80, in `offset ..< end`, or `end`.
    @inline(__always) func first(below limit: UInt8, from offset: Int, to end: Int) -> Int {
        var position = offset
        if end <= count {
            while position &+ 8 <= end {
                let hits = word(uncheckedAt: position).places(below: limit)
                if hits != 0 { return position &+ hits.trailingZeroBitCount / 8 }
                position &+= 8
            }
        }
        while position < end, self[position] >= limit { position &+= 1 }
        return position
    }

    /// The first byte that is `byte` or below 0x20 in `offset ..< end`, or `end`.
    @inline(__always) func firstControl(or byte: UInt8, from offset: Int, to end: Int) -> Int {
        var position = offset
        if end <= count {
            while position &+ 8 <= end {
                let word = word(uncheckedAt: position)
                let hits = word.places(below: 0x20) | word.places(of: byte)
                if hits != 0 { return position &+ hits.trailingZeroBitCount / 8 }
                position &+= 8
            }
        }
        while position < end, self[position] >= 0x20, self[position] != byte { position &+= 1 }
        return position
    }

    /// The first byte that is one of two in `offset ..< end`, or `end`.
    @inline(__always) func first(_ a: UInt8, or b: UInt8, from offset: Int, to end: Int) -> Int {
        var position = offset
        if end <= count {
            while position &+ 8 <= end {
                let word = word(uncheckedAt: position)
                let hits = word.places(of: a) | word.places(of: b)
                if hits != 0 { return position &+ hits.trailingZeroBitCount / 8 }
                position &+= 8
            }
        }
        while position < end, self[position] != a, self[position] != b { position &+= 1 }
        return position
    }

    /// Whether a range holds exactly this text, of one to sixteen bytes.
    @inline(__always) func equals(_ text: StaticString, _ range: ByteRange) -> Bool {
        let count = text.utf8CodeUnitCount
        guard range.count == count else { return false }
        guard word(at: range.lower, count: Swift.min(count, 8)) == text.word(at: 0) else {
            return false
        }
        return count <= 8 || word(at: range.lower &+ 8, count: count &- 8) == text.word(at: 8)
    }

    /// Whether a range holds this text in any case: letters and `-./` of one to eight bytes, given in
    /// lower case.
    @inline(__always)
    func matches(_ lowercase: StaticString, _ range: ByteRange) -> Bool {
        let count = lowercase.utf8CodeUnitCount
        guard range.count == count else { return false }
        return word(at: range.lower, count: count).lowercasedLetters == lowercase.word(at: 0)
    }

    /// Whether a range holds this text in any case.
    func equalsIgnoringCase(_ text: String, _ range: ByteRange) -> Bool {
        guard text.utf8.count == range.count else { return false }
        var position = range.lower
        for byte in text.utf8 {
            guard self[position].lowercased == byte.lowercased else {
                return false
            }
            position += 1
        }
        return position == range.upper
    }

    func array(_ range: ByteRange) -> [UInt8] {
        var array: [UInt8] = []
        array.reserveCapacity(Swift.max(0, range.count))
        var position = range.lower
        while position < range.upper {
            array.append(self[position])
            position += 1
        }
        return array
    }

    @inline(__always) func skipLWS(from offset: Int, to end: Int) -> Int {
        var position = offset
        while position < end, self[position].isLWS { position &+= 1 }
        return position
    }

    @inline(__always) func trimLWS(from start: Int, to offset: Int) -> Int {
        var position = offset
        while position > start, self[position &- 1].isLWS { position &-= 1 }
        return position
    }

    @inline(__always) func skipToken(from offset: Int, to end: Int) -> Int {
        var position = offset
        while position < end, self[position].isToken { position &+= 1 }
        return position
    }

    /// The offset after a quoted string that opens at `offset`; nil when it does not close.
    func skipQuoted(from offset: Int, to end: Int) -> Int? {
        var position = offset + 1
        while position < end {
            switch self[position] {
            case .quote: return position + 1
            case .backslash: position += 2
            default: position += 1
            }
        }
        return nil
    }

    /// Decimal digits that fill the range and fit in `limit`.
    @inline(__always) func number(from start: Int, to end: Int, limit: UInt32) -> UInt32? {
        guard start < end, end - start <= 19 else { return nil }
        var value: UInt64 = 0
        for position in start..<end {
            guard self[position].isDigit else { return nil }
            value = value &* 10 &+ UInt64(self[position] &- 0x30)
        }
        return value <= UInt64(limit) ? UInt32(truncatingIfNeeded: value) : nil
    }
}
