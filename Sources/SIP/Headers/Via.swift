/// One element of a Via field: the transport, who sent the message, and which transaction it is.
///
/// A view: nothing is copied, the slices share the message's buffer. RFC 3261 §20.42, §18.2.1;
/// RFC 3581.
public struct Via: Sendable {
    let base: ArraySlice<UInt8>
    let index: ViaIndex

    init(base: ArraySlice<UInt8>, index: ViaIndex) {
        self.base = base
        self.index = index
    }

    /// Reads the first element of a field value; what follows its comma is not looked at.
    public init?(parsing text: ArraySlice<UInt8>) {
        guard text.count <= MessageLimits.bytes,
            let index = ViaIndex.read(text.span, from: 0, to: text.count)
        else { return nil }
        self.init(base: text, index: index)
    }

    /// The whole element, trimmed.
    public var text: ArraySlice<UInt8> { index.element.slice(of: base) }

    /// The transport as written: `UDP`, `TCP`, `TLS` or another token.
    public var transport: ArraySlice<UInt8> { index.transport.slice(of: base) }

    /// The transport, when it is one of ours.
    public var transportKind: TransportKind? {
        let span = base.span
        return span.matches("udp", index.transport)
            ? .udp
            : span.matches("tcp", index.transport)
                ? .tcp
                : span.matches("tls", index.transport) ? .tls : nil
    }

    /// The host of sent-by: a name, an IPv4 address, or an IPv6 address in brackets.
    public var host: ArraySlice<UInt8> { index.host.slice(of: base) }

    /// The port of sent-by, when one is written.
    public var port: UInt16? { index.port == 0 ? nil : index.port }

    /// The value of `branch`.
    public var branch: ArraySlice<UInt8>? {
        index.branch.isEmpty ? nil : index.branch.slice(of: base)
    }

    /// Whether the branch starts with `z9hG4bK`: the sender is of RFC 3261 and the branch is unique.
    public var hasMagicCookie: Bool {
        index.branch.count >= 7
            && base.span.equalsIgnoringCase(
                "z9hg4bk", ByteRange(index.branch.lower, index.branch.lower + 7))
    }

    /// The value of `received`.
    public var received: ArraySlice<UInt8>? { parameter("received") ?? nil }

    /// What the element says of `rport`.
    public enum ResponsePort: Hashable, Sendable {
        case absent
        /// The sender asks for its port to be filled in.
        case requested
        case port(UInt16)
    }

    public var rport: ResponsePort {
        guard let value = parameter("rport") else { return .absent }
        guard let value, let port = readPort(value) else { return .requested }
        return .port(port)
    }

    /// All parameters in their order.
    public var parameters: Parameters { Parameters(index.parameters.slice(of: base)) }

    /// The value of the parameter of this name: nil when there is none, `.some(nil)` when it has no
    /// value.
    public func parameter(_ name: String) -> ArraySlice<UInt8>?? { parameters.value(name) }
}

/// Where the parts of a Via element stand.
struct ViaIndex: Sendable {
    var element = ByteRange.empty
    var transport = ByteRange.empty
    var host = ByteRange.empty
    /// Zero when none is written.
    var port: UInt16 = 0
    /// From the first `;` to the end of the element.
    var parameters = ByteRange.empty
    var branch = ByteRange.empty

    /// `SIP/2.0/UDP host:port;parameters`, with white space wherever RFC 3261 §25.1 lets it stand.
    static func read(_ span: Swift.Span<UInt8>, from start: Int, to limit: Int) -> ViaIndex? {
        var index = ViaIndex()
        let first = span.skipLWS(from: start, to: limit)
        var position = first
        // The protocol's name and version are tokens (§25.1): a message of another version names
        // its own, and still wants its 505.
        if position + 8 <= limit, span.matches("sip/2.0/", ByteRange(position, position + 8)) {
            position = span.skipLWS(from: position + 8, to: limit)
        } else {
            guard span.readToken(at: &position, to: limit),
                span.readToken(at: &position, to: limit)
            else { return nil }
        }
        var end = span.skipToken(from: position, to: limit)
        index.transport = ByteRange(position, end)
        position = span.skipLWS(from: end, to: limit)
        guard !index.transport.isEmpty, position > end else { return nil }
        guard let host = span.readHost(at: &position, to: limit) else { return nil }
        index.host = host
        position = span.skipLWS(from: position, to: limit)
        if position < limit, span[position] == .colon {
            position = span.skipLWS(from: position &+ 1, to: limit)
            end = position
            while end < limit, span[end].isDigit { end &+= 1 }
            guard let port = span.number(from: position, to: end, limit: 65_535), port > 0 else {
                return nil
            }
            index.port = UInt16(truncatingIfNeeded: port)
            position = span.skipLWS(from: end, to: limit)
        }
        // Parameters hold commas between quotes only.
        let parameters = position
        if position < limit, span[position] == .semicolon {
            while true {
                position = span.first(.comma, or: .quote, from: position, to: limit)
                guard position < limit, span[position] == .quote else { break }
                guard let close = span.skipQuoted(from: position, to: limit) else { return nil }
                position = close
            }
        }
        guard position == limit || span[position] == .comma else { return nil }
        end = span.trimLWS(from: first, to: position)
        index.element = ByteRange(first, end)
        index.parameters = ByteRange(min(parameters, end), end)
        var scan = index.parameters.lower
        while let found = span.nextParameter(from: &scan, to: end, separator: .semicolon) {
            if found.name.count == 6, span.matches("branch", found.name) {
                index.branch = found.value
                break
            }
        }
        return index
    }
}

extension Swift.Span where Element == UInt8 {
    /// Steps over a token, the slash after it, and white space around them.
    @inline(__always)
    fileprivate func readToken(at position: inout Int, to end: Int) -> Bool {
        let stop = skipToken(from: position, to: end)
        let slash = skipLWS(from: stop, to: end)
        guard stop > position, slash < end, self[slash] == .slash else { return false }
        position = skipLWS(from: slash &+ 1, to: end)
        return true
    }

    /// A host name, an IPv4 address, or an IPv6 reference with its brackets.
    func readHost(at position: inout Int, to end: Int) -> ByteRange? {
        let start = position
        if position < end, self[position] == UInt8(ascii: "[") {
            while position < end, self[position] != UInt8(ascii: "]") {
                let byte = self[position]
                guard
                    byte == UInt8(ascii: "[") || byte.hexValue != nil || byte == .colon
                        || byte == UInt8(ascii: ".")
                else { return nil }
                position &+= 1
            }
            guard position < end, position &- start > 2 else { return nil }
            position &+= 1
            return ByteRange(start, position)
        }
        // An underscore is no host name, and is met in the wild all the same.
        while position < end,
            self[position].isLetter || self[position].isDigit || self[position] == 0x2d
                || self[position] == 0x2e || self[position] == 0x5f
        {
            position &+= 1
        }
        return position > start ? ByteRange(start, position) : nil
    }
}

/// The number of a port: digits, 1 to 65,535.
func readPort(_ text: ArraySlice<UInt8>) -> UInt16? {
    guard let port = text.span.number(from: 0, to: text.count, limit: 65_535), port > 0 else {
        return nil
    }
    return UInt16(truncatingIfNeeded: port)
}
