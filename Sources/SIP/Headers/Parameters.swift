/// The parameters of a header value: `name`, `name=value` or `name="quoted"`, in their order.
///
/// They are separated by `;` in most headers and by `,` in challenges and credentials. Nothing is
/// copied. A piece that is no parameter is skipped; a quoted string that does not close runs to the
/// end. RFC 3261 §7.3.1.
public struct Parameters: Sequence, Sendable {
    /// One parameter. The slices share the message's buffer.
    public struct Element: Sendable {
        public var name: ArraySlice<UInt8>
        /// As written, without the quotes and with the backslashes of a quoted string; nil when the
        /// parameter has no `=`.
        public var value: ArraySlice<UInt8>?
        public var isQuoted: Bool

        /// The value with the backslashes of a quoted string resolved. Allocates.
        public var unescaped: [UInt8] {
            guard let value else { return [] }
            guard isQuoted, value.contains(.backslash) else { return Array(value) }
            return unescapeQuoted(value)
        }
    }

    let text: ArraySlice<UInt8>
    let separator: UInt8

    /// - Parameter separator: `;` or `,` as its byte.
    public init(_ text: ArraySlice<UInt8>, separator: UInt8 = 0x3b) {
        self.text = text.prefix(MessageLimits.bytes)
        self.separator = separator
    }

    public func makeIterator() -> Iterator { Iterator(text: text, separator: separator) }

    public struct Iterator: IteratorProtocol {
        let text: ArraySlice<UInt8>
        let separator: UInt8
        var position = 0

        public mutating func next() -> Element? {
            var scan = position
            let found = text.span.nextParameter(from: &scan, to: text.count, separator: separator)
            position = scan
            guard let found else { return nil }
            return Element(
                name: found.name.slice(of: text),
                value: found.hasValue ? found.value.slice(of: text) : nil,
                isQuoted: found.isQuoted)
        }
    }

    /// The value of the first parameter of this name: nil when there is none, `.some(nil)` when it
    /// has no value.
    public func value(_ name: String) -> ArraySlice<UInt8>?? {
        let span = text.span
        guard
            let found = span.parameter(
                name, from: 0, to: text.count, separator: separator)
        else { return nil }
        return .some(found.hasValue ? found.value.slice(of: text) : nil)
    }
}

/// Resolves `\x` to `x` in what stood between quotes.
func unescapeQuoted(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var plain: [UInt8] = []
    plain.reserveCapacity(text.count)
    var escaped = false
    for byte in text {
        if byte == .backslash, !escaped {
            escaped = true
        } else {
            escaped = false
            plain.append(byte)
        }
    }
    return plain
}

/// Where a parameter stands.
struct ParameterRange {
    var name: ByteRange
    var value: ByteRange
    var hasValue: Bool
    var isQuoted: Bool
}

extension Swift.Span where Element == UInt8 {
    /// The next parameter at or after `position`, which moves behind it.
    func nextParameter(
        from position: inout Int, to end: Int, separator: UInt8
    ) -> ParameterRange? {
        while position < end {
            while position < end, self[position].isLWS || self[position] == separator {
                position &+= 1
            }
            let nameStart = position
            position = first(.equals, or: separator, from: position, to: end)
            // White space ends a name as well; another control character is part of it.
            let stop = position
            position = first(below: 0x21, from: nameStart, to: stop)
            while position < stop, !self[position].isLWS {
                position = first(below: 0x21, from: position &+ 1, to: stop)
            }
            let name = ByteRange(nameStart, position)
            position = skipLWS(from: position, to: end)
            guard position < end, self[position] == .equals else {
                if name.isEmpty { continue }
                // A second word without a separator belongs to nothing.
                position = first(separator, or: separator, from: position, to: end)
                return ParameterRange(
                    name: name, value: .empty, hasValue: false, isQuoted: false)
            }
            position = skipLWS(from: position &+ 1, to: end)
            let value: ByteRange
            let isQuoted = position < end && self[position] == .quote
            if isQuoted {
                let close = skipQuoted(from: position, to: end)
                value = ByteRange(position &+ 1, close.map { $0 &- 1 } ?? end)
                position = first(separator, or: separator, from: close ?? end, to: end)
            } else {
                let start = position
                position = first(separator, or: separator, from: position, to: end)
                value = ByteRange(start, trimLWS(from: start, to: position))
            }
            if name.isEmpty { continue }
            return ParameterRange(
                name: name, value: value, hasValue: true, isQuoted: isQuoted)
        }
        return nil
    }

    /// The first parameter of this name.
    func parameter(
        _ name: String, from start: Int, to end: Int, separator: UInt8
    ) -> ParameterRange? {
        var position = start
        while let found = nextParameter(from: &position, to: end, separator: separator) {
            if equalsIgnoringCase(name, found.name) { return found }
        }
        return nil
    }
}
