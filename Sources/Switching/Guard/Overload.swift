import SIP

/// When newcomers are turned away because the switch does not get through what reaches it.
public struct OverloadSettings: Sendable, Hashable {
    /// What reaches the switch waits longer than this: more newcomers are turned away.
    public var delay: Instant.Span = .milliseconds(250)
    /// It waits no longer than this: fewer are. It waits longer: each source has its share.
    public var calm: Instant.Span = .milliseconds(50)
    /// What Retry-After asks for at least, in seconds; it is up to twice as much, so that those who
    /// were turned away together do not come back together.
    public var retryAfter = 5
    /// What is read of one source by UDP while it waits longer than `calm`, in datagrams for each 100 ms.
    /// Of an address, an IPv6 /64 being one, that is none of the next two.
    public var shareOfAddress = 100
    /// Of the flow of a registered phone, and of an address that is never banned.
    public var shareOfPhone = 300
    /// Of a trunk's address. A gateway with a thousand calls a second uses 1,600, and has them where the
    /// loop stays behind and shares are half of this.
    public var shareOfTrunk = 4_000

    public init() {}
}

/// Overload control by the delay of the loop, in the spirit of RFC 7339.
///
/// The shell says every `interval` how long the loop has been behind. While that is long, a growing
/// share of newcomers is turned away; while it is short, a shrinking one; in between the share stays,
/// so that it does not swing. One long delay alone is no overload: the machine was busy with something
/// else, or the shares of the sources bring it down. A share of zero is the normal state, which it finds
/// again by itself.
struct Overload: Sendable {
    /// How often a measurement is due while newcomers are turned away.
    static let interval: Instant.Span = .milliseconds(100)
    /// Percent that are added and taken away by one measurement: from nothing to everybody in half a
    /// second, and back in two.
    static let rise = 20
    static let fall = 5
    /// Measurements in a row that may be too long before: so long the shares of the sources, which the
    /// first one brings, have to take effect.
    static let patience = 2

    enum Change: Sendable, Equatable {
        case none
        case began
        case ended
    }

    /// Percent of newcomers that are turned away.
    private(set) var share = 0
    /// What was measured last.
    private(set) var delay: Instant.Span = .zero
    private(set) var longestDelay: Instant.Span = .zero
    /// Measurements in a row that were too long.
    private var behind = 0
    /// What is left of the last ones, so that exactly the share of any number is turned away.
    private var remainder = 0

    var isActive: Bool { share > 0 }

    mutating func measured(_ delay: Instant.Span, settings: OverloadSettings) -> Change {
        self.delay = delay
        longestDelay = max(longestDelay, delay)
        let before = share
        if delay > settings.delay {
            behind += 1
            if behind > Self.patience { share = min(share + Self.rise, 100) }
        } else {
            behind = 0
            if delay <= settings.calm { share = max(share - Self.fall, 0) }
        }
        switch (before == 0, share == 0) {
        case (true, false): return .began
        case (false, true):
            remainder = 0
            return .ended
        case (true, true), (false, false): return .none
        }
    }

    /// Whether the next newcomer is turned away.
    ///
    /// - Parameter isKnown: it comes from a trunk or a registered phone. The first half of the share is of
    ///   strangers alone: all of them are turned away before the first that is known.
    mutating func turnsAway(isKnown: Bool) -> Bool {
        remainder += isKnown ? max(2 * share - 100, 0) : min(2 * share, 100)
        guard remainder >= 100 else { return false }
        remainder -= 100
        return true
    }
}
