import Control
import Foundation
import Synchronization

/// Where log lines wait for whatever reads standard error, so that the loop never waits for it.
///
/// A thread of its own writes. When the reader is too slow, lines are dropped and counted, and the
/// count is written as soon as there is room.
final class LogSink: Sendable {
    /// Bytes that may wait.
    static let limit = 1 << 20

    private struct State {
        var waiting: [UInt8] = []
        var dropped = 0
        var isClosing = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let descriptor: CInt

    init(descriptor: CInt = STDERR_FILENO) {
        self.descriptor = descriptor
        let thread = Thread { [self] in run() }
        thread.name = "log"
        thread.start()
    }

    /// Adds a line without its line break. Takes a lock for a moment.
    func write(_ line: String) {
        let mustWake = state.withLock { state in
            guard !state.isClosing else { return false }
            guard state.waiting.count + line.utf8.count < LogSink.limit else {
                state.dropped += 1
                return false
            }
            let wasEmpty = state.waiting.isEmpty
            LogSink.append(line, to: &state.waiting)
            return wasEmpty
        }
        if mustWake { wake.signal() }
    }

    /// Writes what waits, and takes no more.
    func close() {
        let isFirst = state.withLock { state in
            defer { state.isClosing = true }
            return !state.isClosing
        }
        guard isFirst else { return }
        wake.signal()
        ended.wait()
    }

    /// What a peer wrote may stand in a line: nothing of it starts another line or moves a cursor.
    private static func append(_ line: String, to bytes: inout [UInt8]) {
        for scalar in line.unicodeScalars {
            guard TerminalText.steers(scalar) else {
                bytes.append(contentsOf: UTF8.encode(scalar).unsafelyUnwrapped)
                continue
            }
            for byte in String(scalar).utf8 {
                let digits = Array("0123456789abcdef".utf8)
                bytes += [0x5c, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        bytes.append(0x0a)
    }

    private func run() {
        while true {
            let (bytes, isClosing) = state.withLock { state in
                var bytes: [UInt8] = []
                swap(&bytes, &state.waiting)
                if state.dropped > 0 {
                    LogSink.append("\(state.dropped) log lines were dropped here", to: &bytes)
                    state.dropped = 0
                }
                return (bytes, state.isClosing)
            }
            if bytes.isEmpty {
                if isClosing { break }
                wake.wait()
                continue
            }
            writeAll(bytes)
        }
        ended.signal()
    }

    private func writeAll(_ bytes: [UInt8]) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Foundation.write(
                    descriptor, buffer.baseAddress! + written, buffer.count - written)
            }
            if count > 0 {
                written += count
            } else if errno != EINTR {
                // Nobody reads any more, and there is nobody to tell.
                return
            }
        }
    }
}
