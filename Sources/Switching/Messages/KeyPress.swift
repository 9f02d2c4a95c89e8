import SIP

/// A key of a phone, pressed during a call.
enum KeyPress: Hashable, Sendable {
    /// An ASCII digit.
    case digit(UInt8)
    case star
    case hash

    init?(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self = .digit(byte)
        case UInt8(ascii: "*"): self = .star
        case UInt8(ascii: "#"): self = .hash
        default: return nil
        }
    }

    /// An event of RFC 4733 §3.2: 0 to 9, 10 is `*`, 11 is `#`.
    init?(event: UInt8) {
        switch event {
        case 0...9: self = .digit(UInt8(ascii: "0") + event)
        case 10: self = .star
        case 11: self = .hash
        default: return nil
        }
    }

    /// The key of an INFO request: `Signal=5` in `application/dtmf-relay`, the bare key in
    /// `application/dtmf`. Both number `*` 10 and `#` 11 as well.
    init?(info: Message) {
        guard let type = info.value(.contentType) else { return nil }
        let name = String(decoding: type.prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self)
            .lowercased()
        let body = String(decoding: info.body.prefix(256), as: UTF8.self)
        let value: Substring
        switch name.filter({ $0 != " " }) {
        case "application/dtmf": value = body[...]
        case "application/dtmf-relay":
            let lines = body.split(whereSeparator: \.isNewline)
            let line = lines.first { $0.lowercased().hasPrefix("signal=") }
            guard let line else { return nil }
            value = line.dropFirst("signal=".count)
        default: return nil
        }
        let key = value.filter { !$0.isWhitespace }
        if let event = UInt8(key), event >= 10 {
            self.init(event: event)
        } else if key.utf8.count == 1, let byte = key.utf8.first {
            self.init(byte)
        } else {
            return nil
        }
    }
}
