import SIP

// Two sides that have talked with somebody else are connected: each is given the other's session
// description by re-INVITE, since there is no media of ours between them. See `Join` for the messages.
//
// A side that refuses keeps the session it has (RFC 3261 §14.1). A side that has offered in vain is
// told so in its ACK, and its former session is made anew.

extension Switch {
    /// The leg at the other end: of the same call, or of the one it is joined to.
    func partner(of leg: LegReference) -> LegReference? {
        guard calls.contains(leg.call) else { return nil }
        let joined = calls[leg.call].joined
        guard joined != .none else {
            return calls[leg.call].partner(of: leg.side).map {
                LegReference(call: leg.call, side: $0)
            }
        }
        guard calls.contains(joined) else { return nil }
        return calls[joined].remainingSide.map { LegReference(call: joined, side: $0) }
    }

    /// Whether a leg is there and answered.
    func isTalking(_ leg: LegReference) -> Bool {
        calls.contains(leg.call) && calls[leg.call][leg.side].state == .answered
    }

    /// Whether an INVITE or UPDATE may not go to a leg now, since another INVITE is under way there
    /// (RFC 3261 §14.1).
    func isOccupied(_ leg: LegReference, for method: Method) -> Bool {
        guard method == .invite || method == .update, case .connected = calls[leg.call].phase else {
            return false
        }
        return calls[leg.call][leg.side].acknowledgementDue != nil
            || calls[leg.call][leg.side].dialogs.last?.isInvitePending == true
    }

    /// Whether a leg's offer waits for the answer of somebody who is asked at the moment.
    func isBeingJoined(_ leg: LegReference) -> Bool {
        let holder = calls[leg.call].handover?.isFor ?? .none
        for call in [leg.call, holder] where calls.contains(call) {
            if let join = calls[call].handover?.join, join.offerer == leg, join.offer != nil {
                return true
            }
        }
        return false
    }

    /// Begins a join, or goes on with it.
    mutating func begin(_ join: Join, for holder: Handle) {
        if calls[holder].handover == nil { calls[holder].handover = Handover() }
        calls[holder].handover?.join = join
        askNext(holder)
    }

    /// Sends the re-INVITE that is due: for an offer, or with it.
    mutating func askNext(_ holder: Handle) {
        guard let join = calls[holder].handover?.join, !join.isAbandoned else { return }
        calls[holder].handover?.join?.isWaiting = false
        calls[holder].handover?.join?.waitsForOwnInvite = false
        let leg = join.offer == nil ? join.offerer : join.answerer
        guard isTalking(leg), let dialog = calls[leg.call][leg.side].dialogs.last else {
            joinFailed(holder, 480, "the other side is gone")
            return
        }
        guard !dialog.isInvitePending else {
            collided(holder, withOwnInvite: true)
            return
        }
        if calls[leg.call][leg.side].offersLate,
            calls[leg.call][leg.side].acknowledgementDue != nil
        {
            // It has made an offer before, and waits for the answer to that: nothing else is asked of it
            // until the ACK of whom it talked with has come, or comes no more.
            let isOnItsWay =
                partner(of: leg).map { calls[$0.call][$0.side].pendingAnswer != nil } ?? false
            if isBeingJoined(leg) || isOnItsWay && join.collisions < Join.collisionLimit {
                collided(holder, withOwnInvite: true)
                return
            }
            refuseLateOffer(of: leg)
        }
        let flow = requestFlow(to: leg)
        let last = calls[leg.call][leg.side].dialogs.count - 1
        let branch = tokens.next()
        var writer = MessageWriter(capacity: 1024 + (join.offer?.body.count ?? 0))
        _ = calls[leg.call][leg.side].dialogs[last].nextRequest(
            .invite, via: via(branch: branch, listener: flow.listener), into: &writer)
        writer.field(.maxForwards, 70)
        writer.field(.contact, listenerText(flow.listener).contact)
        writer.field(.userAgent, Self.serverName)
        writer.field(.allow, Self.allowedMethods)
        writer.field(.supported, "timer")
        writeSession(of: leg, into: &writer)
        writer.field(.accept, "application/sdp")
        let bytes = writer.finish(
            body: (join.offer?.body ?? [])[...], contentType: (join.offer?.contentType ?? [])[...])
        heard(leg)
        _ = makeClient(
            .invite, branch: branch, bytes: bytes, flow: flow,
            user: .join(call: holder, asked: leg))
    }

    /// An INVITE that somebody else had on its way to this leg has its final answer: the join that waits
    /// for that goes on.
    mutating func inviteEnded(at leg: LegReference) {
        guard calls.contains(leg.call) else { return }
        for holder in [leg.call, calls[leg.call].handover?.isFor ?? .none]
        where calls.contains(holder) {
            guard let join = calls[holder].handover?.join, join.waitsForOwnInvite,
                (join.offer == nil ? join.offerer : join.answerer) == leg
            else { continue }
            deadlines.remove(DeadlineKey(kind: .join, slot: holder.slot))
            askNext(holder)
        }
    }

    // MARK: What is answered

    mutating func joinAnswered(
        _ response: Message, for holder: Handle, by leg: LegReference, client: Handle
    ) {
        guard response.status >= 200 else { return }
        guard isTalking(leg),
            let index = calls[leg.call][leg.side].dialogIndex(remoteTag: response.toTag ?? [])
        else {
            strayAnswer(response, of: client)
            if calls.contains(holder) { joinFailed(holder, 480, "the other side is gone") }
            return
        }
        calls[leg.call][leg.side].dialogs[index].responseReceived(response)
        heard(leg)
        guard response.status < 300 else {
            refused(response, for: holder, by: leg)
            return
        }
        // A 2xx that comes again gets the same ACK, once there is one.
        if !clients[client].acknowledgement.isEmpty {
            resendAcknowledgement(of: client)
            return
        }
        guard calls[leg.call][leg.side].acknowledgementDue == nil else { return }
        sessionAgreed(of: leg, by: response)
        let dialog = calls[leg.call][leg.side].dialogs[index]
        let flow = acknowledgementFlow(to: leg, dialog: index, answering: client)
        guard calls.contains(holder), let join = calls[holder].handover?.join, !join.isAbandoned
        else {
            // Nobody wants it any more: it goes back to whom it talked with.
            acknowledgeInVain(response, dialog: dialog, flow: flow, client: client)
            if calls.contains(holder) { calls[holder].handover?.join = nil }
            restore(leg)
            return
        }
        if join.offer == nil {
            guard !response.body.isEmpty else {
                acknowledge(response, dialog: dialog, flow: flow, client: client)
                joinFailed(holder, 488, "\(shownName(of: leg)) makes no offer")
                return
            }
            calls[leg.call][leg.side].acknowledgementDue = Leg.AcknowledgementDue(
                cseq: response.cseqNumber, client: client, offer: Offer(of: response))
            calls[leg.call][leg.side].offersLate = true
            if join.purpose == .hold {
                calls[leg.call][leg.side].acknowledgementDue = nil
                calls[holder].handover?.join = nil
                acknowledge(
                    response, dialog: dialog, flow: flow, client: client,
                    body: Self.holding(response.body)[...],
                    contentType: response.value(.contentType) ?? [])
                return
            }
            calls[holder].handover?.join?.offer = Offer(of: response)
            calls[holder].handover?.join?.collisions = 0
            askNext(holder)
            return
        }
        acknowledge(response, dialog: dialog, flow: flow, client: client)
        let offerer = join.offerer
        if join.purpose == .retrieval {
            calls[holder].handover?.join = nil
            retrieved(holder, by: offerer.call, response)
            return
        }
        if case .takeover(let side) = join.purpose {
            calls[holder].handover?.join = nil
            tidyHandover(holder)
            takenOver(holder, side: side, by: offerer.call, response)
            return
        }
        guard isTalking(offerer), let due = calls[offerer.call][offerer.side].acknowledgementDue,
            let offering = calls[offerer.call][offerer.side].dialogs.last
        else {
            joinFailed(holder, 480, "the other side is gone")
            restore(leg)
            return
        }
        calls[offerer.call][offerer.side].acknowledgementDue = nil
        let offererFlow = acknowledgementFlow(to: offerer, answering: due.client)
        let isWhole = acknowledge(
            cseq: due.cseq, dialog: offering, flow: offererFlow, client: due.client,
            body: response.body,
            contentType: response.value(.contentType) ?? [])
        guard isWhole else {
            joinFailed(holder, 502, "the answer is larger than a message may be")
            if join.purpose == .transfer {
                for side in [leg, offerer] { restore(side) }
            } else {
                // They are each other's already, and the next answer would be no smaller.
                answerLost(leg.call, side: leg.side)
            }
            return
        }
        calls[holder].handover?.join = nil
        switch join.purpose {
        case .transfer: transferred(holder)
        case .restoration, .hold, .retrieval, .takeover: tidyHandover(holder)
        }
    }

    private mutating func refused(_ response: Message, for holder: Handle, by leg: LegReference) {
        let status = response.status
        let isHeld = calls.contains(holder) && calls[holder].handover?.join?.isAbandoned == false
        if isHeld, status == 491 {
            collided(holder)
            return
        }
        if isHeld {
            let phrase = String(decoding: response.reasonPhrase.prefix(80), as: UTF8.self)
            joinFailed(holder, status, phrase.isEmpty ? "\(status)" : phrase)
        } else if calls.contains(holder) {
            calls[holder].handover?.join = nil
            tidyHandover(holder)
        }
        // These say that the dialog is gone (RFC 3261 §12.2.1.2).
        if status == 481 || status == 408, isTalking(leg) {
            legLost(leg.call, side: leg.side, status: status)
        }
    }

    /// No answer at all: the phone or gateway is gone.
    mutating func joinUnanswered(
        _ status: Int, for holder: Handle, by leg: LegReference, on flow: Flow
    ) {
        if isTalking(leg) {
            for index in calls[leg.call][leg.side].dialogs.indices {
                calls[leg.call][leg.side].dialogs[index].inviteFailed()
            }
        }
        let why =
            status == Self.tooLarge ? "the offer is larger than a message may be" : "no answer"
        if calls.contains(holder) { joinFailed(holder, status, why) }
        // One that was never sent says nothing of it.
        guard isTalking(leg), status != Self.tooLarge else { return }
        if waitsForReturn(leg, status: status, askedOn: flow) { return }
        legLost(leg.call, side: leg.side, status: status)
    }

    /// Both want something else of a side at once: again in a while (RFC 3261 §14.1).
    private mutating func collided(_ holder: Handle, withOwnInvite isOwn: Bool = false) {
        let collisions = (calls[holder].handover?.join?.collisions ?? 0) + 1
        guard collisions <= Join.collisionLimit else {
            joinFailed(holder, 491, "something else is under way")
            return
        }
        calls[holder].handover?.join?.collisions = collisions
        calls[holder].handover?.join?.isWaiting = true
        calls[holder].handover?.join?.waitsForOwnInvite = isOwn
        let wait = Instant.Span.milliseconds(2_100 + Int(tokens.next() % 190) * 10)
        deadlines.set(DeadlineKey(kind: .join, slot: holder.slot), at: now + wait)
    }

    // MARK: In vain

    /// The join cannot be made. Who has offered is told so and goes back to whom it talked with.
    mutating func joinFailed(_ holder: Handle, _ status: Int, _ text: String) {
        guard let join = calls[holder].handover?.join else { return }
        calls[holder].handover?.join = nil
        switch join.purpose {
        case .transfer: transferFailed(holder, status: status, text: text)
        case .restoration, .hold: break
        case .retrieval: retrievalFailed(holder, by: join.offerer.call, status, text)
        case .takeover: takeoverFailed(by: join.offerer.call, status, text)
        }
        refuseOffer(of: join)
        if calls.contains(holder) { tidyHandover(holder) }
    }

    /// The ACK of an offer that nobody answers; the offerer's former session is made anew, where there
    /// was one.
    mutating func refuseOffer(of join: Join) {
        let leg = join.offerer
        guard join.offer != nil, isTalking(leg), refuseLateOffer(of: leg) else { return }
        switch join.purpose {
        case .transfer: restore(leg)
        case .restoration, .hold, .retrieval, .takeover: break
        }
    }

    private mutating func acknowledgeInVain(
        _ response: Message, dialog: Dialog, flow: Flow, client: Handle
    ) {
        // The answer to our offer has no body in its ACK; an offer needs its answer.
        let request = parseOwn(clients[client].request)
        let isOffer = request?.body.isEmpty == true && !response.body.isEmpty
        acknowledge(
            response, dialog: dialog, flow: flow, client: client,
            body: isOffer ? Self.refusal(of: response.body)[...] : [],
            contentType: isOffer ? response.value(.contentType) ?? [] : [])
    }

    /// The two sides that a leg is between talk with each other again.
    mutating func restore(_ leg: LegReference) {
        guard isTalking(leg), calls[leg.call].handover?.join == nil else { return }
        if calls[leg.call].handover?.parked != nil {
            hold(leg)
            return
        }
        guard let other = partner(of: leg), isTalking(other) else { return }
        begin(Join(offerer: leg, answerer: other, purpose: .restoration), for: leg.call)
    }
}
