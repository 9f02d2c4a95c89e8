import SIP

/// Lets at most so many calls begin within any one second.
struct CallRate: Sendable {
    /// Zero: as many as come.
    let limit: Int
    /// The last `limit` beginnings, in a ring.
    private var beginnings: [Instant] = []
    private var next = 0

    init(limit: Int) { self.limit = limit }

    /// Whether one more may begin now; one that may is counted.
    mutating func admits(now: Instant) -> Bool {
        guard limit > 0 else { return true }
        if beginnings.count < limit {
            beginnings.append(now)
            return true
        }
        guard now - beginnings[next] >= .seconds(1) else { return false }
        beginnings[next] = now
        next = (next + 1) % limit
        return true
    }
}
