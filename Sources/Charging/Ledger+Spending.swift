// Limits against theft: what an extension or an account may spend in one call, an hour and a day.

extension Ledger {
    /// How much more a call can hold before money or a limit ends: what it can be sold for. nil for an
    /// unknown account.
    ///
    /// - Parameter call: one that has a reservation; nil for a call that is to begin.
    public func coverable(
        call: UInt64? = nil, account: String, extension number: String? = nil,
        at moment: LedgerMoment
    ) -> Amount? {
        guard var index = indices[account] else { return nil }
        let held = call.flatMap { holds[$0]?.amount } ?? .zero
        var least = Ledger.largestBalance
        while index != Ledger.noParent {
            let limits = entries[index].account.limits.over(accountLimits)
            least = min(least, entries[index].available)
            if let call = limits.call { least = min(least, call - held) }
            let headroom = entries[index].spending.headroom(
                limits, reserved: entries[index].reserved, at: moment)
            if let headroom { least = min(least, headroom) }
            index = entries[index].parent
        }
        if let call = extensionLimits.call, number != nil { least = min(least, call - held) }
        if let spender = number.flatMap({ spenderIndices[$0] }) {
            let headroom = spenders[spender].spending.headroom(
                extensionLimits, reserved: spenders[spender].reserved, at: moment)
            if let headroom { least = min(least, headroom) }
        } else if number != nil {
            for limit in [extensionLimits.hour, extensionLimits.day] {
                if let limit { least = min(least, limit) }
            }
        }
        return max(least, .zero)
    }

    /// What a subject spent in the hour and on the day at hand, without what running calls hold.
    public func spent(
        _ subject: SpendingSubject, at moment: LedgerMoment
    ) -> (hour: Amount, day: Amount) {
        guard let spending = spending(of: subject) else { return (.zero, .zero) }
        return (spending.inHour(moment), spending.onDay(moment))
    }

    /// The hold of a subject, in force or released; nil when it never was held.
    public func hold(_ subject: SpendingSubject) -> SpendingHold? { spending(of: subject)?.hold }

    /// Every hold that is in force, accounts first.
    public var spendingHolds: [SpendingHold] {
        let accounts = entries.compactMap { $0.spending.isHeld ? $0.spending.hold : nil }
        let extensions = spenders.compactMap { $0.spending.isHeld ? $0.spending.hold : nil }
        return accounts.sorted { "\($0.subject)" < "\($1.subject)" }
            + extensions.sorted { "\($0.subject)" < "\($1.subject)" }
    }

    /// Stops the calls of a subject: none begins and none is extended.
    ///
    /// - Returns: the hold to store; nil with nothing changed when it is held already.
    public mutating func hold(
        _ subject: SpendingSubject, reason: String, by: String = "", at moment: LedgerMoment
    ) -> SpendingHold? {
        guard spending(of: subject)?.isHeld != true else { return nil }
        let hold = SpendingHold(subject: subject, reason: reason, by: by, since: moment.at)
        return change(subject) { $0.hold = hold } ? hold : nil
    }

    /// Lets the calls of a subject go on. What it spent until now counts no more.
    ///
    /// - Returns: the hold to store; nil with nothing changed when it is not held.
    public mutating func release(
        _ subject: SpendingSubject, by: String = "", at moment: LedgerMoment
    ) -> SpendingHold? {
        guard var hold = spending(of: subject)?.hold, hold.releasedAt == nil else { return nil }
        hold.releasedAt = moment.at
        hold.by = by
        let released = hold
        _ = change(subject) { spending in
            spending.hold = released
            spending.forget()
        }
        return hold
    }

    /// The clocks of a machine are set right by no more than that, in microseconds: what was charged
    /// later than it was charged when a clock was wrong.
    private static let longestSetBack: Int64 = 86_400_000_000

    /// Puts back what an earlier process counted and held.
    ///
    /// A charge of a time that is still to come was made before the clock was set back, and counts as
    /// made now: setting a clock and starting anew makes no limit forget.
    ///
    /// - Parameter day: the site's date of a wall time.
    public mutating func restoreSpending(
        _ charges: [RecentCharge], holds: [SpendingHold], at moment: LedgerMoment,
        day: (Int64) -> CivilDay
    ) {
        for hold in holds { _ = change(hold.subject) { $0.hold = hold } }
        for charge in charges where charge.at - moment.at <= Self.longestSetBack {
            let age = max(moment.at - charge.at, 0) / 1000
            let isToday = charge.at > moment.at || day(charge.at) == moment.day
            var subjects = chain(of: charge.account).map { SpendingSubject.account($0.id) }
            if let number = charge.extension { subjects.append(.extension(number)) }
            for subject in subjects {
                if let released = spending(of: subject)?.hold?.releasedAt, charge.at <= released {
                    continue
                }
                _ = change(subject) {
                    $0.restore(charge.amount, age: age, isToday: isToday, at: moment)
                }
            }
        }
    }

    // MARK: Subjects

    /// Index of an extension, which is known from the first time it is asked for.
    mutating func spender(of number: String?) -> Int {
        guard let number else { return Ledger.noSpender }
        if let index = spenderIndices[number] { return index }
        spenderIndices[number] = spenders.count
        spenders.append(Spender(number: number))
        return spenders.count - 1
    }

    private func spending(of subject: SpendingSubject) -> Spending? {
        switch subject {
        case .account(let id): indices[id].map { entries[$0].spending }
        case .extension(let number): spenderIndices[number].map { spenders[$0].spending }
        }
    }

    /// - Returns: false for an account that is not there.
    private mutating func change(
        _ subject: SpendingSubject, _ body: (inout Spending) -> Void
    ) -> Bool {
        switch subject {
        case .account(let id):
            guard let index = indices[id] else { return false }
            body(&entries[index].spending)
        case .extension(let number): body(&spenders[spender(of: number)].spending)
        }
        return true
    }
}

extension Spending {
    /// Why a subject will not hold `amount` more for a call that holds `held`.
    func refusal(
        of subject: @autoclosure () -> SpendingSubject, holding amount: Amount, _ held: Amount,
        _ limits: SpendingLimits, reserved: Amount, at moment: LedgerMoment
    ) -> Ledger.Refusal? {
        if let hold, hold.releasedAt == nil { return .held(subject(), reason: hold.reason) }
        if let call = limits.call, held + amount > call {
            return .limitMet(subject(), .call, limit: call)
        }
        guard let met = limitMet(by: amount, limits, reserved: reserved, at: moment) else {
            return nil
        }
        return .limitMet(subject(), met.period, limit: met.limit)
    }
}
