/// What is kept of a password: `H(user:realm:password)` for each algorithm (HA1, RFC 7616 §3.4.2).
///
/// The password cannot be read from it, but whoever has it can authenticate in this realm: treat it
/// as a password.
public struct StoredSecret: Hashable, Sendable, Codable {
    /// Small hexadecimal digits: 32, 64 and 64 of them.
    public var md5: String
    public var sha256: String
    public var sha512t256: String

    public init(md5: String, sha256: String, sha512t256: String) {
        self.md5 = md5
        self.sha256 = sha256
        self.sha512t256 = sha512t256
    }

    /// Computes all three from the password: three hashes.
    public init(username: String, realm: String, password: String, hashes: HashFunctions) {
        func ha1(_ algorithm: DigestAlgorithm) -> String {
            String(
                decoding: DigestComputation.ha1(
                    algorithm, username: username.utf8, realm: realm.utf8, password: password.utf8,
                    hashes: hashes), as: UTF8.self)
        }
        self.init(md5: ha1(.md5), sha256: ha1(.sha256), sha512t256: ha1(.sha512t256))
    }

    func ha1(_ algorithm: DigestAlgorithm) -> String {
        switch algorithm {
        case .md5: md5
        case .sha256: sha256
        case .sha512t256: sha512t256
        }
    }
}
