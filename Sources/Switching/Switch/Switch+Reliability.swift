import SIP

// Reliable provisional responses (RFC 3262) of a callee whose caller knows nothing of them: the switch
// confirms them itself, and the caller hears them as it hears all others. Where both sides know them
// they pass, each with numbers of its own (`ReliableProvisional`).
//
//     caller          switch          callee
//       | INVITE        | INVITE        |
//       |-------------->|-------------->|
//       |               |          421  |  Require: 100rel
//       |               |<--------------|
//       |               | INVITE        |  Supported: 100rel
//       |               |-------------->|
//       |          183  |          183  |  Require: 100rel, RSeq: 1
//       |<--------------|<--------------|
//       |               | PRACK         |
//       |               |-------------->|
//
// A caller that makes no offer gets none of this: the callee's own would stand in the provisional
// response, and its answer in PRACK, which nobody but the caller can write (RFC 3262 §5).

extension Switch {
    /// A callee insists on confirmation (421, RFC 3262 §3) and the caller cannot give it: the INVITE
    /// goes again with our own.
    ///
    /// - Returns: false when the refusal stands.
    mutating func offersReliability(_ response: Message, of handle: Handle) -> Bool {
        guard response.status == 421, case .attempt(let call, let callee) = clients[handle].user,
            calls.contains(call), calls[call].callees[callee].state == .trying,
            response.elements(.require).allSatisfy({ $0.elementsEqual("100rel".utf8) }),
            let request = parseOwn(clients[handle].request), !request.body.isEmpty,
            !request.has("100rel", in: .supported)
        else { return false }
        let branch = tokens.next()
        let flow = clients[handle].flow
        var writer = MessageWriter(capacity: request.bytes.count + 64)
        writer.requestLine(request.method, uri: request.requestURI)
        writer.field(.via, via(branch: branch, listener: flow.listener))
        writer.field(.supported, "100rel")
        for (name, value) in request.fields {
            switch name {
            case .cseq: writer.field(.cseq, "\(request.cseqNumber + 1) INVITE")
            case .via, .contentLength, .contentType: break
            default: writer.field(name, value)
            }
        }
        let bytes = writer.finish(
            body: request.body, contentType: request.value(.contentType) ?? [])
        let user = clients[handle].user
        clients[handle].user = .nobody
        calls[call].callees[callee].client = makeClient(
            .invite, branch: branch, bytes: bytes, flow: flow, user: user)
        return true
    }

    /// Confirms a reliable provisional response where the caller cannot; once, however often it comes.
    ///
    /// - Returns: false when the caller is to do it.
    mutating func confirms(
        _ response: Message, rseq: UInt32, of callee: Int, in handle: Handle
    ) -> Bool {
        guard let invite = calls[handle].invite, !invite.has("100rel", in: .supported),
            !invite.has("100rel", in: .require),
            response.body.isEmpty || !calls[handle].callees[callee].offersLate,
            let tag = response.toTag,
            let place = calls[handle].callees[callee].dialogIndex(remoteTag: tag)
        else { return false }
        let last = calls[handle].lastRSeq
        guard
            ourRSeq(
                of: rseq, cseq: response.cseqNumber, tag: tag, callee: callee, in: handle) != nil,
            calls[handle].lastRSeq > last
        else { return true }
        let leg = LegReference(call: handle, side: .callee(callee))
        let flow = requestFlow(to: leg, dialog: place)
        let branch = tokens.next()
        var writer = MessageWriter(capacity: 512)
        _ = calls[handle].callees[callee].dialogs[place].nextRequest(
            .prack, via: via(branch: branch, listener: flow.listener), into: &writer)
        writer.field(.maxForwards, 70)
        writer.field(.rack, "\(rseq) \(response.cseqNumber) INVITE")
        writer.field(.userAgent, Self.serverName)
        _ = makeClient(
            .prack, branch: branch, bytes: writer.finish(), flow: flow, user: .nobody,
            trunk: trunk(of: leg))
        return true
    }
}
