// Messages made from a request: responses, the ACK of a refusal, CANCEL.

extension Message {
    /// A response to this request (RFC 3261 §8.2.6).
    ///
    /// Via, From, To, Call-ID and CSeq are copied, and Timestamp into a 100. The topmost Via gets
    /// `received` when its host is not the source address, and both `received` and `rport` when it
    /// asks for the port (§18.2.1, RFC 3581 §4); what the sender wrote there itself is not believed.
    ///
    /// - Parameters:
    ///   - reason: the phrase; the registered one when nil.
    ///   - toTag: added to To when it has no tag.
    ///   - source: where the request came from; nil leaves Via as it is.
    ///   - dialogForming: copies Record-Route, which a response that makes a dialog carries (§12.1.1).
    ///   - extra: writes more fields.
    ///   - body: with its type; an empty one has no Content-Type.
    public func response(
        _ status: Int, reason: String? = nil, toTag: [UInt8]? = nil, source: Endpoint?,
        dialogForming: Bool = false, extra: (inout MessageWriter) -> Void = { _ in },
        body: ArraySlice<UInt8> = [], contentType: ArraySlice<UInt8> = []
    ) -> [UInt8] {
        var writer = MessageWriter(capacity: 1024 + body.count)
        writer.statusLine(status, reason: reason)
        writer.copyVia(from: self, source: source)
        if dialogForming { writer.copy(.recordRoute, from: self) }
        writer.copy(first: .from, from: self)
        writer.beginField(.to)
        writer.append(value(.to) ?? [])
        if let toTag, self.toTag == nil {
            writer.append(";tag=")
            writer.append(toTag)
        }
        writer.endField()
        writer.copy(first: .callID, from: self)
        writer.copy(first: .cseq, from: self)
        if status == 100 { writer.copy(.timestamp, from: self) }
        extra(&writer)
        return writer.finish(body: body, contentType: contentType)
    }

    /// The ACK of a 300-699 response to this INVITE, for the transaction to send (§17.1.1.3).
    public func ack(for response: Message) -> [UInt8] {
        var writer = MessageWriter(capacity: 512)
        writer.hopRequest(.ack, of: self, to: response.value(.to) ?? [])
        return writer.finish()
    }

    /// The CANCEL of this INVITE (§9.1). `extra` may add a Reason (RFC 3326).
    public func cancel(extra: (inout MessageWriter) -> Void = { _ in }) -> [UInt8] {
        var writer = MessageWriter(capacity: 512)
        writer.hopRequest(.cancel, of: self, to: value(.to) ?? [])
        extra(&writer)
        return writer.finish()
    }
}

extension MessageWriter {
    /// The request line and fields of a request that goes where another one went, and no further.
    fileprivate mutating func hopRequest(
        _ method: Method, of invite: Message, to: ArraySlice<UInt8>
    ) {
        requestLine(method, uri: invite.requestURI)
        field(.via, invite.topVia.text)
        copy(.route, from: invite)
        field(.maxForwards, 70)
        copy(first: .from, from: invite)
        field(.to, to)
        field(.callID, invite.callID)
        beginField(.cseq)
        append(Int(invite.cseqNumber))
        append(.space)
        write(method)
        endField()
    }

    /// The first field of this name only: a broken request may hold several.
    fileprivate mutating func copy(first name: HeaderName, from message: Message) {
        if let value = message.value(name) { field(name, value) }
    }

    /// Every Via of a request, the topmost one with what is known of its sender.
    public mutating func copyVia(from request: Message, source: Endpoint?) {
        var isFirst = true
        for value in request.values(.via) {
            guard isFirst, let source, request.topVia.index.element.count > 0 else {
                field(.via, value)
                isFirst = false
                continue
            }
            isFirst = false
            let via = request.topVia
            beginField(.via)
            append(value[value.startIndex..<via.index.parameters.lower])
            appendParameters(of: via, source: source)
            append(value[via.index.element.upper..<value.endIndex])
            endField()
        }
    }

    /// Where the next semicolon stands that is in no quotes, or the end.
    private static func parameterEnd(_ text: ArraySlice<UInt8>, after start: Int) -> Int {
        var place = text.index(after: start)
        var isQuoted = false
        while place < text.endIndex {
            switch text[place] {
            case .quote: isQuoted.toggle()
            case .backslash where isQuoted: place += 1
            case .semicolon where !isQuoted: return place
            default: break
            }
            place += 1
        }
        return text.endIndex
    }

    private mutating func appendParameters(of via: Via, source: Endpoint) {
        let asksForPort = via.rport != .absent
        // As they are, byte for byte: the sender finds its transaction by them, whatever they are.
        let text = via.index.parameters.slice(of: via.base)
        var place = text.startIndex
        while place < text.endIndex {
            let end = Self.parameterEnd(text, after: place)
            let name = text[text.index(after: place)..<end].drop { $0.isLWS }.prefix { $0.isToken }
            if !name.equals("received"), !name.equals("rport") { append(text[place..<end]) }
            place = end
        }
        let host = IPAddress(parsing: via.host)
        if asksForPort || host != source.ip {
            append(";received=")
            append(source.ip)
        }
        if asksForPort {
            append(";rport=")
            append(Int(source.port))
        }
    }
}
