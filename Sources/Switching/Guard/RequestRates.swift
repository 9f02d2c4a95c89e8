import SIP

/// How much each extension asks for: a stolen password, or a phone gone mad, is to fill neither the disk
/// with records nor the tables with transactions, nor everybody's phone with texts.
///
/// A request takes its place in a queue that moves at a steady rate; whoever would stand behind too many
/// others is refused. So one point in time for each extension is all there is to keep, and none once its
/// queue is empty. Bounded by the number of extensions.
struct RequestRates: Sendable {
    /// When the queue of an extension will be empty.
    private var emptyAt: [String: Instant] = [:]

    var count: Int { emptyAt.count }

    /// Whether one more may be asked for now; one that may is counted.
    ///
    /// - Parameters:
    ///   - each: how long the queue takes for one.
    ///   - burst: how many may stand in it.
    mutating func admits(
        _ number: String, each: Instant.Span, burst: Int, now: Instant
    ) -> Bool {
        let place = max(emptyAt[number] ?? now, now)
        guard place - now < each * burst else { return false }
        emptyAt[number] = place + each
        return true
    }

    /// The most requests that stand in one queue.
    func longest(each: Instant.Span, now: Instant) -> Int {
        let last = max(emptyAt.values.max() ?? now, now)
        return Int(((last - now).nanoseconds + each.nanoseconds - 1) / each.nanoseconds)
    }

    /// Forgets empty queues; call it once a minute.
    mutating func expire(now: Instant) { emptyAt = emptyAt.filter { $0.value > now } }
}

extension Limits {
    /// How long the queue of an extension takes for one request, and for one text.
    var eachRequest: Instant.Span {
        Instant.Span(nanoseconds: 1_000_000_000 / Int64(requestsOfExtension))
    }
    var eachText: Instant.Span {
        Instant.Span(nanoseconds: 60_000_000_000 / Int64(textsOfExtension))
    }
}
