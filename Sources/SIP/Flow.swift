/// An IPv4 or IPv6 address in 16 bytes; IPv4 stands as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2).
public struct IPAddress: Hashable, Sendable {
    /// The first and the last eight bytes, most significant byte first.
    public var high: UInt64
    public var low: UInt64

    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter v4: the four bytes as one number, `127.0.0.1` being `0x7f000001`.
    @inlinable public init(v4: UInt32) {
        self.init(high: 0, low: 0x0000_ffff_0000_0000 | UInt64(v4))
    }

    @inlinable public var isV4: Bool { high == 0 && low >> 32 == 0xffff }
    @inlinable public var v4: UInt32 { UInt32(truncatingIfNeeded: low) }

    /// What counts as one source of traffic: the address itself in IPv4, and in IPv6, where a site has
    /// as many addresses as it likes, its /64, written as the lowest address of it.
    @inlinable public var network: IPAddress {
        isV4 ? self : IPAddress(high: high, low: 0)
    }
}

/// An address and a port.
public struct Endpoint: Hashable, Sendable {
    public var ip: IPAddress
    public var port: UInt16

    @inlinable public init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }
}

/// How bytes travel.
public enum TransportKind: UInt8, Hashable, Sendable, CaseIterable {
    case udp, tcp, tls

    /// Whether the transport delivers or reports failure, so that no message is sent twice.
    @inlinable public var isReliable: Bool { self != .udp }

    /// The port of an address that names none (RFC 3261 §19.1.2).
    @inlinable public var defaultPort: UInt16 { self == .tls ? 5061 : 5060 }

    /// `udp`, `tcp`, `tls`: as in configuration files and `transport=`.
    public var name: String {
        switch self {
        case .udp: "udp"
        case .tcp: "tcp"
        case .tls: "tls"
        }
    }

    public init?(name: String) {
        switch name.lowercased() {
        case "udp": self = .udp
        case "tcp": self = .tcp
        case "tls": self = .tls
        default: return nil
        }
    }
}

/// Transport, local and remote address: where a message came from and where its answer goes.
public struct Flow: Hashable, Sendable {
    public var transport: TransportKind
    /// Which listener of the configuration, counted from zero.
    public var listener: UInt16
    public var remote: Endpoint

    @inlinable public init(transport: TransportKind, listener: UInt16, remote: Endpoint) {
        self.transport = transport
        self.listener = listener
        self.remote = remote
    }
}
