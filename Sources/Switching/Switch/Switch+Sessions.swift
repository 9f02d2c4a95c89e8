import SIP

// Is everybody still there? A phone or gateway that has died says no BYE, and its call would go on, and
// be charged, for ever.
//
// A side that says nothing for a while (`CallSettings.aliveCheck`) is asked in its dialog by a request
// that changes nothing (`PeerMethods.question`); 481, or no answer at all, ends the call. This holds for
// every peer, and it is what bounds the time that a dead call is charged: the check's interval and the
// 32 s of its transaction. A phone that registers as one does that has begun anew is asked at once.
//
// Session timers (RFC 4028) run besides, for peers that count on them. Each leg has its own: the switch
// is the other end of both dialogs. The peer refreshes where it can; an UPDATE without a session
// description is answered here, and a re-INVITE goes on to the other leg as any other. Where the peer
// asks us to refresh, we do, by UPDATE, or by a re-INVITE of both legs where it takes none.

extension Switch {
    /// What a 2xx says of the session timer.
    struct SessionAnswer {
        var value: String
        /// The peer refreshes, and has to know that it does (RFC 4028 §9).
        var isPeers: Bool

        func write(to writer: inout MessageWriter) {
            writer.field(.sessionExpires, value)
            if isPeers { writer.field(.require, "timer") }
        }
    }

    private var sessionSeconds: UInt32 {
        UInt32(clamping: settings.calls.session.milliseconds / 1000)
    }

    private func hasTimer(_ message: Message) -> Bool {
        message.has("timer", in: .supported) || message.has("timer", in: .require)
    }

    /// Whether a request wants its session refreshed more often than we take (RFC 4028 §9).
    func isTooBrief(_ request: Message) -> Bool {
        guard let wish = SessionWish(request), hasTimer(request) else { return false }
        return wish.seconds < SessionTimer.leastSeconds
    }

    // MARK: Agreeing

    /// The timer of a leg whose request is answered with a 2xx; nil where there is none.
    mutating func agreeSession(of leg: LegReference, asked request: Message) -> SessionAnswer? {
        calls[leg.call][leg.side].methods.told(by: request)
        let wish = SessionWish(request)
        let isAble = hasTimer(request)
        guard isAble || wish != nil else {
            calls[leg.call][leg.side].session = nil
            return nil
        }
        let least = max(request.number(.minSE) ?? 0, SessionTimer.leastSeconds)
        let seconds = max(min(wish?.seconds ?? sessionSeconds, sessionSeconds), least)
        let isPeers = isAble && wish?.isByRequester ?? true
        calls[leg.call][leg.side].session = SessionTimer(
            seconds: seconds, isOurs: !isPeers, expiresAt: now + .seconds(Int(seconds)))
        armSession(leg.call)
        return SessionAnswer(
            value: "\(seconds);refresher=\(isPeers ? "uac" : "uas")", isPeers: isPeers)
    }

    /// The timer of a leg that has answered a request of ours with a 2xx.
    mutating func sessionAgreed(of leg: LegReference, by response: Message) {
        calls[leg.call][leg.side].methods.told(by: response)
        guard let wish = SessionWish(response) else {
            // Nobody refreshes any more (RFC 4028 §7.2).
            calls[leg.call][leg.side].session = nil
            return
        }
        let seconds = max(wish.seconds, SessionTimer.leastSeconds)
        calls[leg.call][leg.side].session = SessionTimer(
            seconds: seconds, isOurs: wish.isByRequester ?? true,
            expiresAt: now + .seconds(Int(seconds)))
        armSession(leg.call)
    }

    /// Session-Expires of a new INVITE: the peer refreshes, if it knows how to.
    func writeSession(into writer: inout MessageWriter) {
        writer.field(.sessionExpires, "\(sessionSeconds);refresher=uas")
        writer.field(.minSE, Int(SessionTimer.leastSeconds))
    }

    /// Session-Expires of an INVITE or UPDATE in a dialog that has a timer.
    func writeSession(of leg: LegReference, into writer: inout MessageWriter) {
        guard let session = calls[leg.call][leg.side].session else { return }
        writer.field(.sessionExpires, session.offer)
    }

    /// An INVITE or UPDATE of ours was refused since that side takes no session so brief: again, with what
    /// it wants (RFC 4028 §7.3). Each leg has its own timer, so that nobody else hears of it.
    ///
    /// - Returns: false when the refusal is one.
    mutating func asksLongerSession(_ response: Message, of handle: Handle) -> Bool {
        guard response.status == 422, let least = response.number(.minSE), least <= 86_400,
            let request = parseOwn(clients[handle].request), let wish = SessionWish(request),
            least > wish.seconds, (request.number(.minSE) ?? 0) < least, isAwaited(handle)
        else { return false }
        let branch = tokens.next()
        let flow = clients[handle].flow
        let cseq = nextCSeq(after: request, of: handle)
        let refresher = wish.isByRequester == true ? "uac" : "uas"
        // A password that was asked for will be again, and each use of a nonce has its number.
        let challengers = clients[handle].challengers
        let name = trunkAsked(by: handle)
        let credentials =
            name.flatMap {
                trunks[$0]?.digest?.credentials(
                    for: request, to: challengers, cnonce: tokens.cnonce())
            } ?? []
        let bytes = Self.again(
            request, via: via(branch: branch, listener: flow.listener), cseq: cseq,
            without: [.sessionExpires, .minSE, .authorization, .proxyAuthorization],
            with: [
                (.sessionExpires, Array("\(least);refresher=\(refresher)".utf8)),
                (.minSE, Array("\(least)".utf8)),
            ] + credentials)
        let client = replace(handle, by: bytes, branch: branch, on: flow)
        // A reload may have forgotten what the operator asked for: it will ask again.
        clients[client].challengers = credentials.isEmpty ? [] : challengers
        return true
    }

    /// Whether somebody still waits for what an INVITE or UPDATE of ours is answered.
    private func isAwaited(_ handle: Handle) -> Bool {
        switch clients[handle].user {
        case .attempt(let call, let callee):
            calls.contains(call) && calls[call].callees[callee].state == .trying
        case .relay(let call, _, let server, _):
            calls.contains(call) && servers.contains(server) && servers[server].request != nil
        case .join(_, let asked): isTalking(asked)
        // A refresh of ours says by itself what it asks for next (`checkAnswered`).
        case .check, .nobody, .probe, .registration, .notification, .fork, .summary, .mailbox:
            false
        }
    }

    /// UPDATE that only refreshes: answered here, since it says nothing to the other side.
    mutating func refreshReceived(
        _ request: Message, key: TransactionKey, on flow: Flow, leg: LegReference, dialog: Int
    ) {
        let server = makeServer(for: request, key: key, on: flow)
        calls[leg.call][leg.side].dialogs[dialog].responseSent(200, to: request)
        let session = agreeSession(of: leg, asked: request)
        let contact = listenerText(flow.listener).contact
        respond(server, 200) { writer in
            writer.field(.contact, contact)
            writer.field(.allow, Self.allowedMethods)
            writer.field(.supported, "timer")
            session?.write(to: &writer)
        }
        journalAgain(leg.call)
    }

    // MARK: While the call runs

    /// A leg has said something in its dialog, or is asked something there that ends its call when nobody
    /// answers: another request at its heels could overtake it, and cost it its turn (RFC 3261 §12.2.2).
    /// One that has come back from a restart is asked all the same: what it says first may have been on
    /// its way before.
    mutating func heard(_ leg: LegReference) {
        guard calls[leg.call][leg.side].heardAt != Leg.unheard else { return }
        calls[leg.call][leg.side].heardAt = now
    }

    /// Both sides of a call are connected.
    mutating func beginSessions(_ handle: Handle) {
        for side in talkingSides(of: handle) { calls[handle][side].heardAt = now }
        armSession(handle)
    }

    /// Sets the deadline for the next thing that is due of either leg.
    mutating func armSession(_ handle: Handle) {
        guard case .connected = calls[handle].phase else { return }
        var next = Instant.distantFuture
        for side in talkingSides(of: handle) {
            if let session = calls[handle][side].session { next = min(next, session.dueAt) }
            if settings.calls.aliveCheck > .zero {
                next = min(next, calls[handle][side].heardAt + settings.calls.aliveCheck)
            }
        }
        guard next < .distantFuture else { return }
        deadlines.set(DeadlineKey(kind: .sidesCheck, slot: handle.slot), at: max(next, now))
    }

    private func talkingSides(of handle: Handle) -> [Side] {
        var sides: [Side] = []
        if calls[handle].caller.state == .answered { sides.append(.caller) }
        if let callee = calls[handle].connected, calls[handle].callees[callee].state == .answered {
            sides.append(.callee(callee))
        }
        return sides
    }

    mutating func sidesCheckDeadlineReached(_ handle: Handle) {
        guard case .connected = calls[handle].phase else { return }
        let check = settings.calls.aliveCheck
        for side in talkingSides(of: handle) {
            let leg = LegReference(call: handle, side: side)
            if let session = calls[handle][side].session, session.dueAt <= now {
                guard session.isOurs else {
                    let name = shownName(of: leg)
                    cut(
                        handle, text: "\(name) has not refreshed the session", status: nil,
                        q850: Causes.recoveryOnTimerExpiry)
                    return
                }
                calls[handle][side].session?.refreshed(now: now)
                refresh(leg)
            }
            let heardAt = calls[handle][side].heardAt
            if heardAt == Leg.unheard || check > .zero && heardAt + check <= now {
                calls[handle][side].heardAt = now
                ask(leg)
            }
        }
        armSession(handle)
    }

    private mutating func refresh(_ leg: LegReference) {
        if calls[leg.call][leg.side].methods.contains(.update) {
            ask(leg, by: .update)
        } else {
            restore(leg)
        }
    }

    /// Is it still there?
    ///
    /// - Parameter newFlow: where it is asked, other than where it speaks from.
    private mutating func ask(
        _ leg: LegReference, by method: Method? = nil, on newFlow: Flow? = nil
    ) {
        heard(leg)
        let method = method ?? calls[leg.call][leg.side].methods.question
        let branch = tokens.next()
        let flow = newFlow ?? requestFlow(to: leg)
        let last = calls[leg.call][leg.side].dialogs.count - 1
        var writer = MessageWriter(capacity: 512)
        _ = calls[leg.call][leg.side].dialogs[last].nextRequest(
            method, via: via(branch: branch, listener: flow.listener), into: &writer)
        writer.field(.maxForwards, 70)
        writer.field(.contact, listenerText(flow.listener).contact)
        writer.field(.userAgent, Self.serverName)
        if method == .update {
            // One that said nothing of a session that has a timer would end that (RFC 4028 §7.1).
            writer.field(.supported, "timer")
            writeSession(of: leg, into: &writer)
        }
        _ = makeClient(
            method, branch: branch, bytes: writer.finish(), flow: flow,
            user: .check(call: leg.call, side: leg.side))
    }

    /// What a side said when it was asked whether it is still in the call, or told that we are.
    func isGone(_ response: Message) -> Bool { response.status == 481 || response.status == 408 }

    mutating func checkAnswered(_ response: Message, of handle: Handle, side: Side) {
        guard response.status >= 200, isTalking(LegReference(call: handle, side: side)) else {
            return
        }
        // Whatever else it says, it is there (RFC 3261 §12.2.1.2).
        guard !isGone(response) else {
            legLost(handle, side: side, status: response.status)
            return
        }
        let leg = LegReference(call: handle, side: side)
        calls[handle][side].lostAsks = 0
        heard(leg)
        guard response.method == .update else { return }
        if response.status < 300 {
            if let index = calls[handle][side].dialogIndex(remoteTag: response.toTag ?? []) {
                calls[handle][side].dialogs[index].responseReceived(response)
            }
            sessionAgreed(of: leg, by: response)
        } else if response.status == 422, let least = response.number(.minSE), least <= 86_400 {
            guard var session = calls[handle][side].session, session.isOurs,
                least > session.seconds
            else { return }
            session.seconds = least
            session.refreshed(now: now)
            calls[handle][side].session = session
            refresh(leg)
        } else if response.status != 491, response.status != 500 {
            calls[handle][side].methods.remove(.update)
            if calls[handle][side].session?.isOurs == true { restore(leg) }
        }
    }

    // MARK: Phones that begin anew

    /// How long a phone is given after it has registered, and how seldom the calls are looked through
    /// for such phones.
    private static let restartPause = Instant.Span.seconds(1)
    /// Extensions whose phones wait to be asked; more are found by the usual check.
    static let restartedPhoneLimit = 10_000

    /// A phone has registered as one does that lost its power for a moment: by a new Call-ID. It may
    /// have lost its calls too, or register anew for another reason, so it is asked.
    ///
    /// - Parameters:
    ///   - flows: where it was reached until now.
    ///   - flow: where it is now.
    mutating func phoneRestarted(_ number: String, flows: [Flow], on flow: Flow) {
        guard settings.calls.aliveCheck > .zero, callsOfExtension[number] != nil,
            restartedPhones.count < Self.restartedPhoneLimit
        else { return }
        if restartedPhones.isEmpty {
            deadlines.set(
                DeadlineKey(kind: .restartedPhones, slot: 0), at: now + Self.restartPause)
        }
        for old in flows { restartedPhones[number, default: [:]][old] = flow }
    }

    /// All that have registered since the last time are looked for at once: nobody knows of an extension
    /// in which calls it is.
    mutating func restartedPhonesDeadlineReached() {
        let phones = restartedPhones
        restartedPhones = [:]
        func isSought(_ number: String?) -> Bool { number.map { phones[$0] != nil } ?? false }
        for handle in calls.handles {
            guard case .connected = calls[handle].phase,
                isSought(calls[handle].callerExtension) || isSought(calls[handle].calleeExtension)
            else { continue }
            for side in talkingSides(of: handle) {
                let leg = LegReference(call: handle, side: side)
                guard let number = subscriber(at: leg)?.number, let flows = phones[number],
                    trunk(of: leg) == nil, let flow = flows[calls[handle][side].flow]
                else { continue }
                ask(leg, on: flow)
            }
        }
    }

    // MARK: Nobody answers

    mutating func checkUnanswered(_ status: Int, of handle: Handle, side: Side, on flow: Flow) {
        guard calls.contains(handle),
            !waitsForReturn(
                LegReference(call: handle, side: side), status: status, askedOn: flow)
        else { return }
        legLost(handle, side: side, status: status)
    }

    /// Whether a side that nothing was heard of may still be in its call; then it is asked again.
    ///
    /// A phone whose connection broke comes back by another. It waits before it connects again (RFC 5626
    /// §4.5), so it is asked for as long as it might have said nothing, two minutes at most. One that has
    /// registered elsewhere since it was asked is asked there, but only once more where it had the time of a
    /// whole transaction.
    mutating func waitsForReturn(
        _ leg: LegReference, status: Int, askedOn flow: Flow
    ) -> Bool {
        guard case .connected = calls[leg.call].phase, calls[leg.call][leg.side].state != .ended
        else { return false }
        let own = calls[leg.call][leg.side].flow
        let isElsewhere = flow != own && trunk(of: leg) == nil
        let limit: Int64
        switch status {
        case 503 where own.transport.isReliable:
            let asks = settings.calls.aliveCheck.nanoseconds / Self.lostAskPause.nanoseconds
            limit = min(max(asks, Self.lostAsks.lowerBound), Self.lostAsks.upperBound)
        case 503 where isElsewhere: limit = Self.lostAsks.lowerBound
        case 408 where isElsewhere: limit = 1
        default: return false
        }
        guard calls[leg.call][leg.side].lostAsks < limit else { return false }
        calls[leg.call][leg.side].lostAsks += 1
        calls[leg.call][leg.side].heardAt = Leg.unheard
        deadlines.set(
            DeadlineKey(kind: .sidesCheck, slot: leg.call.slot), at: now + Self.lostAskPause)
        return true
    }

    private static let lostAsks: ClosedRange<Int64> = 6...24
    private static let lostAskPause = Instant.Span.seconds(5)
}
