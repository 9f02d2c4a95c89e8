/// A dialled number without an allocation: up to `PlanLimits.dialledKeys` keys, 0 to 11 each.
struct DialString: Sendable {
    /// The first `count` of these.
    private(set) var keys = InlineArray<40, UInt8>(repeating: 0)
    private(set) var count = 0

    init() {}

    /// Reads digits, `*` and `#`; nil for anything else, for nothing and for too much.
    init?(_ text: String) {
        for byte in text.utf8 {
            guard let key = key(of: byte), append(key) else { return nil }
        }
        if count == 0 { return nil }
    }

    /// Why what was dialled is no number.
    enum Mistake: Error {
        case empty
        case tooLong
        case unknownCharacter
    }

    /// Reads what a phone or a tel URI may carry: the visual separators `- . ( )` (RFC 3966 §5.1.1)
    /// and blanks are left out, and a leading `+` is the international prefix `00`.
    init(cleaning text: String) throws(Mistake) {
        var isFirst = true
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "("), UInt8(ascii: ")"),
                UInt8(ascii: " "):
                continue
            case UInt8(ascii: "+"):
                guard isFirst else { throw .unknownCharacter }
                _ = append(0)
                _ = append(0)
            default:
                guard let key = key(of: byte) else { throw .unknownCharacter }
                guard append(key) else { throw .tooLong }
            }
            isFirst = false
        }
        if isFirst { throw .empty }
    }

    /// Reads what a phone may carry; nil where it is no number, whatever is wrong with it.
    static func read(_ text: String) -> DialString? {
        do throws(Mistake) {
            return try DialString(cleaning: text)
        } catch {
            return nil
        }
    }

    /// False when it is full.
    private mutating func append(_ key: UInt8) -> Bool {
        guard count < PlanLimits.dialledKeys else { return false }
        keys[count] = key
        count += 1
        return true
    }

    subscript(index: Int) -> UInt8 { keys[index] }

    /// Without its first keys and with others in front; nil when that is too long or nothing.
    func rewritten(drop: Int, prefix: DialString) -> DialString? {
        var result = prefix
        for index in min(drop, count)..<count {
            guard result.append(keys[index]) else { return nil }
        }
        return result.count == 0 ? nil : result
    }

    func hasPrefix(_ other: DialString) -> Bool {
        guard other.count <= count else { return false }
        for index in 0..<other.count where keys[index] != other.keys[index] { return false }
        return true
    }

    /// As it is dialled: `0-9`, `*` and `#`.
    var text: String {
        String(unsafeUninitializedCapacity: count) { buffer in
            for index in 0..<count { buffer[index] = byte(of: keys[index]) }
            return count
        }
    }

    /// Some of its keys as they are dialled.
    func text(_ range: Range<Int>) -> String {
        String(unsafeUninitializedCapacity: range.count) { buffer in
            for index in range { buffer[index - range.lowerBound] = byte(of: keys[index]) }
            return range.count
        }
    }

    /// Whether a text is this number key for key.
    func isSpelled(_ text: String) -> Bool {
        guard text.utf8.count == count else { return false }
        var index = 0
        for letter in text.utf8 {
            if letter != byte(of: keys[index]) { return false }
            index += 1
        }
        return true
    }

    /// China's emergency numbers: police, fire, ambulance, traffic police.
    var isEmergency: Bool {
        guard count == 3, keys[0] == 1 else { return false }
        return keys[1] == 1 && (keys[2] == 0 || keys[2] == 9)
            || keys[1] == 2 && (keys[2] == 0 || keys[2] == 2)
    }
}
