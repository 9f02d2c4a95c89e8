import Foundation
import Logging
import SIP
import Testing

@testable import Runtime

@Suite struct LogTests {
    /// What a sink wrote into a pipe until it was closed.
    private func written(_ body: (LogSink) -> Void) -> [String] {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        body(sink)
        sink.close()
        pipe.fileHandleForWriting.closeFile()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map(String.init)
    }

    private func logger(_ sink: LogSink, _ environment: [String: String]) -> Logger {
        Logger(label: "test") { _ in
            LineLogHandler(sink: sink, level: .notice, environment: environment)
        }
    }

    @Test func linesComeInOrderAndAreAllThereAfterClose() {
        let lines = (0..<500).map { "line \($0)" }
        #expect(written { sink in for line in lines { sink.write(line) } } == lines)
    }

    @Test func textOfAPeerCannotStartALineOrMoveTheCursor() {
        #expect(
            written { $0.write("user \"x\r\n8001 \u{1b}[2J\" 张") }
                == ["user \"x\\x0d\\x0a8001 \\x1b[2J\" 张"])
        // The same by one character of C1, and a text that is turned around.
        #expect(
            written { $0.write("a\u{9b}2Jb\u{202e}c é") }
                == ["a\\xc2\\x9b2Jb\\xe2\\x80\\xaec é"])
    }

    @Test func aLineSaysTimeLevelCallAndMessage() throws {
        let lines = written { sink in
            logger(sink, [:]).notice("ip-e1 is down", metadata: ["call": "3-1042"])
            logger(sink, [:]).info("not wanted")
        }
        let line = try #require(lines.first)
        #expect(lines.count == 1)
        #expect(line.hasSuffix("Z notice 3-1042 ip-e1 is down"))
        #expect(line.count == "2026-11-22T15:20:03.123Z notice 3-1042 ip-e1 is down".count)
    }

    @Test func theJournalGetsPrioritiesAndNoTime() {
        let lines = written { sink in
            logger(sink, ["JOURNAL_STREAM": "8:1"]).error("disk full")
        }
        #expect(lines == ["<3>disk full"])
    }

    @Test func aFloodIsCutToTheRateAndTheRestIsCounted() {
        let start = Instant(nanoseconds: 0)
        var limiter = LogLimiter(now: start)
        let burst = (0..<5000).filter { _ in limiter.admits(now: start) }.count
        #expect(burst == LogLimiter.burst)
        let untold = limiter.takeWithheld()
        #expect(untold == nil)
        let second = start + .seconds(1)
        let later = (0..<5000).filter { _ in limiter.admits(now: second) }.count
        #expect(later == LogLimiter.rate)
        let isAdmitted = limiter.admits(now: start + .seconds(60))
        #expect(isAdmitted)
        let told = [limiter.takeWithheld(), limiter.takeWithheld()]
        #expect(told == [10_000 - LogLimiter.burst - LogLimiter.rate, nil])
    }
}
