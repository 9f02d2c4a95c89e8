import Charging
import Dialplan
import SIP

// How calls end: refused, given up, hung up, cut. Whatever the way, `close` settles and records, once.

extension Switch {
    /// The call cannot be made: tells the caller why, and records it.
    ///
    /// - Parameter waitsForDisk: a caller whose answer was handed to the disk hears of it when that is
    ///   taken back there.
    mutating func fail(
        _ handle: Handle, _ status: Int, q850: Int, _ text: String,
        disposition: CallRecord.Disposition? = nil, waitsForDisk: Bool = true
    ) {
        let server = calls[handle].inviteTransaction
        let answer = waitsForDisk ? answerToTakeBack(of: handle) : nil
        let told = calls[handle].lastFailure.flatMap { $0.status == status ? $0 : nil }
        let reason = told?.reason ?? Self.reason(q850: q850, text: text)
        if let server, answer == nil {
            refuse(
                server, status, reason: reason, retryAfter: told?.retryAfter,
                warning: told?.warning, advice: told?.advice ?? [])
        }
        let busy = status == 486 || status == 600 ? CallRecord.Disposition.busy : nil
        close(
            handle, by: .switch, status: status, q850: q850, text: text,
            disposition: disposition ?? busy ?? .failed)
        if let server, let answer { withhold(status, reason: reason, of: server, answer: answer) }
    }

    /// The caller hung up before an answer (CANCEL, or a BYE in the early dialog).
    mutating func callerCancelled(_ handle: Handle, request: Message) {
        giveUp(
            handle, q850: Self.q850(in: request) ?? Causes.normalClearing,
            text: "the caller hung up", reason: Self.reasons(in: request))
    }

    /// The time that the caller gave its invitation is over (Expires, RFC 3261 §13.3.1). An answer
    /// that is on its way to the disk is still told, and a call for help is not given up.
    mutating func invitationExpired(_ handle: Handle) {
        guard !calls[handle].isEmergency else { return }
        switch calls[handle].phase {
        case .routing, .trying:
            giveUp(
                handle, q850: Causes.recoveryOnTimerExpiry, text: "the caller's invitation expired")
        case .answering, .connected: break
        }
    }

    /// Ends a call that its caller wants no longer, before it is answered.
    ///
    /// - Parameter reason: what the caller says of it. A phone shows no missed call where somebody else
    ///   has taken it (RFC 3326 §3.1).
    private mutating func giveUp(
        _ handle: Handle, q850: Int, text: String, reason: [UInt8]? = nil
    ) {
        guard calls.contains(handle) else { return }
        let isAnswered: Bool
        switch calls[handle].phase {
        case .routing, .trying: isAnswered = false
        case .answering: isAnswered = true
        case .connected: return
        }
        let server = calls[handle].inviteTransaction
        let answer = answerToTakeBack(of: handle)
        if let server, answer == nil { refuse(server, 487, reason: []) }
        closeAttempt(handle, outcome: .failed, status: 487, q850: q850, text: text)
        if isAnswered {
            hangUpCallee(
                handle,
                reason: reason
                    ?? Self.reason(q850: Causes.normalClearing, text: "The caller hung up"))
        }
        for index in calls[handle].callees.indices
        where calls[handle].callees[index].state == .trying {
            calls[handle].callees[index].state = .ended
            abandon(handle, callee: index, reason: reason)
        }
        close(
            handle, by: .caller, status: 487, q850: q850, text: text, disposition: .noAnswer)
        if let server, let answer { withhold(487, reason: [], of: server, answer: answer) }
    }

    /// One side hung up; the other is told.
    mutating func hungUp(_ handle: Handle, by side: Side, reason: [UInt8]?, q850: Int?) {
        switch side {
        case .caller:
            calls[handle].caller.state = .ended
            hangUpCallee(handle, reason: reason)
        case .callee:
            hangUpCaller(handle, reason: reason)
        }
        if let other = partner(of: LegReference(call: handle, side: side)), other.call != handle {
            hangUpCaller(other.call, reason: reason)
            hangUpCallee(other.call, reason: reason)
        }
        close(
            handle, by: side == .caller ? .caller : .callee, status: 200,
            q850: q850 ?? Causes.normalClearing, text: "", disposition: .answered)
    }

    /// The switch itself ends a connected call: both legs get a BYE that says why.
    mutating func cut(
        _ handle: Handle, text: String, status: Int?, q850: Int = Causes.normalClearing
    ) {
        let reason = Self.reason(q850: q850, text: text, status: status)
        switch calls[handle].phase {
        case .routing, .trying, .answering:
            // Told nothing yet, the caller gets a refusal in place of a BYE.
            hangUpCallee(handle, reason: reason)
            fail(handle, status ?? 480, q850: q850, text)
            return
        case .connected: break
        }
        hangUpCaller(handle, reason: reason)
        hangUpCallee(handle, reason: reason)
        close(
            handle, by: .switch, status: 200, q850: q850, text: text, disposition: .answered)
    }

    mutating func hangUpCaller(_ handle: Handle, reason: [UInt8]?) {
        guard calls[handle].caller.state == .answered else { return }
        calls[handle].caller.state = .ended
        let leg = LegReference(call: handle, side: .caller)
        let flow = requestFlow(to: leg)
        refuseLateOffer(of: leg)
        // The leg has ended: its next sequence number is of no more use.
        var dialog = calls[handle].caller.dialogs[0]
        sendBye(in: &dialog, flow: flow, reason: reason, trunk: trunk(of: leg))
    }

    mutating func hangUpCallee(_ handle: Handle, reason: [UInt8]?) {
        guard let index = calls[handle].connected,
            calls[handle].callees[index].state == .answered
        else { return }
        calls[handle].callees[index].state = .ended
        let leg = LegReference(call: handle, side: .callee(index))
        let flow = requestFlow(to: leg)
        var dialog = calls[handle].callees[index].dialogs[0]
        refuseLateOffer(of: leg)
        if let due = calls[handle].callees[index].acknowledgementDue {
            // Not told to the caller: the ACK goes without an answer, and BYE follows.
            let place = acknowledgementFlow(to: leg, answering: due.client)
            acknowledge(cseq: due.cseq, dialog: dialog, flow: place, client: due.client)
        }
        sendBye(in: &dialog, flow: flow, reason: reason, trunk: trunk(of: leg))
    }

    /// Settles, records and forgets a call. The one way out of the table.
    mutating func close(
        _ handle: Handle, by releaser: CallRecord.Releaser, status: Int, q850: Int, text: String,
        disposition: CallRecord.Disposition
    ) {
        let isAnswered = disposition == .answered
        var changes = settle(handle, isCharged: isAnswered)

        for index in calls[handle].callees.indices {
            if calls[handle].callees[index].state == .trying { abandon(handle, callee: index) }
            if let client = calls[handle].callees[index].client, clients.contains(client) {
                leave(client: client)
                // An INVITE that was given up may still have to be cancelled.
                if !clients[client].isAbandoned { clients[client].request = [] }
            }
        }
        giveBackRoute(of: handle)
        if let trunk = calls[handle].inboundTrunk {
            let channel = calls[handle].inboundChannel
            freeChannel(channel, of: trunk)
        }
        if let line = calls[handle].inboundLine { linesInUse[line] = nil }
        closeRung(handle, status: status, q850: q850, text: text.isEmpty ? "ended" : text)
        freeExtensions(of: handle)
        for kind in [
            DeadlineKey.Kind.attempt, .noAnswer, .invitation, .money, .limit, .callerAnswer,
            .calleeAnswer, .unwritten, .sidesCheck, .silentFlow,
        ] {
            deadlines.remove(DeadlineKey(kind: kind, slot: handle.slot))
        }

        lastSequence += 1
        calls[handle].record.sequence = lastSequence
        calls[handle].record.endedAt = wallTime
        calls[handle].record.durationMs = (now - calls[handle].startedAt).milliseconds
        if isAnswered, calls[handle].record.billedMs == 0,
            let answeredAt = calls[handle].answeredAt
        {
            calls[handle].record.billedMs = (now - answeredAt).milliseconds
        }
        calls[handle].record.disposition = disposition
        calls[handle].record.releasedBy = releaser
        calls[handle].record.sipStatus = status
        calls[handle].record.q850Cause = q850
        calls[handle].record.endReason = text
        closeAttempt(
            handle, outcome: .failed, status: status, q850: q850,
            text: text.isEmpty ? "ended" : text)

        let call = calls.remove(handle)
        guard let call else { return }
        changes.append(.callClosed(call.record))
        commit(changes)
        callHandles[call.id] = nil
        retire(call.caller.localTag)
        for early in call.earlyDialogs where early.tag != call.caller.localTag {
            retire(early.tag)
        }
        for leg in call.callees { retire(leg.localTag, at: leg.flow.remote.ip) }
        forgetOrigin(of: handle, call.caller)
        if call.record.disposition != .answered {
            log(
                .info, call: call.id,
                "\(call.record.caller) -> \(call.record.dialled): \(status) \(text)")
        }
        handoverEnded(of: call, handle, status: status, q850: q850, text: text)
    }

    mutating func forgetOrigin(of handle: Handle) { forgetOrigin(of: handle, calls[handle].caller) }

    /// The caller's INVITE belongs to no call any more.
    private mutating func forgetOrigin(of handle: Handle, _ caller: Leg) {
        guard let dialog = caller.dialogs.first else { return }
        let origin = origin(callID: dialog.callID, fromTag: dialog.remoteTag)
        // A call that was made for a transfer has the transferor's dialog, which is another's.
        guard origins[origin] == handle else { return }
        origins[origin] = nil
        finish(origin, cseq: dialog.remoteCSeq ?? 0, from: caller.flow.remote.ip)
    }

    /// Keeps a tag for as long as the peer may still send a BYE of its own that crossed ours.
    ///
    /// - Parameter place: where a callee was invited, so that its late answer is known there.
    mutating func retire(_ tag: UInt64, at place: IPAddress? = nil) {
        guard legs[tag] != nil else { return }
        if let place { retiredPlaces[tag] = place }
        retiredTags.append((now + settings.timers.timeout, tag))
        forgetRetiredTags()
    }

    /// Tags of calls that are over, which are known; the oldest make room.
    static let retiredTagLimit = 500_000

    /// Drops those whose time has passed; call it once a minute.
    mutating func forgetRetiredTags() {
        while let first = retiredTags.first,
            first.until <= now || retiredTags.count > Self.retiredTagLimit
        {
            legs[first.tag] = nil
            retiredPlaces[first.tag] = nil
            retiredTags.popFirst()
        }
    }
}
