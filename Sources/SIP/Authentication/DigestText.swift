/// The small arithmetic of digest texts: hexadecimal digits, quoting, comparing.
enum DigestText {
    static func hex(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.count)
        for byte in bytes {
            text.append(hexDigit(byte >> 4))
            text.append(hexDigit(byte & 15))
        }
        return text
    }

    /// The number in exactly `count` small hexadecimal digits.
    static func hex(_ number: UInt64, count: Int) -> [UInt8] {
        (0..<count).reversed().map { hexDigit(UInt8(truncatingIfNeeded: number >> (4 * $0)) & 15) }
    }

    /// The number written by 1 to 16 hexadecimal digits, `nil` for anything else.
    static func number(hex text: some Collection<UInt8>) -> UInt64? {
        guard (1...16).contains(text.count) else { return nil }
        var number: UInt64 = 0
        for byte in text {
            guard let digit = byte.hexValue else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }

    static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// Equal but for the case of letters.
    static func isEqual(_ bytes: some Collection<UInt8>, _ name: StaticString) -> Bool {
        name.withUTF8Buffer { name in
            bytes.count == name.count
                && zip(bytes, name).allSatisfy { $0.lowercased == $1.lowercased }
        }
    }

    /// Compares in a time that depends on the lengths alone, so that a guess cannot be improved
    /// digit by digit. Letters compare without case: hexadecimal digits are sent in either.
    static func isSame(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        var difference: UInt8 = 0
        for (x, y) in zip(a, b) { difference |= x.lowercased ^ y.lowercased }
        return difference == 0
    }

    /// Appends `"text"` with `"` and `\` escaped and control characters left out.
    static func appendQuoted(_ text: some Sequence<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text where byte >= 0x20 && byte != 0x7f {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                bytes.append(UInt8(ascii: "\\"))
            }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends the constant pieces of a header value.
    static func append(_ text: StaticString, to bytes: inout [UInt8]) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }
}
