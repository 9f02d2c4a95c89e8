// What a server says to a Binding request (RFC 8489 §6.3.1). An answer is at most 32 bytes longer than
// what asked for it, so that nobody gains by having it sent to somebody else.

extension STUNMessage {
    /// The answer to this message as bytes of one datagram; nil where there is none: to indications,
    /// to responses, and to methods other than Binding.
    ///
    /// With attributes that have to be understood and are not it is 420 (Unknown Attribute), and
    /// otherwise success with XOR-MAPPED-ADDRESS. It has a FINGERPRINT where the request had one.
    ///
    /// - Parameter source: where the request came from, as the server sees it.
    public func answer(to source: Endpoint) -> [UInt8]? {
        guard messageClass == .request, method == Self.binding else { return nil }
        var writer = Writer(
            type: unknownAttributes.isEmpty ? 0x0101 : 0x0111, transactionID: transactionID)
        if unknownAttributes.isEmpty {
            writer.xorMappedAddress(source)
        } else {
            // Class 4, number 20, and no phrase, which is for people and may be empty (§14.8).
            writer.attribute(Attribute.errorCode, [0, 0, 4, 20])
            // As many as the request may have had in the bytes of this answer.
            let told = unknownAttributes.prefix(Self.toldAttributes)
            writer.attribute(
                Attribute.unknownAttributes,
                told.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] })
        }
        return writer.finish(withFingerprint: hasFingerprint)
    }

    /// Unknown attributes that an answer names at most.
    static let toldAttributes = 8

    /// Writes one message: header, attributes, FINGERPRINT.
    struct Writer {
        private var bytes: [UInt8] = []
        private let transactionID: TransactionID

        init(type: UInt16, transactionID: TransactionID) {
            self.transactionID = transactionID
            bytes.reserveCapacity(64)
            append(UInt64(type), bytes: 2)
            append(0, bytes: 2)
            append(UInt64(STUNMessage.cookie), bytes: 4)
            append(UInt64(transactionID.high), bytes: 4)
            append(transactionID.low, bytes: 8)
        }

        mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
            append(UInt64(type), bytes: 2)
            append(UInt64(value.count), bytes: 2)
            bytes.append(contentsOf: value)
            while bytes.count & 3 != 0 { bytes.append(0) }
        }

        mutating func xorMappedAddress(_ endpoint: Endpoint) {
            append(UInt64(Attribute.xorMappedAddress), bytes: 2)
            append(endpoint.ip.isV4 ? 8 : 20, bytes: 2)
            append(endpoint.ip.isV4 ? 1 : 2, bytes: 2)
            append(UInt64(endpoint.port ^ UInt16(STUNMessage.cookie >> 16)), bytes: 2)
            if endpoint.ip.isV4 {
                append(UInt64(endpoint.ip.v4 ^ STUNMessage.cookie), bytes: 4)
            } else {
                let mask = STUNMessage.addressMask(transactionID)
                append(endpoint.ip.high ^ mask.high, bytes: 8)
                append(endpoint.ip.low ^ mask.low, bytes: 8)
            }
        }

        consuming func finish(withFingerprint: Bool) -> [UInt8] {
            // The length counts the fingerprint before that is computed (§14.7).
            let length = bytes.count - STUNMessage.headerBytes + (withFingerprint ? 8 : 0)
            bytes[2] = UInt8(truncatingIfNeeded: length >> 8)
            bytes[3] = UInt8(truncatingIfNeeded: length)
            guard withFingerprint else { return bytes }
            let value = STUNMessage.fingerprint(of: bytes[...])
            append(UInt64(Attribute.fingerprint), bytes: 2)
            append(4, bytes: 2)
            append(UInt64(value), bytes: 4)
            return bytes
        }

        private mutating func append(_ number: UInt64, bytes count: Int) {
            for place in (0..<count).reversed() {
                bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * place)))
            }
        }
    }
}
