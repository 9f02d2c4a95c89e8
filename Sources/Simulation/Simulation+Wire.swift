import SIP
import Switching

// What leaves the switch, and what becomes of it: datagrams on the wire, commits on the disk.

extension Simulation {
    // MARK: The wire

    mutating func carry(_ outgoing: Outgoing) {
        digest.add(UInt64(bitPattern: now.nanoseconds))
        digest.add(outgoing.bytes)
        if isTraced { note("-> \(outgoing.flow.remote) \(Self.shown(outgoing.bytes))") }
        let message: Message
        do throws(ParseError) {
            message = try Message(parsing: outgoing.bytes)
        } catch {
            auditor.find("the switch sent what is no SIP", "\(error)")
            return
        }
        auditor.sent(message, to: outgoing.flow.remote)
        if outgoing.flow.remote == SimulatedSite.nobody {
            if !site.isNobodySilent { comesBack(outgoing) }
            return
        }
        if faults.contains(.refusals), !isCalm, chance.happens(permille: 4) {
            refusals += 1
            if refusals % 4 == 0 {
                queue.add(
                    .transportFailed(outgoing.flow, process: process), at: now + .milliseconds(1))
            } else {
                comesBack(outgoing)
            }
            return
        }
        let (first, second) = network.arrivals(now: now)
        if let first { queue.add(.reaches(outgoing.flow.remote, message), at: first) }
        if let second { queue.add(.reaches(outgoing.flow.remote, message), at: second) }
    }

    /// Of a datagram as many bytes as an ICMP error quotes at least: 576 with its own headers and those
    /// of the datagram (RFC 1812 §4.3.2.3).
    private static let quoteBytes = 576 - 2 * 20 - 2 * 8

    /// Nobody is there, and says so.
    private mutating func comesBack(_ outgoing: Outgoing) {
        let quote = Array(outgoing.bytes.prefix(Self.quoteBytes))
        queue.add(
            .undelivered(Datagram(flow: outgoing.flow, bytes: quote), process: process),
            at: now + .milliseconds(1))
    }

    /// Carries what an agent sends, and notes when it wants to be called again.
    mutating func flush(_ index: Int) {
        let flow = Flow(transport: .udp, listener: 0, remote: agents[index].endpoint)
        for bytes in agents[index].outbox {
            let datagram = Datagram(flow: flow, bytes: bytes)
            let (first, second) = network.arrivals(now: now)
            if let first { queue.add(.arrives(datagram), at: first) }
            if let second { queue.add(.arrives(datagram), at: second) }
        }
        agents[index].outbox.removeAll(keepingCapacity: true)
        for (at, timer) in agents[index].timers { queue.add(.agent(index, timer), at: at) }
        agents[index].timers.removeAll(keepingCapacity: true)
    }

    // MARK: The disk

    mutating func diskReached(_ step: Disk.Step) {
        auditor.now = now
        let (event, next) = disk.reached(step) { change, durable in
            auditor.becameDurable(change, on: durable)
            durable.apply(change)
        }
        if let next { queue.add(.disk(next.1, process: process), at: now + next.after) }
        guard let event else { return }
        // Between the write and the word of it the process may die too.
        if faults.contains(.crashes), !isCalm, chance.happens(permille: 4) {
            crash(outage: drawnOutage())
            return
        }
        let delay = Instant.Span(nanoseconds: Int64(chance.below(1500)) * 1000)
        queue.add(.settled(event, process: process), at: now + delay)
    }

    mutating func settled(_ event: Event) {
        auditor.turnBegan(now: now, wallTime: wallTime)
        auditor.told(of: event)
        if case .commitFailed = event {
            auditor.isHearingOfFailure = true
            let told = process
            turn(event, isBegun: true)
            auditor.isHearingOfFailure = false
            // A process that was killed over it leaves a new one that knows nothing.
            auditor.isStoreFailing = process == told
        } else {
            auditor.isStoreFailing = false
            turn(event, isBegun: true)
        }
    }
}

extension Digest {
    mutating func add(_ commit: Commit) {
        add(commit.ticket.rawValue)
        for change in commit.changes {
            switch change {
            case .extensionSaved(let row): add(row.number)
            case .extensionRemoved(let number): add(number)
            case .bindingSaved(let binding): add(binding.contact)
            case .bindingRemoved(_, let contact, _): add(contact)
            case .subscriptionSaved(let subscription): add(subscription.tag)
            case .subscriptionRemoved(let tag): add(tag)
            case .summarySaved(let number, _): add(number)
            case .accountSaved(let account): add(account.id)
            case .posted(let posting):
                add(posting.id)
                add(posting.balanceAfter.micros)
            case .settingsSaved(let number, _): add(number)
            case .vouchersAdded(let vouchers): for voucher in vouchers { add(voucher.key) }
            case .spendingHeld(let hold): add(hold.subject.description)
            case .callRunning(let running):
                add(running.call.rawValue)
                add(running.reserved.micros)
                add(running.state)
            case .callClosed(let record):
                add(record.callID)
                add(record.sequence)
                add(record.charge.micros)
                add(record.billedMs)
                add(record.endReason)
            }
        }
    }
}
