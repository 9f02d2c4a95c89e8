import SIP

// What waits in mailboxes (message-summary, RFC 3842): kept as the server has said it last, also over a
// restart, so that a phone that was off, or subscribes later, hears it all the same. As long as the server
// has said nothing, a subscription is answered by NOTIFY without a body (RFC 6665 §4.2.1.2): a phone that
// shows waiting messages is not told by us that there are none.

extension Switch {
    /// The server has said what waits for an extension; an empty body says nothing.
    ///
    /// - Returns: false where it has said nothing.
    mutating func keepSummary(_ body: ArraySlice<UInt8>, of number: String) -> Bool {
        guard !body.isEmpty else { return false }
        counters.count("message-summaries")
        if summaries[number]?.body.elementsEqual(body) != true {
            summaries[number] = MessageSummary(body: Array(body))
            commit([.summarySaved(number: number, Array(body))])
        }
        tellWatchers(of: number, of: .messageSummary)
        return true
    }

    mutating func restore(_ stored: [String: [UInt8]]) {
        for (number, body) in stored where extensions[number] != nil {
            summaries[number] = MessageSummary(body: body)
        }
    }

    /// A phone is told unasked.
    ///
    /// - Returns: false where that is no news to it.
    mutating func isNewsOfMailbox(to registration: [UInt8], of number: String) -> Bool {
        let known = registrar.bindings(of: number, at: wallTime).map(\.callID)
        return summaries[number]?.isNews(to: registration, among: known) == true
    }

    private func isSubscribedToMailbox(_ registration: [UInt8], of number: String, on flow: Flow)
        -> Bool
    {
        (subscriptionsOfWatcher[number] ?? []).contains {
            subscriptions[$0].package == .messageSummary
                && (subscriptions[$0].flow == flow
                    || subscriptions[$0].phone.registration == registration)
        }
    }

    /// A phone has registered: where it has not subscribed to its mailbox, it is told unasked what it may
    /// not know.
    mutating func tellMailbox(_ number: String, registered registration: [UInt8], on flow: Flow) {
        guard settings.mailbox != nil, let body = summaries[number]?.body,
            !isSubscribedToMailbox(registration, of: number, on: flow),
            let binding = registrar.reachable(of: number, at: wallTime).first(where: {
                $0.flow == flow && $0.callID == registration
            }), isNewsOfMailbox(to: registration, of: number)
        else { return }
        let branch = tokens.next()
        let own = identity(name: [], user: number, listener: flow.listener)
        var writer = MessageWriter(capacity: 640)
        writer.requestLine(.notify, uri: binding.requestURI)
        writer.field(.via, via(branch: branch, listener: flow.listener))
        if !binding.path.isEmpty { writer.field(.route, binding.path) }
        writer.field(.maxForwards, 70)
        writer.field(.from, own + Array(";tag=".utf8) + Token.text(tokens.next()))
        writer.field(.to, own)
        writer.field(
            .callID, tokens.callID() + Array("@".utf8) + listenerText(flow.listener).host)
        writer.field(.cseq, "1 NOTIFY")
        writer.field(.contact, listenerText(flow.listener).contact)
        writer.field(.event, Subscription.Package.messageSummary.rawValue)
        // No subscription is behind it, and none begins.
        writer.field(.subscriptionState, "terminated")
        writer.field(.userAgent, Self.serverName)
        let bytes = writer.finish(
            body: body, contentType: Subscription.Package.messageSummary.contentType)
        _ = makeClient(
            .notify, branch: branch, bytes: bytes, flow: flow,
            user: .summary(number, registration: registration))
    }
}
