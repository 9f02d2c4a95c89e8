/// The ChaCha20 block function (RFC 8439 §2.3).
enum ChaCha20 {
    /// Four words out of 16 bytes, little endian, from `offset`.
    static func words(_ bytes: [UInt8], at offset: Int) -> SIMD4<UInt32> {
        var words = SIMD4<UInt32>.zero
        for index in 0..<16 {
            words[index / 4] |= UInt32(bytes[offset + index]) << UInt32(8 * (index % 4))
        }
        return words
    }

    /// A block of 16 words, in four rows.
    typealias Block = (
        a: SIMD4<UInt32>, b: SIMD4<UInt32>, c: SIMD4<UInt32>, d: SIMD4<UInt32>
    )

    /// One block. The key is 8 words.
    static func block(
        keyLow: SIMD4<UInt32>, keyHigh: SIMD4<UInt32>, counter: UInt32, nonce: SIMD3<UInt32>
    ) -> Block {
        let constants = SIMD4<UInt32>(0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574)
        let position = SIMD4(counter, nonce.x, nonce.y, nonce.z)
        var (a, b, c, d) = (constants, keyLow, keyHigh, position)
        for _ in 0..<10 {
            quarterRounds(&a, &b, &c, &d)
            // Turn the rows so that the diagonals become columns, and back.
            b = SIMD4(b.y, b.z, b.w, b.x)
            c = SIMD4(c.z, c.w, c.x, c.y)
            d = SIMD4(d.w, d.x, d.y, d.z)
            quarterRounds(&a, &b, &c, &d)
            b = SIMD4(b.w, b.x, b.y, b.z)
            c = SIMD4(c.z, c.w, c.x, c.y)
            d = SIMD4(d.y, d.z, d.w, d.x)
        }
        return (a &+ constants, b &+ keyLow, c &+ keyHigh, d &+ position)
    }

    /// Four quarter rounds side by side, one in each column.
    @inline(__always)
    private static func quarterRounds(
        _ a: inout SIMD4<UInt32>, _ b: inout SIMD4<UInt32>, _ c: inout SIMD4<UInt32>,
        _ d: inout SIMD4<UInt32>
    ) {
        a = a &+ b
        d = rotated(d ^ a, by: 16)
        c = c &+ d
        b = rotated(b ^ c, by: 12)
        a = a &+ b
        d = rotated(d ^ a, by: 8)
        c = c &+ d
        b = rotated(b ^ c, by: 7)
    }

    @inline(__always)
    private static func rotated(_ word: SIMD4<UInt32>, by count: UInt32) -> SIMD4<UInt32> {
        (word &<< count) | (word &>> (32 - count))
    }
}
