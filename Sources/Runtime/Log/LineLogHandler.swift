import Foundation
import Logging
import SIP
import Transport

/// swift-log in one line each: time, level, call, message.
///
///     2026-11-22T15:20:03.123Z notice 3-1042 ip-e1 is down: no answer to OPTIONS
///
/// Under systemd the journal notes the time and reads the level from a prefix (`sd-daemon(3)`).
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let sink: LogSink
    private let isForJournal: Bool

    init(
        sink: LogSink, level: Logger.Level = .notice,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.sink = sink
        logLevel = level
        isForJournal = environment["JOURNAL_STREAM"] != nil
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = isForJournal ? "<\(Self.priority(event.level))>" : "\(Self.time()) "
        if !isForJournal { line += "\(event.level) " }
        if let call = event.metadata?["call"] ?? metadata["call"] { line += "\(call) " }
        sink.write(line + event.message.description)
    }

    /// The priorities of syslog.
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private static func time() -> String {
        var reading = timespec()
        clock_gettime(CLOCK_REALTIME, &reading)
        var parts = tm()
        gmtime_r(&reading.tv_sec, &parts)
        func padded(_ number: some BinaryInteger, _ width: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
            + "T\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))"
            + ".\(padded(reading.tv_nsec / 1_000_000, 3))Z"
    }
}
