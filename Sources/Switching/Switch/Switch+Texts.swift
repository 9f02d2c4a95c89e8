import Dialplan
import SIP

// Requests that are passed between phones outside of any call: texts (MESSAGE, RFC 3428), and what a
// mailbox server says unasked (NOTIFY, RFC 3842 §2.7).
//
// A text goes to every phone of an extension at once, under new Call-ID, tags and Via, as a call does.
// The sender hears 200 from the first phone that takes it; when none does, what says most of why. It
// costs nothing and has no record: counters say how many there were. Who may send one is who may call:
// levels, locks and incoming levels are the dialplan's. What is set about calls, do not disturb and
// forwarding, keeps no text away, since it makes no noise that cannot wait.
//
// Nothing is kept for later: an extension without a phone is 480. A phone of ours is asked for no
// credentials that we would have to make up, so a text that comes back to us ends at the challenge,
// and one that goes round through others ends by Max-Forwards.

/// A request on its way to several phones of an extension.
struct Fork: Sendable {
    /// One phone, which may have several flows to us (RFC 5626).
    struct Phone: Sendable {
        /// Best first.
        var flows: [Binding]
        /// By how many of them it has been tried.
        var tried = 0
        /// By all of its flows alike, so that the phone knows it for the same request (RFC 5626 §4.3).
        var callID: [UInt8]
        var tag: UInt64
        /// Nothing has come from it, and no way to it has failed.
        var isSilent = true

        var mayMove: Bool { isSilent && tried < flows.count }
    }

    /// The transaction of the sender's; answered once.
    var server: Handle
    var phones: [Phone]
    /// As whom; nil of a sender that is hidden.
    var from: (name: [UInt8], user: String)?
    var number: String
    /// What it says is kept here, and told to phones that miss it when they register: its sender has no
    /// need to send it again.
    var isKept = false
    /// How many branches each phone's may have (RFC 5393 §5.3.3).
    var breadth: UInt32
    /// When the sender hears of it at last.
    var endsAt: Instant
    /// Requests that have no answer.
    var waiting: Int
    /// The final status that says most, so far.
    var best = 0
    var isAnswered = false

    /// Takes a phone's final status.
    ///
    /// - Returns: what the sender is told now; nil while it has to wait, or was told.
    mutating func answered(_ status: Int) -> Int? {
        waiting -= 1
        guard !isAnswered else { return nil }
        if status < 300 {
            isAnswered = true
            return status
        }
        if Self.rank(status) > Self.rank(best) { best = status }
        guard waiting == 0 else { return nil }
        isAnswered = true
        return told(best)
    }

    /// Nobody has said anything that could be passed in time.
    mutating func timedOut() -> Int? {
        guard !isAnswered else { return nil }
        isAnswered = true
        return told(best)
    }

    /// What the phone itself decided before what the way to it met (RFC 3261 §16.7 step 6).
    private static func rank(_ status: Int) -> Int {
        switch status {
        case 600..<700: 4
        case 415, 413, 403, 486: 3
        case 400..<500 where status != 408 && status != 480 && status != 481: 2
        case 300..<400, 481, 500..<600: 1
        default: 0
        }
    }

    /// A challenge or a redirection of a phone's is none of the sender's, and a 408 helps nobody
    /// (RFC 4320 §4.2).
    private func told(_ status: Int) -> Int {
        switch status {
        case _ where isKept: 200
        case 400, 403, 413, 415, 486, 488, 513, 600..<700: status
        default: 480
        }
    }

    /// How long phones may take: half of what the sender waits, so that it hears of it.
    static let patience = Instant.Span.seconds(16)
}

extension Switch {
    // MARK: Texts

    mutating func textReceived(_ request: Message, key: TransactionKey, on flow: Flow) {
        guard case .subscriber(let sender) = authenticate(request, on: flow) else { return }
        func refuse(_ sw: inout Switch, _ status: Int, _ reason: String? = nil) {
            sw.counters.count("texts-refused")
            sw.answerStatelessly(
                request, status, on: flow, reason: reason, retryAfter: status == 503 ? 5 : nil)
        }
        if let unsupported = unsupportedOptions(request, supported: []) {
            answerStatelessly(request, 420, on: flow) { $0.field(.unsupported, unsupported) }
            return
        }
        guard let uri = URI(parsing: request.requestURI), isServed(uri) else {
            refuse(&self, 404, "Not Served Here")
            return
        }
        guard request.body.count <= settings.limits.textBytes else {
            refuse(&self, 413, "At Most \(settings.limits.textBytes) Bytes")
            return
        }
        guard request.bytes.count <= Self.keptRequestBytes else {
            refuse(&self, 513)
            return
        }
        guard forks.count < settings.limits.texts else {
            refuse(&self, 503)
            return
        }
        guard
            textRates.admits(
                sender.number, each: settings.limits.eachText,
                burst: settings.limits.burstOfTexts, now: now)
        else {
            counters.count("refused-texts-per-minute")
            refuse(&self, 503)
            return
        }
        let number: String
        switch addressee(of: uri, from: sender) {
        case .extension(let known): number = known
        case .refused(let status, let reason):
            refuse(&self, status, reason)
            return
        }
        let bindings = registrar.reachable(of: number, at: wallTime)
        guard !bindings.isEmpty else {
            let isKnown = !registrar.bindings(of: number, at: wallTime).isEmpty
            refuse(&self, 480, "\(number) Is Not \(isKnown ? "Reachable" : "Registered")")
            return
        }
        fork(
            request, key: key, on: flow, to: number, bindings,
            from: Self.asksToHide(request)
                ? nil : (name: Array(sender.name.utf8), user: sender.number))
        counters.count("texts")
        log(.info, "\(sender.number) sends a text to \(number)")
    }

    private enum Addressee {
        case `extension`(String)
        case refused(Int, String?)
    }

    /// Where a call to this address would ring, whatever is set about calls there.
    private func addressee(of uri: URI, from sender: Extension) -> Addressee {
        let dialled = uri.telephoneNumber ?? uri.userUnescaped
        var query = query(
            caller: .extension(sender.number, level: sender.level), dialled: dialled)
        query.settings = { [known = query.settings] number in
            var settings = known(number)
            settings?.doNotDisturb = false
            settings?.forwardAlways = nil
            return settings
        }
        switch plan.decide(query).outcome {
        case .ring(let number):
            return extensions[number] == nil ? .refused(404, nil) : .extension(number)
        case .refuse(let refusal): return .refused(refusal.sipStatus, nil)
        case .ringGroup, .routes, .emergency, .feature, .askPIN:
            return .refused(403, "Texts Go To Extensions")
        }
    }

    // MARK: Mailboxes

    /// A mailbox server says unasked what waits for an extension: passed to its phones as it is.
    ///
    /// - Returns: false when it is no such thing.
    mutating func summaryReceived(
        _ request: Message, key: TransactionKey, on flow: Flow
    ) -> Bool {
        guard let mailbox = settings.mailbox, trunk(sending: request, on: flow) == mailbox,
            Self.package(of: request) == Subscription.Package.messageSummary.rawValue
        else { return false }
        guard let uri = URI(parsing: request.requestURI),
            let number = uri.telephoneNumber ?? request.address(.to)?.uriView?.telephoneNumber,
            extensions[number] != nil
        else {
            answerStatelessly(request, 404, on: flow)
            return true
        }
        guard request.body.count <= settings.limits.textBytes else {
            answerStatelessly(request, 413, on: flow)
            return true
        }
        guard forks.count < settings.limits.texts else {
            answerStatelessly(request, 503, on: flow, retryAfter: 5)
            return true
        }
        let isKept = keepSummary(request.body, of: number)
        // Phones that have subscribed hear it in their dialogs, all others as it came.
        let subscribed = (watchers[number] ?? []).filter {
            subscriptions[$0].package == .messageSummary
        }.map { subscriptions[$0].flow }
        let bindings = registrar.reachable(of: number, at: wallTime).filter {
            !subscribed.contains($0.flow)
        }
        guard !bindings.isEmpty else {
            answerStatelessly(request, isKept || !subscribed.isEmpty ? 200 : 480, on: flow)
            return true
        }
        fork(
            request, key: key, on: flow, to: number, bindings, from: (name: [], user: number),
            isKept: isKept)
        return true
    }

    // MARK: To every phone

    /// Sends a request of somebody's to these phones of an extension.
    private mutating func fork(
        _ request: Message, key: TransactionKey, on flow: Flow, to number: String,
        _ bindings: [Binding], from: (name: [UInt8], user: String)?, isKept: Bool = false
    ) {
        let server = makeServer(for: request, key: key, on: flow)
        // To no more of them at once than it may (RFC 5393 §5.3.3).
        let breadth = min(request.number(.maxBreadth) ?? Call.usualBreadth, Call.usualBreadth)
        let known = Self.flowsOfPhones(bindings)
        guard breadth > 0, !known.isEmpty else {
            respond(server, 440, toTag: Token.text(servers[server].localTag))
            return
        }
        var phones: [Fork.Phone] = []
        for phone in known.prefix(Int(breadth)) {
            let host = listenerText(phone.first.flow.listener).host
            phones.append(
                Fork.Phone(
                    flows: [phone.first] + phone.others,
                    callID: tokens.callID() + Array("@".utf8) + host, tag: tokens.next()))
        }
        let handle = forks.insert(
            Fork(
                server: server, phones: phones, from: from, number: number, isKept: isKept,
                breadth: breadth / UInt32(phones.count), endsAt: now + Fork.patience, waiting: 0))
        let mayMove = phones.contains { $0.flows.count > 1 }
        deadlines.set(
            DeadlineKey(kind: .fork, slot: handle.slot),
            at: now + (mayMove ? Self.flowPatience : Fork.patience))
        for place in phones.indices { send(request, of: handle, to: place, by: 0) }
        guard isKept else { return }
        for phone in phones { _ = isNewsOfMailbox(to: phone.flows[0].callID, of: number) }
    }

    /// Sends a fork's request to one of its phones, by one of its flows.
    private mutating func send(
        _ request: Message, of handle: Handle, to place: Int, by index: Int
    ) {
        forks[handle].phones[place].tried = index + 1
        let phone = forks[handle].phones[place]
        let binding = phone.flows[index]
        let from = forks[handle].from
        let number = forks[handle].number
        let listener = binding.flow.listener
        let branch = tokens.next()
        var writer = MessageWriter(capacity: 512 + request.body.count)
        writer.requestLine(request.method, uri: binding.requestURI)
        writer.field(.via, via(branch: branch, listener: listener))
        if !binding.path.isEmpty { writer.field(.route, binding.path) }
        writer.field(.maxForwards, max(min(request.maxForwards ?? 70, 70) - 1, 0))
        writer.field(.maxBreadth, Int(forks[handle].breadth))
        writer.beginField(.from)
        writer.append(
            from.map { identity(name: $0.name, user: $0.user, listener: listener) }
                ?? Self.anonymous)
        writer.append(";tag=")
        writer.append(Token.text(phone.tag))
        writer.endField()
        writer.field(.to, identity(name: [], user: number, listener: listener))
        writer.field(.callID, phone.callID)
        writer.beginField(.cseq)
        writer.append("1 ")
        writer.append(request.method.name)
        writer.endField()
        if request.method == .notify {
            writer.field(.contact, listenerText(listener).contact)
        }
        writer.field(.userAgent, Self.serverName)
        Self.copyPassed(from: request, into: &writer)
        let bytes = writer.finish(
            body: request.body, contentType: request.value(.contentType) ?? [])
        forks[handle].waiting += 1
        _ = makeClient(
            request.method, branch: branch, bytes: bytes, flow: binding.flow,
            user: .fork(handle, phone: place, flow: index))
    }

    /// Sends a fork's request by another flow of one of its phones, since nothing comes by the first.
    ///
    /// - Returns: false when it has no other, or the sender has its answer.
    private mutating func movesOn(_ handle: Handle, phone place: Int) -> Bool {
        let server = forks[handle].server
        guard !forks[handle].isAnswered, servers.contains(server),
            let request = servers[server].request
        else { return false }
        let number = forks[handle].number
        let phone = forks[handle].phones[place]
        let next = phone.flows.indices.dropFirst(phone.tried).first {
            isThere(phone.flows[$0], of: number)
        }
        guard let next else { return false }
        log(.info, "a flow of \(number) is dead, trying another one of the same phone")
        send(request, of: handle, to: place, by: next)
        return true
    }

    /// A phone's final answer, or what its silence counts as.
    ///
    /// - Parameters:
    ///   - index: by which of its flows.
    ///   - isSilence: nothing came at all.
    mutating func forkAnswered(
        _ status: Int, of handle: Handle, phone place: Int, flow index: Int, isSilence: Bool = false
    ) {
        guard status >= 200, forks.contains(handle) else { return }
        forks[handle].phones[place].isSilent = false
        var status = status
        if status == 430 || isSilence {
            // The proxy knows that it is dead; silence may be the wire's.
            if status == 430 { registrar.flowFailed(forks[handle].phones[place].flows[index]) }
            if movesOn(handle, phone: place) {
                forks[handle].waiting -= 1
                return
            }
            missed(handle, phone: place)
        } else if status == 482, index > 0 {
            // It has had it by its other flow, and only the answer was lost (RFC 3261 §8.2.2.2).
            status = 200
        }
        let told = forks[handle].answered(status)
        tell(told, of: handle)
        guard forks[handle].waiting == 0 else { return }
        deadlines.remove(DeadlineKey(kind: .fork, slot: handle.slot))
        forks.remove(handle)
    }

    /// A phone has not had what it was sent.
    private mutating func missed(_ handle: Handle, phone place: Int) {
        guard forks[handle].isKept else { return }
        let registration = forks[handle].phones[place].flows[0].callID
        summaries[forks[handle].number]?.missed(by: registration)
    }

    mutating func forkDeadlineReached(_ handle: Handle) {
        let endsAt = forks[handle].endsAt
        guard now >= endsAt else {
            for place in forks[handle].phones.indices where forks[handle].phones[place].isSilent {
                _ = movesOn(handle, phone: place)
            }
            let mayMove = forks[handle].phones.contains(where: \.mayMove)
            deadlines.set(
                DeadlineKey(kind: .fork, slot: handle.slot),
                at: mayMove ? min(now + Self.flowPatience, endsAt) : endsAt)
            return
        }
        for place in forks[handle].phones.indices where forks[handle].phones[place].isSilent {
            missed(handle, phone: place)
        }
        let told = forks[handle].timedOut()
        tell(told, of: handle)
        // What phones still say is nobody's.
        forks.remove(handle)
    }

    private mutating func tell(_ status: Int?, of handle: Handle) {
        guard let status else { return }
        let server = forks[handle].server
        guard servers.contains(server) else { return }
        respond(server, status, toTag: Token.text(servers[server].localTag))
    }
}
