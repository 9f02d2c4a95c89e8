import Dialplan
import SIP

// Phones watch extensions: a busy lamp beside a key (dialog), who can be reached (presence), what waits
// in their own mailbox (message-summary); RFC 6665.
//
// A document says all there is each time. It names no other party: who watches learns that 8002 rings,
// and not who calls it. A ringing call is `early` and `recipient`, and names its Call-ID and tags to
// those alone who may pick it up; any other is `confirmed`. Subscriptions are kept over a restart and
// told anew then.

extension Switch {
    /// The event packages that a phone may ask for.
    var eventPackages: String {
        Subscription.Package.allCases
            .filter { $0 != .messageSummary || settings.mailbox != nil }
            .map(\.rawValue).joined(separator: ", ")
    }

    /// The event package that a request names; empty when it names none.
    static func package(of request: Message) -> String {
        let event = request.value(.event) ?? []
        return String(
            decoding: event.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") },
            as: UTF8.self)
    }

    // MARK: SUBSCRIBE

    mutating func subscribeReceived(_ request: Message, key: TransactionKey, on flow: Flow) {
        guard case .subscriber(let watcher) = authenticate(request, on: flow) else { return }
        if let unsupported = unsupportedOptions(request, supported: []) {
            answerStatelessly(request, 420, on: flow) { $0.field(.unsupported, unsupported) }
            return
        }
        guard request.bytes.count <= Self.keptRequestBytes else {
            answerStatelessly(request, 513, on: flow)
            return
        }
        guard let package = self.package(askedBy: request) else {
            counters.count("subscriptions-refused")
            let packages = eventPackages
            answerStatelessly(request, 489, on: flow) { $0.field(.allowEvents, packages) }
            return
        }
        guard !request.has(.accept) || request.has(package.contentType, in: .accept) else {
            counters.count("subscriptions-refused")
            answerStatelessly(request, 406, on: flow) { $0.field(.accept, package.contentType) }
            return
        }
        guard let uri = URI(parsing: request.requestURI), isServed(uri),
            let watched = uri.telephoneNumber, extensions[watched] != nil
        else {
            answerStatelessly(request, 404, on: flow)
            return
        }
        guard package != .messageSummary || watched == watcher.number else {
            counters.count("subscriptions-refused")
            answerStatelessly(request, 403, on: flow, reason: "Another's Mailbox")
            return
        }
        guard let seconds = grantedSeconds(request, on: flow) else { return }
        let ofWatcher = subscriptionsOfWatcher[watcher.number, default: 0]
        guard subscriptions.count < settings.limits.subscriptions,
            ofWatcher < settings.limits.subscriptionsOfExtension
        else {
            counters.count("refused-subscriptions-full")
            answerStatelessly(request, 503, on: flow, retryAfter: 60)
            return
        }
        let tag = tokens.next()
        guard let dialog = Dialog(request: request, localTag: Token.text(tag)) else {
            answerStatelessly(request, 400, on: flow, reason: "Missing Contact")
            return
        }
        accept(request, key: key, on: flow, tag: tag, seconds: seconds)
        let handle = insert(
            Subscription(
                watcher: watcher.number, watched: watched, package: package, localTag: tag,
                dialog: dialog, flow: flow, expiresAt: now + .seconds(seconds)))
        keepOrEnd(handle, seconds: seconds)
    }

    /// One that is known is refreshed, or ended with Expires 0.
    mutating func subscribeAgain(
        _ request: Message, key: TransactionKey, on flow: Flow, subscription handle: Handle
    ) {
        guard request.method == .subscribe, subscriptions[handle].dialog.matches(request) else {
            answerStatelessly(request, 481, on: flow)
            return
        }
        guard case .subscriber(let watcher) = authenticate(request, on: flow) else { return }
        guard request.bytes.count <= Self.keptRequestBytes else {
            answerStatelessly(request, 513, on: flow)
            return
        }
        guard watcher.number == subscriptions[handle].watcher,
            package(askedBy: request) == subscriptions[handle].package
        else {
            answerStatelessly(request, 403, on: flow)
            return
        }
        guard let seconds = grantedSeconds(request, on: flow) else { return }
        guard subscriptions[handle].dialog.requestReceived(request) == .accept else {
            answerStatelessly(request, 500, on: flow, reason: "Out Of Order")
            return
        }
        subscriptions[handle].flow = flow
        subscriptions[handle].expiresAt = now + .seconds(seconds)
        accept(
            request, key: key, on: flow, tag: subscriptions[handle].localTag, seconds: seconds)
        keepOrEnd(handle, seconds: seconds)
    }

    /// The event package that is asked for; nil where there is none of that name here.
    private func package(askedBy request: Message) -> Subscription.Package? {
        guard let package = Subscription.Package(rawValue: Self.package(of: request)),
            package != .messageSummary || settings.mailbox != nil
        else { return nil }
        return package
    }

    /// How long it may last; nil where that was refused.
    private mutating func grantedSeconds(_ request: Message, on flow: Flow) -> Int? {
        let wanted = request.number(.expires).map { Int($0) } ?? Self.longestSubscription
        guard wanted == 0 || wanted >= Self.shortestSubscription else {
            answerStatelessly(request, 423, on: flow) {
                $0.field(.minExpires, Self.shortestSubscription)
            }
            return nil
        }
        return min(wanted, Self.longestSubscription)
    }

    /// Bytes of a SUBSCRIBE and of a text: what comes with it, a route for one, goes out again with every
    /// NOTIFY and to every phone.
    static let keptRequestBytes = 8_192
    static let longestSubscription = 3600
    static let shortestSubscription = 60

    private mutating func accept(
        _ request: Message, key: TransactionKey, on flow: Flow, tag: UInt64, seconds: Int
    ) {
        let server = makeServer(for: request, key: key, on: flow, localTag: tag)
        let contact = listenerText(flow.listener).contact
        respond(server, 200, toTag: Token.text(tag), dialogForming: true) { writer in
            writer.field(.contact, contact)
            writer.field(.expires, seconds)
        }
    }

    private mutating func keepOrEnd(_ handle: Handle, seconds: Int) {
        guard seconds > 0 else {
            end(subscription: handle, reason: "timeout")
            return
        }
        let stored = subscriptions[handle].stored(
            expiresAt: wallTime + Int64(seconds) * 1_000_000)
        commit([.subscriptionSaved(stored)])
        if subscriptions[handle].package == .messageSummary {
            mailboxWatched(subscriptions[handle].watched)
        }
        deadlines.set(
            DeadlineKey(kind: .subscription, slot: handle.slot),
            at: subscriptions[handle].expiresAt)
        tell(subscriptions[handle].changed(), to: handle)
    }

    // MARK: The table

    private mutating func insert(_ subscription: Subscription) -> Handle {
        let handle = subscriptions.insert(subscription)
        subscriptionHandles[subscription.localTag] = handle
        watchers[subscription.watched, default: []].append(handle)
        subscriptionsOfWatcher[subscription.watcher, default: 0] += 1
        return handle
    }

    private mutating func remove(subscription handle: Handle) {
        deadlines.remove(DeadlineKey(kind: .subscription, slot: handle.slot))
        guard let subscription = subscriptions.remove(handle) else { return }
        subscriptionHandles[subscription.localTag] = nil
        watchers[subscription.watched]?.removeAll { $0 == handle }
        if watchers[subscription.watched]?.isEmpty == true { watchers[subscription.watched] = nil }
        let left = subscriptionsOfWatcher[subscription.watcher, default: 1] - 1
        subscriptionsOfWatcher[subscription.watcher] = left > 0 ? left : nil
        commit([.subscriptionRemoved(tag: subscription.localTag)])
        if subscription.package == .messageSummary { mailboxUnwatched(subscription.watched) }
    }

    /// The last NOTIFY says that there will be no more.
    private mutating func end(subscription handle: Handle, reason: String) {
        let version = subscriptions[handle].version
        notify(handle, version: version, state: "terminated;reason=\(reason)", user: .nobody)
        remove(subscription: handle)
    }

    mutating func subscriptionDeadlineReached(_ handle: Handle) {
        guard subscriptions[handle].expiresAt <= now else { return }
        end(subscription: handle, reason: "timeout")
    }

    /// What was subscribed to when the last process ended. Each is told anew, one after another.
    mutating func restore(_ stored: [StoredSubscription]) {
        for item in stored.sorted(by: { $0.tag < $1.tag }) {
            let left = (item.expiresAt - wallTime) / 1000
            guard left > 0,
                let subscription = Subscription(
                    item, expiresAt: now + .milliseconds(Int(clamping: left))),
                extensions[subscription.watcher] != nil,
                subscriptions.count < settings.limits.subscriptions
            else {
                commit([.subscriptionRemoved(tag: item.tag)])
                continue
            }
            let place = subscriptions.count
            let handle = insert(subscription)
            // The deadline serves for the first word, too.
            deadlines.set(
                DeadlineKey(kind: .subscriptionAnew, slot: handle.slot),
                at: now + .seconds(1) + .milliseconds(2) * place)
            deadlines.set(
                DeadlineKey(kind: .subscription, slot: handle.slot),
                at: subscriptions[handle].expiresAt)
        }
    }

    mutating func tellAnew(subscription handle: Handle) {
        if subscriptions[handle].package == .messageSummary {
            mailboxWatched(subscriptions[handle].watched)
        }
        tell(subscriptions[handle].changed(), to: handle)
    }

    // MARK: Telling

    /// An extension rings, talks, or does so no longer.
    mutating func stateChanged(of number: String) {
        guard watchers[number] != nil else { return }
        tellWatchers(of: number, of: .dialog)
        tellWatchers(of: number, of: .presence)
    }

    mutating func tellWatchers(of number: String, of package: Subscription.Package) {
        for handle in watchers[number] ?? [] where subscriptions[handle].package == package {
            tell(subscriptions[handle].changed(), to: handle)
        }
    }

    mutating func tell(_ action: Subscription.Action, to handle: Handle) {
        switch action {
        case .none: break
        case .tell(let version):
            let left = (subscriptions[handle].expiresAt - now).milliseconds / 1000
            notify(
                handle, version: version, state: "active;expires=\(max(left, 1))",
                user: .notification(subscription: handle))
        }
    }

    private mutating func notify(
        _ handle: Handle, version: UInt32, state: String, user: ClientEntry.User
    ) {
        let branch = tokens.next()
        let flow = subscriptions[handle].flow
        var writer = MessageWriter(capacity: 1024)
        _ = subscriptions[handle].dialog.nextRequest(
            .notify, via: via(branch: branch, listener: flow.listener), into: &writer)
        writer.field(.maxForwards, 70)
        writer.field(.contact, listenerText(flow.listener).contact)
        writer.field(.event, subscriptions[handle].package.rawValue)
        writer.field(.subscriptionState, state)
        writer.field(.userAgent, Self.serverName)
        let body = document(for: handle, version: version)
        let bytes = writer.finish(
            body: body, contentType: subscriptions[handle].package.contentType)
        _ = makeClient(.notify, branch: branch, bytes: bytes, flow: flow, user: user)
    }

    mutating func notificationAnswered(_ status: Int, subscription handle: Handle) {
        guard status >= 200, subscriptions.contains(handle) else { return }
        // The phone knows nothing of it (RFC 6665 §4.2.2).
        guard status != 481, status != 404, status != 489 else {
            remove(subscription: handle)
            return
        }
        tell(subscriptions[handle].answered(), to: handle)
    }

    mutating func notificationUnanswered(subscription handle: Handle) {
        guard subscriptions.contains(handle) else { return }
        remove(subscription: handle)
    }
}
