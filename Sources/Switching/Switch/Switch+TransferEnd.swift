import Charging
import SIP

// How a transfer ends: both sides are joined and the transferor leaves, or it has its call back; and how
// it hears of it.

extension Switch {
    /// What is still said to a transferor that has left: when its leaving is on the disk.
    struct Parting: Sendable {
        var dialog: Dialog
        var flow: Flow
        /// The CSeq of the REFER that is told of its success; nil in the call it has consulted in.
        var event: UInt32?
        /// It has hung up by itself already, and is told alone (RFC 5359 §2.4).
        var isGone = false
        /// Why it has to go, in its BYE.
        var text = "Transferred"
    }

    /// Both sides have each other's description: their calls are joined, and the transferor leaves.
    mutating func transferred(_ first: Handle) {
        guard let transfer = calls[first].handover?.transfer else { return }
        let leaving = LegReference(call: first, side: transfer.by)
        let third =
            transfer.consulted.map { partner(of: $0) }
            ?? calls[transfer.to].remainingSide.map { LegReference(call: transfer.to, side: $0) }
        guard let other = partner(of: leaving), let third, isTalking(other), isTalking(third) else {
            transferFailed(first, status: 480, text: "the other side is gone")
            return
        }
        calls[first].handover?.transfer = nil
        calls[transfer.to].handover?.isFor = .none
        unpark(first)
        tidyHandover(first)
        tidyHandover(transfer.to)

        var farewells: [Parting] = []
        var emptied: [Handle] = []
        for (leg, stays) in [(leaving, other)] + (transfer.consulted.map { [($0, third)] } ?? []) {
            let isTold = leg == leaving && transfer.isNotified
            let isGone = !isTalking(leg)
            if isTold || !isGone, let dialog = calls[leg.call][leg.side].dialogs.last {
                farewells.append(
                    Parting(
                        dialog: dialog, flow: calls[leg.call][leg.side].flow,
                        event: isTold ? transfer.event : nil, isGone: isGone))
            }
            leave(leg)
            if leg.call != stays.call {
                calls[leg.call].joined = .none
                emptied.append(leg.call)
            }
        }
        calls[other.call].joined = third.call
        calls[third.call].joined = other.call
        if calls[third.call].record.linkedCall == nil {
            calls[third.call].record.linkedCall = calls[other.call].id.rawValue
            calls[third.call].record.link = .transferred
        }
        let text = "\(party(at: other)) and \(party(at: third)) are connected by a transfer"
        log(.info, call: calls[other.call].id, text)
        commit([
            .callRunning(journal(of: other.call)), .callRunning(journal(of: third.call)),
        ])
        for handle in emptied {
            close(
                handle, by: .switch, status: 200, q850: Causes.normalClearing, text: text,
                disposition: .answered)
        }
        for farewell in farewells { partings.append((lastTicket, farewell)) }
        if waitingCommits == 0 { sayFarewells(through: lastTicket) }
    }

    /// The transferor leaves a call that goes on without it.
    mutating func leave(_ leg: LegReference) {
        let known = calls[leg.call][leg.side]
        guard known.state != .ended else { return }
        // Nothing waits for its ACK any more, and it is owed none.
        refuseLateOffer(of: leg)
        if let other = partner(of: leg), isTalking(other), !isBeingJoined(other) {
            refuseLateOffer(of: other)
        }
        retire(unknown: known.localTag)
        var gone = Leg(localTag: tokens.next(), flow: known.flow, name: known.name)
        gone.state = .ended
        gone.dialogs = known.dialogs
        calls[leg.call][leg.side] = gone
        let number: String?
        switch leg.side {
        case .caller:
            number = calls[leg.call].callerExtension
            calls[leg.call].callerExtension = nil
            deadlines.remove(DeadlineKey(kind: .callerAnswer, slot: leg.call.slot))
        case .callee:
            number = calls[leg.call].calleeExtension
            calls[leg.call].calleeExtension = nil
            deadlines.remove(DeadlineKey(kind: .calleeAnswer, slot: leg.call.slot))
        }
        if let number {
            free(number, leg.side == .caller ? .out : .in)
            idleSince[number] = now
        }
    }

    /// A transferor hangs up while its transfer is under way: the call waits without it.
    ///
    /// - Returns: false when the leg is not a transferor's, so that its BYE ends the call.
    mutating func leavesTransfer(_ leg: LegReference) -> Bool {
        let holder = calls[leg.call].handover?.isFor ?? .none
        let isOwn = calls[leg.call].handover?.transfer?.by == leg.side
        let isConsulted =
            calls.contains(holder) && calls[holder].handover?.transfer?.consulted == leg
        guard isOwn || isConsulted else { return false }
        leave(leg)
        journalAgain(leg.call)
        return true
    }

    mutating func sayFarewells(through ticket: CommitTicket) {
        while let first = partings.first, first.ticket <= ticket {
            partings.popFirst()
            var parting = first.parting
            if let event = parting.event {
                notify(
                    in: &parting.dialog, flow: parting.flow, event: event, status: 200,
                    isFinal: true)
            }
            guard !parting.isGone else { continue }
            sendBye(
                in: &parting.dialog, flow: parting.flow,
                reason: Self.reason(q850: Causes.normalClearing, text: parting.text))
        }
    }

    // MARK: In vain

    /// The transfer has failed: the transferor has the call as it was. One that has hung up meanwhile
    /// cannot have it back, and the call ends.
    ///
    /// - Parameter warning: what the transferor is told beside the status.
    mutating func transferFailed(
        _ first: Handle, status: Int, text: String, warning: String? = nil
    ) {
        guard let transfer = calls[first].handover?.transfer else { return }
        calls[first].handover?.transfer = nil
        if let join = calls[first].handover?.join {
            if join.isWaiting {
                calls[first].handover?.join = nil
                deadlines.remove(DeadlineKey(kind: .join, slot: first.slot))
            } else {
                calls[first].handover?.join?.isAbandoned = true
            }
            refuseOffer(of: join)
        }
        tidyHandover(first)
        counters.count("transfers-failed")
        log(.notice, call: calls[first].id, "the transfer failed: \(status) \(text)")
        release(transfer, status, text)
        guard calls.contains(first) else { return }
        tell(transfer, of: first, status, isFinal: true, warning: warning)
        if transfer.isNotified { journalAgain(first) }
        guard !isTalking(LegReference(call: first, side: transfer.by)) else { return }
        if calls[first].handover?.parked != nil {
            armParked(first)
        } else {
            cut(first, text: "The transfer failed: \(text)", status: nil)
        }
    }

    /// The other call of a transfer that is over: one that was made for it ends, one that the
    /// transferor talks in goes on.
    mutating func release(_ transfer: Transfer, _ status: Int, _ text: String) {
        guard calls.contains(transfer.to) else { return }
        calls[transfer.to].handover?.isFor = .none
        guard let consulted = transfer.consulted else {
            endServing(transfer.to, status, text)
            return
        }
        tidyHandover(transfer.to)
        if case .connected = calls[transfer.to].phase, !isTalking(consulted) {
            cut(transfer.to, text: "The transfer failed: \(text)", status: nil)
        }
    }

    /// A call that was made for a transfer is not needed, and nobody was told that it is answered.
    mutating func endServing(_ handle: Handle, _ status: Int, _ text: String) {
        hangUpCallee(
            handle, reason: Self.reason(q850: Causes.normalClearing, text: "The transfer is off"))
        fail(handle, status, q850: Causes.q850(ofStatus: status), text)
    }

    /// A call has ended that was one half of a transfer, or one of two that are joined.
    mutating func handoverEnded(
        of call: Call, _ handle: Handle, status: Int, q850: Int, text: String
    ) {
        if let handover = call.handover {
            deadlines.remove(DeadlineKey(kind: .join, slot: handle.slot))
            if let parked = handover.parked {
                parkedCalls[parked.place] = nil
                deadlines.remove(DeadlineKey(kind: .park, slot: handle.slot))
            }
            if let join = handover.join {
                refuseOffer(of: join)
                switch join.purpose {
                case .retrieval:
                    retrievalFailed(
                        handle, by: join.offerer.call, 480, "the waiting side hung up")
                case .takeover:
                    takeoverFailed(by: join.offerer.call, 480, "the other side hung up")
                case .transfer, .restoration, .hold: break
                }
            }
            if calls.contains(handover.isFor),
                let join = calls[handover.isFor].handover?.join, join.offerer.call == handle
            {
                comingLeft(join, of: handover.isFor)
            }
            if let transfer = handover.transfer {
                release(transfer, 487, "the transferred side hung up")
            }
            if calls.contains(handover.isFor),
                calls[handover.isFor].handover?.transfer?.to == handle
            {
                // An answered call that ends in between was not told to anybody.
                transferFailed(
                    handover.isFor, status: status < 300 ? 480 : status,
                    text: text.isEmpty ? "the other side hung up" : text,
                    warning: call.lastFailure.flatMap { $0.status == status ? $0.warning : nil })
            }
        }
        guard calls.contains(call.joined), calls[call.joined].joined == handle else { return }
        calls[call.joined].joined = .none
        let reason = Self.reason(q850: q850, text: text.isEmpty ? "Hung up" : text)
        // Whoever has left has no tag any more.
        let isCallerLeft = legs[calls[call.joined].caller.localTag] == nil
        hangUpCaller(call.joined, reason: reason)
        hangUpCallee(call.joined, reason: reason)
        let releaser: CallRecord.Releaser
        switch call.record.releasedBy {
        case .switch, nil: releaser = .switch
        case .caller, .callee: releaser = isCallerLeft ? .caller : .callee
        }
        close(
            call.joined, by: releaser, status: 200, q850: q850, text: text,
            disposition: .answered)
    }

    /// A phone that was about to take a side of a call has given up.
    private mutating func comingLeft(_ join: Join, of holder: Handle) {
        switch join.purpose {
        case .retrieval: armParked(holder)
        case .takeover: break
        case .transfer, .restoration, .hold: return
        }
        guard join.isWaiting else {
            calls[holder].handover?.join?.isAbandoned = true
            return
        }
        // Nobody is being asked: there is nothing to take back.
        calls[holder].handover?.join = nil
        deadlines.remove(DeadlineKey(kind: .join, slot: holder.slot))
        tidyHandover(holder)
    }

    /// A call waits no longer.
    private mutating func unpark(_ handle: Handle) {
        guard let parked = calls[handle].handover?.parked else { return }
        calls[handle].handover?.parked = nil
        parkedCalls[parked.place] = nil
        deadlines.remove(DeadlineKey(kind: .park, slot: handle.slot))
    }

    mutating func tidyHandover(_ handle: Handle) {
        if calls[handle].handover?.isOver == true { calls[handle].handover = nil }
    }

    // MARK: NOTIFY

    /// Tells the transferor how far it is (RFC 3515 §2.4.5).
    mutating func notify(_ handle: Handle, _ status: Int, isFinal: Bool) {
        guard let transfer = calls[handle].handover?.transfer else { return }
        tell(transfer, of: handle, status, isFinal: isFinal)
    }

    /// One that has hung up meanwhile is told too: its dialog lives as long as the subscription that
    /// its REFER made (RFC 5359 §2.4).
    mutating func tell(
        _ transfer: Transfer, of handle: Handle, _ status: Int, isFinal: Bool,
        warning: String? = nil
    ) {
        let last = calls[handle][transfer.by].dialogs.count - 1
        guard transfer.isNotified, last >= 0 else { return }
        let flow = calls[handle][transfer.by].flow
        var dialog = calls[handle][transfer.by].dialogs[last]
        notify(
            in: &dialog, flow: flow, event: transfer.event, status: status, isFinal: isFinal,
            warning: warning)
        calls[handle][transfer.by].dialogs[last] = dialog
    }

    private mutating func notify(
        in dialog: inout Dialog, flow: Flow, event: UInt32, status: Int, isFinal: Bool,
        warning text: String? = nil
    ) {
        let branch = tokens.next()
        var writer = MessageWriter(capacity: 640)
        _ = dialog.nextRequest(
            .notify, via: via(branch: branch, listener: flow.listener), into: &writer)
        writer.field(.maxForwards, 70)
        writer.field(.contact, listenerText(flow.listener).contact)
        writer.field(.event, "refer;id=\(event)")
        let seconds = settings.calls.noAnswer.milliseconds / 1000 + 60
        writer.field(
            .subscriptionState,
            isFinal ? "terminated;reason=noresource" : "active;expires=\(seconds)")
        writer.field(.userAgent, Self.serverName)
        var fragment = Array("SIP/2.0 \(status) \(StatusPhrase.of(status))\r\n".utf8)
        if let text {
            fragment += Array("Warning: ".utf8) + warning(text, listener: flow.listener)
            fragment += Array("\r\n".utf8)
        }
        let bytes = writer.finish(body: fragment, contentType: "message/sipfrag;version=2.0")
        _ = makeClient(.notify, branch: branch, bytes: bytes, flow: flow, user: .nobody)
    }
}
