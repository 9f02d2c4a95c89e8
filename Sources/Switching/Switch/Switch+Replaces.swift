import Charging
import Dialplan
import SIP

// An INVITE that takes the place of another phone (Replaces, RFC 3891). It names a dialog that we have
// with that phone:
//
//     confirmed  a phone of the same extension takes a call over. The other side gets its offer by
//                re-INVITE, the answer is its 200, and the phone that talked until then is hung up.
//                Any other extension is refused with 403: a call is taken over by nobody else.
//     early      it rings there: the call is picked up, by whom the plan lets pick up there, as by a
//                feature code. Others are refused with 403.
//     none, or a call that its own phone is still making   481
//
// The call stays what it was: its record, its route and who pays for it. The INVITE has a record of its
// own that costs nothing and names that call.

extension Switch {
    /// An INVITE with Replaces, whose call is there and has not been routed.
    mutating func replace(_ handle: Handle, by request: Message) {
        calls[handle].record.direction = .feature
        guard let number = calls[handle].callerExtension else {
            calls[handle].inboundTrunk = nil
            refuseReplacing(handle, 403, "only extensions take calls over")
            return
        }
        let inUse = callsOfExtension[number] ?? CallCount()
        occupy(number, .out)
        guard Array(request.values(.replaces)).count == 1, !request.has(.join),
            let value = request.value(.replaces)
        else {
            refuseReplacing(handle, 400, "Replaces is there twice, or beside Join")
            return
        }
        let found = leg(replaced: Array(value))
        explainReplacing(found, handle, by: number)
        guard let leg = found else {
            refuseReplacing(handle, 481, "no such call to take over")
            return
        }
        switch calls[leg.call].phase {
        case .connected:
            takeOver(leg, by: handle, of: number, isEarlyOnly: Self.isEarlyOnly(value))
        case .trying:
            guard case .callee(let place) = leg.side,
                let rings = calls[leg.call].callees[place].rings,
                calls[leg.call].callees[place].state == .trying
            else {
                // Its own phone is making it (RFC 3891 §3).
                refuseReplacing(handle, 481, "the call to take over does not ring")
                return
            }
            let right = plan.pickup(at: rings, by: number)
            explain(.pickup(right, at: rings, by: number), handle)
            guard right.isGiven else {
                refuseReplacing(handle, 403, "\(number) has no group in common with \(rings)")
                return
            }
            if rings != number, let reason = pickupReason(of: number, inUse: inUse) {
                refuseReplacing(handle, 486, reason)
                return
            }
            pickedUp(pickUp(leg.call, ringingAt: rings, by: handle), handle)
        case .routing, .answering:
            refuseReplacing(handle, 481, "the call to take over is being answered")
        }
    }

    /// Whether an extension's phone may answer what rings at another, so that it may know of it.
    func mayPickUp(at number: String, _ picker: String) -> Bool {
        plan.pickup(at: number, by: picker).isGiven
    }

    private mutating func explain(_ step: Step, _ handle: Handle) {
        calls[handle].record.explanation.append(step.stored)
    }

    /// Whose call is asked for, in the record of the INVITE that asks: the dialplan has not decided it.
    private mutating func explainReplacing(
        _ leg: LegReference?, _ handle: Handle, by number: String
    ) {
        calls[handle].record.dialplanVersion = plan.version
        guard let leg else {
            explain(.replaces(by: number, of: nil, isRinging: false), handle)
            return
        }
        // A gateway's leg is nobody's but the trunk's.
        var whose = subscriber(at: leg)?.number ?? calls[leg.call][leg.side].name
        var isRinging = false
        if case .trying = calls[leg.call].phase, case .callee(let place) = leg.side,
            let rings = calls[leg.call].callees[place].rings
        {
            (whose, isRinging) = (rings, true)
        }
        explain(.replaces(by: number, of: whose, isRinging: isRinging), handle)
    }

    private mutating func refuseReplacing(_ handle: Handle, _ status: Int, _ text: String) {
        counters.count("replaces-refused")
        fail(handle, status, q850: Causes.q850(ofStatus: status), text)
    }

    private mutating func pickedUp(_ outcome: FeatureOutcome, _ handle: Handle) {
        switch outcome {
        case .pickedUp(let number): closePicking(handle, from: number)
        case .refused(let failure):
            refuseReplacing(handle, failure.status, failure.text)
        case .done, .told, .waits: break
        }
    }

    private static func isEarlyOnly(_ replaces: ArraySlice<UInt8>) -> Bool {
        guard let parameters = replaces.firstIndex(of: UInt8(ascii: ";")) else { return false }
        return Parameters(replaces[parameters...]).value("early-only") != nil
    }

    // MARK: Taking over

    private mutating func takeOver(
        _ leg: LegReference, by handle: Handle, of number: String, isEarlyOnly: Bool
    ) {
        guard subscriber(at: leg)?.number == number else {
            refuseReplacing(handle, 403, "the call is another extension's")
            return
        }
        guard !isEarlyOnly else {
            refuseReplacing(handle, 486, "the call is answered already")
            return
        }
        guard isTalking(leg), let other = partner(of: leg), isTalking(other),
            calls[leg.call].handover == nil, calls[other.call].handover == nil,
            !calls[leg.call].isEmergency, !calls[other.call].isEmergency
        else {
            refuseReplacing(handle, 491, "something else is being done with the call")
            return
        }
        guard let invite = calls[handle].invite, !invite.body.isEmpty else {
            refuseReplacing(handle, 488, "the phone makes no offer")
            return
        }
        calls[handle].handover = Handover(isFor: leg.call)
        begin(
            Join(
                offerer: LegReference(call: handle, side: .caller), answerer: other,
                purpose: .takeover(leg.side), offer: Offer(of: invite)), for: leg.call)
    }

    /// The other side has answered the phone's offer: it takes the place of the one that talked.
    mutating func takenOver(_ call: Handle, side: Side, by taking: Handle, _ answer: Message) {
        let leg = LegReference(call: call, side: side)
        guard calls.contains(taking), isTalking(leg), let other = partner(of: leg),
            let number = calls[taking].callerExtension, calls[taking].inviteTransaction != nil,
            let dialog = calls[call][side].dialogs.last
        else {
            takeoverFailed(by: taking, 480, "the other side is gone")
            return
        }
        let farewell = Parting(
            dialog: dialog, flow: calls[call][side].flow, event: nil,
            text: "Taken over by another phone")
        calls[taking].handover = nil
        // Whoever asked to be hidden is the same, by another phone.
        let isHidden = calls[call][side].isHidden
        leave(leg)
        let text = "\(number) took over the call with \(party(at: other))"
        guard
            seat(taking, in: call, at: side, number, answer, isHidden: isHidden, text: text)
        else { return }
        partings.append((lastTicket, farewell))
        if waitingCommits == 0 { sayFarewells(through: lastTicket) }
    }

    /// The other side does not take the phone's offer: the call is as it was.
    mutating func takeoverFailed(by taking: Handle, _ status: Int, _ text: String) {
        guard calls.contains(taking) else { return }
        calls[taking].handover = nil
        refuseReplacing(taking, status, text)
    }

    /// A phone that has sent an INVITE of its own takes an empty side of a call, and is answered.
    ///
    /// - Parameters:
    ///   - answer: what the side it will talk with has answered to its offer.
    ///   - isHidden: it is not to be shown, whatever its INVITE says.
    ///   - text: what has happened, for both records.
    /// - Returns: false when it has gone meanwhile.
    mutating func seat(
        _ coming: Handle, in call: Handle, at side: Side, _ number: String, _ answer: Message,
        isHidden: Bool = false, text: String
    ) -> Bool {
        guard let server = calls[coming].inviteTransaction, servers.contains(server),
            let request = servers[server].request
        else { return false }
        let own = calls[coming].caller
        var leg = Leg(localTag: own.localTag, flow: own.flow, name: own.name)
        leg.dialogs = own.dialogs
        leg.state = .answered
        leg.isHidden = own.isHidden || isHidden
        let seat: Side
        switch side {
        case .callee:
            seat = .callee(calls[call].callees.count)
            calls[call].callees.append(leg)
            calls[call].connected = calls[call].callees.count - 1
            calls[call].calleeExtension = number
        case .caller:
            seat = .caller
            forgetOrigin(of: call)
            calls[call].caller = leg
            calls[call].callerExtension = number
        }
        legs[own.localTag] = LegReference(call: call, side: seat)
        occupy(number, seat == .caller ? .out : .in)
        // The record of the INVITE ends without the leg.
        var left = Leg(localTag: tokens.next(), flow: own.flow, name: own.name)
        left.dialogs = own.dialogs
        calls[coming].caller = left
        calls[coming].inviteTransaction = nil
        calls[coming].record.linkedCall = calls[call].id.rawValue

        let session = agreeSession(of: LegReference(call: call, side: seat), asked: request)
        let contact = listenerText(own.flow.listener).contact
        let bytes = request.response(
            200, toTag: Token.text(own.localTag), source: servers[server].source,
            dialogForming: true,
            extra: { writer in
                writer.field(.contact, contact)
                writer.field(.server, Self.serverName)
                writer.field(.allow, Self.allowedMethods)
                writer.field(.supported, "timer, replaces")
                session?.write(to: &writer)
            }, body: answer.body, contentType: answer.value(.contentType) ?? [])
        calls[call][seat].dialogs[0].responseSent(200, to: request)
        calls[call][seat].pendingAnswer = Leg.PendingAnswer(
            retransmission: AnswerRetransmission(timers: settings.timers, now: now), bytes: bytes,
            flow: servers[server].flow)
        servers[server].user = .nobody
        respond(server, 200, bytes: bytes)
        armAnswer(call, side: seat)
        beginSessions(call)
        log(.info, call: calls[call].id, text)
        commit([.callRunning(journal(of: call))])
        close(
            coming, by: .switch, status: 200, q850: Causes.normalClearing, text: text,
            disposition: .noAnswer)
        return true
    }
}
