/// What is wrong with a pattern, and where in it.
struct PatternError: Error {
    /// Bytes from the start of the pattern.
    var offset: Int
    var length: Int
    var message: String
    var help: String?
}

extension Pattern {
    /// Reads a pattern as it is written in a plan.
    init(parsing text: String) throws(PatternError) {
        var reader = PatternReader(bytes: Array(text.utf8))
        try reader.run()
        self.init(keys: reader.keys, end: reader.end)
    }
}

private struct PatternReader {
    let bytes: [UInt8]
    var keys: [KeySet] = []
    var end = Pattern.End.closed
    var offset = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
        keys.reserveCapacity(bytes.count)
    }

    mutating func run() throws(PatternError) {
        while offset < bytes.count {
            guard end == .closed else {
                throw PatternError(
                    offset: offset - 1, length: 1,
                    message: "\(end == .oneOrMore ? "." : "!") stands only at the end of a pattern",
                    help: "for one digit write X")
            }
            guard keys.count < PlanLimits.patternKeys else {
                throw PatternError(
                    offset: 0, length: bytes.count,
                    message: "a pattern has at most \(PlanLimits.patternKeys) keys")
            }
            try element()
        }
        if keys.isEmpty, end == .closed {
            throw PatternError(offset: 0, length: 1, message: "a pattern is expected here")
        }
    }

    private mutating func element() throws(PatternError) {
        let byte = bytes[offset]
        switch byte {
        case UInt8(ascii: "X"): keys.append(.digits)
        case UInt8(ascii: "Z"): keys.append(.oneToNine)
        case UInt8(ascii: "N"): keys.append(.twoToNine)
        case UInt8(ascii: "."): end = .oneOrMore
        case UInt8(ascii: "!"): end = .zeroOrMore
        case UInt8(ascii: "["):
            try bracket()
            return
        default:
            guard let key = key(of: byte) else { throw unknown(byte) }
            keys.append(KeySet(key: key))
        }
        offset += 1
    }

    private func unknown(_ byte: UInt8) -> PatternError {
        var help: String?
        switch byte {
        case UInt8(ascii: "x"), UInt8(ascii: "z"), UInt8(ascii: "n"):
            help = "write \(Character(Unicode.Scalar(byte - 0x20)))"
        case UInt8(ascii: "+"): help = "a leading + is read as 00 before patterns: write 00"
        case UInt8(ascii: "]"): help = "a set begins with [, as in [2-8]"
        case UInt8(ascii: "-"): help = "a range of digits stands in brackets, as in [2-8]"
        case UInt8(ascii: "_"): help = "a pattern needs no mark in front"
        case UInt8(ascii: "O"), UInt8(ascii: "o"): help = "write the digit 0"
        case UInt8(ascii: "l"), UInt8(ascii: "I"): help = "write the digit 1"
        default: help = "a pattern is made of 0-9 * # X Z N [2-8] and at its end . or !"
        }
        // One character of several bytes is marked and named as a whole.
        var last = offset + 1
        while last < bytes.count, bytes[last] & 0xc0 == 0x80 { last += 1 }
        let character = String(decoding: bytes[offset..<last], as: UTF8.self)
        return PatternError(
            offset: offset, length: last - offset,
            message: "\"\(character)\" means nothing in a pattern", help: help)
    }

    private mutating func bracket() throws(PatternError) {
        guard let close = bytes[offset...].firstIndex(of: UInt8(ascii: "]")) else {
            throw PatternError(
                offset: offset, length: bytes.count - offset,
                message: "this [ is never closed", help: "write ] after its digits")
        }
        var set = KeySet(bits: 0)
        var index = offset + 1
        while index < close {
            guard let low = key(of: bytes[index]) else {
                throw PatternError(
                    offset: index, length: 1,
                    message: "a set holds digits, * and # only", help: "as in [2-8] or [136]")
            }
            if index + 1 < close, bytes[index + 1] == UInt8(ascii: "-") {
                guard index + 2 < close, let high = key(of: bytes[index + 2]), low < 10, high < 10
                else {
                    throw PatternError(
                        offset: index, length: min(3, close - index),
                        message: "a range in a set goes from a digit to a digit",
                        help: "as in [2-8]")
                }
                guard low <= high else {
                    throw PatternError(
                        offset: index, length: 3, message: "this range runs backwards",
                        help: "write \(high)-\(low)")
                }
                for key in low...high { set.bits |= KeySet(key: key).bits }
                index += 3
            } else {
                set.bits |= KeySet(key: low).bits
                index += 1
            }
        }
        guard set.count > 0 else {
            throw PatternError(
                offset: offset, length: close + 1 - offset, message: "this set is empty")
        }
        keys.append(set)
        offset = close + 1
    }
}
