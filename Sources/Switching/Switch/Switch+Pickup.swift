import Charging
import Dialplan
import SIP

// Pickup: a call that rings at one phone is answered from another.
//
// Both have sent us an INVITE with an offer, and there is no media of ours between them. So each gets
// a 200 with the other's offer as its answer, which it may be when both describe the same streams and
// share a codec for each (`CrossedOffers`); where they do not, the pickup is refused and the call goes on
// ringing. The ringing call lives on with the picker as its callee; the code itself has a record of
// its own.

extension Switch {
    mutating func pickUp(_ feature: FeatureCall, _ handle: Handle) -> FeatureOutcome {
        guard let (call, number) = ringingCall(for: feature, but: handle) else {
            let place = feature.number.map { "at \($0)" } ?? "in your groups"
            return .refused(
                Call.Failure(
                    status: 404, q850: Causes.q850(ofStatus: 404),
                    text: "no call rings \(place)"))
        }
        return pickUp(call, ringingAt: number, by: handle)
    }

    /// Answers a ringing call from the phone whose INVITE this is.
    mutating func pickUp(
        _ call: Handle, ringingAt number: String, by handle: Handle
    ) -> FeatureOutcome {
        guard let server = calls[handle].inviteTransaction, let picking = calls[handle].invite,
            let ringing = calls[call].invite, calls[call].inviteTransaction != nil,
            let dialog = calls[handle].caller.dialogs.first,
            let answers = CrossedOffers(picking.body, ringing.body)
        else {
            let text =
                if calls[call].invite?.body.isEmpty == true {
                    "the caller's phone has made no offer yet"
                } else if calls[handle].invite?.body.isEmpty == true {
                    "the phone makes no offer"
                } else {
                    "the caller's phone and this one have no media in common"
                }
            return .refused(
                Call.Failure(status: 488, q850: Causes.q850(ofStatus: 488), text: text))
        }
        let place = addPicker(handle, dialog, to: call)
        let picker = calls[call].callees[place].name
        closeRung(
            call, status: 487, q850: Causes.normalClearing, text: "\(picker) picked it up")
        calls[call].record.attempts.append(
            CallRecord.Attempt(
                route: picker, kind: .extension, startedAt: wallTime, outcome: .answered,
                sipStatus: 200, reason: "picked up from \(number)"))
        releaseRung(call)
        calls[call].calleeExtension = calls[handle].callerExtension
        if let extensionNumber = calls[handle].callerExtension {
            occupy(extensionNumber, .in)
        }
        answerPicker(
            server, picking, with: ringing, body: answers.forFirst, call: call, place: place)
        calls[handle].inviteTransaction = nil
        calls[handle].record.linkedCall = calls[call].id.rawValue
        log(
            .info, call: calls[call].id,
            "\(picker) picks up the call that rings at \(number)")
        connect(call, to: place, as: picking, body: answers.forSecond)
        return .pickedUp(from: number)
    }

    /// The call to pick up: of the groups the first that has one, and of its calls the one that has
    /// rung longest.
    private func ringingCall(
        for feature: FeatureCall, but own: Handle
    ) -> (call: Handle, number: String)? {
        if let number = feature.number { return oldest(ringingAt: [number], but: own) }
        for group in feature.groups {
            if let found = oldest(ringingAt: plan.members(ofGroup: group), but: own) {
                return found
            }
        }
        return nil
    }

    private func oldest(
        ringingAt numbers: [String], but own: Handle
    ) -> (call: Handle, number: String)? {
        var best: (call: Handle, number: String)?
        for number in numbers {
            for call in ringing[number] ?? [] where call != own && calls.contains(call) {
                guard case .trying = calls[call].phase else { continue }
                if let best, calls[best.call].id < calls[call].id { continue }
                best = (call, number)
            }
        }
        return best
    }

    /// The picker's leg becomes one of the ringing call.
    private mutating func addPicker(
        _ handle: Handle, _ dialog: Dialog, to call: Handle
    ) -> Int {
        let own = calls[handle].caller
        var leg = Leg(localTag: own.localTag, flow: own.flow, name: own.name)
        leg.dialogs = [dialog]
        leg.state = .answered
        leg.isHidden = own.isHidden
        let place = calls[call].callees.count
        calls[call].callees.append(leg)
        legs[own.localTag] = LegReference(call: call, side: .callee(place))
        // The code's own record ends without the leg: its tag is the other call's now.
        var left = Leg(localTag: tokens.next(), flow: own.flow, name: own.name)
        left.dialogs = own.dialogs
        calls[handle].caller = left
        return place
    }

    /// 200 to the picker, with the offer of the ringing call as its answer.
    private mutating func answerPicker(
        _ server: Handle, _ picking: Message, with ringing: Message, body: [UInt8], call: Handle,
        place: Int
    ) {
        let tag = calls[call].callees[place].localTag
        let contact = listenerText(calls[call].callees[place].flow.listener).contact
        let session = agreeSession(
            of: LegReference(call: call, side: .callee(place)), asked: picking)
        let bytes = picking.response(
            200, toTag: Token.text(tag), source: servers[server].source, dialogForming: true,
            extra: { writer in
                writer.field(.contact, contact)
                writer.field(.server, Self.serverName)
                writer.field(.allow, Self.allowedMethods)
                Self.copyOptions(from: ringing, into: &writer, toPhone: true)
                session?.write(to: &writer)
            }, body: body[...], contentType: ringing.value(.contentType) ?? [])
        calls[call].callees[place].dialogs[0].responseSent(200, to: picking)
        calls[call].callees[place].pendingAnswer = Leg.PendingAnswer(
            retransmission: AnswerRetransmission(timers: settings.timers, now: now), bytes: bytes,
            flow: servers[server].flow)
        servers[server].user = .nobody
        respond(server, 200, bytes: bytes)
    }

    /// The caller of a ringing call is connected to a callee that came by itself.
    private mutating func connect(
        _ call: Handle, to place: Int, as picking: Message, body: [UInt8]
    ) {
        for index in calls[call].callees.indices
        where index != place && calls[call].callees[index].state == .trying {
            calls[call].callees[index].state = .ended
            abandon(call, callee: index, reason: Self.completedElsewhere)
        }
        for kind in [DeadlineKey.Kind.attempt, .noAnswer] {
            deadlines.remove(DeadlineKey(kind: kind, slot: call.slot))
        }
        calls[call].connected = place
        calls[call].answeredAt = now
        armAnswer(call, side: .callee(place))
        guard let answer = answer(of: picking, body: body) else {
            cut(call, text: "the picker's INVITE cannot be used", status: 500)
            return
        }
        connected(answer, call: call, callee: place)
    }

    /// The picker's offer in the form of the answer that it is for the caller.
    private mutating func answer(of picking: Message, body: [UInt8]) -> Message? {
        var writer = MessageWriter(capacity: 1024 + body.count)
        writer.statusLine(200)
        writer.copyVia(from: picking, source: nil)
        writer.field(.from, picking.value(.to) ?? [])
        writer.field(.to, picking.value(.from) ?? [])
        writer.field(.callID, picking.callID)
        writer.field(.cseq, "1 INVITE")
        Self.copyOptions(from: picking, into: &writer)
        // Each of its lines has a whole line end now.
        let bytes = writer.finish(body: body[...], contentType: picking.value(.contentType) ?? [])
        return MessageLimits.admit(bytes, isDatagram: false) ? parseOwn(bytes) : nil
    }
}
