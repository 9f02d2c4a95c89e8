import Foundation
import SIP
import Testing

@testable import Runtime

/// Runs a daemon on a thread of its own while the body works with it.
func withDaemon(_ site: Site, _ body: (Endpoint) throws -> Void) throws {
    let log = DaemonLog(level: .critical)
    let daemon = HeldDaemon(try Daemon(configuration: site.configuration, log: log))
    let (stop, bound) = try daemon.held { ($0.stop, $0.bound[0]) }
    let ended = DispatchSemaphore(value: 0)
    Thread {
        daemon.runAndLetGo()
        ended.signal()
    }.start()
    defer {
        stop()
        ended.wait()
    }
    try body(bound)
}

/// The one reference to a daemon: its sockets are closed when it is let go, and not when whoever else
/// still held it is done.
private final class HeldDaemon: @unchecked Sendable {
    // Used by the thread that runs it alone, once that has begun.
    private var daemon: Daemon?

    init(_ daemon: Daemon) { self.daemon = daemon }

    func held<T>(_ body: (Daemon) throws -> T) throws -> T { try body(#require(daemon)) }

    func runAndLetGo() {
        daemon?.run()
        daemon = nil
    }
}
