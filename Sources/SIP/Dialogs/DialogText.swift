/// The texts of a dialog in one buffer, one behind the other.
struct DialogText: Sendable {
    enum Piece: Int, CaseIterable {
        case callID, localTag, remoteTag, local, remote, target, routes
    }

    private var bytes: [UInt8]
    /// Where each piece ends; the next one starts there.
    private var ends: [7 of UInt32]

    init(
        callID: ArraySlice<UInt8>, localTag: ArraySlice<UInt8>, remoteTag: ArraySlice<UInt8>,
        local: ArraySlice<UInt8>, remote: ArraySlice<UInt8>, target: ArraySlice<UInt8>,
        routes: [UInt8]
    ) {
        bytes = []
        bytes.reserveCapacity(
            callID.count + localTag.count + remoteTag.count + local.count + remote.count
                + target.count + routes.count)
        ends = .init(repeating: 0)
        let pieces = [callID, localTag, remoteTag, local, remote, target, routes[...]]
        for (index, piece) in pieces.enumerated() {
            bytes.append(contentsOf: piece)
            ends[index] = UInt32(truncatingIfNeeded: bytes.count)
        }
    }

    subscript(_ piece: Piece) -> ArraySlice<UInt8> {
        get { bytes[range(of: piece)] }
        set {
            let range = range(of: piece)
            let growth = newValue.count - range.count
            bytes.replaceSubrange(range, with: newValue)
            for index in piece.rawValue..<Piece.allCases.count {
                ends[index] = UInt32(truncatingIfNeeded: Int(ends[index]) + growth)
            }
        }
    }

    private func range(of piece: Piece) -> Range<Int> {
        let start = piece.rawValue == 0 ? 0 : Int(ends[piece.rawValue - 1])
        return start..<Int(ends[piece.rawValue])
    }

    // MARK: Out of messages

    /// The URI of the first Contact, when it can stand in a request line.
    static func target(of message: Message) -> ArraySlice<UInt8>? {
        guard let value = message.value(.contact) else { return nil }
        for element in Elements(value) {
            return NameAddr(parsing: element).flatMap { withoutHeaders($0.uri) }
        }
        return nil
    }

    /// The target of an INVITE as RFC 2543 has it, without a Contact and a From tag: the URI in From.
    static func formerTarget(of request: Message) -> ArraySlice<UInt8>? {
        guard !request.has(.contact), request.fromTag == nil else { return nil }
        return request.address(.from).flatMap { withoutHeaders($0.uri) }
    }

    /// A URI as it may stand in a request line: without `?headers` (RFC 3261 §19.1.1). `nil` when
    /// it is none, or holds blanks or control characters.
    static func withoutHeaders(_ uri: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let view = URI(parsing: uri), uri.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            return nil
        }
        return view.withoutHeaders
    }

    /// The Record-Route elements as one Route value, in the order in which our requests meet them.
    /// An element that is no address is left out: it could not be sent to.
    static func routes(of message: Message, reversed: Bool) -> [UInt8] {
        var elements = message.elements(.recordRoute).filter { NameAddr(parsing: $0) != nil }
        if reversed { elements.reverse() }
        return Array(elements.joined(separator: ", ".utf8))
    }

    // MARK: Written down

    func append(to output: inout [UInt8]) {
        for index in 0..<Piece.allCases.count { Self.append(ends[index], to: &output) }
        output.append(contentsOf: bytes)
    }

    init?(parsing serialized: ArraySlice<UInt8>) {
        var rest = serialized
        ends = .init(repeating: 0)
        var last: UInt32 = 0
        for index in 0..<Piece.allCases.count {
            guard let end = Self.takeNumber(&rest), end >= last else { return nil }
            ends[index] = end
            last = end
        }
        guard Int(last) == rest.count else { return nil }
        bytes = Array(rest)
    }

    static func append(_ number: UInt32, to output: inout [UInt8]) {
        for shift: UInt32 in [0, 8, 16, 24] {
            output.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    static func takeNumber(_ rest: inout ArraySlice<UInt8>) -> UInt32? {
        guard rest.count >= 4 else { return nil }
        var number: UInt32 = 0
        for shift: UInt32 in [0, 8, 16, 24] { number |= UInt32(rest.removeFirst()) << shift }
        return number
    }
}
