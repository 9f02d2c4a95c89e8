import Charging
import Dialplan
import SIP

// Trying: all phones of an extension, or one route after another until one of them takes the call.

extension Switch {
    // MARK: Phones

    /// Sends the call to every phone that is registered for an extension; where that cannot be, it goes
    /// on as the extension's user or the plan says.
    mutating func ring(_ handle: Handle, extension number: String) {
        if let problem = ringPhones(handle, of: number) {
            guard !goesOn(handle, after: problem, at: number) else { return }
            fail(handle, problem.status, q850: problem.q850, problem.text)
            return
        }
        let milliseconds = calls[handle].routing?.fallbacks.ringMilliseconds
        attemptBegan(
            handle, firstAnswerWithin: nil,
            ringsFor: milliseconds.map { .milliseconds(Int($0)) })
    }

    // MARK: Routes

    /// Takes the next route that can take the call; without one the caller is told why.
    mutating func tryNextRoute(_ handle: Handle) {
        while calls[handle].nextRoute < calls[handle].routes.count, mayTryOnceMore(handle) {
            let choice = withFreeLine(calls[handle].routes[calls[handle].nextRoute])
            calls[handle].routes[calls[handle].nextRoute] = choice
            calls[handle].nextRoute += 1
            if let problem = take(choice, for: handle) {
                var attempt = attemptRecord(choice)
                attempt.outcome = .skipped
                attempt.q850 = problem.q850
                attempt.reason = problem.text
                calls[handle].record.attempts.append(attempt)
                keep(problem, of: handle)
                continue
            }
            if let refusal = reserve(handle) {
                giveBackRoute(of: handle)
                var attempt = attemptRecord(choice)
                attempt.outcome = .skipped
                attempt.sipStatus = refusal.status
                attempt.q850 = refusal.q850
                attempt.reason = refusal.text
                calls[handle].record.attempts.append(attempt)
                keep(refusal, of: handle)
                continue
            }
            send(handle, on: choice)
            return
        }
        let failure =
            calls[handle].lastFailure
            ?? Call.Failure(status: 503, q850: Causes.noCircuit, text: "no route is left")
        guard !goesToNextContact(handle, after: failure) else { return }
        fail(handle, failure.status, q850: failure.q850, failure.text)
    }

    /// Whether the limit of attempts leaves one more. Ways that were passed over cost nothing and do not
    /// count, and nothing bounds a call for help but the ways that there are.
    func mayTryOnceMore(_ handle: Handle) -> Bool {
        if calls[handle].isEmergency { return true }
        let earlier = calls[handle].routing?.earlierAttempts ?? 0
        let attempts = calls[handle].record.attempts.dropFirst(earlier)
        return attempts.count { $0.outcome != .skipped } < settings.limits.attempts
    }

    /// A group of lines becomes its first free line; where none can be taken it stays as it is.
    private func withFreeLine(_ choice: RouteChoice) -> RouteChoice {
        guard case .lines(let group) = choice.via,
            let line = plan.firstLine(
                ofGroup: group, where: { linesInUse[$0] == nil && !isDown(line: $0) })
        else { return choice }
        var choice = choice
        choice.via = .line(line)
        return choice
    }

    /// Takes the line or channel of a route.
    ///
    /// - Returns: why it cannot be taken.
    private mutating func take(_ choice: RouteChoice, for handle: Handle) -> Call.Failure? {
        let name: String
        var line: String?
        switch choice.via {
        case .trunk(let trunk): name = trunk
        case .line(let number):
            guard let gateway = lineGateways.gateway(of: number) else {
                return Call.Failure(
                    status: 503, q850: Causes.noCircuit, text: "line \(number) has no gateway")
            }
            name = gateway.trunk
            line = number
        case .lines(let group):
            // Of the free ones none is on a gateway that lives.
            let isFree = plan.firstLine(ofGroup: group, where: { linesInUse[$0] == nil }) != nil
            return Call.Failure(
                status: 503, q850: isFree ? Causes.networkOutOfOrder : Causes.noCircuit,
                text: isFree
                    ? "no gateway of the free lines of \(group) is up"
                    : "all lines of \(group) are in use")
        }
        // Parts of the trunk, not the trunk: a copy that is held makes taking a channel copy them all.
        guard let targets = trunks[name]?.targets else {
            return Call.Failure(
                status: 503, q850: Causes.noCircuit, text: "there is no trunk \(name)")
        }
        let isEmergency = calls[handle].isEmergency
        let isToBeSecure = isToBeSecure(handle)
        guard !isToBeSecure || targets.isEmpty || targets.hops.contains(where: \.isSecure) else {
            let text = "\(name) is not reached by TLS, as sips asks for"
            return Call.Failure(
                status: 480, q850: Causes.noCircuit, text: text, warning: text)
        }
        if let why = trunks[name]!.downReason, !isEmergency || targets.isEmpty {
            return Call.Failure(
                status: 503, q850: Causes.networkOutOfOrder, text: "\(name) is down: \(why)")
        }
        if let line, linesInUse[line] != nil {
            return Call.Failure(
                status: 503, q850: Causes.noCircuit, text: "line \(line) is in use")
        }
        // A call on a line is one on the trunk of its gateway, too: both directions count there.
        let channel: Int?
        switch trunks[name]!.channels.seize(isEmergency: isEmergency) {
        case .taken(let number): channel = number
        case .allTaken:
            return Call.Failure(
                status: 503, q850: Causes.noCircuit, text: "all channels of \(name) are in use")
        case .onlyReserved:
            return Call.Failure(
                status: 503, q850: Causes.noCircuit,
                text: "the free channels of \(name) are kept for emergency calls")
        }
        guard isEmergency || trunks[name]!.rate.admits(now: now) else {
            trunks[name]!.channels.free(channel)
            let limit = trunks[name]!.settings.callsPerSecond
            return Call.Failure(
                status: 503, q850: Causes.switchCongestion,
                text: "\(name) takes no more than \(limit) calls a second")
        }
        if let line {
            linesInUse[line] = calls[handle].id
            calls[handle].holding = .line(number: line, trunk: name)
        } else {
            calls[handle].holding = .trunk(name: name)
        }
        calls[handle].channel = channel
        let order = targets.order(now: now, using: &tokens)
        calls[handle].targetsLeft = isToBeSecure ? order.filter(\.isSecure) : order
        calls[handle].isTrial = trunks[name]!.attemptStarted(now: now)
        return nil
    }

    /// Gives back what the current attempt holds.
    mutating func giveBackRoute(of handle: Handle) {
        let holding = calls[handle].holding
        if let name = holding.trunk {
            abandonTrial(of: handle, trunk: name)
            let channel = calls[handle].channel
            freeChannel(channel, of: name)
        }
        if case .line(let number, _) = holding { linesInUse[number] = nil }
        calls[handle].holding = .nothing
        calls[handle].channel = nil
        calls[handle].targetsLeft = []
    }

    private func attemptRecord(_ choice: RouteChoice) -> CallRecord.Attempt {
        switch choice.via {
        case .trunk(let name): CallRecord.Attempt(route: name, kind: .trunk, startedAt: wallTime)
        case .line(let number), .lines(let number):
            CallRecord.Attempt(route: number, kind: .line, startedAt: wallTime)
        }
    }

    /// Sends the call to the next address of the route that it holds.
    mutating func send(_ handle: Handle, on choice: RouteChoice) {
        let trunk: TrunkSettings
        switch calls[handle].holding {
        case .nothing: return
        case .trunk(let name), .line(_, let name): trunk = trunks[name]!.settings
        }
        let hop = calls[handle].targetsLeft.removeFirst()
        calls[handle].target = hop
        let shown: String
        switch choice.via {
        case .line(let number), .lines(let number): shown = choice.presented ?? number
        case .trunk:
            let caller = calls[handle].payingExtension ?? calls[handle].record.caller
            shown = choice.presented ?? plan.line(of: caller) ?? caller
        }
        calls[handle].record.presented = shown
        var attempt = attemptRecord(choice)
        attempt.channel = calls[handle].channel
        calls[handle].record.attempts.append(attempt)
        let flow = trunk.flow(to: hop)
        let target = target(
            of: choice, trunk: trunk, channel: calls[handle].channel, at: hop,
            isSips: isToBeSecure(handle))
        let from = identity(name: [], user: shown, listener: flow.listener)
        let hides = hidesCaller(handle)
        invite(
            handle, uri: target, from: hides ? Self.anonymous : from,
            to: Array("<".utf8) + target + Array(">".utf8),
            asserted: trunk.isTrusted || calls[handle].isEmergency ? from : nil, flow: flow,
            name: trunk.name, isTrusted: trunk.isTrusted)
        attemptBegan(handle, firstAnswerWithin: trunk.attemptTimeout)
    }

    /// - Parameter span: how long it may ring; nil for as long as the settings say.
    mutating func attemptBegan(
        _ handle: Handle, firstAnswerWithin limit: Instant.Span?, ringsFor span: Instant.Span? = nil
    ) {
        calls[handle].phase = .trying
        calls[handle].attemptStartedAt = now
        calls[handle].attemptRingingAt = nil
        if let limit {
            deadlines.set(DeadlineKey(kind: .attempt, slot: handle.slot), at: now + limit)
        }
        deadlines.set(
            DeadlineKey(kind: .noAnswer, slot: handle.slot),
            at: now + (span ?? settings.calls.noAnswer))
        journalAttempt(handle)
    }

    /// `"name" <sip:user@host:port>`
    func identity(name: [UInt8], user: String, listener: UInt16) -> [UInt8] {
        var value: [UInt8] = []
        if !name.isEmpty {
            value.append(UInt8(ascii: "\""))
            for byte in name {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    value.append(UInt8(ascii: "\\"))
                }
                value.append(byte < 0x20 ? 0x20 : byte)
            }
            value.append(contentsOf: "\" ".utf8)
        }
        value.append(contentsOf: "<sip:".utf8)
        for byte in user.utf8 { Self.appendEscaped(byte, to: &value) }
        value.append(UInt8(ascii: "@"))
        value.append(contentsOf: listenerText(listener).hostPort)
        value.append(UInt8(ascii: ">"))
        return value
    }

    /// A byte of a user part, as `%XX` when it may not stand there (RFC 3261 §25.1).
    static func appendEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "~"),
            UInt8(ascii: "*"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "&"), UInt8(ascii: "="), UInt8(ascii: "$"), UInt8(ascii: ","):
            bytes.append(byte)
        default:
            let digits = Array("0123456789ABCDEF".utf8)
            bytes.append(UInt8(ascii: "%"))
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }

    /// How many more branches a call may have at once (RFC 5393 §5.3.3): what those that are out may
    /// have by themselves is taken off.
    func freeBreadth(of handle: Handle) -> UInt32 {
        let taken = calls[handle].callees.reduce(0 as UInt32) { sum, leg in
            leg.state == .trying ? sum + leg.breadth : sum
        }
        return calls[handle].breadth > taken ? calls[handle].breadth - taken : 0
    }

    /// Sends the INVITE of one callee's leg: new Call-ID, tag, Via and Contact, the caller's body.
    ///
    /// - Parameter breadth: its share of the branches that the call may have; nil for all of them.
    mutating func invite(
        _ handle: Handle, uri: [UInt8], from: [UInt8], to: [UInt8], asserted: [UInt8]?, flow: Flow,
        name: String, route: [UInt8] = [], isPhone: Bool = false, isTrusted: Bool = true,
        breadth: UInt32? = nil
    ) {
        guard let original = calls[handle].invite else { return }
        let tag = tokens.next()
        let branch = tokens.next()
        var writer = MessageWriter(capacity: 1024 + original.body.count)
        writer.requestLine(.invite, uri: uri)
        writer.field(.via, via(branch: branch, listener: flow.listener))
        if !route.isEmpty { writer.field(.route, route) }
        writer.field(.maxForwards, max(calls[handle].maxForwards - 1, 0))
        let breadth = max(breadth ?? freeBreadth(of: handle), 1)
        writer.field(.maxBreadth, Int(breadth))
        writer.beginField(.from)
        writer.append(from)
        writer.append(";tag=")
        writer.append(Token.text(tag))
        writer.endField()
        writer.field(.to, to)
        writer.beginField(.callID)
        writer.append(tokens.callID())
        writer.append("@")
        writer.append(listenerText(flow.listener).host)
        writer.endField()
        writer.field(.cseq, "1 INVITE")
        writer.field(.contact, listenerText(flow.listener).contact)
        if let asserted { writer.field(.pAssertedIdentity, asserted) }
        if isTrusted { writeHistory(of: handle, to: to, listener: flow.listener, into: &writer) }
        writer.field(.userAgent, Self.serverName)
        writer.field(.allow, Self.allowedMethods)
        Self.copyOptions(from: original, into: &writer, toPhone: isPhone)
        writeSession(into: &writer)
        let isFromOutside = calls[handle].inboundTrunk.map {
            trunks[$0]?.settings.isTrusted != true
        }
        Self.copyPassed(from: original, into: &writer, commanding: isFromOutside != true)
        // What is asserted beside is to be shown to nobody (RFC 3325 §7), whoever has said so.
        if !original.has(.privacy), hidesCaller(handle) { writer.field(.privacy, "id") }
        let body = original.body
        let bytes = writer.finish(body: body, contentType: original.value(.contentType) ?? [])

        var leg = Leg(localTag: tag, flow: flow, name: name)
        leg.offersLate = body.isEmpty
        leg.breadth = breadth
        let index = calls[handle].callees.count
        calls[handle].callees.append(leg)
        legs[tag] = LegReference(call: handle, side: .callee(index))
        let client = makeClient(
            .invite, branch: branch, bytes: bytes, flow: flow,
            user: .attempt(call: handle, callee: index))
        calls[handle].callees[index].client = client
    }

    // MARK: What a callee says to its INVITE

    mutating func responseReceived(
        _ response: Message, call handle: Handle, callee: Int, client: Handle
    ) {
        let status = response.status
        deadlines.remove(DeadlineKey(kind: .attempt, slot: handle.slot))
        if status < 200 {
            if status > 100 {
                provisionalReceived(response, call: handle, callee: callee)
            } else {
                awaitProgress(handle, callee: callee)
            }
            return
        }
        if status < 300 {
            answered(response, call: handle, callee: callee, client: client)
            return
        }
        if status < 400 { redirected(response, call: handle, callee: callee) }
        if offersReliability(response, of: client) { return }
        let reason = Self.q850(in: response)
        let text = String(decoding: response.reasonPhrase.prefix(80), as: UTF8.self).storable
        attemptFailed(
            handle, callee: callee, status: status, reason: reason,
            text: text.isEmpty ? "\(status)" : text, isSilence: false, response: response)
    }

    /// What a refusal with such a status says beside it, without which nobody would know what to ask for
    /// instead (RFC 3261 §20.5, §21.4; RFC 4028 §6).
    private static func advice(in response: Message) -> [Call.Failure.Advice] {
        let names: [HeaderName]
        switch response.status {
        case 406, 415: names = [.accept, .acceptEncoding, .acceptLanguage]
        case 420: names = [.unsupported]
        case 422: names = [.minSE]
        case 488, 606: names = [.warning]
        default: return []
        }
        return response.fields.filter { names.contains($0.name) }.map {
            Call.Failure.Advice(name: $0.name, value: Array($0.value))
        }
    }

    /// In seconds, a day at most; the field may say more behind them (RFC 3261 §20.33).
    private static func retryAfter(in response: Message) -> UInt32? {
        response.number(.retryAfter).map { min($0, 86_400) }
    }

    private mutating func provisionalReceived(
        _ response: Message, call handle: Handle, callee: Int
    ) {
        guard calls[handle].callees[callee].state == .trying,
            case .trying = calls[handle].phase
        else { return }
        if let tag = response.toTag,
            calls[handle].callees[callee].dialogIndex(remoteTag: tag) == nil,
            calls[handle].callees[callee].dialogs.count < 16,
            let client = calls[handle].callees[callee].client,
            let request = parseOwn(clients[client].request),
            let dialog = Dialog(request: request, response: response)
        {
            calls[handle].callees[callee].dialogs.append(dialog)
            findNextHop(of: LegReference(call: handle, side: .callee(callee)))
            if let number = calls[handle].callees[callee].rings { ringsNamed(at: number) }
        }
        if response.status == 180 || response.status == 183 {
            if calls[handle].ringingAt == nil {
                calls[handle].ringingAt = now
                calls[handle].record.ringingAt = wallTime
            }
            if calls[handle].attemptRingingAt == nil { calls[handle].attemptRingingAt = now }
            // It rings: the trunk is well, however long the callee takes.
            if response.status == 180, calls[handle].isTrial { routePassed(handle) }
        }
        guard let server = calls[handle].inviteTransaction else {
            transferProgressed(handle, status: response.status)
            return
        }

        // A reliable provisional keeps being reliable, with our own number for it (RFC 3262 §3).
        var rseq: UInt32?
        if let calleeRSeq = response.number(.rseq), response.has("100rel", in: .require),
            let tag = response.toTag, !confirms(response, rseq: calleeRSeq, of: callee, in: handle)
        {
            rseq = ourRSeq(
                of: calleeRSeq, cseq: response.cseqNumber, tag: tag, callee: callee, in: handle)
        }
        guard
            let heard = callerDialog(
                of: response, call: handle, callee: callee, isReliable: rseq != nil)
        else { return }
        let tag = Token.text(heard)
        let contact = listenerText(calls[handle].caller.flow.listener).contact
        respond(
            server, response.status, reason: String(decoding: response.reasonPhrase, as: UTF8.self),
            toTag: tag, dialogForming: true, body: response.body,
            contentType: response.value(.contentType) ?? []
        ) { writer in
            writer.field(.contact, contact)
            writer.field(.allow, Self.allowedMethods)
            if let rseq {
                writer.field(.require, "100rel")
                writer.field(.rseq, Int(rseq))
            }
            Self.copyPassed(from: response, into: &writer)
        }
    }

    /// Our RSeq for a callee's: the same again when it comes again.
    mutating func ourRSeq(
        of calleeRSeq: UInt32, cseq: UInt32, tag: ArraySlice<UInt8>, callee: Int, in handle: Handle
    ) -> UInt32? {
        for known in calls[handle].provisionals
        where known.callee == callee && known.calleeRSeq == calleeRSeq
            && known.remoteTag.elementsEqual(tag)
        {
            return known.rseq
        }
        // A callee that sends more than this before it answers is no longer made reliable.
        guard calls[handle].provisionals.count < 64 else { return nil }
        calls[handle].lastRSeq += 1
        let rseq = calls[handle].lastRSeq
        calls[handle].provisionals.append(
            ReliableProvisional(
                rseq: rseq, callee: callee, remoteTag: Array(tag), calleeRSeq: calleeRSeq,
                calleeCSeq: cseq))
        return rseq
    }

    /// One callee's INVITE failed. Others may still ring; otherwise the next route is tried, or the
    /// caller is told.
    ///
    /// - Parameters:
    ///   - reason: the Q.850 cause of its Reason header.
    ///   - isSilence: nothing came at all, so that the transport or the gateway is to blame.
    ///   - response: the refusal, where there is one.
    ///   - isBlamed: false where it is no failure that its breaker should count.
    mutating func attemptFailed(
        _ handle: Handle, callee: Int, status: Int, reason: Int?, text: String, isSilence: Bool,
        response: Message? = nil, isBlamed: Bool = true
    ) {
        guard calls[handle].callees[callee].state == .trying,
            !ringsByOtherFlow(handle, callee: callee, status: status, isSilence: isSilence)
        else { return }
        calls[handle].callees[callee].state = .ended
        if let client = calls[handle].callees[callee].client, clients.contains(client) {
            leave(client: client)
        }
        if status >= 600 { declinedEverywhere(handle, callee: callee) }
        let q850 = reason ?? settings.causes.q850(ofStatus: status)
        let shown =
            reason.flatMap { settings.causes.status(ofQ850: $0) } ?? Self.shown(status)
        keep(
            Call.Failure(
                status: shown, q850: q850, text: text,
                reason: response.flatMap { Self.reasons(in: $0) }.map { given in
                    reason == nil
                        ? Self.reason(q850: q850, text: text) + Array(", ".utf8) + given : given
                },
                retryAfter: response.flatMap { Self.retryAfter(in: $0) },
                advice: response.map { Self.advice(in: $0) } ?? []), of: handle)
        rungFailed(handle, callee: callee, status: status, q850: q850, text: text)
        guard case .trying = calls[handle].phase,
            !calls[handle].callees.contains(where: { $0.state == .trying })
        else { return }
        let isOpen = isSilence || settings.causes.failsOver(status: status, reason: reason)
        finishAttempt(
            handle, status: status, q850: q850, text: text, isOpen: isOpen,
            isFault: isBlamed
                && (isSilence || settings.causes.isFault(status: status, reason: reason)))
    }

    /// A user has declined at one phone (6xx): the others of the same extension stop ringing (RFC 3261
    /// §16.7 step 5). Those of other extensions in a ring group do not.
    private mutating func declinedEverywhere(_ handle: Handle, callee: Int) {
        guard let number = calls[handle].callees[callee].rings else { return }
        for index in calls[handle].callees.indices
        where calls[handle].callees[index].rings == number
            && calls[handle].callees[index].state == .trying
        {
            calls[handle].callees[index].state = .ended
            abandon(handle, callee: index)
        }
    }

    /// A redirection or a challenge of the callee's is none of the caller's.
    private static func shown(_ status: Int) -> Int {
        switch status {
        case 300..<400: 480
        case 401, 407: 403
        // What it asks for is between it and us.
        case 421: 480
        default: status
        }
    }

    /// The current attempt has no callee left.
    ///
    /// - Parameters:
    ///   - isOpen: the network refused it and not the callee, so the next route may do better.
    ///   - isFault: it is the trunk's own fault.
    private mutating func finishAttempt(
        _ handle: Handle, status: Int, q850: Int, text: String, isOpen: Bool, isFault: Bool
    ) {
        deadlines.remove(DeadlineKey(kind: .attempt, slot: handle.slot))
        deadlines.remove(DeadlineKey(kind: .noAnswer, slot: handle.slot))
        closeAttempt(handle, outcome: .failed, status: status, q850: q850, text: text)
        let isRoute: Bool
        switch calls[handle].holding {
        case .nothing: isRoute = false
        case .trunk, .line: isRoute = true
        }
        calls[handle].phase = .routing
        if isRoute, isOpen, triesSameRouteAgain(handle, status: status, q850: q850) { return }
        if isFault {
            routeFailed(handle, text)
        } else if !isOpen {
            routePassed(handle)
        }
        giveBackRoute(of: handle)
        if isRoute, isOpen {
            if calls[handle].nextRoute < calls[handle].routes.count {
                log(
                    .notice, call: calls[handle].id,
                    "\(calls[handle].callees.last?.name ?? "route") failed (\(status) \(text)), "
                        + "trying the next route")
            }
            tryNextRoute(handle)
            return
        }
        let failure =
            calls[handle].lastFailure ?? Call.Failure(status: status, q850: q850, text: text)
        guard !self.goesOn(handle, after: failure) else { return }
        fail(handle, failure.status, q850: failure.q850, failure.text)
    }

    /// Writes the end of the running attempt into the record.
    mutating func closeAttempt(
        _ handle: Handle, outcome: CallRecord.Attempt.Outcome, status: Int, q850: Int?, text: String
    ) {
        let last = calls[handle].record.attempts.count - 1
        guard last >= 0, calls[handle].record.attempts[last].outcome == nil else { return }
        let ringing = calls[handle].attemptRingingAt.map { (now - $0).milliseconds } ?? 0
        calls[handle].record.attempts[last].outcome = outcome
        calls[handle].record.attempts[last].sipStatus = status
        calls[handle].record.attempts[last].q850 = q850
        calls[handle].record.attempts[last].reason = text
        calls[handle].record.attempts[last].ringMs = ringing
    }

    /// Keeps the failure that says most to the caller: a decision of the callee before one of the
    /// network.
    mutating func keep(_ failure: Call.Failure, of handle: Handle) {
        func rank(_ failure: Call.Failure) -> Int {
            switch failure.status {
            case 600..<700: 4
            case 486: 3
            case 402: 2
            case 408, 480, 500..<600: 0
            default: 1
            }
        }
        if let known = calls[handle].lastFailure, rank(known) > rank(failure) { return }
        calls[handle].lastFailure = failure
    }
}
