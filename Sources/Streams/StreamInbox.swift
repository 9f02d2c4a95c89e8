import SIP
import Synchronization

/// What was read and waits for the loop, counted so that it stays bounded; and the counters, which any
/// thread may look at.
final class StreamInbox: Sendable {
    private let limit: Int
    private let deliver: @Sendable ([StreamEvent]) -> Void
    private let waiting = Atomic<Int>(0)
    private let state = Mutex(StreamCounters())

    init(limit: Int, deliver: @escaping @Sendable ([StreamEvent]) -> Void) {
        self.limit = limit
        self.deliver = deliver
    }

    var isFull: Bool { waiting.load(ordering: .relaxed) >= limit }

    func post(_ events: [StreamEvent]) {
        waiting.add(Self.weight(of: events), ordering: .relaxed)
        deliver(events)
    }

    /// - Returns: whether there is room again where there was none.
    func heard(_ events: [StreamEvent]) -> Bool {
        let weight = Self.weight(of: events)
        let (before, after) = waiting.subtract(weight, ordering: .relaxed)
        return before >= limit && after < limit
    }

    private static func weight(of events: [StreamEvent]) -> Int {
        events.reduce(0) { sum, event in
            // An event costs memory without bytes too.
            if case .received(let bytes, _) = event { sum + bytes.count + 64 } else { sum + 64 }
        }
    }

    func count(_ change: (inout StreamCounters) -> Void) { state.withLock { change(&$0) } }
    var counters: StreamCounters { state.withLock { $0 } }
}
