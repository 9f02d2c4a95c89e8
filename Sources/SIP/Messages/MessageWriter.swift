/// Builds a message in one buffer, field after field.
///
/// No value can break its line: CR and LF become spaces in whatever is written, and the start line
/// takes no white space inside its parts.
///
///     var writer = MessageWriter()
///     writer.requestLine(.options, uri: "sip:10.0.0.2")
///     writer.field(.maxForwards, 70)
///     ...
///     let bytes = writer.finish()
public struct MessageWriter: Sendable {
    /// What is written so far.
    public private(set) var bytes: [UInt8] = []

    public init(capacity: Int = 1024) { bytes.reserveCapacity(capacity) }

    // MARK: Start line

    public mutating func requestLine(_ method: Method, uri: some Sequence<UInt8>) {
        write(method)
        bytes.append(.space)
        for byte in uri where byte > .space { bytes.append(byte) }
        writeRaw(" SIP/2.0\r\n")
    }

    public mutating func requestLine(_ method: Method, uri: String) {
        requestLine(method, uri: uri.utf8)
    }

    /// - Parameters:
    ///   - status: 100 to 699.
    ///   - reason: `StatusPhrase` when nil.
    public mutating func statusLine(_ status: Int, reason: String? = nil) {
        writeRaw("SIP/2.0 ")
        append(status)
        bytes.append(.space)
        if let reason { append(reason) } else { writeRaw(StatusPhrase.of(status)) }
        endField()
    }

    // MARK: Whole fields

    @inlinable public mutating func field(_ name: HeaderName, _ value: some Sequence<UInt8>) {
        beginField(name)
        append(value)
        endField()
    }

    public mutating func field(_ name: HeaderName, _ value: ArraySlice<UInt8>) {
        beginField(name)
        append(value)
        endField()
    }

    public mutating func field(_ name: HeaderName, _ value: String) {
        beginField(name)
        append(value)
        endField()
    }

    public mutating func field(_ name: HeaderName, _ value: Int) {
        beginField(name)
        append(value)
        endField()
    }

    /// All fields of this name, each as it is in the message, in order. Nothing when there is none.
    public mutating func copy(_ name: HeaderName, from message: Message) {
        for place in 0..<message.index.fieldCount where message.isField(place, named: name) {
            beginField(name)
            let value = message.index.field(at: place).value
            // A message's values hold no line end.
            bytes.append(contentsOf: message.bytes[value.lower..<value.upper])
            endField()
        }
    }

    // MARK: A field in pieces

    /// Writes the name and the colon. `append` writes the value, `endField` ends the line.
    public mutating func beginField(_ name: HeaderName) {
        switch name.storage {
        case .known(let known): writeRaw(known.spelling)
        case .other(let spelling):
            // What is no token would end the name early.
            for byte in spelling where byte.isToken { bytes.append(byte) }
        }
        bytes.append(.colon)
        bytes.append(.space)
    }

    @inlinable public mutating func append(_ value: some Sequence<UInt8>) {
        let isDone: Void? = value.withContiguousStorageIfAvailable { append(contiguous: $0) }
        if isDone == nil {
            for byte in value { append(byte) }
        }
    }

    public mutating func append(_ value: ArraySlice<UInt8>) {
        value.withUnsafeBufferPointer { append(contiguous: $0) }
    }

    public mutating func append(_ value: [UInt8]) {
        value.withUnsafeBufferPointer { append(contiguous: $0) }
    }

    public mutating func append(_ value: String) {
        var value = value
        value.withUTF8 { append(contiguous: $0) }
    }

    public mutating func append(_ byte: UInt8) {
        bytes.append(byte == .cr || byte == .lf ? .space : byte)
    }

    public mutating func append(_ number: Int) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = number.magnitude
        repeat {
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    public mutating func endField() {
        bytes.append(.cr)
        bytes.append(.lf)
    }

    @usableFromInline
    mutating func append(contiguous value: UnsafeBufferPointer<UInt8>) {
        var start = 0
        while start < value.count {
            var end = value.span.firstControl(from: start, to: value.count)
            while end < value.count, value[end] != .cr, value[end] != .lf { end += 1 }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: value[start..<end]))
            if end < value.count { bytes.append(.space) }
            start = end + 1
        }
    }

    mutating func write(_ method: Method) {
        switch method {
        case .other(let spelling):
            for byte in spelling where byte.isToken { bytes.append(byte) }
        case .invite, .ack, .cancel, .bye, .options, .register, .update, .info, .prack,
            .subscribe, .notify, .refer, .message, .publish:
            append(method.name)
        }
    }

    /// Text of our own that may hold line ends.
    mutating func writeRaw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    // MARK: The end

    /// Writes `Content-Length: 0` and the empty line.
    public consuming func finish() -> [UInt8] {
        writeRaw("Content-Length: 0\r\n\r\n")
        return bytes
    }

    /// Writes Content-Type, Content-Length, the empty line and the body. An empty body has no type.
    public consuming func finish(
        body: some Collection<UInt8>, contentType: some Collection<UInt8>
    ) -> [UInt8] {
        if body.isEmpty { return finish() }
        if !contentType.isEmpty { field(.contentType, contentType) }
        field(.contentLength, body.count)
        endField()
        bytes.append(contentsOf: body)
        return bytes
    }

    /// The same, the type as text: `finish(body: sdp, contentType: "application/sdp")`.
    public consuming func finish(
        body: some Collection<UInt8>, contentType: String
    ) -> [UInt8] {
        finish(body: body, contentType: contentType.utf8)
    }
}
