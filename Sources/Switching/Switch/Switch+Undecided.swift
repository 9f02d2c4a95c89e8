import SIP

// Changes that were decided and are not on the disk: who asked for them is answered when they are, and
// after a while in any case. A change that waits is whole: all of it is in line for the disk, and all of
// it or nothing is what the next process finds.

/// The answer to a control request, for when its change is on the disk.
struct WaitingReply: Sendable {
    var ticket: CommitTicket
    var to: ControlToken
    var reply: ControlReply
    /// How long whoever asked waits for it.
    var until: Instant
}

extension Switch {
    /// Answers when the commits that were handed to the disk until now are on it.
    mutating func replyWhenDurable(_ reply: ControlReply, to token: ControlToken) {
        waitingReplies.append(
            WaitingReply(
                ticket: lastTicket, to: token, reply: reply,
                until: now + settings.limits.replyPatience))
        armUndecided()
    }

    /// The answers to these commits leave.
    mutating func replyDurable(through ticket: CommitTicket) {
        while let first = waitingReplies.first, first.ticket <= ticket {
            waitingReplies.popFirst()
            reply(first.reply, to: first.to)
        }
        while let first = featureAnswers.first, first.ticket <= ticket {
            featureAnswers.popFirst()
            tell(first)
        }
        armUndecided()
    }

    /// The disk takes nothing, and nobody knows when it will: operators hear of that at once.
    mutating func replyUndecided(_ why: String) {
        for waiting in waitingReplies.removeAll() { reply(undecided(why), to: waiting.to) }
        armUndecided()
    }

    /// The disk has said nothing for long.
    mutating func undecidedDeadlineReached() {
        while let first = waitingReplies.first, first.until <= now {
            waitingReplies.popFirst()
            reply(undecided("it is slow"), to: first.to)
        }
        while let first = featureAnswers.first, first.until <= now {
            featureAnswers.popFirst()
            counters.count("refused-store")
            let text = "Not known yet, look again later"
            let reason = Self.reason(q850: Causes.temporaryFailure, text: text)
            respond(first.server, 503, reason: text, toTag: Token.text(first.tag)) {
                $0.field(.reason, reason)
            }
        }
        armUndecided()
    }

    private func undecided(_ why: String) -> ControlReply {
        .refused(
            "not known yet: the change waits for the disk (\(why)) and is made when the disk takes it, "
                + "unless the daemon ends before. Look again later, or ask again with the same id: "
                + "nothing is done twice")
    }

    mutating func armUndecided() {
        let key = DeadlineKey(kind: .undecided, slot: 0)
        let next = [waitingReplies.first?.until, featureAnswers.first?.until].compactMap { $0 }
            .min()
        if let next { deadlines.set(key, at: next) } else { deadlines.remove(key) }
    }
}
