import SIP

/// One `m=` line with what follows it (RFC 4566 §5.14).
///
/// A view: the slices share the description's buffer.
public struct Media: Sendable {
    /// `audio`, `video`, `image` and so on, as written.
    public var kind: ArraySlice<UInt8>
    /// Zero when the stream is refused or removed (RFC 3264 §6, §8.2).
    public var port: UInt16
    /// `RTP/AVP` and its like, as written.
    public var transport: ArraySlice<UInt8>
    /// The payload types or other formats, as written, separated by spaces.
    public var formats: ArraySlice<UInt8>
    /// Of its own `c=` line, or else the session's; `nil` when there is neither.
    public var connection: Connection?
    /// Of its own attribute, or else the session's, or else `sendrecv`.
    public var direction: MediaDirection
    /// The values of its own `a=` lines, in their order: `rtpmap:8 PCMA/8000`.
    public var attributes: [ArraySlice<UInt8>] = []

    /// What stands behind the colon in each of its own attributes of this name: of `rtpmap` the value
    /// `8 PCMA/8000`. Names compare by case.
    public func values(of attribute: StaticString) -> [ArraySlice<UInt8>] {
        attributes.compactMap { attributeValue(of: $0, named: attribute) }
    }

    public var isAudio: Bool { ("audio" as StaticString).isEqual(to: kind) }

    /// Refused or removed: its port is zero.
    public var isRejected: Bool { port == 0 }

    /// Whether the writer wants to hear nothing for now: `sendonly`, `inactive`, or the connection
    /// address 0.0.0.0 of RFC 2543 (RFC 3264 §8.4).
    public var isHeld: Bool {
        if let ip = connection?.ip, ip == IPAddress(v4: 0) { return true }
        switch direction {
        case .sendonly, .inactive: return true
        case .sendrecv, .recvonly: return false
        }
    }

    /// Where the writer wants to receive; `nil` when the address is a name or missing, or the port
    /// is zero.
    public var endpoint: Endpoint? {
        guard !isRejected, let ip = connection?.ip else { return nil }
        return Endpoint(ip: ip, port: port)
    }

    /// The value of `m=`: `audio 49170/2 RTP/AVP 0 8`.
    init?(value: ArraySlice<UInt8>) {
        var rest = value
        guard let kind = takeWord(&rest), let ports = takeWord(&rest),
            let transport = takeWord(&rest)
        else { return nil }
        let port = ports.prefix { $0 != UInt8(ascii: "/") }
        guard let number = decimal(port), number <= 65_535 else { return nil }
        self.kind = kind
        self.port = UInt16(number)
        self.transport = transport
        formats = rest.drop { $0 == 0x20 }
        connection = nil
        direction = .sendrecv
    }
}
