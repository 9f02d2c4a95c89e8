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
        let span = bytes.span
        var position = 0
        while position < span.count, span[position] == .cr || span[position] == .lf {
            position += 1
        }
        if position > 0 { return .keepAlive(position) }
        guard position < span.count else { return .incomplete }
        var bodyCount: Int?
        while true {
            let start = position
            position = span.firstControl(from: position, to: span.count)
            while position < span.count, span[position] != .lf { position += 1 }
            guard position < span.count else {
                return span.count > MessageLimits.bytes ? .malformed(.tooLarge) : .incomplete
            }
            position += 1
            guard position <= MessageLimits.bytes else { return .malformed(.tooLarge) }
            // Exactly an empty line, as `Message` reads it: one of blanks continues the field above.
            if span[start] == .lf || (span[start] == .cr && position == start + 2) {
                guard let bodyCount else { return .malformed(.missing(.contentLength)) }
                let count = position + bodyCount
                guard count <= MessageLimits.bytes else { return .malformed(.tooLarge) }
                return count <= span.count ? .message(count) : .incomplete
            }
            let end = span.trimLWS(from: start, to: position)
            let nameEnd = span.skipToken(from: start, to: end)
            guard nameEnd - start <= MessageLimits.fieldNameBytes,
                KnownHeader.Table.shared.find(span, ByteRange(start, nameEnd)) == .contentLength
            else { continue }
            let colon = span.skipLWS(from: nameEnd, to: end)
            guard colon < end, span[colon] == .colon else { continue }
            let digits = span.skipLWS(from: colon + 1, to: end)
            guard
                let number = span.number(
                    from: digits, to: end, limit: UInt32(MessageLimits.bytes)),
                bodyCount == nil || bodyCount == Int(number)
            else { return .malformed(.malformed(.contentLength)) }
            bodyCount = Int(number)
        }
    }
}
