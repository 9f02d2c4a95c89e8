/// Tags, branches and Call-IDs that nobody can guess, out of one seed: ChaCha20 (RFC 8439 §2.3)
/// with fast key erasure.
///
/// A value: the same seed gives the same tokens, so that a whole switch can be replayed. A 32-byte
/// block gives four numbers; each block replaces the key first, so that a later look into memory
/// does not reveal earlier tokens.
public struct TokenGenerator: RandomNumberGenerator, Sendable {
    private var keyLow: SIMD4<UInt32>
    private var keyHigh: SIMD4<UInt32>
    /// Four numbers, of which `poolIndex` are used up.
    private var pool: SIMD4<UInt64>
    private var poolIndex: Int

    /// - Parameter seed: 32 bytes from the operating system. Another length traps: the shell's bug.
    public init(seed: [UInt8]) {
        precondition(seed.count == 32, "a seed is 32 bytes")
        self.keyLow = ChaCha20.words(seed, at: 0)
        self.keyHigh = ChaCha20.words(seed, at: 16)
        self.pool = .zero
        self.poolIndex = 4
    }

    public mutating func next() -> UInt64 {
        if poolIndex == 4 {
            let block = ChaCha20.block(
                keyLow: keyLow, keyHigh: keyHigh, counter: 0, nonce: .zero)
            keyLow = block.a
            keyHigh = block.b
            for index in 0..<2 {
                pool[index] = UInt64(block.c[2 * index]) | UInt64(block.c[2 * index + 1]) << 32
                pool[index + 2] = UInt64(block.d[2 * index]) | UInt64(block.d[2 * index + 1]) << 32
            }
            poolIndex = 0
        }
        defer { poolIndex += 1 }
        return pool[poolIndex]
    }

    /// 13 characters, 64 random bits (RFC 3261 §19.3 asks for 32).
    public mutating func tag() -> [UInt8] {
        token(prefix: "", numbers: 1)
    }

    /// `z9hG4bK` and 13 characters, 64 random bits (RFC 3261 §8.1.1.7).
    public mutating func branch() -> [UInt8] {
        token(prefix: "z9hG4bK", numbers: 1)
    }

    /// 26 characters, 128 random bits, without a host name (RFC 3261 §8.1.1.4).
    public mutating func callID() -> [UInt8] {
        token(prefix: "", numbers: 2)
    }

    /// A client nonce for digest: 26 characters, 128 random bits (RFC 7616 §3.4).
    public mutating func cnonce() -> [UInt8] {
        token(prefix: "", numbers: 2)
    }

    private mutating func token(prefix: StaticString, numbers: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(prefix.utf8CodeUnitCount + 13 * numbers)
        prefix.withUTF8Buffer { bytes.append(contentsOf: $0) }
        for _ in 0..<numbers {
            var number = next()
            for _ in 0..<13 {
                bytes.append(Self.character(UInt8(truncatingIfNeeded: number & 31)))
                number >>= 5
            }
        }
        return bytes
    }

    /// Digits and small letters only: a peer that changes case cannot break a token.
    private static func character(_ value: UInt8) -> UInt8 {
        value < 26 ? UInt8(ascii: "a") + value : UInt8(ascii: "0") + value - 26
    }
}
