import SIP

// A call whose answer was handed to the disk ends before its caller is told: it is cancelled, cut by
// the operator, or hung up by the callee. The caller hears of that when the end is on the disk too.
// Were it refused at once and the process to end, the next one would find the answer in the journal
// and connect a caller that has long been told that there is nobody.

/// A refusal that waits for the disk.
struct WithheldRefusal: Sendable {
    /// The commit that takes the answer back.
    var ticket: CommitTicket
    /// The one that the answer went with.
    var answer: CommitTicket
    /// The INVITE's server transaction.
    var server: Handle
    var status: Int
    /// The value of its Reason header; empty for none.
    var reason: [UInt8]
}

extension Switch {
    /// The commit that an answer went with of which nobody was told yet, as long as the disk may have
    /// taken it.
    func answerToTakeBack(of handle: Handle) -> CommitTicket? {
        guard storeFailure == nil, case .answering(let ticket) = calls[handle].phase else {
            return nil
        }
        return ticket
    }

    /// Refuses an INVITE when the commits that were handed to the disk until now are on it; one that
    /// says nothing does not keep the caller for ever.
    mutating func withhold(
        _ status: Int, reason: [UInt8], of server: Handle, answer: CommitTicket
    ) {
        withheld.append(
            WithheldRefusal(
                ticket: lastTicket, answer: answer, server: server, status: status,
                reason: reason))
        deadlines.set(
            DeadlineKey(kind: .withheld, slot: server.slot),
            at: now + settings.limits.paidAnswerPatience)
    }

    /// The disk has said nothing in its time.
    mutating func withheldDeadlineReached(_ server: Handle) {
        for waiting in withheld.removeAll() {
            if waiting.server == server {
                counters.count("refused-store")
                refuse(
                    server, 503,
                    reason: Self.reason(
                        q850: Causes.temporaryFailure, text: "the record is not written in time"))
            } else {
                withheld.append(waiting)
            }
        }
    }

    /// What waited for these commits leaves.
    mutating func refuseWithheld(through ticket: CommitTicket) {
        while let first = withheld.first, first.ticket <= ticket {
            withheld.popFirst()
            refuse(first)
        }
    }

    /// The disk takes nothing. Where it has not taken the answer either, it will take both together.
    mutating func refuseUnanswered() {
        for waiting in withheld.removeAll() {
            if waiting.answer > durableTicket {
                refuse(waiting)
            } else {
                withheld.append(waiting)
            }
        }
    }

    private mutating func refuse(_ refusal: WithheldRefusal) {
        refuse(refusal.server, refusal.status, reason: refusal.reason)
    }

    /// The final response to an INVITE that made no call.
    mutating func refuse(
        _ server: Handle, _ status: Int, reason: [UInt8], retryAfter: UInt32? = nil,
        warning text: String? = nil, advice: [Call.Failure.Advice] = []
    ) {
        guard servers.contains(server) else { return }
        let listener = servers[server].flow.listener
        let warning = text.map { self.warning($0, listener: listener) }
        deadlines.remove(DeadlineKey(kind: .withheld, slot: server.slot))
        respond(server, status, toTag: Token.text(servers[server].localTag)) { writer in
            if !reason.isEmpty { writer.field(.reason, reason) }
            if let warning { writer.field(.warning, warning) }
            for field in advice { writer.field(field.name, field.value) }
            if let seconds = retryAfter ?? (status == 503 ? 5 : nil) {
                writer.field(.retryAfter, Int(seconds))
            }
        }
    }
}
