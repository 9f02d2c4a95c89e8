import Charging
import SIP

// The journal: what is written down of a call under way, so that it outlives the process.

extension Switch {
    /// What must be known of this call after a crash.
    func journal(of handle: Handle) -> RunningCall {
        RunningCall(
            call: calls[handle].id, record: calls[handle].record,
            account: calls[handle].money?.account,
            reserved: ledger.reserved(call: calls[handle].id.rawValue) ?? .zero,
            tariffPrefix: calls[handle].money?.rating.row.prefix,
            state: state(of: handle)?.serialize() ?? [])
    }

    /// INVITE has left: were the process to end now, both sides could be told so afterwards. Nobody
    /// waits for it, so a disk that refuses is spared it.
    mutating func journalAttempt(_ handle: Handle) {
        guard storeFailure == nil else { return }
        commit([.callRunning(journal(of: handle))])
    }

    /// A flow or a remote target of an answered call is another now.
    mutating func journalAgain(_ handle: Handle) {
        guard calls.contains(handle), case .connected = calls[handle].phase else { return }
        commit([.callRunning(journal(of: handle))])
    }

    private func state(of handle: Handle) -> CallState? {
        guard let dialog = calls[handle].caller.dialogs.first else { return nil }
        let answeredAt = calls[handle].answeredAt
        var state = CallState(
            clocks: JournalClocks(
                boot: boot, writtenAt: now, wallTime: wallTime,
                sinceStart: now - calls[handle].startedAt,
                sinceAnswer: answeredAt.map { now - $0 }),
            caller: legState(calls[handle].caller, dialog))
        if let index = calls[handle].connected,
            let dialog = calls[handle].callees[index].dialogs.first
        {
            state.callee = legState(calls[handle].callees[index], dialog)
        } else {
            state.invited = calls[handle].callees.compactMap { invited($0) }
        }
        if let server = calls[handle].inviteTransaction, servers.contains(server),
            let request = servers[server].request
        {
            var flow = calls[handle].caller.flow
            flow.remote = servers[server].source
            // Our answer says all that finds the INVITE again.
            let isAnswered =
                calls[handle].caller.pendingAnswer != nil && request.topVia.hasMagicCookie
            state.inviting = CallState.Inviting(
                invite: isAnswered ? [] : Self.withoutBody(request), flow: flow)
        }
        state.callerExtension = calls[handle].callerExtension
        state.calleeExtension = calls[handle].calleeExtension
        state.inboundTrunk = calls[handle].inboundTrunk
        state.inboundLine = calls[handle].inboundLine
        state.inboundChannel = calls[handle].inboundChannel
        state.holding = calls[handle].holding
        state.isEmergency = calls[handle].isEmergency
        state.limitMilliseconds = calls[handle].limitMilliseconds
        if calls.contains(calls[handle].joined) {
            state.joined = calls[calls[handle].joined].id
        }
        state.isCallerGone = calls[handle].caller.state == .ended
        if let index = calls[handle].connected {
            state.isCalleeGone = calls[handle].callees[index].state == .ended
        }
        state.parked = calls[handle].handover?.parked
        if let transfer = calls[handle].handover?.transfer, transfer.isNotified {
            state.transfer = (byCallee: transfer.by != .caller, event: transfer.event)
        }
        state.isUntold = isForTransfer(handle)
        mask(&state, calls[handle].secrets)
        return state
    }

    /// What the caller dialled stands in Request-URI and To of its INVITE and in all that is made from
    /// them.
    private func mask(_ state: inout CallState, _ secrets: [String]) {
        guard !secrets.isEmpty else { return }
        var uris = [state.caller.dialog.localURI]
        if let invite = state.inviting.flatMap({ parsed($0.invite) }) {
            uris.append(invite.requestURI)
        }
        let mask = DialledMask(secrets: secrets, uris: uris)
        state.inviting = state.inviting.map {
            CallState.Inviting(invite: mask.masked($0.invite), flow: $0.flow)
        }
        state.caller.answer = state.caller.answer.map { (mask.masked($0.bytes), $0.flow) }
        state.caller.dialog.setLocalAddress(mask.masked(state.caller.dialog.localAddress))
    }

    private func legState(_ leg: Leg, _ dialog: Dialog) -> CallState.LegState {
        CallState.LegState(
            localTag: leg.localTag, flow: leg.flow, name: leg.name, dialog: dialog,
            answer: leg.pendingAnswer.map { ($0.bytes, $0.flow) },
            acknowledgementDue: leg.offersLate ? leg.acknowledgementDue?.cseq : nil,
            session: leg.session, methods: leg.methods, isHidden: leg.isHidden)
    }

    /// A callee whose INVITE is out and not answered.
    private func invited(_ leg: Leg) -> CallState.Invited? {
        guard leg.state == .trying, let client = leg.client, clients.contains(client),
            !clients[client].request.isEmpty
        else { return nil }
        return CallState.Invited(
            branch: clients[client].key.branch, localTag: leg.localTag, flow: leg.flow,
            invite: Self.withoutBody(own: clients[client].request))
    }

    /// The same of an INVITE of our own writing, whose fields have one line and their usual names: no
    /// need to read it for that.
    private static func withoutBody(own invite: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(640)
        var start = 0
        while let end = invite[start...].firstIndex(of: UInt8(ascii: "\n")), end > start + 1 {
            if start == 0 || keptFields.contains(where: { invite[start...].starts(with: $0) }) {
                kept.append(contentsOf: invite[start...end])
            }
            start = end + 1
        }
        kept.append(contentsOf: "Content-Length: 0\r\n\r\n".utf8)
        return kept
    }

    private static let keptFields = [
        "Via:", "Route:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:", "Record-Route:",
    ].map { Array($0.utf8) }

    /// Our own bytes; `parseOwn` has looked at them before.
    private func parsed(_ bytes: [UInt8]) -> Message? {
        do throws(ParseError) {
            return try Message(parsing: bytes)
        } catch {
            return nil
        }
    }

    /// As much of the caller's INVITE as the answer to it says: what its transaction is found by.
    func inviteAgain(answeredBy bytes: [UInt8]) -> Message? {
        guard let answer = parsed(bytes) else { return nil }
        var writer = MessageWriter(capacity: 640)
        writer.requestLine(.invite, uri: "sip:answered.invalid")
        for name in [HeaderName.via, .from, .to, .callID, .cseq] {
            writer.copy(name, from: answer)
        }
        return parsed(writer.finish())
    }

    /// An INVITE with what its answers, its CANCEL and its dialog are made from.
    private static func withoutBody(_ invite: Message) -> [UInt8] {
        var writer = MessageWriter(capacity: 640)
        writer.requestLine(.invite, uri: invite.requestURI)
        for name in [
            HeaderName.via, .route, .from, .to, .callID, .cseq, .contact, .recordRoute,
        ] {
            writer.copy(name, from: invite)
        }
        return writer.finish()
    }
}
