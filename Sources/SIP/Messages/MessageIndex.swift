/// Where everything stands in a message, and the numbers that were read on the way.
///
/// Filled in one pass over the header lines, then one over the fields that everything depends on.
/// The first problem is reported; reading goes on behind it as far as a response to a broken request
/// needs.
struct MessageIndex: Sendable {
    /// What is wrong, and where.
    struct Problem {
        var reason: ParseError.Reason
        var offset: Int
    }

    private static let inlineCount = 32

    private(set) var isRequest = false
    private(set) var status: UInt16 = 0
    private(set) var method: Method = .other([])
    /// The Request-URI, or the reason phrase.
    private(set) var startText = ByteRange.empty

    private(set) var fieldCount = 0
    private var inline: InlineArray<32, FieldEntry> = .init(repeating: FieldEntry())
    private var more: [FieldEntry] = []
    // The first value of each field that everything depends on; `absent` when there is none. They
    // stand beside the table because reading an element of it back while the rest of this value
    // changes costs a copy of all of it.
    private(set) var via = MessageIndex.absent
    private(set) var from = MessageIndex.absent
    private(set) var to = MessageIndex.absent
    private(set) var callID = MessageIndex.absent
    private(set) var cseq = MessageIndex.absent
    private var maxForwardsValue = MessageIndex.absent
    private var contentLength = MessageIndex.absent

    /// No value starts at the first byte of a message.
    static let absent = ByteRange.empty

    private(set) var topVia = ViaIndex()
    private(set) var fromTag = ByteRange.empty
    private(set) var toTag = ByteRange.empty
    private(set) var cseqNumber: UInt32 = 0
    private(set) var maxForwards: Int16 = -1
    private(set) var body = ByteRange.empty

    private var hasFolds = false
    private var problem: Problem?

    init() {}

    @inline(__always) func field(at place: Int) -> FieldEntry {
        place < Self.inlineCount ? inline[place] : more[place - Self.inlineCount]
    }

    /// The next field of this name at or after a place. The loop stands here and goes through a span
    /// because reading single entries from outside copies the table for each.
    borrowing func field(_ known: KnownHeader, from start: Int) -> (place: Int, value: ByteRange)? {
        let entries = inline.span
        var place = start
        let inlineEnd = min(fieldCount, Self.inlineCount)
        while place < inlineEnd {
            if entries[place].isNamed(known) { return (place, entries[place].value) }
            place &+= 1
        }
        while place < fieldCount {
            let field = more[place - Self.inlineCount]
            if field.isNamed(known) { return (place, field.value) }
            place &+= 1
        }
        return nil
    }

    /// Whether a response can be made from what was read, and may be sent.
    var isAnswerable: Bool {
        isRequest && method != .ack && !topVia.element.isEmpty && from != Self.absent
            && to != Self.absent && callID != Self.absent && !cseq.isEmpty
    }

    /// Reads the whole message; joins folded lines in place.
    mutating func read(_ bytes: inout [UInt8]) -> Problem? {
        guard bytes.count <= MessageLimits.bytes else {
            return Problem(reason: .tooLarge, offset: MessageLimits.bytes)
        }
        readLines(bytes.span)
        if hasFolds { unfold(&bytes) }
        readMandatoryFields(bytes.span)
        return problem
    }

    private mutating func note(_ reason: ParseError.Reason, at offset: Int) {
        if problem == nil { problem = Problem(reason: reason, offset: offset) }
    }

    // MARK: Lines

    private mutating func readLines(_ span: Swift.Span<UInt8>) {
        let end = span.count
        var position = 0
        while position < end, span[position] == .cr || span[position] == .lf { position &+= 1 }
        guard position < end else { return note(.empty, at: 0) }
        guard let startLine = lineEnd(span, from: position) else { return }
        readStartLine(span, from: position, to: startLine.text)
        position = startLine.next
        let table = KnownHeader.Table.shared
        while true {
            guard position < end else { return note(.truncatedHeader, at: end) }
            if span[position] == .lf {
                position &+= 1
                break
            }
            if span[position] == .cr, position &+ 1 < end, span[position &+ 1] == .lf {
                position &+= 2
                break
            }
            guard let next = readField(span, from: position, table) else { return }
            position = next
        }
        body = ByteRange(position, end)
    }

    /// Where the line's text ends and where the next line starts; nil when the line does not end.
    /// A bare LF ends a line as well: it is met in the wild, and cannot be taken for anything else.
    @inline(__always)
    private mutating func lineEnd(
        _ span: Swift.Span<UInt8>, from start: Int
    ) -> (text: Int, next: Int)? {
        var position = start
        while true {
            position = span.firstControl(from: position, to: span.count)
            guard position < span.count else {
                note(.truncatedHeader, at: span.count)
                return nil
            }
            if span[position] == .lf { return (position, position &+ 1) }
            if span[position] == .cr {
                guard position &+ 1 < span.count else {
                    note(.truncatedHeader, at: span.count)
                    return nil
                }
                guard span[position &+ 1] == .lf else {
                    note(.lineEnding, at: position)
                    return nil
                }
                return (position, position &+ 2)
            }
            // A tab, or a control character that a backslash may have made legal.
            position &+= 1
        }
    }

    /// Reads one header line with its continuations and returns the start of the next one; nil when
    /// there is no way on.
    @inline(__always)
    private mutating func readField(
        _ span: Swift.Span<UInt8>, from start: Int, _ table: KnownHeader.Table
    ) -> Int? {
        var colon = span.firstControl(or: .colon, from: start, to: span.count)
        // A tab before the colon (RFC 3261 §25.1, HCOLON).
        while colon < span.count, span[colon].isBlank { colon &+= 1 }
        let hasColon = colon < span.count && span[colon] == .colon && colon > start
        var nameEnd = colon
        while nameEnd > start, span[nameEnd &- 1].isBlank { nameEnd &-= 1 }
        let valueStart = hasColon ? colon &+ 1 : colon
        guard var line = lineEnd(span, from: valueStart) else { return nil }
        while line.next < span.count, span[line.next].isBlank {
            hasFolds = true
            guard let continued = lineEnd(span, from: line.next) else { return nil }
            line = continued
        }
        guard hasColon, nameEnd > start, nameEnd &- start <= MessageLimits.fieldNameBytes else {
            note(.fieldName, at: start)
            return line.next
        }
        guard fieldCount < MessageLimits.fields else {
            note(.tooManyFields, at: start)
            return nil
        }
        let name = ByteRange(start, nameEnd)
        let known = table.find(span, name)
        // A known name is made of the right characters.
        guard known != nil || span.skipToken(from: start, to: nameEnd) == nameEnd else {
            note(.fieldName, at: start)
            return line.next
        }
        let textStart = span.skipLWS(from: valueStart, to: line.text)
        let textEnd = span.trimLWS(from: textStart, to: line.text)
        append(FieldEntry(known: known, name: name, value: ByteRange(textStart, textEnd)), known)
        return line.next
    }

    @inline(__always)
    private mutating func append(_ field: FieldEntry, _ known: KnownHeader?) {
        switch known {
        case .via:
            if via == Self.absent { via = field.value }
        case .from: from = once(field, from, .from)
        case .to: to = once(field, to, .to)
        case .callID: callID = once(field, callID, .callID)
        case .cseq: cseq = once(field, cseq, .cseq)
        case .maxForwards:
            maxForwardsValue = once(field, maxForwardsValue, .maxForwards)
        case .contentLength:
            contentLength = once(field, contentLength, .contentLength)
        default: break  // Read on demand.
        }
        if fieldCount < Self.inlineCount { inline[fieldCount] = field } else { more.append(field) }
        fieldCount &+= 1
    }

    /// The value of a field that may stand once: the first one.
    @inline(__always)
    private mutating func once(
        _ field: FieldEntry, _ standing: ByteRange, _ known: KnownHeader
    ) -> ByteRange {
        if standing == Self.absent { return field.value }
        note(.repeated(HeaderName(known)), at: field.name.lower)
        return standing
    }

    /// Makes the line ends of folded values spaces, which is what they mean (RFC 3261 §7.3.1).
    private mutating func unfold(_ bytes: inout [UInt8]) {
        for place in 0..<fieldCount {
            let value = field(at: place).value
            for position in value.lower..<max(value.lower, value.upper)
            where bytes[position] == .cr || bytes[position] == .lf {
                bytes[position] = .space
            }
        }
    }

    // MARK: The start line

    private mutating func readStartLine(_ span: Swift.Span<UInt8>, from start: Int, to end: Int) {
        if end - start >= 4, span.matches("sip/", ByteRange(start, start + 4)) {
            readStatusLine(span, from: start, to: end)
        } else {
            readRequestLine(span, from: start, to: end)
        }
    }

    /// `INVITE sip:8001@example.com SIP/2.0`, with exactly one space in each place (§7.1).
    private mutating func readRequestLine(_ span: Swift.Span<UInt8>, from start: Int, to end: Int) {
        isRequest = true
        let methodEnd = span.skipToken(from: start, to: end)
        method = Method.read(span, ByteRange(start, methodEnd))
        guard methodEnd > start, methodEnd < end, span[methodEnd] == .space else {
            return note(.startLine, at: methodEnd)
        }
        let uriStart = methodEnd + 1
        let uriEnd = span.first(below: 0x21, from: uriStart, to: end)
        guard uriEnd < end, span[uriEnd] == .space else { return note(.startLine, at: uriEnd) }
        let version = ByteRange(uriEnd + 1, end)
        guard span.matches("sip/2.0", version) else {
            let isVersion =
                version.count > 4
                && span.equalsIgnoringCase(
                    "sip/", ByteRange(version.lower, version.lower + 4))
                && span[version.lower + 4].isDigit
                && !span.equalsIgnoringCase(
                    "sip/2.0", ByteRange(version.lower, min(version.lower + 7, end)))
            return note(isVersion ? .version : .startLine, at: version.lower)
        }
        startText = ByteRange(uriStart, uriEnd)
        guard span.hasScheme(startText), !Self.hasURIHeaders(span, startText) else {
            return note(.requestURI, at: uriStart)
        }
    }

    /// Whether headers stand behind the Request-URI, where they may not (§19.1.1). A `?` before the
    /// `@` is the user's, and of another scheme than SIP's it may mean anything.
    private static func hasURIHeaders(_ span: Swift.Span<UInt8>, _ uri: ByteRange) -> Bool {
        let question = span.first(.question, or: .question, from: uri.lower, to: uri.upper)
        guard question < uri.upper else { return false }
        var position = uri.upper
        while position > uri.lower {
            position &-= 1
            if span[position] == .at { return false }
            if span[position] == .question { return URIIndex.isSIP(span, uri) }
        }
        return false
    }

    /// `SIP/2.0 180 Ringing` (§7.2). A missing reason phrase is met in the wild, with and without its
    /// space.
    private mutating func readStatusLine(_ span: Swift.Span<UInt8>, from start: Int, to end: Int) {
        guard end - start >= 8, span.matches("sip/2.0", ByteRange(start, start + 7))
        else { return note(.version, at: start) }
        guard span[start + 7] == .space else { return note(.startLine, at: start + 7) }
        let digits = start + 8
        guard digits + 3 <= end,
            let number = span.number(from: digits, to: digits + 3, limit: 699), number >= 100,
            digits + 3 == end || span[digits + 3] == .space
        else { return note(.statusCode, at: digits) }
        status = UInt16(truncatingIfNeeded: number)
        startText = ByteRange(min(digits + 4, end), end)
    }

    // MARK: Fields that everything depends on

    private mutating func readMandatoryFields(_ span: Swift.Span<UInt8>) {
        if isPresent(via, .via) {
            if let read = ViaIndex.read(span, from: via.lower, to: via.upper) {
                topVia = read
                if read.element.upper < via.upper { checkVias(span, after: read, via) }
            } else {
                note(.malformed(.via), at: via.lower)
            }
        }
        fromTag = readTag(span, from, .from)
        toTag = readTag(span, to, .to)
        if isPresent(callID, .callID), callID.isEmpty {
            note(.malformed(.callID), at: callID.lower)
        }
        if isPresent(cseq, .cseq) { readCSeq(span, cseq) }
        if maxForwardsValue != Self.absent {
            if let number = span.number(
                from: maxForwardsValue.lower, to: maxForwardsValue.upper, limit: 255)
            {
                maxForwards = Int16(truncatingIfNeeded: number)
            } else {
                note(.malformed(.maxForwards), at: maxForwardsValue.lower)
            }
        }
        if contentLength != Self.absent { readBodyEnd(span, contentLength) }
    }

    @inline(__always)
    private mutating func isPresent(_ value: ByteRange, _ known: KnownHeader) -> Bool {
        if value == Self.absent { note(.missing(HeaderName(known)), at: body.lower) }
        return value != Self.absent
    }

    /// The other elements of the first Via field. The topmost one is sound and can be answered.
    private mutating func checkVias(
        _ span: Swift.Span<UInt8>, after top: ViaIndex, _ value: ByteRange
    ) {
        var position = top.element.upper
        while position < value.upper {
            position = span.skipLWS(from: position, to: value.upper)
            // Between elements stands one comma: the reading of each ended there.
            guard let next = ViaIndex.read(span, from: position + 1, to: value.upper) else {
                return note(.malformed(.via), at: position)
            }
            position = next.element.upper
        }
    }

    @inline(__always)
    private mutating func readTag(
        _ span: Swift.Span<UInt8>, _ value: ByteRange, _ known: KnownHeader
    ) -> ByteRange {
        guard isPresent(value, known) else { return .empty }
        guard let address = NameAddrIndex.read(span, from: value.lower, to: value.upper) else {
            note(.malformed(HeaderName(known)), at: value.lower)
            return .empty
        }
        return span.tag(in: address.parameters)
    }

    private mutating func readCSeq(_ span: Swift.Span<UInt8>, _ value: ByteRange) {
        var end = value.lower
        while end < value.upper, span[end].isDigit { end &+= 1 }
        let methodStart = span.skipLWS(from: end, to: value.upper)
        let methodRange = ByteRange(methodStart, value.upper)
        guard
            let number = span.number(
                from: value.lower, to: end, limit: MessageLimits.cseqNumber),
            methodStart > end, !methodRange.isEmpty,
            span.skipToken(from: methodStart, to: value.upper) == value.upper
        else { return note(.malformed(.cseq), at: value.lower) }
        cseqNumber = number
        let named = Method.read(span, methodRange)
        if !isRequest {
            method = named
        } else if named != method {
            note(.methodMismatch, at: methodStart)
        }
    }

    private mutating func readBodyEnd(_ span: Swift.Span<UInt8>, _ value: ByteRange) {
        guard
            let count = span.number(
                from: value.lower, to: value.upper, limit: UInt32(MessageLimits.bytes))
        else {
            // A number beyond any message is a body that is not there.
            let isNumber = (value.lower..<max(value.lower, value.upper)).allSatisfy {
                span[$0].isDigit
            }
            return note(
                isNumber && !value.isEmpty ? .truncatedBody : .malformed(.contentLength),
                at: value.lower)
        }
        guard Int(count) <= body.count else { return note(.truncatedBody, at: body.upper) }
        body = ByteRange(body.lower, body.lower + Int(count))
    }
}
