/// How fast each of many may ask for something: a leaky bucket for each, kept as the generic cell rate
/// algorithm keeps it (ITU-T I.371, virtual scheduling).
///
/// What is asked takes its place in a queue that moves at a steady rate; whoever would stand behind too
/// many others is refused. So one point in time for each is all there is to keep, and none once its queue
/// is empty.
///
/// ```swift
/// var rates = LeakyBuckets<String>()
/// rates.admits("8001", each: .milliseconds(20), burst: 1_000, now: now)
/// ```
public struct LeakyBuckets<Key: Hashable & Sendable>: Sendable {
    @usableFromInline let limit: Int
    /// When the queue of each will be empty.
    @usableFromInline var emptyAt: [Key: Instant] = [:]

    /// - Parameter limit: how many are counted at a time; what others ask for meanwhile is admitted.
    @inlinable public init(limit: Int = .max) { self.limit = limit }

    /// How many are counted.
    @inlinable public var count: Int { emptyAt.count }

    /// Whether one more may be asked for now; one that may is counted.
    ///
    /// - Parameters:
    ///   - each: how long the queue takes for one.
    ///   - burst: how many may stand in it.
    @inlinable public mutating func admits(
        _ key: Key, each: Instant.Span, burst: Int, now: Instant
    ) -> Bool {
        let known = emptyAt[key]
        let place = max(known ?? now, now)
        guard place - now <= each * (burst - 1) else { return false }
        if known == nil, emptyAt.count >= limit {
            expire(now: now)
            guard emptyAt.count < limit else { return true }
        }
        emptyAt[key] = place + each
        return true
    }

    /// The most that stand in one queue.
    @inlinable public func longest(each: Instant.Span, now: Instant) -> Int {
        let last = max(emptyAt.values.max() ?? now, now)
        return Int(((last - now).nanoseconds + each.nanoseconds - 1) / each.nanoseconds)
    }

    /// Forgets empty queues. Looks at all of them: once a minute is often enough.
    @inlinable public mutating func expire(now: Instant) {
        emptyAt = emptyAt.filter { $0.value > now }
    }
}
