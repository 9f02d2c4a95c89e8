import SIP

/// Our own tags and branches as numbers: 13 characters of five bits each, so that the tables that find
/// a dialog or a transaction hash eight bytes and keep no text.
enum Token {
    static let length = 13
    static let branchPrefix: StaticString = "z9hG4bK"
    static let branchPrefixLength = 7

    /// The number a token of ours stands for; nil for a token of somebody else's form.
    static func number(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard text.count == length else { return nil }
        var value: UInt64 = 0
        var shift: UInt64 = 0
        for byte in text {
            let five: UInt64
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): five = UInt64(byte - UInt8(ascii: "a"))
            case UInt8(ascii: "2")...UInt8(ascii: "7"):
                five = UInt64(byte - UInt8(ascii: "2") + 26)
            default: return nil
            }
            value |= five << shift
            shift += 5
        }
        return value
    }

    /// The number of a branch of ours.
    static func branchNumber(_ branch: ArraySlice<UInt8>) -> UInt64? {
        guard branch.count == length + branchPrefixLength else { return nil }
        return number(branch.dropFirst(branchPrefixLength))
    }

    static func text(_ number: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length)
        append(number, to: &bytes)
        return bytes
    }

    static func branch(_ number: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length + branchPrefixLength)
        branchPrefix.withUTF8Buffer { bytes.append(contentsOf: $0) }
        append(number, to: &bytes)
        return bytes
    }

    static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        for _ in 0..<length {
            let five = UInt8(truncatingIfNeeded: rest & 31)
            // Digits and small letters only: a peer that changes case cannot break a token.
            bytes.append(five < 26 ? UInt8(ascii: "a") + five : UInt8(ascii: "2") + five - 26)
            rest >>= 5
        }
    }
}
