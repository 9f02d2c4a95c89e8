/// A hash of digest access authentication (RFC 7616 §3.3, RFC 8760 §2.1), weakest first.
///
/// `sha512t256` is SHA-512/256: the family SHA-512/t of FIPS 180-4 with t of 256.
public enum DigestAlgorithm: UInt8, Hashable, Comparable, Sendable, CaseIterable, Codable {
    case md5, sha256, sha512t256

    /// As it is written in `algorithm=`.
    public var name: StaticString {
        switch self {
        case .md5: "MD5"
        case .sha256: "SHA-256"
        case .sha512t256: "SHA-512-256"
        }
    }

    /// Length of a hash in bytes; twice that in hexadecimal digits.
    public var hashCount: Int {
        switch self {
        case .md5: 16
        case .sha256, .sha512t256: 32
        }
    }

    /// The algorithm of this name, letters of either case. The `-sess` forms are not known here:
    /// SIP does not use them (RFC 8760 §2.3).
    public init?(name: some Collection<UInt8>) {
        for algorithm in Self.allCases where DigestText.isEqual(name, algorithm.name) {
            self = algorithm
            return
        }
        return nil
    }

    @inlinable public static func < (a: DigestAlgorithm, b: DigestAlgorithm) -> Bool {
        a.rawValue < b.rawValue
    }
}
