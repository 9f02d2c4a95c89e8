import Charging
import SIP

// What the legs say to each other inside their dialogs: hold, resume, session refresh, digits, and
// whatever else. We are the other end of both dialogs and pass the content on.

extension Switch {
    mutating func receive(inDialog request: Message, key: TransactionKey, on flow: Flow) {
        let known = request.toTag.flatMap(Token.number)
        if let subscription = known.flatMap({ subscriptionHandles[$0] }) {
            subscribeAgain(request, key: key, on: flow, subscription: subscription)
            return
        }
        if let mailbox = known.flatMap({ mailboxTags[$0] }) {
            mailboxTold(request, key: key, on: flow, by: mailbox)
            return
        }
        guard let number = known, let reference = legs[number] else {
            offended(.strayRequest, on: flow)
            answerStatelessly(request, 481, on: flow)
            return
        }
        guard calls.contains(reference.call) else {
            // Both sides hung up at once, and ours was faster: all is well (RFC 3261 §15).
            answerStatelessly(request, request.method == .bye ? 200 : 481, on: flow)
            return
        }
        let handle = reference.call
        let side = reference.side
        guard let index = calls[handle][side].dialogs.firstIndex(where: { $0.matches(request) }),
            flow.remote.ip == calls[handle][side].flow.remote.ip
                || isTrunk(of: side, in: handle, at: flow.remote.ip)
                || hasMoved(reference, to: flow.remote.ip)
        else {
            // Right tag, wrong dialog or wrong place: somebody guesses, or a stray.
            counters.count("stray-in-dialog")
            offended(.strayRequest, on: flow)
            answerStatelessly(request, 481, on: flow)
            return
        }
        // Nobody else knows the tags that its call was given, at the address that it has it at.
        prove(flow, by: subscriber(at: reference)?.number)
        guard isWithinRate(request, of: reference) else {
            counters.count("refused-requests-per-second")
            answerStatelessly(request, 503, on: flow, retryAfter: 1)
            return
        }
        if case .callee(let place) = side, let connected = calls[handle].connected,
            connected != place
        {
            // A callee that the call has left for another one hangs up only for itself.
            answerStatelessly(request, request.method == .bye ? 200 : 481, on: flow)
            return
        }
        if request.method == .refer,
            !mayRefer(request, on: flow, leg: LegReference(call: handle, side: side))
        {
            return
        }
        // A phone behind NAT may have got a new port, or a phone a new address: answer and go on there.
        if !isTrunk(of: side, in: handle, at: flow.remote.ip)
            || flow.remote.ip == calls[handle][side].flow.remote.ip,
            side == .caller || calls[handle].inboundTrunk != nil || isPhone(side, of: handle)
        {
            let isMoved = calls[handle][side].flow != flow
            calls[handle][side].flow = flow
            if isMoved { journalAgain(handle) }
        }

        // Its transaction is forgotten by now, and so is what it was told: it is not done again.
        if request.method == .refer,
            calls[handle][side].dialogs[index].remoteCSeq == request.cseqNumber
        {
            counters.count("transfers-refused")
            answerStatelessly(request, 500, on: flow, reason: "Out Of Order")
            return
        }
        switch calls[handle][side].dialogs[index].requestReceived(request) {
        case .accept: break
        case .outOfOrder:
            answerStatelessly(request, 500, on: flow, reason: "Out Of Order")
            return
        case .glare:
            refuseInDialog(request, key: key, on: flow, 491)
            return
        case .overlapping:
            refuseInDialog(request, key: key, on: flow, 500, retryAfter: 2)
            return
        }

        heard(LegReference(call: handle, side: side))
        if request.method == .invite || request.method == .update, isTooBrief(request) {
            calls[handle][side].dialogs[index].responseSent(422, to: request)
            let server = makeServer(for: request, key: key, on: flow)
            respond(server, 422) { $0.field(.minSE, Int(SessionTimer.leastSeconds)) }
            return
        }
        // What it insists on is not what it would get. Who hangs up does so in any case, and who
        // transfers is looked at by itself.
        if request.method != .bye, request.method != .refer, request.method != .ack,
            let unsupported = unsupportedOptions(request, supported: Self.inviteOptions)
        {
            calls[handle][side].dialogs[index].responseSent(420, to: request)
            let server = makeServer(for: request, key: key, on: flow)
            respond(server, 420) { $0.field(.unsupported, unsupported) }
            return
        }
        switch request.method {
        case .bye: byeReceived(request, key: key, on: flow, call: handle, side: side)
        case .options:
            let server = makeServer(for: request, key: key, on: flow)
            respond(server, 200) { $0.field(.allow, Self.allowedMethods) }
        case .refer: referReceived(request, key: key, on: flow, call: handle, side: side)
        case .subscribe, .publish, .register:
            refuseInDialog(request, key: key, on: flow, 489)
        case .update where request.body.isEmpty && request.has(.sessionExpires):
            refreshReceived(
                request, key: key, on: flow, leg: LegReference(call: handle, side: side),
                dialog: index)
        case .invite, .ack, .cancel, .update, .info, .prack, .notify, .message, .other:
            relay(request, key: key, on: flow, call: handle, side: side, dialog: index)
        }
    }

    /// Whether a leg's phone asks for no more than its extension may, as outside of a call: whatever it
    /// asks is passed on to somebody. What ends a call or belongs to an INVITE that was let through is
    /// always heard, and so is whoever calls for help.
    private mutating func isWithinRate(_ request: Message, of leg: LegReference) -> Bool {
        switch request.method {
        case .bye, .prack, .ack, .cancel: return true
        case .invite, .options, .register, .update, .info, .subscribe, .notify, .refer, .message,
            .publish, .other:
            break
        }
        guard !calls[leg.call].isEmergency, let owner = subscriber(at: leg) else { return true }
        return takesPlace(of: owner)
    }

    /// A REFER makes a call at somebody's expense. From where the leg has spoken so far, or where its
    /// phone is registered, it needs no more than its dialog; from another port of that address, where
    /// anybody in the same office may be, it needs the extension's password.
    ///
    /// - Returns: false when it was answered.
    private mutating func mayRefer(
        _ request: Message, on flow: Flow, leg: LegReference
    ) -> Bool {
        guard flow != calls[leg.call][leg.side].flow, let owner = subscriber(at: leg),
            !registrar.bindings(of: owner.number, at: wallTime).contains(where: {
                $0.flow == flow
            })
        else { return true }
        guard case .subscriber(let sender) = authenticate(request, on: flow) else { return false }
        guard sender.number == owner.number else {
            counters.count("transfers-refused")
            answerStatelessly(request, 403, on: flow)
            return false
        }
        return true
    }

    /// Whether the leg's phone has registered from this address since it was last heard: it is in another
    /// network now, and goes on with its calls from there (RFC 3665 §3.7). Nobody else's password does it.
    private func hasMoved(_ leg: LegReference, to address: IPAddress) -> Bool {
        guard let owner = subscriber(at: leg) else { return false }
        return registrar.bindings(of: owner.number, at: wallTime).contains {
            $0.flow.remote.ip == address
        }
    }

    private func isPhone(_ side: Side, of handle: Handle) -> Bool {
        switch calls[handle].holding {
        case .nothing: return true
        case .trunk, .line: return side == .caller
        }
    }

    mutating func refuseInDialog(
        _ request: Message, key: TransactionKey, on flow: Flow, _ status: Int,
        reason: String? = nil, retryAfter: Int? = nil
    ) {
        let server = makeServer(for: request, key: key, on: flow)
        respond(server, status, reason: reason) { writer in
            if let retryAfter { writer.field(.retryAfter, retryAfter) }
        }
    }

    // MARK: BYE

    private mutating func byeReceived(
        _ request: Message, key: TransactionKey, on flow: Flow, call handle: Handle, side: Side
    ) {
        let server = makeServer(for: request, key: key, on: flow)
        switch calls[handle].phase {
        case .connected:
            if !leavesTransfer(LegReference(call: handle, side: side)) {
                hungUp(
                    handle, by: side, reason: Self.reasons(in: request),
                    q850: Self.q850(in: request))
            }
            // Told only when the end, or that it has left, is on the disk: were the process to end
            // before, BYE comes again and ends the call that goes on.
            guard outOfService == nil, waitingCommits > 0 else { break }
            goodbyes.append((lastTicket, server))
            return
        case .answering where side != .caller:
            // The callee hangs up in the instant of answering: the caller never heard of it.
            fail(handle, 480, q850: Causes.normalClearing, "the callee hung up")
        case .routing, .trying, .answering:
            if side == .caller { callerCancelled(handle, request: request) }
        }
        respond(server, 200)
    }

    // MARK: Requests that pass

    private mutating func relay(
        _ request: Message, key: TransactionKey, on flow: Flow, call handle: Handle, side: Side,
        dialog ownDialog: Int
    ) {
        let server = makeServer(for: request, key: key, on: flow)
        var next = counterpart(of: LegReference(call: handle, side: side), dialog: ownDialog)
        var acknowledged: ReliableProvisional?
        if request.method == .prack, side == .caller {
            // RAck names our number of the provisional; the callee knows its own (RFC 3262 §7.2).
            guard let known = provisional(acknowledgedBy: request, in: handle),
                let index = calls[handle].callees[known.callee].dialogIndex(
                    remoteTag: known.remoteTag[...])
            else {
                respond(server, 481)
                return
            }
            next = (LegReference(call: handle, side: .callee(known.callee)), index)
            acknowledged = known
        }
        guard let (target, dialogIndex) = next,
            calls[target.call][target.side].state != .ended,
            !isOccupied(target, for: request.method)
        else {
            // There is nobody to pass it to yet, or it is being asked something else.
            if request.method == .invite {
                calls[handle][side].dialogs[ownDialog].responseSent(491, to: request)
            }
            let isOffer = request.method == .invite || request.method == .update
            respond(server, isOffer ? 491 : 480)
            return
        }

        let method = request.method
        let branch = tokens.next()
        let targetFlow = requestFlow(to: target, dialog: dialogIndex)
        var writer = MessageWriter(capacity: 1024 + request.body.count)
        _ = calls[target.call][target.side].dialogs[dialogIndex].nextRequest(
            method, via: via(branch: branch, listener: targetFlow.listener), into: &writer)
        writer.field(.maxForwards, max((request.maxForwards ?? 70) - 1, 0))
        writer.field(.contact, listenerText(targetFlow.listener).contact)
        writer.field(.userAgent, Self.serverName)
        if let acknowledged {
            writer.field(
                .rack, "\(acknowledged.calleeRSeq) \(acknowledged.calleeCSeq) INVITE")
        } else if let rack = request.value(.rack) {
            writer.field(.rack, rack)
        }
        if method == .invite || method == .update {
            writer.field(.allow, Self.allowedMethods)
            writeSession(of: target, into: &writer)
        }
        Self.copyOptions(from: request, into: &writer)
        Self.copyPassed(from: request, into: &writer)
        let bytes = writer.finish(
            body: request.body, contentType: request.value(.contentType) ?? [])
        if method.needsDialog { heard(target) }
        let client = makeClient(
            method, branch: branch, bytes: bytes, flow: targetFlow,
            user: .relay(
                call: target.call, to: target.side, server: server, serverMethod: method))
        if method == .invite {
            calls[target.call][target.side].offersLate = request.body.isEmpty
            servers[server].user = .relay(call: handle, from: side, client: client)
            respond(server, 100)
        }
    }

    private func provisional(
        acknowledgedBy request: Message, in handle: Handle
    ) -> ReliableProvisional? {
        // Number, CSeq and method have to be those of a response that was sent (RFC 3262 §3).
        guard let rack = request.value(.rack), let invite = calls[handle].invite else { return nil }
        let words = String(decoding: rack, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 3, let number = UInt32(words[0]), words[2] == "INVITE",
            UInt32(words[1]) == invite.cseqNumber
        else { return nil }
        return calls[handle].provisionals.first { $0.rseq == number }
    }

    /// A response from one leg to a request that came on the other.
    mutating func responseReceived(
        _ response: Message, relayedTo to: Side, of handle: Handle, server: Handle,
        serverMethod method: Method, client: Handle
    ) {
        guard calls.contains(handle) else {
            strayAnswer(response, of: client)
            // The call ended under the request: whoever sent it still waits for an answer.
            if response.status >= 200 { respond(server, 481) }
            return
        }
        let status = response.status
        let asked = servers.contains(server) ? servers[server].request : nil
        let from =
            asked.flatMap { leg(sending: $0) } ?? partner(of: LegReference(call: handle, side: to))
        if let index = calls[handle][to].dialogIndex(ofOwn: response) {
            calls[handle][to].dialogs[index].responseReceived(response)
        }
        if method.needsDialog { heard(LegReference(call: handle, side: to)) }
        guard let request = asked else {
            // The 2xx of a re-INVITE came again: its ACK was lost, or is not due yet.
            if method == .invite, (200..<300).contains(status),
                calls[handle][to].acknowledgementDue == nil
            {
                resendAcknowledgement(of: client)
            }
            return
        }
        if status < 200 {
            guard method == .invite, status > 100 else { return }
            passResponse(response, to: server, of: from)
            return
        }
        relayEnded(status, request)
        if method == .invite || method == .update, (200..<300).contains(status) {
            sessionAgreed(of: LegReference(call: handle, side: to), by: response)
        }
        // Either target may be another now.
        defer {
            if method == .invite || method == .update, (200..<300).contains(status) {
                journalAgain(handle)
                if let from, from.call != handle { journalAgain(from.call) }
            }
        }
        if method == .invite, (200..<300).contains(status), let from {
            let isPassed = passAnswer(response, to: server, call: from.call, from: from.side)
            if calls[handle][to].offersLate {
                calls[handle][to].acknowledgementDue = Leg.AcknowledgementDue(
                    cseq: response.cseqNumber, client: client, offer: Offer(of: response))
            } else if let dialog = calls[handle][to].dialogs.last {
                let flow = acknowledgementFlow(
                    to: LegReference(call: handle, side: to), answering: client)
                acknowledge(response, dialog: dialog, flow: flow, client: client)
            }
            inviteEnded(at: LegReference(call: handle, side: to))
            if !isPassed { answerLost(handle, side: to) }
            return
        }
        if !passResponse(response, to: server, of: from), method == .update, status < 300 {
            answerLost(handle, side: to)
            return
        }
        // These say that the dialog is gone (RFC 3261 §12.2.1.2).
        if status == 481 || status == 408 { legLost(handle, side: to, status: status) }
        if method == .invite { inviteEnded(at: LegReference(call: handle, side: to)) }
    }

    /// A request inside the dialog was never answered: the phone or gateway is gone.
    mutating func relayFailed(
        status: Int, of handle: Handle, to: Side, on flow: Flow, server: Handle,
        serverMethod: Method
    ) {
        guard calls.contains(handle) else {
            respond(server, 481)
            return
        }
        if serverMethod == .invite {
            for index in calls[handle][to].dialogs.indices {
                calls[handle][to].dialogs[index].inviteFailed()
            }
        }
        // It was never sent: whoever it was for is well.
        let isSent = status != Self.tooLarge
        if serverMethod == .invite, !isSent {
            inviteEnded(at: LegReference(call: handle, side: to))
        }
        if servers.contains(server) {
            if let request = servers[server].request { relayEnded(status, request) }
            respond(server, status)
        }
        guard isSent else { return }
        if waitsForReturn(LegReference(call: handle, side: to), status: status, askedOn: flow) {
            return
        }
        legLost(handle, side: to, status: status)
    }

    /// The leg that a request inside a dialog has come by; nil where that has left its call since.
    private func leg(sending request: Message) -> LegReference? {
        let leg = request.toTag.flatMap(Token.number).flatMap { legs[$0] }
        return leg.flatMap { calls.contains($0.call) ? $0 : nil }
    }

    /// A request that was passed on has its final answer.
    private mutating func relayEnded(_ status: Int, _ request: Message) {
        guard let leg = leg(sending: request),
            let own = calls[leg.call][leg.side].dialogIndex(ofPeers: request)
        else { return }
        calls[leg.call][leg.side].dialogs[own].responseSent(status, to: request)
    }

    /// A side has taken an offer, and whoever made it cannot be told: what they send each other fits no
    /// longer.
    mutating func answerLost(_ handle: Handle, side: Side) {
        guard calls.contains(handle), case .connected = calls[handle].phase else { return }
        let name = shownName(of: LegReference(call: handle, side: side))
        cut(
            handle, text: "What \(name) answered is larger than a message may be", status: nil,
            q850: Causes.q850(ofStatus: 502))
    }

    mutating func legLost(_ handle: Handle, side: Side, status: Int) {
        guard case .connected = calls[handle].phase, calls[handle][side].state != .ended else {
            return
        }
        let name = shownName(of: LegReference(call: handle, side: side))
        cut(
            handle, text: "\(name) is gone (\(status))", status: nil,
            q850: Causes.recoveryOnTimerExpiry)
    }

    /// - Returns: false where it is too large to be passed.
    @discardableResult
    private mutating func passResponse(
        _ response: Message, to server: Handle, of leg: LegReference?
    ) -> Bool {
        var session: SessionAnswer?
        if response.method == .update, (200..<300).contains(response.status), let leg,
            let request = servers[server].request
        {
            session = agreeSession(of: leg, asked: request)
        }
        let contact = listenerText(servers[server].flow.listener).contact
        return respond(
            server, response.status,
            reason: String(decoding: response.reasonPhrase, as: UTF8.self),
            body: response.body, contentType: response.value(.contentType) ?? []
        ) { writer in
            if response.status < 300 { writer.field(.contact, contact) }
            session?.write(to: &writer)
            // A refusal that would be of no use without it (RFC 4028 §6).
            if response.status == 422, let least = response.number(.minSE) {
                writer.field(.minSE, max(Int(least), Int(SessionTimer.leastSeconds)))
            }
            Self.copyPassed(from: response, into: &writer)
        }
    }

    /// A 2xx to a re-INVITE: sent again until its ACK comes.
    ///
    /// - Returns: false where it is too large to be passed.
    private mutating func passAnswer(
        _ response: Message, to server: Handle, call handle: Handle, from side: Side
    ) -> Bool {
        guard let request = servers[server].request else { return true }
        let contact = listenerText(servers[server].flow.listener).contact
        let session = agreeSession(of: LegReference(call: handle, side: side), asked: request)
        let bytes = request.response(
            response.status, source: servers[server].source,
            extra: { writer in
                writer.field(.contact, contact)
                writer.field(.server, Self.serverName)
                writer.field(.allow, Self.allowedMethods)
                Self.copyOptions(from: response, into: &writer)
                session?.write(to: &writer)
                Self.copyPassed(from: response, into: &writer)
            }, body: response.body, contentType: response.value(.contentType) ?? [])
        let flow = servers[server].flow
        guard isSendable(bytes, answering: server) else {
            respond(server, 502)
            return false
        }
        respond(server, response.status, bytes: bytes)
        // Whoever has left meanwhile, as who has parked the call, is known by its tag no longer: its ACK
        // would not be heard.
        guard calls[handle][side].state != .ended else { return true }
        calls[handle][side].pendingAnswer = Leg.PendingAnswer(
            retransmission: AnswerRetransmission(timers: settings.timers, now: now), bytes: bytes,
            flow: flow)
        armAnswer(handle, side: side)
        return true
    }

    // MARK: ACK

    mutating func armAnswer(_ handle: Handle, side: Side) {
        let kind: DeadlineKey.Kind = side == .caller ? .callerAnswer : .calleeAnswer
        let deadline = calls[handle][side].pendingAnswer?.retransmission.deadline
        deadlines.set(DeadlineKey(kind: kind, slot: handle.slot), at: deadline ?? .distantFuture)
    }

    /// The ACK of a 2xx of ours. When the other leg waits for the session description in it, it goes
    /// on there. From anywhere but where its leg is, it is let go, as other requests are refused.
    mutating func acknowledgementReceived(_ request: Message, on flow: Flow) {
        guard let tag = request.toTag, let number = Token.number(tag), let reference = legs[number]
        else {
            asked(on: flow)
            return
        }
        guard calls.contains(reference.call) else { return }
        let handle = reference.call
        let side = reference.side
        guard calls[handle][side].dialogIndex(remoteTag: request.fromTag ?? []) != nil,
            calls[handle][side].pendingAnswer != nil
        else { return }
        guard
            flow.remote.ip == calls[handle][side].flow.remote.ip
                || isTrunk(of: side, in: handle, at: flow.remote.ip)
        else {
            counters.count("stray-in-dialog")
            asked(on: flow)
            return
        }
        heard(reference)
        let action = calls[handle][side].pendingAnswer?.retransmission.acknowledgementReceived()
        guard action == .pass else { return }
        calls[handle][side].pendingAnswer = nil
        armAnswer(handle, side: side)
        // What waits for the answer of a third one waits on.
        guard let partner = partner(of: reference), !isBeingJoined(partner),
            let due = calls[partner.call][partner.side].acknowledgementDue,
            let dialog = calls[partner.call][partner.side].dialogs.last
        else { return }
        calls[partner.call][partner.side].acknowledgementDue = nil
        let flow = acknowledgementFlow(to: partner, answering: due.client)
        let isWhole = acknowledge(
            cseq: due.cseq, dialog: dialog, flow: flow,
            client: due.client, body: request.body, contentType: request.value(.contentType) ?? [])
        inviteEnded(at: partner)
        if !isWhole { answerLost(handle, side: side) }
    }

    /// The ACK that would bring the answer to a leg's offer does not come any more: ours says that nobody
    /// takes it, so that its 2xx is not sent for ever, and another INVITE may go there (RFC 3264 §6).
    ///
    /// - Returns: false where no such ACK is due.
    @discardableResult
    mutating func refuseLateOffer(of leg: LegReference) -> Bool {
        guard calls[leg.call][leg.side].offersLate,
            let due = calls[leg.call][leg.side].acknowledgementDue,
            let dialog = calls[leg.call][leg.side].dialogs.last
        else { return false }
        calls[leg.call][leg.side].acknowledgementDue = nil
        let flow = acknowledgementFlow(to: leg, answering: due.client)
        acknowledge(
            cseq: due.cseq, dialog: dialog, flow: flow, client: due.client,
            body: (due.offer.map { Self.refusal(of: $0.body[...]) } ?? [])[...],
            contentType: due.offer?.contentType[...] ?? [])
        return true
    }

    mutating func answerDeadlineReached(_ handle: Handle, side: Side) {
        guard
            let action = calls[handle][side].pendingAnswer?.retransmission.deadlineReached(now: now)
        else { return }
        switch action {
        case .none: break
        case .retransmit:
            if let answer = calls[handle][side].pendingAnswer {
                send(answer.bytes, on: answer.flow)
                counters.count("retransmissions")
            }
        case .gaveUp:
            let isCertain = calls[handle][side].pendingAnswer?.mayBeAcknowledged == false
            calls[handle][side].pendingAnswer = nil
            guard isCertain, calls[handle][side].state != .ended else { return }
            let name = shownName(of: LegReference(call: handle, side: side))
            cut(
                handle, text: "\(name) never acknowledged the answer", status: nil,
                q850: Causes.recoveryOnTimerExpiry)
            return
        }
        armAnswer(handle, side: side)
    }
}
