import SIP

// Overload: new calls, registrations and subscriptions are turned away with 503 before anybody looks at
// them, and what is under way goes on. Calls to emergency numbers are never turned away.

extension Switch {
    /// Whether newcomers are turned away, so that the shell goes on measuring.
    public var isOverloaded: Bool { overload.isActive }

    /// How often `loopMeasured` is due while `isOverloaded`.
    public static let overloadInterval = Overload.interval

    mutating func loopMeasured(_ delay: Instant.Span) {
        heavySources.forget()
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

    /// Whether a datagram is dropped unread, since its address has sent its share already. Trunks, and
    /// the flows that phones are registered by, have none: a gateway speaks for a thousand phones.
    /// Connections are read no faster than the loop keeps up, anyway.
    mutating func isTooMuch(_ flow: Flow) -> Bool {
        guard !flow.transport.isReliable, heavySources.isHeavy(flow.remote.ip) else { return false }
        return trunkOfEndpoint[flow.remote] == nil
            && trunkOfEndpoint[Endpoint(ip: flow.remote.ip, port: 0)] == nil
            && !registrar.isRegistered(from: flow.remote)
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

    // MARK: What it holds

    /// Every table that others can make grow, with what is in it and what may be.
    func tableRows() -> [TableRow] {
        let limits = settings.limits
        return [
            TableRow(name: "calls", used: calls.count, limit: limits.calls),
            TableRow(
                name: "transactions", used: servers.count + clients.count,
                limit: 2 * limits.transactions),
            TableRow(
                name: "transactions-of-an-address", used: serversOfAddress.values.max() ?? 0,
                limit: limits.transactionsOfAddress),
            TableRow(name: "bindings", used: registrar.count, limit: limits.bindings),
            TableRow(
                name: "subscriptions", used: subscriptions.count, limit: limits.subscriptions),
            TableRow(name: "texts", used: forks.count, limit: limits.texts),
            TableRow(
                name: "finished-invites", used: finishedOrder.count,
                limit: Self.finishedInviteLimit),
            TableRow(name: "ended-dialogs", used: retiredTags.count, limit: Self.retiredTagLimit),
            TableRow(name: "suspects", used: bans.suspectCount, limit: Bans.suspectLimit),
            TableRow(name: "bans", used: bans.count, limit: Bans.banLimit),
            TableRow(name: "used-nonces", used: usedNonces.count, limit: UsedNonces.limit),
            TableRow(
                name: "plain-digests", used: plainDigests.count, limit: 2 * PlainDigests.limit),
            TableRow(
                name: "udp-only-places", used: datagramsOnly.count,
                limit: Self.datagramsOnlyLimit),
            TableRow(
                name: "moved-flows", used: connections.moveCount, limit: Connections.moveLimit),
            TableRow(
                name: "waiting-commits", used: waitingCommits, limit: 2 * limits.waitingCommits),
        ]
    }
}
