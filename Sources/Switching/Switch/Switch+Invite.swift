import Charging
import Dialplan
import SIP

// A new call: who calls, whether it may begin, and where the dialplan sends it.

extension Switch {
    /// Options that pass through us from leg to leg.
    static let passedOptions = ["100rel"]
    /// Options that an INVITE may require.
    static let inviteOptions = ["100rel", "timer", "replaces"]

    /// Who calls, once that is known.
    private enum Identity {
        case subscriber(Extension)
        case trunk(String)
    }

    mutating func inviteReceived(_ request: Message, key: TransactionKey, on flow: Flow) {
        // First of all: a merged request has the credentials of the one that came before, and to be
        // asked for others would make a second call of it (RFC 3261 §8.2.2.2). Only whoever may know
        // of that call is told so: anybody else is a stranger like all others.
        if callerOfMerged(request) == flow.remote.ip || isLoop(request, from: flow.remote.ip) {
            refuseMerged(request, on: flow)
            return
        }
        let identity: Identity
        if let trunk = trunk(sending: request, on: flow) {
            identity = .trunk(trunk)
        } else {
            guard case .subscriber(let subscriber) = authenticate(request, on: flow) else { return }
            identity = .subscriber(subscriber)
        }
        if isMerged(request) {
            refuseMerged(request, on: flow)
            return
        }
        // It may go nowhere any more (RFC 5393 §5.3.3).
        guard request.number(.maxBreadth) != 0 else {
            counters.count("loops")
            refuse(request, key: key, on: flow, 440)
            return
        }

        if let unsupported = unsupportedOptions(request, supported: Self.inviteOptions) {
            refuse(request, key: key, on: flow, 420) { $0.field(.unsupported, unsupported) }
            return
        }
        if isTooBrief(request) {
            refuse(request, key: key, on: flow, 422) {
                $0.field(.minSE, Int(SessionTimer.leastSeconds))
            }
            return
        }
        guard isKnownScheme(request.requestURI) else {
            refuse(request, key: key, on: flow, 416)
            return
        }
        guard isOurs(request) else {
            refuse(request, key: key, on: flow, 404, reason: "Not Served Here")
            return
        }
        guard isShort(URI(parsing: request.requestURI)) else {
            refuse(request, key: key, on: flow, 414)
            return
        }
        guard flow.transport == .tls || !Self.isSips(request.requestURI) else {
            // It was to come by TLS from hop to hop (RFC 3261 §26.2.2).
            counters.count("refused-sips-in-the-clear")
            refuse(request, key: key, on: flow, 416, reason: "SIPS Comes By TLS Alone")
            return
        }
        guard calls.count < settings.limits.calls else {
            counters.count("refused-calls-full")
            refuse(request, key: key, on: flow, 503) { $0.field(.retryAfter, 10) }
            return
        }
        let tag = tokens.next()
        guard let dialog = Dialog(request: request, localTag: Token.text(tag)) else {
            refuse(request, key: key, on: flow, 400, reason: "Missing Contact")
            return
        }
        let origin = origin(callID: request.callID, fromTag: request.fromTag ?? [])
        begin(request, key: key, flow: flow, origin: origin, tag: tag, dialog: dialog, by: identity)
    }

    /// Keeps nothing and sends nothing again: whoever sent it is not known yet.
    private mutating func refuseMerged(_ request: Message, on flow: Flow) {
        counters.count("loops")
        answerStatelessly(request, 482, on: flow)
    }

    /// Refuses an INVITE that makes no call. The transaction waits for the ACK.
    private mutating func refuse(
        _ request: Message, key: TransactionKey, on flow: Flow, _ status: Int,
        reason: String? = nil, extra: (inout MessageWriter) -> Void = { _ in }
    ) {
        let server = makeServer(for: request, key: key, on: flow)
        respond(
            server, status, reason: reason, toTag: Token.text(servers[server].localTag),
            extra: extra)
    }

    /// Whether the request has been here before and has not changed since: one of its Via is that of
    /// an INVITE of ours to the same place (RFC 3261 §16.3 step 4). It comes from where that went.
    private func isLoop(_ request: Message, from address: IPAddress) -> Bool {
        for element in request.elements(.via).dropFirst() {
            guard let branch = Via(parsing: element)?.branch,
                let number = Token.branchNumber(branch),
                let handle = clientHandles[ClientEntry.Key(branch: number, isCancel: false)],
                clients[handle].flow.remote.ip == address
            else { continue }
            let sent = clients[handle].request
            // `INVITE uri SIP/2.0`: the Request-URI is the second word.
            let line = sent.prefix { $0 != UInt8(ascii: "\r") }
            let words = line.split(separator: UInt8(ascii: " "))
            if words.count == 3, words[1].elementsEqual(request.requestURI) { return true }
        }
        return false
    }

    /// Whether the Request-URI names this switch: its realm, one of its domains, or an address.
    private func isOurs(_ request: Message) -> Bool {
        guard let uri = URI(parsing: request.requestURI) else { return false }
        return isServed(uri)
    }

    /// Whether an address is one of this switch.
    func isServed(_ uri: URI) -> Bool {
        if uri.scheme == .tel { return true }
        if IPAddress(parsing: uri.host) != nil { return true }
        let host = String(decoding: uri.host, as: UTF8.self).lowercased()
        return host == settings.realm.lowercased()
            || settings.domains.contains { $0.lowercased() == host }
            || settings.listeners.contains { $0.advertisedHost.lowercased() == host }
    }

    private mutating func begin(
        _ request: Message, key: TransactionKey, flow: Flow, origin: Origin, tag: UInt64,
        dialog: Dialog, by identity: Identity
    ) {
        let server = makeServer(for: request, key: key, on: flow, localTag: tag)
        counters.calls += 1
        lastCallNumber &+= 1
        let id = CallID(start: start, number: lastCallNumber)
        var dialled = Self.dialled(request)
        if case .trunk(let name) = identity {
            dialled = numberCalled(by: request, trunk: name) ?? dialled
        }
        let from = request.address(.from)

        let caller: Caller
        let callerText: String
        switch identity {
        case .subscriber(let subscriber):
            caller = .extension(subscriber.number, level: subscriber.level)
            callerText = subscriber.number
        case .trunk(let name):
            caller = .trunk(name)
            callerText = assertedCaller(of: request, by: name) ?? Self.shownCaller(from)
        }
        var leg = Leg(localTag: tag, flow: flow, name: callerText)
        leg.dialogs = [dialog]
        switch identity {
        case .subscriber: leg.isHidden = Self.asksToHide(request)
        case .trunk: leg.isHidden = Self.asksToHide(request) || Self.hasUnshownCaller(request)
        }
        var call = Call(
            id: id, startedAt: now,
            record: CallRecord(
                callID: id.rawValue, direction: .outbound, caller: callerText, dialled: dialled,
                startedAt: wallTime),
            caller: leg, invite: request, inviteTransaction: server,
            maxForwards: min(request.maxForwards ?? 70, 70), attemptStartedAt: now)
        call.breadth = min(request.number(.maxBreadth) ?? Call.usualBreadth, Call.usualBreadth)
        switch identity {
        case .subscriber(let subscriber):
            call.callerExtension = subscriber.number
            call.callerName = Array(subscriber.name.utf8)
        case .trunk(let name):
            call.inboundTrunk = name
            call.record.direction = .inbound
            call.callerName = Array((from?.displayName ?? "").utf8)
        }
        let handle = calls.insert(call)
        callHandles[id] = handle
        legs[tag] = LegReference(call: handle, side: .caller)
        origins[origin] = handle
        findNextHop(of: LegReference(call: handle, side: .caller))
        servers[server].user = .call(handle)
        if let seconds = request.number(.expires) {
            deadlines.set(
                DeadlineKey(kind: .invitation, slot: handle.slot),
                at: now + .seconds(Int(seconds)))
        }
        respond(server, 100)
        if request.has(.replaces) {
            replace(handle, by: request)
            return
        }
        route(handle, caller: caller, dialled: dialled)
    }

    /// Whether what is dialled is no longer than anything that can be dialled.
    func isShort(_ uri: URI?) -> Bool { (uri?.user?.count ?? 0) <= settings.limits.dialledBytes }

    /// Who an outside caller says it is: a number, a name, or nobody.
    private static func shownCaller(_ from: NameAddr?) -> String {
        guard let uri = from?.uriView else { return "anonymous" }
        if let number = uri.telephoneNumber { return String(number.prefix(64)) }
        let user = String(uri.userUnescaped.prefix(64))
        return user.isEmpty ? "anonymous" : user.storable
    }

    /// What was dialled: the user part or the number of a tel URI, without parameters.
    private static func dialled(_ request: Message) -> String {
        guard let uri = URI(parsing: request.requestURI) else { return "" }
        if let number = uri.telephoneNumber { return number }
        return uri.userUnescaped.storable
    }

    // MARK: Where to

    mutating func route(_ handle: Handle, caller: Caller, dialled: String) {
        let decision = firstDecision(handle, caller: caller, dialled: dialled)

        // A line or channel of its own is taken by the call that comes in on it.
        if let trunk = calls[handle].inboundTrunk {
            if let problem = takeInbound(trunk, for: handle) {
                calls[handle].inboundTrunk = nil
                fail(handle, problem.status, q850: problem.q850, problem.text)
                return
            }
        }
        if let number = calls[handle].callerExtension {
            let inUse = callsOfExtension[number] ?? CallCount()
            occupy(number, .out)
            if let problem = tooMany(decision.outcome, by: number, inUse: inUse) {
                fail(handle, 486, q850: Causes.userBusy, problem)
                return
            }
        }

        if let why = notTaken(decision) {
            fail(handle, 503, q850: Causes.temporaryFailure, why)
            return
        }
        follow(decision, handle)
    }

    /// Why this would be one call too many of the caller: emergency calls never are, and a feature code
    /// is no call, unless it fetches one.
    private func tooMany(_ outcome: Outcome, by number: String, inUse: CallCount) -> String? {
        switch outcome {
        case .emergency: return nil
        case .feature(let call):
            switch call.feature {
            case .pickup, .pickupExtension, .retrieve:
                return pickupReason(of: number, inUse: inUse)
            case .forwardAlways, .forwardBusy, .forwardNoAnswer, .forwardUnregistered,
                .doNotDisturb, .callWaiting, .lock, .callByPIN, .balance, .redeem, .park,
                .redial, .speedDial:
                return nil
            }
        case .ring, .ringGroup, .routes, .askPIN, .refuse:
            return outboundReason(of: number, inUse: inUse)
        }
    }

    /// A call that came in on a direct line makes that line busy, whatever it rings.
    mutating func takeInboundLine(_ handle: Handle) {
        guard calls[handle].inboundTrunk != nil, calls[handle].inboundLine == nil,
            let line = plan.normalise(calls[handle].record.dialled), plan.hasLine(line),
            linesInUse[line] == nil
        else { return }
        linesInUse[line] = calls[handle].id
        calls[handle].inboundLine = line
    }

    func downTrunks() -> Set<String> {
        var down: Set<String> = []
        for (name, trunk) in trunks where trunk.isDown { down.insert(name) }
        // One gateway that lives is enough: whether the caller's own line does, `take` sees.
        if !settings.lineGateways.isEmpty,
            settings.lineGateways.allSatisfy({ down.contains($0.trunk) })
        {
            down.insert("line")
        }
        return down
    }

    /// Whether calls have failed on it, and none has got through since.
    func isDoubtful(_ choice: RouteChoice) -> Bool {
        switch choice.via {
        case .trunk(let name): trunks[name]?.breaker.isOnTrial ?? false
        case .line(let number):
            lineGateways.gateway(of: number).flatMap { trunks[$0.trunk] }?.breaker.isOnTrial
                ?? false
        case .lines: false
        }
    }

    func isDown(_ choice: RouteChoice) -> Bool {
        switch choice.via {
        case .trunk(let name): trunks[name]?.isDown ?? true
        case .line(let number): isDown(line: number)
        case .lines:
            // One gateway that lives may have a free line.
            settings.lineGateways.allSatisfy { trunks[$0.trunk]?.isDown ?? true }
        }
    }
}
