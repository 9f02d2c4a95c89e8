/// Cuts messages out of a stream by their Content-Length (RFC 3261 §18.3).
public enum MessageFraming {
    /// What stands at the start of the bytes.
    public enum Frame: Hashable, Sendable {
        /// More bytes are needed.
        case incomplete
        /// Line ends between messages, this many bytes, to be dropped. CRLF CRLF asks for a CRLF in
        /// return (RFC 5626 §4.4.1).
        case keepAlive(Int)
        /// A whole message of this many bytes.
        case message(Int)
        /// No message can be told from the next: the connection is of no more use.
        case malformed(ParseError.Reason)
    }

    /// Looks at what was received so far, from the end of the last message. One pass over the header.
    public static func frame(_ bytes: ArraySlice<UInt8>) -> Frame {
        var scan = Scan()
        return scan.frame(bytes.span)
    }

    /// How far a message has been looked at, so that no line of its header is read twice however it
    /// was torn.
    struct Scan: Sendable {
        /// The start of the first line that was not whole yet.
        private var position = 0
        /// That line holds no end before here.
        private var looked = 0
        /// Where a Content-Length begins that may go on in the next line (RFC 3261 §7.3.1).
        private var field: Int?
        private var bodyCount: Int?
        /// Of the whole message, once its header is.
        private var count: Int?

        /// - Parameter span: all that was received from the start of the message.
        mutating func frame(_ span: Swift.Span<UInt8>) -> Frame {
            if let count { return count <= span.count ? .message(count) : .incomplete }
            if position == 0 {
                var end = 0
                while end < span.count, span[end] == .cr || span[end] == .lf { end += 1 }
                if end > 0 { return .keepAlive(end) }
                guard span.count > 0 else { return .incomplete }
            }
            while true {
                let start = position
                var end = span.firstControl(from: max(start, looked), to: span.count)
                while end < span.count, span[end] != .lf { end += 1 }
                guard end < span.count else {
                    looked = span.count
                    return span.count > MessageLimits.bytes ? .malformed(.tooLarge) : .incomplete
                }
                end += 1
                guard end <= MessageLimits.bytes else { return .malformed(.tooLarge) }
                position = end
                if span[start].isBlank { continue }
                if let field, let problem = readLength(span, from: field, to: start) {
                    return .malformed(problem)
                }
                // Exactly an empty line, as `Message` reads it: one of blanks continues the field
                // above.
                if span[start] == .lf || (span[start] == .cr && end == start + 2) {
                    guard let bodyCount else { return .malformed(.missing(.contentLength)) }
                    let whole = end + bodyCount
                    guard whole <= MessageLimits.bytes else { return .malformed(.tooLarge) }
                    count = whole
                    return whole <= span.count ? .message(whole) : .incomplete
                }
                let nameEnd = span.skipToken(from: start, to: end)
                if nameEnd - start <= MessageLimits.fieldNameBytes,
                    KnownHeader.Table.shared.find(span, ByteRange(start, nameEnd))
                        == .contentLength
                {
                    field = start
                }
            }
        }

        /// Takes note of a Content-Length, all lines of it.
        private mutating func readLength(
            _ span: Swift.Span<UInt8>, from start: Int, to limit: Int
        ) -> ParseError.Reason? {
            field = nil
            let end = span.trimLWS(from: start, to: limit)
            let colon = span.skipLWS(from: span.skipToken(from: start, to: end), to: end)
            guard colon < end, span[colon] == .colon else { return nil }
            let digits = span.skipLWS(from: colon + 1, to: end)
            guard
                let number = span.number(from: digits, to: end, limit: .max),
                bodyCount == nil || bodyCount == Int(number)
            else { return .malformed(.contentLength) }
            guard number <= MessageLimits.bytes else { return .tooLarge }
            bodyCount = Int(number)
            return nil
        }
    }
}
