import Glibc
import SIP

@testable import Transport

/// A plain blocking UDP socket on loopback: the other side of a test.
final class Peer {
    let descriptor: CInt
    let endpoint: Endpoint

    init(ip: IPAddress = IPAddress(v4: 0x7f00_0001)) throws {
        let wanted = Endpoint(ip: ip, port: 0)
        descriptor = socket(
            SocketAddress.family(of: wanted), CInt(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in6()
        var length = SocketAddress.capacity
        let descriptor = descriptor
        let bound = withUnsafeMutablePointer(to: &address) { pointer -> Endpoint? in
            let raw = UnsafeMutableRawPointer(pointer)
            let written = SocketAddress.write(wanted, to: raw)
            return pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                guard bind(descriptor, $0, written) == 0,
                    getsockname(descriptor, $0, &length) == 0
                else { return nil }
                return SocketAddress.read(from: raw)
            }
        }
        guard let bound else { throw TransportError.system("bind a peer") }
        endpoint = bound
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8], to remote: Endpoint) {
        var address = sockaddr_in6()
        let descriptor = descriptor
        withUnsafeMutablePointer(to: &address) { pointer in
            let length = SocketAddress.write(remote, to: UnsafeMutableRawPointer(pointer))
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, 0, $0, length)
            }
        }
    }

    /// The next datagram; nil when none comes within five seconds.
    func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : Array(buffer[..<count])
    }

    /// An address where nothing listens: bound once, closed again.
    static func closedEndpoint(ip: IPAddress = IPAddress(v4: 0x7f00_0001)) throws -> Endpoint {
        try Peer(ip: ip).endpoint
    }
}
