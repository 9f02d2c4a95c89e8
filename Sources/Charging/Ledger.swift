/// Every account, what it has, and what running calls hold of it: the ledger decides at once and in
/// memory whether a call may be paid; the store only remembers what was decided.
///
/// For every account, after every function here: **reserved <= balance + credit limit**, which is
/// posted + reserved <= credit + limit, as the balance is all credit less all that was posted.
/// Nothing can break it from outside: each function first checks all that can refuse and returns the
/// `Refusal` with nothing changed, then changes state, and then cannot fail. If the invariant is
/// broken all the same, it is our bug, and the process traps before the wrong sum is used.
///
/// Money moves in two ways. A *posting* changes the balance of one account for good, and is
/// idempotent by its id. A *reservation* is what one running call holds, the same amount on each
/// account of its chain: reserve, extend as long as the call lasts, and settle exactly once.
///
/// `reserve`, `extend` and `settle` are O(length of the chain), which is at most `longestChain`.
public struct Ledger: Sendable {
    /// An account, its parent, the parent's parent and one more.
    public static let longestChain = 4
    /// 10^12 currency units: the most a balance or a credit limit can be. Sums of them stay far
    /// inside an `Amount`.
    public static let largestBalance = Amount(micros: 1_000_000_000_000_000_000)

    /// How much a ledger holds before it refuses more.
    public struct Limits: Hashable, Sendable {
        public var accounts = 1_000_000
        public var reservations = 1_000_000
        /// Postings whose ids are known again.
        public var rememberedPostings = 10_000_000
        public var vouchers = 1_000_000

        public init() {}
    }

    /// What became of a top-up, refund or adjustment.
    public enum Outcome: Hashable, Sendable {
        /// Done now; to be stored.
        case posted(Posting)
        /// Done before under the same id, which is not done again. It is the posting of then.
        case alreadyDone(Posting)
        case refused(Refusal)
    }

    /// Why what the store kept is no ledger.
    public enum RestoreError: Error, Hashable, Sendable {
        case refused(Refusal)
        /// The balance or the reservations are past the limit.
        case limitPassed(account: String)
        case duplicatePosting(String)
        case duplicateVoucher(batch: String, serial: Int)
        /// Negative, or the second one of a call.
        case invalidReservation(call: UInt64)
    }

    /// An account with what stands beside it. For the ledger's own files.
    struct Entry: Sendable {
        var account: Account
        /// Held by running calls.
        var reserved = Amount.zero
        /// Index of the parent or `noParent`.
        var parent = Ledger.noParent
        var spending = Spending()

        var available: Amount { account.balance + account.creditLimit - reserved }
    }

    /// An extension that calls are charged to.
    struct Spender: Sendable {
        var number: String
        var reserved = Amount.zero
        var spending = Spending()
    }

    struct Hold: Sendable {
        /// Index of the first account of the chain.
        var account: Int
        var amount: Amount
        /// Index of the extension, or `noSpender`.
        var spender: Int
    }

    static let noParent = -1
    static let noSpender = -1

    /// What accounts and extensions may spend unless an account says otherwise.
    public var accountLimits = SpendingLimits.none
    public var extensionLimits = SpendingLimits.none

    /// What is beyond a limit already stays.
    public var limits: Limits

    // Changed by the files of the ledger alone.
    var entries: [Entry] = []
    var indices: [String: Int] = [:]
    var spenders: [Spender] = []
    var spenderIndices: [String: Int] = [:]
    var holds: [UInt64: Hold] = [:]
    var remembered: [String: Posting] = [:]
    /// What was given back for calls, by call and account: the remembered refunds that name one.
    var refunds: [UInt64: [String: Amount]] = [:]
    var vouchers: [String: Voucher] = [:]

    public init(limits: Limits = Limits()) { self.limits = limits }

    // MARK: Asking

    public func account(_ id: String) -> Account? { indices[id].map { entries[$0].account } }

    /// What new calls can take: balance + credit limit - reserved. Never negative.
    public func available(_ account: String) -> Amount? {
        indices[account].map { entries[$0].available }
    }

    /// The least that any account of the chain has available: what a call can be sold for.
    public func availableInChain(_ account: String) -> Amount? {
        guard var index = indices[account] else { return nil }
        var least = entries[index].available
        while entries[index].parent != Ledger.noParent {
            index = entries[index].parent
            least = min(least, entries[index].available)
        }
        return least
    }

    /// What all running calls together hold on this account.
    public func reserved(account: String) -> Amount? {
        indices[account].map { entries[$0].reserved }
    }

    /// What one call holds; nil when it holds nothing.
    public func reserved(call: UInt64) -> Amount? { holds[call]?.amount }

    public var accountCount: Int { entries.count }
    public var reservationCount: Int { holds.count }
    public var voucherCount: Int { vouchers.count }
    /// Postings whose ids are known again.
    public var knownPostingCount: Int { remembered.count }

    /// Every account by id. O(n log n).
    public var accounts: [Account] { entries.map(\.account).sorted { $0.id < $1.id } }

    /// Every reservation by call. O(n log n).
    public var reservations: [Reservation] {
        holds.map { call, hold in
            Reservation(
                call: call, account: entries[hold.account].account.id, amount: hold.amount,
                extension: hold.spender == Ledger.noSpender ? nil : spenders[hold.spender].number)
        }
        .sorted { $0.call < $1.call }
    }

    /// The account and those that pay along, the account itself first; empty when it is unknown.
    public func chain(of account: String) -> [Account] {
        var index = indices[account] ?? Ledger.noParent
        var chain: [Account] = []
        while index != Ledger.noParent {
            chain.append(entries[index].account)
            index = entries[index].parent
        }
        return chain
    }

    // MARK: Accounts

    /// The plan that prices the calls of an account: its own, or that of the nearest account above it
    /// that names one.
    public func tariffPlan(of account: String) -> String {
        var index = indices[account] ?? Ledger.noParent
        while index != Ledger.noParent {
            if let plan = entries[index].account.plan { return plan }
            index = entries[index].parent
        }
        return TariffBook.standardPlan
    }

    /// Opens an empty account. Its parent must be there already, so chains can have no loop.
    public mutating func open(_ account: Account, at moment: LedgerMoment = 0) -> Refusal? {
        if let refusal = account.refusal { return refusal }
        guard indices[account.id] == nil else { return .accountExists(account.id) }
        guard account.balance == .zero else { return .balanceAtOpening(account: account.id) }
        guard entries.count < limits.accounts else { return .tableFull("accounts") }
        var parent = Ledger.noParent
        if let id = account.parent {
            guard let index = indices[id] else { return .unknownParent(id) }
            parent = index
        }
        if let refusal = refusal(ofParent: parent, for: account) { return refusal }

        var opened = account
        opened.version = 1
        if let renewal = opened.renewal { opened.renewedIn = renewal.period(of: moment.day) }
        indices[account.id] = entries.count
        entries.append(Entry(account: opened, parent: parent))
        return nil
    }

    private func refusal(ofParent parent: Int, for account: Account) -> Refusal? {
        guard parent != Ledger.noParent else { return nil }
        let above = entries[parent].account
        guard above.currency == account.currency else {
            return .currencyDiffers(account: account.id, parent: above.id)
        }
        var length = 1
        var index = parent
        while index != Ledger.noParent {
            length += 1
            guard length <= Ledger.longestChain else { return .chainTooLong(account: account.id) }
            index = entries[index].parent
        }
        return nil
    }

    /// Running calls of a blocked account talk out what is paid and are not extended.
    public mutating func setBlocked(_ isBlocked: Bool, account id: String) -> Refusal? {
        guard var account = account(id) else { return .unknownAccount(id) }
        account.isBlocked = isBlocked
        return update(account)
    }

    /// A limit cannot be taken below what is owed and held already.
    public mutating func setCreditLimit(_ limit: Amount, account id: String) -> Refusal? {
        guard var account = account(id) else { return .unknownAccount(id) }
        account.creditLimit = limit
        return update(account)
    }

    public mutating func setName(_ name: String, account id: String) -> Refusal? {
        guard var account = account(id) else { return .unknownAccount(id) }
        account.name = name
        return update(account)
    }

    /// Takes over what may be changed of an account: name, credit limit, block, expiry, mark, plan and
    /// limits. Its balance and version stay as they are here.
    public mutating func update(_ account: Account) -> Refusal? {
        guard let index = indices[account.id] else { return .unknownAccount(account.id) }
        if let refusal = account.refusal { return refusal }
        let known = entries[index].account
        for (what, isSame) in [
            ("parent", known.parent == account.parent), ("kind", known.kind == account.kind),
            ("currency", known.currency == account.currency),
            ("allowance's period", known.renewal == account.renewal),
        ] where !isSame {
            return .fixed(account: account.id, what: what)
        }
        let cut = known.creditLimit - account.creditLimit
        guard cut <= entries[index].available else {
            return .limitBelowOwed(
                account: account.id, least: known.creditLimit - entries[index].available)
        }
        var changed = account
        changed.balance = known.balance
        changed.renewedIn = known.renewedIn
        changed.version = known.version
        guard changed != known else { return nil }

        changed.version += 1
        entries[index].account = changed
        checkInvariant(at: index)
        return nil
    }

    // MARK: Restoring

    /// The ledger as the store kept it. `accounts` in any order; `postings` are those whose ids have
    /// to be known again (charges and renewals among them are passed over: a call is settled by its
    /// reservation, and a period renewed by the account's own);
    /// `reservations` are those of calls that ran when the process ended.
    ///
    /// Throws for what a sound store cannot hold: a refusal that the same thing would meet now, or
    /// an account whose balance or reservations are past its limit.
    public init(
        accounts: [Account], postings: [Posting] = [], reservations: [Reservation] = [],
        vouchers: [Voucher] = [], limits: Limits = Limits()
    ) throws(RestoreError) {
        self.init(limits: limits)
        try restore(accounts)
        for voucher in vouchers {
            guard self.vouchers.updateValue(voucher, forKey: voucher.key) == nil else {
                throw .duplicateVoucher(batch: voucher.batch, serial: voucher.serial)
            }
        }
        for posting in postings where posting.kind != .charge && posting.kind != .renewal {
            guard remembered[posting.id] == nil else { throw .duplicatePosting(posting.id) }
            remember(posting)
        }
        for reservation in reservations { try restore(reservation) }
    }

    private mutating func restore(_ accounts: [Account]) throws(RestoreError) {
        for account in accounts {
            if let refusal = account.refusal { throw .refused(refusal) }
            guard indices.updateValue(entries.count, forKey: account.id) == nil else {
                throw .refused(.accountExists(account.id))
            }
            let entry = Entry(account: account)
            guard !entry.available.isNegative, account.balance <= Ledger.largestBalance else {
                throw .limitPassed(account: account.id)
            }
            entries.append(entry)
        }
        for index in entries.indices {
            guard let parent = entries[index].account.parent else { continue }
            guard let found = indices[parent] else { throw .refused(.unknownParent(parent)) }
            entries[index].parent = found
        }
        // Only now are all parents known. A loop shows as a chain that is too long.
        for entry in entries {
            if let refusal = refusal(ofParent: entry.parent, for: entry.account) {
                throw .refused(refusal)
            }
        }
    }

    private mutating func restore(_ reservation: Reservation) throws(RestoreError) {
        let (call, amount) = (reservation.call, reservation.amount)
        guard let first = indices[reservation.account] else {
            throw .refused(.unknownAccount(reservation.account))
        }
        guard holds[call] == nil, !amount.isNegative else { throw .invalidReservation(call: call) }
        var index = first
        while index != Ledger.noParent {
            // A blocked account keeps what its running calls held.
            guard amount <= entries[index].available else {
                throw .limitPassed(account: entries[index].account.id)
            }
            index = entries[index].parent
        }
        let spender = spender(of: reservation.extension)
        addReserved(amount, from: first, spender: spender)
        holds[call] = Hold(account: first, amount: amount, spender: spender)
    }

    // MARK: Audit

    /// Adds up everything anew and says what does not fit; nothing, as long as there is no bug.
    /// O(accounts + reservations).
    public func audit() -> [String] {
        var held = [Amount](repeating: .zero, count: entries.count)
        var spent = [Amount](repeating: .zero, count: spenders.count)
        for hold in holds.values {
            if hold.spender != Ledger.noSpender { spent[hold.spender] += hold.amount }
            var index = hold.account
            while index != Ledger.noParent {
                held[index] += hold.amount
                index = entries[index].parent
            }
        }
        var findings: [String] = []
        for (entry, held) in zip(entries, held) {
            let id = entry.account.id
            if entry.reserved != held {
                findings.append(
                    "account \(id) holds \(entry.reserved) for calls, which hold \(held)")
            }
            if entry.available.isNegative {
                findings.append("account \(id) has \(entry.available) available")
            }
        }
        for (spender, held) in zip(spenders, spent) where spender.reserved != held {
            findings.append(
                "extension \(spender.number) holds \(spender.reserved) for calls, which hold "
                    + "\(held)")
        }
        return findings.sorted()
    }
}

extension Ledger: CustomStringConvertible {
    /// A line for each account, by id: id, balance, reserved, available.
    public var description: String {
        entries.sorted { $0.account.id < $1.account.id }
            .map { entry in
                "\(entry.account.id) balance \(entry.account.balance) reserved \(entry.reserved) "
                    + "available \(entry.available)" + (entry.account.isBlocked ? " blocked" : "")
            }
            .joined(separator: "\n")
    }
}
