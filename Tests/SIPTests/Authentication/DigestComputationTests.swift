import Testing

@testable import SIP

@Suite struct DigestComputationTests {
    private func response(
        _ algorithm: DigestAlgorithm, user: String, realm: String, password: String, uri: String,
        nonce: String, cnonce: String
    ) -> String {
        let hashes = TestHashes.functions
        let bytes = DigestComputation.response(
            algorithm,
            ha1: DigestComputation.ha1(
                algorithm, username: user.utf8, realm: realm.utf8, password: password.utf8,
                hashes: hashes),
            nonce: nonce.utf8,
            quality: .init(
                nonceCount: Array("00000001".utf8), cnonce: Array(cnonce.utf8),
                name: Array("auth".utf8)),
            ha2: DigestComputation.ha2(
                algorithm, method: "GET".utf8, uri: uri.utf8, body: nil, hashes: hashes),
            hashes: hashes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        (DigestAlgorithm.md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (.sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ])
    func responsesOfRFC7616Section391(_ algorithm: DigestAlgorithm, _ expected: String) {
        #expect(
            response(
                algorithm, user: "Mufasa", realm: "http-auth@example.org",
                password: "Circle of Life", uri: "/dir/index.html",
                nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ") == expected)
    }

    /// The inputs are §3.9.2's. The response printed there is of a draft of SHA-512/256; this is
    /// what erratum 4897 gives.
    @Test func responseOfRFC7616Section392AsCorrected() {
        #expect(
            response(
                .sha512t256, user: "J\u{e4}s\u{f8}n Doe", realm: "api@example.org",
                password: "Secret, or not?", uri: "/doe.json",
                nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
                cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v")
                == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5")
    }

    /// RFC 2069 §2.4 as its erratum 749 corrects it.
    @Test func aResponseWithoutQualityIsThatOfRFC2069() {
        let hashes = TestHashes.functions
        let bytes = DigestComputation.response(
            .md5,
            ha1: DigestComputation.ha1(
                .md5, username: "Mufasa".utf8, realm: "testrealm@host.com".utf8,
                password: "CircleOfLife".utf8, hashes: hashes),
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093".utf8, quality: nil,
            ha2: DigestComputation.ha2(
                .md5, method: "GET".utf8, uri: "/dir/index.html".utf8, body: nil, hashes: hashes),
            hashes: hashes)
        #expect(String(decoding: bytes, as: UTF8.self) == "1949323746fe6a43ef61f9606e7febea")
    }
}
