import Charging
import SIP
import Testing

@testable import Switching

extension Site {
    /// What the machine's clocks did while the switch was down.
    enum Away {
        /// The process ended; the machine went on.
        case process(Instant.Span)
        /// The machine was started anew; its wall clock shows so much more than before.
        case machine(wallStep: Instant.Span)
    }

    /// Ends the process as kill -9 does and starts the next one with what the disk held: every commit
    /// that was told as durable and none that was not.
    mutating func crash(_ away: Away) throws {
        var state = disk
        for commit in commits where commit.ticket.rawValue <= lastDurable {
            for change in commit.changes { state.apply(change) }
        }
        state.start += 1
        let wall = sw.wallClock.microseconds(at: now)
        switch away {
        case .process(let span): now = now + span
        case .machine:
            // Another run of the clock, which begins anywhere.
            now = Instant(nanoseconds: 77)
            state.boot += 1
        }
        let wallTime =
            switch away {
            case .process(let span), .machine(let span): wall + span.nanoseconds / 1000
            }
        earlierCommits += commits.filter { $0.ticket.rawValue <= lastDurable }
        commits = []
        lastDurable = 0
        inbox = [:]
        disk = state
        var actions = ActionList()
        sw = ObservedSwitch(
            try Switch(
                configuration: Configuration(
                    settings: settings, plan: try Self.compiledPlan(planText)),
                stored: state, hashes: Self.hashes,
                seed: Array(repeating: UInt8(truncatingIfNeeded: state.start), count: 32),
                wallClock: WallClock(instant: now, unixMicroseconds: wallTime, utcOffset: 28_800),
                now: now, into: &actions))
        take(actions)
    }

    /// The next request to an endpoint that is not the question whether it is still there: that comes from
    /// the switch itself, and has all its hops before it.
    mutating func nextButCheck(_ endpoint: Endpoint) throws -> Message {
        var message = try next(endpoint)
        while !message.isRequest || message.method == .info && message.maxForwards == 70 {
            message = try next(endpoint)
        }
        return message
    }
}

extension StoredState {
    /// As the store does it.
    mutating func apply(_ change: StoredChange) {
        switch change {
        case .extensionSaved(let item):
            extensions.removeAll { $0.number == item.number }
            extensions.append(item)
        case .extensionRemoved(let number):
            extensions.removeAll { $0.number == number }
            userSettings[number] = nil
            summaries[number] = nil
        case .settingsSaved(let number, let settings): userSettings[number] = settings
        case .bindingSaved(let binding):
            bindings.removeAll {
                $0.number == binding.number && $0.contact == binding.contact
                    && $0.regID == binding.regID
            }
            bindings.append(binding)
        case .bindingRemoved(let number, let contact, let regID):
            bindings.removeAll {
                $0.number == number && $0.contact == contact && $0.regID == regID
            }
        case .subscriptionSaved(let subscription):
            subscriptions.removeAll { $0.tag == subscription.tag }
            subscriptions.append(subscription)
        case .subscriptionRemoved(let tag): subscriptions.removeAll { $0.tag == tag }
        case .summarySaved(let number, let body): summaries[number] = body
        case .accountSaved(let account):
            accounts.removeAll { $0.id == account.id }
            accounts.append(account)
        case .posted(let posting):
            if posting.kind != .charge { postings.append(posting) }
            guard let index = accounts.firstIndex(where: { $0.id == posting.account }) else {
                Issue.record("\(posting.id) is on an account that is not stored")
                return
            }
            let known = accounts[index]
            #expect(known.balance + posting.amount == posting.balanceAfter)
            accounts[index] = Account(
                id: known.id, name: known.name, parent: known.parent, kind: known.kind,
                creditLimit: known.creditLimit, balance: posting.balanceAfter,
                currency: known.currency, isBlocked: known.isBlocked, expiresAt: known.expiresAt,
                lowMark: known.lowMark, plan: known.plan, limits: known.limits,
                renewal: known.renewal, renewedIn: known.renewedIn, version: known.version + 1)
        case .vouchersAdded(let batch): vouchers += batch
        case .spendingHeld(let hold):
            holds.removeAll { $0.subject == hold.subject }
            holds.append(hold)
        case .callRunning(let running):
            runningCalls.removeAll { $0.call == running.call }
            runningCalls.append(running)
        case .callClosed(let record):
            #expect(record.sequence == lastSequence + 1)
            lastSequence = record.sequence
            runningCalls.removeAll { $0.call.rawValue == record.callID }
            if record.charge.isPositive, let account = record.callerAccount,
                let endedAt = record.endedAt
            {
                recentCharges.append(
                    RecentCharge(
                        extension: record.chargedExtension, account: account,
                        amount: record.charge, at: endedAt))
            }
        }
    }
}
