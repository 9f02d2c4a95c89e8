extension IPAddress: CustomStringConvertible {
    /// Reads `192.0.2.1`, `2001:db8::1` or `[2001:db8::1]`; nil for anything else.
    ///
    /// IPv4 wants four decimal numbers without leading zeros. An IPv6 address may end in an IPv4
    /// address (RFC 4291 §2.2); a zone is refused.
    public init?(parsing text: ArraySlice<UInt8>) {
        var text = text
        if text.count > 2, text.first == UInt8(ascii: "["), text.last == UInt8(ascii: "]") {
            text = text.dropFirst().dropLast()
            guard text.contains(.colon) else { return nil }
        }
        guard text.count <= 45 else { return nil }
        if text.contains(.colon) {
            guard let address = Self.readV6(text) else { return nil }
            self = address
        } else {
            guard let v4 = Self.readV4(text) else { return nil }
            self.init(v4: v4)
        }
    }

    public init?(_ text: String) { self.init(parsing: Array(text.utf8)[...]) }

    /// `192.0.2.1`, or IPv6 as RFC 5952 §4 writes it, without brackets.
    public var description: String {
        if isV4 { return Self.dotted(v4) }
        let groups = (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index & 3)))
        }
        var longest = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, groups[end] == 0 { end += 1 }
            if end - index > max(1, longest.count) { longest = index..<end }
            index = max(end, index + 1)
        }
        let hex = groups.map { String($0, radix: 16) }
        guard !longest.isEmpty else { return hex.joined(separator: ":") }
        return hex[..<longest.lowerBound].joined(separator: ":") + "::"
            + hex[longest.upperBound...].joined(separator: ":")
    }

    private static func dotted(_ v4: UInt32) -> String {
        "\(v4 >> 24).\(v4 >> 16 & 255).\(v4 >> 8 & 255).\(v4 & 255)"
    }

    private static func readV4(_ text: ArraySlice<UInt8>) -> UInt32? {
        let span = text.span
        var address: UInt32 = 0
        var start = 0
        for part in 0..<4 {
            var end = start
            while end < span.count, span[end] != 0x2e { end += 1 }
            guard end - start <= 3, end - start == 1 || start < end && span[start] != 0x30,
                let number = span.number(from: start, to: end, limit: 255),
                (end < span.count) == (part < 3)
            else { return nil }
            address = address << 8 | number
            start = end + 1
        }
        return address
    }

    private static func readV6(_ text: ArraySlice<UInt8>) -> IPAddress? {
        var groups: [UInt16] = []
        /// How many groups stand before `::`.
        var gap: Int?
        var rest = text
        if rest.starts(with: [.colon, .colon]) {
            gap = 0
            rest = withoutThirdColon(rest.dropFirst(2))
        }
        while !rest.isEmpty {
            let part = rest.prefix { $0 != .colon }
            if part.contains(0x2e) {
                guard part.count == rest.count, let v4 = readV4(part) else { return nil }
                groups += [UInt16(v4 >> 16), UInt16(truncatingIfNeeded: v4)]
                break
            }
            guard (1...4).contains(part.count) else { return nil }
            var value: UInt16 = 0
            for byte in part {
                guard let digit = byte.hexValue else { return nil }
                value = value << 4 | UInt16(digit)
            }
            groups.append(value)
            rest = rest.dropFirst(part.count)
            if rest.isEmpty { break }
            rest = rest.dropFirst()
            guard !rest.isEmpty else { return nil }
            if rest.first == .colon {
                guard gap == nil else { return nil }
                gap = groups.count
                rest = rest.dropFirst()
                rest = withoutThirdColon(rest)
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(
                contentsOf: Array(repeating: 0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let half = { (part: ArraySlice<UInt16>) in
            part.reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        }
        return IPAddress(high: half(groups[..<4]), low: half(groups[4...]))
    }

    /// By the grammar of RFC 3261 three colons can stand before an IPv4 address; two are meant
    /// (RFC 5118 §4.10).
    private static func withoutThirdColon(_ rest: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let behind = rest.dropFirst()
        guard rest.first == .colon, behind.contains(0x2e), !behind.contains(.colon) else {
            return rest
        }
        return behind
    }
}

extension Endpoint: CustomStringConvertible {
    /// Reads `192.0.2.1:5060` or `[2001:db8::1]:5060`.
    public init?(parsing text: ArraySlice<UInt8>) {
        guard let colon = text.lastIndex(of: .colon), let port = readPort(text[(colon + 1)...])
        else { return nil }
        let host = text[..<colon]
        guard !host.contains(.colon) || host.first == UInt8(ascii: "["),
            let ip = IPAddress(parsing: host)
        else { return nil }
        self.init(ip: ip, port: port)
    }

    public init?(_ text: String) { self.init(parsing: Array(text.utf8)[...]) }

    /// `192.0.2.1:5060` or `[2001:db8::1]:5060`.
    public var description: String { ip.isV4 ? "\(ip):\(port)" : "[\(ip)]:\(port)" }
}
