/// A `sip:`, `sips:` or `tel:` URI; of another scheme only the scheme and the rest are known.
///
/// A view: nothing is copied, the slices share the given buffer. RFC 3261 §19.1, RFC 3966.
///
///     sip:8001:secret@example.com:5060;transport=udp?Subject=x
///     tel:+86-311-86035566;phone-context=example.com
public struct URI: Sendable {
    public enum Scheme: Hashable, Sendable {
        case sip, sips, tel
        case other
    }

    let base: ArraySlice<UInt8>
    let index: URIIndex

    /// nil when there is no scheme, or a part of a SIP or tel URI is malformed: a space, an empty
    /// host, a port that is none, an escape without its two digits.
    public init?(parsing text: ArraySlice<UInt8>) {
        guard text.count <= MessageLimits.bytes, let index = URIIndex.read(text.span) else {
            return nil
        }
        base = text
        self.index = index
    }

    public init?(_ text: String) {
        self.init(parsing: Array(text.utf8)[...])
    }

    /// The whole URI as written.
    public var text: ArraySlice<UInt8> { base }
    public var scheme: Scheme { index.scheme }
    /// The scheme as written, without the colon.
    public var schemeText: ArraySlice<UInt8> { index.schemeText.slice(of: base) }

    /// The user part as written; of a tel URI the number; nil when there is no `@`.
    public var user: ArraySlice<UInt8>? { index.hasUser ? index.user.slice(of: base) : nil }

    /// The user part with its escapes resolved; empty when there is none. Allocates when it is long.
    public var userUnescaped: String {
        String(decoding: unescape(index.user.slice(of: base)), as: UTF8.self)
    }

    /// The telephone number in the user part or of the tel URI: without its parameters and visual
    /// separators (RFC 3966 §5.1.1), escapes resolved; nil when something else is in it than digits,
    /// `*`, `#` and a leading `+`.
    public var telephoneNumber: String? {
        var number: [UInt8] = []
        for byte in unescape(index.user.slice(of: base)) {
            if byte == .semicolon { break }
            switch byte {
            case 0x30...0x39, UInt8(ascii: "*"), UInt8(ascii: "#"): number.append(byte)
            case UInt8(ascii: "+"):
                guard number.isEmpty else { return nil }
                number.append(byte)
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "("), UInt8(ascii: ")"): break
            default: return nil
            }
        }
        guard let last = number.last, last != UInt8(ascii: "+") else { return nil }
        return String(decoding: number, as: UTF8.self)
    }

    /// The password as written.
    public var password: ArraySlice<UInt8>? {
        index.hasPassword ? index.password.slice(of: base) : nil
    }

    /// A name, an IPv4 address or an IPv6 address in brackets; empty of a tel URI.
    public var host: ArraySlice<UInt8> { index.host.slice(of: base) }
    public var port: UInt16? { index.port == 0 ? nil : index.port }

    /// Who requests to it are sent to: the value of `maddr` where it has one, otherwise its host (RFC
    /// 3261 §19.1.1, RFC 3263 §4).
    public var target: ArraySlice<UInt8> { (parameter("maddr") ?? nil) ?? host }

    /// The URI's own parameters.
    public var parameters: Parameters { Parameters(index.parameters.slice(of: base)) }

    /// The value of the parameter of this name: nil when there is none, `.some(nil)` when it has no
    /// value.
    public func parameter(_ name: String) -> ArraySlice<UInt8>?? { parameters.value(name) }

    /// What stands after `?`, as written.
    public var headers: ArraySlice<UInt8> { index.headers.slice(of: base) }

    /// As it may stand in a request line: all that is before the headers (RFC 3261 §19.1.1).
    public var withoutHeaders: ArraySlice<UInt8> {
        headers.isEmpty ? base : base.dropLast(headers.count + 1)
    }

    /// The `name=value` pieces of `headers`, as written.
    public var headerFields: Parameters {
        Parameters(index.headers.slice(of: base), separator: UInt8(ascii: "&"))
    }

    /// The value of the `?name=value` header of this name, escapes resolved; nil when there is none.
    /// Allocates.
    public func header(_ name: String) -> [UInt8]? {
        for field in headerFields where field.name.equals(name) {
            return unescape(field.value ?? [])
        }
        return nil
    }

    /// Whether the URI says `;lr`: its element routes as RFC 3261 does (§16.12.1.1).
    public var isLooseRouter: Bool { parameter("lr") != nil }

    /// The key of an address-of-record: scheme, user and host and a written port, without password,
    /// parameters and headers, escapes resolved, scheme and host in lower case (RFC 3261 §10.3
    /// step 5). Of a tel URI the number without visual separators. Allocates.
    public var addressOfRecord: [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(index.parameters.lower)
        for byte in schemeText { key.append(byte.lowercased) }
        key.append(.colon)
        switch scheme {
        case .sip, .sips:
            if let user {
                key += unescape(user)
                key.append(.at)
            }
            for byte in host { key.append(byte.lowercased) }
            if let port {
                key.append(.colon)
                key += Array(String(port).utf8)
            }
        case .tel:
            for byte in index.user.slice(of: base) where !byte.isVisualSeparator {
                key.append(byte.lowercased)
            }
        case .other:
            key += index.user.slice(of: base)
        }
        return key
    }
}

extension UInt8 {
    /// `-`, `.`, `(` and `)` (RFC 3966 §3).
    var isVisualSeparator: Bool {
        self == UInt8(ascii: "-") || self == UInt8(ascii: ".") || self == UInt8(ascii: "(")
            || self == UInt8(ascii: ")")
    }
}

/// Resolves `%41` to `A`. What is no escape stays.
func unescape(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var plain: [UInt8] = []
    plain.reserveCapacity(text.count)
    var position = text.startIndex
    while position < text.endIndex {
        let byte = text[position]
        if byte == UInt8(ascii: "%"), position + 2 < text.endIndex,
            let high = text[position + 1].hexValue, let low = text[position + 2].hexValue
        {
            plain.append(high << 4 | low)
            position += 3
        } else {
            plain.append(byte)
            position += 1
        }
    }
    return plain
}
