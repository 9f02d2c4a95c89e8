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
    /// The transaction of the sender's; answered once.
    var server: Handle
    /// Phones that have not answered.
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
        return Self.told(best)
    }

    /// Nobody has said anything that could be passed in time.
    mutating func timedOut() -> Int? {
        guard !isAnswered else { return nil }
        isAnswered = true
        return Self.told(best)
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
    private static func told(_ status: Int) -> Int {
        switch status {
        case 400, 403, 413, 415, 486, 488, 600..<700: status
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
        guard forks.count < settings.limits.texts else {
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
        let bindings = registrar.bindings(of: number, at: wallTime)
        guard !bindings.isEmpty else {
            refuse(&self, 480, "\(number) Is Not Registered")
            return
        }
        fork(
            request, key: key, on: flow, to: number, bindings,
            from: (name: Array(sender.name.utf8), user: sender.number))
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
        summaries[number] = Array(request.body)
        counters.count("message-summaries")
        // Phones that have subscribed hear it in their dialogs, all others as it came.
        let subscribed = (watchers[number] ?? []).filter {
            subscriptions[$0].package == .messageSummary
        }.map { subscriptions[$0].flow }
        let bindings = registrar.bindings(of: number, at: wallTime).filter {
            !subscribed.contains($0.flow)
        }
        tellWatchers(of: number, of: .messageSummary)
        guard !bindings.isEmpty else {
            answerStatelessly(request, subscribed.isEmpty ? 480 : 200, on: flow)
            return true
        }
        fork(
            request, key: key, on: flow, to: number, bindings, from: (name: [], user: number))
        return true
    }

    // MARK: To every phone

    /// Sends a request of somebody's to these phones of an extension.
    private mutating func fork(
        _ request: Message, key: TransactionKey, on flow: Flow, to number: String,
        _ bindings: [Binding], from: (name: [UInt8], user: String)
    ) {
        let server = makeServer(for: request, key: key, on: flow)
        // To no more of them at once than it may (RFC 5393 §5.3.3).
        let breadth = min(request.number(.maxBreadth) ?? Call.usualBreadth, Call.usualBreadth)
        let bindings = Self.flowsOfPhones(bindings).map { $0.first }.prefix(Int(breadth))
        guard !bindings.isEmpty else {
            respond(server, 440, toTag: Token.text(servers[server].localTag))
            return
        }
        let handle = forks.insert(Fork(server: server, waiting: bindings.count))
        deadlines.set(DeadlineKey(kind: .fork, slot: handle.slot), at: now + Fork.patience)
        for binding in bindings {
            let listener = binding.flow.listener
            let branch = tokens.next()
            var writer = MessageWriter(capacity: 512 + request.body.count)
            writer.requestLine(request.method, uri: binding.contact)
            writer.field(.via, via(branch: branch, listener: listener))
            if !binding.path.isEmpty { writer.field(.route, binding.path) }
            writer.field(.maxForwards, max(min(request.maxForwards ?? 70, 70) - 1, 0))
            writer.field(.maxBreadth, Int(breadth) / bindings.count)
            writer.beginField(.from)
            writer.append(identity(name: from.name, user: from.user, listener: listener))
            writer.append(";tag=")
            writer.append(Token.text(tokens.next()))
            writer.endField()
            writer.field(.to, identity(name: [], user: number, listener: listener))
            writer.beginField(.callID)
            writer.append(tokens.callID())
            writer.append("@")
            writer.append(listenerText(listener).host)
            writer.endField()
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
            _ = makeClient(
                request.method, branch: branch, bytes: bytes, flow: binding.flow,
                user: .fork(handle))
        }
    }

    /// A phone's final answer, or what its silence counts as.
    mutating func forkAnswered(_ status: Int, of handle: Handle) {
        guard status >= 200, forks.contains(handle) else { return }
        let told = forks[handle].answered(status)
        tell(told, of: handle)
        guard forks[handle].waiting == 0 else { return }
        deadlines.remove(DeadlineKey(kind: .fork, slot: handle.slot))
        forks.remove(handle)
    }

    mutating func forkDeadlineReached(_ handle: Handle) {
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
