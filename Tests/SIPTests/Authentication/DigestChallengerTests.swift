import Synchronization
import Testing

@testable import SIP

@Suite struct DigestChallengerTests {
    private let hashes = TestHashes.functions
    private let start = Instant(nanoseconds: 1_000_000_000_000)
    private var challenger: DigestChallenger {
        DigestChallenger(
            realm: "tandem", key: [UInt8](repeating: 7, count: 32), lifetime: .seconds(60),
            hashes: hashes)
    }
    private var secret: StoredSecret {
        StoredSecret(username: "8001", realm: "tandem", password: "s3cret", hashes: hashes)
    }
    private let uri = Array("sip:tandem".utf8)

    /// What a client answers to the challenge at this place of the list.
    private func answer(
        _ place: Int = 0, password: String = "s3cret", at time: Instant? = nil,
        challenger: DigestChallenger? = nil, uri: [UInt8]? = nil
    ) throws -> DigestCredentials {
        let values = (challenger ?? self.challenger).challenges(now: time ?? start, random: 42)
        var responder = DigestResponder(username: "8001", password: password, hashes: hashes)
        #expect(responder.challenged(by: [values[place][...]]) == .answer)
        let made = responder.credentials(
            method: .register, uri: uri ?? self.uri, cnonce: Array("c0ffee".utf8))
        let value = try #require(made)
        return try #require(DigestCredentials(parsing: value[...]))
    }

    private func verdict(
        _ credentials: DigestCredentials, method: SIP.Method = .register,
        uri: String = "sip:tandem",
        secret: StoredSecret?, after seconds: Int = 1
    ) -> DigestChallenger.Verdict {
        challenger.verify(
            credentials, method: method, requestURI: Array(uri.utf8)[...], secret: secret,
            now: start + .seconds(seconds))
    }

    @Test func challengesGoOutStrongestFirst() {
        let values = challenger.challenges(now: start, random: 1).map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(values.count == 3)
        #expect(values[0].contains("algorithm=SHA-512-256"))
        #expect(values[1].contains("algorithm=SHA-256"))
        #expect(values[2].contains("algorithm=MD5"))
        #expect(values.allSatisfy { $0.hasPrefix(#"Digest realm="tandem", nonce=""#) })
        #expect(values.allSatisfy { $0.contains(#"qop="auth""#) && !$0.contains("stale") })
    }

    @Test func staleIsSaid() {
        let values = challenger.challenges(now: start, random: 1, stale: true)
        #expect(values.allSatisfy { DigestChallenge(parsing: $0[...])?.isStale == true })
    }

    @Test(arguments: [0, 1, 2]) func theRightPasswordIsOKWithEachAlgorithm(_ place: Int) throws {
        #expect(try verdict(answer(place), secret: secret) == .ok)
    }

    @Test(arguments: [0, 1, 2]) func aWrongPasswordIsWrong(_ place: Int) throws {
        #expect(try verdict(answer(place, password: "guess"), secret: secret) == .wrong)
    }

    @Test func anUnknownUserIsAsWrongAsAWrongPassword() throws {
        #expect(try verdict(answer(), secret: nil) == .wrong)
    }

    @Test func aNonceIsGoodToTheEndOfItsLifetimeAndStaleAfter() throws {
        #expect(try verdict(answer(), secret: secret, after: 60) == .ok)
        #expect(try verdict(answer(), secret: secret, after: 61) == .stale)
    }

    @Test func aNonceFromTheFutureIsStale() throws {
        #expect(try verdict(answer(at: start + .seconds(10)), secret: secret) == .stale)
    }

    @Test func aNonceOfAnotherKeyIsStale() throws {
        let other = DigestChallenger(
            realm: "tandem", key: [UInt8](repeating: 8, count: 32), hashes: hashes)
        #expect(try verdict(answer(challenger: other), secret: secret) == .stale)
    }

    @Test func anOldNonceDoesNotTellAWrongPasswordFromARightOne() throws {
        #expect(
            try verdict(answer(password: "guess"), secret: secret, after: 1_000) == .stale)
    }

    @Test func credentialsForAnotherMethodAreWrong() throws {
        #expect(try verdict(answer(), method: .invite, secret: secret) == .wrong)
    }

    @Test func credentialsForAnotherURIAreMalformed() throws {
        #expect(
            try verdict(answer(), uri: "sip:0085212345678@tandem", secret: secret) == .malformed)
    }

    @Test func aURIThatIsEqualButSpelledOtherwiseIsOK() throws {
        #expect(try verdict(answer(), uri: "sip:TANDEM", secret: secret) == .ok)
    }

    @Test func theFormOfRFC2069IsRefused() throws {
        var credentials = try answer()
        credentials.quality = nil
        credentials.nonceCount = nil
        credentials.cnonce = nil
        #expect(verdict(credentials, secret: secret) == .malformed)
    }

    @Test(arguments: ["", "1", "0000001", "000000010", "0000000g"])
    func aMalformedNonceCountIsRefused(_ count: String) throws {
        var credentials = try answer()
        credentials.nonceCount = Array(count.utf8)
        #expect(verdict(credentials, secret: secret) == .malformed)
    }

    @Test func aChangedNonceCountIsWrong() throws {
        var credentials = try answer()
        credentials.nonceCount = Array("00000002".utf8)
        #expect(verdict(credentials, secret: secret) == .wrong)
    }

    @Test func anAlgorithmThatWasNotOfferedIsNotTaken() throws {
        let strict = DigestChallenger(
            realm: "tandem", key: [UInt8](repeating: 7, count: 32), algorithms: [.sha256],
            hashes: hashes)
        #expect(strict.challenges(now: start, random: 1).count == 1)
        let credentials = try answer(2)
        #expect(
            strict.verify(
                credentials, method: .register, requestURI: uri[...], secret: secret,
                now: start + .seconds(1)) == .unsupportedAlgorithm)
    }

    @Test func credentialsOfAnotherRealmAreWrong() throws {
        var credentials = try answer()
        credentials.realm = Array("elsewhere".utf8)
        #expect(verdict(credentials, secret: secret) == .wrong)
    }

    @Test func theCredentialsOfThisRealmAreFoundAmongSeveral() throws {
        let fields = """
            Authorization: Basic abc
            Authorization: Digest username="x", realm="other", nonce="n", uri="u", response="0"
            Authorization: Digest username="8001", realm="tandem", nonce="n", uri="u", response="0"
            """
        let request = try MachineFixture.message(
            MachineFixture.request("REGISTER sip:tandem SIP/2.0", "1 REGISTER", extra: fields))
        #expect(challenger.credentials(in: request, .authorization)?.usernameText == "8001")
        #expect(challenger.credentials(in: request, .proxyAuthorization) == nil)
    }

    @Test func changedNoncesNeverPass() throws {
        let credentials = try answer()
        for index in credentials.nonce.indices {
            var changed = credentials
            changed.nonce[index] = changed.nonce[index] == 0x30 ? 0x31 : 0x30
            #expect(verdict(changed, secret: secret) == .stale)
        }
    }

    @Test func aNonceIsGoodAtTheAddressItWasGivenToOnly() throws {
        func verdict(given: String, used: String) throws -> DigestChallenger.Verdict {
            let given = try #require(IPAddress(given))
            let used = try #require(IPAddress(used))
            let values = challenger.challenges(now: start, random: 42, client: given)
            var responder = DigestResponder(
                username: "8001", password: "s3cret", hashes: hashes)
            #expect(responder.challenged(by: [values[0][...]]) == .answer)
            let made = responder.credentials(
                method: .register, uri: uri, cnonce: Array("c0ffee".utf8))
            let value = try #require(made)
            let credentials = try #require(DigestCredentials(parsing: value[...]))
            return challenger.verify(
                credentials, method: .register, requestURI: uri[...], secret: secret,
                client: used, now: start)
        }
        #expect(try verdict(given: "192.0.2.1", used: "192.0.2.1") == .ok)
        #expect(try verdict(given: "192.0.2.1", used: "192.0.2.2") == .stale)
        // An IPv6 host changes the second half of its address by itself.
        #expect(try verdict(given: "2001:db8::1", used: "2001:db8::2") == .ok)
        #expect(try verdict(given: "2001:db8::1", used: "2001:db8:0:1::1") == .stale)
    }

    /// How many bytes were hashed by which function, in order.
    private final class Work: Sendable {
        private let steps = Mutex<[String]>([])

        var all: [String] { steps.withLock { $0 } }

        func functions(_ hashes: HashFunctions) -> HashFunctions {
            func noted(
                _ name: String, _ function: @escaping HashFunctions.Function
            ) -> HashFunctions.Function {
                { [self] bytes in
                    steps.withLock { $0.append("\(name) \(bytes.count)") }
                    return function(bytes)
                }
            }
            return HashFunctions(
                md5: noted("md5", hashes.md5), sha256: noted("sha256", hashes.sha256),
                sha512t256: noted("sha512t256", hashes.sha512t256))
        }
    }

    @Test(arguments: [0, 1, 2])
    func anUnknownUserIsTheSameWorkAsAWrongPasswordAndARightOne(_ place: Int) throws {
        let right = try answer(place)
        let wrong = try answer(place, password: "guess")
        var seen: [[String]] = []
        let cases: [(DigestCredentials, StoredSecret?, DigestChallenger.Verdict)] = [
            (right, secret, .ok), (wrong, secret, .wrong), (wrong, nil, .wrong),
            (right, nil, .wrong),
        ]
        for (credentials, secret, verdict) in cases {
            let work = Work()
            let counted = DigestChallenger(
                realm: "tandem", key: [UInt8](repeating: 7, count: 32), lifetime: .seconds(60),
                hashes: work.functions(hashes))
            #expect(
                counted.verify(
                    credentials, method: .register, requestURI: uri[...], secret: secret,
                    now: start + .seconds(1)) == verdict)
            seen.append(work.all)
        }
        #expect(seen[0].count > 3)
        #expect(seen.allSatisfy { $0 == seen[0] }, "\(seen)")
    }
}
