@testable import SIP

/// MD5 (RFC 1321), SHA-256 and SHA-512/256 (FIPS 180-4) for the tests of digest, written for
/// shortness. The switch gets its hashes from libcrypto.
enum TestHashes {
    static let functions = HashFunctions(md5: md5, sha256: sha256, sha512t256: sha512t256)

    @Sendable static func md5(_ bytes: [UInt8]) -> [UInt8] {
        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476]
        let turns: [[UInt32]] = [
            [7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21],
        ]
        var text = padded(bytes, block: 64, lengthBytes: 8)
        text.replaceSubrange(
            (text.count - 8)..., with: littleEndian(UInt64(bytes.count) * 8, count: 8))
        for start in stride(from: 0, to: text.count, by: 64) {
            let words = (0..<16).map { word in
                (0..<4).reduce(UInt32(0)) {
                    $0 | UInt32(text[start + 4 * word + $1]) << UInt32(8 * $1)
                }
            }
            var (a, b, c, d) = (state[0], state[1], state[2], state[3])
            for step in 0..<64 {
                let mixed: UInt32
                let word: Int
                switch step / 16 {
                case 0: (mixed, word) = ((b & c) | (~b & d), step)
                case 1: (mixed, word) = ((d & b) | (~d & c), (5 * step + 1) % 16)
                case 2: (mixed, word) = (b ^ c ^ d, (3 * step + 5) % 16)
                default: (mixed, word) = (c ^ (b | ~d), (7 * step) % 16)
                }
                let sum = a &+ mixed &+ md5Constants[step] &+ words[word]
                let turn = turns[step / 16][step % 4]
                (a, b, c, d) = (d, b &+ (sum << turn | sum >> (32 - turn)), b, c)
            }
            for (index, value) in [a, b, c, d].enumerated() { state[index] &+= value }
        }
        return state.flatMap { littleEndian(UInt64($0), count: 4) }
    }

    @Sendable static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        sha2(
            padded(bytes, block: 64, lengthBytes: 8), start: roots.map { UInt32($0 >> 32) },
            constants: sha2Constants.prefix(64).map { UInt32($0 >> 32) },
            turns: [[2, 13, 22], [6, 11, 25], [7, 18, 3], [17, 19, 10]])
    }

    @Sendable static func sha512t256(_ bytes: [UInt8]) -> [UInt8] {
        // FIPS 180-4 §5.3.6: the start is SHA-512, from other numbers, of the name.
        let seed = sha512(
            Array("SHA-512/256".utf8), start: roots.map { $0 ^ 0xa5a5_a5a5_a5a5_a5a5 })
        let start = stride(from: 0, to: 64, by: 8).map { place in
            seed[place..<(place + 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        return Array(sha512(bytes, start: start).prefix(32))
    }

    private static func sha512(_ bytes: [UInt8], start: [UInt64]) -> [UInt8] {
        sha2(
            padded(bytes, block: 128, lengthBytes: 16), start: start, constants: sha2Constants,
            turns: [[28, 34, 39], [14, 18, 41], [1, 8, 7], [19, 61, 6]])
    }

    private static func sha2<Word: FixedWidthInteger & UnsignedInteger>(
        _ text: [UInt8], start: [Word], constants: [Word], turns: [[Word]]
    ) -> [UInt8] {
        let size = Word.bitWidth / 8
        func turned(_ word: Word, _ count: Word) -> Word {
            word >> count | word << (Word(Word.bitWidth) - count)
        }
        var state = start
        for block in stride(from: 0, to: text.count, by: 16 * size) {
            var words = (0..<16).map { word in
                (0..<size).reduce(Word(0)) { $0 << 8 | Word(text[block + size * word + $1]) }
            }
            for index in 16..<constants.count {
                let (old, new) = (words[index - 15], words[index - 2])
                let low = turned(old, turns[2][0]) ^ turned(old, turns[2][1]) ^ (old >> turns[2][2])
                let high =
                    turned(new, turns[3][0]) ^ turned(new, turns[3][1]) ^ (new >> turns[3][2])
                words.append(words[index - 16] &+ low &+ words[index - 7] &+ high)
            }
            var v = state
            for index in 0..<constants.count {
                let e = turned(v[4], turns[1][0]) ^ turned(v[4], turns[1][1])
                let a = turned(v[0], turns[0][0]) ^ turned(v[0], turns[0][1])
                let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
                let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
                let first =
                    v[7] &+ (e ^ turned(v[4], turns[1][2])) &+ choice &+ constants[index]
                    &+ words[index]
                let second = (a ^ turned(v[0], turns[0][2])) &+ majority
                v = [first &+ second, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
            }
            for index in 0..<8 { state[index] &+= v[index] }
        }
        return state.flatMap { word in
            (0..<size).reversed().map { UInt8(truncatingIfNeeded: word >> Word(8 * $0)) }
        }
    }

    private static func padded(_ bytes: [UInt8], block: Int, lengthBytes: Int) -> [UInt8] {
        var text = bytes + [0x80]
        while text.count % block != block - lengthBytes { text.append(0) }
        let length = littleEndian(UInt64(bytes.count) * 8, count: lengthBytes)
        return text + length.reversed()
    }

    private static func littleEndian(_ number: UInt64, count: Int) -> [UInt8] {
        (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) : 0 }
    }

    /// The fractions of the square roots of the first 8 primes.
    private static let roots: [UInt64] = [
        0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1, 0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
    ]

    /// The fractions of the cube roots of the first 80 primes.
    private static let sha2Constants: [UInt64] = [
        0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f,
        0xe9b5_dba5_8189_dbbc, 0x3956_c25b_f348_b538, 0x59f1_11f1_b605_d019,
        0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118, 0xd807_aa98_a303_0242,
        0x1283_5b01_4570_6fbe, 0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2,
        0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235,
        0xc19b_f174_cf69_2694, 0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3,
        0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65, 0x2de9_2c6f_592b_0275,
        0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5,
        0x983e_5152_ee66_dfab, 0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f,
        0xbf59_7fc7_beef_0ee4, 0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725,
        0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70, 0x27b7_0a85_46d2_2ffc,
        0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed, 0x5338_0d13_9d95_b3df,
        0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6,
        0x9272_2c85_1482_353b, 0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001,
        0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30, 0xd192_e819_d6ef_5218,
        0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8,
        0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53, 0x2748_774c_df8e_eb99,
        0x34b0_bcb5_e19b_48a8, 0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb,
        0x5b9c_ca4f_7763_e373, 0x682e_6ff3_d6b2_b8a3, 0x748f_82ee_5def_b2fc,
        0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
        0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915,
        0xc671_78f2_e372_532b, 0xca27_3ece_ea26_619c, 0xd186_b8c7_21c0_c207,
        0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178, 0x06f0_67aa_7217_6fba,
        0x0a63_7dc5_a2c8_98a6, 0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b,
        0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc,
        0x431d_67c4_9c10_0d4c, 0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a,
        0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
    ]

    /// The fractions of the sines of 1 to 64.
    private static let md5Constants: [UInt32] = [
        0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a,
        0xa830_4613, 0xfd46_9501, 0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be,
        0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821, 0xf61e_2562, 0xc040_b340,
        0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
        0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8,
        0x676f_02d9, 0x8d2a_4c8a, 0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c,
        0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70, 0x289b_7ec6, 0xeaa1_27fa,
        0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
        0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92,
        0xffef_f47d, 0x8584_5dd1, 0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1,
        0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
    ]
}
