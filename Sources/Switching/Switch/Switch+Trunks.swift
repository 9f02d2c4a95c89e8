import SIP

// Trunks at work: settings that change, signs of health, and who sends from where.

extension Switch {
    /// Brings the table of trunks in line with the settings; what is known of a trunk stays.
    ///
    /// Costs O(trunks and their channels), and at the start O(calls).
    mutating func applyTrunks() {
        var fresh: [String: Trunk] = [:]
        for place in 0..<max(settings.trunks.count, trunkSlots) {
            for kind in [
                DeadlineKey.Kind.probe, .probeAnswer, .breaker, .registration,
            ] {
                deadlines.remove(DeadlineKey(kind: kind, slot: UInt32(place)))
            }
        }
        trunkSlots = settings.trunks.count
        for trunk in settings.trunks {
            fresh[trunk.name] =
                trunks[trunk.name]?.reconfigured(trunk, hashes: hashes, tokens: &tokens, now: now)
                ?? Trunk(settings: trunk, hashes: hashes, tokens: &tokens, now: now)
            // Trunks come and go under running calls: whatever is on one that is there now counts.
            if let channels = trunks[trunk.name]?.channels ?? channelsOfGone[trunk.name] {
                fresh[trunk.name]?.channels = channels.reconfigured(trunk)
                channelsOfGone[trunk.name] = nil
            }
        }
        for (name, trunk) in trunks where fresh[name] == nil && trunk.channelsInUse > 0 {
            channelsOfGone[name] = trunk.channels
        }
        leaveOperators(after: trunks, for: fresh)
        lineGateways = LineGateways(settings.lineGateways)
        indexTrunks()
        for (place, trunk) in settings.trunks.enumerated() {
            if trunk.optionsInterval > .zero {
                deadlines.set(DeadlineKey(kind: .probe, slot: UInt32(place)), at: now)
            }
            rearmTrunk(place)
        }
        countChannels()
    }

    /// Counts the calls that the journal has brought back; those of trunks that the file names no longer
    /// are kept until a reload brings those back.
    private mutating func countChannels() {
        guard !areChannelsCounted else { return }
        areChannelsCounted = true
        var found: [String: [Int?]] = [:]
        calls.forEach { call in
            if let name = call.holding.trunk { found[name, default: []].append(call.channel) }
            if let name = call.inboundTrunk {
                found[name, default: []].append(call.inboundChannel)
            }
        }
        for (name, channels) in found {
            var gone = Channels(ofGone: name)
            for channel in channels {
                if trunks[name] != nil {
                    trunks[name]?.channels.occupy(channel)
                } else {
                    gone.occupy(channel)
                }
            }
            if gone.inUse > 0 { channelsOfGone[name] = gone }
        }
    }

    /// A call no longer is on a trunk, which a reload may have taken away under it.
    mutating func freeChannel(_ channel: Int?, of name: String) {
        guard trunks[name] == nil else {
            trunks[name]?.channels.free(channel)
            return
        }
        channelsOfGone[name]?.free(channel)
        if channelsOfGone[name]?.inUse == 0 { channelsOfGone[name] = nil }
    }

    /// Whose requests come from where.
    private mutating func indexTrunks() {
        trunkOfEndpoint = [:]
        trunkOfContact = [:]
        // The first in the file keeps an address that two of them have.
        for settings in settings.trunks.reversed() {
            guard let trunk = trunks[settings.name] else { continue }
            for endpoint in settings.alsoFrom + trunk.targets.endpoints {
                trunkOfEndpoint[endpoint] = settings.name
            }
            if let line = trunk.registration?.line { trunkOfContact[line] = settings.name }
        }
        trustAddresses()
    }

    func place(of trunk: String) -> Int? { settings.trunks.firstIndex { $0.name == trunk } }

    /// Sets the deadlines of a trunk's breaker and registration.
    mutating func rearmTrunk(_ place: Int) {
        guard let trunk = trunks[settings.trunks[place].name] else { return }
        deadlines.set(
            DeadlineKey(kind: .breaker, slot: UInt32(place)), at: trunk.breaker.deadline)
        deadlines.set(
            DeadlineKey(kind: .registration, slot: UInt32(place)),
            at: trunk.registration?.deadline ?? .distantFuture)
    }

    // MARK: Who sends

    /// The trunk that a request outside of a dialog comes from: by its address, or by what our
    /// registration there told the operator to call us.
    func trunk(sending request: Message, on flow: Flow) -> String? {
        guard let name = trunk(addressing: request, on: flow), isIdentified(trunk: name, on: flow)
        else { return nil }
        return name
    }

    /// An address alone does not make one the trunk that has to show its certificate.
    func isIdentified(trunk name: String, on flow: Flow) -> Bool {
        guard let certificate = trunks[name]?.settings.certificateName else { return true }
        return connections.isCertified(flow, for: certificate)
    }

    private func trunk(addressing request: Message, on flow: Flow) -> String? {
        // Two accounts at one operator share its address, but not a registration.
        if !trunkOfContact.isEmpty, let uri = URI(parsing: request.requestURI),
            let value = uri.parameter(Self.registrationParameter) ?? nil,
            let line = Token.number(value), let name = trunkOfContact[line]
        {
            return name
        }
        if flow.transport.isReliable {
            // A connection comes from any port; the one that is listened at stands in Via.
            let named = Endpoint(
                ip: flow.remote.ip, port: request.topVia.port ?? flow.transport.defaultPort)
            if let name = trunkOfEndpoint[named] { return name }
        }
        return trunk(at: flow.remote)
    }

    /// The trunk that has an endpoint, or its address with whatever port.
    func trunk(at endpoint: Endpoint) -> String? {
        trunkOfEndpoint[endpoint] ?? trunkOfEndpoint[Endpoint(ip: endpoint.ip, port: 0)]
    }

    /// Whether an address is one of those of the trunk that a side of a call is on: an operator with
    /// several may send from any of them, and from where it says that it is reached inside the call.
    func isTrunk(of side: Side, in handle: Handle, at ip: IPAddress) -> Bool {
        let name = side == .caller ? calls[handle].inboundTrunk : calls[handle].holding.trunk
        guard let name, let trunk = trunks[name] else { return false }
        return trunk.targets.endpoints.contains { $0.ip == ip }
            || trunk.settings.alsoFrom.contains { $0.ip == ip }
            || calls[handle][side].dialogs.contains { isNamed(ip, by: $0, trunk: name) }
    }

    // MARK: Signs

    mutating func spanRead(_ reading: SpanReading, trunk name: String) {
        guard let change = trunks[name]?.spanRead(reading, now: now) else { return }
        announce(change, trunk: name)
    }

    mutating func resolved(_ resolution: TrunkResolution) {
        let name = resolution.trunk
        guard let known = trunks[name], known.settings.host != nil else { return }
        let before = known.targets.targets
        let change = trunks[name]?.resolved(resolution, now: now) ?? .none
        if trunks[name]?.targets.targets != before {
            let addresses = resolution.targets.map(\.hop.description)
            log(.info, "\(known.settings.address) is \(addresses.joined(separator: ", "))")
            indexTrunks()
            if let place = place(of: name) {
                if known.isProbed {
                    deadlines.set(DeadlineKey(kind: .probe, slot: UInt32(place)), at: now)
                }
                trunks[name]?.registration?.goesElsewhere(now: now)
                rearmTrunk(place)
            }
        }
        if let failure = resolution.failure {
            log(.warning, "trunk \(name): \(failure)")
        }
        announce(change, trunk: name)
    }

    mutating func breakerDeadlineReached(_ place: Int) {
        guard place < settings.trunks.count else { return }
        let name = settings.trunks[place].name
        guard let change = trunks[name]?.breakerDeadlineReached(now: now) else { return }
        announce(change, trunk: name)
        rearmTrunk(place)
    }

    // MARK: What calls say

    /// The current attempt met its trunk's own fault.
    mutating func routeFailed(_ handle: Handle, _ text: String) {
        guard let name = calls[handle].holding.trunk else { return }
        let isTrial = calls[handle].isTrial
        calls[handle].isTrial = false
        let change =
            trunks[name]?.attemptFailed("calls fail: \(text)", isTrial: isTrial, now: now) ?? .none
        announce(change, trunk: name)
        if let place = place(of: name) { rearmTrunk(place) }
    }

    /// The current attempt got through to the far side, whatever the callee then does.
    mutating func routePassed(_ handle: Handle) {
        guard let name = calls[handle].holding.trunk else { return }
        let isTrial = calls[handle].isTrial
        calls[handle].isTrial = false
        if let target = calls[handle].target { trunks[name]?.targets.answered(target) }
        announce(trunks[name]?.attemptPassed(isTrial: isTrial, now: now) ?? .none, trunk: name)
    }

    /// A trial that ends without a word leaves it to the next call.
    mutating func abandonTrial(of handle: Handle, trunk name: String) {
        guard calls[handle].isTrial else { return }
        calls[handle].isTrial = false
        announce(trunks[name]?.trialAbandoned(now: now) ?? .none, trunk: name)
    }

    /// A trunk died under calls that are being set up on it: those that do not ring yet take their next
    /// route now. One that rings stays, since the far side may only be slow to answer OPTIONS, and so does
    /// a call for help that has no other way: the signs may be wrong.
    private mutating func leave(trunk name: String, _ why: String) {
        for handle in calls.handles where calls.contains(handle) {
            guard case .trying = calls[handle].phase, calls[handle].holding.trunk == name,
                calls[handle].attemptRingingAt == nil
            else { continue }
            if calls[handle].isEmergency, !hasOtherWay(handle, evenDown: true) { continue }
            leaveRoute(handle, why, isBlamed: false)
        }
    }

    mutating func announce(_ change: Trunk.Change, trunk name: String) {
        switch change {
        case .none: break
        case .wentDown:
            let reason = trunks[name]?.reason ?? ""
            log(.error, "trunk \(name) is down: \(reason)")
            leave(trunk: name, "\(name) went down: \(reason)")
        case .cameUp:
            log(.notice, "trunk \(name) is up: \(trunks[name]?.reason ?? "")")
        }
    }
}

extension Call.Holding {
    /// The trunk that is used, by itself or for one of its lines.
    var trunk: String? {
        switch self {
        case .nothing: nil
        case .trunk(let name), .line(_, let name): name
        }
    }
}
