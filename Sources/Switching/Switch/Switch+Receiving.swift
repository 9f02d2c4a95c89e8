import SIP

// From bytes to the transaction they belong to, and on to who answers them.

extension Switch {
    mutating func receive(_ datagram: Datagram) {
        counters.received += 1
        if !bans.isEmpty, isDropped(datagram.flow) {
            counters.banned += 1
            return
        }
        if shares.isInForce, isTooMuch(datagram) { return }
        if datagram.flow.transport.isReliable {
            connections.heard(on: datagram.flow)
            proveTrunk(datagram.flow)
        } else {
            registrar.keptFlows.heard(on: datagram.flow, now: now)
            if STUNMessage.isMeant(by: datagram.bytes) {
                stunReceived(datagram)
                return
            }
        }
        do throws(ParseError) {
            let message = try Message(parsing: datagram.bytes)
            if message.isRequest {
                receive(request: message, on: datagram.flow)
            } else {
                receive(response: message, on: datagram.flow)
            }
        } catch {
            // Keep-alives are no messages and no fault (RFC 5626 §4.4.1).
            if error.reason == .empty { return }
            counters.malformed += 1
            offended(.malformed, on: datagram.flow)
            if let request = error.answerable {
                answerStatelessly(request, error.status, on: datagram.flow, reason: error.phrase)
            }
        }
    }

    // MARK: Requests

    private mutating func receive(request: Message, on flow: Flow) {
        let method = request.method
        let key = TransactionKey(server: request)
        if let handle = serverHandles[key] {
            follow(flow, of: handle)
            absorb(request, method: method, on: flow, in: handle)
            return
        }
        switch method {
        case .ack:
            // The ACK of a 2xx is a transaction of its own; any other that finds none is too late.
            acknowledgementReceived(request, on: flow)
            return
        case .cancel:
            cancelReceived(request, key: key, on: flow)
            return
        case .invite, .bye, .options, .register, .update, .info, .prack, .subscribe, .notify,
            .refer, .message, .publish, .other:
            break
        }
        if overload.isActive, turnedAway(request, method: method, on: flow) { return }
        // A full table never keeps anybody from hanging up: that is what empties it.
        guard hasRoom(for: flow) || method == .bye else {
            counters.count("refused-transactions-full")
            asked(on: flow)
            answerStatelessly(request, 503, on: flow, retryAfter: 5)
            return
        }
        guard URI(parsing: request.requestURI) != nil else {
            counters.malformed += 1
            offended(.malformed, on: flow)
            answerStatelessly(request, 400, on: flow, reason: "Malformed Request-URI")
            return
        }
        if request.maxForwards == 0 {
            asked(on: flow)
            answerStatelessly(request, 483, on: flow)
            return
        }
        if request.toTag != nil {
            receive(inDialog: request, key: key, on: flow)
            return
        }
        switch method {
        case .invite: inviteReceived(request, key: key, on: flow)
        case .register: registerReceived(request, key: key, on: flow)
        case .options: optionsReceived(request, on: flow)
        case .notify:
            if !summaryReceived(request, key: key, on: flow) {
                offended(.strayRequest, on: flow)
                answerStatelessly(request, 481, on: flow)
            }
        case .message: textReceived(request, key: key, on: flow)
        case .bye, .update, .info, .prack:
            // They mean nothing outside of a dialog.
            offended(.strayRequest, on: flow)
            answerStatelessly(request, 481, on: flow)
        case .refer:
            // A stranger learns no more than that it needs a password; and in an extension's name too
            // only what it talks to already is sent elsewhere.
            if trunk(sending: request, on: flow) == nil {
                guard case .subscriber = authenticate(request, on: flow) else { return }
            }
            counters.count("transfers-refused")
            answerStatelessly(request, 403, on: flow, reason: "REFER Only Inside A Call")
        case .subscribe: subscribeReceived(request, key: key, on: flow)
        case .publish, .other, .ack, .cancel:
            offended(.strayRequest, on: flow)
            answerStatelessly(request, 405, on: flow) { $0.field(.allow, Self.allowedMethods) }
        }
    }

    /// A request whose transaction is known: it came again, or it is the ACK of a refusal.
    private mutating func absorb(
        _ request: Message, method: Method, on flow: Flow, in handle: Handle
    ) {
        switch servers[handle].machine {
        case .invite(var machine):
            if method == .ack {
                let action = machine.acknowledgementReceived(now: now)
                servers[handle].machine = .invite(machine)
                rearm(server: handle)
                switch action {
                case .pass: acknowledgementReceived(request, on: flow)
                case .absorb: break
                }
                return
            }
            let action = machine.requestReceived(now: now)
            servers[handle].machine = .invite(machine)
            switch action {
            case .resend: resendResponse(of: handle)
            case .absorb: break
            }
        case .other(var machine):
            let action = machine.requestReceived(now: now)
            servers[handle].machine = .other(machine)
            switch action {
            case .resend: resendResponse(of: handle)
            case .absorb: break
            }
        }
        rearm(server: handle)
    }

    /// A phone's address translation may have got a new port since the request first came: what is
    /// answered goes where it came from last (RFC 3581 §4). Another address is somebody else's.
    private mutating func follow(_ flow: Flow, of handle: Handle) {
        guard flow.remote.ip == servers[handle].flow.remote.ip,
            flow.transport == servers[handle].flow.transport
        else { return }
        servers[handle].flow = flow
    }

    private mutating func resendResponse(of handle: Handle) {
        guard !servers[handle].response.isEmpty else { return }
        send(servers[handle].response, on: servers[handle].flow)
    }

    private mutating func cancelReceived(_ request: Message, key: TransactionKey, on flow: Flow) {
        let invite = serverHandles[TransactionKey(canceledBy: request)]
        guard let invite, isSender(of: invite, at: flow.remote.ip) else {
            asked(on: flow)
            strayCancel(request, on: flow)
            return
        }
        follow(flow, of: invite)
        // The To tag of both answers is the same (RFC 3261 §9.2).
        let tag = Token.text(servers[invite].localTag)
        let server = makeServer(
            for: request, key: key, on: flow, localTag: servers[invite].localTag)
        respond(server, 200, toTag: tag)
        switch servers[invite].machine {
        case .invite(let machine):
            if machine.isDecided { return }
        case .other:
            return
        }
        switch servers[invite].user {
        case .nobody: break
        case .call(let call): callerCancelled(call, request: request)
        case .relay(_, _, let client): cancel(client: client, reason: Self.reasons(in: request))
        }
    }

    /// Whether whoever is there may take a request back: it came from that address, or from another one
    /// of the same trunk. Only the hop that sent it may (RFC 3261 §22.1 last paragraph).
    private func isSender(of handle: Handle, at ip: IPAddress) -> Bool {
        if servers[handle].source.ip == ip || servers[handle].flow.remote.ip == ip { return true }
        switch servers[handle].user {
        case .nobody: return false
        case .call(let call):
            return calls.contains(call) && isTrunk(of: .caller, in: call, at: ip)
        case .relay(let call, let side, _):
            return calls.contains(call) && isTrunk(of: side, in: call, at: ip)
        }
    }

    // MARK: Responses

    private mutating func receive(response: Message, on flow: Flow) {
        guard let branch = response.topVia.branch, let number = Token.branchNumber(branch),
            let handle = clientHandles[
                ClientEntry.Key(branch: number, isCancel: response.method == .cancel)],
            clients[handle].method == response.method
        else {
            if isKeepAliveAnswer(response) { return }
            asked(on: flow)
            strayResponse(response, on: flow)
            return
        }
        switch clients[handle].machine {
        case .invite(var machine):
            let action = machine.responseReceived(response.status, now: now)
            clients[handle].machine = .invite(machine)
            rearm(client: handle)
            switch action {
            case .absorb: break
            case .acknowledgeAgain: resendAcknowledgement(of: handle)
            case .pass: responsePassed(response, to: handle)
            case .passAndCancel:
                let reason = clients[handle].cancelReason
                sendCancel(of: handle, reason: reason.isEmpty ? nil : reason)
                responsePassed(response, to: handle)
            case .passAndAcknowledge:
                acknowledgeRefusal(response, of: handle)
                responsePassed(response, to: handle)
            }
        case .other(var machine):
            let action = machine.responseReceived(response.status, now: now)
            clients[handle].machine = .other(machine)
            rearm(client: handle)
            switch action {
            case .absorb: break
            case .pass: responsePassed(response, to: handle)
            }
        }
    }

    private mutating func responsePassed(_ response: Message, to handle: Handle) {
        nextHopNames.answered(clients[handle].flow.hop)
        if answersChallenge(response, of: handle) || asksLongerSession(response, of: handle)
            || goesElsewhere(handle, after: response)
        {
            return
        }
        tell(response, of: handle)
    }

    /// Tells whoever waits for it.
    mutating func tell(_ response: Message, of handle: Handle) {
        switch clients[handle].user {
        case .nobody: strayAnswer(response, of: handle)
        case .attempt(let call, let callee):
            guard calls.contains(call) else {
                strayAnswer(response, of: handle)
                return
            }
            responseReceived(response, call: call, callee: callee, client: handle)
        case .relay(let call, let to, let server, let method):
            responseReceived(
                response, relayedTo: to, of: call, server: server, serverMethod: method,
                client: handle)
        case .probe(let trunk, let target):
            probeAnswered(response.status, by: target, trunk: trunk)
        case .registration(let trunk): registerAnswered(response, trunk: trunk)
        case .check(let call, let side): checkAnswered(response, of: call, side: side)
        case .notification(let subscription):
            notificationAnswered(response.status, subscription: subscription)
        case .fork(let fork, let phone, let flow):
            forkAnswered(response.status, of: fork, phone: phone, flow: flow)
        // Whatever it says to that, it has heard it.
        case .summary: break
        case .mailbox(let mailbox): mailboxAnswered(response, by: mailbox, client: handle)
        case .join(let call, let asked):
            joinAnswered(response, for: call, by: asked, client: handle)
        }
    }

    /// The callee answered an INVITE whose call is over or has gone elsewhere: acknowledge and hang up
    /// at once, so that nobody talks for nothing (RFC 3261 §9.1).
    mutating func strayAnswer(_ response: Message, of handle: Handle) {
        guard clients[handle].method == .invite, (200..<300).contains(response.status) else {
            return
        }
        if !clients[handle].acknowledgement.isEmpty {
            let known = parseOwn(clients[handle].acknowledgement)?.toTag.map { Array($0) }
            if known == response.toTag.map({ Array($0) }) {
                resendAcknowledgement(of: handle)
            } else {
                // Another phone behind the same contact answered too.
                hangUp(
                    response, on: clients[handle].flow, trunk: trunkReached(by: handle))
            }
            return
        }
        guard let request = parseOwn(clients[handle].request),
            var dialog = Dialog(request: request, response: response)
        else { return }
        let trunk = trunkReached(by: handle)
        let flow = requestFlow(
            to: dialog.nextHop, spokenFrom: clients[handle].flow, trunk: trunk)
        acknowledge(response, dialog: dialog, flow: flow, client: handle)
        // A re-INVITE that the end of its call overtook: the BYE is on the way, with a lower number
        // than another one would have.
        guard request.toTag == nil else { return }
        // Its ringing may have been acknowledged with numbers that nobody knows any more.
        dialog.advanceLocalCSeq(by: Self.skippedCSeqs)
        sendBye(
            in: &dialog, flow: flow,
            reason: Self.reason(q850: Causes.normalClearing, text: "The call is over"),
            trunk: trunk)
    }

    /// Bytes that we wrote ourselves; what does not parse is our own bug, and ends one transaction.
    mutating func parseOwn(_ bytes: [UInt8]) -> Message? {
        do throws(ParseError) {
            return try Message(parsing: bytes)
        } catch {
            assertionFailure("our own request does not parse: \(error)")
            log(.error, "a request of our own does not parse: \(error)")
            return nil
        }
    }

    // MARK: Failures of the transport

    /// Every request that waits on this flow has met a dead end (RFC 3261 §18.4).
    mutating func transportFailed(_ flow: Flow) {
        counters.count("transport-failures")
        nextHopNames.failed(flow.hop, now: now)
        if flow.transport.isReliable {
            _ = connections.closed(flow)
            registrar.unreachable(flow)
        }
        // What has heard something by UDP may still be answered: a host that takes nothing for a moment has
        // not forgotten what rings there.
        failClients(on: flow, isWhole: flow.transport.isReliable)
    }

    /// ICMP says that a datagram was not delivered. Anybody may say that in the name of any router: it
    /// counts where it quotes the branch of a request that waits there, which only those know by whom that
    /// went. From a quote that ends before, or is of a response, nothing follows: requests have times of
    /// their own, and what is sent again of them is quoted anew.
    mutating func undelivered(_ quote: Datagram) {
        guard askedPlaces.mayHold(quote.flow.remote) else { return }
        guard let branch = branch(quotedIn: quote),
            [false, true].contains(where: { isCancel in
                let key = ClientEntry.Key(branch: branch, isCancel: isCancel)
                return clientHandles[key].map { clients[$0].flow == quote.flow } ?? false
            })
        else {
            counters.count("icmp-without-a-branch-of-ours")
            return
        }
        transportFailed(quote.flow)
    }

    /// Every request of ours begins with its first line and its Via.
    private func branch(quotedIn quote: Datagram) -> UInt64? {
        let via = Array("Via: ".utf8) + listenerText(quote.flow.listener).via
        guard let line = quote.bytes.firstIndex(of: UInt8(ascii: "\n")),
            quote.bytes[(line + 1)...].starts(with: via)
        else { return nil }
        return Token.number(quote.bytes[(line + 1 + via.count)...].prefix(Token.length))
    }

    /// - Parameter isWhole: false leaves those that have heard anything: their answer may come later, or by
    ///   another connection.
    mutating func failClients(on flow: Flow, isWhole: Bool) {
        guard askedPlaces.mayHold(flow.remote) else { return }
        for handle in clients.handles where clients.contains(handle) {
            guard clients[handle].flow.remote == flow.remote,
                clients[handle].flow.transport == flow.transport
            else { continue }
            if fallsBackToUDP(client: handle) { continue }
            if !isWhole, !isUnanswered(client: handle) { continue }
            if !flow.transport.isReliable, isInsideCall(client: handle),
                clients[handle].refusal.isEmpty
            {
                // Another place is tried at once; where there is none, it is sent again here in its time.
                // Nobody hangs up since a phone or a gateway took nothing for a moment.
                _ = goesElsewhere(handle)
                continue
            }
            transportFailed(client: handle, why: "transport error")
        }
    }

    /// Whether a request of ours was sent in a dialog of a call.
    private func isInsideCall(client handle: Handle) -> Bool {
        switch clients[handle].user {
        case .relay, .check, .join: true
        case .nobody: clients[handle].method == .bye
        case .attempt, .probe, .registration, .notification, .fork, .mailbox, .summary: false
        }
    }

    /// Nothing has come yet to a request of ours.
    func isUnanswered(client handle: Handle) -> Bool {
        switch clients[handle].machine {
        case .invite(let machine): machine.isUnanswered
        case .other(let machine): machine.isUnanswered
        }
    }

    mutating func transportFailed(client handle: Handle, why: String) {
        let isUnheard = isUnanswered(client: handle)
        switch clients[handle].machine {
        case .invite(var machine):
            let action = machine.transportFailed()
            clients[handle].machine = .invite(machine)
            guard action == .report else { return }
        case .other(var machine):
            let action = machine.transportFailed()
            clients[handle].machine = .other(machine)
            guard action == .report else { return }
        }
        clientFailed(handle, status: 503, why: why, isUnheard: isUnheard)
    }
}
