import Charging
import SIP
import Switching

// What the auditor learns from what is handed to the disk, and from what is durable on it.

extension Auditor {
    // MARK: Decided

    /// The switch hands a commit to the disk.
    mutating func decided(_ commit: Commit) {
        lastTicket = commit.ticket.rawValue
        var charges: [Posting] = []
        var record: CallRecord?
        for change in commit.changes {
            switch change {
            case .posted(let posting):
                move(posting)
                if posting.kind == .charge { charges.append(posting) }
            case .callRunning(let running): journaled(running)
            case .callClosed(let closed):
                if record != nil { find("two records in one commit", "\(closed.callID)") }
                record = closed
            case .accountSaved(let account): note(account)
            case .extensionSaved, .extensionRemoved, .settingsSaved, .bindingSaved,
                .bindingRemoved, .subscriptionSaved, .subscriptionRemoved, .summarySaved,
                .vouchersAdded, .spendingHeld:
                break
            }
        }
        if let record {
            closed(record, charges: charges)
        } else if let charge = charges.first {
            find("charge without a record", "\(charge.id): \(charge.amount)")
        }
    }

    private mutating func move(_ posting: Posting) {
        let balance = (balances[posting.account] ?? 0) + posting.amount.micros
        balances[posting.account] = balance
        if posting.kind == .voucher,
            redeemers.updateValue(posting.account, forKey: posting.id) != nil
        {
            find("a voucher redeemed twice", posting.id)
        }
        if balance != posting.balanceAfter.micros {
            find(
                "balance does not add up",
                "\(posting.id) leaves \(posting.balanceAfter), by our sum \(Amount(micros: balance))"
            )
        }
    }

    private mutating func serial(of record: CallRecord) -> Int? {
        if let recalled = recall(of: record) { return recalled }
        return serialOfKey[Self.key(caller: record.caller, dialled: record.dialled)].map {
            life(of: $0, start: CallID(rawValue: record.callID).start)
        }
    }

    private mutating func journaled(_ running: RunningCall) {
        guard let serial = serial(of: running.record), var facts = calls[serial] else {
            find("journal of no call", "\(running.record.caller) > \(running.record.dialled)")
            return
        }
        facts.call = running.call
        serialOfCall[running.call] = serial
        if facts.answeredAt != nil, running.reserved.micros > facts.reserved,
            let account = barred(of: facts.chain)
        {
            find("held of a barred account", "call \(serial) holds more of \(account)")
        }
        facts.reserved = running.reserved.micros
        // Of a call that only rings the journal says who has to be told of a crash.
        if facts.answeredAt == nil, running.record.answeredAt != nil {
            facts.answeredAt = now
            if let answer = answeredThisTurn.first(where: { legs[$0]?.serial == serial }) {
                facts.connected = answer
                // From here on it is charged by the price of this attempt, whatever comes.
                if let row = legs[answer]?.row { facts.rows = [row] }
            } else if let picker = picker(of: serial) {
                facts.connected = picker
            } else {
                find("answered by nobody", "call \(serial) is journaled without a callee's 2xx")
            }
            if facts.isPaying,
                !facts.rows.contains(where: { $0.price(milliseconds: 0) <= facts.reserved })
            {
                find(
                    "first step not reserved",
                    "call \(serial) holds \(running.reserved) at its answer")
            }
        }
        let isAnswer = calls[serial]?.answeredAt == nil && facts.answeredAt != nil
        calls[serial] = facts
        armCut(serial)
        if isAnswer { checkCallLimit(of: serial) }
    }

    private mutating func closed(_ record: CallRecord, charges: [Posting]) {
        guard let serial = serial(of: record), let facts = calls[serial] else {
            find("record of no call", "\(record.caller) > \(record.dialled)")
            return
        }
        if facts.closedAt != nil { find("two records", "call \(serial) was recorded twice") }
        calls[serial]?.closedAt = now
        armCut(serial)
        closedThisTurn.append(serial)
        // Who has left a transfer that fails in the same turn has not ended the call: that it has left is
        // in the journal.
        if let bye = hungUpThisTurn, facts.toldAt != nil,
            record.releasedBy != .switch || legs[bye.leg]?.mayLeave != true,
            bye.leg == facts.callID || bye.leg == facts.connected
        {
            goodbyes[bye.branch] = serial
        }
        if let answeredAt = facts.answeredAt { figures.talk += (now - answeredAt).milliseconds }
        if record.disposition == .answered, record.releasedBy == .switch { figures.cut += 1 }

        let charged = record.charge.micros
        if record.disposition == .answered {
            if facts.answeredAt == nil {
                find("recorded as answered", "call \(serial), which no callee answered")
            }
        } else if facts.toldAt != nil, !facts.isForgotten,
            facts.handover?.isElsewhere != true
        {
            find("told and not recorded", "call \(serial) is recorded as not answered")
        }
        checkPostings(charges, charged: charged, of: facts, record)
        checkPrice(charged, of: facts, record)
        if let problem = problem(of: record, facts) {
            find("a money story without its link", "call \(serial): \(problem)")
        }
    }

    /// One posting for each account of the chain, each of what the record says.
    private mutating func checkPostings(
        _ charges: [Posting], charged: Int64, of facts: CallFacts, _ record: CallRecord
    ) {
        for charge in charges where charge.call != record.callID {
            find("charged for another call", "\(charge.id) with the record of \(record.callID)")
        }
        let accounts = charges.map(\.account)
        let expected = charged == 0 ? [] : facts.chain
        if accounts != expected {
            find(
                "charged to others",
                "call \(facts.serial) charged \(accounts), its chain is \(expected)")
        }
        for charge in charges where charge.amount.micros != -charged {
            find("charge and record differ", "\(charge.id): \(charge.amount)")
        }
        if charged > 0 { figures.charged += 1 }
    }

    /// Charged is min(used, reserved): to the millisecond while the machine had its power, an outage
    /// of the process included; else between what was surely used and what was held.
    private mutating func checkPrice(
        _ charged: Int64, of facts: CallFacts, _ record: CallRecord
    ) {
        let what = "call \(facts.serial) charged \(Amount(micros: charged))"
        if charged > facts.reserved || charged < 0 {
            find(
                "charged beyond the reservation", "\(what), held \(Amount(micros: facts.reserved))")
        }
        guard record.disposition == .answered, facts.isPaying, let answeredAt = facts.answeredAt
        else {
            if charged != 0 { find("charged without reason", what) }
            return
        }
        let used = (now - answeredAt).milliseconds
        let atMost = facts.rows.map { $0.price(milliseconds: used) }
        guard let diedAt = facts.diedAt, facts.hasLostClock else {
            let prices = atMost.map { min($0, facts.reserved) }
            if !prices.contains(charged) {
                find(
                    facts.diedAt == nil ? "wrong charge" : "wrong charge over a restart",
                    "\(what) for \(used) ms, holding \(Amount(micros: facts.reserved)): "
                        + prices.map { "\(Amount(micros: $0))" }.joined(separator: " or "))
            }
            return
        }
        guard !facts.isMeasuredWrongly else { return }
        let before = max((diedAt - answeredAt).milliseconds, 0)
        let atLeast = facts.rows.map { min($0.price(milliseconds: before), facts.reserved) }
        if charged > (atMost.max() ?? 0) || charged < (atLeast.min() ?? 0) {
            find(
                "wrong charge over a restart",
                "\(what) for \(before) ms before and \(used) ms in all, holding "
                    + "\(Amount(micros: facts.reserved))")
        }
    }

    // MARK: Durable

    /// All that is given back for a call is at most what it cost.
    private mutating func refund(_ posting: Posting, of call: UInt64, on durable: Durable) {
        let known = durable.postings.filter { $0.call == call && $0.account == posting.account }
        let charged = known.filter { $0.kind == .charge }.reduce(0) { $0 - $1.amount.micros }
        let given = known.filter { $0.kind == .refund }.reduce(0) { $0 + $1.amount.micros }
        if given + posting.amount.micros > charged {
            find(
                "refunded more than charged",
                "\(posting.id): \(posting.amount) for a call that cost \(Amount(micros: charged)), "
                    + "after \(Amount(micros: given))")
        }
    }

    /// A change is on the disk now. `durable` is what was there before.
    mutating func becameDurable(_ change: StoredChange, on durable: Durable) {
        switch change {
        case .posted(let posting):
            if !durablePostings.insert(posting.id).inserted {
                find("posted twice", posting.id)
            }
            if posting.kind == .refund, let call = posting.call {
                refund(posting, of: call, on: durable)
            }
            let balance = (durable.balances[posting.account] ?? 0) + posting.amount.micros
            if balance != posting.balanceAfter.micros {
                find("stored balance does not add up", posting.id)
            }
            if balance + (limits[posting.account] ?? 0) < 0 {
                find("account below its limit", "\(posting.account): \(posting.balanceAfter)")
            }
        case .callRunning(let running):
            guard let serial = serial(of: running.record) else { return }
            if running.record.answeredAt != nil { calls[serial]?.isJournalDurable = true }
            if running.record.link != nil { calls[serial]?.isForwardingDurable = true }
            calls[serial]?.durableReserved = running.reserved.micros
            if durableCalls.contains(running.call.rawValue) {
                find("running after its record", "call \(serial)")
            }
        case .callClosed(let record):
            if record.sequence != durable.lastSequence + 1 {
                find("gap in the records", "\(record.sequence) after \(durable.lastSequence)")
            }
            if !durableCalls.insert(record.callID).inserted {
                find("two records of one call id", "\(record.callID)")
            }
            guard let serial = serial(of: record) else { return }
            calls[serial]?.durableRecords += 1
            calls[serial]?.isRecordedAnswered = record.disposition == .answered
            if calls[serial]?.durableRecords != 1 { find("two records", "call \(serial)") }
        case .extensionSaved, .extensionRemoved, .settingsSaved, .bindingSaved, .bindingRemoved,
            .subscriptionSaved, .subscriptionRemoved, .summarySaved, .accountSaved, .vouchersAdded,
            .spendingHeld:
            break
        }
    }
}
