import Testing

@testable import SIP

@Suite struct HashTests {
    /// The digests of FIPS 180 and RFC 1321 for "abc", and of a text of several blocks as Python's
    /// hashlib gives them.
    @Test(arguments: [
        (
            DigestAlgorithm.md5, "abc", "900150983cd24fb0d6963f7d28e17f72"
        ),
        (.md5, String(repeating: "a", count: 200), "887f30b43b2867f4a9accceee7d16e6c"),
        (.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            .sha256, String(repeating: "a", count: 200),
            "c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5"
        ),
        (.sha512t256, "abc", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        (
            .sha512t256, String(repeating: "a", count: 200),
            "19b1e37317d7fd3d7651f397005e31f154ef4912d1345743d2d5889aaca28996"
        ),
    ])
    func hashesOfTheTestsAreTheStandardOnes(
        _ algorithm: DigestAlgorithm, _ text: String, _ hex: String
    ) {
        #expect(TestHashes.functions.hex(algorithm, Array(text.utf8)) == Array(hex.utf8))
    }

    /// RFC 4231 §4.3.
    @Test func keyedHashIsHMAC() {
        let hash = TestHashes.functions.keyedHash(
            key: Array("Jefe".utf8), Array("what do ya want for nothing?".utf8))
        #expect(
            String(decoding: DigestText.hex(hash), as: UTF8.self)
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }
}
