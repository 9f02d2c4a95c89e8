import Testing

@testable import SIP

@Suite struct DigestResponderTests {
    private func responder() -> DigestResponder {
        DigestResponder(
            username: "Mufasa", password: "Circle of Life", hashes: TestHashes.functions)
    }

    private func value(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

    @Test func nothingIsSaidBeforeAChallenge() {
        var responder = responder()
        #expect(!responder.isChallenged)
        #expect(responder.credentials(method: .invite, uri: "sip:a".utf8, cnonce: [0x61]) == nil)
    }

    @Test func theStrongestKnownAlgorithmIsTaken() throws {
        var responder = responder()
        let action = responder.challenged(by: [
            value(#"Digest realm="r", nonce="1", algorithm=MD5, qop="auth""#),
            value(#"Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth""#),
            value(#"Digest realm="r", nonce="3", algorithm=SHA-1024, qop="auth""#),
            value(#"Digest realm="r", nonce="4", algorithm=SHA-256, qop="auth""#),
        ])
        #expect(action == .answer)
        let made = responder.credentials(method: .register, uri: "sip:r".utf8, cnonce: [0x61])
        let field = try #require(made)
        let read = try #require(DigestCredentials(parsing: field[...]))
        #expect(read.algorithm == .sha256)
        #expect(read.nonce == Array("2".utf8))
    }

    @Test func challengesThatCannotBeAnsweredAreUnsupported() {
        var responder = responder()
        #expect(
            responder.challenged(by: [
                value("Basic realm=x"), value(#"Digest realm="r", nonce="n", algorithm=X"#),
            ]) == .unsupported)
        #expect(responder.challenged(by: []) == .unsupported)
        #expect(!responder.isChallenged)
    }

    @Test func theNonceCountRisesAndStartsAgainWithANewNonce() throws {
        var responder = responder()
        func count() throws -> [UInt8]? {
            let made = responder.credentials(method: .invite, uri: "sip:a".utf8, cnonce: [0x61])
            let field = try #require(made)
            return DigestCredentials(parsing: field[...])?.nonceCount
        }
        _ = responder.challenged(by: [value(#"Digest realm="r", nonce="1", qop="auth""#)])
        #expect(try count() == Array("00000001".utf8))
        #expect(try count() == Array("00000002".utf8))
        _ = responder.challenged(by: [value(#"Digest realm="r", nonce="1", qop="auth""#)])
        #expect(try count() == Array("00000003".utf8))
        _ = responder.challenged(by: [value(#"Digest realm="r", nonce="2", qop="auth""#)])
        #expect(try count() == Array("00000001".utf8))
    }

    @Test func aTrunkOfRFC2069IsAnsweredInItsForm() throws {
        var responder = DigestResponder(
            username: "Mufasa", password: "CircleOfLife", hashes: TestHashes.functions)
        _ = responder.challenged(by: [
            value(
                #"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#)
        ])
        let made = responder.credentials(
            method: .other(Array("GET".utf8)), uri: "/dir/index.html".utf8, cnonce: [0x61])
        let field = try #require(made)
        let read = try #require(DigestCredentials(parsing: field[...]))
        #expect(read.quality == nil && read.nonceCount == nil && read.cnonce == nil)
        #expect(read.response == Array("1949323746fe6a43ef61f9606e7febea".utf8))
    }

    @Test func opaqueComesBackAndQuotesAreEscaped() throws {
        var responder = DigestResponder(
            username: #"a"b"#, password: "p", hashes: TestHashes.functions)
        _ = responder.challenged(by: [
            value(#"Digest realm="r\"x", nonce="n", opaque="o\\p", qop="auth""#)
        ])
        let made = responder.credentials(method: .invite, uri: "sip:a".utf8, cnonce: [0x61])
        let field = try #require(made)
        let text = String(decoding: field, as: UTF8.self)
        #expect(text.contains(#"username="a\"b""#))
        #expect(text.contains(#"realm="r\"x""#))
        #expect(text.contains(#"opaque="o\\p""#))
        #expect(text.contains("qop=auth, nc=00000001"))
        #expect(DigestCredentials(parsing: field[...])?.usernameText == #"a"b"#)
    }

    @Test func authIntCoversTheBody() throws {
        func response(_ body: String) throws -> [UInt8] {
            var responder = responder()
            _ = responder.challenged(by: [value(#"Digest realm="r", nonce="n", qop="auth-int""#)])
            let made = responder.credentials(
                method: .invite, uri: "sip:a".utf8, body: body.utf8, cnonce: [0x61])
            let field = try #require(made)
            let read = try #require(DigestCredentials(parsing: field[...]))
            #expect(read.quality == Array("auth-int".utf8))
            return read.response
        }
        #expect(try response("v=0") != response("v=1"))
    }
}
