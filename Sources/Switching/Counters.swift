/// What happened since the start, by name: shown by `tandem show status`.
struct Counters: Sendable {
    var received: UInt64 = 0
    var malformed: UInt64 = 0
    /// Dropped unread, since their address is banned.
    var banned: UInt64 = 0
    /// Dropped unread, since their source had sent its share while the loop was behind.
    var heavy: UInt64 = 0
    /// Binding requests of STUN that were answered.
    var bindings: UInt64 = 0
    /// Messages of STUN that have no answer.
    var noBindings: UInt64 = 0
    /// OPTIONS to phones behind NAT that had said nothing, and what answered them.
    var keepAlives: UInt64 = 0
    var keepAliveAnswers: UInt64 = 0
    /// Newcomers that got 503 while the switch was overloaded.
    var turnedAway: UInt64 = 0
    var calls: UInt64 = 0
    private var named: [String: UInt64] = [:]

    /// Rare events only: it hashes a string.
    mutating func count(_ name: String) { named[name, default: 0] += 1 }

    var all: [String: UInt64] { named }
}
