import Charging
import SIP
import Switching

// What must hold at the end of every turn, and when everything has drained.

extension Auditor {
    mutating func turnBegan(now: Instant, wallTime: Int64) {
        self.now = now
        self.wallTime = wallTime
        answeredThisTurn.removeAll(keepingCapacity: true)
        pickingThisTurn.removeAll(keepingCapacity: true)
        acceptedThisTurn.removeAll(keepingCapacity: true)
        closedThisTurn.removeAll(keepingCapacity: true)
        hungUpThisTurn = nil
        if lastTicket == toldTicket { toldAt = now }
        figures.turns += 1
    }

    mutating func turnEnded(_ theSwitch: borrowing Switch) {
        let inspection = theSwitch.inspection
        checkMoney(theSwitch.inspectedLedger)
        checkTables(inspection, theSwitch)
        checkCuts()
        checkDeserted()
        for serial in closedThisTurn { checkHangUps(serial) }
        for serial in acceptedThisTurn { checkEmergency(serial) }
        for callID in answeredThisTurn { checkAnswer(callID) }
    }

    // MARK: Money

    private mutating func checkMoney(_ ledger: Ledger) {
        var held: [String: Int64] = [:]
        for reservation in ledger.reservations {
            if reservation.amount.isNegative {
                find("negative reservation", "\(reservation.call): \(reservation.amount)")
            }
            for account in site.chain(of: reservation.account) {
                held[account, default: 0] += reservation.amount.micros
            }
            guard let serial = serialOfCall[CallID(rawValue: reservation.call)],
                let facts = calls[serial]
            else { continue }
            if facts.closedAt != nil {
                find("reservation outlives its call", "call \(serial)")
            } else if facts.answeredAt != nil, facts.reserved != reservation.amount.micros {
                find(
                    "journal and reservation differ",
                    "call \(serial) holds \(reservation.amount), journaled "
                        + "\(Amount(micros: facts.reserved))")
            }
        }
        for account in ledger.accounts {
            let reserved = ledger.reserved(account: account.id)?.micros ?? 0
            let balance = balances[account.id] ?? 0
            let limit = limits[account.id] ?? 0
            if account.balance.micros != balance {
                find(
                    "balance differs from the postings",
                    "\(account.id): \(account.balance), posted \(Amount(micros: balance))")
            }
            if reserved != held[account.id] ?? 0 {
                find("reserved differs from the calls", account.id)
            }
            if balance + limit - reserved < 0 {
                find(
                    "posted + reserved > credit + limit",
                    "\(account.id): \(Amount(micros: balance)) - \(Amount(micros: reserved))")
            }
        }
    }

    // MARK: Tables

    private mutating func checkTables(
        _ inspection: SwitchInspection, _ theSwitch: borrowing Switch
    ) {
        let limits = settings.limits
        if inspection.calls > limits.calls { find("too many calls", "\(inspection.calls)") }
        if inspection.bindings > limits.bindings {
            find("too many bindings", "\(inspection.bindings)")
        }
        if theSwitch.serverTransactions > limits.transactions + Self.transactionSlack {
            find("too many transactions", "\(theSwitch.serverTransactions)")
        }
        for trunk in inspection.trunks where trunk.inUse > trunk.limit {
            find("too many calls on a trunk", "\(trunk.name): \(trunk.inUse) of \(trunk.limit)")
        }
        if inspection.reservations > inspection.calls {
            find(
                "reservations without calls",
                "\(inspection.reservations) of \(inspection.calls) calls")
        }
    }

    /// A CANCEL is answered by a transaction whatever the table holds.
    private static let transactionSlack = 200

    // MARK: Calls

    private mutating func checkCuts() {
        guard now > nextCut + Self.cutBound else { return }
        for serial in paidUntil.keys.sorted() {
            guard let end = paidUntil[serial], now > end + Self.cutBound else { continue }
            find(
                calls[serial]?.limit == nil ? "talks without money" : "talks beyond its limit",
                "call \(serial) was to end at \(end.nanoseconds / 1_000_000) ms")
            // Said once.
            paidUntil[serial] = nil
        }
        nextCut = paidUntil.values.min() ?? .distantFuture
    }

    /// A call that is over has hung up whoever was connected.
    private mutating func checkHangUps(_ serial: Int) {
        guard let facts = calls[serial], facts.toldAt != nil, !facts.isForgotten,
            facts.handover == nil
        else { return }
        // Whoever leaves a call to others hears of it when that is on the disk; at the end of all
        // nobody may talk.
        if let leg = legs[facts.callID], !leg.isHungUp, !leg.mayLeave {
            find("nobody hung up", "call \(serial) ended and its caller was not told")
        }
        if let leg = legs[facts.connected], !leg.isHungUp, !leg.mayLeave {
            find("nobody hung up", "call \(serial) ended and its callee was not told")
        }
    }

    /// Whoever answers is connected, or hung up in the same turn. One whose process died before may be
    /// a stranger to this one.
    private mutating func checkAnswer(_ callID: [UInt8]) {
        guard let leg = legs[callID], !leg.isHungUp, !leg.isOrphaned,
            calls[leg.serial]?.connected != callID
        else { return }
        find(
            "a free call",
            "a callee of call \(leg.serial) answered, and was neither connected nor hung up")
    }

    private mutating func checkEmergency(_ serial: Int) {
        guard let facts = calls[serial], facts.kind == .emergency, !facts.isAttempted,
            // With a handful of channels there may really be none.
            settings.trunks.allSatisfy({ $0.channels >= 30 })
        else { return }
        find("emergency call stopped", "call \(serial) was taken on and sent nowhere")
    }

    // MARK: At the end

    /// Faults are off, everybody has hung up, and all timers have had their time.
    ///
    /// - Parameter isWithoutEnd: some repeat what they say whatever they hear.
    mutating func drained(
        _ theSwitch: borrowing Switch, _ disk: borrowing Disk, isWithoutEnd: Bool
    ) {
        let left = theSwitch.inspection
        var nothing = SwitchInspection()
        nothing.bindings = left.bindings
        nothing.trunks = left.trunks
        // Who was asked for a password is remembered in tables that forget by themselves. Banned is who
        // asks again for ever without answering, and nobody else here.
        nothing.suspects = left.suspects
        if isWithoutEnd { nothing.bans = left.bans }
        for place in nothing.trunks.indices { nothing.trunks[place].inUse = 0 }
        if left != nothing { find("not drained", "\(left) \(theSwitch.inspectedTable)") }
        if !disk.waiting.isEmpty { find("not drained", "\(disk.waiting.count) commits wait") }
        if !disk.durable.running.isEmpty {
            find("journal of calls that are over", "\(disk.durable.running.keys.sorted())")
        }
        for serial in calls.keys.sorted() { checkRecord(serial) }
        for callID in legs.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let leg = legs[callID], !leg.isOrphaned else { continue }
            // Who asked to leave a call has to hang up by itself when a kill takes the BYE that was to
            // follow, and may find nobody there.
            let isLeft = leg.mayLeave && leg.start != start
            if leg.answeredAt != nil, !leg.isHungUp, !isLeft {
                find("a free call", "a callee of call \(leg.serial) answered and nobody hung up")
            }
            if !leg.forks.isEmpty {
                find("a free call", "a fork of call \(leg.serial) answered and nobody hung up")
            }
        }
    }

    /// Told to the caller is a subset of the records, and each call has one.
    private mutating func checkRecord(_ serial: Int) {
        guard let facts = calls[serial] else { return }
        if facts.toldAt != nil, facts.isPaying || facts.diedAt == nil, !facts.isRecordedAnswered,
            facts.handover?.isElsewhere != true
        {
            find("told and not recorded", "call \(serial) was told 200 and has no record of it")
        }
        // What was only ringing when the process died leaves no record.
        if facts.isAccepted, facts.diedAt == nil, facts.durableRecords != 1 {
            find("no record", "call \(serial) has \(facts.durableRecords) records")
        }
    }
}
