import Charging
import SIP
import Switching

/// The disk: what is durable, and what waits in line for it. A crash keeps the first and drops the
/// second; a write that was under way, or was refused, is durable as a whole or not at all, told or not.
struct Disk: Sendable {
    /// Between two tries while it refuses, as the store does it.
    static let retryPauses: [Instant.Span] = [
        .milliseconds(50), .milliseconds(100), .milliseconds(250), .milliseconds(500), .seconds(1),
    ]

    enum Step: Sendable {
        /// The write under way has ended.
        case ended
        /// It is tried again.
        case retry
    }

    var durable: Durable
    /// In line, oldest first.
    private(set) var waiting: [Commit] = []
    /// How many of them are in the write under way; zero when there is none.
    private(set) var writing = 0
    /// As long as it takes nothing.
    var isFailing = false
    var isSlow = false
    private var failuresInARow = 0
    /// How many commits stand in a write that the disk refused at its end.
    private var refused = 0
    private var chance: Chance
    private var chanceOfRefused: Chance

    init(durable: Durable, seed: UInt64) {
        self.durable = durable
        chance = Chance(seed: seed, stream: .disk)
        chanceOfRefused = Chance(seed: seed, stream: .disk, index: 1)
    }

    /// - Returns: when the write that begins with them ends; nil when one is under way already.
    mutating func submit(_ commits: [Commit]) -> (after: Instant.Span, Step)? {
        waiting += commits
        return writing == 0 && failuresInARow == 0 ? begin() : nil
    }

    private mutating func begin() -> (after: Instant.Span, Step)? {
        guard !waiting.isEmpty else { return nil }
        writing = waiting.count
        let longest = isSlow ? 4_000_000 : 20_000
        let span = Instant.Span(nanoseconds: Int64(chance.number(in: 200...longest)) * 1000)
        return (span, .ended)
    }

    /// The time of a step has come.
    ///
    /// - Parameter apply: puts one durable change where it belongs.
    /// - Returns: what the switch is told, and the next step.
    mutating func reached(
        _ step: Step, apply: (StoredChange, inout Durable) -> Void
    ) -> (event: Event?, next: (after: Instant.Span, Step)?) {
        switch step {
        case .retry: return (nil, begin())
        case .ended:
            guard let last = waiting.last else { return (nil, nil) }
            if isFailing {
                refused = writing
                writing = 0
                let pause = Self.retryPauses[min(failuresInARow, Self.retryPauses.count - 1)]
                failuresInARow += 1
                return (
                    .commitFailed(through: last.ticket, reason: "the simulated disk is full"),
                    (pause, .retry)
                )
            }
            failuresInARow = 0
            refused = 0
            let written = waiting[writing - 1].ticket
            makeDurable(writing, apply)
            writing = 0
            return (.committed(through: written), begin())
        }
    }

    private mutating func makeDurable(
        _ count: Int, _ apply: (StoredChange, inout Durable) -> Void
    ) {
        for commit in waiting.prefix(count) {
            for change in commit.changes { apply(change, &durable) }
        }
        waiting.removeFirst(count)
    }

    /// The process is gone.
    mutating func crash(apply: (StoredChange, inout Durable) -> Void) {
        // The write under way had reached the platter, or had not.
        if writing > 0, !isFailing {
            if chance.happens(permille: 500) { makeDurable(writing, apply) }
        } else if max(writing, refused) > 0, chanceOfRefused.happens(permille: 300) {
            // What was refused may have been the sync alone: the next process finds all of it in the log.
            makeDurable(max(writing, refused), apply)
        }
        waiting = []
        writing = 0
        refused = 0
        failuresInARow = 0
    }
}

/// What is durable, by the keys of the tables.
struct Durable: Sendable {
    var extensions: [String: Extension] = [:]
    var accounts: [String: Account] = [:]
    /// Moved by postings only.
    var balances: [String: Int64] = [:]
    var bindings: [Binding] = []
    var postings: [Posting] = []
    var running: [CallID: RunningCall] = [:]
    var settings: [String: UserSettings] = [:]
    var vouchers: [Voucher] = []
    var holds: [SpendingSubject: SpendingHold] = [:]
    var subscriptions: [UInt64: StoredSubscription] = [:]
    var summaries: [String: [UInt8]] = [:]
    var recentCharges: [RecentCharge] = []
    var lastSequence: UInt64 = 0
    var start: UInt32 = 0
    var book = 0
    /// Which run of the machine it is; the shell knows that, it is not stored.
    var boot: UInt64 = 1

    /// What the next process begins with.
    mutating func load() -> StoredState {
        start += 1
        var state = StoredState(tariff: SimulatedSite.tariffs[book])
        state.extensions = extensions.values.sorted { $0.number < $1.number }
        state.accounts = accounts.values.sorted { $0.id < $1.id }.map { account in
            Account(
                id: account.id, name: account.name, parent: account.parent, kind: account.kind,
                creditLimit: account.creditLimit,
                balance: Amount(micros: balances[account.id] ?? 0), currency: account.currency,
                isBlocked: account.isBlocked, expiresAt: account.expiresAt,
                lowMark: account.lowMark, plan: account.plan, limits: account.limits,
                renewal: account.renewal, renewedIn: account.renewedIn, version: account.version)
        }
        state.bindings = bindings
        state.postings = postings.filter { $0.kind != .charge && $0.kind != .renewal }
        state.userSettings = settings
        state.vouchers = vouchers
        state.holds = holds.values.sorted { "\($0.subject)" < "\($1.subject)" }
        state.subscriptions = subscriptions.values.sorted { $0.tag < $1.tag }
        state.summaries = summaries
        state.recentCharges = recentCharges
        state.runningCalls = running.values.sorted { $0.call < $1.call }
        state.lastSequence = lastSequence
        state.start = start
        state.boot = boot
        return state
    }

    /// All but money, journal and records, which the auditor looks at on the way.
    mutating func apply(_ change: StoredChange) {
        switch change {
        case .extensionSaved(let row): extensions[row.number] = row
        case .extensionRemoved(let number):
            extensions[number] = nil
            summaries[number] = nil
            bindings.removeAll { $0.number == number }
        case .bindingSaved(let binding):
            bindings.removeAll {
                $0.number == binding.number && $0.contact == binding.contact
                    && $0.outbound?.regID == binding.outbound?.regID
            }
            bindings.append(binding)
        case .bindingRemoved(let number, let contact, let regID):
            bindings.removeAll {
                $0.number == number && $0.contact == contact
                    && $0.outbound?.regID ?? 0 == regID
            }
        case .subscriptionSaved(let subscription):
            subscriptions[subscription.tag] = subscription
        case .subscriptionRemoved(let tag): subscriptions[tag] = nil
        case .summarySaved(let number, let body): summaries[number] = body
        case .accountSaved(let account): accounts[account.id] = account
        case .settingsSaved(let number, let changed): settings[number] = changed
        case .vouchersAdded(let batch): vouchers += batch
        case .spendingHeld(let hold): holds[hold.subject] = hold
        case .posted(let posting):
            postings.append(posting)
            balances[posting.account, default: 0] += posting.amount.micros
        case .callRunning(let call): running[call.call] = call
        case .callClosed(let record):
            running[CallID(rawValue: record.callID)] = nil
            lastSequence = record.sequence
            if record.charge.isPositive, let account = record.callerAccount,
                let endedAt = record.endedAt
            {
                recentCharges.append(
                    RecentCharge(
                        extension: record.chargedExtension, account: account,
                        amount: record.charge, at: endedAt))
            }
        }
    }
}
