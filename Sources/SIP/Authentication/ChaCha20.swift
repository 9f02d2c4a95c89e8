/// The ChaCha20 block function (RFC 8439 §2.3).
enum ChaCha20 {
    /// The little-endian words of `bytes`, whose count is a multiple of four.
    static func words(_ bytes: [UInt8]) -> [UInt32] {
        stride(from: 0, to: bytes.count, by: 4).map { start in
            (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
        }
    }

    /// One block of 16 words. `key` is 8 words.
    static func block(key: [UInt32], counter: UInt32, nonce: SIMD3<UInt32>) -> [16 of UInt32] {
        let constants = SIMD4<UInt32>(0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574)
        let keyLow = SIMD4(key[0], key[1], key[2], key[3])
        let keyHigh = SIMD4(key[4], key[5], key[6], key[7])
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
        a = a &+ constants
        b = b &+ keyLow
        c = c &+ keyHigh
        d = d &+ position
        return [
            a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w, c.x, c.y, c.z, c.w, d.x, d.y, d.z, d.w,
        ]
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
