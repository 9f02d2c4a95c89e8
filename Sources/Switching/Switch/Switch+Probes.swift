import SIP

// OPTIONS that ask trunks whether they live.

extension Switch {
    mutating func probeDeadlineReached(_ place: Int) {
        guard place < settings.trunks.count else { return }
        let trunk = settings.trunks[place]
        guard trunk.optionsInterval > .zero else { return }
        deadlines.set(
            DeadlineKey(kind: .probe, slot: UInt32(place)), at: now + trunk.optionsInterval)
        // A name that stands for nothing yet is asked when it does.
        guard
            let endpoint = trunks[trunk.name]?.targets.order(now: now, using: &tokens).first
        else { return }
        let branch = tokens.next()
        let text = listenerText(trunk.listener)
        let target = "sip:\(endpoint)"
        var writer = MessageWriter(capacity: 512)
        writer.requestLine(.options, uri: target)
        writer.field(.via, via(branch: branch, listener: trunk.listener))
        writer.field(.maxForwards, 70)
        writer.beginField(.from)
        writer.append("<sip:tandem@")
        writer.append(text.hostPort)
        writer.append(">;tag=")
        writer.append(Token.text(tokens.next()))
        writer.endField()
        writer.field(.to, "<\(target)>")
        writer.beginField(.callID)
        writer.append(tokens.callID())
        writer.endField()
        writer.field(.cseq, "1 OPTIONS")
        writer.field(.contact, text.contact)
        writer.field(.accept, "application/sdp")
        writer.field(.userAgent, Self.serverName)
        let flow = Flow(transport: .udp, listener: trunk.listener, remote: endpoint)
        let client = makeClient(
            .options, branch: branch, bytes: writer.finish(), flow: flow,
            user: .probe(trunk: trunk.name))
        trunks[trunk.name]?.probe = client
        trunks[trunk.name]?.probeTarget = endpoint
        // The transaction's own 32 s would be too slow to learn anything.
        deadlines.set(
            DeadlineKey(kind: .probeAnswer, slot: UInt32(place)),
            at: now + min(trunk.attemptTimeout, trunk.optionsInterval))
    }

    mutating func probeAnswerDeadlineReached(_ place: Int) {
        guard place < settings.trunks.count else { return }
        let name = settings.trunks[place].name
        guard let client = trunks[name]?.probe else { return }
        forget(client: client)
        probeFailed("OPTIONS is not answered", trunk: name)
    }

    mutating func probeAnswered(_ status: Int, trunk name: String) {
        guard status >= 200 else { return }
        // Whatever it says, it lives, unless it says that it does not work.
        if status == 503 || status == 408 {
            probeFailed("answers OPTIONS with \(status)", trunk: name)
            return
        }
        endProbe(of: name)
        announce(trunks[name]?.probeAnswered(now: now) ?? .none, trunk: name)
    }

    mutating func probeFailed(_ why: String, trunk name: String) {
        endProbe(of: name)
        announce(trunks[name]?.probeFailed(why, now: now) ?? .none, trunk: name)
    }

    private mutating func endProbe(of name: String) {
        trunks[name]?.probe = nil
        guard let place = place(of: name) else { return }
        deadlines.remove(DeadlineKey(kind: .probeAnswer, slot: UInt32(place)))
    }
}
