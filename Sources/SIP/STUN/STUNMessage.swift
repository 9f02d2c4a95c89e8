// STUN as far as SIP needs it on its own port: the Binding request by which a phone keeps its flow
// over UDP alive and learns by which address it is seen (RFC 8489, RFC 5626 §3.5.2 and §8).
//
//      0                   1                   2                   3
//      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//     |0 0|     class and method      |   length behind the header    |
//     |                     magic cookie 0x2112A442                   |
//     |                transaction ID, 96 bits                        |
//     |   attribute type              |   length of its value         |
//     |   value, filled up to 32 bits                              ....
//
// No credentials are looked at and nothing is kept: whoever asks is told what it could see itself.

/// A STUN message of the Binding method or of another one, read from one datagram.
///
/// RFC 8489 §5, §14.
public struct STUNMessage: Sendable {
    public enum Class: UInt8, Hashable, Sendable {
        case request, indication, success, error
    }

    /// The 96 bits by which a client knows the answer to its request.
    public struct TransactionID: Hashable, Sendable {
        public var high: UInt32
        public var low: UInt64

        public init(high: UInt32, low: UInt64) {
            self.high = high
            self.low = low
        }
    }

    /// Why a datagram is no STUN message.
    public enum ParseError: Error, Hashable, Sendable {
        /// Shorter than its header, or not of the length that this gives.
        case length
        /// RFC 3489, or something else altogether.
        case cookie
        /// An attribute is longer than what is left, or longer than it may be.
        case attribute
        /// More attributes than `attributeLimit`.
        case crowded
        /// FINGERPRINT is not that of the message, or not the last attribute (§14.7).
        case fingerprint
    }

    /// The one method of STUN itself.
    public static let binding: UInt16 = 1
    /// Attributes of one message at most; those of ICE have fewer than ten.
    public static let attributeLimit = 32
    static let headerBytes = 20
    static let cookie: UInt32 = 0x2112_a442

    public let messageClass: Class
    public let method: UInt16
    public let transactionID: TransactionID
    /// Whether it ended in a FINGERPRINT, which was right then.
    public let hasFingerprint: Bool
    /// Attributes that have to be understood and are not, in the order of the message (§6.3.1).
    public let unknownAttributes: [UInt16]
    /// The value of XOR-MAPPED-ADDRESS; nil where there is none.
    public let mappedAddress: Endpoint?

    /// Whether a datagram at a port of SIP is meant as STUN: its first two bits are 0, as those of no
    /// letter are, and it has the cookie (RFC 5626 §8).
    public static func isMeant(by bytes: [UInt8]) -> Bool {
        bytes.count >= 8 && bytes[0] & 0xc0 == 0
            && number(in: bytes, at: 4, bytes: 4) == UInt64(cookie)
    }

    /// Reads one datagram. Costs O(its bytes), and allocates for unknown attributes alone.
    ///
    /// - Throws: `ParseError`; whoever gets it is to stay silent (§6.3).
    public init(parsing bytes: [UInt8]) throws(ParseError) {
        guard bytes.count >= Self.headerBytes, bytes[0] & 0xc0 == 0 else { throw .length }
        guard Self.number(in: bytes, at: 4, bytes: 4) == UInt64(Self.cookie) else { throw .cookie }
        let length = Int(Self.number(in: bytes, at: 2, bytes: 2))
        guard length == bytes.count - Self.headerBytes, length & 3 == 0 else { throw .length }
        let type = UInt16(Self.number(in: bytes, at: 0, bytes: 2))
        // The two bits of the class stand between those of the method (§5).
        method = type & 0x000f | type >> 1 & 0x0070 | type >> 2 & 0x0f80
        messageClass =
            switch (type & 0x0100 != 0, type & 0x0010 != 0) {
            case (false, false): .request
            case (false, true): .indication
            case (true, false): .success
            case (true, true): .error
            }
        let transactionID = TransactionID(
            high: UInt32(Self.number(in: bytes, at: 8, bytes: 4)),
            low: Self.number(in: bytes, at: 12, bytes: 8))
        self.transactionID = transactionID

        var unknown: [UInt16] = []
        var mapped: Endpoint?
        var fingerprintEnds = false
        var isSigned = false
        var count = 0
        var place = Self.headerBytes
        while place < bytes.count {
            guard !fingerprintEnds else { throw .fingerprint }
            count += 1
            guard count <= Self.attributeLimit else { throw .crowded }
            let number = UInt16(Self.number(in: bytes, at: place, bytes: 2))
            let size = Int(Self.number(in: bytes, at: place + 2, bytes: 2))
            let value = place + 4
            guard value + size <= bytes.count else { throw .attribute }
            place = value + (size + 3) & ~3
            if number == Attribute.fingerprint {
                guard size == 4,
                    Self.fingerprint(of: bytes[..<(value - 4)])
                        == UInt32(Self.number(in: bytes, at: value, bytes: 4))
                else { throw .fingerprint }
                fingerprintEnds = true
                continue
            }
            // What stands behind the signature is not part of the message (§14.5).
            if isSigned { continue }
            switch number {
            case Attribute.messageIntegrity, Attribute.messageIntegritySHA256: isSigned = true
            case Attribute.xorMappedAddress:
                guard
                    let endpoint = Self.address(
                        bytes[value..<(value + size)], transactionID: transactionID)
                else { throw .attribute }
                if mapped == nil { mapped = endpoint }
            default:
                if number < 0x8000, !Attribute.understood.contains(number) {
                    unknown.append(number)
                }
            }
        }
        hasFingerprint = fingerprintEnds
        unknownAttributes = unknown
        mappedAddress = mapped
    }

    /// XOR-MAPPED-ADDRESS (§14.2): a NAT that changes addresses inside of messages does not find it.
    private static func address(
        _ value: ArraySlice<UInt8>, transactionID: TransactionID
    ) -> Endpoint? {
        let bytes = Array(value)
        guard bytes.count >= 8 else { return nil }
        let port = UInt16(number(in: bytes, at: 2, bytes: 2)) ^ UInt16(cookie >> 16)
        switch (bytes[1], bytes.count) {
        case (1, 8):
            let v4 = UInt32(number(in: bytes, at: 4, bytes: 4)) ^ cookie
            return Endpoint(ip: IPAddress(v4: v4), port: port)
        case (2, 20):
            let mask = addressMask(transactionID)
            return Endpoint(
                ip: IPAddress(
                    high: number(in: bytes, at: 4, bytes: 8) ^ mask.high,
                    low: number(in: bytes, at: 12, bytes: 8) ^ mask.low), port: port)
        default: return nil
        }
    }

    static func addressMask(_ transactionID: TransactionID) -> (high: UInt64, low: UInt64) {
        (UInt64(cookie) << 32 | UInt64(transactionID.high), transactionID.low)
    }

    static func number(in bytes: [UInt8], at place: Int, bytes count: Int) -> UInt64 {
        bytes[place..<(place + count)].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// CRC-32 of ITU V.42 over all that stands before the attribute, with the bits of "STUN" turned
    /// (§14.7).
    static func fingerprint(of bytes: ArraySlice<UInt8>) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xedb8_8320 }
        }
        return ~crc ^ 0x5354_554e
    }

    /// Types of attributes (RFC 8489 §18.3).
    enum Attribute {
        static let mappedAddress: UInt16 = 0x0001
        static let username: UInt16 = 0x0006
        static let messageIntegrity: UInt16 = 0x0008
        static let errorCode: UInt16 = 0x0009
        static let unknownAttributes: UInt16 = 0x000a
        static let realm: UInt16 = 0x0014
        static let nonce: UInt16 = 0x0015
        static let messageIntegritySHA256: UInt16 = 0x001c
        static let passwordAlgorithm: UInt16 = 0x001d
        static let userhash: UInt16 = 0x001e
        static let xorMappedAddress: UInt16 = 0x0020
        static let fingerprint: UInt16 = 0x8028

        /// Those of STUN itself: credentials are understood, and of no use here.
        static let understood: Set<UInt16> = [
            mappedAddress, username, errorCode, unknownAttributes, realm, nonce,
            passwordAlgorithm, userhash,
        ]
    }
}
