import SIP

/// Who asked for a password: a far side may do so after the proxy before it has (RFC 3261 §22.3).
struct Challengers: OptionSet, Sendable {
    let rawValue: UInt8
    /// By 401.
    static let farSide = Challengers(rawValue: 1)
    /// By 407.
    static let proxy = Challengers(rawValue: 2)
    /// One of them had nothing against the password, but its nonce was too old (RFC 7616 §3.3).
    static let stale = Challengers(rawValue: 4)
}

/// What answers a trunk's challenges, with one password for its proxy and for whoever is behind that.
struct TrunkDigest: Sendable {
    private var farSide: DigestResponder
    private var proxy: DigestResponder

    init(_ credentials: TrunkCredentials, hashes: HashFunctions) {
        farSide = DigestResponder(
            username: credentials.username, password: credentials.password, hashes: hashes)
        proxy = farSide
    }

    /// A 401 or 407 has come.
    ///
    /// - Returns: who asks in it, and whether only for a newer nonce; nil where nobody does, or by nothing
    ///   that we can answer.
    mutating func challenged(by response: Message) -> Challengers? {
        switch response.status {
        case 401:
            guard farSide.challenged(by: response.values(.wwwAuthenticate)) == .answer else {
                return nil
            }
            return farSide.isStale ? [.farSide, .stale] : .farSide
        case 407:
            guard proxy.challenged(by: response.values(.proxyAuthenticate)) == .answer else {
                return nil
            }
            return proxy.isStale ? [.proxy, .stale] : .proxy
        default: return nil
        }
    }

    /// The fields that all of these want to see: what the first one asked for has to stand there again
    /// when another asks.
    mutating func credentials(
        for request: Message, to challengers: Challengers, cnonce: [UInt8]
    ) -> [(name: HeaderName, value: [UInt8])] {
        var fields: [(name: HeaderName, value: [UInt8])] = []
        if challengers.contains(.farSide),
            let value = farSide.credentials(
                method: request.method, uri: request.requestURI, body: request.body, cnonce: cnonce)
        {
            fields.append((.authorization, value))
        }
        if challengers.contains(.proxy),
            let value = proxy.credentials(
                method: request.method, uri: request.requestURI, body: request.body, cnonce: cnonce)
        {
            fields.append((.proxyAuthorization, value))
        }
        return fields
    }
}
