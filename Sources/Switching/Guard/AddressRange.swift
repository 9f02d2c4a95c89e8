import SIP

/// Addresses that share their first bits: `192.0.2.0/24`, `2001:db8::/32`, or a single one.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// The lowest of them.
    public let first: IPAddress
    /// How many leading bits count, of 32 in IPv4 and of 128 in IPv6.
    public let prefixLength: Int

    /// Reads an address, with `/` and a length or without.
    ///
    /// Nil for anything else, and where bits behind the length are set: `192.0.2.7/24` is either one
    /// address or a network, and only its writer knows which.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])) else { return nil }
        let width = address.isV4 ? 32 : 128
        var length = width
        if parts.count == 2 {
            guard !parts[1].isEmpty, parts[1].utf8.allSatisfy({ 48...57 ~= $0 }),
                let number = Int(parts[1]), number <= width
            else { return nil }
            length = number
        }
        first = address
        prefixLength = length
        guard Self.masked(address, length: length) == address else { return nil }
    }

    public func contains(_ address: IPAddress) -> Bool {
        address.isV4 == first.isV4 && Self.masked(address, length: prefixLength) == first
    }

    /// Whether it has any of the addresses that `IPAddress.network` counts as one.
    func overlaps(_ network: IPAddress) -> Bool {
        contains(network) || first.network == network
    }

    public var description: String {
        let isWhole = prefixLength == (first.isV4 ? 32 : 128)
        return isWhole ? "\(first)" : "\(first)/\(prefixLength)"
    }

    private static func masked(_ address: IPAddress, length: Int) -> IPAddress {
        // IPv4 stands in the last 32 bits.
        let length = address.isV4 ? length + 96 : length
        return IPAddress(
            high: address.high & mask(min(length, 64)),
            low: address.low & mask(max(length - 64, 0)))
    }

    private static func mask(_ length: Int) -> UInt64 {
        length == 0 ? 0 : UInt64.max << UInt64(64 - length)
    }
}
