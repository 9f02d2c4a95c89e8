import SIP

// One queue of deadlines for everything; each is handed to the file that set it.

extension Switch {
    mutating func deadlinesReached() {
        while let key = deadlines.popDue(now: now) {
            switch key.kind {
            case .client:
                if let handle = clients.handle(at: key.slot) { clientDeadlineReached(handle) }
            case .server:
                if let handle = servers.handle(at: key.slot) { serverDeadlineReached(handle) }
            case .attempt:
                if let handle = calls.handle(at: key.slot) { attemptDeadlineReached(handle) }
            case .noAnswer:
                if let handle = calls.handle(at: key.slot) { noAnswerDeadlineReached(handle) }
            case .invitation:
                if let handle = calls.handle(at: key.slot) { invitationExpired(handle) }
            case .money:
                if let handle = calls.handle(at: key.slot) { moneyDeadlineReached(handle) }
            case .limit:
                if let handle = calls.handle(at: key.slot) {
                    cut(handle, text: "The time limit of this call is over", status: nil)
                }
            case .callerAnswer:
                if let handle = calls.handle(at: key.slot) {
                    answerDeadlineReached(handle, side: .caller)
                }
            case .calleeAnswer:
                if let handle = calls.handle(at: key.slot), let index = calls[handle].connected {
                    answerDeadlineReached(handle, side: .callee(index))
                }
            case .breaker: breakerDeadlineReached(Int(key.slot))
            case .registration: registrationDeadlineReached(Int(key.slot))
            case .unwritten:
                if let handle = calls.handle(at: key.slot) { unwrittenDeadlineReached(handle) }
            case .withheld:
                if let handle = servers.handle(at: key.slot) { withheldDeadlineReached(handle) }
            case .undecided: undecidedDeadlineReached()
            case .sidesCheck:
                if let handle = calls.handle(at: key.slot) { sidesCheckDeadlineReached(handle) }
            case .join:
                if let handle = calls.handle(at: key.slot) { askNext(handle) }
            case .park:
                if let handle = calls.handle(at: key.slot) { parkDeadlineReached(handle) }
            case .subscription:
                if let handle = subscriptions.handle(at: key.slot) {
                    subscriptionDeadlineReached(handle)
                }
            case .subscriptionAnew:
                if let handle = subscriptions.handle(at: key.slot) {
                    tellAnew(subscription: handle)
                }
            case .keepAlive: keepAliveDeadlineReached(key.slot)
            case .probe: probeDeadlineReached(Int(key.slot))
            case .probeAnswer: probeAnswerDeadlineReached(Int(key.slot))
            case .silentFlow:
                if let handle = calls.handle(at: key.slot) { silentFlowDeadlineReached(handle) }
            case .silentPlace:
                if let handle = clients.handle(at: key.slot) { silentPlaceDeadlineReached(handle) }
            case .fork:
                if let handle = forks.handle(at: key.slot) { forkDeadlineReached(handle) }
            case .mailbox:
                if let handle = mailboxes.handle(at: key.slot) { askMailbox(handle) }
            case .restartedPhones: restartedPhonesDeadlineReached()
            case .housekeeping:
                bindingsExpired()
                forgetRetiredTags()
                forgetFinishedInvites()
                requestRates.expire(now: now)
                textRates.expire(now: now)
                expireBans()
                deadlines.set(key, at: now + .seconds(60))
            }
        }
    }
}
