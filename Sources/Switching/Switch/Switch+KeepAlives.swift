import SIP

// OPTIONS that keep the way to phones behind NAT open: those that have registered by UDP from another
// place than their Contact names, and say nothing by themselves. A NAT forgets a flow over UDP after half
// a minute or more, and then no call comes through.
//
// No transaction is kept for them, nothing of them is stored or logged, and what answers them is known
// by its From tag: whatever it says, the phone is there. One that says nothing stays registered: `tandem
// show registrations` says for how long it was not heard. They are spread, so that a hundred thousand
// flows cost as much in each second as in any other.

extension Switch {
    /// After a start or a reload flows are asked one after another, so long apart.
    private static let keepAliveStep = Instant.Span(nanoseconds: 250_000)

    /// Flows that have just been registered have their time from now on.
    mutating func startKeepAlives() {
        for slot in registrar.keptFlows.takeNewcomers() {
            registrar.keptFlows.begin(slot, now: now)
            guard settings.registration.keepAlive > .zero else { continue }
            deadlines.set(DeadlineKey(kind: .keepAlive, slot: slot), at: now + keepAliveSilence())
        }
    }

    /// All flows are asked anew, those that were not heard within their time: after a start nobody knows
    /// what their NATs remember.
    mutating func spreadKeepAlives() {
        _ = registrar.keptFlows.takeNewcomers()
        let span = settings.registration.keepAlive
        for (place, slot) in registrar.keptFlows.allSlots.enumerated() {
            let key = DeadlineKey(kind: .keepAlive, slot: slot)
            guard span > .zero else {
                deadlines.remove(key)
                continue
            }
            let wait = Self.keepAliveStep.nanoseconds * Int64(place) % span.nanoseconds
            deadlines.set(key, at: now + Instant.Span(nanoseconds: wait))
        }
    }

    /// How long a flow may be quiet this time: up to a tenth less than what is set, so that phones that
    /// were switched on together are not asked together for ever.
    private mutating func keepAliveSilence() -> Instant.Span {
        let span = settings.registration.keepAlive
        let less = span.nanoseconds / 10 * Int64(tokens.next() % 1024) / 1024
        return span - Instant.Span(nanoseconds: less)
    }

    mutating func keepAliveDeadlineReached(_ slot: UInt32) {
        guard settings.registration.keepAlive > .zero else { return }
        let key = DeadlineKey(kind: .keepAlive, slot: slot)
        let silence = keepAliveSilence()
        switch registrar.keptFlows.deadlineReached(slot, now: now, silence: silence) {
        case .none: break
        case .wait(let until): deadlines.set(key, at: until)
        case .ask(let flow, let contact, let next):
            askToKeepAlive(flow, contact: contact)
            deadlines.set(key, at: next)
        }
    }

    private mutating func askToKeepAlive(_ flow: Flow, contact: [UInt8]) {
        let tag = keepAliveTag ?? tokens.next()
        keepAliveTag = tag
        let text = listenerText(flow.listener)
        var writer = MessageWriter(capacity: 512)
        writer.requestLine(.options, uri: contact)
        writer.field(.via, via(branch: tokens.next(), listener: flow.listener))
        writer.field(.maxForwards, 70)
        writer.beginField(.from)
        writer.append("<sip:tandem@")
        writer.append(text.hostPort)
        writer.append(">;tag=")
        writer.append(Token.text(tag))
        writer.endField()
        writer.field(.to, [0x3c] + contact + [0x3e])
        writer.field(.callID, tokens.callID())
        writer.field(.cseq, "1 OPTIONS")
        writer.field(.contact, text.contact)
        writer.field(.userAgent, Self.serverName)
        counters.keepAlives += 1
        send(writer.finish(), on: flow)
    }

    /// Whether a response answers one of these; that its flow was heard is known already.
    mutating func isKeepAliveAnswer(_ response: Message) -> Bool {
        guard let keepAliveTag, response.method == .options,
            response.fromTag.flatMap(Token.number) == keepAliveTag
        else { return false }
        if response.status >= 200 { counters.keepAliveAnswers += 1 }
        return true
    }

    func unheardSeconds(_ binding: Binding) -> Int? {
        guard binding.isBehindNAT else { return nil }
        return registrar.keptFlows.heardAt(binding.flow, start: startedAt).map {
            Int((now - $0).milliseconds / 1000)
        }
    }
}
