import Foundation

/// Tells the service manager how the daemon is (`sd_notify(3)`): one datagram to `$NOTIFY_SOCKET`.
/// Does nothing when there is no manager.
struct ServiceNotifier: Sendable {
    enum State: Sendable, Equatable {
        case ready(String)
        case reloading
        case stopping
        case watchdog
        /// A line for `systemctl status`.
        case status(String)

        var text: String {
            switch self {
            case .ready(let status): "READY=1\nSTATUS=\(status)"
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Self.monotonicMicroseconds())"
            case .stopping: "STOPPING=1"
            case .watchdog: "WATCHDOG=1"
            case .status(let line): "STATUS=\(line)"
            }
        }

        private static func monotonicMicroseconds() -> Int64 {
            var reading = timespec()
            clock_gettime(CLOCK_MONOTONIC, &reading)
            return Int64(reading.tv_sec) * 1_000_000 + Int64(reading.tv_nsec) / 1000
        }
    }

    private let path: String?
    /// How long the manager waits for a sign of life; nil when it does not watch this process.
    let watchdogSeconds: Double?

    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        path = environment["NOTIFY_SOCKET"]
        let isForUs = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        if isForUs, let text = environment["WATCHDOG_USEC"], let microseconds = Double(text),
            microseconds > 0
        {
            watchdogSeconds = microseconds / 1e6
        } else {
            watchdogSeconds = nil
        }
    }

    /// Never waits; a manager that does not listen is its own fault.
    func tell(_ state: State) {
        guard let path, var address = Self.address(path) else { return }
        let descriptor = socket(
            AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let text = Array(state.text.utf8)
        let length = socklen_t(
            MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + path.utf8.count)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    descriptor, text, text.count, CInt(MSG_DONTWAIT), $0, length)
            }
        }
    }

    /// A path, or a name of the abstract namespace, which `@` stands for.
    private static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        guard let first = name.first, name.count < MemoryLayout.size(ofValue: address.sun_path),
            first == UInt8(ascii: "/") || first == UInt8(ascii: "@")
        else { return nil }
        if first == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        return address
    }
}
