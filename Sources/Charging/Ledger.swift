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
        /// Negative, or the second one of a call.
        case invalidReservation(call: UInt64)
    }

    private struct Entry: Sendable {
        var account: Account
        /// Held by running calls.
        var reserved = Amount.zero
        /// Index of the parent or `noParent`.
        var parent = Ledger.noParent

        var available: Amount { account.balance + account.creditLimit - reserved }
    }

    private struct Hold: Sendable {
        /// Index of the first account of the chain.
        var account: Int
        var amount: Amount
    }

    private static let noParent = -1

    private let limits: Limits
    private var entries: [Entry] = []
    private var indices: [String: Int] = [:]
    private var holds: [UInt64: Hold] = [:]
    private var remembered: [String: Posting] = [:]

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

    /// Every account by id. O(n log n).
    public var accounts: [Account] { entries.map(\.account).sorted { $0.id < $1.id } }

    /// Every reservation by call. O(n log n).
    public var reservations: [Reservation] {
        holds.map { call, hold in
            Reservation(call: call, account: entries[hold.account].account.id, amount: hold.amount)
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

    /// Opens an empty account. Its parent must be there already, so chains can have no loop.
    public mutating func open(_ account: Account) -> Refusal? {
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
        guard let index = indices[id] else { return .unknownAccount(id) }
        guard entries[index].account.isBlocked != isBlocked else { return nil }
        entries[index].account.isBlocked = isBlocked
        entries[index].account.version += 1
        return nil
    }

    /// A limit cannot be taken below what is owed and held already.
    public mutating func setCreditLimit(_ limit: Amount, account id: String) -> Refusal? {
        guard let index = indices[id] else { return .unknownAccount(id) }
        let account = entries[index].account
        if let refusal = Account.refusal(ofLimit: limit, kind: account.kind, account: id) {
            return refusal
        }
        let cut = account.creditLimit - limit
        guard cut <= entries[index].available else {
            return .insufficient(account: id, available: entries[index].available, needed: cut)
        }
        guard limit != account.creditLimit else { return nil }

        entries[index].account.creditLimit = limit
        entries[index].account.version += 1
        checkInvariant(at: index)
        return nil
    }

    public mutating func setName(_ name: String, account id: String) -> Refusal? {
        guard let index = indices[id] else { return .unknownAccount(id) }
        guard name.utf8.count <= Account.longestName else { return .invalidName(account: id) }
        guard name != entries[index].account.name else { return nil }
        entries[index].account.name = name
        entries[index].account.version += 1
        return nil
    }

    // MARK: Postings

    /// Money paid in. `id` is chosen by whoever asks and makes asking twice the same as once;
    /// `amount` is positive; `at` is wall time in microseconds since 1970 UTC.
    public mutating func topUp(
        id: String, account: String, amount: Amount, at: Int64, note: String = ""
    ) -> Outcome {
        guard amount.isPositive else { return .refused(.amountOutOfRange(amount)) }
        return post(.topUp, id: id, account: account, amount: amount, at: at, note: note)
    }

    /// Money given back for a call. As `topUp`.
    public mutating func refund(
        id: String, account: String, amount: Amount, at: Int64, note: String = ""
    ) -> Outcome {
        guard amount.isPositive else { return .refused(.amountOutOfRange(amount)) }
        return post(.refund, id: id, account: account, amount: amount, at: at, note: note)
    }

    /// A correction in either direction. One that takes money away can take what is available, and
    /// nothing that a running call holds. As `topUp`.
    public mutating func adjust(
        id: String, account: String, amount: Amount, at: Int64, note: String = ""
    ) -> Outcome {
        guard amount != .zero else { return .refused(.amountOutOfRange(amount)) }
        return post(.adjustment, id: id, account: account, amount: amount, at: at, note: note)
    }

    private mutating func post(
        _ kind: Posting.Kind, id: String, account: String, amount: Amount, at: Int64, note: String
    ) -> Outcome {
        guard (1...Posting.longestID).contains(id.utf8.count),
            id.utf8.allSatisfy({ $0 >= UInt8(ascii: " ") && $0 != 0x7f })
        else { return .refused(.invalidPostingID(id)) }
        guard note.utf8.count <= Posting.longestNote else { return .refused(.noteTooLong) }
        guard (-Ledger.largestBalance)...Ledger.largestBalance ~= amount else {
            return .refused(.amountOutOfRange(amount))
        }
        let postingID = kind.rawValue + ":" + id
        if let done = remembered[postingID] {
            guard done.account == account, done.amount == amount else {
                return .refused(.postingIDReused(id))
            }
            return .alreadyDone(done)
        }
        guard let index = indices[account] else { return .refused(.unknownAccount(account)) }
        guard remembered.count < limits.rememberedPostings else {
            return .refused(.tableFull("rememberedPostings"))
        }
        let balance = entries[index].account.balance + amount
        guard balance <= Ledger.largestBalance else {
            return .refused(.balanceTooLarge(account: account))
        }
        let available = entries[index].available
        guard -amount <= available else {
            return .refused(
                .insufficient(account: account, available: available, needed: -amount))
        }

        let posting = Posting(
            id: postingID, account: account, kind: kind, amount: amount, balanceAfter: balance,
            at: at, note: note)
        entries[index].account.balance = balance
        entries[index].account.version += 1
        remembered[postingID] = posting
        checkInvariant(at: index)
        return .posted(posting)
    }

    // MARK: Restoring

    /// The ledger as the store kept it. `accounts` in any order; `postings` are those whose ids have
    /// to be known again (charges among them are passed over: a call is settled by its reservation);
    /// `reservations` are those of calls that ran when the process ended.
    ///
    /// Throws for what a sound store cannot hold: a refusal that the same thing would meet now, or
    /// an account whose balance or reservations are past its limit.
    public init(
        accounts: [Account], postings: [Posting] = [], reservations: [Reservation] = [],
        limits: Limits = Limits()
    ) throws(RestoreError) {
        self.init(limits: limits)
        try restore(accounts)
        for posting in postings where posting.kind != .charge {
            guard remembered.updateValue(posting, forKey: posting.id) == nil else {
                throw .duplicatePosting(posting.id)
            }
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
        addReserved(amount, from: first)
        holds[call] = Hold(account: first, amount: amount)
    }

    // MARK: Calls

    /// Holds `amount` for a call on `account` and all of its parents, or on none of them. A call
    /// reserves once; a second time is a bug of the caller, and traps, as a negative amount does.
    public mutating func reserve(call: UInt64, account: String, amount: Amount) -> Refusal? {
        precondition(!amount.isNegative, "call \(call) reserves \(amount)")
        guard let index = indices[account] else { return .unknownAccount(account) }
        guard holds.count < limits.reservations else { return .tableFull("reservations") }
        if let refusal = refusal(ofHolding: amount, from: index) { return refusal }

        addReserved(amount, from: index)
        let earlier = holds.updateValue(Hold(account: index, amount: amount), forKey: call)
        precondition(earlier == nil, "call \(call) reserves a second time")
        return nil
    }

    /// Holds `amount` more for a call that has a reservation, on its whole chain or not at all.
    public mutating func extend(call: UInt64, by amount: Amount) -> Refusal? {
        precondition(!amount.isNegative, "call \(call) extends by \(amount)")
        let slot = slot(of: call)
        let index = holds.values[slot].account
        if let refusal = refusal(ofHolding: amount, from: index) { return refusal }

        addReserved(amount, from: index)
        holds.values[slot].amount += amount
        return nil
    }

    /// Makes a call hold `amount` instead of what it holds, at once: another route has another
    /// price. When it is refused the call holds what it held.
    public mutating func reprice(call: UInt64, to amount: Amount) -> Refusal? {
        precondition(!amount.isNegative, "call \(call) is repriced to \(amount)")
        let slot = slot(of: call)
        let hold = holds.values[slot]
        // Giving some back needs no permission.
        if amount > hold.amount,
            let refusal = refusal(ofHolding: amount - hold.amount, from: hold.account)
        {
            return refusal
        }

        addReserved(amount - hold.amount, from: hold.account)
        holds.values[slot].amount = amount
        return nil
    }

    /// Ends a call's reservation: charges min(`used`, reserved) to every account of the chain and
    /// gives back the rest. It cannot be refused. A call that has no reservation, because it was
    /// settled already, is a bug of the caller, and traps: nothing is charged twice.
    public mutating func settle(call: UInt64, used: Amount, at: Int64) -> Settlement {
        precondition(!used.isNegative, "call \(call) used \(used)")
        let slot = slot(of: call)
        let hold = holds.values[slot]
        let charged = min(used, hold.amount)

        var postings: [Posting] = []
        var balances: [AccountBalance] = []
        postings.reserveCapacity(charged == .zero ? 0 : Ledger.longestChain)
        balances.reserveCapacity(Ledger.longestChain)
        var index = hold.account
        while index != Ledger.noParent {
            entries[index].reserved -= hold.amount
            if charged.isPositive {
                entries[index].account.balance -= charged
                entries[index].account.version += 1
                postings.append(
                    Posting(
                        id: Posting.chargeID(call: call, account: entries[index].account.id),
                        account: entries[index].account.id, kind: .charge, amount: -charged,
                        balanceAfter: entries[index].account.balance, at: at, call: call))
            }
            balances.append(
                AccountBalance(
                    account: entries[index].account.id, balance: entries[index].account.balance))
            checkInvariant(at: index)
            index = entries[index].parent
        }
        holds.remove(at: slot)
        return Settlement(
            call: call, charged: charged, released: hold.amount - charged, postings: postings,
            balances: balances)
    }

    /// Gives all back and charges nothing. A call that holds nothing is left as it is.
    public mutating func release(call: UInt64) {
        guard let hold = holds.removeValue(forKey: call) else { return }
        addReserved(-hold.amount, from: hold.account)
    }

    private func slot(of call: UInt64) -> Dictionary<UInt64, Hold>.Index {
        guard let slot = holds.index(forKey: call) else {
            preconditionFailure("call \(call) has no reservation")
        }
        return slot
    }

    /// The first account from `index` upwards that will not hold `amount` more.
    private func refusal(ofHolding amount: Amount, from index: Int) -> Refusal? {
        var index = index
        while index != Ledger.noParent {
            if entries[index].account.isBlocked {
                return .blocked(account: entries[index].account.id)
            }
            let available = entries[index].available
            if amount > available {
                return .insufficient(
                    account: entries[index].account.id, available: available, needed: amount)
            }
            index = entries[index].parent
        }
        return nil
    }

    /// Only after all checks.
    private mutating func addReserved(_ amount: Amount, from index: Int) {
        var index = index
        while index != Ledger.noParent {
            entries[index].reserved += amount
            checkInvariant(at: index)
            index = entries[index].parent
        }
    }

    private func checkInvariant(at index: Int) {
        precondition(
            !entries[index].reserved.isNegative && !entries[index].available.isNegative,
            "money invariant broken at account \(entries[index].account.id)")
    }

    // MARK: Audit

    /// Adds up everything anew and says what does not fit; nothing, as long as there is no bug.
    /// O(accounts + reservations).
    public func audit() -> [String] {
        var held = [Amount](repeating: .zero, count: entries.count)
        for hold in holds.values {
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
