import SIP

/// Keeps whoever can make the switch log from filling the disk: a bucket of lines that fills at a
/// steady rate.
struct LogLimiter {
    /// Lines at once.
    static let burst = 2000
    /// Lines a second in the long run.
    static let rate = 200

    private var tokens = Double(LogLimiter.burst)
    private var last: Instant
    private var withheld = 0

    init(now: Instant) { last = now }

    /// Whether a line may be written now; counts it as withheld if not.
    mutating func admits(now: Instant) -> Bool {
        let elapsed = Double((now - last).nanoseconds) / 1e9
        last = now
        tokens = min(Double(Self.burst), tokens + elapsed * Double(Self.rate))
        guard tokens >= 1 else {
            withheld += 1
            return false
        }
        tokens -= 1
        return true
    }

    /// How many lines were withheld since the last call, once there is room to say so.
    mutating func takeWithheld() -> Int? {
        guard withheld > 0, tokens >= 1 else { return nil }
        defer { withheld = 0 }
        return withheld
    }
}
