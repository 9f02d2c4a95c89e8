import SIP

// Scanners and guessers. Who is banned is dropped before anything is read, but for the flows of
// registered phones: behind one address there may be an office with a guesser in it, and its phones
// have to reach an emergency number.

extension Switch {
    /// Whether a datagram is dropped unread.
    mutating func isDropped(_ flow: Flow) -> Bool {
        let address = flow.remote.ip
        guard bans.drops(address, now: now), !registrar.isRegistered(from: flow.remote) else {
            return false
        }
        // In IPv6 a trunk may be in the same /64 as who is banned.
        return address.isV4 || !isTrusted(address)
    }

    /// Tells the shell whose connections are not to be taken, and whose are again.
    ///
    /// A network that trunks or phones have a part in is not among them: what is sent there is told apart
    /// by who sends it.
    mutating func announceBans() {
        guard bans.hasChanges else { return }
        for change in bans.takeChanges() {
            guard let until = change.until else {
                actions.notices.append(.admitted(change.network))
                continue
            }
            guard !holdsTrusted(change.network), !registrar.isRegistered(at: change.network) else {
                continue
            }
            actions.notices.append(.barred(change.network, until: until))
        }
    }

    /// Whether any address is trusted of those that are banned together.
    func holdsTrusted(_ network: IPAddress) -> Bool {
        trustedNetworks.contains(network)
            || settings.bans.allowed.contains { $0.overlaps(network) }
    }

    /// Somebody did what strangers do.
    mutating func offended(_ offence: Offence, on flow: Flow) {
        let address = flow.remote.ip
        guard !isTrusted(address) else { return }
        // Nobody can have an office banned by writing its address into a datagram.
        if offence.isForgeable, registrar.isRegistered(at: address) { return }
        let verdict = bans.offended(offence, by: address, settings: settings.bans, now: now)
        announce(verdict, address, offence)
    }

    /// Whoever sent this was asked for a password.
    mutating func challenged(_ request: Message, on flow: Flow) {
        let address = flow.remote.ip
        guard settings.bans.isOn, !isTrusted(address), !registrar.isRegistered(at: address) else {
            return
        }
        if isScanner(request) {
            offended(.scanner, on: flow)
            return
        }
        let verdict = bans.challenged(address, settings: settings.bans, now: now)
        announce(verdict, address, .unansweredChallenge)
    }

    /// Whoever sent this got an answer that anybody gets.
    mutating func asked(on flow: Flow) {
        let address = flow.remote.ip
        guard settings.bans.isOn, !isTrusted(address), !registrar.isRegistered(at: address) else {
            return
        }
        announce(bans.asked(address, settings: settings.bans, now: now), address, .flood)
    }

    private mutating func announce(
        _ verdict: Bans.Verdict, _ address: IPAddress, _ offence: Offence
    ) {
        switch verdict {
        case .none: break
        case .banned(let span):
            counters.count("bans")
            log(
                .warning,
                "\(Bans.shown(address.network)) is banned for \(span.milliseconds / 1000) s: "
                    + offence.name)
        }
    }

    /// Whether an address is never banned: a trunk's, one of our own, or one that the file allows.
    func isTrusted(_ address: IPAddress) -> Bool {
        trustedAddresses.contains(address)
            || settings.bans.allowed.contains { $0.contains(address) }
    }

    /// Trunks and our own addresses, and no bans of those that came to be trusted.
    mutating func trustAddresses() {
        trustedAddresses = Set(trunkOfEndpoint.keys.map(\.ip))
        for listener in settings.listeners {
            trustedAddresses.insert(listener.bound.ip)
            if let advertised = IPAddress(listener.advertisedHost) {
                trustedAddresses.insert(advertised)
            }
        }
        trustedNetworks = Set(trustedAddresses.map(\.network))
        for (network, _) in bans.list where holdsTrusted(network) || !settings.bans.isOn {
            bans.lift(network)
        }
    }

    mutating func expireBans() {
        for address in bans.expire(now: now) {
            log(.notice, "the ban of \(Bans.shown(address)) is over")
        }
    }

    // MARK: Names of tools

    /// How tools for scanning call themselves where nobody has changed it, in small letters.
    private static let scanners = [
        "friendly-scanner", "sipvicious", "sundayddr", "sipcli", "pplsip", "sipscan", "smap",
        "iwar", "sip-scan", "vaxsipuseragent",
    ]

    /// Whether a request comes from a tool that says what it is.
    func isScanner(_ request: Message) -> Bool {
        guard let agent = request.value(.userAgent) else { return false }
        let name = String(decoding: agent.prefix(64), as: UTF8.self).lowercased()
        return Self.scanners.contains { name.hasPrefix($0) }
    }

    // MARK: The control socket

    func banRows() -> [BanRow] {
        bans.list.map { address, ban in
            BanRow(
                address: Bans.shown(address), since: wallClock.microseconds(at: ban.since),
                until: wallClock.microseconds(at: ban.until), reason: ban.reason.name,
                count: ban.count, dropped: ban.dropped)
        }
    }

    mutating func unban(_ text: String, for token: ControlToken) {
        let written = text.hasSuffix("/64") ? String(text.dropLast(3)) : text
        guard let address = IPAddress(written) else {
            reply(
                .refused("\"\(text)\" is no address; write it as \"tandem show bans\" does"),
                to: token)
            return
        }
        guard bans.lift(address) else {
            reply(.refused("\(text) is not banned"), to: token)
            return
        }
        let shown = Bans.shown(address.network)
        log(.notice, "the ban of \(shown) was lifted by the operator")
        reply(.done("\(shown) is heard again"), to: token)
    }
}
