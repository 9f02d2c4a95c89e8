import Charging
import SIP
import Switching

// What users do with their calls: they have them connected elsewhere, leave them waiting, fetch them;
// and phones that die.

extension Simulation {
    /// A phone that talks, and the Call-ID of one of its calls.
    private mutating func drawTalking() -> (index: Int, callID: [UInt8])? {
        let talking = (0..<SimulatedSite.phones).filter { !agents[$0].talkingSessions.isEmpty }
        guard !talking.isEmpty else { return nil }
        let index = chance.pick(talking)
        return (index, chance.pick(agents[index].talkingSessions))
    }

    // MARK: Transfers

    /// To a number outside, to a colleague, or to whom it has asked before on a second line.
    mutating func transferACall() {
        guard let (index, callID) = drawTalking() else { return }
        let others = agents[index].talkingSessions.filter { $0 != callID }
        if let consulted = others.first {
            auditor.mayLeave(callID)
            auditor.mayLeave(consulted)
            agents[index].refer(
                callID, to: "consulted", consulted: consulted, serial: 0,
                isImpatient: chance.happens(permille: 200), now: now)
            flush(index)
            return
        }
        switch chance.below(3) {
        case 0:
            // The second call, which an attended transfer needs.
            place(
                from: index, to: SimulatedSite.number(chance.below(SimulatedSite.phones)),
                kind: .internal, talk: .seconds(chance.number(in: 10...60)), patience: nil)
        case 1:
            transfer(
                callID, of: index, to: SimulatedSite.number(chance.below(SimulatedSite.phones)),
                kind: .internal)
        default:
            transfer(
                callID, of: index,
                to: chance.pick(["2" + chance.digits(7), "020" + chance.digits(8)]),
                kind: .outbound)
        }
    }

    /// REFER to a number: the call that is made for it is the transferor's.
    @discardableResult
    mutating func transfer(
        _ callID: [UInt8], of index: Int, to number: String, kind: CallFacts.Kind
    ) -> Int {
        let serial = newSerial()
        let transferor = agents[index].number
        let dialled = Self.access(serial) + number
        var facts = CallFacts(
            serial: serial, callID: Array("transfer-\(serial)".utf8), kind: kind,
            caller: transferor, dialled: dialled, normalised: number,
            chain: kind == .outbound
                ? site.account(of: transferor).map(site.chain(of:)) ?? [] : [])
        facts.handover = .transfer(of: auditor.serial(ofLeg: callID))
        auditor.expect(facts)
        auditor.mayLeave(callID)
        agents[index].refer(
            callID, to: dialled, serial: serial, isImpatient: chance.happens(permille: 200),
            now: now)
        flush(index)
        return serial
    }

    // MARK: Parking

    /// Leaves a call at a new place, or dials the code of one where a call may wait.
    mutating func parkOrFetch() {
        if !parkedPlaces.isEmpty, chance.happens(permille: 500) {
            fetch(parkedPlaces.remove(at: chance.below(parkedPlaces.count)))
        } else if let (index, callID) = drawTalking() {
            park(callID, of: index)
        }
    }

    mutating func park(_ callID: [UInt8], of index: Int) {
        // Whoever has parked two calls is rung for both, and nobody could tell these apart.
        guard hasParked.insert(index).inserted else { return }
        let serial = newSerial()
        let digits = String(Self.access(serial).dropFirst())
        var facts = CallFacts(
            serial: serial, callID: Array("park-\(serial)".utf8), kind: .feature,
            caller: agents[index].number, dialled: "*85" + digits, normalised: "*85" + digits,
            chain: [])
        facts.handover = .parking
        auditor.expect(facts)
        auditor.mayLeave(callID)
        parkedPlaces.append(digits)
        agents[index].refer(
            callID, to: facts.dialled, serial: serial, isImpatient: false, now: now)
        flush(index)
    }

    @discardableResult
    mutating func fetch(_ digits: String) -> Int? {
        let from = chance.below(SimulatedSite.phones)
        guard hasDialled.insert("\(from)>*86\(digits)").inserted else { return nil }
        let serial = place(
            from: from, to: "*86" + digits, kind: .feature,
            talk: .seconds(chance.number(in: 1...30)), patience: nil)
        auditor.calls[serial]?.handover = .fetching
        return serial
    }

    // MARK: Pickup

    /// A phone whose user sees that another one rings answers there.
    mutating func pickUpACall() {
        let ringing = (0..<SimulatedSite.phones).flatMap { index in
            agents[index].calleesThatRing.map { (index, $0) }
        }
        guard !ringing.isEmpty else { return }
        let (index, callID) = chance.pick(ringing)
        let others = (0..<SimulatedSite.phones).filter { $0 != index }
        pickUp(callID, of: index, from: chance.pick(others))
    }

    @discardableResult
    mutating func pickUp(_ callID: [UInt8], of index: Int, from picker: Int) -> Int {
        let rings = auditor.serial(ofLeg: callID)
        let serial = place(
            from: picker, to: Self.access(lastSerial + 1) + agents[index].number, kind: .feature,
            talk: .seconds(chance.number(in: 1...40)), patience: nil,
            replaces: agents[index].replaces(callID))
        auditor.picksUp(serial, rings)
        return serial
    }

    // MARK: Phones that die

    mutating func killAPhoneInACall() {
        guard let (index, callID) = drawTalking() else { return }
        vanish(callID, of: index)
    }

    mutating func rebootAPhoneInACall() {
        guard let (index, _) = drawTalking() else { return }
        reboot(index, after: .milliseconds(chance.number(in: 1000...9000)))
    }

    mutating func reboot(_ index: Int, after span: Instant.Span) {
        for callID in agents[index].establishedSessions { vanished(callID, of: index) }
        agents[index].reboot(after: span, now: now)
        flush(index)
    }

    /// Where nobody is asked whether it is there, a free call of two dead phones has no end but the
    /// operator's.
    mutating func endDesertedCalls() {
        let isDeserted = agents.contains { agent in
            agent.sessions.values.contains { $0.isVanished || $0.isForgotten }
        }
        guard isDeserted else { return }
        for call in auditor.runningCalls where theSwitch != nil {
            turn(.requested(.hungUp(call: call.description), by: ControlToken(rawValue: .max)))
        }
    }

    mutating func vanish(_ callID: [UInt8], of index: Int) {
        vanished(callID, of: index)
        agents[index].vanish(from: callID)
    }

    private mutating func vanished(_ callID: [UInt8], of index: Int) {
        let session = agents[index].sessions[callID]
        auditor.vanished(
            callID,
            wasRefreshing: session?.refreshesItself == true && session?.sessionEnds != nil)
    }
}
