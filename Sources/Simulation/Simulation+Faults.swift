import Charging
import SIP
import Switching

// What goes wrong, when, and for how long.

extension Simulation {
    /// The faults that strike at instants of their own; the others live in the wire and in the agents.
    mutating func beginFaults() {
        for fault in faults.list {
            guard let gap = Self.gap(of: fault) else { continue }
            queue.add(
                .fault(fault), at: now + .milliseconds(chance.number(in: 500...gap.upperBound)))
        }
    }

    /// Milliseconds between two of them.
    private static func gap(of fault: Fault) -> ClosedRange<Int>? {
        switch fault {
        case .crashes: 15_000...90_000
        case .powerLoss: 40_000...150_000
        case .clockSteps: 10_000...60_000
        case .slowDisk: 5000...40_000
        case .failingDisk: 8000...50_000
        case .nat: 3000...15_000
        case .trunkFailures: 5000...30_000
        case .reloads: 5000...30_000
        case .newTariffs: 8000...40_000
        case .operators: 3000...15_000
        case .garbage: 100...2000
        case .topUps: 500...8000
        case .vouchers: 1000...9000
        case .accountChanges: 2000...15_000
        case .drains: 20_000...90_000
        case .transfers: 500...5000
        case .parking: 1500...9000
        case .vanishing: 3000...20_000
        case .refunds: 2000...12_000
        case .pickups: 300...4000
        case .reboots: 3000...20_000
        case .loss, .duplication, .reordering, .bursts, .refusals, .lateLoop, .lateAnswers,
            .missingAcks, .crossingByes, .forkedAnswers, .glare, .endlessRetransmission, .silence,
            .impatience, .nearZero, .oneAccount, .smallTables, .shortSlices, .longCalls, .rush,
            .reliableProvisionals, .featureCodes, .forwarding, .sessionTimers, .gatewayNames:
            nil
        }
    }

    mutating func strike(_ fault: Fault) {
        guard !isCalm, let gap = Self.gap(of: fault) else { return }
        queue.add(.fault(fault), at: now + .milliseconds(chance.number(in: gap)))
        switch fault {
        case .crashes: crash(outage: drawnOutage())
        case .powerLoss:
            crash(outage: .milliseconds(chance.number(in: 3000...60_000)), losesPower: true)
        case .clockSteps: stepClock()
        case .slowDisk:
            disk.isSlow = true
            relief(of: fault, within: 500...20_000)
        case .failingDisk:
            disk.isFailing = true
            relief(of: fault, within: 100...15_000)
        case .nat: moveAPhone()
        case .trunkFailures: failATrunk()
        case .reloads:
            site.plan = chance.below(SimulatedSite.compiledPlans.count)
            site.settings.trunks[0].channels += chance.below(2)
            reconfigure()
        case .newTariffs: replaceTariff(chance.below(SimulatedSite.tariffs.count))
        case .operators: hangUpACall()
        case .garbage: sendGarbage()
        case .topUps: newMoneyRequest()
        case .vouchers: useVouchers()
        case .accountChanges: changeAnAccount()
        case .transfers: transferACall()
        case .parking: parkOrFetch()
        case .vanishing: killAPhoneInACall()
        case .refunds: refundACall()
        case .pickups: pickUpACall()
        case .reboots: rebootAPhoneInACall()
        case .drains:
            drainForUpgrade(true)
            relief(of: fault, within: 500...10_000)
        case .loss, .duplication, .reordering, .bursts, .refusals, .lateLoop, .lateAnswers,
            .missingAcks, .crossingByes, .forkedAnswers, .glare, .endlessRetransmission, .silence,
            .impatience, .nearZero, .oneAccount, .smallTables, .shortSlices, .longCalls, .rush,
            .reliableProvisionals, .featureCodes, .forwarding, .sessionTimers, .gatewayNames:
            break
        }
    }

    private mutating func relief(of fault: Fault, within range: ClosedRange<Int>) {
        queue.add(.relief(fault), at: now + .milliseconds(chance.number(in: range)))
    }

    mutating func relieve(_ fault: Fault) {
        switch fault {
        case .slowDisk: disk.isSlow = false
        case .failingDisk: disk.isFailing = false
        case .drains: drainForUpgrade(false)
        case .trunkFailures:
            disturbed = now
            for index in agents.indices where agents[index].kind == .gateway {
                agents[index].condition = .well
            }
        default: break
        }
    }

    private mutating func stepClock() {
        let seconds = chance.pick([-21_600, -3600, -30, -2, 1, 45, 3600, 21_600])
        stepClock(by: .seconds(seconds))
    }

    /// Somebody sets the wall clock. The daemon finds it within a second.
    mutating func stepClock(by span: Instant.Span) {
        wallOffset += span.nanoseconds / 1000
        auditor.clockStepped()
        // The one more reading does no harm: it is the clock's truth.
        turn(.wallClockRead(wallClock))
    }

    /// A phone's address translation gives it a new port; it may not notice for a while.
    private mutating func moveAPhone() {
        let index = chance.below(SimulatedSite.phones)
        agentOfEndpoint[agents[index].endpoint] = nil
        agents[index].endpoint.port += 100
        agentOfEndpoint[agents[index].endpoint] = index
        if chance.happens(permille: 600) {
            queue.add(.agent(index, .register), at: now + .milliseconds(chance.below(3000)))
        }
    }

    private mutating func failATrunk() {
        disturbed = now + .seconds(30)
        let index = SimulatedSite.phones + chance.below(2)
        agents[index].condition = chance.pick([
            .dead, .dead, .refusing(503, cause: nil), .refusing(500, cause: 34),
            .refusing(486, cause: 17),
        ])
        relief(of: .trunkFailures, within: 2000...30_000)
    }

    mutating func replaceTariff(_ book: Int) {
        // The price list is stored before the switch hears of it.
        guard theSwitch != nil else { return }
        disk.durable.book = book
        auditor.book = SimulatedSite.books[book]
        turn(.tariffReplaced(TariffBook(SimulatedSite.tariffs[book])))
    }

    private mutating func hangUpACall() {
        let running = auditor.runningCalls
        guard !running.isEmpty else { return }
        let call = chance.pick(running)
        turn(.requested(.hungUp(call: call.description), by: ControlToken(rawValue: .max)))
    }

    private mutating func sendGarbage() {
        var bytes = UserAgent.offer
        switch chance.below(4) {
        case 0: bytes = chance.bytes(chance.below(200))
        case 1: bytes = Array("INVITE sip:8001@example.com SIP/2.0\r\nVia: \r\n\r\n".utf8)
        case 2: bytes = Array("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n".utf8)
        default: bytes = []
        }
        let flow = Flow(
            transport: .udp, listener: 0,
            remote: agents[chance.below(agents.count)].endpoint)
        queue.add(.arrives(Datagram(flow: flow, bytes: bytes)), at: now)
    }
}
