import Foundation
import SIP
import Synchronization

/// A UDP socket on loopback that speaks in text.
final class UDPPhone {
    private let descriptor: CInt
    let endpoint: Endpoint

    /// A port that nobody has now and that no other test of this process is or will be given,
    /// so that a daemon finds it free at each of its starts. It is below those that the kernel
    /// gives out by itself.
    static func freePort() throws -> UInt16 {
        try nextPort.withLock { next in
            for _ in 0..<ports.count {
                let port = next
                next = port == ports.upperBound ? ports.lowerBound : port + 1
                if (try? UDPPhone(port: port)) != nil { return port }
            }
            throw StartFailed()
        }
    }

    private static let ports: ClosedRange<UInt16> = 20_000...31_999
    /// Begins anywhere, for a second run of the tests on the same machine.
    private static let nextPort = Mutex(UInt16.random(in: ports))

    init(port: UInt16 = 0) throws {
        descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
        var address = UDPPhone.address(Endpoint(ip: IPAddress(v4: 0x7f00_0001), port: port))
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard result == 0 else { throw StartFailed() }
        endpoint = Endpoint(
            ip: IPAddress(v4: 0x7f00_0001), port: UInt16(bigEndian: address.sin_port))
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    struct StartFailed: Error {}

    deinit { close(descriptor) }

    private static func address(_ endpoint: Endpoint) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        address.sin_addr.s_addr = endpoint.ip.v4.bigEndian
        return address
    }

    func send(_ text: String, to remote: Endpoint) {
        var address = UDPPhone.address(remote)
        let bytes = Array(text.utf8)
        let descriptor = descriptor
        withUnsafePointer(to: &address) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    descriptor, bytes, bytes.count, 0, $0,
                    socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The next datagram; nil when none comes within five seconds.
    func receive() -> String? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
}
