import SIP

// What comes to us and belongs to nothing we know. Most of it is let go, as RFC 3261 says. But a
// process that ended in the middle of things leaves peers behind that wait for it: a callee that
// rings, or that answered and has no ACK, a caller that takes back a call we never wrote down.

extension Switch {
    /// A response to an INVITE whose transaction is gone.
    ///
    /// A 2xx in a call that goes on: its ACK was lost with the last process. Otherwise nobody is there
    /// to talk to: a callee that answered is hung up, and one that rings is taken back.
    mutating func strayResponse(_ response: Message, on flow: Flow) {
        counters.count("stray-responses")
        guard response.method == .invite, (101..<300).contains(response.status),
            let tag = response.fromTag.flatMap(Token.number),
            response.elements(.via).count == 1,
            let branch = response.topVia.branch.flatMap(Token.branchNumber)
        else { return }
        guard response.status >= 200 else {
            stopRinging(response, branch: branch, tag: tag, on: flow)
            return
        }
        guard let reference = legs[tag] else {
            guard isPeer(flow, user: response.address(.to)) else { return }
            retire(unknown: tag)
            hangUp(response, on: flow)
            return
        }
        guard calls.contains(reference.call) else {
            // Its registration may have ended since it was invited.
            guard
                retiredPlaces[tag] == flow.remote.ip
                    || isPeer(flow, user: response.address(.to))
            else { return }
            // It may be another fork; one that has had its BYE answers 481 to this one. Whom we have
            // invited as a caller was in a dialog already, whose BYE is on the way: a re-INVITE is
            // answered as late as this when its last retransmission is what arrived (timer B), or when a
            // transport error at that address took its transaction.
            let wasAgain = reference.side == .caller && reference.call != .none
            hangUp(response, on: flow, isToldAlready: wasAgain || isParting(response))
            return
        }
        let leg = calls[reference.call][reference.side]
        // From elsewhere it is somebody who wants others to hear from us.
        guard
            flow.remote.ip == leg.flow.remote.ip
                || isTrunk(of: reference.side, in: reference.call, at: flow.remote.ip)
        else { return }
        // A callee that the call has left may be known from its ringing: it is hung up all the same.
        let connected = calls[reference.call].connected.map(Side.callee)
        guard reference.side == .caller || reference.side == connected,
            let index = leg.dialogIndex(remoteTag: response.toTag ?? [])
        else {
            hangUp(response, on: flow, trunk: trunk(of: reference))
            return
        }
        // One that waits for the other side's ACK has to wait on.
        guard leg.acknowledgementDue == nil else { return }
        let way = requestFlow(to: reference, dialog: index)
        acknowledge(response, dialog: leg.dialogs[index], flow: way, client: nil)
    }

    /// Whether who answers is to leave a transfer: its BYE waits for the disk.
    private func isParting(_ response: Message) -> Bool {
        partings.all.contains { _, parting in
            parting.dialog.callID.elementsEqual(response.callID)
                && parting.dialog.localTag.elementsEqual(response.fromTag ?? [])
        }
    }

    /// A callee rings for a call that the last process had not written down yet: its INVITE is taken
    /// back, as that of a journaled one is.
    private mutating func stopRinging(
        _ response: Message, branch: UInt64, tag: UInt64, on flow: Flow
    ) {
        guard legs[tag] == nil, isPeer(flow, user: response.address(.to)),
            let target = response.address(.to)?.uri,
            let invite = invite(
                answeredBy: response, target: target, to: [0x3c] + target + [0x3e])
        else { return }
        counters.count("stray-rings")
        let invited = CallState.Invited(
            branch: branch, localTag: tag, flow: flow, invite: invite.bytes)
        takeBack(
            invited, reason: Self.reason(q850: Causes.temporaryFailure, text: Self.interrupted))
        retire(unknown: tag)
    }

    /// ACK and BYE, from what the response itself tells of its dialog.
    ///
    /// Without room for a BYE that is repeated until it arrives, it goes once and alone: whoever has it
    /// is hung up, and whoever has not repeats its answer, which nobody has acknowledged, and is sent
    /// another (RFC 3261 §13.3.1.4).
    ///
    /// - Parameters:
    ///   - trunk: by which it was invited; nil where nothing is known but its address.
    ///   - isToldAlready: it has had its BYE, so that the ACK is enough.
    mutating func hangUp(
        _ response: Message, on flow: Flow, trunk known: String? = nil, isToldAlready: Bool = false
    ) {
        guard let target = response.address(.contact)?.uriView?.withoutHeaders,
            let to = response.value(.to),
            let request = invite(answeredBy: response, target: target, to: to),
            var dialog = Dialog(request: request, response: response)
        else { return }
        let trunk = known ?? self.trunk(at: flow.remote)
        let flow = requestFlow(to: dialog.nextHop, spokenFrom: flow, trunk: trunk)
        let hasRoom = clients.count < settings.limits.transactions
        if hasRoom || isToldAlready {
            acknowledge(response, dialog: dialog, flow: flow, client: nil)
        }
        if isToldAlready { return }
        dialog.advanceLocalCSeq(by: Self.skippedCSeqs)
        let reason = Self.reason(q850: Causes.normalClearing, text: "The call is over")
        if hasRoom {
            sendBye(in: &dialog, flow: flow, reason: reason, trunk: trunk)
        } else {
            counters.count("byes-sent-once")
            let (_, bytes) = bye(in: &dialog, flow: flow, reason: reason)
            send(request: bytes, on: flow)
        }
    }

    /// The INVITE that a response is for, as far as the response tells. CANCEL and ACK of it are known
    /// by its Via (RFC 3261 §9.2, §17.1.1.3).
    private mutating func invite(
        answeredBy response: Message, target: ArraySlice<UInt8>, to: ArraySlice<UInt8>
    ) -> Message? {
        guard let from = response.value(.from) else { return nil }
        var writer = MessageWriter(capacity: 512)
        writer.requestLine(.invite, uri: target)
        writer.copy(.via, from: response)
        writer.field(.from, from)
        writer.field(.to, to)
        writer.field(.callID, response.callID)
        writer.field(.cseq, "\(response.cseqNumber) INVITE")
        return parse(writer.finish())
    }

    /// A CANCEL of an INVITE that we do not know: 481, and if it is the INVITE of a call that the last
    /// process had not written down yet, that is at its end too, so that its caller waits no longer.
    mutating func strayCancel(_ request: Message, on flow: Flow) {
        answerStatelessly(request, 481, on: flow)
        let origin = origin(callID: request.callID, fromTag: request.fromTag ?? [])
        guard request.toTag == nil, origins[origin] == nil else { return }
        var writer = MessageWriter(capacity: 512)
        writer.requestLine(.invite, uri: request.requestURI)
        for name in [HeaderName.via, .from, .to, .callID] { writer.copy(name, from: request) }
        writer.field(.cseq, "\(request.cseqNumber) INVITE")
        guard let invite = parse(writer.finish()) else { return }
        answerStatelessly(invite, 487, on: flow)
    }

    /// Whether a trunk or a registered phone is there, so that nobody makes us send to anybody.
    private func isPeer(_ flow: Flow, user address: NameAddr?) -> Bool {
        if trunks.values.contains(where: { $0.settings.endpoint.ip == flow.remote.ip }) {
            return true
        }
        guard let number = address?.uriView?.telephoneNumber else { return false }
        // Its NAT may have given it another port since.
        return registrar.bindings(of: number, at: wallTime).contains {
            $0.flow.remote.ip == flow.remote.ip
        }
    }

    /// Built of what somebody else sent, so it may be no message at all.
    private func parse(_ bytes: [UInt8]) -> Message? {
        do throws(ParseError) {
            return try Message(parsing: bytes)
        } catch {
            return nil
        }
    }
}
