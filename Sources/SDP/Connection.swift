import SIP

/// The value of a `c=` line (RFC 4566 §5.7).
public struct Connection: Sendable {
    /// An address or a name as written, with the TTL of a multicast address.
    public var address: ArraySlice<UInt8>

    /// `nil` when the address is a name.
    public var ip: IPAddress? { IPAddress(parsing: address.prefix { $0 != UInt8(ascii: "/") }) }

    /// `IN IP4 192.0.2.1`.
    init?(value: ArraySlice<UInt8>) {
        var rest = value
        guard takeWord(&rest) != nil, takeWord(&rest) != nil, let address = takeWord(&rest) else {
            return nil
        }
        self.address = address
    }
}
