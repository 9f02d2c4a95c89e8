/// The parameters of a `Digest` challenge or of digest credentials: `name=token`, `name="text"`,
/// separated by commas (RFC 7616 §3.3, §3.4; RFC 3261 §25.1).
///
/// A parameter that comes twice makes the value malformed: which one counts would be a matter of
/// taste, and of attack.
struct DigestParameters {
    /// More than any RFC defines; what is beyond makes the value malformed.
    static let maximumCount = 32

    private var names: [ArraySlice<UInt8>] = []
    private var values: [[UInt8]] = []

    /// `nil` when the scheme is not Digest or the text is malformed.
    init?(parsing value: ArraySlice<UInt8>) {
        var rest = value
        // As many as credentials have.
        names.reserveCapacity(12)
        values.reserveCapacity(12)
        Self.skipBlanks(&rest)
        let scheme = Self.takeToken(&rest)
        guard DigestText.isEqual(scheme, "Digest") else { return nil }
        guard let blank = rest.first, blank.isLWS else { return nil }
        while true {
            Self.skipBlanks(&rest)
            guard let first = rest.first else { break }
            if first == .comma {
                // An empty element of a list is allowed (RFC 3261 §25.1, COMMA).
                rest.removeFirst()
                continue
            }
            guard names.count < Self.maximumCount else { return nil }
            let name = Self.takeToken(&rest)
            Self.skipBlanks(&rest)
            guard !name.isEmpty, rest.first == .equals else { return nil }
            rest.removeFirst()
            Self.skipBlanks(&rest)
            guard let text = Self.takeValue(&rest) else { return nil }
            guard !names.contains(where: { Self.isSameName($0, name) }) else { return nil }
            names.append(name)
            values.append(text)
            Self.skipBlanks(&rest)
            if let next = rest.first, next != .comma { return nil }
        }
    }

    /// The value without its quotes and escapes.
    func value(_ name: StaticString) -> [UInt8]? {
        for (index, candidate) in names.enumerated() where DigestText.isEqual(candidate, name) {
            return values[index]
        }
        return nil
    }

    private static func takeValue(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard rest.first == .quote else {
            let token = takeToken(&rest)
            return token.isEmpty ? nil : Array(token)
        }
        rest.removeFirst()
        // Mostly nothing is escaped, and the text is one piece.
        guard let end = rest.firstIndex(where: { $0 == .quote || $0 == .backslash }) else {
            return nil
        }
        var text = Array(rest[..<end])
        rest = rest[end...]
        while let byte = rest.popFirst() {
            if byte == .quote { return text }
            if byte == .backslash {
                guard let escaped = rest.popFirst() else { return nil }
                text.append(escaped)
            } else {
                text.append(byte)
            }
        }
        return nil
    }

    /// Everything up to a blank, `=`, `,` or a quote: wider than the RFC's token, since peers send
    /// an unquoted `uri` or `opaque`.
    private static func takeToken(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let end =
            rest.firstIndex {
                $0.isLWS || $0 == .equals || $0 == .comma
                    || $0 == .quote
            } ?? rest.endIndex
        defer { rest = rest[end...] }
        return rest[..<end]
    }

    private static func skipBlanks(_ rest: inout ArraySlice<UInt8>) {
        rest = rest.drop(while: \.isLWS)
    }

    private static func isSameName(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Bool {
        a.count == b.count
            && zip(a, b).allSatisfy { $0.lowercased == $1.lowercased }
    }
}
