import SIP

// Where requests inside a dialog go (RFC 3261 §12.2.1.1, §8.1.2).
//
// A phone's go by the flow that it speaks from, whatever its Contact says, since that may be an address
// behind NAT. A gateway's go to the first URI of its Record-Route, or else to its Contact, and there to
// `maddr` before the host: an address as it is, a name looked up by RFC 3263. Symmetric all the same, to
// where the gateway speaks from, are those of
//
//   - a trunk that the file says is behind NAT (`nat: yes`), and one that is seen to be: it names a
//     private address and speaks from a public one;
//   - a connection that is open, since one that is made anew may not come through (RFC 5923);
//   - one that speaks by TLS and would have us speak in the clear;
//   - a transport or an address family that we have no listener of;
//   - a name that stands for nothing, that no name server answers for, or that is being asked for.
//
// A name may stand for several places: what becomes of a request whose place is dead stands in
// `Switch+NextPlaces.swift`.
//
// No request waits for a name server. What left before its answer, and has not been answered itself, is
// sent once more to where the answer says: an ACK that was lost on the way would come late, with the
// next repetition of the 2xx.

extension Switch {
    /// Where the next request of ours to a leg goes.
    ///
    /// - Parameter dialog: the place of its dialog; nil for the last one.
    mutating func requestFlow(to leg: LegReference, dialog place: Int? = nil) -> Flow {
        let own = calls[leg.call][leg.side].flow
        guard let trunk = trunk(of: leg),
            let last = calls[leg.call][leg.side].dialogs.indices.last
        else { return own }
        let hop = calls[leg.call][leg.side].dialogs[place ?? last].nextHop
        return requestFlow(to: hop, spokenFrom: own, trunk: trunk)
    }

    /// A leg has a new dialog: where its Record-Route or its Contact is a name, that is asked for, so
    /// that the answer is there when it is needed.
    mutating func findNextHop(of leg: LegReference) { _ = requestFlow(to: leg) }

    /// The trunk that a leg is on; nil for a phone's.
    func trunk(of leg: LegReference) -> String? {
        switch leg.side {
        case .caller: calls[leg.call].inboundTrunk
        case .callee(let place):
            calls[leg.call].callees[place].rings == nil ? calls[leg.call].holding.trunk : nil
        }
    }

    /// The same of the first URI that a request goes to.
    mutating func requestFlow(
        to hop: ArraySlice<UInt8>, spokenFrom own: Flow, trunk: String?
    ) -> Flow {
        switch nextPlace(of: hop, spokenFrom: own, trunk: trunk) {
        case .at(let flow, _): flow
        case .unknownYet, .nowhere: own
        }
    }

    /// One of the places that a next hop stands for.
    enum NextPlace {
        /// - others: how many more there are after it.
        case at(Flow, others: Int)
        /// The name is being asked for.
        case unknownYet
        /// All were tried.
        case nowhere
    }

    /// The place that a request goes to: the first one of its next hop that it was not sent to in vain.
    mutating func nextPlace(
        of hop: ArraySlice<UInt8>, spokenFrom own: Flow, trunk: String?, past tried: [NextHop] = []
    ) -> NextPlace {
        let hasLeft = tried.contains(own.hop)
        let symmetric = hasLeft ? NextPlace.nowhere : .at(own, others: 0)
        guard let trunk, trunks[trunk]?.settings.isBehindNAT == false,
            !own.transport.isReliable || !connections.isOpen(own) || hasLeft,
            let uri = URI(parsing: hop), let target = NextHopTarget(uri, spokenFrom: own)
        else { return symmetric }
        switch target.place {
        case .address(let ip):
            let remote = Endpoint(ip: ip, port: target.port ?? target.transport.defaultPort)
            if remote == own.remote, target.transport == own.transport { return symmetric }
            guard remote.isReachable(spokenFrom: own.remote),
                let way = way(target.transport, isV4: ip.isV4, as: own)
            else { return symmetric }
            let flow = Flow(transport: way.transport, listener: way.listener, remote: remote)
            return tried.contains(flow.hop) ? .nowhere : .at(flow, others: 0)
        case .name(let name):
            guard let query = query(name, target, spokenFrom: own, trunk: trunk) else {
                return symmetric
            }
            let targets: [TrunkTarget]
            switch nextHopNames.targets(of: query, for: own, now: now) {
            case .known(let known): targets = known
            case .toBeAsked(let known):
                targets = known
                actions.lookUps.append(query)
            }
            if targets.isEmpty, nextHopNames.isAsked(query) { return .unknownYet }
            return place(in: targets, of: query, spokenFrom: own, past: tried)
        }
    }

    private func query(
        _ name: String, _ target: NextHopTarget, spokenFrom own: Flow, trunk: String
    ) -> NextHopQuery? {
        let host = TrunkHost(name: name, port: target.port)
        // Without a port and a transport the name says which, where the trunk's own name does too.
        if target.isOpen, let settings = trunks[trunk]?.settings, settings.isTransportOpen {
            return NextHopQuery(host: host, ways: settings.ways, isOpen: true)
        }
        let isV4 = own.remote.ip.isV4
        let ways = [isV4, !isV4].compactMap { way(target.transport, isV4: $0, as: own) }
        return ways.isEmpty ? nil : NextHopQuery(host: host, ways: ways)
    }

    /// The listener that requests by a transport leave by: the same as so far where that will do.
    private func way(_ transport: TransportKind, isV4: Bool, as own: Flow) -> TrunkWay? {
        if transport == own.transport, isV4 == own.remote.ip.isV4 {
            return TrunkWay(transport: transport, listener: own.listener, isV4: isV4)
        }
        return settings.listeners.firstIndex {
            $0.transport == transport && $0.bound.ip.isV4 == isV4
        }.map { TrunkWay(transport: transport, listener: UInt16($0), isV4: isV4) }
    }

    private func place(
        in targets: [TrunkTarget], of query: NextHopQuery, spokenFrom own: Flow,
        past tried: [NextHop]
    ) -> NextPlace {
        let reachable = targets.filter { target in
            query.ways.way(to: target.hop) != nil
                && target.endpoint.isReachable(spokenFrom: own.remote)
                && (own.transport != .tls || target.transport == .tls)
        }
        guard !reachable.isEmpty else {
            return tried.contains(own.hop) ? .nowhere : .at(own, others: 0)
        }
        let left = nextHopNames.order(of: reachable, preferring: own.hop, now: now)
            .filter { !tried.contains($0) }
        guard let hop = left.first, let way = query.ways.way(to: hop) else { return .nowhere }
        return .at(
            Flow(transport: hop.transport, listener: way.listener, remote: hop.endpoint),
            others: left.count - 1)
    }

    // MARK: Who may speak

    /// Whether an address is one that a dialog of a trunk's names as where it is reached: it speaks from
    /// there too.
    func isNamed(_ ip: IPAddress, by dialog: Dialog, trunk: String) -> Bool {
        guard trunks[trunk]?.settings.isBehindNAT == false else { return false }
        return [dialog.nextHop, dialog.remoteTarget].contains { text in
            guard let uri = URI(parsing: text) else { return false }
            // It may speak from its own address where another one (`maddr`) takes what it is sent.
            if IPAddress(parsing: uri.host) == ip { return true }
            if let address = IPAddress(parsing: uri.target) { return address == ip }
            return nextHopNames.stands(
                TrunkHost(name: NextHopTarget.name(of: uri), port: uri.port), for: ip)
        }
    }

    /// Whether the name of a next hop is known to stand for this place.
    func isLookedUp(_ uri: URI, as endpoint: Endpoint) -> Bool {
        nextHopNames.stands(
            TrunkHost(name: NextHopTarget.name(of: uri), port: uri.port), for: endpoint.ip)
    }

    // MARK: The answer

    /// A request to a name that is being asked for has left.
    mutating func notes(_ client: Handle, on flow: Flow, to hop: ArraySlice<UInt8>) {
        guard let uri = URI(parsing: hop), IPAddress(parsing: uri.target) == nil else { return }
        nextHopNames.sent(
            client, to: TrunkHost(name: NextHopTarget.name(of: uri), port: uri.port), on: flow)
    }

    mutating func resolved(_ resolution: NextHopResolution) {
        let waiting = nextHopNames.resolved(resolution, now: now)
        if let failure = resolution.failure {
            counters.count("next-hops-not-looked-up")
            log(.warning, "\(resolution.query.host), of a gateway's dialog: \(failure)")
        }
        for client in waiting where clients.contains(client) {
            let own = clients[client].flow
            let tried = clients[client].tried
            let next = place(
                in: resolution.targets, of: resolution.query, spokenFrom: own, past: tried)
            guard case .at(let flow, _) = next, flow != own else { continue }
            sendAgain(client, on: flow)
        }
    }

    /// Sends what was not answered yet to another place than before: the same request, by the same
    /// transaction.
    private mutating func sendAgain(_ client: Handle, on flow: Flow) {
        let own = clients[client].flow
        let isAnswered = clients[client].request.isEmpty
        if isAnswered {
            // The ACK of a 2xx; it is sent there again whenever the 2xx comes again.
            let known = clients[client].acknowledgement
            guard !known.isEmpty else { return }
            guard let bytes = readdressed(known, from: own, to: flow) else { return }
            clients[client].acknowledgement = bytes
            move(client: client, to: flow)
            send(request: bytes, on: flow)
            return
        }
        guard isUnanswered(client: client),
            let bytes = readdressed(
                clients[client].request, from: own, to: flow, withContact: true)
        else { return }
        clients[client].request = bytes
        move(client: client, to: flow)
        if flow.transport.isReliable != own.transport.isReliable {
            clients[client].machine = clientMachine(
                clients[client].method, reliable: flow.transport.isReliable,
                until: patience(of: client))
        }
        if flow.transport.isReliable { connections.used(flow) }
        send(bytes, on: flow)
        rearm(client: client)
        if nextHopNames.hasChoices { armSilence(client) }
    }
}

/// What the URI of a next hop says of where it is.
private struct NextHopTarget {
    enum Place {
        case address(IPAddress)
        case name(String)
    }

    var place: Place
    var port: UInt16?
    var transport: TransportKind
    /// It says neither port nor transport (RFC 3263 §4.1).
    var isOpen: Bool

    /// nil where it says nothing that we could follow.
    init?(_ uri: URI, spokenFrom own: Flow) {
        let said = uri.parameter("transport").map { value in
            value.flatMap { TransportKind(name: String(decoding: $0, as: UTF8.self)) }
        }
        switch (uri.scheme, said) {
        case (.sip, nil): transport = own.transport
        case (.sip, .some(let named?)): transport = named
        // It is to stay secure on its way (RFC 3261 §26.2.2).
        case (.sips, _): transport = .tls
        case (.sip, .some(nil)), (.tel, _), (.other, _): return nil
        }
        // Nobody has it that what was said by TLS is said in the clear from now on.
        guard own.transport != .tls || transport == .tls else { return nil }
        port = uri.port
        isOpen = said == nil && port == nil && uri.scheme == .sip
        if let ip = IPAddress(parsing: uri.target) {
            place = .address(ip)
            return
        }
        let name = Self.name(of: uri)
        guard name.utf8.count <= 253, name.utf8.contains(where: { !(0x30...0x39 ~= $0) }),
            name.utf8.allSatisfy({
                0x30...0x39 ~= $0 || 0x61...0x7a ~= $0 || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f
            })
        else { return nil }
        place = .name(name)
    }

    /// In small letters, without the dot at its end.
    static func name(of uri: URI) -> String {
        let name = String(decoding: uri.target, as: UTF8.self).lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}

extension Endpoint {
    /// Whether requests can go here that answer to somebody who speaks from `other`: no private address
    /// is reached from outside, and some are nobody's.
    fileprivate func isReachable(spokenFrom other: Endpoint) -> Bool {
        port != 0 && !ip.isNobodys && (!ip.isPrivate || other.ip.isPrivate)
    }
}

extension IPAddress {
    /// Of a private network, a link, or the machine itself (RFC 1918, 6598, 3927, 4193, 4291).
    var isPrivate: Bool {
        guard isV4 else {
            return high >> 57 == 0x7e || high >> 54 == 0x3fa || high == 0 && low == 1
        }
        switch v4 >> 24 {
        case 10, 127: return true
        case 100: return v4 >> 22 == 0x191
        case 169: return v4 >> 16 == 0xa9fe
        case 172: return v4 >> 20 == 0xac1
        case 192: return v4 >> 16 == 0xc0a8
        default: return false
        }
    }

    /// Unspecified, multicast, or everybody's.
    var isNobodys: Bool {
        guard isV4 else { return high >> 56 == 0xff || high == 0 && low == 0 }
        return v4 >> 24 == 0 || v4 >> 28 >= 0xe
    }
}
