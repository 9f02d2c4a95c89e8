import SIP

/// What is kept of a PIN: salted and hashed.
///
/// A PIN has few digits, so nothing keeps somebody who has the data folder from trying them all; the
/// salt keeps equal PINs from looking alike. What guards a PIN on the phone is the lock-out.
public struct StoredPIN: Sendable, Hashable {
    /// 16 bytes.
    public var salt: [UInt8]
    /// 32 bytes.
    public var hash: [UInt8]

    /// How often the hash is taken: about 50 us, little for a call and something for a list of PINs.
    static let rounds = 100

    public init(salt: [UInt8], hash: [UInt8]) {
        self.salt = salt
        self.hash = hash
    }

    /// - Parameters:
    ///   - number: whose it is, so that a stored PIN fits nobody else.
    ///   - salt: two random numbers.
    init(_ digits: String, of number: String, salt: (UInt64, UInt64), hashes: HashFunctions) {
        var bytes: [UInt8] = []
        for half in [salt.0, salt.1] {
            for shift: UInt64 in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: half >> shift))
            }
        }
        self.init(salt: bytes, hash: Self.hash(digits, of: number, salt: bytes, hashes: hashes))
    }

    func matches(_ digits: String, of number: String, hashes: HashFunctions) -> Bool {
        let other = Self.hash(digits, of: number, salt: salt, hashes: hashes)
        guard other.count == hash.count else { return false }
        // All bytes are looked at: how long it takes says nothing.
        return zip(hash, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func hash(
        _ digits: String, of number: String, salt: [UInt8], hashes: HashFunctions
    ) -> [UInt8] {
        var value = hashes.sha256(salt + Array("\(number):\(digits)".utf8))
        for _ in 1..<rounds { value = hashes.sha256(salt + value) }
        return value
    }
}
