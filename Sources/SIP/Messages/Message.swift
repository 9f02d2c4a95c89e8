/// A SIP message: one buffer, and an index of ranges into it (RFC 3261 §7).
///
/// Reading one costs one allocation: the buffer is the caller's, the index lies inline for the first
/// 32 fields. A copy of a message is one reference. Every slice handed out shares the buffer and holds
/// neither CR nor LF, so that nothing copied from it can break a line of another message: folded lines
/// are joined in place when read, the line end becoming spaces (§7.3.1). Headers other than the
/// pre-validated ones are kept as they came and read on demand.
public struct Message: Sendable {
    /// Apart, since messages are handed on and kept by transactions and calls, and the index has 400
    /// bytes.
    final class Content: Sendable {
        let bytes: [UInt8]
        let index: MessageIndex

        init(bytes: consuming [UInt8], index: consuming MessageIndex) {
            self.bytes = bytes
            self.index = index
        }
    }

    let content: Content

    /// The whole message; trailing bytes beyond Content-Length included.
    public var bytes: [UInt8] { content.bytes }

    /// Reads a whole message: a datagram, or what `MessageFraming` cut from a stream.
    ///
    /// Takes the buffer over; no copy is made when the caller gives up its own, or when nothing is
    /// folded. Checked are the start line, every header line's form, and the fields that everything
    /// depends on: the topmost Via, From, To, Call-ID, CSeq, Max-Forwards, Content-Length.
    public init(parsing bytes: consuming [UInt8]) throws(ParseError) {
        var bytes = bytes
        var index = MessageIndex()
        let problem = index.read(&bytes)
        let isAnswerable = problem == nil || index.isAnswerable
        content = Content(bytes: bytes, index: index)
        if let problem {
            throw ParseError(
                reason: problem.reason, offset: problem.offset,
                answerable: isAnswerable ? self : nil)
        }
    }

    /// The bytes of a range the index holds.
    @inline(__always) func slice(_ range: ByteRange) -> ArraySlice<UInt8> {
        content.bytes[range.lower..<range.upper]
    }
}

// MARK: The start line

extension Message {
    public var isRequest: Bool { content.index.isRequest }

    /// The request's method; of a response the method of its CSeq.
    public var method: Method { content.index.method }

    /// The status code, 100 to 699; zero of a request.
    public var status: Int { Int(content.index.status) }

    /// The reason phrase; empty of a request.
    public var reasonPhrase: ArraySlice<UInt8> {
        content.index.isRequest ? [] : slice(content.index.startText)
    }

    /// The Request-URI as written, `URI(parsing:)` reads it; empty of a response.
    public var requestURI: ArraySlice<UInt8> {
        content.index.isRequest ? slice(content.index.startText) : []
    }
}

// MARK: The fields every message has

extension Message {
    /// The Call-ID.
    public var callID: ArraySlice<UInt8> { slice(content.index.callID) }

    /// The tag of From.
    public var fromTag: ArraySlice<UInt8>? {
        content.index.fromTag.isEmpty ? nil : slice(content.index.fromTag)
    }

    /// The tag of To.
    public var toTag: ArraySlice<UInt8>? {
        content.index.toTag.isEmpty ? nil : slice(content.index.toTag)
    }

    /// The number of CSeq.
    public var cseqNumber: UInt32 { content.index.cseqNumber }

    /// The topmost Via element.
    public var topVia: Via { Via(base: bytes[...], index: content.index.topVia) }

    /// Max-Forwards, 0 to 255, when it is there.
    public var maxForwards: Int? {
        content.index.maxForwards < 0 ? nil : Int(content.index.maxForwards)
    }

    /// The body: Content-Length bytes, or all that follows the header when the field is absent.
    public var body: ArraySlice<UInt8> { slice(content.index.body) }
}

// MARK: Any field

extension Message {
    /// The value of the first field of this name, trimmed; an empty one for an empty field.
    public func value(_ name: HeaderName) -> ArraySlice<UInt8>? {
        switch name.storage {
        case .known(.callID): return present(content.index.callID)
        case .known(.from): return present(content.index.from)
        case .known(.to): return present(content.index.to)
        case .known(.cseq): return present(content.index.cseq)
        case .known(.via): return present(content.index.via)
        case .known(let known):
            guard let field = content.index.field(known, from: 0) else { return nil }
            return slice(field.value)
        case .other:
            for place in 0..<content.index.fieldCount where isField(place, named: name) {
                return slice(content.index.field(at: place).value)
            }
            return nil
        }
    }

    /// Whether a field of this name is there.
    public func has(_ name: HeaderName) -> Bool { value(name) != nil }

    /// The value of every field of this name in order, trimmed, not split at commas.
    public func values(_ name: HeaderName) -> FieldValues {
        FieldValues(message: self, name: name)
    }

    /// The elements of every field of this name, split at commas outside of quotes and `<>`, trimmed,
    /// empty ones left out. One allocation. For headers whose grammar is a list.
    public func elements(_ name: HeaderName) -> [ArraySlice<UInt8>] {
        var elements: [ArraySlice<UInt8>] = []
        for value in values(name) { elements.append(contentsOf: Elements(value)) }
        return elements
    }

    /// Whether a list header (`Supported`, `Require`, `Allow`) holds this token, in any case. No
    /// allocation.
    public func has(_ token: String, in name: HeaderName) -> Bool {
        for value in values(name) {
            for element in Elements(value) where element.equals(token) { return true }
        }
        return false
    }

    /// All fields in order.
    public var fields: Fields { Fields(message: self) }

    /// From, To, Contact and their like as an address; nil when absent or malformed.
    public func address(_ name: HeaderName) -> NameAddr? {
        value(name).flatMap { NameAddr(parsing: $0) }
    }

    /// The number of a field that holds one, such as Expires; nil when absent or no number. A number
    /// above the limit is the limit (RFC 4475 §3.1.2.4).
    public func number(_ name: HeaderName) -> UInt32? {
        guard let value = value(name) else { return nil }
        let digits = value.prefix { $0.isDigit }
        guard !digits.isEmpty, digits.count == value.count || !value[digits.endIndex].isToken else {
            return nil
        }
        return digits.span.number(from: 0, to: digits.count, limit: .max) ?? .max
    }

    private func present(_ range: ByteRange) -> ArraySlice<UInt8>? {
        range == MessageIndex.absent ? nil : slice(range)
    }

    func isField(_ place: Int, named name: HeaderName) -> Bool {
        let field = content.index.field(at: place)
        switch name.storage {
        case .known(let known): return field.isNamed(known)
        case .other(let spelling):
            guard !field.isKnown, field.name.count == spelling.count else { return false }
            return sameIgnoringCase(slice(field.name), spelling[...])
        }
    }
}

extension Message: CustomStringConvertible {
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
