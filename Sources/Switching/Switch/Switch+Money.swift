import Charging
import SIP

// Money of running calls: held before the INVITE leaves, held further before the paid time ends, and
// the call cut at the second to which it is paid.

extension Switch {
    /// This instant as the ledger counts it.
    var moment: LedgerMoment {
        let at = wallTime
        return LedgerMoment(
            at: at, uptime: now.nanoseconds / 1_000_000,
            day: Self.siteDay(at: at, in: wallClock.zone))
    }

    /// The site's date at a wall time.
    private static func siteDay(at: Int64, in zone: UTCOffset) -> CivilDay {
        let seconds = at.flooredQuotient(by: 1_000_000)
        return CivilDay(localSeconds: seconds + Int64(zone.seconds(at: seconds)))
    }

    /// The site's distance from UTC for a price that begins at a wall time.
    func priceOffset(at: Int64) -> UTCOffset {
        wallClock.zone.ofCall(from: at.flooredQuotient(by: 1_000_000))
    }

    /// The price list of the standard plan that is in force.
    var tariff: Tariff {
        tariffs.deck(plan: TariffBook.standardPlan, at: wallTime)?.tariff ?? Tariff()
    }

    // MARK: The start

    static func ledger(_ stored: StoredState) throws(Ledger.RestoreError) -> Ledger {
        try Ledger(
            accounts: stored.accounts, postings: stored.postings,
            reservations: stored.runningCalls.compactMap { running in
                running.account.map {
                    Reservation(
                        call: running.call.rawValue, account: $0, amount: running.reserved,
                        extension: running.record.chargedExtension)
                }
            }, vouchers: stored.vouchers)
    }

    mutating func restoreSpending(_ stored: StoredState) {
        applyMoneyLimits()
        let zone = wallClock.zone
        ledger.restoreSpending(
            stored.recentCharges, holds: stored.holds, at: moment,
            day: { Self.siteDay(at: $0, in: zone) })
    }

    mutating func applyMoneyLimits() {
        ledger.limits.accounts = settings.limits.accounts
        ledger.accountLimits = settings.spending.ofAccount
        ledger.extensionLimits = settings.spending.ofExtension
    }

    // MARK: Before the INVITE

    /// The way that a call takes now costs nothing: what was held for another one is free again.
    mutating func releaseUnpaid(_ handle: Handle) {
        ledger.release(call: calls[handle].id.rawValue)
        calls[handle].money = nil
        calls[handle].record.callerAccount = nil
        calls[handle].record.chargedExtension = nil
    }

    /// Holds the money for a call that costs something, at the price of the route it is about to take.
    /// A call that holds money for another route then holds what this one costs.
    ///
    /// - Returns: why the call may not be made on this route.
    mutating func reserve(_ handle: Handle) -> Call.Failure? {
        guard !calls[handle].isEmergency else { return nil }
        guard !calls[handle].isUncharged else {
            releaseUnpaid(handle)
            return nil
        }
        let number = calls[handle].record.normalised
        let payer = calls[handle].payingExtension ?? calls[handle].callerExtension
        let account = payer.flatMap { extensions[$0]?.account }
        let plan = account.map { ledger.tariffPlan(of: $0) } ?? TariffBook.standardPlan
        let via: String?
        switch calls[handle].holding {
        case .nothing: via = nil
        case .trunk(let name): via = name
        case .line: via = TariffBook.lines
        }
        guard let price = tariffs.price(of: number, plan: plan, via: via, at: wallTime) else {
            let text = Self.noPrice(number, plan: plan)
            log(.warning, call: calls[handle].id, text)
            return Call.Failure(status: 403, q850: Causes.callRejected, text: text)
        }
        guard !price.row.isFree else {
            releaseUnpaid(handle)
            return nil
        }
        guard let account, let payer else {
            return Call.Failure(
                status: 402, q850: Causes.callRejected,
                text: "extension \(payer ?? calls[handle].record.caller) has no account")
        }
        if let why = outOfService {
            counters.count("refused-store")
            log(.warning, call: calls[handle].id, "refused: \(why)")
            return Call.Failure(
                status: 503, q850: Causes.temporaryFailure, text: "calls cannot be charged now")
        }
        if let payer = ledger.account(account),
            let problem = otherCurrency(of: price.deck, than: payer)
        {
            return Call.Failure(status: 403, q850: Causes.callRejected, text: problem)
        }
        let money = CallMoney(
            account: account, payer: payer,
            rating: Rating(
                price.row, calendar: price.deck.tariff.calendar, from: wallTime,
                offset: priceOffset(at: wallTime)), steps: 1, plan: plan, via: price.deck.via,
            currency: price.deck.tariff.currency ?? settings.currency, pricedAt: now)
        return hold(handle, money)
    }

    static func noPrice(_ number: String, plan: String) -> String {
        plan == TariffBook.standardPlan
            ? "the tariff has no price for \(number)"
            : "tariff plan \(plan) has no price for \(number)"
    }

    /// Holds the first slice, or as much of it as the account covers.
    ///
    /// The price is that of the hour in which the call is answered, which is not known yet: what is
    /// held is enough for the dearest hour that may begin while it rings.
    private mutating func hold(_ handle: Handle, _ money: CallMoney) -> Call.Failure? {
        commit(renewals(of: money.account))
        let id = calls[handle].id.rawValue
        let isHeld = ledger.reserved(call: id) != nil
        let slice = settings.calls.slice.milliseconds
        let ring = settings.calls.noAnswer.milliseconds
        var amount = money.rating.dearestCost(milliseconds: slice, answeredWithin: ring)
        var refusal = hold(id, amount, money, isHeld: isHeld)
        if refusal != nil,
            let more = ledger.coverable(
                call: isHeld ? id : nil, account: money.account, extension: money.payer, at: moment)
        {
            let most = min(amount, (ledger.reserved(call: id) ?? .zero) + more)
            if most >= money.rating.dearestFirstStep(answeredWithin: ring) {
                amount = money.rating.isSteady ? money.rating.cost(ofWholeStepsIn: most) : most
                refusal = hold(id, amount, money, isHeld: isHeld)
            }
        }
        if let refusal {
            stop(for: refusal)
            return Self.failure(refusal)
        }
        calls[handle].record.callerAccount = money.account
        calls[handle].record.chargedExtension = money.payer
        calls[handle].money = money.paid(
            steps: min(
                money.rating.steps(coveredBy: amount) ?? .max,
                money.rating.begunSteps(milliseconds: slice)))
        return nil
    }

    private mutating func hold(
        _ id: UInt64, _ amount: Amount, _ money: CallMoney, isHeld: Bool
    ) -> Ledger.Refusal? {
        if isHeld { return ledger.reprice(call: id, to: amount, at: moment) }
        return ledger.reserve(
            call: id, account: money.account, extension: money.payer, amount: amount, at: moment)
    }

    static func failure(_ refusal: Ledger.Refusal) -> Call.Failure {
        let status: Int
        switch refusal {
        case .held, .blocked, .expired: status = 403
        default: status = 402
        }
        return Call.Failure(status: status, q850: Causes.callRejected, text: "\(refusal)")
    }

    /// Whoever meets the limit of an hour or a day is stopped until an operator has looked.
    private mutating func stop(for refusal: Ledger.Refusal) {
        guard case .limitMet(let subject, let period, _) = refusal else { return }
        switch period {
        case .call: return
        case .hour, .day: break
        }
        guard let hold = ledger.hold(subject, reason: "\(refusal)", at: moment) else { return }
        counters.count("spending-holds")
        log(.error, "\(subject) is on hold: \(refusal)")
        commit([.spendingHeld(hold)])
    }

    /// What begins anew before a chain pays.
    func renewed(_ renewed: [Ledger.Renewed]) -> [StoredChange] {
        renewed.flatMap { renewal -> [StoredChange] in
            [.accountSaved(renewal.account)] + (renewal.posting.map { [.posted($0)] } ?? [])
        }
    }

    /// To be committed before a chain pays, before money comes in and before anybody sees a balance:
    /// what is paid in on a new day must not pay the debts of the last one, which are written off.
    mutating func renewals(of account: String) -> [StoredChange] {
        renewed(ledger.renew(chainOf: account, at: moment))
    }

    // MARK: While it runs

    /// The call is answered: from now on it is priced by this hour. Writes into the record what the
    /// price is by.
    mutating func moneyAnswered(_ handle: Handle) {
        guard var money = calls[handle].money else { return }
        let id = calls[handle].id.rawValue
        if !money.rating.isSteady, let held = ledger.reserved(call: id) {
            money.rating = money.rating.begun(later: (now - money.pricedAt).milliseconds)
            let steps = min(
                money.rating.steps(coveredBy: held) ?? .max,
                money.rating.begunSteps(milliseconds: settings.calls.slice.milliseconds))
            money = money.paid(steps: steps)
            // Giving back cannot be refused.
            _ = ledger.reprice(call: id, to: min(held, money.rating.cost(ofSteps: steps)))
            calls[handle].money = money
        }
        calls[handle].record.tariffPrefix = money.rating.row.prefix
        calls[handle].record.tariffName = money.rating.row.name
        calls[handle].record.basis = money.rating.basis(
            plan: money.plan, via: money.via, currency: money.currency)
    }

    /// Sets the deadline for the next slice, or for the cut when there was nothing to hold.
    mutating func armMoney(_ handle: Handle) {
        guard let paidUntil = paidUntil(handle) else { return }
        let ahead = paidUntil + Instant.Span(nanoseconds: -settings.calls.extendAhead.nanoseconds)
        deadlines.set(
            DeadlineKey(kind: .money, slot: handle.slot), at: ahead > now ? ahead : paidUntil)
    }

    /// When the paid time of an answered call ends; nil when it never does.
    func paidUntil(_ handle: Handle) -> Instant? {
        guard let money = calls[handle].money, let answeredAt = calls[handle].answeredAt,
            money.paidMilliseconds != Rating.unlimited
        else { return nil }
        let (nanoseconds, overflow) = money.paidMilliseconds.multipliedReportingOverflow(
            by: 1_000_000)
        return overflow ? nil : answeredAt + Instant.Span(nanoseconds: nanoseconds)
    }

    /// More money is due: hold the next slice. When that is refused, what is paid is talked out; at its
    /// end it is asked once more, since a top-up may have come, and then the call is cut.
    mutating func moneyDeadlineReached(_ handle: Handle) {
        guard let money = calls[handle].money, let end = paidUntil(handle) else { return }
        commit(renewals(of: money.account))
        guard let refusal = extend(handle, money: money) else {
            commit([.callRunning(journal(of: handle))])
            armMoney(handle)
            return
        }
        if now < end {
            deadlines.set(DeadlineKey(kind: .money, slot: handle.slot), at: end)
            return
        }
        stop(for: refusal)
        if case .insufficient(let account, _, _) = refusal {
            log(.notice, call: calls[handle].id, "cut: account \(account) is used up")
            cut(handle, text: "Balance used up", status: 402)
        } else {
            log(.notice, call: calls[handle].id, "cut: \(refusal)")
            cut(handle, text: "\(refusal)", status: 402)
        }
    }

    /// Holds as many more steps as a slice has, or as the account still covers.
    ///
    /// - Returns: why not one more step can be held.
    private mutating func extend(_ handle: Handle, money: CallMoney) -> Ledger.Refusal? {
        let id = calls[handle].id.rawValue
        let held = ledger.reserved(call: id) ?? .zero
        let slice = settings.calls.slice.milliseconds
        var steps = max(
            money.steps + 1, money.rating.begunSteps(milliseconds: money.paidMilliseconds + slice))
        var refusal = ledger.extend(
            call: id, by: more(money.rating.cost(ofSteps: steps), than: held), at: moment)
        if refusal != nil,
            let available = ledger.coverable(
                call: id, account: money.account, extension: money.payer, at: moment),
            let covered = money.rating.steps(coveredBy: held + available),
            min(steps, covered) > money.steps
        {
            steps = min(steps, covered)
            refusal = ledger.extend(
                call: id, by: more(money.rating.cost(ofSteps: steps), than: held), at: moment)
        }
        if let refusal { return refusal }
        calls[handle].money = money.paid(steps: steps)
        return nil
    }

    private func more(_ cost: Amount, than held: Amount) -> Amount { max(cost - held, .zero) }

    /// Charges what was used of what is held, and writes that into the record.
    ///
    /// - Parameter isCharged: false for a call whose caller was never told that it is answered.
    /// - Returns: the postings to store, and what came before them.
    mutating func settle(_ handle: Handle, isCharged: Bool) -> [StoredChange] {
        guard let money = calls[handle].money else { return [] }
        let id = calls[handle].id.rawValue
        calls[handle].money = nil
        guard isCharged, let answeredAt = calls[handle].answeredAt else {
            ledger.release(call: id)
            calls[handle].record.accountBalances = ledger.chain(of: money.account).map {
                AccountBalance(account: $0.id, balance: $0.balance)
            }
            return []
        }
        let changes = renewals(of: money.account)
        // The loop may be a little late for the cut: nobody pays for that.
        let used = min((now - answeredAt).milliseconds, money.paidMilliseconds)
        let steps = min(money.rating.begunSteps(milliseconds: used), max(money.steps, 1))
        let settlement = ledger.settle(
            call: id, used: money.rating.cost(ofSteps: steps), at: moment)
        calls[handle].record.billedMs = used
        calls[handle].record.steps = steps
        calls[handle].record.charge = settlement.charged
        calls[handle].record.receipt = money.rating.receipt(ofSteps: steps)
        calls[handle].record.accountBalances = settlement.balances
        announceLow(settlement)
        return changes + settlement.postings.map { .posted($0) }
    }

    /// Once for each time that a balance falls below its mark.
    func lowText(_ low: AccountBalance) -> String {
        "account \(low.account) is low: its balance is \(low.balance)"
    }

    /// A correction can take a balance below its mark as a call does.
    mutating func announceLow(_ posting: Posting) {
        guard let account = ledger.account(posting.account), account.isLow else { return }
        let before = account.balance - posting.amount + account.creditLimit
        guard let mark = account.lowMark, before >= mark else { return }
        log(.warning, lowText(AccountBalance(account: account.id, balance: account.balance)))
    }

    mutating func announceLow(_ settlement: Settlement) {
        for low in settlement.low { log(.warning, lowText(low)) }
    }

    /// The price of a call that an earlier process answered, from what its record holds.
    mutating func rating(of record: CallRecord) -> Rating? {
        if let basis = record.basis {
            do throws(PriceBasis.Unreadable) {
                return try Rating(basis)
            } catch {
                log(
                    .error, call: CallID(rawValue: record.callID),
                    "\(error); today's price is taken")
            }
        }
        return tariff.row(for: record.normalised).map { Rating($0) }
    }
}
