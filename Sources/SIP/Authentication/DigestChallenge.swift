/// What a WWW-Authenticate or Proxy-Authenticate field asks (RFC 7616 §3.3).
public struct DigestChallenge: Hashable, Sendable {
    public var realm: [UInt8]
    public var nonce: [UInt8]
    public var opaque: [UInt8]?
    public var algorithm: DigestAlgorithm
    /// The earlier credentials were right but their nonce was too old: answer without asking
    /// anyone.
    public var isStale: Bool
    /// `auth` and `auth-int` as offered; both false means the form of RFC 2069.
    public var offersAuth: Bool
    public var offersAuthInt: Bool

    /// The value of one field. `nil` when it is no digest challenge, is malformed, or asks for an
    /// algorithm or a quality that is not known here.
    public init?(parsing value: ArraySlice<UInt8>) {
        guard let parameters = DigestParameters(parsing: value),
            let realm = parameters.value("realm"), let nonce = parameters.value("nonce")
        else { return nil }
        if let name = parameters.value("algorithm") {
            guard let algorithm = DigestAlgorithm(name: name) else { return nil }
            self.algorithm = algorithm
        } else {
            self.algorithm = .md5
        }
        self.realm = realm
        self.nonce = nonce
        self.opaque = parameters.value("opaque")
        self.isStale = parameters.value("stale").map { DigestText.isEqual($0, "true") } ?? false
        self.offersAuth = false
        self.offersAuthInt = false
        if let qualities = parameters.value("qop") {
            for quality in qualities.split(separator: .comma) {
                let name = quality.drop(while: \.isLWS).prefix { !$0.isLWS }
                if DigestText.isEqual(name, "auth") { offersAuth = true }
                if DigestText.isEqual(name, "auth-int") { offersAuthInt = true }
            }
            guard offersAuth || offersAuthInt else { return nil }
        }
    }
}
