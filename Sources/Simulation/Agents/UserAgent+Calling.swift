import SIP

// A phone registers; a phone or gateway calls, gives up, talks and hangs up.

extension UserAgent {
    // MARK: REGISTER

    mutating func register(now: Instant) {
        guard kind == .phone, !isCalm, condition != .dead else { return }
        registerCSeq += 1
        let own = Array("<sip:\(number)@example.com>".utf8)
        var writer = begin(
            .register, uri: Array("sip:example.com".utf8), from: own + Array(";tag=r".utf8),
            to: own, callID: Array("register-\(index)-\(boots)".utf8),
            cseq: registerCSeq)
        writer.field(.expires, registerExpires)
        authorise(&writer, .register, uri: Array("sip:example.com".utf8))
        send(writer.finish(), session: [], now: now)
    }

    private mutating func registered(_ response: Message, now: Instant) {
        switch response.status {
        case 401:
            _ = responder.challenged(by: response.values(.wwwAuthenticate))
            register(now: now)
        case 200: after(.seconds(registerExpires * 3 / 4), .register, now: now)
        default: after(.seconds(5), .register, now: now)
        }
    }

    private mutating func authorise(_ writer: inout MessageWriter, _ method: Method, uri: [UInt8]) {
        guard kind == .phone,
            let field = responder.credentials(
                method: method, uri: uri, cnonce: Array("cnonce".utf8))
        else { return }
        writer.field(.authorization, field)
    }

    // MARK: INVITE

    /// Begins a call. A gateway says who calls; a phone is who it is.
    ///
    /// - Returns: its Call-ID.
    mutating func call(
        serial: Int, caller: String, dialled: String, talk: Instant.Span, patience: Instant.Span?,
        replaces: String? = nil, now: Instant
    ) -> [UInt8] {
        let callID = newCallID()
        let host = kind == .phone ? "example.com" : "192.0.2.1"
        let from = "<sip:\(caller)@\(kind == .phone ? "example.com" : "gateway.example")>;tag="
        let uri = Array("sip:\(dialled)@\(host)".utf8)
        var session = Session(
            isCaller: true, serial: serial, callID: callID,
            local: Array(from.utf8) + newTag(),
            remote: Array("<".utf8) + uri + Array(">".utf8), target: uri, talk: talk)
        session.replaces = replaces
        session.leavesOutAck = faults.contains(.missingAcks) && chance.happens(permille: 60)
        sessions[callID] = session
        invite(callID, now: now)
        if let patience { after(patience, .patience(callID: callID), now: now) }
        return callID
    }

    private mutating func invite(_ callID: [UInt8], now: Instant) {
        guard var session = sessions[callID] else { return }
        session.cseq += 1
        var writer = begin(
            .invite, uri: session.target, from: session.local, to: session.remote, callID: callID,
            cseq: session.cseq)
        writeRoute(into: &writer)
        writer.field(
            .subject, "call \(session.serial) talk \(session.talk.milliseconds)")
        if faults.contains(.reliableProvisionals) { writer.field(.supported, "100rel") }
        askForSession(&writer, &session)
        if let replaces = session.replaces { writer.field(.replaces, replaces) }
        authorise(&writer, .invite, uri: session.target)
        // Some offer late.
        let bytes =
            chance.happens(permille: 50)
            ? writer.finish() : writer.finish(body: Self.offer, contentType: "application/sdp")
        session.inviteKey = send(bytes, session: callID, now: now)
        session.invite = session.inviteKey.flatMap { outstanding[$0]?.message }
        sessions[callID] = session
    }

    mutating func responseReceived(_ response: Message, now: Instant) {
        let key = TransactionID(response)
        guard let request = outstanding[key] else {
            if response.method == .invite { answeredAgain(response) }
            return
        }
        if response.status < 200 {
            outstanding[key]?.isProceeding = true
            if response.has("100rel", in: .require) { acknowledge(provisional: response, now: now) }
            return
        }
        outstanding[key] = nil
        switch response.method {
        case .register: registered(response, now: now)
        case .invite:
            if request.message.toTag == nil {
                invited(response, request, now: now)
            } else if response.status < 300 {
                acknowledge(response)
            } else {
                acknowledge(response, refusalOf: request)
            }
        case .bye: end(request.session)
        case .refer where response.status >= 300: sessions[request.session]?.isHandedOn = false
        case .update where response.status < 300: refreshed(by: response, now: now)
        case .ack, .cancel, .options, .update, .info, .prack, .subscribe, .notify, .refer,
            .message, .publish, .other:
            break
        }
    }

    /// The final response to the INVITE that began a call.
    private mutating func invited(_ response: Message, _ request: Outstanding, now: Instant) {
        let callID = request.session
        guard let session = sessions[callID] else { return }
        if response.status >= 300 {
            acknowledge(response, refusalOf: request)
            guard response.status == 401, session.state == .inviting, session.challenges < 3,
                responder.challenged(by: response.values(.wwwAuthenticate)) == .answer
            else { return end(callID) }
            sessions[callID]?.challenges += 1
            invite(callID, now: now)
            return
        }
        established(by: response, callID)
        refreshed(by: response, now: now)
        switch session.state {
        case .inviting:
            sessions[callID]?.state = .talking
            if !session.leavesOutAck { acknowledge(response) }
            talk(callID, now: now)
        case .canceled:
            // It crossed our CANCEL: take it and hang up.
            acknowledge(response)
            sessions[callID]?.state = .talking
            hangUp(callID, now: now)
        case .answered, .talking, .leaving, .ended: break
        }
    }

    /// PRACK, once for each of them (RFC 3262 §4).
    private mutating func acknowledge(provisional response: Message, now: Instant) {
        let callID = Array(response.callID)
        guard let session = sessions[callID], session.state == .inviting,
            let rseq = response.number(.rseq), let tag = response.toTag.map(Array.init),
            session.acknowledged[tag] ?? 0 < rseq, let to = response.value(.to),
            let target = response.address(.contact)?.uri
        else { return }
        sessions[callID]?.acknowledged[tag] = rseq
        sessions[callID]?.cseq += 1
        var writer = begin(
            .prack, uri: Array(target), from: session.local, to: Array(to), callID: callID,
            cseq: session.cseq + 2)
        writer.field(.rack, "\(rseq) \(response.cseqNumber) INVITE")
        send(writer.finish(), session: callID, now: now)
    }

    /// A 2xx that came once more: its ACK was lost.
    private mutating func answeredAgain(_ response: Message) {
        guard (200..<300).contains(response.status),
            let session = sessions[Array(response.callID)], !session.leavesOutAck,
            !session.isForgotten
        else { return }
        acknowledge(response)
    }

    private mutating func established(by response: Message, _ callID: [UInt8]) {
        if let to = response.value(.to) { sessions[callID]?.remote = Array(to) }
        if let contact = response.address(.contact) {
            sessions[callID]?.target = Array(contact.uri)
        }
    }

    private mutating func acknowledge(_ response: Message) {
        guard let session = sessions[Array(response.callID)] else { return }
        let writer = begin(
            .ack, uri: session.target, from: session.local, to: session.remote,
            callID: session.callID, cseq: Int(response.cseqNumber))
        outbox.append(writer.finish())
    }

    private mutating func acknowledge(_ response: Message, refusalOf request: Outstanding) {
        outbox.append(request.message.ack(for: response))
    }

    // MARK: Giving up, talking, hanging up

    mutating func giveUp(_ callID: [UInt8], now: Instant) {
        guard sessions[callID]?.isCaller == true else {
            stopRinging(callID)
            return
        }
        guard let session = sessions[callID], session.state == .inviting,
            let key = session.inviteKey, let request = outstanding[key]
        else { return }
        sessions[callID]?.state = .canceled
        send(request.message.cancel(), session: callID, now: now)
        after(.seconds(32), .forget(callID: callID), now: now)
    }

    /// The call stands: what this side will do in it.
    mutating func talk(_ callID: [UInt8], now: Instant) {
        guard let session = sessions[callID] else { return }
        // Half of the time the callee is the one to hang up, or both are.
        let isBoth = faults.contains(.crossingByes) && session.serial % 3 == 0
        let isCallers = session.serial % 2 == 0
        let waits = isBoth || isCallers == session.isCaller
        // A side that waits for the other one hangs up at last.
        after(
            waits ? session.talk : session.talk * 2 + .seconds(5), .hangUp(callID: callID),
            now: now)
        if faults.contains(.glare) ? session.serial % 4 == 0 : chance.happens(permille: 100) {
            let half = Instant.Span(nanoseconds: session.talk.nanoseconds / 2)
            after(half, .midCall(callID: callID), now: now)
        }
    }

    mutating func hangUp(_ callID: [UInt8], now: Instant) {
        guard let session = sessions[callID] else { return }
        switch session.state {
        case .talking, .answered: break
        case .inviting:
            giveUp(callID, now: now)
            return
        case .canceled, .leaving, .ended: return
        }
        sessions[callID]?.state = .leaving
        sessions[callID]?.answer = []
        sessions[callID]?.cseq += 1
        let writer = begin(
            .bye, uri: session.target, from: session.local, to: session.remote, callID: callID,
            cseq: session.cseq + 1)
        send(writer.finish(), session: callID, now: now)
    }

    /// Hold, resume, digits, refresh.
    mutating func midCall(_ callID: [UInt8], now: Instant) {
        guard let session = sessions[callID], session.state == .talking, !isCalm else { return }
        let method: Method = faults.contains(.glare) ? .invite : chance.pick([.invite, .info])
        sessions[callID]?.cseq += 1
        let writer = begin(
            method, uri: session.target, from: session.local, to: session.remote, callID: callID,
            cseq: session.cseq + 1)
        let isEmpty = method == .info || chance.happens(permille: 200)
        send(
            isEmpty
                ? writer.finish()
                : writer.finish(body: Self.offer, contentType: "application/sdp"),
            session: callID, now: now)
        if chance.happens(permille: 500) {
            after(
                .milliseconds(chance.number(in: 200...8000)), .midCall(callID: callID), now: now)
        }
    }
}
