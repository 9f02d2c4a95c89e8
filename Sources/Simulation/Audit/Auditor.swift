import Charging
import SIP
import Switching

/// Watches the wire and the disk and says what must never be. It knows prices, balances and calls by
/// its own arithmetic and its own ledger; of the switch it sees only what others can see, and at the
/// end of each turn the sums in its tables.
struct Auditor: Sendable {
    /// How late a call may be cut: the loop's greatest delay, and nothing else.
    static let cutBound = Instant.Span.milliseconds(60)
    /// Of each simulated world; more of the same help nobody.
    static let mostFindings = 20

    let site: SimulatedSite
    /// The greatest credit limits, as opened.
    let limits: [String: Int64]
    private(set) var findings: [Finding] = []
    var calls: [Int: CallFacts] = [:]
    var serialOfKey: [String: Int] = [:]
    /// A caller whose switch died under its INVITE sends it again, and makes another call of it: by
    /// the serial of the first, that of the latest.
    var latestLife: [Int: Int] = [:]
    var start: UInt32 = 0
    var serialOfCall: [CallID: Int] = [:]
    var legs: [[UInt8]: LegFacts] = [:]
    /// Calls to who has parked one that nobody fetched, by that extension: the latest.
    var recalls: [String: Int] = [:]
    /// Calls that the switch makes by itself have serials above all others.
    var lastRecall = 5_000_000
    /// By all that was decided, durable or not.
    var balances: [String: Int64]
    /// Of the postings that were decided and are not durable yet, and of those that are.
    var durablePostings: Set<String> = []
    var durableCalls: Set<UInt64> = []
    /// Prices in force.
    var book: PriceBook
    var settings: Settings
    /// Which dialplan is in force.
    var plan: Int
    /// The switch was told that the disk takes nothing, and not yet that it does again.
    var isStoreFailing = false
    /// In the turn in which it is told.
    var isHearingOfFailure = false
    /// Commits that were decided, and those whose end the switch was told.
    var lastTicket: UInt64 = 0
    var toldTicket: UInt64 = 0
    /// When the switch last heard of the disk, or had nothing to hear.
    var toldAt = Instant(nanoseconds: 0)
    /// Calls whose BYE waits for its 200, by its branch.
    var goodbyes: [[UInt8]: Int] = [:]
    /// Calls that have run out of their time by now or later, by when.
    var paidUntil: [Int: Instant] = [:]
    var nextCut = Instant.distantFuture
    /// Legs with nobody at their end, and by when their calls are over.
    var deserted: [[UInt8]: Instant] = [:]

    /// Accounts that may not pay for new calls, and from when on, microseconds since 1970.
    var blocked: Set<String> = []
    var expiries: [String: Int64] = [:]
    /// The wall clock was set, or nobody knows how long a machine was without power.
    var wasClockSet = false
    /// New calls are not taken.
    var isDraining = false
    /// Who redeemed a voucher, by its posting.
    var redeemers: [String: String] = [:]

    // Of the turn under way.
    var now = Instant(nanoseconds: 0)
    var wallTime: Int64 = 0
    var answeredThisTurn: [[UInt8]] = []
    /// There are INVITEs with Replaces in this world.
    var hasPickups = false
    /// Call-IDs of INVITEs with Replaces that were delivered.
    var pickingThisTurn: [[UInt8]] = []
    var acceptedThisTurn: [Int] = []
    var closedThisTurn: [Int] = []
    /// The Call-ID and the branch of a BYE that was delivered.
    var hungUpThisTurn: (leg: [UInt8], branch: [UInt8])?

    /// What the run was like, for its report.
    var figures = Figures()

    init(site: SimulatedSite) {
        self.site = site
        settings = site.settings
        book = SimulatedSite.books[site.book]
        plan = site.plan
        balances = Dictionary(
            site.accounts.map { ($0.id, $0.balance.micros) },
            uniquingKeysWith: { first, _ in first })
        limits = Dictionary(
            site.accounts.map { ($0.id, $0.creditLimit.micros) },
            uniquingKeysWith: { first, _ in first })
    }

    mutating func find(_ rule: String, _ detail: String) {
        guard findings.count < Self.mostFindings else { return }
        findings.append(
            Finding(rule: rule, detail: detail, milliseconds: now.nanoseconds / 1_000_000))
    }

    static func key(caller: String, dialled: String) -> String { "\(caller)>\(dialled)" }

    /// A call that the world is about to make.
    mutating func expect(_ facts: CallFacts) {
        calls[facts.serial] = facts
        serialOfKey[Self.key(caller: facts.caller, dialled: facts.dialled)] = facts.serial
        figures.calls += 1
        switch facts.handover {
        case .transfer, .parking: break
        case .fetching, .pickup, nil:
            legs[facts.callID] = LegFacts(
                serial: facts.serial, isCaller: true, number: facts.caller)
        }
    }

    /// The call that a start of the switch makes of the INVITE with this serial.
    mutating func life(of serial: Int, start: UInt32) -> Int {
        let latest = latestLife[serial] ?? serial
        if calls[latest]?.start == nil { calls[latest]?.start = start }
        if calls[latest]?.start == start { return latest }
        // It may be an earlier one that is spoken of.
        var life = serial
        while let facts = calls[life] {
            if facts.start == start { return life }
            life += Self.lifeStride
        }
        guard let first = calls[serial] else { return latest }
        var facts = CallFacts(
            serial: life, callID: first.callID, kind: first.kind, caller: first.caller,
            dialled: first.dialled, normalised: first.normalised, chain: first.chain)
        facts.start = start
        facts.handover = first.handover
        if first.forwardedBy != nil {
            // It may be sent on anew, or not.
            facts.normalised = String(first.dialled.dropFirst(SimulatedSite.serialDigits + 1))
            facts.chain = []
        }
        calls[life] = facts
        latestLife[serial] = life
        return life
    }

    private static let lifeStride = 10_000_000

    // MARK: The process

    /// The process is gone, and with it all that was decided and is not durable.
    mutating func crashed(_ durable: Durable, losesPower: Bool) {
        figures.crashes += 1
        if losesPower { wasClockSet = true }
        balances = durable.balances
        isStoreFailing = false
        lastTicket = 0
        toldTicket = 0
        goodbyes = [:]
        blocked = []
        expiries = [:]
        redeemers = redeemers.filter { durablePostings.contains($0.key) }
        for account in durable.accounts.values { note(account) }
        for serial in calls.keys.sorted() {
            guard var facts = calls[serial], facts.durableRecords == 0 else { continue }
            if facts.isAccepted || facts.toldAt != nil { facts.diedAt = facts.diedAt ?? now }
            if losesPower { facts.hasLostClock = true }
            facts.closedAt = nil
            facts.reserved = facts.durableReserved
            if !facts.isJournalDurable {
                if facts.toldAt != nil, facts.isPaying {
                    find("told before durable", "call \(serial) was told and is not on the disk")
                }
                facts.answeredAt = nil
            }
            calls[serial] = facts
            paidUntil[serial] = nil
        }
        for callID in legs.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let leg = legs[callID], !leg.isHungUp else { continue }
            let facts = calls[latestLife[leg.serial] ?? leg.serial]
            let isKnown = facts?.isJournalDurable == true && facts?.connected == callID
            if !isKnown, !leg.isCaller { legs[callID]?.isOrphaned = true }
        }
        nextCut = paidUntil.values.min() ?? .distantFuture
    }

    /// A new process has begun. What still runs in it must be paid as before.
    mutating func restarted(start: UInt32) {
        self.start = start
        for serial in calls.keys.sorted() { armCut(serial) }
        deathsForgotten()
    }

    /// Calls that are not recorded yet.
    var runningCalls: [CallID] {
        serialOfCall.keys.sorted().filter { call in
            serialOfCall[call].flatMap { calls[$0] }?.closedAt == nil
        }
    }

    mutating func clockStepped() {
        wasClockSet = true
        for serial in calls.keys.sorted() {
            guard let facts = calls[serial], facts.answeredAt != nil, facts.durableRecords == 0
            else { continue }
            calls[serial]?.isStepped = true
        }
    }

    /// What an account may do from now on.
    mutating func note(_ account: Account) {
        if account.isBlocked { blocked.insert(account.id) } else { blocked.remove(account.id) }
        expiries[account.id] = account.expiresAt
    }

    /// The first of these that may not pay for anything new.
    func barred(of chain: [String]) -> String? {
        chain.first { id in
            blocked.contains(id) || expiries[id].map { wallTime >= $0 } ?? false
        }
    }

    /// How long what is held pays for; nil when that is for ever.
    private func paidMilliseconds(_ facts: CallFacts) -> Int64? {
        guard facts.isPaying else { return nil }
        var latest: Int64 = 0
        for row in facts.rows {
            guard let paid = row.paidMilliseconds(for: facts.reserved) else { return nil }
            latest = max(latest, paid)
        }
        return latest
    }

    /// The switch has heard of the disk: what it wrote, or that it takes nothing.
    mutating func told(of event: Event) {
        toldAt = now
        if case .committed(let ticket) = event { toldTicket = ticket.rawValue }
    }

    /// The switch may have given the disk up: it fails, or says nothing for long.
    var isStoreGivenUp: Bool {
        isStoreFailing || isHearingOfFailure
            || lastTicket - toldTicket >= settings.limits.waitingCommits
            || now - toldAt + .seconds(1) > settings.limits.storeSilence
    }

    /// Notes when a call that is answered has to be cut.
    mutating func armCut(_ serial: Int) {
        guard let facts = calls[serial] else { return }
        let previous = paidUntil[serial]
        paidUntil[serial] = nil
        // A clock that was stepped while nobody ran hides how long the outage was.
        if let answeredAt = facts.answeredAt, facts.closedAt == nil, facts.durableRecords == 0,
            !facts.isMeasuredWrongly,
            let longest = [facts.limit, paidMilliseconds(facts)].compactMap({ $0 }).min()
        {
            paidUntil[serial] = answeredAt + Instant.Span(nanoseconds: longest * 1_000_000)
        }
        guard previous != paidUntil[serial] else { return }
        nextCut = paidUntil.values.min() ?? .distantFuture
    }
}

/// What a run was like.
public struct Figures: Sendable, Hashable {
    public var calls = 0
    public var answered = 0
    public var charged = 0
    public var cut = 0
    public var crashes = 0
    public var turns = 0
    public var datagrams = 0
    /// Milliseconds of talk in all recorded calls.
    public var talk: Int64 = 0

    public init() {}

    public static func += (a: inout Figures, b: Figures) {
        a.calls += b.calls
        a.answered += b.answered
        a.charged += b.charged
        a.cut += b.cut
        a.crashes += b.crashes
        a.turns += b.turns
        a.datagrams += b.datagrams
        a.talk += b.talk
    }
}
