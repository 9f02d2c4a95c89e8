import SIP

// What waits in mailboxes, asked for: as long as a phone has subscribed to its own (message-summary, RFC
// 3842), the switch subscribes to that extension's at the mailbox server, once for all its phones, and
// passes on what it is told. After a restart the phones' subscriptions are there, and it asks anew.
//
//     (none) -- first phone --> asking -- 2xx --> told until -- refresh is due --> asking
//                                  |                  |
//                                  | refused, silent  | NOTIFY says terminated
//                                  v                  v
//                               resting <-------------+      asks anew when it has rested
//
//     any -- the last phone is gone --> SUBSCRIBE with Expires 0 where there is a dialog, and none
//
// A server that grants nothing as brief (423) is asked at once for what it grants at least, and rests where
// that is refused as well.
//
// What the server says unasked is passed on in the same way; see `Switch+Texts`.

/// A subscription of ours at the mailbox server, for one extension.
struct MailboxSubscription: Sendable {
    let number: String
    /// Our tag, which is new whenever the dialog is.
    var localTag: UInt64
    var callID: [UInt8]
    var flow: Flow
    /// Once it has answered.
    var dialog: Dialog?
    /// Refusals and silences in a row.
    var failures = 0
    /// How long it is asked for; the server may want more (423).
    private(set) var seconds = usualSeconds
    /// It was asked for longer since it has accepted last.
    private(set) var isLengthened = false

    static let usualSeconds = 3600
    static let longestSeconds = 86_400
    static let minimumSeconds = 60
    /// What it rests after it was refused; doubled with each time, up to the limit.
    static let rest = Instant.Span.seconds(60)
    static let restLimit = 6

    /// The server grants nothing as brief.
    ///
    /// - Parameter minimum: its Min-Expires, in seconds; 0 without one.
    /// - Returns: false where it has asked for that before, or for what is no more or too much.
    mutating func tooBrief(minimum: Int) -> Bool {
        guard !isLengthened, minimum > seconds, minimum <= Self.longestSeconds else { return false }
        seconds = minimum
        isLengthened = true
        return true
    }

    mutating func accepted() {
        failures = 0
        isLengthened = false
    }

    var restNow: Instant.Span { Self.rest * (1 << min(failures, Self.restLimit)) }
}

extension Switch {
    /// Whether the mailbox server is to be asked.
    private var mailboxTrunk: TrunkSettings? {
        guard settings.asksMailbox, let name = settings.mailbox else { return nil }
        return trunks[name]?.settings
    }

    /// A phone has subscribed to its mailbox.
    mutating func mailboxWatched(_ number: String) {
        guard mailboxHandles[number] == nil, mailboxTrunk != nil else { return }
        let handle = mailboxes.insert(
            MailboxSubscription(
                number: number, localTag: 0, callID: [],
                flow: Flow(
                    transport: .udp, listener: 0,
                    remote: Endpoint(ip: IPAddress(v4: 0), port: 0))))
        mailboxHandles[number] = handle
        askMailbox(handle)
    }

    /// A phone's subscription is gone: without any, nobody has to be told.
    mutating func mailboxUnwatched(_ number: String) {
        guard let handle = mailboxHandles[number],
            watchers[number]?.contains(where: { subscriptions[$0].package == .messageSummary })
                != true
        else { return }
        if mailboxes[handle].dialog != nil { send(handle, seconds: 0, user: .nobody) }
        forget(mailbox: handle)
    }

    private mutating func forget(mailbox handle: Handle) {
        deadlines.remove(DeadlineKey(kind: .mailbox, slot: handle.slot))
        guard let mailbox = mailboxes.remove(handle) else { return }
        mailboxHandles[mailbox.number] = nil
        mailboxTags[mailbox.localTag] = nil
    }

    // MARK: Asking

    /// Subscribes or refreshes; a server that is down is asked when it has rested.
    mutating func askMailbox(_ handle: Handle) {
        guard let trunk = mailboxTrunk else {
            forget(mailbox: handle)
            return
        }
        if mailboxes[handle].dialog == nil {
            guard let target = trunks[trunk.name]?.targets.order(now: now, using: &tokens).first
            else {
                rest(handle)
                return
            }
            mailboxTags[mailboxes[handle].localTag] = nil
            let tag = tokens.next()
            mailboxes[handle].localTag = tag
            mailboxes[handle].callID = tokens.callID()
            mailboxes[handle].flow = trunk.flow(to: target)
            mailboxTags[tag] = handle
        }
        send(handle, seconds: mailboxes[handle].seconds, user: .mailbox(handle))
    }

    private mutating func send(_ handle: Handle, seconds: Int, user: ClientEntry.User) {
        var flow = mailboxes[handle].flow
        if let hop = mailboxes[handle].dialog?.nextHop {
            flow = requestFlow(to: hop, spokenFrom: flow, trunk: settings.mailbox)
        }
        let branch = tokens.next()
        var writer = MessageWriter(capacity: 640)
        if mailboxes[handle].dialog != nil {
            _ = mailboxes[handle].dialog!.nextRequest(
                .subscribe, via: via(branch: branch, listener: flow.listener), into: &writer)
        } else {
            let number = mailboxes[handle].number
            let address = Array("sip:\(number)@\(flow.remote)".utf8)
            writer.requestLine(.subscribe, uri: address)
            writer.field(.via, via(branch: branch, listener: flow.listener))
            writer.beginField(.from)
            writer.append(identity(name: [], user: number, listener: flow.listener))
            writer.append(";tag=")
            writer.append(Token.text(mailboxes[handle].localTag))
            writer.endField()
            writer.field(.to, [0x3c] + address + [0x3e])
            writer.field(.callID, mailboxes[handle].callID)
            writer.field(.cseq, "1 SUBSCRIBE")
        }
        writer.field(.maxForwards, 70)
        writer.field(.contact, listenerText(flow.listener).contact)
        writer.field(.event, Subscription.Package.messageSummary.rawValue)
        writer.field(.accept, Subscription.Package.messageSummary.contentType)
        writer.field(.expires, seconds)
        writer.field(.userAgent, Self.serverName)
        _ = makeClient(.subscribe, branch: branch, bytes: writer.finish(), flow: flow, user: user)
    }

    private mutating func rest(_ handle: Handle) {
        deadlines.set(
            DeadlineKey(kind: .mailbox, slot: handle.slot), at: now + mailboxes[handle].restNow)
        mailboxes[handle].failures += 1
    }

    // MARK: What it says

    mutating func mailboxAnswered(_ response: Message, by handle: Handle, client: Handle) {
        guard mailboxes.contains(handle), response.status >= 200 else { return }
        guard response.status < 300 else {
            if response.status == 423,
                mailboxes[handle].tooBrief(
                    minimum: response.number(.minExpires).map { Int($0) } ?? 0)
            {
                askMailbox(handle)
                return
            }
            // A refusal ends the dialog, and a new one may be given; a server in trouble keeps it.
            if response.status < 500 { mailboxes[handle].dialog = nil }
            mailboxFailed(handle, "\(response.status)")
            return
        }
        if mailboxes[handle].dialog == nil, let request = parseOwn(clients[client].request) {
            mailboxes[handle].dialog = Dialog(request: request, response: response)
        } else {
            mailboxes[handle].dialog?.responseReceived(response)
        }
        mailboxes[handle].accepted()
        let asked = mailboxes[handle].seconds
        let granted = response.number(.expires).map { Int($0) } ?? asked
        // No longer than it was asked for (RFC 6665 §4.1.2.1), whatever it says.
        let seconds = min(max(granted, MailboxSubscription.minimumSeconds), asked)
        // Well before the end, as for a registration.
        deadlines.set(
            DeadlineKey(kind: .mailbox, slot: handle.slot), at: now + .seconds(seconds * 9 / 10))
    }

    mutating func mailboxFailed(_ handle: Handle, _ why: String) {
        guard mailboxes.contains(handle) else { return }
        if mailboxes[handle].failures == 0 {
            log(
                .warning,
                "the mailbox server does not say what waits for \(mailboxes[handle].number): \(why)"
            )
        }
        counters.count("mailbox-failures")
        rest(handle)
    }

    private func isNamedByServer(_ ip: IPAddress, _ dialog: Dialog?) -> Bool {
        guard let dialog, let trunk = settings.mailbox else { return false }
        return isNamed(ip, by: dialog, trunk: trunk)
    }

    /// NOTIFY in the dialog of a subscription of ours.
    mutating func mailboxTold(
        _ request: Message, key: TransactionKey, on flow: Flow, by handle: Handle
    ) {
        let mailbox = mailboxes[handle]
        guard request.method == .notify, request.callID.elementsEqual(mailbox.callID),
            flow.remote.ip == mailbox.flow.remote.ip
                || isNamedByServer(flow.remote.ip, mailbox.dialog),
            mailbox.dialog?.matches(request) ?? true,
            Self.package(of: request) == Subscription.Package.messageSummary.rawValue
        else {
            counters.count("stray-in-dialog")
            answerStatelessly(request, 481, on: flow)
            return
        }
        if mailboxes[handle].dialog != nil,
            mailboxes[handle].dialog!.requestReceived(request) != .accept
        {
            answerStatelessly(request, 500, on: flow, reason: "Out Of Order")
            return
        }
        let server = makeServer(for: request, key: key, on: flow)
        guard request.body.count <= settings.limits.textBytes else {
            respond(server, 413)
            return
        }
        respond(server, 200)
        _ = keepSummary(request.body, of: mailbox.number)
        guard request.value(.subscriptionState)?.starts(with: "terminated".utf8) == true else {
            return
        }
        mailboxes[handle].dialog = nil
        rest(handle)
    }
}
