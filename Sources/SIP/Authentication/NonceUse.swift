/// One use of a nonce: which nonce, and the number that the client gave to the use (RFC 7616 §3.4).
public struct NonceUse: Hashable, Sendable {
    /// When the nonce was made.
    public let made: Instant
    /// What tells it from others of that time.
    public let random: UInt64
    /// `nc`: 1 at the first use, and one more at each further one.
    public let count: UInt32

    public init(made: Instant, random: UInt64, count: UInt32) {
        self.made = made
        self.random = random
        self.count = count
    }

    /// - Parameter credentials: that `DigestChallenger.verify` has found good; nil for others.
    public init?(_ credentials: DigestCredentials) {
        guard credentials.nonce.count == 64,
            let time = DigestText.number(hex: credentials.nonce[..<16]),
            let random = DigestText.number(hex: credentials.nonce[16..<32]),
            let count = credentials.nonceCount.flatMap({ DigestText.number(hex: $0[...]) }),
            let count = UInt32(exactly: count)
        else { return nil }
        self.init(made: Instant(nanoseconds: Int64(bitPattern: time)), random: random, count: count)
    }
}
