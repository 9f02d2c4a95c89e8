import SIP

/// How much is read of one source by UDP while the loop is behind: what is beyond is dropped before it is
/// read, so that whoever floods costs no more than its share, whoever it is. It stands beside the bans for
/// those that are never banned: registered phones, trunks, what the admin has allowed, and addresses that
/// phones are registered at.
///
/// Nothing is counted while the loop keeps up. As soon as it is behind, each source has its share in an
/// interval of the overload control, long before newcomers are turned away for what one of them does.
/// Where the loop stays behind they are half of that. Every second in which it keeps up doubles them, until
/// there are none; the next delay brings the first ones back. So a source gets what there is, and a busy
/// gateway is hurt by no share that is set too small for it as long as the loop has time. What had waited
/// in the kernel before there were shares is of more than one interval, and so is what may be read of it.
struct Shares: Sendable {
    /// Sources that are counted in an interval; what comes from others then is not.
    static let sourceLimit = 10_000
    /// Measurements in a row, each in time, that double the shares: a second of them.
    static let patience = 10
    /// So many times half of what they are set to there are none.
    static let end = 128
    /// What a phone of several that are registered by one flow adds to it: those of an office behind a
    /// proxy at its edge.
    static let ofEachPhone = 10
    /// Intervals of waiting that are made up for, at most.
    static let arrearsLimit = 10
    /// A new call costs as much as so many other datagrams.
    static let ofInvite = 10
    /// A datagram counts once more for each so many bytes.
    static let bytes = 1500

    private struct Count: Sendable {
        var used = 0
        let share: Int
    }

    /// How many times half of what is set a source may send; zero while there are no shares.
    private var halves = 0
    /// Measurements in time since the shares were doubled.
    private var inTime = 0
    /// Whether the last measurement was too long.
    private var wasBehind = false
    /// Intervals that what comes now has waited for.
    private var arrears = 1
    private var counts: [Endpoint: Count] = [:]
    /// Whether somebody was found to have sent too much since there are shares.
    private var hasFound = false

    var isInForce: Bool { halves > 0 }
    /// Sources that are counted in this interval.
    var count: Int { counts.count }

    enum Verdict: Sendable, Equatable {
        case read
        case drop
        /// The first that is dropped of all since there are shares.
        case dropFirst
    }

    /// The loop was behind for so long; the next interval begins.
    mutating func measured(_ delay: Instant.Span, settings: OverloadSettings) {
        counts.removeAll(keepingCapacity: true)
        let waited = Int(delay.milliseconds / Overload.interval.milliseconds)
        arrears = isInForce ? 1 : min(max(waited, 1), Self.arrearsLimit)
        guard delay <= settings.calm else {
            halves = isInForce && wasBehind ? 1 : 2
            inTime = 0
            wasBehind = true
            return
        }
        wasBehind = false
        guard isInForce else { return }
        inTime += 1
        guard inTime == Self.patience else { return }
        inTime = 0
        halves *= 2
        guard halves == Self.end else { return }
        halves = 0
        hasFound = false
    }

    /// Whether this source has sent anything in this interval that was counted.
    func knows(_ source: Endpoint) -> Bool { counts[source] != nil }

    /// Counts a datagram; call it while `isInForce`.
    ///
    /// - Parameters:
    ///   - cost: see `cost(of:)`.
    ///   - share: what its source may send in an interval; of no matter where `knows` knows it.
    mutating func verdict(on source: Endpoint, cost: Int, share: Int) -> Verdict {
        if counts[source] == nil {
            guard counts.count < Self.sourceLimit else { return .read }
            counts[source] = Count(share: max(share * halves / 2, 1) * arrears)
        }
        guard let place = counts.index(forKey: source) else { return .read }
        // The last one that is read may be larger than what is left: the largest is always read.
        guard counts.values[place].used >= counts.values[place].share else {
            counts.values[place].used += cost
            return .read
        }
        defer { hasFound = true }
        return hasFound ? .drop : .dropFirst
    }

    /// What a datagram counts for.
    static func cost(of bytes: [UInt8]) -> Int {
        (bytes.starts(with: "INVITE ".utf8) ? ofInvite : 1) + bytes.count / Self.bytes
    }
}
