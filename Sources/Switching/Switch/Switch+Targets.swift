import Dialplan
import SIP

// One route, several addresses or channels: what is tried before the call takes another route.

extension Switch {
    /// Puts the ways of a call into the order they are tried: as written, by share, or by what the
    /// operators take for three minutes.
    mutating func inOrder(_ choices: [RouteChoice], for handle: Handle) -> [RouteChoice] {
        let number = calls[handle].record.normalised
        var tokens = tokens
        let ordered = RouteChoice.ordered(
            choices, draw: { Int(tokens.next() % UInt64($0)) },
            price: { settings.cost(of: $0.via, to: number) })
        self.tokens = tokens
        return ordered
    }

    /// Tries the route again that the current attempt holds: at its next address when this one is dead
    /// (RFC 3263 §4.3), or once on another channel when both sides seized the same (cause 44).
    ///
    /// - Returns: false when the call has to leave the route.
    mutating func triesSameRouteAgain(_ handle: Handle, status: Int, q850: Int) -> Bool {
        guard let name = calls[handle].holding.trunk, calls[handle].nextRoute > 0,
            calls[handle].record.attempts.count < settings.limits.attempts
        else { return false }
        let choice = calls[handle].routes[calls[handle].nextRoute - 1]
        let isGlare = q850 == Causes.channelUnavailable
        if !isGlare, status == 408 || status == 503, let target = calls[handle].target {
            trunks[name]?.targets.failed(target, now: now)
            guard !calls[handle].targetsLeft.isEmpty else { return false }
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
