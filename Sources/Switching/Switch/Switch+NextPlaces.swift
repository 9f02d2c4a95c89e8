import SIP

// A request inside a dialog that meets a dead place goes at once to the next one that its next hop
// stands for (RFC 3263 §4.3): the same request, by another transaction, with the same CSeq unless the
// dialog has had another request since. Whoever waits for its answer sees nothing of that, and the record
// neither.
//
//     place 1   transport error, 503, or nothing in its share of the time
//     place 2   the same
//     the last  what it says, or that nothing came, is what the request has met
//
// All of them together have the time of one transaction, since who waits has no more (RFC 3261
// §17.1.2.2). An INVITE has told its sender to wait, and for a BYE of ours nobody does: these may
// take longer.
//
// The next place may not know the dialog, where the one before it did. So a 481 after a 503 ends no
// call, and the 503 stands; after silence it does, as the silence would have.

extension Switch {
    /// The time that a place has at least to say anything.
    static let shortestSilence = Instant.Span.seconds(4)

    /// What becomes of a request whose place is dead.
    private enum Course {
        /// There is no other place.
        case ends
        /// A name server is asked for one.
        case waits
        /// It is on its way there, by another transaction.
        case left
    }

    /// A request of ours has met nobody.
    ///
    /// - Returns: false where that is its end.
    mutating func goesElsewhere(_ handle: Handle) -> Bool {
        switch sendElsewhere(handle) {
        case .ends: return false
        case .waits: return true
        case .left:
            forget(client: handle)
            return true
        }
    }

    /// The same of one that was answered.
    ///
    /// - Returns: false where whoever waits is to be told of the answer.
    mutating func goesElsewhere(_ handle: Handle, after response: Message) -> Bool {
        if response.status == 503 {
            if let seconds = response.number(.retryAfter) {
                nextHopNames.rests(clients[handle].flow.hop, seconds: Int(seconds), now: now)
            }
            return sendElsewhere(handle, after: response) == .left
        }
        return response.status == 481 && wasRefused(handle)
    }

    /// The last place did not take the request either; where one before it has refused it, that is its
    /// answer.
    ///
    /// - Returns: false where none has.
    mutating func wasRefused(_ handle: Handle) -> Bool {
        guard !clients[handle].refusal.isEmpty, let refusal = parseOwn(clients[handle].refusal)
        else { return false }
        tell(refusal, of: handle)
        return true
    }

    private mutating func sendElsewhere(_ handle: Handle, after refusal: Message? = nil) -> Course {
        guard let trunk = trunkInDialog(of: handle) else { return .ends }
        let flow = datagramFlow(of: handle)
        let hop = nextHop(of: clients[handle].request)
        let tried = clients[handle].tried
        switch nextPlace(of: hop, spokenFrom: flow, trunk: trunk, past: tried + [flow.hop]) {
        case .nowhere: return .ends
        case .unknownYet:
            let until = clients[handle].startedAt + settings.timers.timeout
            guard refusal == nil, until > now else { return .ends }
            if !tried.contains(flow.hop) {
                notes(handle, on: flow, to: hop)
                clients[handle].tried.append(flow.hop)
            }
            begin(handle, until: until)
            return .waits
        case .at(let next, _):
            let branch = tokens.next()
            guard patience(of: handle) > now,
                var bytes = readdressed(
                    clients[handle].request, from: clients[handle].flow, to: next, branch: branch,
                    withContact: true)
            else { return .ends }
            renumber(&bytes)
            let method = clients[handle].method
            log(
                .notice,
                "\(trunk) at \(flow.hop) does not take \(method.name), trying \(next.hop)")
            counters.count("requests-sent-elsewhere")
            clients[handle].tried.append(flow.hop)
            if let refusal { clients[handle].refusal = Array(refusal.bytes) }
            let client = replace(handle, by: bytes, branch: branch, on: next, trunk: trunk)
            begin(client, until: patience(of: client))
            return .left
        }
    }

    /// Its timers begin anew.
    private mutating func begin(_ handle: Handle, until: Instant) {
        clients[handle].machine = clientMachine(
            clients[handle].method, reliable: clients[handle].flow.transport.isReliable,
            until: until)
        rearm(client: handle)
    }

    /// Until when it is of use that a request is answered.
    func patience(of handle: Handle) -> Instant {
        switch clients[handle].user {
        case .relay where clients[handle].method != .invite:
            clients[handle].startedAt + settings.timers.timeout
        case .relay, .nobody, .check, .join, .attempt, .probe, .registration, .notification, .fork,
            .summary, .mailbox:
            .distantFuture
        }
    }

    /// The trunk that a request inside a dialog goes to, as long as somebody wants it to arrive; nil for
    /// all others.
    private func trunkInDialog(of handle: Handle) -> String? {
        guard !clients[handle].isAbandoned, !clients[handle].request.isEmpty else { return nil }
        if case .invite(let machine) = clients[handle].machine, machine.isTakenBack { return nil }
        switch clients[handle].user {
        case .nobody:
            let method = clients[handle].method
            return method == .bye || method == .prack ? trunkReached(by: handle) : nil
        case .relay(_, _, let server, _):
            guard servers.contains(server), servers[server].request != nil else { return nil }
            return trunkReached(by: handle)
        case .check, .join: return trunkReached(by: handle)
        case .attempt, .probe, .registration, .notification, .fork, .summary, .mailbox: return nil
        }
    }

    /// Nobody waits any more for what a request is answered. It stays known by which trunk it went: a late
    /// answer may want an ACK and a BYE where that trunk is.
    mutating func leave(client handle: Handle) {
        clients[handle].trunk = trunkReached(by: handle)
        clients[handle].user = .nobody
    }

    /// The trunk that a request of ours goes to, at whichever of its places; nil for a phone's.
    func trunkReached(by handle: Handle) -> String? {
        let leg: LegReference
        switch clients[handle].user {
        case .nobody:
            return clients[handle].trunk ?? trunk(at: clients[handle].flow.remote)
        case .attempt(let call, let callee): leg = LegReference(call: call, side: .callee(callee))
        case .relay(let call, let to, _, _): leg = LegReference(call: call, side: to)
        case .check(let call, let side): leg = LegReference(call: call, side: side)
        case .join(_, let asked): leg = asked
        case .probe, .registration, .notification, .fork, .summary, .mailbox: return nil
        }
        return calls.contains(leg.call) ? trunk(of: leg) : nil
    }

    /// What a request went by, or would have gone by, were it not too large for that.
    private func datagramFlow(of handle: Handle) -> Flow {
        let flow = clients[handle].flow
        return clients[handle].datagramListener.map {
            Flow(transport: .udp, listener: $0, remote: flow.remote)
        } ?? flow
    }

    /// Where another request has left since, that one may have been heard, and then no lower number is
    /// taken (RFC 3261 §12.2.2): this one gets the next.
    private mutating func renumber(_ bytes: inout [UInt8]) {
        guard let request = parseOwn(bytes), let (leg, place) = dialog(of: request),
            calls[leg.call][leg.side].dialogs[place].localCSeq > request.cseqNumber
        else { return }
        calls[leg.call][leg.side].dialogs[place].advanceLocalCSeq(by: 1)
        let number = calls[leg.call][leg.side].dialogs[place].localCSeq
        let field = Array("\r\nCSeq: ".utf8)
        let old = field + Array("\(request.cseqNumber) ".utf8)
        guard let range = bytes.firstRange(of: old) else { return }
        bytes.replaceSubrange(range, with: field + Array("\(number) ".utf8))
    }

    /// The dialog that a request of ours is in; nil where its call is over.
    func dialog(of request: Message) -> (leg: LegReference, place: Int)? {
        guard let leg = request.fromTag.flatMap(Token.number).flatMap({ legs[$0] }),
            calls.contains(leg.call),
            let place = calls[leg.call][leg.side].dialogIndex(ofOwn: request)
        else { return nil }
        return (leg, place)
    }

    // MARK: Silence

    /// A place that has others beside it has its share of the time.
    mutating func armSilence(_ handle: Handle) {
        guard let trunk = trunkInDialog(of: handle) else { return }
        let flow = datagramFlow(of: handle)
        let next = nextPlace(
            of: nextHop(of: clients[handle].request), spokenFrom: flow, trunk: trunk,
            past: clients[handle].tried + [flow.hop])
        let key = DeadlineKey(kind: .silentPlace, slot: handle.slot)
        guard case .at(_, let others) = next else {
            deadlines.remove(key)
            return
        }
        let left = min(patience(of: handle), now + settings.timers.timeout) - now
        let share = Instant.Span(nanoseconds: left.nanoseconds / Int64(others + 2))
        deadlines.set(key, at: now + max(share, Self.shortestSilence))
    }

    mutating func silentPlaceDeadlineReached(_ handle: Handle) {
        let isInvite: Bool
        switch clients[handle].machine {
        case .invite(let machine):
            guard machine.isUnanswered else { return }
            isInvite = true
        case .other(let machine):
            guard machine.isUnanswered else { return }
            isInvite = false
        }
        nextHopNames.failed(clients[handle].flow.hop, now: now)
        switch sendElsewhere(handle) {
        case .ends, .waits: break
        case .left where isInvite:
            // It may be answered yet, and then wants an ACK.
            clients[handle].isAbandoned = true
            cancel(client: handle, reason: nil)
        case .left: forget(client: handle)
        }
    }

    // MARK: ACK

    /// Where the ACK of a 2xx inside a dialog goes: to the place that has answered, as long as the dialog
    /// names the same next hop as before.
    mutating func acknowledgementFlow(
        to leg: LegReference, dialog place: Int? = nil, answering client: Handle?
    ) -> Flow {
        if let client, clients.contains(client), !clients[client].request.isEmpty,
            trunk(of: leg) != nil,
            let last = calls[leg.call][leg.side].dialogs.indices.last,
            calls[leg.call][leg.side].dialogs[place ?? last].nextHop
                .elementsEqual(nextHop(of: clients[client].request))
        {
            return datagramFlow(of: client)
        }
        return requestFlow(to: leg, dialog: place)
    }

    /// A 2xx has come again: its ACK may have gone to a dead place, which nothing says. Each time it goes
    /// to one more; after the last one to the first again, since an ACK to a living one may be lost, too.
    mutating func acknowledgeElsewhere(_ handle: Handle) {
        guard let trunk = trunkReached(by: handle) else { return }
        let flow = clients[handle].flow
        let bytes = clients[handle].acknowledgement
        let hop = nextHop(of: bytes)
        var next = nextPlace(
            of: hop, spokenFrom: flow, trunk: trunk, past: clients[handle].tried + [flow.hop])
        if case .nowhere = next, !clients[handle].tried.isEmpty {
            clients[handle].tried = []
            next = nextPlace(of: hop, spokenFrom: flow, trunk: trunk, past: [flow.hop])
        }
        guard case .at(let other, _) = next else { return }
        let again =
            other.listener == flow.listener ? bytes : readdressed(bytes, from: flow, to: other)
        guard let again else { return }
        clients[handle].tried.append(other.hop)
        send(request: again, on: other)
    }
}
