import SIP

/// Takes what was dialled with a PIN in it out of whole messages and addresses, as they are written
/// into the journal: the journal stands on the disk as long as the call lasts, and the PIN must not.
///
/// Request-URI and To then have another user part than the caller wrote. What finds a transaction and
/// a dialog again stays as it was: Via, Call-ID, CSeq and the tags (RFC 3261 §17.1.3, §12.2.2).
struct DialledMask {
    /// The user part as it stands in a message, and what stands in the journal for it.
    private var users: [(dialled: [UInt8], masked: [UInt8])] = []

    /// - Parameters:
    ///   - secrets: the PINs in it.
    ///   - uris: all in which it may stand.
    init(secrets: [String], uris: [ArraySlice<UInt8>]) {
        for uri in uris {
            guard let view = URI(parsing: uri), let user = view.user else { continue }
            let text = String(decoding: user, as: UTF8.self)
            var masked = PINMask.masked(dialled: text, secrets)
            // A digit may stand there as an escape.
            let unescaped = view.userUnescaped
            if text != unescaped, PINMask.masked(dialled: unescaped, secrets) != unescaped,
                masked == text
            {
                masked = "****"
            }
            guard masked != text, !users.contains(where: { $0.dialled.elementsEqual(user) })
            else { continue }
            users.append((Array(user), Array(masked.utf8)))
        }
        // One may be the beginning of another.
        users.sort { $0.dialled.count > $1.dialled.count }
    }

    /// The bytes with every such user part masked.
    func masked(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var rest = ArraySlice(bytes)
        guard !users.isEmpty else { return Array(rest) }
        var result: [UInt8] = []
        result.reserveCapacity(rest.count)
        while let byte = rest.first {
            if let user = users.first(where: { rest.starts(with: $0.dialled) }) {
                result.append(contentsOf: user.masked)
                rest = rest.dropFirst(user.dialled.count)
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}
