import SIP

// Overload: what one source sends beyond its share is dropped unread as soon as the loop is behind. Where
// that does not help, new calls, registrations and subscriptions are turned away with 503 before anybody
// looks at them, and what is under way goes on. Calls to emergency numbers are never turned away.

extension Switch {
    /// Whether newcomers are turned away.
    public var isOverloaded: Bool { overload.isActive }

    /// Whether the shell goes on measuring, though the loop keeps up.
    public var isMeasured: Bool { overload.isActive || shares.isInForce }

    /// How often `loopMeasured` is due while `isMeasured`.
    public static let overloadInterval = Overload.interval

    mutating func loopMeasured(_ delay: Instant.Span) {
        shares.measured(delay, settings: settings.overload)
        switch overload.measured(delay, settings: settings.overload) {
        case .none: break
        case .began:
            counters.count("overloads")
            log(
                .warning,
                "overload: what reaches the switch waits \(delay.milliseconds) ms; newcomers get 503"
            )
        case .ended:
            log(.notice, "the overload is over")
        }
    }

    /// Whether a datagram is dropped unread, since its source has sent its share already. Connections are
    /// read no faster than the loop keeps up, anyway.
    mutating func isTooMuch(_ datagram: Datagram) -> Bool {
        guard !datagram.flow.transport.isReliable else { return false }
        let remote = datagram.flow.remote
        let source = source(of: remote)
        // An allow-list may be long.
        let share = shares.knows(source) ? 0 : share(of: source)
        let verdict = shares.verdict(
            on: source, cost: Shares.cost(of: datagram.bytes), share: share)
        switch verdict {
        case .read: return false
        case .drop: break
        case .dropFirst:
            log(.warning, "the loop is behind, and \(remote) sends more than its share")
        }
        counters.heavy += 1
        asked(on: datagram.flow)
        return true
    }

    /// What has a share of its own: a trunk's endpoint, the flow of a registered phone, or an address with
    /// all its other ports, which port 0 stands for.
    private func source(of remote: Endpoint) -> Endpoint {
        if trunkOfEndpoint[remote] != nil || registrar.isRegistered(from: remote) { return remote }
        let whole = Endpoint(ip: remote.ip, port: 0)
        return trunkOfEndpoint[whole] != nil ? whole : Endpoint(ip: remote.ip.network, port: 0)
    }

    private func share(of source: Endpoint) -> Int {
        let settings = settings.overload
        if trunkOfEndpoint[source] != nil { return settings.shareOfTrunk }
        let phones = registrar.bindingCount(from: source)
        guard phones > 0 else {
            // In IPv6 that is a whole /64, of which one may be trusted.
            return holdsTrusted(source.ip) ? settings.shareOfPhone : settings.shareOfAddress
        }
        // Behind a proxy many have one flow, but no more than a trunk's.
        return max(
            settings.shareOfPhone, min(phones * Shares.ofEachPhone, settings.shareOfTrunk))
    }

    /// Turns a newcomer away when it is its turn.
    ///
    /// - Returns: whether it was.
    mutating func turnedAway(_ request: Message, method: Method, on flow: Flow) -> Bool {
        guard
            method == .invite || method == .register || method == .subscribe || method == .message,
            request.toTag == nil
        else { return false }
        if method == .invite, let uri = URI(parsing: request.requestURI),
            plan.isEmergency(uri.telephoneNumber ?? uri.userUnescaped)
        {
            return false
        }
        let isKnown =
            trustedAddresses.contains(flow.remote.ip) || registrar.isRegistered(from: flow.remote)
        guard overload.turnsAway(isKnown: isKnown) else { return false }
        counters.turnedAway += 1
        asked(on: flow)
        let least = settings.overload.retryAfter
        answerStatelessly(
            request, 503, on: flow,
            retryAfter: least + Int(tokens.next() % UInt64(least + 1)))
        return true
    }
}
