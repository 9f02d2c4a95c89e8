import Charging
import Dialplan
import SIP

// One route, several addresses or channels: what is tried before the call takes another route.

extension Switch {
    /// Puts the ways of a call into the order they are tried: as written, by share, or by what the
    /// operators take for three minutes.
    ///
    /// - Parameters:
    ///   - number: in its normalised form.
    ///   - at: when the call is made, in microseconds since 1970 UTC.
    ///   - isDrawn: false leaves ways by share as they are written, since each call draws anew.
    /// - Returns: the ways, and what there is to say of their order.
    mutating func inOrder(
        _ choices: [RouteChoice], to number: String, at: Int64, isDrawn: Bool
    ) -> (choices: [RouteChoice], steps: [Step]) {
        guard choices.contains(where: { $0.selection != .inOrder }) else { return (choices, []) }
        var prices: [RouteChoice.Via: Int64] = [:]
        for choice in choices where choice.selection == .leastCost {
            prices[choice.via] = operatorPrice(of: number, by: choice.via, at: at)
        }
        var tokens = tokens
        let ordered = RouteChoice.ordered(
            choices, draw: { isDrawn ? Int(tokens.next() % UInt64($0)) : 0 },
            price: { prices[$0.via] })
        self.tokens = tokens
        return (ordered, Self.steps(of: ordered, isDrawn: isDrawn, prices: prices))
    }

    /// What the operator of a way takes for a call of `Tariff.comparedMilliseconds`.
    private func operatorPrice(of number: String, by via: RouteChoice.Via, at: Int64) -> Int64? {
        let trunk: String?
        switch via {
        case .trunk(let name): trunk = name
        case .line(let line): trunk = lineGateways.gateway(of: line)?.trunk
        case .lines(let group):
            let line = plan.firstLine(ofGroup: group, where: { _ in true })
            trunk = line.flatMap { lineGateways.gateway(of: $0)?.trunk }
        }
        guard let trunk, let tariff = settings.trunkTariffs[trunk] else { return nil }
        return tariff.comparedPrice(of: number, at: at, offset: priceOffset(at: at))
    }

    /// One for each stage that is not in the written order.
    private static func steps(
        of choices: [RouteChoice], isDrawn: Bool, prices: [RouteChoice.Via: Int64]
    ) -> [Step] {
        var steps: [Step] = []
        var start = 0
        while start < choices.count {
            let stage = choices[start...].prefix { $0.stage == choices[start].stage }
            start += stage.count
            guard stage.count > 1, let first = stage.first else { continue }
            let ordering: Step.Ordering
            switch first.selection {
            case .inOrder: continue
            case .leastCost: ordering = .cost
            case .share: ordering = isDrawn ? .drawn : .share
            }
            let ways = stage.map { choice in
                switch choice.selection {
                case .share(let weight): "\(choice.via) \(weight)"
                case .leastCost:
                    "\(choice.via) \(prices[choice.via].map { "\(Amount(micros: $0))" } ?? "-")"
                case .inOrder: "\(choice.via)"
                }
            }
            steps.append(.ordered(ordering, ways.joined(separator: ", ")))
        }
        return steps
    }

    /// Tries the route again that the current attempt holds: at its next address when this one is dead
    /// (RFC 3263 §4.3), or once on another channel when both sides seized the same (cause 44).
    ///
    /// - Returns: false when the call has to leave the route.
    mutating func triesSameRouteAgain(_ handle: Handle, status: Int, q850: Int) -> Bool {
        // A reload may have taken the trunk away while the call was tried on it.
        guard let name = calls[handle].holding.trunk, trunks[name] != nil,
            calls[handle].nextRoute > 0, mayTryOnceMore(handle)
        else { return false }
        let choice = calls[handle].routes[calls[handle].nextRoute - 1]
        let isGlare = q850 == Causes.channelUnavailable
        if !isGlare, status == 408 || status == 503, let target = calls[handle].target {
            trunks[name]?.targets.failed(target, now: now)
            guard !calls[handle].targetsLeft.isEmpty, mayStay(handle, on: name) else {
                return false
            }
            log(
                .notice, call: calls[handle].id,
                "\(name) at \(target) failed, trying \(calls[handle].targetsLeft[0])")
            send(handle, on: choice)
            return true
        }
        guard isGlare, let channel = calls[handle].channel, calls[handle].glaredChannel == nil,
            let target = calls[handle].target
        else { return false }
        let isEmergency = calls[handle].isEmergency
        let seizure = trunks[name]?.channels.seize(isEmergency: isEmergency, avoiding: channel)
        guard case .taken(let other) = seizure else { return false }
        calls[handle].glaredChannel = channel
        trunks[name]?.channels.free(channel)
        calls[handle].channel = other
        calls[handle].targetsLeft.insert(target, at: 0)
        send(handle, on: choice)
        return true
    }

    /// Whether the other addresses of a trunk are worth a call's time: not when it is known to be down.
    /// A call that tries whether it is well again does so at all of them, and one for help does, too.
    private func mayStay(_ handle: Handle, on name: String) -> Bool {
        guard let trunk = trunks[name], !calls[handle].isEmergency else { return true }
        return calls[handle].isTrial ? !trunk.isDownByOthers : !trunk.isDown
    }

    /// Counts a call that came in on a trunk.
    ///
    /// - Returns: why it cannot be taken.
    mutating func takeInbound(_ name: String, for handle: Handle) -> Call.Failure? {
        guard let settings = trunks[name]?.settings else {
            return Call.Failure(
                status: 503, q850: Causes.noCircuit, text: "there is no trunk \(name)")
        }
        let named = channelNamed(by: handle, settings)
        guard case .taken(let channel)? = trunks[name]?.channels.seizeInbound(named: named) else {
            return Call.Failure(
                status: 503, q850: Causes.noCircuit, text: "all channels of \(name) are in use")
        }
        guard trunks[name]?.rate.admits(now: now) == true else {
            trunks[name]?.channels.free(channel)
            counters.count("refused-calls-per-second")
            return Call.Failure(
                status: 503, q850: Causes.switchCongestion,
                text: "\(name) takes no more than \(settings.callsPerSecond) calls a second")
        }
        calls[handle].inboundChannel = channel
        return nil
    }

    /// The channel that a gateway says a call has come in by, in the parameter by which it is told of
    /// those of calls out: in its Contact, or in the address it calls.
    private func channelNamed(by handle: Handle, _ settings: TrunkSettings) -> Int? {
        guard let name = settings.channelParameter, let invite = calls[handle].invite else {
            return nil
        }
        let uris = [
            invite.address(.contact)?.uriView, URI(parsing: invite.requestURI),
            invite.address(.from)?.uriView,
        ]
        for uri in uris {
            guard let value = uri?.parameter(name) ?? nil else { continue }
            return Int(String(decoding: value.prefix(4), as: UTF8.self))
        }
        return nil
    }
}
