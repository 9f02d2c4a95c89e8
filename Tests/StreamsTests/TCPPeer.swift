import Glibc
import SIP

/// A plain blocking TCP socket on loopback: the other side of a test.
final class TCPPeer {
    let descriptor: CInt

    private init(_ descriptor: CInt) {
        self.descriptor = descriptor
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { Glibc.close(descriptor) }

    struct Failure: Error { var what: String }

    private static func with<Result>(
        _ endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        if endpoint.ip.isV4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = endpoint.port.bigEndian
            address.sin_addr.s_addr = endpoint.ip.v4.bigEndian
            return withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = endpoint.port.bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) {
            $0.storeBytes(of: endpoint.ip.high.bigEndian, as: UInt64.self)
            $0.storeBytes(of: endpoint.ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }

    static func connected(to endpoint: Endpoint) throws -> TCPPeer {
        let family = endpoint.ip.isV4 ? AF_INET : AF_INET6
        let peer = TCPPeer(socket(family, CInt(SOCK_STREAM.rawValue), 0))
        guard with(endpoint, { connect(peer.descriptor, $0, $1) }) == 0 else {
            throw Failure(what: "connect to \(endpoint)")
        }
        var on: CInt = 1
        setsockopt(peer.descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        return peer
    }

    /// Listens at a port of the system's choice.
    static func listening() throws -> TCPPeer {
        let peer = TCPPeer(socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
        let wanted = Endpoint(ip: IPAddress(v4: 0x7f00_0001), port: 0)
        guard with(wanted, { bind(peer.descriptor, $0, $1) }) == 0,
            listen(peer.descriptor, 16) == 0
        else { throw Failure(what: "listen") }
        return peer
    }

    func accepted() throws -> TCPPeer {
        let descriptor = accept(descriptor, nil, nil)
        guard descriptor >= 0 else { throw Failure(what: "accept") }
        return TCPPeer(descriptor)
    }

    /// Its own end, IPv4.
    var endpoint: Endpoint {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        return Endpoint(
            ip: IPAddress(v4: UInt32(bigEndian: address.sin_addr.s_addr)),
            port: UInt16(bigEndian: address.sin_port))
    }

    @discardableResult
    func send(_ bytes: some Collection<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress!, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Reads until `text` is in what came, the other side closes, or ten seconds are over.
    func receive(through text: String) -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !String(decoding: received, as: UTF8.self).contains(text) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            received += buffer[..<count]
        }
        return String(decoding: received, as: UTF8.self)
    }

    /// Reads so many bytes; how many came before the other side closed or ten seconds were over.
    func receive(count: Int) -> Int {
        var buffer = [UInt8](repeating: 0, count: count)
        var received = 0
        while received < count {
            let more = recv(descriptor, &buffer, count - received, 0)
            guard more > 0 else { break }
            received += more
        }
        return received
    }

    /// Whether the other side closes before so many seconds are over.
    func isClosed(within seconds: Int = 10) -> Bool {
        var patience = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 { return true }
            if count < 0 { return errno == ECONNRESET }
        }
    }
}
