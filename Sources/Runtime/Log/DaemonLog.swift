import Logging

/// Where the daemon logs to: standard error, one line each.
public struct DaemonLog: Sendable {
    let logger: Logger
    private let sink: LogSink

    /// - Parameter level: what is less than this is not written.
    public init(level: Logger.Level = .notice) {
        let sink = LogSink()
        self.sink = sink
        logger = Logger(label: "tandem") { _ in LineLogHandler(sink: sink, level: level) }
    }

    /// Writes what still waits; later lines are lost.
    public func close() { sink.close() }
}
