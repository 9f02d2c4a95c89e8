extension URI: Equatable {
    /// Whether two URIs name the same resource (RFC 3261 §19.1.4, RFC 3966 §4).
    ///
    /// Escapes are resolved; scheme, host, parameter names and values compare in any case, the user
    /// part by case. A port or one of `user ttl method maddr transport` that only one of them has
    /// makes them differ; another parameter that only one has does not. Headers must be the same, in
    /// any order. The relation is not transitive, and that is the RFC's: `;a=1` and `;a=2` both equal
    /// the URI without. A table is keyed by `addressOfRecord` instead.
    public static func == (a: URI, b: URI) -> Bool {
        guard a.scheme == b.scheme else { return false }
        switch a.scheme {
        case .sip, .sips:
            return a.hasUserAndHost(of: b)
                && a.agreesOnParameters(with: b) && b.agreesOnParameters(with: a)
                && a.hasHeaders(of: b) && b.hasHeaders(of: a)
        case .tel:
            return a.addressOfRecord == b.addressOfRecord
                && a.hasParameters(of: b) && b.hasParameters(of: a)
        case .other:
            return a.addressOfRecord == b.addressOfRecord
        }
    }

    private func hasUserAndHost(of other: URI) -> Bool {
        guard index.hasUser == other.index.hasUser, index.port == other.index.port,
            index.hasPassword == other.index.hasPassword,
            sameIgnoringCase(host, other.host)
        else { return false }
        return unescape(index.user.slice(of: base))
            == unescape(other.index.user.slice(of: other.base))
            && unescape(index.password.slice(of: base))
                == unescape(other.index.password.slice(of: other.base))
    }

    /// Every parameter here is the same there, or absent there and one that may be.
    private func agreesOnParameters(with other: URI) -> Bool {
        let known = Self.byName(other.parameters)
        for parameter in parameters {
            guard let match = known[Self.name(parameter)] else {
                if Self.decisive.contains(where: { parameter.name.equals($0) }) { return false }
                continue
            }
            guard sameUnescaped(parameter.value, match.value, ignoringCase: true) else {
                return false
            }
        }
        return true
    }

    private func hasParameters(of other: URI) -> Bool {
        Self.all(of: other.parameters, in: parameters, ignoringCase: true)
    }

    private func hasHeaders(of other: URI) -> Bool {
        Self.all(of: other.headerFields, in: headerFields, ignoringCase: false)
    }

    /// Whether each of these is among those, with the same value.
    private static func all(
        of these: Parameters, in those: Parameters, ignoringCase: Bool
    ) -> Bool {
        let known = byName(those)
        for parameter in these {
            guard let match = known[name(parameter)],
                sameUnescaped(parameter.value, match.value, ignoringCase: ignoringCase)
            else { return false }
        }
        return true
    }

    /// The first of each name. A URI of 64 KB has thousands, and may be a stranger's: to look for each
    /// among all the others would hold everybody up.
    private static func byName(_ parameters: Parameters) -> [[UInt8]: Parameters.Element] {
        var first: [[UInt8]: Parameters.Element] = [:]
        for parameter in parameters {
            let name = name(parameter)
            if first[name] == nil { first[name] = parameter }
        }
        return first
    }

    private static func name(_ parameter: Parameters.Element) -> [UInt8] {
        unescape(parameter.name).map { $0.lowercased }
    }

    private static let decisive = ["user", "ttl", "method", "maddr", "transport"]
}

private func sameUnescaped(
    _ a: ArraySlice<UInt8>?, _ b: ArraySlice<UInt8>?, ignoringCase: Bool
) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    let plain = (unescape(a), unescape(b))
    return ignoringCase
        ? sameIgnoringCase(plain.0[...], plain.1[...]) : plain.0 == plain.1
}

/// Whether two texts are the same but for the case of ASCII letters.
func sameIgnoringCase(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    return zip(a, b).allSatisfy { $0.lowercased == $1.lowercased }
}

extension ArraySlice<UInt8> {
    /// Whether these bytes are this text in any case.
    public func equals(_ text: String) -> Bool {
        guard count <= MessageLimits.bytes else { return false }
        return span.equalsIgnoringCase(text, ByteRange(0, count))
    }
}
