// What running calls hold, and what they are charged.

extension Ledger {
    /// Holds `amount` for a call on `account` and all of its parents, or on none of them. A call
    /// reserves once; a second time is a bug of the caller, and traps, as a negative amount does.
    ///
    /// - Parameter number: the extension it is charged to, for its limits.
    public mutating func reserve(
        call: UInt64, account: String, extension number: String? = nil, amount: Amount,
        at moment: LedgerMoment = 0
    ) -> Refusal? {
        precondition(!amount.isNegative, "call \(call) reserves \(amount)")
        guard let index = indices[account] else { return .unknownAccount(account) }
        guard holds.count < limits.reservations else { return .tableFull("reservations") }
        let spender = spender(of: number)
        let hold = Hold(account: index, amount: .zero, spender: spender)
        if let refusal = refusal(ofHolding: amount, more: hold, at: moment) { return refusal }

        addReserved(amount, from: index, spender: spender)
        let earlier = holds.updateValue(
            Hold(account: index, amount: amount, spender: spender), forKey: call)
        precondition(earlier == nil, "call \(call) reserves a second time")
        return nil
    }

    /// Why `reserve` would refuse now, nil where it would not. Changes nothing.
    public func refusal(
        ofReserving amount: Amount, account: String, extension number: String? = nil,
        at moment: LedgerMoment = 0
    ) -> Refusal? {
        guard let index = indices[account] else { return .unknownAccount(account) }
        guard holds.count < limits.reservations else { return .tableFull("reservations") }
        // Who has spent nothing yet is under the limits of one call, an hour and a day all the same.
        let spender = number.flatMap { spenderIndices[$0] }
        let hold = Hold(account: index, amount: .zero, spender: spender ?? Ledger.noSpender)
        if let refusal = refusal(ofHolding: amount, more: hold, at: moment) { return refusal }
        guard let number, spender == nil else { return nil }
        return Spender(number: number).spending.refusal(
            of: .extension(number), holding: amount, .zero, extensionLimits, reserved: .zero,
            at: moment)
    }

    /// Holds `amount` more for a call that has a reservation, on its whole chain or not at all.
    public mutating func extend(
        call: UInt64, by amount: Amount, at moment: LedgerMoment = 0
    ) -> Refusal? {
        precondition(!amount.isNegative, "call \(call) extends by \(amount)")
        let slot = slot(of: call)
        let hold = holds.values[slot]
        if let refusal = refusal(ofHolding: amount, more: hold, at: moment) { return refusal }

        addReserved(amount, from: hold.account, spender: hold.spender)
        holds.values[slot].amount += amount
        return nil
    }

    /// Makes a call hold `amount` instead of what it holds, at once: another route has another
    /// price. When it is refused the call holds what it held.
    public mutating func reprice(
        call: UInt64, to amount: Amount, at moment: LedgerMoment = 0
    ) -> Refusal? {
        precondition(!amount.isNegative, "call \(call) is repriced to \(amount)")
        let slot = slot(of: call)
        let hold = holds.values[slot]
        // Giving some back needs no permission.
        if amount > hold.amount,
            let refusal = refusal(ofHolding: amount - hold.amount, more: hold, at: moment)
        {
            return refusal
        }

        addReserved(amount - hold.amount, from: hold.account, spender: hold.spender)
        holds.values[slot].amount = amount
        return nil
    }

    /// Ends a call's reservation: charges min(`used`, reserved) to every account of the chain and
    /// gives back the rest. It cannot be refused. A call that has no reservation, because it was
    /// settled already, is a bug of the caller, and traps: nothing is charged twice.
    public mutating func settle(
        call: UInt64, used: Amount, at moment: LedgerMoment
    ) -> Settlement {
        precondition(!used.isNegative, "call \(call) used \(used)")
        let slot = slot(of: call)
        let hold = holds.values[slot]
        let charged = min(used, hold.amount)

        var postings: [Posting] = []
        var balances: [AccountBalance] = []
        postings.reserveCapacity(charged == .zero ? 0 : Ledger.longestChain)
        balances.reserveCapacity(Ledger.longestChain)
        var low: [AccountBalance] = []
        var index = hold.account
        while index != Ledger.noParent {
            entries[index].reserved -= hold.amount
            if charged.isPositive {
                let wasLow = entries[index].account.isLow
                entries[index].account.balance -= charged
                entries[index].account.version += 1
                entries[index].spending.add(charged, at: moment)
                if !wasLow, entries[index].account.isLow {
                    low.append(
                        AccountBalance(
                            account: entries[index].account.id,
                            balance: entries[index].account.balance))
                }
                postings.append(
                    Posting(
                        id: Posting.chargeID(call: call, account: entries[index].account.id),
                        account: entries[index].account.id, kind: .charge, amount: -charged,
                        balanceAfter: entries[index].account.balance, at: moment.at, call: call))
            }
            balances.append(
                AccountBalance(
                    account: entries[index].account.id, balance: entries[index].account.balance))
            checkInvariant(at: index)
            index = entries[index].parent
        }
        if hold.spender != Ledger.noSpender {
            spenders[hold.spender].reserved -= hold.amount
            if charged.isPositive { spenders[hold.spender].spending.add(charged, at: moment) }
        }
        holds.remove(at: slot)
        return Settlement(
            call: call, charged: charged, released: hold.amount - charged, postings: postings,
            balances: balances, low: low)
    }

    /// Gives all back and charges nothing. A call that holds nothing is left as it is.
    public mutating func release(call: UInt64) {
        guard let hold = holds.removeValue(forKey: call) else { return }
        addReserved(-hold.amount, from: hold.account, spender: hold.spender)
    }

    private func slot(of call: UInt64) -> Dictionary<UInt64, Hold>.Index {
        guard let slot = holds.index(forKey: call) else {
            preconditionFailure("call \(call) has no reservation")
        }
        return slot
    }

    /// The first account of the chain that will not hold `amount` more, or the extension.
    private func refusal(
        ofHolding amount: Amount, more hold: Hold, at moment: LedgerMoment
    ) -> Refusal? {
        var index = hold.account
        while index != Ledger.noParent {
            if let refusal = refusal(of: index, holding: amount, hold.amount, at: moment) {
                return refusal
            }
            index = entries[index].parent
        }
        guard hold.spender != Ledger.noSpender else { return nil }
        return spenders[hold.spender].spending.refusal(
            of: .extension(spenders[hold.spender].number), holding: amount, hold.amount,
            extensionLimits, reserved: spenders[hold.spender].reserved, at: moment)
    }

    private func refusal(
        of index: Int, holding amount: Amount, _ held: Amount, at moment: LedgerMoment
    ) -> Refusal? {
        if entries[index].account.isBlocked {
            return .blocked(account: entries[index].account.id)
        }
        if let expiresAt = entries[index].account.expiresAt, moment.at >= expiresAt {
            return .expired(account: entries[index].account.id)
        }
        let available = entries[index].available
        if amount > available {
            return .insufficient(
                account: entries[index].account.id, available: available, needed: amount)
        }
        return entries[index].spending.refusal(
            of: .account(entries[index].account.id), holding: amount, held,
            entries[index].account.limits.over(accountLimits), reserved: entries[index].reserved,
            at: moment)
    }

    /// Only after all checks.
    mutating func addReserved(_ amount: Amount, from index: Int, spender: Int) {
        var index = index
        while index != Ledger.noParent {
            entries[index].reserved += amount
            checkInvariant(at: index)
            index = entries[index].parent
        }
        if spender != Ledger.noSpender { spenders[spender].reserved += amount }
    }

    func checkInvariant(at index: Int) {
        precondition(
            !entries[index].reserved.isNegative && !entries[index].available.isNegative,
            "money invariant broken at account \(entries[index].account.id)")
    }
}
