import Foundation

/// A bare stream socket of the unix kind, for what `ControlClient` would not do.
struct UnixSocket: ~Copyable {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)

    deinit { close(descriptor) }

    enum Verb { case bind, connect }

    /// - Returns: 0, or -1.
    func call(_ verb: Verb, _ path: String) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                switch verb {
                case .bind: bind(descriptor, $0, length)
                case .connect: connect(descriptor, $0, length)
                }
            }
        }
    }

    func send(_ text: String) -> Int {
        let bytes = Array(text.utf8)
        return write(descriptor, bytes, bytes.count)
    }

    /// All that comes until the other side ends.
    func readToEnd() -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
            received += buffer[..<count]
        }
        return String(decoding: received, as: UTF8.self)
    }
}
