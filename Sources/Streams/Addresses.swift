import NIOCore
import SIP

extension Endpoint {
    /// nil for another family than IPv4 and IPv6.
    init?(_ address: SocketAddress?) {
        switch address {
        case .v4(let v4):
            self.init(
                ip: IPAddress(v4: UInt32(bigEndian: v4.address.sin_addr.s_addr)),
                port: UInt16(bigEndian: v4.address.sin_port))
        case .v6(let v6):
            let (high, low) = withUnsafeBytes(of: v6.address.sin6_addr) {
                ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self))
            }
            self.init(
                ip: IPAddress(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low)),
                port: UInt16(bigEndian: v6.address.sin6_port))
        case .unixDomainSocket, nil: return nil
        }
    }

    /// - Throws: what the system says of an address that it cannot read.
    func socketAddress() throws -> SocketAddress {
        try SocketAddress(ipAddress: "\(ip)", port: Int(port))
    }
}
