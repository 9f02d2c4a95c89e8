import SIP

// The tables of transactions: making entries, sending through them, their deadlines.

extension Switch {
    static let allowedMethods =
        "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, UPDATE, INFO, PRACK, REFER, NOTIFY, SUBSCRIBE, "
        + "MESSAGE"
    static let serverName = "Tandem"
    /// What a request counts as that would be larger than a message may be (RFC 3261 §21.5.7).
    static let tooLarge = 513
    /// Of a Reason that goes on in a CANCEL or a BYE, which have to be sent in any case: a longer one is left
    /// out.
    static let reasonBytes = 1_024

    // MARK: Server side

    /// Where the responses to a request go (RFC 3261 §18.2.2, RFC 3581 §4).
    ///
    /// Never to the `maddr` of its Via, which §18.2.2 asks for: that is for multicast, which nothing of
    /// ours listens to, and anybody could have us answer to somebody else by it.
    func replyFlow(of request: Message, on flow: Flow) -> Flow {
        guard !flow.transport.isReliable, request.topVia.rport == .absent else { return flow }
        var reply = flow
        reply.remote.port = request.topVia.port ?? 5060
        return reply
    }

    mutating func makeServer(
        for request: Message, key: TransactionKey, on flow: Flow, localTag: UInt64? = nil,
        user: ServerEntry.User = .nobody
    ) -> Handle {
        let reliable = flow.transport.isReliable
        let machine: ServerEntry.Machine =
            request.method == .invite
            ? .invite(
                ServerInviteTransaction(reliable: reliable, timers: settings.timers, now: now))
            : .other(ServerTransaction(reliable: reliable, timers: settings.timers, now: now))
        let entry = ServerEntry(
            key: key, machine: machine, user: user, flow: replyFlow(of: request, on: flow),
            source: flow.remote, request: request, localTag: localTag ?? tokens.next())
        let handle = servers.insert(entry)
        serverHandles[key] = handle
        serversOfAddress[flow.remote.ip.network, default: 0] += 1
        rearm(server: handle)
        return handle
    }

    /// Whether one more request may begin a transaction: the table has room, and its sender has not had
    /// its share.
    func hasRoom(for flow: Flow) -> Bool {
        guard servers.count < settings.limits.transactions else { return false }
        let limit = settings.limits.transactionsOfAddress
        // Mostly the table is smaller than one share, and nobody is looked up.
        guard servers.count >= limit,
            let own = serversOfAddress[flow.remote.ip.network], own >= limit
        else { return true }
        return trustedAddresses.contains(flow.remote.ip)
    }

    private mutating func forget(server handle: Handle) {
        guard let entry = servers.remove(handle) else { return }
        serverHandles[entry.key] = nil
        let address = entry.source.ip.network
        guard let place = serversOfAddress.index(forKey: address) else { return }
        if serversOfAddress.values[place] > 1 {
            serversOfAddress.values[place] -= 1
        } else {
            serversOfAddress.remove(at: place)
        }
    }

    /// Sends a response through its transaction.
    ///
    /// - Parameter toTag: nil leaves the To of the request as it is.
    /// - Returns: false where it is larger than a message may be. Then a provisional one is not sent, a
    ///   2xx is a 502, and another refusal goes without what it says beside its status.
    @discardableResult
    mutating func respond(
        _ handle: Handle, _ status: Int, reason: String? = nil, toTag: [UInt8]? = nil,
        dialogForming: Bool = false, body: ArraySlice<UInt8> = [],
        contentType: ArraySlice<UInt8> = [], extra: (inout MessageWriter) -> Void = { _ in }
    ) -> Bool {
        guard servers.contains(handle), let request = servers[handle].request else { return true }
        let bytes = request.response(
            status, reason: reason, toTag: status == 100 ? nil : toTag,
            source: servers[handle].source, dialogForming: dialogForming,
            extra: { writer in
                writer.field(.server, Self.serverName)
                extra(&writer)
            }, body: body, contentType: contentType)
        guard isSendable(bytes, answering: handle) else {
            if status >= 200 {
                let told = status < 300 ? 502 : status
                let bare = request.response(told, toTag: toTag, source: servers[handle].source)
                respond(handle, told, bytes: bare)
            }
            return false
        }
        respond(handle, status, bytes: bytes)
        return true
    }

    /// Whether a response is no larger than a message may be.
    mutating func isSendable(_ response: [UInt8], answering handle: Handle) -> Bool {
        let isDatagram = !servers[handle].flow.transport.isReliable
        if MessageLimits.admit(response, isDatagram: isDatagram) { return true }
        counters.count("responses-too-large")
        log(.notice, "a response of \(response.count) bytes is larger than a message may be")
        return false
    }

    /// Sends a response that is written already.
    mutating func respond(_ handle: Handle, _ status: Int, bytes: [UInt8]) {
        switch servers[handle].machine {
        case .invite(var machine):
            let action = machine.responseSent(status, now: now)
            servers[handle].machine = .invite(machine)
            guard action == .send else { return }
        case .other(var machine):
            let action = machine.responseSent(status, now: now)
            servers[handle].machine = .other(machine)
            guard action == .send else {
                // A 408 is swallowed (RFC 4320 §4.2), and its transaction has an end all the same.
                rearm(server: handle)
                return
            }
        }
        let flow = servers[handle].flow
        if flow.transport == .udp {
            send(bytes, on: flow)
        } else {
            sendOnConnection(bytes, answering: handle)
        }
        if status >= 200 {
            servers[handle].request = nil
            servers[handle].user = .nobody
        }
        // A 2xx to INVITE is sent again by the dialog, not by the transaction (RFC 6026 §7.1).
        let isAnswer = (200..<300).contains(status)
        switch servers[handle].machine {
        case .invite: servers[handle].response = isAnswer ? [] : bytes
        case .other: servers[handle].response = bytes
        }
        rearm(server: handle)
    }

    /// Answers without keeping anything: challenges, and what is refused before anyone is known.
    mutating func answerStatelessly(
        _ request: Message, _ status: Int, on flow: Flow, reason: String? = nil,
        retryAfter: Int? = nil, extra: (inout MessageWriter) -> Void = { _ in }
    ) {
        guard request.method != .ack else { return }
        let bytes = request.response(
            status, reason: reason, toTag: Token.text(tokens.next()), source: flow.remote,
            extra: { writer in
                writer.field(.server, Self.serverName)
                if let retryAfter { writer.field(.retryAfter, retryAfter) }
                extra(&writer)
            })
        send(bytes, on: replyFlow(of: request, on: flow))
    }

    mutating func rearm(server handle: Handle) {
        guard servers.contains(handle) else { return }
        let key = DeadlineKey(kind: .server, slot: handle.slot)
        let isTerminated: Bool
        let deadline: Instant
        switch servers[handle].machine {
        case .invite(let machine):
            isTerminated = machine.isTerminated
            deadline = machine.deadline
        case .other(let machine):
            isTerminated = machine.isTerminated
            deadline = machine.deadline
        }
        if isTerminated {
            deadlines.remove(key)
            forget(server: handle)
        } else {
            deadlines.set(key, at: deadline)
        }
    }

    mutating func serverDeadlineReached(_ handle: Handle) {
        switch servers[handle].machine {
        case .invite(var machine):
            let action = machine.deadlineReached(now: now)
            servers[handle].machine = .invite(machine)
            switch action {
            case .none, .terminated: break
            case .sendTrying: respond(handle, 100)
            case .retransmit: send(servers[handle].response, on: servers[handle].flow)
            case .timedOut: counters.count("refusals-not-acknowledged")
            }
        case .other(var machine):
            let action = machine.deadlineReached(now: now)
            servers[handle].machine = .other(machine)
            switch action {
            case .none, .terminated: break
            case .sendTrying: respond(handle, 100)
            }
        }
        rearm(server: handle)
    }

    // MARK: Client side

    /// Sends a request of ours and waits for its responses. One that is larger than a message may be, or
    /// for which there is no connection and none can be made, fails at once, after this turn: with 513, or
    /// with 503.
    ///
    /// - Parameters:
    ///   - trunk: of one inside a dialog that no leg of a call waits for: the trunk it goes to.
    ///   - old: it is the same request once more, and has what is left of the time of that one.
    mutating func makeClient(
        _ method: Method, branch: UInt64, bytes: [UInt8], flow: Flow, user: ClientEntry.User,
        trunk: String? = nil, inPlaceOf old: Handle? = nil
    ) -> Handle {
        var bytes = bytes
        var flow = flow
        var datagramListener: UInt16?
        var unsent: ClientEntry.Unsent?
        if flow.transport.isReliable {
            let known = reached(flow, to: nextHop(of: bytes))
            if known == nil { unsent = .noConnection }
            let way = known ?? flow
            if way.listener != flow.listener {
                bytes = readdressed(bytes, from: flow, to: way) ?? bytes
            }
            flow = way
            if flow.transport == .tls { bytes = secured(bytes, on: flow, answering: nil) }
        } else if bytes.count > Self.largestDatagram,
            let stream = streamFlow(forLarge: bytes, on: flow),
            let large = readdressed(bytes, from: flow, to: stream)
        {
            datagramListener = flow.listener
            (bytes, flow) = (large, stream)
        }
        if !MessageLimits.admit(bytes, isDatagram: !flow.transport.isReliable) {
            log(.notice, "\(method.name) of \(bytes.count) bytes is larger than a message may be")
            (unsent, bytes) = (.tooLarge, [])
        }
        if unsent == nil, flow.transport.isReliable { connections.used(flow) }
        let key = ClientEntry.Key(branch: branch, isCancel: method == .cancel)
        let handle = keep(
            client: ClientEntry(
                key: key, method: method,
                machine: clientMachine(method, reliable: flow.transport.isReliable), user: user,
                flow: flow, request: bytes, datagramListener: datagramListener, unsent: unsent,
                trunk: trunk, startedAt: old.map { clients[$0].startedAt } ?? now,
                tried: old.map { clients[$0].tried } ?? [],
                refusal: old.map { clients[$0].refusal } ?? []))
        if let unsent {
            switch unsent {
            case .noConnection: counters.count("no-connection")
            case .tooLarge: counters.count("requests-too-large")
            }
            rearm(client: handle)
            return handle
        }
        if nextHopNames.hasChoices { armSilence(handle) }
        if nextHopNames.isAsking { notes(handle, on: flow, to: nextHop(of: bytes)) }
        send(bytes, on: flow)
        rearm(client: handle)
        return handle
    }

    mutating func keep(client entry: consuming ClientEntry) -> Handle {
        let key = entry.key
        askedPlaces.add(entry.flow.remote)
        let handle = clients.insert(entry)
        clientHandles[key] = handle
        return handle
    }

    /// What is sent again of a request of ours goes elsewhere from now on.
    mutating func move(client handle: Handle, to flow: Flow) {
        askedPlaces.remove(clients[handle].flow.remote)
        askedPlaces.add(flow.remote)
        clients[handle].flow = flow
    }

    func clientMachine(
        _ method: Method, reliable: Bool, until: Instant = .distantFuture
    ) -> ClientEntry.Machine {
        let timers = settings.timers
        return method == .invite
            ? .invite(
                ClientInviteTransaction(reliable: reliable, timers: timers, now: now, until: until))
            : .other(ClientTransaction(reliable: reliable, timers: timers, now: now, until: until))
    }

    mutating func rearm(client handle: Handle) {
        guard clients.contains(handle) else { return }
        let key = DeadlineKey(kind: .client, slot: handle.slot)
        let isTerminated: Bool
        let deadline: Instant
        switch clients[handle].machine {
        case .invite(let machine):
            isTerminated = machine.isTerminated
            deadline = machine.deadline
        case .other(let machine):
            isTerminated = machine.isTerminated
            deadline = machine.deadline
        }
        // One that has ended is removed by whoever it tells, at its deadline, or here at once.
        let isDue = isTerminated || clients[handle].unsent != nil
        deadlines.set(key, at: isDue ? now : deadline)
    }

    mutating func forget(client handle: Handle) {
        guard clients.contains(handle) else { return }
        deadlines.remove(DeadlineKey(kind: .client, slot: handle.slot))
        if nextHopNames.hasChoices {
            deadlines.remove(DeadlineKey(kind: .silentPlace, slot: handle.slot))
        }
        clientHandles[clients[handle].key] = nil
        askedPlaces.remove(clients[handle].flow.remote)
        clients.remove(handle)
    }

    mutating func clientDeadlineReached(_ handle: Handle) {
        if let unsent = clients[handle].unsent {
            // While a name server is asked for another place, it has the time of any other.
            clients[handle].unsent = nil
            switch unsent {
            case .noConnection: transportFailed(client: handle, why: "no connection")
            case .tooLarge:
                clientFailed(
                    handle, status: Self.tooLarge, why: "larger than a message may be",
                    isUnheard: false)
            }
            rearm(client: handle)
            return
        }
        switch clients[handle].machine {
        case .invite(var machine):
            if machine.isTerminated {
                forget(client: handle)
                return
            }
            let isUnheard = machine.isUnanswered
            let action = machine.deadlineReached(now: now)
            clients[handle].machine = .invite(machine)
            switch action {
            case .none: break
            case .retransmit:
                if !clients[handle].isAbandoned {
                    send(clients[handle].request, on: clients[handle].flow)
                    counters.count("retransmissions")
                }
            case .rangTooLong: cancel(client: handle, reason: nil)
            case .timedOut:
                clientFailed(handle, status: 408, why: "no answer", isUnheard: isUnheard)
                return
            case .terminated:
                forget(client: handle)
                return
            }
        case .other(var machine):
            if machine.isTerminated {
                forget(client: handle)
                return
            }
            let isUnheard = machine.isUnanswered
            let action = machine.deadlineReached(now: now)
            clients[handle].machine = .other(machine)
            switch action {
            case .none: break
            case .retransmit:
                send(clients[handle].request, on: clients[handle].flow)
                counters.count("retransmissions")
            case .timedOut:
                clientFailed(handle, status: 408, why: "no answer", isUnheard: isUnheard)
                return
            case .terminated:
                forget(client: handle)
                return
            }
        }
        rearm(client: handle)
    }

    /// A request of ours ended without a response.
    ///
    /// - Parameters:
    ///   - status: what that counts as: 408 or 503 (RFC 3261 §8.1.3.1), or `tooLarge`, where it was never
    ///     sent and nobody is to blame for it.
    ///   - isUnheard: nothing came at all.
    mutating func clientFailed(_ handle: Handle, status: Int, why: String, isUnheard: Bool) {
        let user = clients[handle].user
        let flow = clients[handle].flow
        if isUnheard {
            nextHopNames.failed(flow.hop, now: now)
            if goesElsewhere(handle) { return }
        }
        if wasRefused(handle) {
            forget(client: handle)
            return
        }
        forget(client: handle)
        switch user {
        case .nobody: break
        case .attempt(let call, let callee):
            guard calls.contains(call) else { return }
            attemptFailed(
                call, callee: callee, status: status, reason: nil, text: why,
                isSilence: status != Self.tooLarge)
        case .relay(let call, let to, let server, let method):
            relayFailed(
                status: status, of: call, to: to, on: flow, server: server, serverMethod: method)
        case .probe(let trunk, let target): probeFailed(why, by: target, trunk: trunk)
        case .registration(let trunk): registerUnanswered(why, trunk: trunk)
        case .check(let call, let side): checkUnanswered(status, of: call, side: side, on: flow)
        case .notification(let subscription):
            notificationUnanswered(status, subscription: subscription, on: flow)
        case .fork(let fork, let phone, let flow):
            forkAnswered(
                status, of: fork, phone: phone, flow: flow, isSilence: status != Self.tooLarge)
        case .summary(let number, let registration):
            summaries[number]?.missed(by: registration)
        case .mailbox(let mailbox): mailboxFailed(mailbox, why)
        case .join(let call, let asked): joinUnanswered(status, for: call, by: asked, on: flow)
        }
    }

    // MARK: ACK and CANCEL

    /// Sends the ACK of a 2xx and keeps it, to send again when the 2xx comes again.
    ///
    /// - Returns: false where its body makes it larger than a message may be, so that it went without.
    @discardableResult
    mutating func acknowledge(
        _ response: Message, dialog: Dialog, flow: Flow, client handle: Handle?,
        body: ArraySlice<UInt8> = [], contentType: ArraySlice<UInt8> = []
    ) -> Bool {
        acknowledge(
            cseq: response.cseqNumber, dialog: dialog, flow: flow, client: handle, body: body,
            contentType: contentType)
    }

    @discardableResult
    mutating func acknowledge(
        cseq: UInt32, dialog: Dialog, flow: Flow, client handle: Handle?,
        body: ArraySlice<UInt8> = [], contentType: ArraySlice<UInt8> = []
    ) -> Bool {
        var writer = MessageWriter(capacity: 512 + body.count)
        dialog.acknowledgement(
            cseq: cseq, via: via(branch: tokens.next(), listener: flow.listener), into: &writer)
        writer.field(.maxForwards, 70)
        let bytes = writer.finish(body: body, contentType: contentType)
        guard
            body.isEmpty
                || MessageLimits.admit(bytes, isDatagram: !flow.transport.isReliable)
        else {
            counters.count("requests-too-large")
            acknowledge(cseq: cseq, dialog: dialog, flow: flow, client: handle)
            return false
        }
        send(request: bytes, on: flow)
        if let handle, clients.contains(handle) {
            clients[handle].acknowledgement = bytes
            clients[handle].request = []
            // A 2xx that comes again is acknowledged at the same place.
            move(client: handle, to: flow)
            if nextHopNames.isAsking { notes(handle, on: flow, to: nextHop(of: bytes)) }
        }
        return true
    }

    /// The ACK of a 3xx-6xx: the transaction's own (RFC 3261 §17.1.1.3).
    mutating func acknowledgeRefusal(_ response: Message, of handle: Handle) {
        guard let invite = parseOwn(clients[handle].request) else { return }
        let bytes = invite.ack(for: response)
        clients[handle].acknowledgement = bytes
        send(bytes, on: clients[handle].flow)
    }

    mutating func resendAcknowledgement(of handle: Handle) {
        guard !clients[handle].acknowledgement.isEmpty else { return }
        send(clients[handle].acknowledgement, on: clients[handle].flow)
        if nextHopNames.hasChoices { acknowledgeElsewhere(handle) }
    }

    /// Takes an INVITE of ours back, now or as soon as it may be (RFC 3261 §9.1).
    mutating func cancel(client handle: Handle, reason: [UInt8]?) {
        guard clients.contains(handle) else { return }
        switch clients[handle].machine {
        case .invite(var machine):
            let action = machine.cancelRequested(now: now)
            clients[handle].machine = .invite(machine)
            switch action {
            case .send: sendCancel(of: handle, reason: reason)
            case .wait: clients[handle].cancelReason = reason ?? []
            case .none: break
            }
            rearm(client: handle)
        case .other: break
        }
    }

    mutating func sendCancel(of handle: Handle, reason: [UInt8]?) {
        guard let invite = parseOwn(clients[handle].request) else { return }
        let bytes = invite.cancel { writer in
            if let reason, reason.count <= Self.reasonBytes { writer.field(.reason, reason) }
        }
        _ = makeClient(
            .cancel, branch: clients[handle].key.branch, bytes: bytes, flow: clients[handle].flow,
            user: .nobody)
    }

    // MARK: Pieces of requests

    func via(branch: UInt64, listener: UInt16) -> [UInt8] {
        var bytes = listenerText(listener).via
        Token.append(branch, to: &bytes)
        return bytes
    }

    func listenerText(_ listener: UInt16) -> ListenerText {
        listenerTexts[min(Int(listener), listenerTexts.count - 1)]
    }

    /// BYE in a dialog; nobody waits for its answer but its own transaction.
    ///
    /// - Parameter trunk: that it goes to, whose password answers a challenge to it.
    mutating func sendBye(
        in dialog: inout Dialog, flow: Flow, reason: [UInt8]?, trunk: String? = nil
    ) {
        let (branch, bytes) = bye(in: &dialog, flow: flow, reason: reason)
        _ = makeClient(
            .bye, branch: branch, bytes: bytes, flow: flow, user: .nobody, trunk: trunk)
    }

    /// The BYE itself, and the number of its branch.
    mutating func bye(
        in dialog: inout Dialog, flow: Flow, reason: [UInt8]?
    ) -> (branch: UInt64, bytes: [UInt8]) {
        let branch = tokens.next()
        var writer = MessageWriter(capacity: 512)
        _ = dialog.nextRequest(
            .bye, via: via(branch: branch, listener: flow.listener), into: &writer)
        writer.field(.maxForwards, 70)
        if let reason, reason.count <= Self.reasonBytes { writer.field(.reason, reason) }
        writer.field(.userAgent, Self.serverName)
        return (branch, writer.finish())
    }

    /// The value of a Reason header (RFC 3326): the Q.850 cause, and a SIP status where it says more.
    static func reason(q850: Int, text: String, status: Int? = nil) -> [UInt8] {
        var value = "Q.850;cause=\(q850);text=\"\(quotable(text))\""
        if let status { value += ", SIP;cause=\(status);text=\"\(quotable(text))\"" }
        return Array(value.utf8)
    }

    /// The value of a Warning for people (RFC 3261 §20.43).
    func warning(_ text: String, listener: UInt16) -> [UInt8] {
        Array("399 ".utf8) + listenerText(listener).hostPort
            + Array(" \"\(Self.quotable(text))\"".utf8)
    }

    /// What may stand between quotes (RFC 3261 §25.1, quoted-string). By scalars: a quote with a mark that
    /// combines with it is another `Character`, and ends the string all the same.
    private static func quotable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result.append("\\") }
            result.append(scalar.value < 0x20 || scalar.value == 0x7f ? " " : scalar)
        }
        return String(result)
    }

    /// All that a message's Reason headers say, in the value of one; nil when it has none.
    static func reasons(in message: Message) -> [UInt8]? {
        let values = message.values(.reason).map { Array($0) }
        return values.isEmpty ? nil : Array(values.joined(separator: Array(", ".utf8)))
    }

    /// The Q.850 cause of a message's Reason header, when it has one.
    static func q850(in message: Message) -> Int? {
        for element in message.elements(.reason) {
            let parameters = Parameters(element)
            var isQ850 = false
            for (place, parameter) in parameters.enumerated() {
                if place == 0 {
                    isQ850 = String(decoding: parameter.name, as: UTF8.self).uppercased() == "Q.850"
                } else if isQ850,
                    String(decoding: parameter.name, as: UTF8.self).lowercased() == "cause",
                    let value = parameter.value,
                    // It has seven bits (Q.850 §2.1): anything else says nothing.
                    let cause = Int(String(decoding: value, as: UTF8.self)), 1...127 ~= cause
                {
                    return cause
                }
            }
        }
        return nil
    }
}
