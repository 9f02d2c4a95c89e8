/// The side that asks for a password and checks the answer (RFC 7616, RFC 8760, RFC 3261 §22).
///
/// It keeps nothing about the nonces it gave out: a nonce is the time, a random number and a keyed
/// hash of both and of the client's address, so that a flood of first requests costs no memory, and
/// that an answer is worth nothing to whoever sends it from elsewhere. Only `qop=auth` is offered and
/// taken.
public struct DigestChallenger: Sendable {
    public let realm: String
    /// How long a nonce may be used.
    public let lifetime: Instant.Span
    /// What is offered, strongest first.
    public let algorithms: [DigestAlgorithm]
    private let key: [UInt8]
    private let hashes: HashFunctions

    /// - Parameters:
    ///   - key: 32 to 64 bytes that nobody else has; a shorter key traps. With a new key (or clock)
    ///     after a restart, running clients see their nonce called stale and go on by themselves.
    ///   - algorithms: at least one.
    public init(
        realm: String, key: [UInt8], lifetime: Instant.Span = .seconds(300),
        algorithms: [DigestAlgorithm] = DigestAlgorithm.allCases, hashes: HashFunctions
    ) {
        precondition((32...64).contains(key.count), "a nonce key is 32 to 64 bytes")
        precondition(!algorithms.isEmpty, "a challenge offers at least one algorithm")
        self.realm = realm
        self.key = key
        self.lifetime = lifetime
        self.algorithms = algorithms.sorted(by: >)
        self.hashes = hashes
    }

    /// The values of the WWW-Authenticate or Proxy-Authenticate fields, in the order in which they
    /// go out: strongest algorithm first (RFC 8760 §2.3). Two hashes.
    ///
    /// - Parameters:
    ///   - random: a fresh number of the token generator.
    ///   - client: the address that is asked; the nonce is good there only.
    ///   - stale: `verify` said so; the client then answers without asking for a password.
    ///   - some: which of the algorithms are offered; nil for all.
    public func challenges(
        now: Instant, random: UInt64, client: IPAddress? = nil, stale: Bool = false,
        by some: [DigestAlgorithm]? = nil
    ) -> [[UInt8]] {
        let nonce = makeNonce(time: now, random: random, client: client)
        return (some ?? algorithms).map { algorithm in
            var value: [UInt8] = []
            value.reserveCapacity(160 + realm.utf8.count)
            DigestText.append("Digest realm=", to: &value)
            DigestText.appendQuoted(realm.utf8, to: &value)
            DigestText.append(", nonce=", to: &value)
            DigestText.appendQuoted(nonce, to: &value)
            DigestText.append(", algorithm=", to: &value)
            DigestText.append(algorithm.name, to: &value)
            DigestText.append(", qop=\"auth\"", to: &value)
            if stale { DigestText.append(", stale=true", to: &value) }
            return value
        }
    }

    /// The first digest credentials for this realm among the fields of a request; `nil` when the
    /// request has none and has to be challenged.
    ///
    /// - Parameter name: `.authorization` or `.proxyAuthorization`.
    public func credentials(in request: Message, _ name: HeaderName) -> DigestCredentials? {
        for value in request.values(name) {
            if let credentials = DigestCredentials(parsing: value),
                credentials.realm.elementsEqual(realm.utf8)
            {
                return credentials
            }
        }
        return nil
    }

    public enum Verdict: Hashable, Sendable {
        /// The password was known to who wrote this.
        case ok
        /// The nonce is too old, or not ours, or not of this client: challenge again with `stale`.
        /// Whether the password was right is not said.
        case stale
        /// A wrong password, an unknown user or another realm.
        case wrong
        /// A part is missing or contradicts the request: 400 (RFC 7616 §3.4.6).
        case malformed
        /// An algorithm that was not offered.
        case unsupportedAlgorithm
    }

    /// Checks credentials against a secret. Five hashes, and one where the nonce is stale.
    ///
    /// - Parameters:
    ///   - requestURI: as it stands in the request; the `uri` of the credentials must be equal to
    ///     it, by bytes or as a URI (RFC 3261 §19.1.4).
    ///   - secret: of the user who is claimed. `nil` for an unknown one: it takes as long and is
    ///     wrong.
    ///   - client: the address that the request came from.
    public func verify(
        _ credentials: DigestCredentials, method: Method, requestURI: ArraySlice<UInt8>,
        secret: StoredSecret?, client: IPAddress? = nil, now: Instant
    ) -> Verdict {
        guard let algorithm = credentials.algorithm, algorithms.contains(algorithm) else {
            return .unsupportedAlgorithm
        }
        // Without a quality (RFC 2069) a response could be replayed with any count.
        guard let quality = credentials.quality, DigestText.isEqual(quality, "auth"),
            let cnonce = credentials.cnonce, !cnonce.isEmpty,
            let nonceCount = credentials.nonceCount, nonceCount.count == 8,
            DigestText.number(hex: nonceCount) != nil,
            isSameURI(credentials.uri[...], requestURI)
        else { return .malformed }
        // Before the password: nobody is to try passwords with a nonce of his own making.
        guard isFresh(nonce: credentials.nonce, client: client, now: now) else { return .stale }
        let known = secret ?? Self.nobody
        let ha2 = DigestComputation.ha2(
            algorithm, method: method.bytes, uri: credentials.uri, body: nil, hashes: hashes)
        let expected = DigestComputation.response(
            algorithm, ha1: known.ha1(algorithm).utf8, nonce: credentials.nonce,
            quality: .init(nonceCount: nonceCount, cnonce: cnonce, name: quality), ha2: ha2,
            hashes: hashes)
        let isRight = DigestText.isSame(expected, credentials.response)
        guard isRight, secret != nil, credentials.realm.elementsEqual(realm.utf8) else {
            return .wrong
        }
        return .ok
    }

    private func isSameURI(_ claimed: ArraySlice<UInt8>, _ actual: ArraySlice<UInt8>) -> Bool {
        if claimed.elementsEqual(actual) { return true }
        // A proxy may have spelled it otherwise on the way, but no proxy makes so much of it: to read it
        // all is what only a stranger who wants to hold us up asks for.
        guard claimed.count <= Self.comparedBytes, actual.count <= Self.comparedBytes,
            let claimed = URI(parsing: claimed),
            let actual = URI(parsing: actual)
        else { return false }
        return claimed == actual
    }

    /// A longer URI has to be the same byte for byte.
    private static let comparedBytes = 1024

    /// 64 hexadecimal digits: time, random number, and half of the keyed hash of both, the client's
    /// address and the realm.
    private func makeNonce(time: Instant, random: UInt64, client: IPAddress?) -> [UInt8] {
        let text =
            DigestText.hex(UInt64(bitPattern: time.nanoseconds), count: 16)
            + DigestText.hex(random, count: 16)
        var sealed = text
        if let client {
            // An IPv6 host changes the second half by itself.
            sealed += DigestText.hex(client.isV4 ? client.low : client.high, count: 16)
        }
        return text + DigestText.hex(hashes.keyedHash(key: key, sealed + realm.utf8).prefix(16))
    }

    private func isFresh(nonce: [UInt8], client: IPAddress?, now: Instant) -> Bool {
        guard nonce.count == 64, let time = DigestText.number(hex: nonce[..<16]),
            let random = DigestText.number(hex: nonce[16..<32])
        else { return false }
        let made = Instant(nanoseconds: Int64(bitPattern: time))
        guard DigestText.isSame(makeNonce(time: made, random: random, client: client), nonce) else {
            return false
        }
        return made <= now && now <= made + lifetime
    }

    /// Nobody's secret: no hash is known to give these digits.
    private static let nobody = StoredSecret(
        md5: String(repeating: "0", count: 32), sha256: String(repeating: "0", count: 64),
        sha512t256: String(repeating: "0", count: 64))
}
