/// The arithmetic of digest: HA1, HA2 and the response (RFC 7616 §3.4.1-§3.4.3).
enum DigestComputation {
    /// `H(user:realm:password)` in hexadecimal digits.
    static func ha1(
        _ algorithm: DigestAlgorithm, username: some Sequence<UInt8>, realm: some Sequence<UInt8>,
        password: some Sequence<UInt8>, hashes: HashFunctions
    ) -> [UInt8] {
        var text = Array(username)
        text.append(colon)
        text.append(contentsOf: realm)
        text.append(colon)
        text.append(contentsOf: password)
        return hashes.hex(algorithm, text)
    }

    /// `H(method:uri)`, or `H(method:uri:H(body))` for `auth-int`.
    static func ha2(
        _ algorithm: DigestAlgorithm, method: some Sequence<UInt8>, uri: some Sequence<UInt8>,
        body: [UInt8]?, hashes: HashFunctions
    ) -> [UInt8] {
        var text = Array(method)
        text.append(colon)
        text.append(contentsOf: uri)
        if let body {
            text.append(colon)
            text.append(contentsOf: hashes.hex(algorithm, body))
        }
        return hashes.hex(algorithm, text)
    }

    /// What a `qop` adds to the response.
    struct Quality {
        /// As sent: eight hexadecimal digits.
        var nonceCount: [UInt8]
        var cnonce: [UInt8]
        /// `auth` or `auth-int`.
        var name: [UInt8]
    }

    /// `H(HA1:nonce:nc:cnonce:qop:HA2)`; `H(HA1:nonce:HA2)` without a quality (RFC 2069).
    static func response(
        _ algorithm: DigestAlgorithm, ha1: some Sequence<UInt8>, nonce: some Sequence<UInt8>,
        quality: Quality?, ha2: some Sequence<UInt8>, hashes: HashFunctions
    ) -> [UInt8] {
        var text = Array(ha1)
        text.append(colon)
        text.append(contentsOf: nonce)
        text.append(colon)
        if let quality {
            text.append(contentsOf: quality.nonceCount)
            text.append(colon)
            text.append(contentsOf: quality.cnonce)
            text.append(colon)
            text.append(contentsOf: quality.name)
            text.append(colon)
        }
        text.append(contentsOf: ha2)
        return hashes.hex(algorithm, text)
    }

    private static let colon = UInt8(ascii: ":")
}
