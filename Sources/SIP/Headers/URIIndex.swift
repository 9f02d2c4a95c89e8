/// Where the parts of a URI stand.
struct URIIndex: Sendable {
    var scheme: URI.Scheme = .other
    var hasUser = false
    var hasPassword = false
    /// Zero when none is written.
    var port: UInt16 = 0
    var schemeText = ByteRange.empty
    var user = ByteRange.empty
    var password = ByteRange.empty
    var host = ByteRange.empty
    var parameters = ByteRange.empty
    var headers = ByteRange.empty

    static func read(_ span: Swift.Span<UInt8>) -> URIIndex? {
        let end = span.count
        guard span.hasScheme(ByteRange(0, end)), span.isClean(ByteRange(0, end)) else { return nil }
        var index = URIIndex()
        var position = 0
        while span[position] != .colon { position += 1 }
        index.schemeText = ByteRange(0, position)
        position += 1
        index.scheme =
            span.matches("sip", index.schemeText)
            ? .sip
            : span.matches("sips", index.schemeText)
                ? .sips : span.matches("tel", index.schemeText) ? .tel : .other
        switch index.scheme {
        case .sip, .sips: return index.readAddress(span, from: position) ? index : nil
        case .tel: return index.readNumber(span, from: position) ? index : nil
        case .other:
            index.user = ByteRange(position, end)
            index.parameters = ByteRange(end, end)
            return index
        }
    }

    /// Whether the scheme is `sip` or `sips`.
    static func isSIP(_ span: Swift.Span<UInt8>, _ range: ByteRange) -> Bool {
        var colon = range.lower
        while colon < range.upper, span[colon] != .colon { colon += 1 }
        let scheme = ByteRange(range.lower, colon)
        return span.matches("sip", scheme) || span.matches("sips", scheme)
    }

    private mutating func readAddress(_ span: Swift.Span<UInt8>, from start: Int) -> Bool {
        let end = span.count
        var position = start
        // The user part may hold `;`, `?` and `/` (§25.1), the host and what follows it no `@`.
        var at = start
        while at < end, span[at] != .at { at += 1 }
        if at < end {
            hasUser = true
            var colon = start
            while colon < at, span[colon] != .colon { colon += 1 }
            user = ByteRange(start, colon)
            if colon < at {
                hasPassword = true
                password = ByteRange(colon + 1, at)
            }
            guard !user.isEmpty else { return false }
            position = at + 1
        }
        guard let host = span.readHost(at: &position, to: end) else { return false }
        self.host = host
        if position < end, span[position] == .colon {
            let digits = position + 1
            position = digits
            while position < end, span[position].isDigit { position += 1 }
            guard let port = span.number(from: digits, to: position, limit: 65_535), port > 0
            else { return false }
            self.port = UInt16(truncatingIfNeeded: port)
        }
        return readTail(span, from: position)
    }

    private mutating func readNumber(_ span: Swift.Span<UInt8>, from start: Int) -> Bool {
        hasUser = true
        var position = start
        while position < span.count, span[position] != .semicolon { position += 1 }
        user = ByteRange(start, position)
        parameters = ByteRange(position, span.count)
        return !user.isEmpty
    }

    private mutating func readTail(_ span: Swift.Span<UInt8>, from start: Int) -> Bool {
        let end = span.count
        var position = start
        if position < end, span[position] == .semicolon {
            while position < end, span[position] != .question { position += 1 }
        }
        parameters = ByteRange(start, position)
        guard position < end else { return true }
        guard span[position] == .question else { return false }
        headers = ByteRange(position + 1, end)
        return !headers.isEmpty
    }
}

extension Swift.Span where Element == UInt8 {
    /// No space, control character, quote or angle bracket, and every `%` with its two digits. Bytes
    /// above ASCII pass: they are met in user parts.
    fileprivate func isClean(_ range: ByteRange) -> Bool {
        var position = range.lower
        while position < range.upper {
            let byte = self[position]
            guard byte > .space, byte != 0x7f, byte != .less, byte != .greater, byte != .quote
            else { return false }
            if byte == UInt8(ascii: "%") {
                guard position + 2 < range.upper, self[position + 1].hexValue != nil,
                    self[position + 2].hexValue != nil
                else { return false }
            }
            position += 1
        }
        return true
    }
}
