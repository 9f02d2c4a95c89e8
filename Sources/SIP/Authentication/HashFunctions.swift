/// The three hashes, handed in by the shell: the core has no cryptography of its own.
public struct HashFunctions: Sendable {
    public typealias Function = @Sendable (_ bytes: [UInt8]) -> [UInt8]

    /// MD5: 16 bytes.
    public var md5: Function
    /// SHA-256: 32 bytes.
    public var sha256: Function
    /// SHA-512/256 (not SHA-512 cut short: it starts from other numbers): 32 bytes.
    public var sha512t256: Function

    public init(
        md5: @escaping Function, sha256: @escaping Function, sha512t256: @escaping Function
    ) {
        self.md5 = md5
        self.sha256 = sha256
        self.sha512t256 = sha512t256
    }

    func hash(_ algorithm: DigestAlgorithm, _ bytes: [UInt8]) -> [UInt8] {
        switch algorithm {
        case .md5: md5(bytes)
        case .sha256: sha256(bytes)
        case .sha512t256: sha512t256(bytes)
        }
    }

    /// The hash in small hexadecimal digits.
    func hex(_ algorithm: DigestAlgorithm, _ bytes: [UInt8]) -> [UInt8] {
        DigestText.hex(hash(algorithm, bytes))
    }

    /// HMAC-SHA-256 (RFC 2104). `key` is 64 bytes at most.
    func keyedHash(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        var inner = [UInt8](repeating: 0x36, count: 64)
        var outer = [UInt8](repeating: 0x5c, count: 64)
        for (index, byte) in key.prefix(64).enumerated() {
            inner[index] ^= byte
            outer[index] ^= byte
        }
        return sha256(outer + sha256(inner + bytes))
    }
}
