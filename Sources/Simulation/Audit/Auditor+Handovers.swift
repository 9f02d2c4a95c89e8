import Charging
import SIP
import Switching

// What must hold when calls are sent on, connected elsewhere, left waiting, or deserted.

extension Auditor {
    /// The check of a side that says nothing, the end of its transaction, and the loop's delay.
    private static let deathBound = Instant.Span.seconds(35)

    /// A session that was refreshed in its last moment, and what was on its way then.
    private static let sessionBound = Instant.Span.seconds(UserAgent.sessionSeconds + 5)

    /// The call that a leg belongs to.
    func serial(ofLeg callID: [UInt8]) -> Int {
        guard let leg = legs[callID] else { return 0 }
        return latestLife[leg.serial] ?? leg.serial
    }

    /// Whether a phone rang for a call that somebody fetched to another one: what it says reliably at
    /// that moment is acknowledged by nobody.
    func wasPickedUpElsewhere(_ callID: [UInt8]) -> Bool {
        guard let facts = calls[serial(ofLeg: callID)], facts.connected != callID else {
            return false
        }
        return legs[facts.connected]?.isCaller == true
    }

    /// Whoever is at the end of this leg has asked to leave it; the call goes on without it.
    mutating func mayLeave(_ callID: [UInt8]) { legs[callID]?.mayLeave = true }

    // MARK: Sent on

    /// A call leaves for a number outside that no user dialled: that of a user who has calls sent on.
    mutating func sentOn(_ serial: Int, to invite: Message) {
        guard let number = URI(parsing: invite.requestURI)?.userUnescaped,
            let forwarder = site.forwarder(to: number)
        else { return }
        calls[serial]?.forwardedBy = forwarder
        calls[serial]?.normalised = number
        calls[serial]?.chain = site.account(of: forwarder).map(site.chain(of:)) ?? []
        // Both who called and who forwarded may have one; the switch takes the shorter.
        calls[serial]?.limit = nil
        armCut(serial)
    }

    /// A record says who sent a call on or connected it, and who pays for that.
    func problem(of record: CallRecord, _ facts: CallFacts) -> String? {
        if let forwarder = facts.forwardedBy {
            // Of a call that was sent on in the moments before a kill the disk knows only that it rang
            // at first: nothing waits for it, and nothing is charged.
            let isForgotten = facts.diedAt != nil && !facts.isForwardingDurable
            if record.link == nil, !isForgotten || record.charge.isPositive {
                return "it was forwarded, and its record does not say so"
            }
            if record.charge.isPositive, record.chargedExtension != forwarder {
                return "\(forwarder) forwarded it, and \(record.chargedExtension ?? "nobody") pays"
            }
        }
        switch facts.handover {
        case .transfer(let first):
            guard record.link == .transferred, let linked = record.linkedCall,
                let serial = serialOfCall[CallID(rawValue: linked)]
            else { return "it was made by a transfer, and its record is linked to no call" }
            // A call that is connected twice belongs to either of those it is joined from.
            let isKnown = first == 0 || calls[serial] != nil
            return isKnown ? nil : "it is linked to call \(serial), not to \(first)"
        case .pickup(let rings):
            guard record.sipStatus == 200 else { return nil }
            let linked = record.linkedCall.flatMap { serialOfCall[CallID(rawValue: $0)] }
            return linked == rings
                ? nil : "it picked up call \(rings), and its record names another"
        case .parking, .fetching, nil: return nil
        }
    }

    /// A call is made to take the place of a phone that another one rings.
    mutating func picksUp(_ serial: Int, _ rings: Int) {
        calls[serial]?.handover = .pickup(of: rings)
        hasPickups = true
    }

    /// Who has picked up a call in this turn: the Call-ID of its INVITE.
    func picker(of serial: Int) -> [UInt8]? {
        pickingThisTurn.first { callID in
            guard let own = legs[callID]?.serial else { return false }
            return calls[latestLife[own] ?? own]?.handover == .pickup(of: serial)
        }
    }

    // MARK: Recalls

    /// A call to who parked another one, by its record: it calls itself.
    mutating func recall(of record: CallRecord) -> Int? {
        guard record.caller == record.dialled else { return nil }
        let call = CallID(rawValue: record.callID)
        if let known = serialOfCall[call] { return known }
        let serial = openRecall(of: record.caller) ?? newRecall(of: record.caller)
        calls[serial]?.call = call
        serialOfCall[call] = serial
        return serial
    }

    /// The same by its INVITE, which says on whose behalf it is and nothing of a serial.
    mutating func recall(in invite: Message) -> Int? {
        guard !invite.has(.subject),
            let number = invite.address(.referredBy)?.uriView?.userUnescaped,
            invite.value(.referredBy)?.firstRange(of: Array(";serial=".utf8)) == nil
        else { return nil }
        return openRecall(of: number) ?? newRecall(of: number)
    }

    private func openRecall(of number: String) -> Int? {
        // An INVITE that leaves in the turn in which its call ends is seen after its record.
        guard let latest = recalls[number], let facts = calls[latest], facts.start == start,
            facts.closedAt == nil || closedThisTurn.contains(latest)
        else { return nil }
        return latest
    }

    private mutating func newRecall(of number: String) -> Int {
        lastRecall += 1
        let serial = lastRecall
        var facts = CallFacts(
            serial: serial, callID: Array("recall-\(serial)".utf8), kind: .internal,
            caller: number, dialled: number, normalised: number, chain: [])
        facts.start = start
        facts.handover = .transfer(of: 0)
        calls[serial] = facts
        recalls[number] = serial
        return serial
    }

    // MARK: Limits

    /// An answered call counts for both its extensions; nobody has more than its limit.
    mutating func checkCallLimit(of serial: Int) {
        guard let facts = calls[serial], facts.kind != .emergency else { return }
        let called = legs[facts.connected]?.number
        for number in [facts.caller, called].compactMap({ $0 }) {
            guard let limit = site.callLimit(of: number) else { continue }
            let count = legs.values.count(where: { leg in
                guard leg.number == number, !leg.isHungUp, !leg.isOrphaned, !leg.mayLeave,
                    let call = calls[latestLife[leg.serial] ?? leg.serial], call.kind != .emergency,
                    call.answeredAt != nil, call.closedAt == nil
                else { return false }
                return leg.isCaller || legs[call.connected]?.number == number
            })
            if count > limit {
                find("too many calls of an extension", "\(number) has \(count) of \(limit)")
            }
        }
    }

    // MARK: The dead

    /// Whoever is at the end of this leg says nothing any more.
    ///
    /// - Parameter wasRefreshing: it refreshed its session (RFC 4028 §10). Where nobody is asked whether
    ///   it is there, the end of that ends its call, and without one nothing does.
    mutating func vanished(_ callID: [UInt8], wasRefreshing: Bool) {
        let check = settings.calls.aliveCheck
        let bounds = [
            check > .zero ? now + check + Self.deathBound : nil,
            wasRefreshing ? now + Self.sessionBound : nil,
        ]
        deserted[callID] = bounds.compactMap { $0 }.min()
    }

    /// A new process asks everybody anew.
    mutating func deathsForgotten() {
        for callID in deserted.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            deserted[callID] = now + settings.calls.aliveCheck + Self.deathBound
        }
    }

    mutating func checkDeserted() {
        guard deserted.contains(where: { now > $0.value }) else { return }
        for callID in deserted.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let end = deserted[callID], now > end else { continue }
            deserted[callID] = nil
            guard let leg = legs[callID], !leg.isHungUp,
                let facts = calls[latestLife[leg.serial] ?? leg.serial],
                facts.answeredAt != nil, facts.closedAt == nil, facts.durableRecords == 0
            else { continue }
            find("talks with nobody", "a phone in call \(leg.serial) is dead, and it goes on")
        }
    }
}
