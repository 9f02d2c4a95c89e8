import Glibc
import SIP

/// An endpoint in the form the kernel reads and writes. No allocation, no text.
enum SocketAddress {
    /// What a `sockaddr_in6` needs; a `sockaddr_in` fits into it.
    static let capacity = socklen_t(MemoryLayout<sockaddr_in6>.size)

    static func family(of endpoint: Endpoint) -> CInt { endpoint.ip.isV4 ? AF_INET : AF_INET6 }

    /// Writes the endpoint.
    /// - Returns: how many bytes of the storage it took.
    @inline(__always)
    static func write(_ endpoint: Endpoint, to storage: UnsafeMutableRawPointer) -> socklen_t {
        if endpoint.ip.isV4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = endpoint.port.bigEndian
            address.sin_addr.s_addr = endpoint.ip.v4.bigEndian
            storage.storeBytes(of: address, as: sockaddr_in.self)
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = endpoint.port.bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) {
            $0.storeBytes(of: endpoint.ip.high.bigEndian, toByteOffset: 0, as: UInt64.self)
            $0.storeBytes(of: endpoint.ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        storage.storeBytes(of: address, as: sockaddr_in6.self)
        return socklen_t(MemoryLayout<sockaddr_in6>.size)
    }

    /// Reads what the kernel wrote; nil for another family than IPv4 and IPv6.
    @inline(__always)
    static func read(from storage: UnsafeRawPointer) -> Endpoint? {
        switch CInt(storage.load(as: sockaddr_in.self).sin_family) {
        case AF_INET:
            let address = storage.load(as: sockaddr_in.self)
            return Endpoint(
                ip: IPAddress(v4: UInt32(bigEndian: address.sin_addr.s_addr)),
                port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            let address = storage.load(as: sockaddr_in6.self)
            let (high, low) = withUnsafeBytes(of: address.sin6_addr) {
                ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self))
            }
            return Endpoint(
                ip: IPAddress(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low)),
                port: UInt16(bigEndian: address.sin6_port))
        default:
            return nil
        }
    }
}
