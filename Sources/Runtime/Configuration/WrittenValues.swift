import SIP

extension Instant.Span {
    /// Reads a whole number and its unit: `500ms`, `3s`, `5m`, `1h`, and a bare `0`.
    ///
    /// Nil for anything else, and for more than 1,000 days, where a typing error is likelier.
    public init?(written text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, let count = Int64(digits), count <= 86_400_000_000 else {
            return nil
        }
        let unit: Int64
        switch text.dropFirst(digits.count) {
        case "ms": unit = 1
        case "s": unit = 1000
        case "m": unit = 60_000
        case "h": unit = 3_600_000
        case "" where count == 0: unit = 1
        default: return nil
        }
        let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow, milliseconds <= 86_400_000_000 else { return nil }
        self.init(nanoseconds: milliseconds * 1_000_000)
    }

    /// As a file writes it, in the largest unit that keeps it whole.
    public var written: String {
        let count = milliseconds
        if count == 0 { return "0" }
        if count % 3_600_000 == 0 { return "\(count / 3_600_000)h" }
        if count % 60_000 == 0 { return "\(count / 60_000)m" }
        if count % 1000 == 0 { return "\(count / 1000)s" }
        return "\(count)ms"
    }
}

/// Lengths of time as people type them, for commands.
public enum WrittenLength {
    /// Reads `500ms`, `90s`, `3m`, `1h` as milliseconds; nil for anything else.
    public static func milliseconds(_ text: String) -> Int64? {
        Instant.Span(written: text)?.milliseconds
    }
}

extension Endpoint {
    /// Reads `192.0.2.7`, `192.0.2.7:5060`, `[2001:db8::7]:5060`, `[2001:db8::7]` and `2001:db8::7`.
    ///
    /// Nil for a name, a port outside 1 to 65,535, or anything else.
    public init?(written text: String, defaultPort: UInt16) {
        var host = text[...]
        var port = defaultPort
        let colons = text.utf8.count { $0 == UInt8(ascii: ":") }
        if text.hasPrefix("["), let close = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":"), let written = UInt16(rest.dropFirst()) else {
                    return nil
                }
                port = written
            }
        } else if colons == 1, let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            guard let written = UInt16(text[text.index(after: colon)...]) else { return nil }
            port = written
        }
        guard port > 0, let ip = IPAddress(parsing: Array(host.utf8)[...]) else { return nil }
        self.init(ip: ip, port: port)
    }
}

extension IPAddress {
    /// `0.0.0.0` or `::`: every address of the machine.
    var isUnspecified: Bool { high == 0 && (low == 0 || self == IPAddress(v4: 0)) }
}
