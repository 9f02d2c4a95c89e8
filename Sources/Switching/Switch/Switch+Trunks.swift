import SIP

// Trunks at work: OPTIONS probes, what they learn, and settings that change.

extension Switch {
    /// Brings the table of trunks in line with the settings; what is known of a trunk stays.
    mutating func applyTrunks() {
        var fresh: [String: Trunk] = [:]
        trunkOfEndpoint = [:]
        for place in 0..<max(settings.trunks.count, probeSlots) {
            deadlines.remove(DeadlineKey(kind: .probe, slot: UInt32(place)))
            deadlines.remove(DeadlineKey(kind: .probeAnswer, slot: UInt32(place)))
        }
        probeSlots = settings.trunks.count
        for (place, trunk) in settings.trunks.enumerated() {
            fresh[trunk.name] =
                trunks[trunk.name]?.reconfigured(trunk, now: now)
                ?? Trunk(settings: trunk, now: now)
            trunkOfEndpoint[trunk.endpoint] = trunk.name
            if trunk.optionsInterval > .zero {
                deadlines.set(DeadlineKey(kind: .probe, slot: UInt32(place)), at: now)
            }
        }
        trunks = fresh
        // Channels are counted anew, since trunks come and go under running calls.
        for handle in calls.handles {
            if case .trunk(let name) = calls[handle].holding { trunks[name]?.countChannel() }
            if let name = calls[handle].inboundTrunk { trunks[name]?.countChannel() }
        }
    }

    mutating func probeDeadlineReached(_ place: Int) {
        guard place < settings.trunks.count else { return }
        let trunk = settings.trunks[place]
        guard trunk.optionsInterval > .zero else { return }
        let branch = tokens.next()
        let text = listenerText(trunk.listener)
        let target = "sip:\(trunk.endpoint)"
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
        let flow = Flow(transport: .udp, listener: trunk.listener, remote: trunk.endpoint)
        let client = makeClient(
            .options, branch: branch, bytes: writer.finish(), flow: flow,
            user: .probe(trunk: trunk.name))
        trunks[trunk.name]?.probe = client
        deadlines.set(
            DeadlineKey(kind: .probe, slot: UInt32(place)), at: now + trunk.optionsInterval)
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
        endProbe(of: name)
        // Whatever it says, it lives, unless it says that it does not work.
        let change =
            status == 503 || status == 408
            ? trunks[name]?.probeFailed("answers OPTIONS with \(status)", now: now)
            : trunks[name]?.probeAnswered(now: now)
        announce(change ?? .none, trunk: name)
    }

    mutating func probeFailed(_ why: String, trunk name: String) {
        endProbe(of: name)
        let change = trunks[name]?.probeFailed(why, now: now) ?? .none
        announce(change, trunk: name)
    }

    private mutating func endProbe(of name: String) {
        trunks[name]?.probe = nil
        guard let place = settings.trunks.firstIndex(where: { $0.name == name }) else { return }
        deadlines.remove(DeadlineKey(kind: .probeAnswer, slot: UInt32(place)))
    }

    mutating func announce(_ change: Trunk.Change, trunk name: String) {
        switch change {
        case .none: break
        case .wentDown:
            log(.error, "trunk \(name) is down: \(trunks[name]?.reason ?? "")")
        case .cameUp:
            log(.notice, "trunk \(name) is up: \(trunks[name]?.reason ?? "")")
        }
    }
}
