import SIP

/// Nothing like a hash and nearly free, so that what is measured is the switch and not libcrypto.
enum CheapHashes {
    static let functions = HashFunctions(
        md5: { mix($0, count: 16, salt: 1) }, sha256: { mix($0, count: 32, salt: 2) },
        sha512t256: { mix($0, count: 32, salt: 3) })

    @Sendable private static func mix(_ bytes: [UInt8], count: Int, salt: UInt64) -> [UInt8] {
        var state = salt
        bytes.withUnsafeBytes { raw in
            var position = 0
            while position + 8 <= raw.count {
                let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                state = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
                state ^= state >> 29
                position += 8
            }
            while position < raw.count {
                state = (state ^ UInt64(raw[position])) &* 0x0000_0100_0000_01b3
                position += 1
            }
        }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for place in 0..<count {
                if place % 8 == 0 { state = state &* 0x9e37_79b9_7f4a_7c15 &+ 1 }
                buffer[place] = UInt8(truncatingIfNeeded: state >> UInt64(place % 8 * 8))
            }
            initialized = count
        }
    }
}
