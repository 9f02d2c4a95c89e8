import SIP

// Trunks that ask who we are: 401 and 407 to requests of ours, one after the other too where a proxy
// stands before a registrar (RFC 3261 §22.2, §22.3).

extension Switch {
    /// Sends a request again with what its challenge asks for.
    ///
    /// - Returns: false when the response stands: no challenge, no password for it, or the password
    ///   is wrong.
    mutating func answersChallenge(_ response: Message, of handle: Handle) -> Bool {
        let answered = clients[handle].challengers
        guard response.status == 401 || response.status == 407,
            let name = trunkAsked(by: handle), trunks[name]?.digest != nil,
            let request = parseOwn(clients[handle].request),
            let asking = trunks[name]!.digest!.challenged(by: response),
            !answered.contains(asking)
        else { return false }
        let challengers = answered.union(asking)
        let credentials = trunks[name]!.digest!.credentials(
            for: request, to: challengers, cnonce: tokens.cnonce())
        guard !credentials.isEmpty else { return false }
        let branch = tokens.next()
        let cseq = nextCSeq(after: request, of: handle)
        let flow = clients[handle].flow
        let bytes = Self.again(
            request, via: via(branch: branch, listener: flow.listener), cseq: cseq,
            without: [.authorization, .proxyAuthorization], with: credentials)
        let client = replace(handle, by: bytes, branch: branch, on: flow, trunk: name)
        clients[client].challengers = challengers
        return true
    }

    /// The trunk whose password a request may need.
    func trunkAsked(by handle: Handle) -> String? {
        switch clients[handle].user {
        case .attempt(let call, let callee):
            guard calls.contains(call), calls[call].callees[callee].state == .trying else {
                return nil
            }
            return calls[call].holding.trunk
        case .relay(let call, let to, _, _):
            guard calls.contains(call) else { return nil }
            return to == .caller ? calls[call].inboundTrunk : calls[call].holding.trunk
        case .join(_, let asked):
            guard calls.contains(asked.call) else { return nil }
            return asked.side == .caller
                ? calls[asked.call].inboundTrunk : calls[asked.call].holding.trunk
        case .registration(let trunk): return trunk
        case .mailbox: return settings.mailbox
        case .nobody:
            // A BYE of a call that is over, and what confirms a provisional response.
            let method = clients[handle].method
            guard method == .bye || method == .prack else { return nil }
            if let trunk = clients[handle].trunk { return trunk }
            return trunk(at: clients[handle].flow.remote)
        // Any answer to these says that the far side lives.
        case .probe, .check, .notification, .fork, .summary: return nil
        }
    }

    /// The same request is a new one in its dialog (RFC 3261 §22.2).
    mutating func nextCSeq(after request: Message, of handle: Handle) -> UInt32 {
        switch clients[handle].user {
        case .join(_, let asked):
            let last = calls[asked.call][asked.side].dialogs.count - 1
            calls[asked.call][asked.side].dialogs[last].advanceLocalCSeq(by: 1)
            return calls[asked.call][asked.side].dialogs[last].localCSeq
        case .registration(let trunk):
            return trunks[trunk]?.registration?.nextCSeq() ?? request.cseqNumber + 1
        case .mailbox(let mailbox):
            guard mailboxes.contains(mailbox), mailboxes[mailbox].dialog != nil else {
                return request.cseqNumber + 1
            }
            mailboxes[mailbox].dialog!.advanceLocalCSeq(by: 1)
            return mailboxes[mailbox].dialog!.localCSeq
        // After a BYE nobody says anything in its dialog, whose copy in the call may lag behind it.
        case .nobody where request.method != .prack: return request.cseqNumber + 1
        case .relay, .nobody:
            guard let (leg, place) = dialog(of: request) else { return request.cseqNumber + 1 }
            calls[leg.call][leg.side].dialogs[place].advanceLocalCSeq(by: 1)
            return calls[leg.call][leg.side].dialogs[place].localCSeq
        case .attempt, .probe, .check, .notification, .fork, .summary: return request.cseqNumber + 1
        }
    }

    /// The same request in a transaction of its own: whoever waits for the answers now waits for those
    /// of this one.
    mutating func replace(
        _ handle: Handle, by bytes: [UInt8], branch: UInt64, on flow: Flow,
        trunk name: String? = nil
    ) -> Handle {
        let user = clients[handle].user
        clients[handle].user = .nobody
        let client = makeClient(
            clients[handle].method, branch: branch, bytes: bytes, flow: flow, user: user,
            trunk: clients[handle].trunk, inPlaceOf: handle)
        moved(user, to: client, trunk: name)
        return client
    }

    private mutating func moved(_ user: ClientEntry.User, to client: Handle, trunk name: String?) {
        switch user {
        case .attempt(let call, let callee):
            calls[call].callees[callee].client = client
            if let limit = name.flatMap({ trunks[$0]?.settings.attemptTimeout }) {
                deadlines.set(DeadlineKey(kind: .attempt, slot: call.slot), at: now + limit)
            }
        case .relay(let call, let to, let server, let method):
            guard method == .invite, servers.contains(server) else { return }
            guard let from = partner(of: LegReference(call: call, side: to)) else { return }
            servers[server].user = .relay(call: from.call, from: from.side, client: client)
        // The dialog waits for the end of this INVITE as it did for that of the first.
        case .nobody, .probe, .check, .registration, .join, .notification, .fork, .summary,
            .mailbox:
            break
        }
    }

    /// A request once more, as one of its own: with another Via and number, and other fields in place of
    /// those that are left out.
    static func again(
        _ request: Message, via: [UInt8], cseq: UInt32, without left: Set<HeaderName>,
        with fields: [(name: HeaderName, value: [UInt8])]
    ) -> [UInt8] {
        var writer = MessageWriter(capacity: request.bytes.count + 512)
        writer.requestLine(request.method, uri: request.requestURI)
        for (name, value) in request.fields {
            switch name {
            case .via: writer.field(.via, via)
            case .cseq: writer.field(.cseq, "\(cseq) \(request.method.name)")
            case .contentLength, .contentType: break
            case _ where left.contains(name): break
            default: writer.field(name, value)
            }
        }
        for (name, value) in fields { writer.field(name, value) }
        return writer.finish(body: request.body, contentType: request.value(.contentType) ?? [])
    }
}
