import Testing

@testable import SIP

@Suite struct TokenGeneratorTests {
    /// RFC 8439 §2.3.2.
    @Test func theBlockFunctionIsThatOfRFC8439() {
        let key: [UInt8] = Array(0..<32)
        let block = ChaCha20.block(
            keyLow: ChaCha20.words(key, at: 0), keyHigh: ChaCha20.words(key, at: 16), counter: 1,
            nonce: SIMD3(0x0900_0000, 0x4a00_0000, 0))
        let expected: [UInt32] = [
            0xe4e7_f110, 0x1559_3bd1, 0x1fdd_0f50, 0xc471_20a3,
            0xc7f4_d1c7, 0x0368_c033, 0x9aaa_2204, 0x4e6c_d4c3,
            0x4664_82d2, 0x09aa_9f07, 0x05d7_c214, 0xa202_8bd9,
            0xd19c_12b5, 0xb94e_16de, 0xe883_d0cb, 0x4e3c_50a2,
        ]
        #expect(
            [block.a, block.b, block.c, block.d].flatMap { row in (0..<4).map { row[$0] } }
                == expected)
    }

    @Test func theSameSeedGivesTheSameTokens() {
        var a = TokenGenerator(seed: [UInt8](repeating: 3, count: 32))
        var b = TokenGenerator(seed: [UInt8](repeating: 3, count: 32))
        var c = TokenGenerator(seed: [UInt8](repeating: 4, count: 32))
        let tags = (0..<10).map { _ in a.tag() }
        #expect(tags == (0..<10).map { _ in b.tag() })
        #expect(tags != (0..<10).map { _ in c.tag() })
    }

    @Test func tokensDoNotRepeat() {
        var generator = TokenGenerator(seed: [UInt8](repeating: 1, count: 32))
        var seen: Set<[UInt8]> = []
        for _ in 0..<5_000 { seen.insert(generator.tag()) }
        #expect(seen.count == 5_000)
    }

    @Test func tokensHaveTheirShape() {
        var generator = TokenGenerator(seed: [UInt8](repeating: 2, count: 32))
        let branch = generator.branch()
        #expect(branch.starts(with: "z9hG4bK".utf8))
        #expect(branch.count == 20)
        #expect(generator.tag().count == 13)
        #expect(generator.callID().count == 26)
        for byte in generator.callID() + generator.tag() + generator.cnonce() {
            #expect((0x30...0x35).contains(byte) || (0x61...0x7a).contains(byte))
        }
    }
}
