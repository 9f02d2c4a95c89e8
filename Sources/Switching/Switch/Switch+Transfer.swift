import Charging
import Dialplan
import SIP

// Transfer: one side of a call asks by REFER that the other be connected elsewhere (RFC 3515), and the
// switch does it itself. Nobody else's phone is asked to call anybody, so the transferor's rights are
// looked at and its account is charged, as for a call of its own.
//
//     blind      REFER names a number. A call is made to it, in the transferor's name and without a
//                session description; when it is answered, both sides are joined.
//     attended   REFER names a dialog of the transferor with us (Replaces, RFC 3891). What it talked
//                with there and the other side of this call are joined.
//
// The calls that are joined live on side by side, each with one side left, its own route, money and
// record; `Call.joined` leads from one to the other, and they end together. Whoever paid for either
// goes on paying, and the record of the second names the first one: one story in two records.
//
// Until the join is made nothing of the first call is touched, so a transfer that fails leaves it as it
// was. When the join is on the disk, the transferor is told and hung up; were the process to end
// before, it would still be in both calls.

extension Switch {
    /// Options of ours that a transfer may ask for.
    static let transferOptions = ["norefersub", "replaces", "timer"]

    // MARK: REFER

    mutating func referReceived(
        _ request: Message, key: TransactionKey, on flow: Flow, call handle: Handle, side: Side
    ) {
        func refuse(_ sw: inout Switch, _ status: Int, _ reason: String?) {
            sw.counters.count("transfers-refused")
            sw.refuseInDialog(request, key: key, on: flow, status, reason: reason)
        }
        if let unsupported = unsupportedOptions(request, supported: Self.transferOptions) {
            let server = makeServer(for: request, key: key, on: flow)
            respond(server, 420) { $0.field(.unsupported, unsupported) }
            return
        }
        let leg = LegReference(call: handle, side: side)
        guard case .connected = calls[handle].phase, let other = partner(of: leg), isTalking(other)
        else {
            refuse(&self, 480, "Not Answered Yet")
            return
        }
        guard let subscriber = subscriber(at: leg), !calls[handle].isEmergency,
            !calls[other.call].isEmergency
        else {
            // It would be charged to nobody we know; and nobody sends an emergency call away.
            refuse(&self, 603, "Only An Extension Transfers")
            return
        }
        guard calls[handle].handover == nil, calls[other.call].handover == nil else {
            refuse(&self, 491, nil)
            return
        }
        let targets = request.elements(.referTo)
        guard targets.count == 1, let address = NameAddr(parsing: targets[0]),
            let target = address.uriView, target.scheme != .other
        else {
            refuse(&self, 400, "Refer-To Is Not One Address")
            return
        }
        guard target.parameter("method").map({ $0?.equals("INVITE") == true }) ?? true else {
            refuse(&self, 501, "Only Calls Are Transferred")
            return
        }
        // In any case of its letters, as tokens are (RFC 3261 §7.3.1, RFC 4488 §4).
        let wish = request.value(.referSub)
        let isNotified = wish.map { Parameters($0).value("false") == nil } ?? true
        var transfer = Transfer(
            by: side, to: .none, event: request.cseqNumber, isNotified: isNotified)
        if let replaces = target.header("Replaces") {
            // A phone that has called itself may not join a call with itself.
            let own: Set = [handle, other.call]
            guard let consulted = self.leg(replaced: replaces), !own.contains(consulted.call),
                self.subscriber(at: consulted)?.number == subscriber.number,
                calls[consulted.call].handover == nil, !calls[consulted.call].isEmergency,
                let third = partner(of: consulted), !own.contains(third.call),
                calls[third.call].handover == nil
            else {
                refuse(&self, 404, "No Such Call To Connect To")
                return
            }
            transfer.to = consulted.call
            transfer.consulted = consulted
            accept(transfer, request, key: key, on: flow, call: handle)
            calls[consulted.call].handover = Handover(isFor: handle)
            consult(handle)
            return
        }
        guard isServed(target) else {
            refuse(&self, 404, "Not Served Here")
            return
        }
        guard isShort(target) else {
            refuse(&self, 414, nil)
            return
        }
        // What was asked for as sips goes by TLS from end to end, as when it is dialled. In an attended
        // transfer the URI names a dialog, and not how anybody is reached.
        guard target.scheme != .sips || calls[other.call][other.side].flow.transport == .tls else {
            counters.count("transfers-refused")
            let text = "\(shownParty(at: other)) is not reached by TLS, as sips asks for"
            let warning = self.warning(text, listener: flow.listener)
            let server = makeServer(for: request, key: key, on: flow)
            respond(server, 480) { $0.field(.warning, warning) }
            return
        }
        guard calls.count < settings.limits.calls else {
            counters.count("refused-calls-full")
            refuse(&self, 503, nil)
            return
        }
        guard let second = makeCall(to: target, for: leg, other: other, by: subscriber, request)
        else {
            refuse(&self, Self.tooLarge, nil)
            return
        }
        transfer.to = second
        accept(transfer, request, key: key, on: flow, call: handle)
        let dialled = calls[second].record.dialled
        log(.info, call: calls[handle].id, "\(subscriber.number) transfers it to \(dialled)")
        route(
            second, caller: .extension(subscriber.number, level: subscriber.level),
            dialled: dialled)
    }

    /// The extension whose phone a leg is; nil for a gateway's.
    func subscriber(at leg: LegReference) -> Extension? {
        let number =
            leg.side == .caller ? calls[leg.call].callerExtension : calls[leg.call].calleeExtension
        return number.flatMap { extensions[$0] }
    }

    /// The leg of ours that a Replaces value names (RFC 3891 §6.1): Call-ID, our tag and the peer's.
    func leg(replaced value: [UInt8]) -> LegReference? {
        let pieces = value.split(separator: UInt8(ascii: ";"))
        guard let callID = pieces.first, pieces.count > 2 else { return nil }
        let parameters = Parameters(value[pieces[1].startIndex...])
        guard let to = parameters.value("to-tag") ?? nil,
            let from = parameters.value("from-tag") ?? nil
        else { return nil }
        // A phone that was called may name the tags as its own dialog has them.
        for (own, peers) in [(to, from), (from, to)] {
            guard let number = Token.number(own), let leg = legs[number], calls.contains(leg.call),
                calls[leg.call][leg.side].state != .ended,
                calls[leg.call][leg.side].dialogs.contains(where: {
                    $0.callID.elementsEqual(callID) && $0.remoteTag.elementsEqual(peers)
                })
            else { continue }
            return leg
        }
        return nil
    }

    /// 202, and the first NOTIFY.
    private mutating func accept(
        _ transfer: Transfer, _ request: Message, key: TransactionKey, on flow: Flow,
        call handle: Handle
    ) {
        calls[handle].handover = Handover(transfer: transfer)
        let server = makeServer(for: request, key: key, on: flow)
        let contact = listenerText(flow.listener).contact
        respond(server, 202) { writer in
            writer.field(.contact, contact)
            if !transfer.isNotified { writer.field(.referSub, "false") }
        }
        notify(handle, 100, isFinal: false)
        // The next process tells how it ended.
        if transfer.isNotified { journalAgain(handle) }
    }

    // MARK: The second call

    /// A call in the transferor's name, with nobody on its caller's side yet.
    ///
    /// - Returns: nil where what it is made from is larger than a message may be.
    mutating func makeCall(
        to target: URI, for leg: LegReference, other: LegReference, by subscriber: Extension,
        _ request: Message?
    ) -> Handle? {
        let flow = calls[leg.call][leg.side].flow
        let tag = tokens.next()
        let own = identity(name: [], user: subscriber.number, listener: flow.listener)
        var writer = MessageWriter(capacity: 512)
        writer.requestLine(.invite, uri: target.text.prefix { $0 != UInt8(ascii: "?") })
        writer.field(.via, via(branch: tokens.next(), listener: flow.listener))
        writer.field(.maxForwards, 70)
        writer.field(.from, own + Array(";tag=".utf8) + Token.text(tag))
        writer.field(.to, own)
        writer.field(.callID, tokens.callID())
        writer.field(.cseq, "1 INVITE")
        writer.field(.contact, listenerText(flow.listener).contact)
        // Whoever is hidden is so to whom it sends a call on to as well. Who is rung since nobody fetched what it
        // parked is called by nobody but the switch.
        let isHidden = request.map { hides(leg) || Self.asksToHide($0) } ?? false
        if !isHidden { writer.field(.referredBy, request?.value(.referredBy) ?? own[...]) }
        let bytes = writer.finish()
        guard MessageLimits.admit(bytes, isDatagram: false), let invite = parseOwn(bytes) else {
            return nil
        }

        counters.calls += 1
        lastCallNumber &+= 1
        let id = CallID(start: start, number: lastCallNumber)
        var caller = Leg(localTag: tag, flow: flow, name: subscriber.number)
        caller.state = .ended
        caller.isHidden = isHidden
        caller.dialogs = calls[leg.call][leg.side].dialogs
        var call = Call(
            id: id, startedAt: now,
            record: CallRecord(
                callID: id.rawValue, direction: .outbound, caller: subscriber.number,
                dialled: target.telephoneNumber ?? target.userUnescaped.storable,
                startedAt: wallTime),
            caller: caller, invite: invite, maxForwards: 70, attemptStartedAt: now)
        call.record.linkedCall = calls[other.call].id.rawValue
        call.record.link = .transferred
        call.record.explanation = [
            Step.transferred(by: subscriber.number, party: party(at: other)).stored
        ]
        call.callerName = Array(shownParty(at: other).utf8)
        call.handover = Handover(isFor: leg.call)
        let handle = calls.insert(call)
        callHandles[id] = handle
        return handle
    }

    /// Who is at the end of a leg, as records and the log know it; `shownParty` is for others.
    func party(at leg: LegReference) -> String {
        switch leg.side {
        // Somebody else may have fetched a call that its caller has parked.
        case .caller: calls[leg.call].callerExtension ?? calls[leg.call].record.caller
        case .callee: calls[leg.call].calleeExtension ?? calls[leg.call].record.dialled
        }
    }

    /// Whether a call is made for a transfer, so that nobody waits on its caller's side.
    func isForTransfer(_ handle: Handle) -> Bool {
        guard let handover = calls[handle].handover, calls.contains(handover.isFor) else {
            return false
        }
        return calls[handover.isFor].handover?.transfer?.to == handle
            && calls[handover.isFor].handover?.transfer?.consulted == nil
    }

    /// It rings at the other end: the transferor hears of it.
    mutating func transferProgressed(_ handle: Handle, status: Int) {
        guard let first = calls[handle].handover?.isFor, calls.contains(first),
            let transfer = calls[first].handover?.transfer, transfer.lastStatus != status
        else { return }
        calls[first].handover?.transfer?.lastStatus = status
        notify(first, status, isFinal: false)
    }

    /// The call that was made for a transfer is answered, and that is on the disk: its callee has made
    /// its offer, which is the transferred side's from now on.
    mutating func transferAnswered(_ second: Handle) {
        deadlines.remove(DeadlineKey(kind: .unwritten, slot: second.slot))
        calls[second].phase = .connected
        calls[second].invite = nil
        calls[second].routes = []
        calls[second].routing = nil
        calls[second].provisionals = []
        beginSessions(second)
        guard let first = calls[second].handover?.isFor, calls.contains(first),
            let transfer = calls[first].handover?.transfer,
            let other = partner(of: LegReference(call: first, side: transfer.by)),
            let callee = calls[second].connected,
            let offer = calls[second].handover?.offer, !offer.body.isEmpty
        else {
            endServing(second, 488, "the callee makes no offer")
            return
        }
        calls[second].handover?.offer = nil
        begin(
            Join(
                offerer: LegReference(call: second, side: .callee(callee)), answerer: other,
                purpose: .transfer, offer: offer), for: first)
    }

    /// The consulted side is asked for an offer as soon as it has answered the transferor.
    mutating func consult(_ first: Handle) {
        guard let transfer = calls[first].handover?.transfer, let consulted = transfer.consulted,
            case .connected = calls[consulted.call].phase,
            let other = partner(of: LegReference(call: first, side: transfer.by)),
            let third = partner(of: consulted)
        else { return }
        begin(Join(offerer: third, answerer: other, purpose: .transfer), for: first)
    }
}
