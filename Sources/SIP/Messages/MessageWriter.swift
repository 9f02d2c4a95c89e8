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

    public mutating func requestLine(_ method: Method, uri: ArraySlice<UInt8>) {
        uri.withUnsafeBufferPointer { requestLine(method, contiguous: $0) }
    }

    @inlinable public mutating func requestLine(_ method: Method, uri: some Sequence<UInt8>) {
        requestLine(method, uri: Array(uri)[...])
    }

    public mutating func requestLine(_ method: Method, uri: String) {
        var uri = uri
        uri.withUTF8 { requestLine(method, contiguous: $0) }
    }

    private mutating func requestLine(
        _ method: Method, contiguous uri: UnsafeBufferPointer<UInt8>
    ) {
        write(method)
        bytes.append(.space)
        if uri.span.first(below: 0x21, from: 0, to: uri.count) == uri.count {
            bytes.append(contentsOf: uri)
        } else {
            for byte in uri where byte > .space { bytes.append(byte) }
        }
        writeRaw(" SIP/2.0\r\n")
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
        value.withUnsafeBufferPointer { field(name, contiguous: $0) }
    }

    public mutating func field(_ name: HeaderName, _ value: String) {
        var value = value
        value.withUTF8 { field(name, contiguous: $0) }
    }

    public mutating func field(_ name: HeaderName, _ value: Int) {
        beginField(name)
        append(value)
        endField()
    }

    /// All fields of this name, each as it is in the message, in order. Nothing when there is none.
    public mutating func copy(_ name: HeaderName, from message: Message) {
        switch name.storage {
        case .known(let known):
            var place = 0
            while let found = message.content.index.field(known, from: place) {
                field(name, message.slice(found.value))
                place = found.place + 1
            }
        case .other:
            for value in message.values(name) { field(name, value) }
        }
    }

    private mutating func field(_ name: HeaderName, contiguous value: UnsafeBufferPointer<UInt8>) {
        guard case .known(let known) = name.storage, !value.span.hasLineEnd else {
            beginField(name)
            append(contiguous: value)
            return endField()
        }
        // The common case in one step: every append looks after the buffer anew.
        known.spelling.withUTF8Buffer { spelling in
            bytes.append(addingCapacity: spelling.count + value.count + 4) { output in
                output.copy(spelling)
                output.append(.colon)
                output.append(.space)
                output.copy(value)
                output.append(.cr)
                output.append(.lf)
            }
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
        writeRaw(": ")
    }

    /// An address without brackets.
    public mutating func append(_ address: IPAddress) {
        guard address.isV4 else { return append(address.description) }
        for shift: UInt32 in [24, 16, 8, 0] {
            if shift < 24 { bytes.append(UInt8(ascii: ".")) }
            append(Int(address.v4 >> shift & 255))
        }
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
        let magnitude = number.magnitude
        var power: UInt = 1
        while magnitude / power >= 10 { power *= 10 }
        while power > 0 {
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + magnitude / power % 10))
            power /= 10
        }
    }

    public mutating func endField() { writeRaw("\r\n") }

    @usableFromInline
    mutating func append(contiguous value: UnsafeBufferPointer<UInt8>) {
        guard value.span.hasLineEnd else { return bytes.append(contentsOf: value) }
        for byte in value { append(byte) }
    }

    mutating func write(_ method: Method) {
        switch method {
        case .other(let spelling):
            for byte in spelling where byte.isToken { bytes.append(byte) }
        case .invite, .ack, .cancel, .bye, .options, .register, .update, .info, .prack,
            .subscribe, .notify, .refer, .message, .publish:
            var name = method.name
            name.withUTF8 { bytes.append(contentsOf: $0) }
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
        body: ArraySlice<UInt8>, contentType: ArraySlice<UInt8>
    ) -> [UInt8] {
        if body.isEmpty { return finish() }
        if !contentType.isEmpty { field(.contentType, contentType) }
        field(.contentLength, body.count)
        endField()
        body.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// The same of other collections.
    @inlinable public consuming func finish(
        body: some Collection<UInt8>, contentType: some Collection<UInt8>
    ) -> [UInt8] {
        finish(body: Array(body)[...], contentType: Array(contentType)[...])
    }

    /// The same, the type as text: `finish(body: sdp, contentType: "application/sdp")`.
    @inlinable public consuming func finish(
        body: some Collection<UInt8>, contentType: String
    ) -> [UInt8] {
        finish(body: Array(body)[...], contentType: Array(contentType.utf8)[...])
    }
}

extension Swift.Span where Element == UInt8 {
    /// Whether a CR or LF is in it.
    fileprivate var hasLineEnd: Bool { first(.cr, or: .lf, from: 0, to: count) < count }
}

extension OutputSpan where Element == UInt8 {
    /// Appends bytes for which there is room.
    @inline(__always)
    fileprivate mutating func copy(_ source: UnsafeBufferPointer<UInt8>) {
        withUnsafeMutableBufferPointer { buffer, count in
            let room = UnsafeMutableBufferPointer(rebasing: buffer[count...])
            count += room.update(fromContentsOf: source)
        }
    }
}
