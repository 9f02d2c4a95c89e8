import SIP

/// Which counts of which nonces were used: whoever has overheard a request with its credentials cannot
/// send it again under another Call-ID (RFC 7616 §5.12).
///
/// Only uses with the right password stand here, so that no stranger makes it grow. Requests may
/// overtake each other, so the last 64 counts of a nonce are told apart. Uses stand in a young and an
/// old table, which is dropped when its nonces are no longer good. When the tables are full it is
/// dropped earlier; from then on a nonce that may have been in it counts as used, and its phone is given
/// a new one.
struct UsedNonces: Sendable {
    private struct Key: Hashable, Sendable {
        var made: Instant
        var random: UInt64
    }

    fileprivate struct Counts: Sendable {
        var highest: UInt32
        /// Bit n: `highest` - n was used.
        var used: UInt64
    }

    /// Nonces of both tables together.
    static let limit = 400_000

    private let limit: Int
    private var young: [Key: Counts] = [:]
    private var old: [Key: Counts] = [:]
    private var youngSince: Instant
    /// Nonces made before may have been used and forgotten.
    private var forgottenBefore: Instant

    init(limit: Int = Self.limit, now: Instant) {
        self.limit = limit
        youngSince = now
        forgottenBefore = now
    }

    var count: Int { young.count + old.count }

    /// Takes note of a use.
    ///
    /// - Returns: false when it was used before, or may have been.
    mutating func isFirst(_ use: NonceUse, lifetime: Instant.Span, now: Instant) -> Bool {
        if now - youngSince > lifetime || young.count >= limit / 2 { rotate(lifetime, now: now) }
        guard use.made >= forgottenBefore else { return false }
        let key = Key(made: use.made, random: use.random)
        guard var counts = young[key] ?? old.removeValue(forKey: key) else {
            young[key] = Counts(highest: use.count, used: 1)
            return true
        }
        let isFirst = counts.takes(use.count)
        young[key] = counts
        return isFirst
    }

    private mutating func rotate(_ lifetime: Instant.Span, now: Instant) {
        // What is dropped was used before the young table began, so it was made before, too.
        if !old.isEmpty, now - youngSince <= lifetime { forgottenBefore = youngSince }
        old = young
        young = [:]
        youngSince = now
    }
}

extension UsedNonces.Counts {
    fileprivate mutating func takes(_ count: UInt32) -> Bool {
        if count > highest {
            let step = count - highest
            used = step < 64 ? used << UInt64(step) | 1 : 1
            highest = count
            return true
        }
        let back = highest - count
        guard back < 64, used & 1 << UInt64(back) == 0 else { return false }
        used |= 1 << UInt64(back)
        return true
    }
}
