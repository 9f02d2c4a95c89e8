import Foundation
import SIP

@testable import Runtime

/// Runs a daemon on a thread of its own while the body works with it.
func withDaemon(_ site: Site, _ body: (Endpoint) throws -> Void) throws {
    let log = DaemonLog(level: .critical)
    let daemon = try Daemon(configuration: site.configuration, log: log)
    let stop = daemon.stop
    let bound = daemon.bound[0]
    let ended = DispatchSemaphore(value: 0)
    // The daemon is used by that thread alone from here on.
    nonisolated(unsafe) let theDaemon = daemon
    Thread {
        theDaemon.run()
        ended.signal()
    }.start()
    defer {
        stop()
        ended.wait()
    }
    try body(bound)
}
