import SIP

// Who sends a request: a trunk by its address, a subscriber by digest. And OPTIONS, REGISTER.

extension Switch {
    /// The outcome of looking at a request's credentials.
    enum Authentication {
        /// Whose password it was.
        case subscriber(Extension)
        /// An answer is on its way: a challenge or a refusal.
        case answered
    }

    /// Finds the subscriber of a request, or answers it.
    ///
    /// An unknown user takes as long as a wrong password and looks the same, so that nobody learns by
    /// asking which extensions there are. A nonce is good at the address that it was given to only.
    mutating func authenticate(_ request: Message, on flow: Flow) -> Authentication {
        guard let credentials = challenger.credentials(in: request, .authorization) else {
            challenge(request, on: flow, stale: false)
            return .answered
        }
        plainDigests.answered(request, from: flow.remote.ip, by: credentials.algorithm)
        let subscriber = credentials.usernameText.flatMap { extensions[$0] }
        let verdict = challenger.verify(
            credentials, method: request.method, requestURI: request.requestURI,
            secret: subscriber?.secret, client: flow.remote.ip, now: now)
        switch verdict {
        case .ok:
            guard let subscriber else { break }
            bans.answered(flow.remote.ip, now: now)
            plainDigests.proved(request, from: flow.remote.ip, now: now)
            guard let use = NonceUse(credentials),
                // An INVITE that has come before has the same credentials, and is refused as what it
                // is (RFC 3261 §8.2.2.2).
                usedNonces.isFirst(use, lifetime: settings.nonceLifetime, now: now)
                    || request.method == .invite && isMerged(request)
            else {
                counters.count("credentials-used-again")
                challenge(request, on: flow, stale: true)
                return .answered
            }
            prove(flow, by: subscriber.number)
            guard isWithinRate(request, of: subscriber) else {
                counters.count("refused-requests-per-second")
                answerStatelessly(request, 503, on: flow, retryAfter: 1)
                return .answered
            }
            return .subscriber(subscriber)
        case .stale:
            challenge(request, on: flow, stale: true)
            return .answered
        case .malformed:
            offended(.malformed, on: flow)
            answerStatelessly(request, 400, on: flow, reason: "Malformed Authorization")
            return .answered
        case .unsupportedAlgorithm:
            challenge(request, on: flow, stale: false)
            return .answered
        case .wrong: break
        }
        counters.count("wrong-credentials")
        bans.answered(flow.remote.ip, now: now)
        offended(.wrongPassword, on: flow)
        answerStatelessly(request, 403, on: flow)
        return .answered
    }

    /// Whether an extension asks for no more than it may. Calls for help do not count.
    private mutating func isWithinRate(_ request: Message, of subscriber: Extension) -> Bool {
        if request.method == .invite, let uri = URI(parsing: request.requestURI),
            plan.isEmergency(uri.telephoneNumber ?? uri.userUnescaped)
        {
            return true
        }
        return takesPlace(of: subscriber)
    }

    /// Whether an extension may ask for one thing more now; one that may is counted.
    mutating func takesPlace(of subscriber: Extension) -> Bool {
        requestRates.admits(
            subscriber.number, each: settings.limits.eachRequest,
            burst: settings.limits.burstOfExtension, now: now)
    }

    private mutating func challenge(_ request: Message, on flow: Flow, stale: Bool) {
        challenged(request, on: flow)
        let isPlain =
            challenger.algorithms.count > 1 && challenger.algorithms.contains(.md5)
            && plainDigests.isPlain(request, from: flow.remote.ip, now: now)
        let values = challenger.challenges(
            now: now, random: tokens.next(), client: flow.remote.ip, stale: stale,
            by: isPlain ? [.md5] : nil)
        answerStatelessly(request, 401, on: flow) { writer in
            for value in values { writer.field(.wwwAuthenticate, value) }
        }
    }

    // MARK: OPTIONS

    /// Why calls cannot be routed and charged at the moment; nil when they can.
    var outOfService: String? {
        if let storeFailure { return "the store fails: \(storeFailure)" }
        if waitingCommits > settings.limits.waitingCommits { return "the store is too slow" }
        if let waitingSince, now - waitingSince > settings.limits.storeSilence {
            let seconds = (now - waitingSince).milliseconds / 1000
            return "the store has written nothing for \(seconds) s"
        }
        return nil
    }

    /// Gateways watch this answer and fall back to the PSTN: 200 only while new calls can really be
    /// routed and charged.
    mutating func optionsReceived(_ request: Message, on flow: Flow) {
        asked(on: flow)
        if outOfService != nil || isDraining {
            answerStatelessly(request, 503, on: flow, retryAfter: 10)
            return
        }
        if isScanner(request) { offended(.scanner, on: flow) }
        // It asks what we can: a scheme or an option that we know not of is one thing that we cannot.
        guard isKnownScheme(request.requestURI) else {
            answerStatelessly(request, 416, on: flow)
            return
        }
        if let unsupported = unsupportedOptions(request, supported: Self.inviteOptions) {
            answerStatelessly(request, 420, on: flow) { $0.field(.unsupported, unsupported) }
            return
        }
        answerStatelessly(request, 200, on: flow) { writer in
            writer.field(.allow, Self.allowedMethods)
            writer.field(.accept, "application/sdp")
            writer.field(.supported, "100rel, timer, replaces, path, outbound")
        }
    }

    func isKnownScheme(_ uri: ArraySlice<UInt8>) -> Bool {
        switch URI(parsing: uri)?.scheme {
        case .sip, .sips, .tel: true
        case .other, nil: false
        }
    }

    // MARK: REGISTER (RFC 3261 §10.3)

    /// Contacts of one REGISTER at most, or twice as many as an extension may have: all of its old ones
    /// taken away and all new ones.
    static let contactsOfRequest = 32
    /// Bytes of what is kept of one contact: itself, its Path and its Call-ID. Each REGISTER is answered
    /// with all contacts, and each call goes to them.
    static let bindingBytes = 4_096

    mutating func registerReceived(_ request: Message, key: TransactionKey, on flow: Flow) {
        guard case .subscriber(let subscriber) = authenticate(request, on: flow) else { return }
        guard let address = request.address(.to), isKnownScheme(address.uri) else {
            answerStatelessly(request, 400, on: flow, reason: "Malformed To")
            return
        }
        let number = subscriber.number
        guard address.uriView?.telephoneNumber == number else {
            // One subscriber cannot take another's calls.
            counters.count("register-for-another")
            answerStatelessly(request, 403, on: flow)
            return
        }
        if let unsupported = unsupportedOptions(request, supported: ["path", "outbound"]) {
            answerStatelessly(request, 420, on: flow) { $0.field(.unsupported, unsupported) }
            return
        }
        let contacts = request.elements(.contact)
        let most = max(2 * settings.registration.contactLimit, Self.contactsOfRequest)
        guard contacts.count <= most else {
            answerStatelessly(request, 400, on: flow, reason: "More Than \(most) Contacts")
            return
        }
        let outbound = outboundSupport(of: request)
        if outbound == .lackedByFirstHop {
            answerStatelessly(request, 439, on: flow)
            return
        }

        var template = Binding(
            number: number, contact: [], flow: flow, expiresAt: 0,
            callID: Array(request.callID), cseq: request.cseqNumber,
            userAgent: request.shownUserAgent)
        let path = request.elements(.path)
        guard path.count <= Self.pathLimit, path.allSatisfy({ NameAddr(parsing: $0) != nil }) else {
            answerStatelessly(request, 400, on: flow, reason: "Malformed Path")
            return
        }
        template.path = Array(path.joined(separator: ", ".utf8))
        template.isAskedByMD5Alone = plainDigests.isProven(request, from: flow.remote.ip)
        let longest = contacts.map(\.count).max() ?? 0
        guard longest + template.path.count + template.callID.count <= Self.bindingBytes else {
            answerStatelessly(request, 400, on: flow, reason: "Contact Too Long")
            return
        }
        var wishes: [Registrar.Wish]? = []
        var phone = Subscription.Phone(registration: template.callID)
        if contacts.count == 1, contacts[0].elementsEqual("*".utf8) {
            guard request.number(.expires) == 0 else {
                answerStatelessly(request, 400, on: flow, reason: "Contact * Needs Expires 0")
                return
            }
            wishes = nil
        } else {
            for contact in contacts {
                guard let address = NameAddr(parsing: contact), let uri = address.uriView,
                    uri.scheme == .sip || uri.scheme == .sips
                else {
                    answerStatelessly(request, 400, on: flow, reason: "Malformed Contact")
                    return
                }
                let seconds = expiry(of: address, in: request)
                let minimum = settings.registration.minimumSeconds
                if seconds > 0, seconds < minimum {
                    answerStatelessly(request, 423, on: flow) { $0.field(.minExpires, minimum) }
                    return
                }
                var wish = Registrar.Wish(
                    contact: Array(address.uri),
                    seconds: min(seconds, settings.registration.maximumSeconds))
                if let instance = Self.instance(of: address) { phone.instance = instance }
                if outbound == .given { wish.outbound = Self.outboundFlow(of: address) }
                wishes?.append(wish)
            }
        }
        // One flow is registered at a time (RFC 5626 §6).
        let bound = (wishes ?? []).filter { $0.seconds > 0 }
        let isOutbound = bound.contains { $0.outbound != nil }
        guard !isOutbound || bound.count == 1 else {
            answerStatelessly(request, 400, on: flow, reason: "Several Contacts By One Flow")
            return
        }

        let wasReached =
            watchers[number] != nil && !registrar.bindings(of: number, at: wallTime).isEmpty
        let outcome = registrar.register(
            wishes, template: template,
            isDirect: request.elements(.via).dropFirst().isEmpty, wallTime: wallTime,
            contactLimit: settings.registration.contactLimit,
            tableLimit: settings.limits.bindings)
        let server = makeServer(for: request, key: key, on: flow)
        let tag = Token.text(servers[server].localTag)
        switch outcome {
        case .outOfOrder: respond(server, 500, reason: "Out Of Order", toTag: tag)
        case .full:
            counters.count("refused-bindings-full")
            respond(server, 503, toTag: tag) { $0.field(.retryAfter, 60) }
        case .done(let changes, let left, let moved, let restarted):
            commit(changes)
            if !restarted.isEmpty { phoneRestarted(number, flows: restarted, on: flow) }
            startKeepAlives()
            for old in left { connections.moved(from: old, to: flow) }
            let bindings = registrar.bindings(of: number, at: wallTime)
            if bindings.isEmpty == wasReached { presenceChanged(of: number) }
            let wallTime = wallTime
            respond(server, 200, toTag: tag) { writer in
                for binding in bindings { binding.write(at: wallTime, into: &writer) }
                if !template.path.isEmpty, request.has("path", in: .supported) {
                    writer.field(.path, template.path)
                }
                writer.field(.supported, "path, outbound")
                guard isOutbound else { return }
                writer.field(.require, "outbound")
                if template.path.isEmpty {
                    writer.field(.flowTimer, Self.flowTimer(flow.transport))
                }
            }
            phoneMoved(number, from: moved, to: flow)
            if !bound.isEmpty {
                watcherRegistered(number, on: flow, as: phone, contacts: bound.map(\.contact))
                tellMailbox(number, registered: template.callID, on: flow)
            }
        }
    }

    private func expiry(of contact: NameAddr, in request: Message) -> Int {
        if let text = contact.parameter("expires") ?? nil {
            // A value that is no number counts as the default (RFC 3261 §10.3 step 6).
            let seconds = Int(String(decoding: text.prefix(10), as: UTF8.self)) ?? -1
            return seconds < 0 ? settings.registration.defaultSeconds : seconds
        }
        return request.number(.expires).map(Int.init) ?? settings.registration.defaultSeconds
    }

    /// Option tags that one refusal names at most, so that it is not larger than what it answers.
    static let unsupportedLimit = 16

    /// The option tags of Require that we do not know, as the value of Unsupported, no more than
    /// `unsupportedLimit` of them; nil when none.
    func unsupportedOptions(_ request: Message, supported: [String]) -> [UInt8]? {
        var unknown: [ArraySlice<UInt8>] = []
        for value in request.values(.require) where unknown.count < Self.unsupportedLimit {
            for element in Elements(value) where unknown.count < Self.unsupportedLimit {
                let isKnown = supported.contains { element.elementsEqual($0.utf8) }
                if !isKnown { unknown.append(element) }
            }
        }
        return unknown.isEmpty ? nil : Array(unknown.joined(separator: ", ".utf8))
    }
}
