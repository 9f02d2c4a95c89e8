import SIP
import Testing

@testable import Runtime

@Suite struct HashesTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// RFC 1321 A.5, FIPS 180-4 examples.
    @Test func libcryptoGivesThePublishedHashes() throws {
        let hashes = try Hashes.libcrypto()
        let abc = Array("abc".utf8)
        #expect(hex(hashes.md5(abc)) == "900150983cd24fb0d6963f7d28e17f72")
        #expect(hex(hashes.md5([])) == "d41d8cd98f00b204e9800998ecf8427e")
        #expect(
            hex(hashes.sha256(abc))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            hex(hashes.sha512t256(abc))
                == "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23")
    }

    @Test func seedsDiffer() {
        #expect(SystemRandom.bytes(32).count == 32)
        #expect(SystemRandom.bytes(32) != SystemRandom.bytes(32))
    }
}
