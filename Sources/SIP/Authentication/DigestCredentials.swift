/// What an Authorization or Proxy-Authorization field claims (RFC 7616 §3.4).
///
/// Nothing in it is proven before `DigestChallenger.verify` says so.
public struct DigestCredentials: Hashable, Sendable {
    /// Without quotes and escapes.
    public var username: [UInt8]
    public var realm: [UInt8]
    public var nonce: [UInt8]
    public var uri: [UInt8]
    /// Hexadecimal digits.
    public var response: [UInt8]
    /// `nil` when the algorithm is one that is not known here.
    public var algorithm: DigestAlgorithm?
    public var quality: [UInt8]?
    public var cnonce: [UInt8]?
    public var nonceCount: [UInt8]?

    /// The value of one field. `nil` when it is not digest or lacks what every digest has.
    public init?(parsing value: ArraySlice<UInt8>) {
        guard let parameters = DigestParameters(parsing: value),
            let username = parameters.value("username"), let realm = parameters.value("realm"),
            let nonce = parameters.value("nonce"), let uri = parameters.value("uri"),
            let response = parameters.value("response")
        else { return nil }
        self.username = username
        self.realm = realm
        self.nonce = nonce
        self.uri = uri
        self.response = response
        if let name = parameters.value("algorithm") {
            self.algorithm = DigestAlgorithm(name: name)
        } else {
            self.algorithm = .md5
        }
        self.quality = parameters.value("qop")
        self.cnonce = parameters.value("cnonce")
        self.nonceCount = parameters.value("nc")
    }

    /// `nil` when the bytes are no UTF-8.
    public var usernameText: String? { String(validating: username, as: UTF8.self) }
}
