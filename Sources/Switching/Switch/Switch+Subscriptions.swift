import Dialplan
import SIP

// Phones watch extensions: a busy lamp beside a key (dialog), who can be reached (presence), what waits
// in their own mailbox (message-summary); RFC 6665.
//
// A document says all there is each time. It names no other party: who watches learns that 8002 rings,
// and not who calls it. A ringing call is `early` and `recipient`, and names its Call-ID and tags to
// those alone who may pick it up; any other is `confirmed`. Subscriptions are kept over a restart and
// told anew then. One whose connection is gone is kept too, and told anew when its phone registers by
// another one: its flow moves with the registration.

extension Switch {
    /// The event packages that a phone may ask for.
    var eventPackages: String {
        Subscription.Package.allCases
            .filter { $0 != .messageSummary || settings.mailbox != nil }
            .map(\.rawValue).joined(separator: ", ")
    }

    /// The `id` of the Event of a request, which tells subscriptions apart and comes back in each NOTIFY
    /// (RFC 6665 §8.2.1); empty when it has none, nil when that is no token.
    static func eventID(of request: Message) -> [UInt8]? {
        guard let event = request.value(.event),
            let id = Parameters(event.drop { $0 != UInt8(ascii: ";") }).value("id")
        else { return [] }
        let isToken = id?.allSatisfy { 0x21...0x7e ~= $0 && !Self.separators.contains($0) }
        guard let id, !id.isEmpty, isToken == true else { return nil }
        return Array(id)
    }

    private static let separators = Array("()<>@,;:\\\"/[]?={}".utf8)

    /// The event package that a request names; empty when it names none.
    static func package(of request: Message) -> String {
        let event = request.value(.event) ?? []
        return String(
            decoding: event.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") },
            as: UTF8.self)
    }

    // MARK: SUBSCRIBE

    mutating func subscribeReceived(_ request: Message, key: TransactionKey, on flow: Flow) {
        guard case .subscriber(let watcher) = authenticate(request, on: flow),
            isWithinReason(request, on: flow)
        else { return }
        guard let package = self.package(askedBy: request) else {
            counters.count("subscriptions-refused")
            let packages = eventPackages
            answerStatelessly(request, 489, on: flow) { $0.field(.allowEvents, packages) }
            return
        }
        guard let eventID = Self.eventID(of: request) else {
            answerStatelessly(request, 400, on: flow, reason: "Malformed Event")
            return
        }
        guard request.accepts(package.contentType) else {
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
        let tag = tokens.next()
        guard let dialog = Dialog(request: request, localTag: Token.text(tag)) else {
            answerStatelessly(request, 400, on: flow, reason: "Missing Contact")
            return
        }
        guard subscriptions.count < settings.limits.subscriptions,
            hasRoom(forWatcher: watcher.number)
        else {
            counters.count("refused-subscriptions-full")
            answerStatelessly(request, 503, on: flow, retryAfter: 60)
            return
        }
        accept(request, key: key, on: flow, tag: tag, seconds: seconds)
        let handle = insert(
            Subscription(
                watcher: watcher.number, watched: watched, package: package, eventID: eventID,
                localTag: tag, dialog: dialog, flow: flow,
                phone: phone(of: watcher.number, sending: request, on: flow),
                expiresAt: now + .seconds(seconds)))
        keepOrEnd(handle, seconds: seconds)
    }

    /// Whether an extension may have one more. One that cannot be told gives its place up: whoever loses
    /// its connections again and again, and subscribes anew, is not shut out by what it left behind.
    private mutating func hasRoom(forWatcher number: String) -> Bool {
        let limit = settings.limits.subscriptionsOfExtension
        guard let known = subscriptionsOfWatcher[number], known.count >= limit else { return true }
        guard let left = known.first(where: { !isReached($0) }) else { return false }
        remove(subscription: left)
        return true
    }

    /// What tells the phone that has sent this from others of the extension.
    private func phone(
        of number: String, sending request: Message, on flow: Flow
    ) -> Subscription.Phone {
        let binding = registrar.bindings(of: number, at: wallTime).first { $0.flow == flow }
        return Subscription.Phone(
            registration: binding?.callID ?? [],
            instance: request.address(.contact).flatMap(Self.instance) ?? binding?.outbound?
                .instance
                ?? [])
    }

    /// One that is known is refreshed, or ended with Expires 0.
    mutating func subscribeAgain(
        _ request: Message, key: TransactionKey, on flow: Flow, subscription handle: Handle
    ) {
        guard request.method == .subscribe, subscriptions[handle].dialog.matches(request) else {
            answerStatelessly(request, 481, on: flow)
            return
        }
        guard case .subscriber(let watcher) = authenticate(request, on: flow),
            isWithinReason(request, on: flow)
        else { return }
        guard watcher.number == subscriptions[handle].watcher else {
            answerStatelessly(request, 403, on: flow)
            return
        }
        guard package(askedBy: request) == subscriptions[handle].package,
            Self.eventID(of: request) == subscriptions[handle].eventID
        else {
            // Another subscription in the same dialog, which it does not have.
            answerStatelessly(request, 481, on: flow)
            return
        }
        guard let seconds = grantedSeconds(request, on: flow) else { return }
        guard subscriptions[handle].dialog.requestReceived(request) == .accept else {
            answerStatelessly(request, 500, on: flow, reason: "Out Of Order")
            return
        }
        subscriptions[handle].flow = flow
        let phone = phone(of: watcher.number, sending: request, on: flow)
        if phone != Subscription.Phone() { subscriptions[handle].phone = phone }
        subscriptions[handle].expiresAt = now + .seconds(seconds)
        accept(
            request, key: key, on: flow, tag: subscriptions[handle].localTag, seconds: seconds)
        keepOrEnd(handle, seconds: seconds)
    }

    /// Whether a SUBSCRIBE insists on nothing that is not known here, and is no larger than what may be
    /// kept of it; otherwise it is answered.
    private mutating func isWithinReason(_ request: Message, on flow: Flow) -> Bool {
        if let unsupported = unsupportedOptions(request, supported: []) {
            answerStatelessly(request, 420, on: flow) { $0.field(.unsupported, unsupported) }
            return false
        }
        guard request.bytes.count <= Self.keptRequestBytes else {
            answerStatelessly(request, 513, on: flow)
            return false
        }
        return true
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
        save(handle)
        if subscriptions[handle].package == .messageSummary {
            mailboxWatched(subscriptions[handle].watched)
        }
        deadlines.set(
            DeadlineKey(kind: .subscription, slot: handle.slot),
            at: subscriptions[handle].expiresAt)
        tell(subscriptions[handle].asked(), to: handle)
    }

    private mutating func save(_ handle: Handle) { commit([saved(handle)]) }

    /// As it is to be stored, by the wall clock as it is now.
    func saved(_ handle: Handle) -> StoredChange {
        let left = subscriptions[handle].expiresAt - now
        return .subscriptionSaved(
            subscriptions[handle].stored(expiresAt: wallTime + left.nanoseconds / 1000))
    }

    // MARK: Connections that are gone

    /// Whether there is a way to a subscription's phone: a connection that is open, or one that can be
    /// made.
    private func hasWay(to handle: Handle) -> Bool {
        let flow = subscriptions[handle].flow
        guard flow.transport.isReliable else { return true }
        let dialog = subscriptions[handle].dialog
        return reached(flow, to: dialog.nextHop) != nil
    }

    /// The same, and none was tried in vain.
    private func isReached(_ handle: Handle) -> Bool {
        !subscriptions[handle].isOwing && hasWay(to: handle)
    }

    /// A phone has registered: what it watches is told by the same flow from now on, and at once where
    /// that is owed.
    ///
    /// - Parameter contacts: those that it has registered.
    mutating func watcherRegistered(
        _ number: String, on flow: Flow, as phone: Subscription.Phone, contacts: [[UInt8]]
    ) {
        guard let handles = subscriptionsOfWatcher[number] else { return }
        let targets = contacts.compactMap { URI(parsing: $0[...]) }
        let registrations = registrar.bindings(of: number, at: wallTime).map(\.callID)
        for handle in handles {
            var known = subscriptions[handle].phone
            if subscriptions[handle].flow != flow {
                guard follows(handle, to: flow, of: phone, at: targets) else { continue }
                known.registration = phone.registration
            } else if !registrations.contains(known.registration) {
                // It has subscribed before it had registered, or was started anew.
                known.registration = phone.registration
            }
            if !phone.instance.isEmpty, known.registration == phone.registration {
                known.instance = phone.instance
            }
            if subscriptions[handle].flow != flow || subscriptions[handle].phone != known {
                subscriptions[handle].flow = flow
                subscriptions[handle].phone = known
                save(handle)
            }
            tell(subscriptions[handle].returned(), to: handle)
        }
    }

    /// Whether a subscription that came by another flow goes on by this one: the same registration has
    /// moved, or the same phone has registered anew and the connection it had is gone. One that keeps
    /// several flows goes on to be told by that which it has subscribed by.
    private func follows(
        _ handle: Handle, to flow: Flow, of phone: Subscription.Phone, at targets: [URI]
    ) -> Bool {
        let known = subscriptions[handle].phone
        if !known.registration.isEmpty, known.registration == phone.registration { return true }
        let old = subscriptions[handle].flow
        guard old.transport.isReliable, !connections.isOpen(old) else { return false }
        // Two phones at home may have the same private address.
        if !known.instance.isEmpty, !phone.instance.isEmpty {
            return known.instance == phone.instance
        }
        let dialog = subscriptions[handle].dialog
        guard let target = URI(parsing: dialog.remoteTarget) else { return false }
        return targets.contains(target)
    }

    // MARK: The table

    private mutating func insert(_ subscription: Subscription) -> Handle {
        let handle = subscriptions.insert(subscription)
        subscriptionHandles[subscription.localTag] = handle
        watchers[subscription.watched, default: []].append(handle)
        subscriptionsOfWatcher[subscription.watcher, default: []].append(handle)
        return handle
    }

    private mutating func remove(subscription handle: Handle) {
        deadlines.remove(DeadlineKey(kind: .subscription, slot: handle.slot))
        guard let subscription = subscriptions.remove(handle) else { return }
        subscriptionHandles[subscription.localTag] = nil
        watchers[subscription.watched]?.removeAll { $0 == handle }
        if watchers[subscription.watched]?.isEmpty == true { watchers[subscription.watched] = nil }
        subscriptionsOfWatcher[subscription.watcher]?.removeAll { $0 == handle }
        if subscriptionsOfWatcher[subscription.watcher]?.isEmpty == true {
            subscriptionsOfWatcher[subscription.watcher] = nil
        }
        commit([.subscriptionRemoved(tag: subscription.localTag)])
        if subscription.package == .messageSummary { mailboxUnwatched(subscription.watched) }
    }

    /// The last NOTIFY says that there will be no more.
    private mutating func end(subscription handle: Handle, reason: String) {
        let version = subscriptions[handle].version
        guard hasWay(to: handle) else {
            remove(subscription: handle)
            return
        }
        notify(handle, version: version, state: "terminated;reason=\(reason)", user: .nobody)
        remove(subscription: handle)
    }

    /// An extension is there no longer: what its phones watch they are told no more, and need not ask for
    /// again (RFC 6665 §4.1.3).
    mutating func endSubscriptions(ofWatcher number: String) {
        for handle in subscriptionsOfWatcher[number] ?? [] {
            end(subscription: handle, reason: "rejected")
        }
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
        tellChange(to: handle)
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
            tellChange(to: handle)
        }
    }

    /// There is news for who watches; it is owed where there is no way to it.
    mutating func tellChange(to handle: Handle) {
        if isReached(handle) {
            tell(subscriptions[handle].changed(), to: handle)
        } else {
            subscriptions[handle].unreached()
        }
    }

    private mutating func tell(_ action: Subscription.Action, to handle: Handle) {
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
        writer.field(.event, subscriptions[handle].event)
        writer.field(.subscriptionState, state)
        writer.field(.userAgent, Self.serverName)
        // Who is no extension any more learns nothing.
        let isEntitled = extensions[subscriptions[handle].watcher] != nil
        let body = isEntitled ? document(for: handle, version: version) : []
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

    /// - Parameters:
    ///   - status: 503 where the connection was at its end, or there was none; 408 for silence.
    ///   - flow: which it has gone by.
    mutating func notificationUnanswered(
        _ status: Int, subscription handle: Handle, on flow: Flow
    ) {
        guard subscriptions.contains(handle) else { return }
        let own = subscriptions[handle].flow
        let way = connections.isOpen(own) ? own : connections.successor(of: own)
        // Nobody is there any more, or one who knows nothing of it (RFC 6665 §4.2.2).
        guard own.transport.isReliable, status == 503 || way != flow else {
            remove(subscription: handle)
            return
        }
        counters.count("notifications-put-off")
        subscriptions[handle].unreached()
        // The phone has registered by another connection meanwhile.
        if let way, way != flow { tell(subscriptions[handle].returned(), to: handle) }
    }
}
