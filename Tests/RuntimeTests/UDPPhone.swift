import Foundation
import SIP

/// A UDP socket on loopback that speaks in text.
final class UDPPhone {
    private let descriptor: CInt
    let endpoint: Endpoint

    /// A port that nobody has now, below those that the kernel gives out by itself, so that no
    /// socket of another test gets it in the meantime.
    static func freePort() throws -> UInt16 {
        for _ in 0..<100 {
            let port = UInt16.random(in: 20_000..<32_000)
            if (try? UDPPhone(port: port)) != nil { return port }
        }
        throw StartFailed()
    }

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
