import Testing

@testable import SIP

@Suite struct DigestFieldTests {
    private func credentials(_ text: String) -> DigestCredentials? {
        DigestCredentials(parsing: Array(text.utf8)[...])
    }

    private func challenge(_ text: String) -> DigestChallenge? {
        DigestChallenge(parsing: Array(text.utf8)[...])
    }

    @Test func credentialsOfRFC3261AreRead() throws {
        let read = try #require(
            credentials(
                """
                Digest username="bob",\r\n realm="biloxi.com", \
                nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="sip:bob@biloxi.com", qop=auth, \
                nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", \
                opaque="5ccc069c403ebaf9f0171e9517f40e41"
                """))
        #expect(read.usernameText == "bob")
        #expect(read.realm == Array("biloxi.com".utf8))
        #expect(read.uri == Array("sip:bob@biloxi.com".utf8))
        #expect(read.algorithm == .md5)
        #expect(read.quality == Array("auth".utf8))
        #expect(read.nonceCount == Array("00000001".utf8))
    }

    @Test func quotesAndEscapesAreTakenOff() {
        let read = credentials(
            #"digest USERNAME="a\"b\\c,d=e", realm=r, nonce=n, uri=sip:x, response=0"#)
        #expect(read?.usernameText == #"a"b\c,d=e"#)
    }

    @Test(arguments: [
        "", "Digest", "Basic QWxhZGRpbjpvcGVu", "Digestusername=a",
        #"Digest username="a", realm="r", nonce="n", uri="u""#,
        #"Digest username="a", realm="r", nonce="n", uri="u", response="0"#,
        #"Digest username="a\"#,
        #"Digest username="a", username="b", realm="r", nonce="n", uri="u", response="0""#,
        #"Digest username="a" realm="r", nonce="n", uri="u", response="0""#,
        #"Digest username=, realm="r", nonce="n", uri="u", response="0""#,
        #"Digest ="a", realm="r", nonce="n", uri="u", response="0""#,
    ])
    func malformedCredentialsAreRefused(_ text: String) {
        #expect(credentials(text) == nil)
    }

    @Test func moreParametersThanTheLimitAreRefused() {
        let base = #"Digest username="a", realm="r", nonce="n", uri="u", response="0""#
        func with(_ count: Int) -> String {
            base + (0..<count).map { ", x\($0)=1" }.joined()
        }
        #expect(credentials(with(DigestParameters.maximumCount - 5)) != nil)
        #expect(credentials(with(DigestParameters.maximumCount - 4)) == nil)
    }

    @Test func anUnknownAlgorithmIsSeenInCredentialsAndRefusedInAChallenge() {
        let read = credentials(
            #"Digest username="a", realm="r", nonce="n", uri="u", response="0", algorithm=MD5-sess"#
        )
        #expect(read != nil)
        #expect(read?.algorithm == nil)
        #expect(challenge(#"Digest realm="r", nonce="n", algorithm=MD5-sess"#) == nil)
    }

    @Test func aChallengeIsRead() throws {
        let read = try #require(
            challenge(
                #"Digest realm="atlanta.com", domain="sip:boxesbybob.com", qop="auth, auth-int", "#
                    + #"nonce="f84f1cec41e6cbe5aea9c8e88d359", opaque="", stale=TRUE, "#
                    + #"algorithm=sha-256"#))
        #expect(read.realm == Array("atlanta.com".utf8))
        #expect(read.algorithm == .sha256)
        #expect(read.isStale)
        #expect(read.offersAuth)
        #expect(read.offersAuthInt)
        #expect(read.opaque == [])
    }

    @Test func aChallengeWithOnlyUnknownQualitiesIsRefused() {
        #expect(challenge(#"Digest realm="r", nonce="n", qop="token""#) == nil)
        #expect(challenge(#"Digest realm="r", nonce="n""#)?.offersAuth == false)
    }

    /// Every prefix and every single changed byte is read or refused; none traps.
    @Test func cutAndChangedFieldsNeverTrap() {
        let text = Array(
            #"Digest username="a\"b", realm="r", nonce="n", uri="sip:x", nc=00000001, response="0""#
                .utf8)
        var readable = 0
        for end in 0...text.count where DigestCredentials(parsing: text[..<end]) != nil {
            readable += 1
        }
        #expect(readable == 1)
        for index in text.indices {
            for byte: UInt8 in [0x00, 0x22, 0x2c, 0x3d, 0x5c, 0xff] {
                var changed = text
                changed[index] = byte
                let read = DigestCredentials(parsing: changed[...])
                #expect(read == nil || !changed.isEmpty)
            }
        }
    }
}
