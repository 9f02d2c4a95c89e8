/// The side that knows the password: answers the 401 and 407 of a trunk (RFC 7616, RFC 3261 §22.2).
///
/// It remembers the last challenge, so that later requests bring credentials at once and count the
/// uses of the nonce. Try a request again once only after a challenge: a second challenge to the
/// same request means that the password is wrong, unless it `isStale`, which once is enough too.
public struct DigestResponder: Sendable {
    public let username: String
    private let password: String
    private let hashes: HashFunctions
    private var challenge: DigestChallenge?
    private var nonceCount: UInt32

    public init(username: String, password: String, hashes: HashFunctions) {
        self.username = username
        self.password = password
        self.hashes = hashes
        self.challenge = nil
        self.nonceCount = 0
    }

    /// Whether a challenge is remembered, so that `credentials` gives something.
    public var isChallenged: Bool { challenge != nil }

    /// Whether the last challenge says that the password was right and the nonce too old (RFC 7616 §3.3).
    public var isStale: Bool { challenge?.isStale == true }

    public enum ChallengeAction: Hashable, Sendable {
        /// Send the request again with `credentials` and a new CSeq.
        case answer
        /// No challenge among them can be answered: the response stands.
        case unsupported
    }

    /// A 401 or 407 with these WWW-Authenticate or Proxy-Authenticate values has come. Takes the
    /// strongest algorithm, the first in order among equals.
    public mutating func challenged(by values: some Sequence<ArraySlice<UInt8>>) -> ChallengeAction
    {
        var best: DigestChallenge?
        for value in values {
            guard let candidate = DigestChallenge(parsing: value) else { continue }
            if let current = best, current.algorithm >= candidate.algorithm { continue }
            best = candidate
        }
        guard let best else { return .unsupported }
        if challenge?.nonce != best.nonce { nonceCount = 0 }
        challenge = best
        return .answer
    }

    /// The value of the Authorization or Proxy-Authorization field; `nil` before the first
    /// challenge.
    ///
    /// - Parameters:
    ///   - uri: the Request-URI of the request it goes into.
    ///   - cnonce: a fresh one of the token generator.
    ///   - body: needed when only `auth-int` is offered.
    public mutating func credentials(
        method: Method, uri: some Collection<UInt8>, body: some Collection<UInt8> = [],
        cnonce: [UInt8]
    ) -> [UInt8]? {
        guard let challenge else { return nil }
        nonceCount &+= 1
        var quality: DigestComputation.Quality?
        if challenge.offersAuth || challenge.offersAuthInt {
            quality = .init(
                nonceCount: DigestText.hex(UInt64(nonceCount), count: 8), cnonce: cnonce,
                name: Array((challenge.offersAuth ? "auth" : "auth-int").utf8))
        }
        let isIntegrity = quality != nil && !challenge.offersAuth
        let algorithm = challenge.algorithm
        let response = DigestComputation.response(
            algorithm,
            ha1: DigestComputation.ha1(
                algorithm, username: username.utf8, realm: challenge.realm, password: password.utf8,
                hashes: hashes),
            nonce: challenge.nonce, quality: quality,
            ha2: DigestComputation.ha2(
                algorithm, method: method.bytes, uri: uri, body: isIntegrity ? Array(body) : nil,
                hashes: hashes),
            hashes: hashes)
        return field(challenge, uri: uri, quality: quality, response: response)
    }

    private func field(
        _ challenge: DigestChallenge, uri: some Collection<UInt8>,
        quality: DigestComputation.Quality?, response: [UInt8]
    ) -> [UInt8] {
        var value: [UInt8] = []
        value.reserveCapacity(320)
        DigestText.append("Digest username=", to: &value)
        DigestText.appendQuoted(username.utf8, to: &value)
        DigestText.append(", realm=", to: &value)
        DigestText.appendQuoted(challenge.realm, to: &value)
        DigestText.append(", nonce=", to: &value)
        DigestText.appendQuoted(challenge.nonce, to: &value)
        DigestText.append(", uri=", to: &value)
        DigestText.appendQuoted(uri, to: &value)
        DigestText.append(", response=", to: &value)
        DigestText.appendQuoted(response, to: &value)
        DigestText.append(", algorithm=", to: &value)
        DigestText.append(challenge.algorithm.name, to: &value)
        if let quality {
            // Neither qop nor nc is quoted here, unlike in the challenge (RFC 7616 §3.4).
            DigestText.append(", qop=", to: &value)
            value.append(contentsOf: quality.name)
            DigestText.append(", nc=", to: &value)
            value.append(contentsOf: quality.nonceCount)
            DigestText.append(", cnonce=", to: &value)
            DigestText.appendQuoted(quality.cnonce, to: &value)
        }
        if let opaque = challenge.opaque {
            DigestText.append(", opaque=", to: &value)
            DigestText.appendQuoted(opaque, to: &value)
        }
        return value
    }
}
