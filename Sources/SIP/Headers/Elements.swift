extension Swift.Span where Element == UInt8 {
    /// The end of the list element that starts at `offset`: the next comma outside of quotes and of
    /// `<>`, or `end` (RFC 3261 §7.3.1). A quote that does not close hides all commas after it.
    func endOfElement(from offset: Int, to end: Int) -> Int {
        var position = offset
        var isBracketed = false
        while position < end {
            switch self[position] {
            case .quote where !isBracketed:
                guard let close = skipQuoted(from: position, to: end) else { return end }
                position = close
                continue
            case .less: isBracketed = true
            case .greater: isBracketed = false
            case .comma where !isBracketed: return position
            default: break
            }
            position &+= 1
        }
        return end
    }
}

/// The elements of a comma-separated header value, trimmed, empty ones left out. Nothing is copied.
///
/// Only for headers whose grammar is a list: `Date`, `Subject`, `From`, `To`, `Call-ID` and those of
/// authentication have commas that separate nothing.
public struct Elements: Sequence, Sendable {
    let text: ArraySlice<UInt8>

    public init(_ text: ArraySlice<UInt8>) { self.text = text.prefix(MessageLimits.bytes) }

    public func makeIterator() -> Iterator { Iterator(text: text) }

    public struct Iterator: IteratorProtocol {
        let text: ArraySlice<UInt8>
        var position = 0

        public mutating func next() -> ArraySlice<UInt8>? {
            let text = text
            let span = text.span
            while position < text.count {
                let end = span.endOfElement(from: position, to: text.count)
                let start = span.skipLWS(from: position, to: end)
                let trimmed = span.trimLWS(from: start, to: end)
                position = end + 1
                if start < trimmed { return ByteRange(start, trimmed).slice(of: text) }
            }
            return nil
        }
    }
}
