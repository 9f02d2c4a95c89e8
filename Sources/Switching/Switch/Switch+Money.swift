import Charging
import SIP

// Money of running calls: held before the INVITE leaves, held further before the paid time ends, and
// the call cut at the second to which it is paid.

extension Switch {
    /// Holds the money for a call that costs something; a call that holds it already goes on with it.
    ///
    /// - Returns: why the call may not be made.
    mutating func reserve(_ handle: Handle) -> Call.Failure? {
        guard !calls[handle].isEmergency, !calls[handle].isUncharged, calls[handle].money == nil
        else { return nil }
        let number = calls[handle].record.normalised
        guard let row = tariff.row(for: number) else {
            log(.warning, call: calls[handle].id, "the tariff has no price for \(number)")
            return Call.Failure(
                status: 403, q850: Causes.callRejected, text: "there is no price for \(number)")
        }
        let rating = Rating(row)
        let isFree = row.connectFee == .zero && row.steps.allSatisfy { $0.price == .zero }
        let payer = calls[handle].payingExtension ?? calls[handle].callerExtension
        let subscriber = payer.flatMap { extensions[$0] }
        guard let account = subscriber?.account else {
            guard !isFree else { return nil }
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
        let id = calls[handle].id.rawValue
        calls[handle].record.callerAccount = account
        var steps = rating.begunSteps(milliseconds: settings.calls.slice.milliseconds)
        var refusal = ledger.reserve(
            call: id, account: account, amount: rating.cost(ofSteps: steps))
        if refusal != nil, let available = ledger.availableInChain(account),
            let covered = rating.steps(coveredBy: available), covered > 0
        {
            steps = min(steps, covered)
            refusal = ledger.reserve(
                call: id, account: account, amount: rating.cost(ofSteps: steps))
        }
        if let refusal {
            return Call.Failure(
                status: 402, q850: Causes.callRejected, text: "\(refusal)")
        }
        calls[handle].money = CallMoney(account: account, rating: rating, steps: steps)
        return nil
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
        if extend(handle, money: money) {
            commit([.callRunning(journal(of: handle))])
            armMoney(handle)
            return
        }
        if now < end {
            deadlines.set(DeadlineKey(kind: .money, slot: handle.slot), at: end)
            return
        }
        log(.notice, call: calls[handle].id, "cut: account \(money.account) is used up")
        cut(handle, text: "Balance used up", status: 402)
    }

    /// Holds as many more steps as a slice has, or as the account still covers.
    private mutating func extend(_ handle: Handle, money: CallMoney) -> Bool {
        let id = calls[handle].id.rawValue
        let held = money.rating.cost(ofSteps: money.steps)
        let slice = settings.calls.slice.milliseconds
        var steps = money.steps + 1
        while money.rating.milliseconds(ofSteps: steps) - money.paidMilliseconds < slice {
            steps += 1
        }
        if ledger.extend(call: id, by: money.rating.cost(ofSteps: steps) - held) != nil {
            guard let available = ledger.availableInChain(money.account),
                let covered = money.rating.steps(coveredBy: held + available)
            else { return false }
            steps = min(steps, covered)
            guard steps > money.steps,
                ledger.extend(call: id, by: money.rating.cost(ofSteps: steps) - held) == nil
            else { return false }
        }
        calls[handle].money = CallMoney(
            account: money.account, rating: money.rating, steps: steps)
        return true
    }

    /// Charges what was used of what is held, and writes that into the record.
    ///
    /// - Parameter isCharged: false for a call whose caller was never told that it is answered.
    /// - Returns: the postings to store.
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
        // The loop may be a little late for the cut: nobody pays for that.
        let used = min((now - answeredAt).milliseconds, money.paidMilliseconds)
        let steps = min(money.rating.begunSteps(milliseconds: used), money.steps)
        let settlement = ledger.settle(
            call: id, used: money.rating.cost(ofSteps: steps), at: wallTime)
        calls[handle].record.billedMs = used
        calls[handle].record.steps = steps
        calls[handle].record.charge = settlement.charged
        calls[handle].record.receipt = money.rating.receipt(ofSteps: steps)
        calls[handle].record.accountBalances = settlement.balances
        return settlement.postings.map { .posted($0) }
    }
}
