import Dialplan
import SIP

// Parking: the other side of a call is left waiting at a numbered place, until somebody dials the code
// that fetches it, from any phone.
//
// It is put there by a transfer to the code of the place, or by dialling that code on a second line
// while the call is held. The waiting side's streams are made inactive, since there is nobody at the
// other end; what its phone plays meanwhile is its own affair, as for any call on hold. Its call lives
// on with one side, and is charged to whom it was. When nobody comes, the one who parked it is rung
// (`CallSettings.parkRecall`), and rung again; at last the call ends.
//
// Whoever fetches it has sent an INVITE with an offer: the waiting side gets that offer by re-INVITE,
// and its answer is the 200. The fetching phone then takes the empty side of the call; the code has a
// record of its own, linked to it.

/// Where a call waits.
struct Parked: Sendable {
    /// As it was dialled.
    var place: String
    /// The extension that is rung when nobody comes.
    var by: String
    var recalls = 0

    /// How often it is rung before the call ends.
    static let recallLimit = 3
}

extension Switch {
    // MARK: Putting

    /// A park code that was dialled, or that a call was transferred to.
    mutating func park(_ feature: FeatureCall, _ handle: Handle) -> FeatureOutcome {
        let place = feature.code ?? ""
        guard !place.isEmpty else { return Self.notParked(484, "the place to park at is missing") }
        guard parkedCalls[place] == nil else {
            return Self.notParked(486, "another call is parked at \(place)")
        }
        if isForTransfer(handle), let first = calls[handle].handover?.isFor,
            let transfer = calls[first].handover?.transfer
        {
            calls[handle].handover = nil
            let leg = LegReference(call: first, side: transfer.by)
            park(leg, at: place, by: feature.extension, event: transfer)
            return .done("Parked at \(place)")
        }
        let held = calls.handles.filter { call in
            guard call != handle, case .connected = calls[call].phase else { return false }
            return calls[call].callerExtension == feature.extension
                || calls[call].calleeExtension == feature.extension
        }
        guard held.count == 1, let call = held.first, calls[call].handover == nil,
            !calls[call].isEmergency
        else {
            return Self.notParked(
                404, held.count > 1 ? "transfer the one to be parked" : "there is no call to park")
        }
        let side: Side =
            calls[call].callerExtension == feature.extension
            ? .caller : .callee(calls[call].connected ?? 0)
        let leg = LegReference(call: call, side: side)
        guard isTalking(leg), let other = partner(of: leg), calls[other.call].handover == nil else {
            return Self.notParked(404, "there is no call to park")
        }
        park(leg, at: place, by: feature.extension, event: nil)
        return .done("Parked at \(place)")
    }

    private static func notParked(_ status: Int, _ text: String) -> FeatureOutcome {
        .refused(Call.Failure(status: status, q850: Causes.q850(ofStatus: status), text: text))
    }

    /// A side leaves, and the other one waits at a place.
    private mutating func park(
        _ leg: LegReference, at place: String, by number: String, event transfer: Transfer?
    ) {
        guard let other = partner(of: leg) else { return }
        calls[leg.call].handover = nil
        var farewell: Parting?
        if isTalking(leg), let dialog = calls[leg.call][leg.side].dialogs.last {
            farewell = Parting(
                dialog: dialog, flow: calls[leg.call][leg.side].flow,
                event: transfer?.isNotified == true ? transfer?.event : nil)
        }
        leave(leg)
        let isEmptied = leg.call != other.call
        if isEmptied {
            calls[leg.call].joined = .none
            calls[other.call].joined = .none
        }
        calls[other.call].handover = Handover(parked: Parked(place: place, by: number))
        parkedCalls[place] = other.call
        armParked(other.call)
        let text = "\(number) parked \(party(at: other)) at \(place)"
        log(.info, call: calls[other.call].id, text)
        commit([.callRunning(journal(of: other.call))])
        if isEmptied {
            close(
                leg.call, by: .switch, status: 200, q850: Causes.normalClearing, text: text,
                disposition: .answered)
        }
        if let farewell { partings.append((lastTicket, farewell)) }
        if waitingCommits == 0 { sayFarewells(through: lastTicket) }
        hold(other)
    }

    /// The streams of a side that nobody talks with are made inactive.
    mutating func hold(_ leg: LegReference) {
        begin(Join(offerer: leg, answerer: leg, purpose: .hold), for: leg.call)
    }

    /// What is left of a call whose other side has parked it.
    func waitingLeg(_ handle: Handle) -> LegReference? {
        calls[handle].remainingSide.map { LegReference(call: handle, side: $0) }
    }

    // MARK: Fetching

    mutating func retrieve(_ feature: FeatureCall, _ handle: Handle) -> FeatureOutcome {
        let place = feature.code ?? ""
        guard let call = parkedCalls[place], calls.contains(call),
            let waiting = waitingLeg(call)
        else { return Self.notParked(404, "no call is parked at \(place)") }
        guard let invite = calls[handle].invite, !invite.body.isEmpty else {
            return Self.notParked(488, "the phone makes no offer")
        }
        if let transfer = calls[call].handover?.transfer {
            // Whoever parked it is being rung.
            calls[call].handover?.transfer = nil
            release(transfer, 487, "\(feature.extension) fetched the call")
        }
        guard calls[call].handover?.join == nil else {
            return Self.notParked(503, "the call is being parked or fetched: try again")
        }
        deadlines.remove(DeadlineKey(kind: .park, slot: call.slot))
        calls[handle].handover = Handover(isFor: call)
        begin(
            Join(
                offerer: LegReference(call: handle, side: .caller), answerer: waiting,
                purpose: .retrieval, offer: Offer(of: invite)), for: call)
        return .waits
    }

    /// The waiting side has answered the fetching phone's offer: that takes the empty side of the call.
    mutating func retrieved(_ call: Handle, by fetching: Handle, _ answer: Message) {
        guard let parked = calls[call].handover?.parked, let waiting = waitingLeg(call),
            let number = calls[fetching].callerExtension
        else { return }
        calls[call].handover = nil
        parkedCalls[parked.place] = nil
        calls[fetching].handover = nil
        _ = seat(
            fetching, in: call, at: waiting.side == .caller ? .callee(0) : .caller, number, answer,
            text: "\(number) fetched \(party(at: waiting)) from \(parked.place)")
    }

    /// The waiting side does not take the fetching phone's offer: it waits on.
    mutating func retrievalFailed(
        _ call: Handle, by fetching: Handle, _ status: Int, _ text: String
    ) {
        if calls.contains(fetching) {
            calls[fetching].handover = nil
            fail(fetching, status, q850: Causes.q850(ofStatus: status), text)
        }
        if calls.contains(call) { armParked(call) }
    }

    // MARK: Waiting

    mutating func armParked(_ handle: Handle) {
        deadlines.set(
            DeadlineKey(kind: .park, slot: handle.slot), at: now + settings.calls.parkRecall)
    }

    /// Nobody has come: whoever parked it is rung.
    mutating func parkDeadlineReached(_ handle: Handle) {
        guard let parked = calls[handle].handover?.parked, let waiting = waitingLeg(handle) else {
            return
        }
        guard parked.recalls < Parked.recallLimit else {
            cut(handle, text: "Nobody fetched it from \(parked.place)", status: nil)
            return
        }
        // In a switch that is full it waits on.
        guard calls.count < settings.limits.calls else {
            armParked(handle)
            return
        }
        calls[handle].handover?.parked?.recalls += 1
        let leg = LegReference(
            call: handle,
            side: waiting.side == .caller ? .callee(calls[handle].connected ?? 0) : .caller)
        guard let subscriber = extensions[parked.by], calls[handle].handover?.join == nil,
            let target = URI("sip:\(parked.by)@\(settings.realm)"),
            let second = makeCall(to: target, for: leg, other: waiting, by: subscriber, nil)
        else {
            armParked(handle)
            return
        }
        calls[handle].handover?.transfer = Transfer(
            by: leg.side, to: second, event: 0, isNotified: false)
        log(.info, call: calls[handle].id, "nobody fetched it: \(parked.by) is rung")
        route(
            second, caller: .extension(subscriber.number, level: subscriber.level),
            dialled: parked.by)
    }
}
