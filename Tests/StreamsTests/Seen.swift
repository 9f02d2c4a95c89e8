import Foundation
import SIP
import Streams

/// Notes what connections tell, for a test that waits for it.
final class Seen: Sendable {
    private let condition = NSCondition()
    nonisolated(unsafe) private var events: [StreamEvent] = []

    func note(_ more: [StreamEvent]) {
        condition.lock()
        events += more
        condition.broadcast()
        condition.unlock()
    }

    /// The first event that fits, waited for at most ten seconds.
    func first<Value>(_ fits: (StreamEvent) -> Value?) -> Value? {
        let limit = Date(timeIntervalSinceNow: 10)
        condition.lock()
        defer { condition.unlock() }
        while true {
            for event in events {
                if let value = fits(event) { return value }
            }
            guard condition.wait(until: limit) else { return nil }
        }
    }

    var all: [StreamEvent] {
        condition.lock()
        defer { condition.unlock() }
        return events
    }

    /// The messages that came, once there are so many.
    func messages(_ count: Int) -> [(bytes: [UInt8], flow: Flow)] {
        let limit = Date(timeIntervalSinceNow: 10)
        condition.lock()
        defer { condition.unlock() }
        while true {
            let messages = events.compactMap { event -> (bytes: [UInt8], flow: Flow)? in
                if case .received(let bytes, let flow) = event { (bytes, flow) } else { nil }
            }
            if messages.count >= count { return messages }
            guard condition.wait(until: limit) else { return messages }
        }
    }

    func closed() -> (flow: Flow, wasAccepted: Bool)? {
        first { event in
            if case .closed(let flow, let wasAccepted) = event { (flow, wasAccepted) } else { nil }
        }
    }

    func failed() -> Flow? {
        first { event in if case .failed(let flow) = event { flow } else { nil } }
    }
}
