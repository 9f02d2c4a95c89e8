import Charging
import Dialplan
import SIP

// A callee answers: journal it, tell the caller when that is on the disk, and let the money run.

extension Switch {
    /// A 2xx to an INVITE of ours, the first or one more.
    mutating func answered(
        _ response: Message, call handle: Handle, callee: Int, client: Handle
    ) {
        if calls[handle].connected == callee {
            answeredAgain(response, call: handle, callee: callee, client: client)
            return
        }
        guard case .trying = calls[handle].phase, calls[handle].connected == nil,
            calls[handle].callees[callee].state == .trying
        else {
            // Another phone was faster, or the call went on to another route.
            strayAnswer(response, of: client)
            return
        }
        guard let request = parseOwn(clients[client].request),
            var dialog = Dialog(request: request, response: response)
        else {
            attemptFailed(
                handle, callee: callee, status: 502, reason: nil, text: "unusable answer",
                isSilence: false)
            return
        }
        dialog.responseReceived(response)
        if let early = calls[handle].callees[callee].dialogIndex(remoteTag: dialog.remoteTag[...]) {
            // A PRACK may have used numbers that the INVITE's response knows nothing of.
            let used = calls[handle].callees[callee].dialogs[early].localCSeq
            dialog.advanceLocalCSeq(by: max(used, dialog.localCSeq) - dialog.localCSeq)
        }
        deadlines.remove(DeadlineKey(kind: .noAnswer, slot: handle.slot))
        calls[handle].callees[callee].state = .answered
        calls[handle].callees[callee].dialogs = [dialog]
        calls[handle].connected = callee
        findNextHop(of: LegReference(call: handle, side: .callee(callee)))
        calls[handle].answeredAt = now
        sessionAgreed(of: LegReference(call: handle, side: .callee(callee)), by: response)
        // Until the answer is on the disk the callee gets no ACK: were the process to end before, its
        // 2xx comes again and is hung up. A late offer waits for the caller's ACK, which brings the
        // answer to it (RFC 3264 §5).
        calls[handle].callees[callee].acknowledgementDue = Leg.AcknowledgementDue(
            cseq: response.cseqNumber, client: client,
            offer: calls[handle].callees[callee].offersLate ? Offer(of: response) : nil)
        for index in calls[handle].callees.indices
        where index != callee && calls[handle].callees[index].state == .trying {
            calls[handle].callees[index].state = .ended
            abandon(handle, callee: index, reason: Self.completedElsewhere)
        }
        rungAnswered(handle, callee: callee, status: response.status)

        closeAttempt(handle, outcome: .answered, status: response.status, q850: nil, text: "")
        switch calls[handle].holding {
        case .nothing: break
        case .trunk(let name): calls[handle].record.route = name
        case .line(let number, _): calls[handle].record.route = number
        }
        routePassed(handle)
        connected(response, call: handle, callee: callee)
    }

    /// Both sides have an answer: it is written down, and the caller hears of it.
    ///
    /// - Parameter response: what the caller's 200 is made from.
    mutating func connected(_ response: Message, call handle: Handle, callee: Int) {
        if isForTransfer(handle) { calls[handle].handover?.offer = Offer(of: response) }
        settleCallerDialog(response, call: handle, callee: callee)
        guard prepareAnswer(response, for: handle) else {
            let text = "the answer is larger than a message may be"
            let q850 = Causes.q850(ofStatus: 502)
            hangUpCallee(handle, reason: Self.reason(q850: q850, text: text))
            fail(handle, 502, q850: q850, text)
            return
        }
        calls[handle].record.answeredAt = wallTime
        moneyAnswered(handle)
        let ticket = commit([.callRunning(journal(of: handle))])
        calls[handle].phase = .answering(ticket)
        if calls[handle].money == nil, outOfService != nil {
            tellCaller(handle)
        } else {
            answering.append((ticket, handle))
            let patience =
                calls[handle].money == nil
                ? settings.limits.freeAnswerPatience : settings.limits.paidAnswerPatience
            deadlines.set(
                DeadlineKey(kind: .unwritten, slot: handle.slot), at: now + patience)
        }
        armMoney(handle)
        if let limit = calls[handle].limitMilliseconds {
            deadlines.set(
                DeadlineKey(kind: .limit, slot: handle.slot), at: now + .milliseconds(Int(limit)))
        }
    }

    /// The callee's 2xx again, since our ACK was lost or is not due yet; or one from another fork.
    private mutating func answeredAgain(
        _ response: Message, call handle: Handle, callee: Int, client: Handle
    ) {
        let dialog = calls[handle].callees[callee].dialogs.last
        if let dialog, dialog.remoteTag.elementsEqual(response.toTag ?? []) {
            if calls[handle].callees[callee].acknowledgementDue == nil {
                resendAcknowledgement(of: client)
            }
            return
        }
        // Two phones behind one contact answered: one dialog is enough (RFC 3261 §13.2.2.4). The
        // INVITE itself is forgotten by now; the dialog we have knows the rest.
        guard let request = inviteAgain(of: handle, callee: callee),
            var extra = Dialog(request: request, response: response)
        else { return }
        extra.responseReceived(response)
        // Its ringing may have been acknowledged with numbers that nobody knows any more.
        extra.advanceLocalCSeq(by: Self.skippedCSeqs)
        let trunk = trunk(of: LegReference(call: handle, side: .callee(callee)))
        let flow = requestFlow(
            to: extra.nextHop, spokenFrom: calls[handle].callees[callee].flow, trunk: trunk)
        acknowledge(response, dialog: extra, flow: flow, client: nil)
        sendBye(
            in: &extra, flow: flow,
            reason: Self.reason(q850: Causes.normalClearing, text: "Answered elsewhere"),
            trunk: trunk)
    }

    /// What is needed of the INVITE that made a callee's dialog, written again.
    private mutating func inviteAgain(of handle: Handle, callee: Int) -> Message? {
        guard let dialog = calls[handle].callees[callee].dialogs.last else { return nil }
        var writer = MessageWriter(capacity: 512)
        writer.requestLine(.invite, uri: dialog.remoteTarget)
        writer.field(.via, via(branch: tokens.next(), listener: 0))
        writer.field(.maxForwards, 70)
        writer.field(.from, dialog.localAddress)
        writer.beginField(.to)
        writer.append("<")
        writer.append(dialog.remoteURI)
        writer.append(">")
        writer.endField()
        writer.field(.callID, dialog.callID)
        writer.field(.cseq, "1 INVITE")
        return parseOwn(writer.finish())
    }

    /// Writes the caller's 200 now; it leaves when the answer is durable.
    ///
    /// - Returns: false where it is too large to be sent.
    private mutating func prepareAnswer(_ response: Message, for handle: Handle) -> Bool {
        guard let server = calls[handle].inviteTransaction, servers.contains(server),
            let request = servers[server].request
        else { return true }
        let contact = listenerText(calls[handle].caller.flow.listener).contact
        let session = agreeSession(of: LegReference(call: handle, side: .caller), asked: request)
        let isPhone = calls[handle].inboundTrunk == nil
        let bytes = request.response(
            200, toTag: Token.text(calls[handle].caller.localTag),
            source: servers[server].source, dialogForming: true,
            extra: { writer in
                writer.field(.contact, contact)
                writer.field(.server, Self.serverName)
                writer.field(.allow, Self.allowedMethods)
                Self.copyOptions(from: response, into: &writer, toPhone: isPhone)
                session?.write(to: &writer)
                Self.copyPassed(from: response, into: &writer)
            }, body: response.body, contentType: response.value(.contentType) ?? [])
        guard isSendable(bytes, answering: server) else { return false }
        calls[handle].caller.pendingAnswer = Leg.PendingAnswer(
            retransmission: AnswerRetransmission(timers: settings.timers, now: now), bytes: bytes,
            flow: servers[server].flow)
        calls[handle].caller.dialogs[0].responseSent(200, to: request)
        return true
    }

    /// The caller is told: from here on it may talk.
    mutating func tellCaller(_ handle: Handle) {
        if isForTransfer(handle) {
            transferAnswered(handle)
            return
        }
        guard let server = calls[handle].inviteTransaction,
            let bytes = calls[handle].caller.pendingAnswer?.bytes
        else { return }
        deadlines.remove(DeadlineKey(kind: .unwritten, slot: handle.slot))
        calls[handle].phase = .connected
        calls[handle].caller.state = .answered
        acknowledgeAnswer(of: handle)
        calls[handle].caller.pendingAnswer?.retransmission = AnswerRetransmission(
            timers: settings.timers, now: now)
        respond(server, 200, bytes: bytes)
        calls[handle].inviteTransaction = nil
        calls[handle].invite = nil
        calls[handle].routes = []
        calls[handle].routing = nil
        calls[handle].provisionals = []
        armAnswer(handle, side: .caller)
        beginSessions(handle)
        // Its caller may have asked meanwhile that another be connected to whom it reaches here.
        let handover = calls[handle].handover
        if let first = handover?.isFor, calls.contains(first) { consult(first) }
    }

    /// The callee's 2xx gets its ACK, unless that has to wait for the caller's.
    private mutating func acknowledgeAnswer(of handle: Handle) {
        guard let index = calls[handle].connected, !calls[handle].callees[index].offersLate,
            let due = calls[handle].callees[index].acknowledgementDue,
            let dialog = calls[handle].callees[index].dialogs.last
        else { return }
        calls[handle].callees[index].acknowledgementDue = nil
        let flow = requestFlow(to: LegReference(call: handle, side: .callee(index)))
        acknowledge(cseq: due.cseq, dialog: dialog, flow: flow, client: due.client)
    }

    // MARK: The disk

    /// The disk has not taken an answer in its time. A free call goes on without it; one that costs
    /// something is not made, since what it costs could be lost.
    mutating func unwrittenDeadlineReached(_ handle: Handle) {
        guard case .answering = calls[handle].phase else { return }
        goOnUnwritten(handle, why: "the record is not written in time")
    }

    private mutating func goOnUnwritten(_ handle: Handle, why: String) {
        guard calls[handle].money != nil else {
            tellCaller(handle)
            return
        }
        counters.count("refused-store")
        hangUpCallee(handle, reason: Self.reason(q850: Causes.temporaryFailure, text: "Store"))
        fail(handle, 503, q850: Causes.temporaryFailure, why, waitsForDisk: false)
    }

    mutating func committed(through ticket: CommitTicket) {
        storeFailure = nil
        durableTicket = max(durableTicket, ticket)
        waitingSince = waitingCommits > 0 ? now : nil
        while let first = answering.first, first.ticket <= ticket {
            answering.popFirst()
            if calls.contains(first.call), case .answering(let own) = calls[first.call].phase,
                own == first.ticket
            {
                tellCaller(first.call)
            }
        }
        while let first = goodbyes.first, first.ticket <= ticket {
            goodbyes.popFirst()
            respond(first.server, 200)
        }
        refuseWithheld(through: ticket)
        sayFarewells(through: ticket)
        replyDurable(through: ticket)
    }

    /// The disk takes nothing. Calls that wait for it are refused, paid calls are refused from now on,
    /// OPTIONS says 503. What is decided already stays in line in the store, which tries again, in
    /// order, until the disk takes it; the next `committed` is the end of the trouble.
    mutating func commitFailed(through ticket: CommitTicket, reason: String) {
        if storeFailure == nil { log(.error, "the store failed: \(reason)") }
        storeFailure = reason
        for (_, handle) in answering.removeAll() where calls.contains(handle) {
            guard case .answering = calls[handle].phase else { continue }
            goOnUnwritten(handle, why: "the record cannot be written")
        }
        for (_, server) in goodbyes.removeAll() { respond(server, 200) }
        sayFarewells(through: lastTicket)
        refuseUnanswered()
        replyUndecided(reason)
    }
}
