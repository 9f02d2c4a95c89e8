/// A name-addr or addr-spec with its parameters: From, To, Contact, Route, Record-Route, Refer-To,
/// P-Asserted-Identity and their like.
///
/// A view: nothing is copied, the slices share the message's buffer. Without `<>` the parameters are
/// the header's, and a URI that holds `?` or `,` is refused (RFC 3261 §20.10).
public struct NameAddr: Sendable {
    let base: ArraySlice<UInt8>
    let index: NameAddrIndex

    /// Reads one element: a list is split first (`Message.elements`).
    public init?(parsing text: ArraySlice<UInt8>) {
        guard text.count <= MessageLimits.bytes,
            let index = NameAddrIndex.read(text.span, from: 0, to: text.count)
        else { return nil }
        base = text
        self.index = index
    }

    /// The display name as written, with its quotes.
    public var rawDisplayName: ArraySlice<UInt8>? {
        index.displayName.isEmpty ? nil : index.displayName.slice(of: base)
    }

    /// The display name without quotes and backslashes. Allocates.
    public var displayName: String? {
        guard let raw = rawDisplayName else { return nil }
        guard raw.first == .quote else { return String(decoding: raw, as: UTF8.self) }
        return String(decoding: unescapeQuoted(raw.dropFirst().dropLast()), as: UTF8.self)
    }

    /// The URI as written, without `<>`.
    public var uri: ArraySlice<UInt8> { index.uri.slice(of: base) }

    /// The URI's parts; nil when it is none.
    public var uriView: URI? { URI(parsing: uri) }

    /// The parameters of the header, after the address.
    public var parameters: Parameters { Parameters(index.parameters.slice(of: base)) }

    /// The value of the header parameter of this name: nil when there is none, `.some(nil)` when it
    /// has no value.
    public func parameter(_ name: String) -> ArraySlice<UInt8>?? { parameters.value(name) }

    /// The value of `tag`.
    public var tag: ArraySlice<UInt8>? {
        let range = base.span.tag(in: index.parameters)
        return range.isEmpty ? nil : range.slice(of: base)
    }
}

/// Where the parts of an address stand.
struct NameAddrIndex: Sendable {
    var displayName = ByteRange.empty
    var uri = ByteRange.empty
    var parameters = ByteRange.empty

    static func read(_ span: Swift.Span<UInt8>, from start: Int, to limit: Int) -> NameAddrIndex? {
        var index = NameAddrIndex()
        let first = span.skipLWS(from: start, to: limit)
        let end = span.trimLWS(from: first, to: limit)
        guard first < end else { return nil }
        var position = first
        if span[position] == .quote {
            guard let close = span.skipQuoted(from: position, to: end) else { return nil }
            index.displayName = ByteRange(first, close)
            position = span.skipLWS(from: close, to: end)
            guard position < end, span[position] == .less else { return nil }
        }
        // A display name without quotes is tokens and white space; other characters are met in the
        // wild and harm nobody (RFC 4475 §3.1.1.6 and §3.1.2.15). A `;` ends an addr-spec.
        let open = span.first(.less, or: .semicolon, from: position, to: end)
        if open < end, span[open] == .less {
            if index.displayName.isEmpty {
                index.displayName = ByteRange(first, span.trimLWS(from: first, to: open))
            }
            let uriStart = span.skipLWS(from: open &+ 1, to: end)
            // Another `<` means that the first one never closed.
            let close = span.first(.greater, or: .less, from: uriStart, to: end)
            guard close < end, span[close] == .greater else { return nil }
            index.uri = ByteRange(uriStart, span.trimLWS(from: uriStart, to: close))
            position = span.skipLWS(from: close &+ 1, to: end)
        } else {
            let uriEnd = span.trimLWS(from: first, to: open)
            for byte in first..<uriEnd {
                switch span[byte] {
                case .question, .comma, .greater, .quote, .space, .tab, .cr, .lf: return nil
                default: break
                }
            }
            index.uri = ByteRange(first, uriEnd)
            position = open
        }
        guard span.hasScheme(index.uri) else { return nil }
        guard position == end || span[position] == .semicolon else { return nil }
        index.parameters = ByteRange(position, end)
        return index
    }
}

extension Swift.Span where Element == UInt8 {
    /// The value of `tag`; empty when there is none.
    func tag(in parameters: ByteRange) -> ByteRange {
        var position = parameters.lower
        while let found = nextParameter(
            from: &position, to: parameters.upper, separator: .semicolon)
        {
            if found.name.count == 3, matches("tag", found.name) { return found.value }
        }
        return .empty
    }

    /// Whether a URI scheme and its colon stand at the start (RFC 3986 §3.1), with something behind
    /// them.
    func hasScheme(_ range: ByteRange) -> Bool {
        guard range.count > 2, self[range.lower].isLetter else { return false }
        if range.count > 4, matches("sip:", ByteRange(range.lower, range.lower + 4)) { return true }
        var position = range.lower
        while position < range.upper {
            let byte = self[position]
            if byte == .colon { return position + 1 < range.upper }
            guard
                byte.isLetter || byte.isDigit || byte == 0x2b || byte == 0x2d || byte == 0x2e
            else { return false }
            position &+= 1
        }
        return false
    }
}
