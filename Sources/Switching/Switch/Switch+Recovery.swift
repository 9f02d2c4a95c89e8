import Charging
import SIP

// Calls that were running when the last daemon ended.

extension Switch {
    /// Ends them: hangs up both legs, charges what was used and at most what was reserved, records
    /// that a restart ended them. One record for each, since the journal entry goes with it.
    mutating func end(_ runningCalls: [RunningCall]) {
        for running in runningCalls.sorted(by: { $0.call < $1.call }) {
            end(running)
        }
    }

    private mutating func end(_ running: RunningCall) {
        let text = "Interrupted by a restart"
        var record = running.record
        let answeredAt = record.answeredAt ?? wallTime
        // The monotonic clock of then is gone. Wall time may have been stepped, so it can make the call
        // cheaper, and never dearer than what was reserved.
        let elapsed = max(0, wallTime - answeredAt) / 1000
        var changes: [StoredChange] = []
        record.billedMs = elapsed
        if let account = running.account {
            let held = running.reserved
            let rating = rating(of: record)
            let used = rating?.price(milliseconds: elapsed) ?? held
            let settlement = ledger.settle(call: running.call.rawValue, used: used, at: moment)
            record.charge = settlement.charged
            record.accountBalances = settlement.balances
            if let rating {
                let covered = rating.steps(coveredBy: settlement.charged) ?? 1
                record.steps = min(rating.begunSteps(milliseconds: elapsed), covered)
                record.receipt = rating.receipt(ofSteps: record.steps)
                record.billedMs = min(
                    elapsed, rating.milliseconds(ofSteps: record.steps))
            }
            log(
                .notice, call: running.call,
                "\(text): charged \(settlement.charged) to \(account)")
            changes = settlement.postings.map { .posted($0) }
        }
        lastSequence += 1
        record.sequence = lastSequence
        record.endedAt = wallTime
        record.durationMs = max(0, wallTime - record.startedAt) / 1000
        record.disposition = .answered
        record.releasedBy = .switch
        record.sipStatus = 200
        record.q850Cause = Causes.temporaryFailure
        record.endReason = text
        changes.append(.callClosed(record))
        commit(changes)

        guard let state = CallState(serialized: running.state) else {
            log(.warning, call: running.call, "its dialogs cannot be read: nobody is told")
            return
        }
        let reason = Self.reason(q850: Causes.temporaryFailure, text: text)
        for var leg in [state.caller, state.callee] {
            // Numbers that may have been used since the journal was written are left out.
            leg.dialog.advanceLocalCSeq(by: 100)
            sendBye(in: &leg.dialog, flow: leg.flow, reason: reason)
        }
    }
}
