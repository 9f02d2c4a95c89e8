import SIP

// OPTIONS that ask trunks whether they live.

extension Switch {
    mutating func probeDeadlineReached(_ place: Int) {
        guard place < settings.trunks.count else { return }
        let trunk = settings.trunks[place]
        guard trunk.optionsInterval > .zero else { return }
        deadlines.set(
            DeadlineKey(kind: .probe, slot: UInt32(place)), at: now + trunk.optionsInterval)
        // Where they are sent as often as they may wait for an answer, the last round ends here.
        probeAnswerDeadlineReached(place)
        forgetProbes(of: trunk.name)
        trunks[trunk.name]?.probesSent()
        // A name that stands for nothing yet is asked when it does.
        let hops = trunks[trunk.name]?.targets.order(now: now, using: &tokens) ?? []
        guard !hops.isEmpty else { return }
        for hop in hops { probe(trunk, at: hop) }
        // The transaction's own 32 s would be too slow to learn anything.
        deadlines.set(
            DeadlineKey(kind: .probeAnswer, slot: UInt32(place)),
            at: now + min(trunk.attemptTimeout, trunk.optionsInterval))
    }

    private mutating func probe(_ trunk: TrunkSettings, at hop: NextHop) {
        let branch = tokens.next()
        let flow = trunk.flow(to: hop)
        let text = listenerText(flow.listener)
        let target = "sip:\(hop.endpoint)\(hop.transport.parameter)"
        var writer = MessageWriter(capacity: 512)
        writer.requestLine(.options, uri: target)
        writer.field(.via, via(branch: branch, listener: flow.listener))
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
        let client = makeClient(
            .options, branch: branch, bytes: writer.finish(), flow: flow,
            user: .probe(trunk: trunk.name, target: hop))
        trunks[trunk.name]?.probes[hop] = client
    }

    mutating func probeAnswerDeadlineReached(_ place: Int) {
        guard place < settings.trunks.count else { return }
        let name = settings.trunks[place].name
        for target in (trunks[name]?.probes ?? [:]).keys.sorted(by: {
            ($0.endpoint.sortKey, $0.transport.name) < ($1.endpoint.sortKey, $1.transport.name)
        }) {
            guard let client = trunks[name]?.probes[target] else { continue }
            forget(client: client)
            probeFailed("OPTIONS is not answered", by: target, trunk: name)
        }
    }

    mutating func probeAnswered(_ status: Int, by target: NextHop, trunk name: String) {
        guard status >= 200 else { return }
        // Whatever it says, it lives, unless it says that it does not work.
        if status == 503 || status == 408 {
            probeFailed("answers OPTIONS with \(status)", by: target, trunk: name)
            return
        }
        announce(trunks[name]?.probeAnswered(by: target, now: now) ?? .none, trunk: name)
        endProbes(of: name)
    }

    mutating func probeFailed(_ why: String, by target: NextHop, trunk name: String) {
        announce(trunks[name]?.probeFailed(by: target, why, now: now) ?? .none, trunk: name)
        endProbes(of: name)
    }

    private mutating func endProbes(of name: String) {
        guard trunks[name]?.probes.isEmpty == true, let place = place(of: name) else { return }
        deadlines.remove(DeadlineKey(kind: .probeAnswer, slot: UInt32(place)))
    }

    /// Those of the last round say nothing any more.
    private mutating func forgetProbes(of name: String) {
        for client in (trunks[name]?.probes ?? [:]).values { forget(client: client) }
        trunks[name]?.probes = [:]
    }
}
