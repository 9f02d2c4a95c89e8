import SIP

/// Who behaved like a scanner or a guesser, and who is banned for it.
///
/// Each offence adds points to its address; points are forgotten at a steady rate; whoever has too many
/// is banned for a time. In IPv6 a site has a /64, so that counts as one address.
///
/// A challenge is no offence, since every honest phone begins with one. What counts is how many of them
/// nobody answers: a scanner asks for thousands of extensions and answers no challenge, whatever it is
/// told. Whether an extension exists plays no part, so that a ban tells nothing about it.
///
/// Memory is bounded by two limits. Of suspects those are forgotten that have done nothing for long
/// (`Generations`); of bans the oldest is lifted early.
struct Bans: Sendable {
    /// An address that has done something, and is not banned.
    struct Suspect: Sendable {
        fileprivate var points = 0
        /// When the points were last brought up to date.
        fileprivate var at: Instant
        fileprivate var windowStart: Instant
        /// Challenges of this window without an answer.
        fileprivate var unanswered = 0
        /// Requests of this window that were answered without one.
        fileprivate var asked = 0
        /// How often it was banned already.
        fileprivate var bans = 0

        fileprivate init(now: Instant) {
            at = now
            windowStart = now
        }
    }

    struct Ban: Sendable {
        var since: Instant
        var until: Instant
        /// The offence that made the measure full.
        var reason: Offence
        /// How often the address has been banned, this time included.
        var count: Int
        /// Datagrams that were dropped.
        var dropped: UInt64 = 0
    }

    enum Verdict: Sendable, Equatable {
        case none
        /// The measure is full.
        case banned(for: Instant.Span)
    }

    static let suspectLimit = 40_000
    static let banLimit = 20_000

    private let banLimit: Int
    private var suspects: Generations<IPAddress, Suspect>
    private var banned: [IPAddress: Ban] = [:]
    /// Oldest first; entries of bans that were lifted stay until they come to the front.
    private var order = Queue<(since: Instant, address: IPAddress)>()
    /// Bans that have begun and ended since that was last asked for, in order.
    private var changes: [Change] = []

    /// A ban has begun, or is over.
    struct Change: Sendable, Equatable {
        /// An IPv6 address stands for its whole /64.
        var network: IPAddress
        /// nil when it is over.
        var until: Instant?
    }

    init(suspectLimit: Int = Self.suspectLimit, banLimit: Int = Self.banLimit) {
        suspects = Generations(limit: suspectLimit)
        self.banLimit = banLimit
    }

    /// Whether nobody is banned, which is all that a datagram costs then.
    var isEmpty: Bool { banned.isEmpty }
    var count: Int { banned.count }
    var suspectCount: Int { suspects.count }

    /// Whether a datagram from here is to be dropped; counts it.
    mutating func drops(_ address: IPAddress, now: Instant) -> Bool {
        let key = address.network
        guard let place = banned.index(forKey: key) else { return false }
        guard banned.values[place].until > now else {
            lift(address)
            return false
        }
        banned.values[place].dropped &+= 1
        return true
    }

    // MARK: What strangers do

    mutating func offended(
        _ offence: Offence, by address: IPAddress, settings: BanSettings, now: Instant
    ) -> Verdict {
        let weight = settings.weights[offence] ?? 0
        guard settings.isOn, weight > 0, banned[address.network] == nil else { return .none }
        var suspect = take(address, now: now)
        suspect.forget(settings, now: now)
        suspect.points += weight
        return keep(suspect, address, offence, settings, now: now)
    }

    /// It was asked for a password.
    mutating func challenged(
        _ address: IPAddress, settings: BanSettings, now: Instant
    ) -> Verdict {
        let weight = settings.weights[.unansweredChallenge] ?? 0
        guard settings.isOn, weight > 0, banned[address.network] == nil else { return .none }
        var suspect = take(address, now: now)
        suspect.forget(settings, now: now)
        suspect.beginWindow(weight, now: now)
        suspect.unanswered += 1
        if suspect.unanswered > BanSettings.burst { suspect.points += weight }
        return keep(suspect, address, .unansweredChallenge, settings, now: now)
    }

    /// It asked for something that anybody may, or was turned away.
    mutating func asked(_ address: IPAddress, settings: BanSettings, now: Instant) -> Verdict {
        let weight = settings.weights[.flood] ?? 0
        guard settings.isOn, weight > 0, banned[address.network] == nil else { return .none }
        var suspect = take(address, now: now)
        suspect.forget(settings, now: now)
        suspect.beginWindow(settings.weights[.unansweredChallenge] ?? 0, now: now)
        suspect.asked += 1
        if suspect.asked > BanSettings.burst { suspect.points += weight }
        return keep(suspect, address, .flood, settings, now: now)
    }

    /// It answered a challenge of ours, rightly or wrongly.
    mutating func answered(_ address: IPAddress, now: Instant) {
        suspects.change(address.network) { $0.unanswered = max($0.unanswered - 1, 0) }
    }

    private mutating func take(_ address: IPAddress, now: Instant) -> Suspect {
        suspects.remove(address.network) ?? Suspect(now: now)
    }

    private mutating func keep(
        _ suspect: Suspect, _ address: IPAddress, _ offence: Offence, _ settings: BanSettings,
        now: Instant
    ) -> Verdict {
        var suspect = suspect
        var verdict = Verdict.none
        if suspect.points >= settings.threshold {
            suspect.bans += 1
            suspect.points = 0
            suspect.unanswered = 0
            suspect.asked = 0
            let span = Self.span(ofBan: suspect.bans, settings)
            ban(
                address,
                Ban(since: now, until: now + span, reason: offence, count: suspect.bans))
            verdict = .banned(for: span)
        }
        suspects.set(address.network, to: suspect)
        return verdict
    }

    private static func span(ofBan number: Int, _ settings: BanSettings) -> Instant.Span {
        var span = settings.duration
        for _ in 1..<max(number, 1) where span < settings.longest { span = span + span }
        return min(span, max(settings.longest, settings.duration))
    }

    private mutating func ban(_ address: IPAddress, _ ban: Ban) {
        while banned.count >= banLimit, let oldest = order.popFirst() {
            if banned[oldest.address]?.since == oldest.since { end(oldest.address) }
        }
        banned[address.network] = ban
        changes.append(Change(network: address.network, until: ban.until))
        order.append((ban.since, address.network))
    }

    // MARK: The list

    /// - Returns: whether it was banned. Its points are forgotten too.
    @discardableResult
    mutating func lift(_ address: IPAddress) -> Bool {
        suspects.change(address.network) { $0.points = 0 }
        return end(address.network)
    }

    @discardableResult
    private mutating func end(_ network: IPAddress) -> Bool {
        guard banned.removeValue(forKey: network) != nil else { return false }
        changes.append(Change(network: network, until: nil))
        return true
    }

    /// Whether bans have begun or ended since `takeChanges`.
    var hasChanges: Bool { !changes.isEmpty }

    /// What has changed since the last time, in order.
    mutating func takeChanges() -> [Change] {
        defer { changes.removeAll() }
        return changes
    }

    /// Ends bans whose time is over; call it once a minute.
    ///
    /// - Returns: whose they were, by address.
    mutating func expire(now: Instant) -> [IPAddress] {
        let over = banned.filter { $0.value.until <= now }.keys.sorted(by: Self.isBefore)
        for address in over { lift(address) }
        // Those that were lifted by hand would wait for the table to be full.
        let all = order.removeAll()
        for entry in all where banned[entry.address]?.since == entry.since {
            order.append(entry)
        }
        return over
    }

    /// The longest banned first.
    var list: [(address: IPAddress, ban: Ban)] {
        order.all.compactMap { entry in
            guard let ban = banned[entry.address], ban.since == entry.since else { return nil }
            return (entry.address, ban)
        }
    }

    /// IPv6 stands for its whole /64.
    static func shown(_ key: IPAddress) -> String { key.isV4 ? "\(key)" : "\(key)/64" }

    private static func isBefore(_ a: IPAddress, _ b: IPAddress) -> Bool {
        (a.high, a.low) < (b.high, b.low)
    }
}

extension Bans.Suspect {
    /// Counts the challenges of a window that is over.
    fileprivate mutating func beginWindow(_ weight: Int, now: Instant) {
        guard now - windowStart >= BanSettings.window else { return }
        points += weight * max(unanswered - BanSettings.patience, 0)
        windowStart = now
        unanswered = 0
        asked = 0
    }

    /// Points are forgotten in whole ones; what is left of the time counts the next time.
    fileprivate mutating func forget(_ settings: BanSettings, now: Instant) {
        guard settings.forgottenPerMinute > 0, points > 0 else {
            at = now
            return
        }
        let each = 60_000_000_000 / Int64(settings.forgottenPerMinute)
        let forgotten = (now - at).nanoseconds / each
        guard forgotten > 0 else { return }
        points = max(points - Int(clamping: forgotten), 0)
        at = points == 0 ? now : at + Instant.Span(nanoseconds: forgotten * each)
    }
}
