import SIP

// Connections: what goes by them, and what becomes of it when they are gone.
//
// A phone is reached by the connection it opened, whatever its Contact says, since that may be an
// address behind NAT (RFC 5626 §5.3 in spirit). When the connection is gone, its binding is reached by
// a new one to its Contact where that can be: over TCP, when the Contact says so and names the address
// that the phone was seen at. Otherwise it is not reached until it registers again, and calls go on at
// once to whatever the extension has for that. Over TLS no phone is dialled: it shows no certificate
// that could be trusted.

extension Switch {
    /// Above it a request does not go by UDP where the other side can be had by TCP (RFC 3261
    /// §18.1.1).
    static let largestDatagram = 1300
    /// How long a place that takes no connections is not asked for one again.
    static let datagramsOnlyFor = Instant.Span.seconds(600)
    /// Such places that are remembered.
    static let datagramsOnlyLimit = 10_000

    mutating func connectionClosed(_ closed: ClosedConnection) {
        let isUsed = connections.closed(closed.flow)
        commit(registrar.connectionClosed(closed))
        // Where a phone's connection is gone the phone is; a gateway may answer by another one.
        if isUsed { failClients(on: closed.flow, isWhole: closed.wasAccepted) }
    }

    /// Whoever sent something on this flow has proved who it is: its connection is not closed to make
    /// room for others.
    ///
    /// - Parameter prover: the extension whose password it was, or whose call; nil of a trunk.
    mutating func prove(_ flow: Flow, by prover: String?) {
        guard flow.transport.isReliable, connections.proved(flow, by: prover) else { return }
        actions.notices.append(.proved(flow))
    }

    /// Whoever connects from an address of a trunk is that trunk, where it has no certificate to show or
    /// has shown it.
    mutating func proveTrunk(_ flow: Flow) {
        let ip = flow.remote.ip
        // Nearly every message comes by one that is proved, or from somebody else.
        guard trustedAddresses.contains(ip), !connections.isProved(flow),
            trunkOfEndpoint.contains(where: { endpoint, name in
                endpoint.ip == ip && isIdentified(trunk: name, on: flow)
            })
        else { return }
        prove(flow, by: nil)
    }

    /// By which connection a request goes: the one its phone has registered by since, its own, or one
    /// that is made to the address it names. A phone that only went by TCP with what was too large is
    /// reached by UDP when it has left.
    ///
    /// - Parameter uri: what the request is sent by: its first Route, or its Request-URI.
    /// - Returns: nil where there is no way: an end that nobody listens at is not connected to.
    func reached(_ flow: Flow, to uri: @autoclosure () -> ArraySlice<UInt8>) -> Flow? {
        guard flow.transport.isReliable else { return flow }
        if let successor = connections.successor(of: flow) { return successor }
        if connections.isOpen(flow) || trunkOfEndpoint[flow.remote] != nil { return flow }
        let uri = uri()
        return flow.dialled(by: uri) ?? datagramFlow(in: flow, by: uri)
            ?? (isListening(at: flow, by: uri) ? flow : nil)
    }

    /// Whether a connection may be made to the far end of a flow: that of a gateway which says that it
    /// is reached there, and no phone's.
    private func isListening(at flow: Flow, by uri: ArraySlice<UInt8>) -> Bool {
        guard let uri = URI(parsing: uri), !registrar.isRegistered(from: flow.remote) else {
            return false
        }
        return isNamed(flow.remote, by: uri, transport: flow.transport)
    }

    private func datagramFlow(in flow: Flow, by uri: ArraySlice<UInt8>) -> Flow? {
        guard flow.transport == .tcp, trunkOfEndpoint[flow.remote] == nil,
            let uri = URI(parsing: uri), uri.scheme == .sip, uri.parameter("transport") == nil,
            IPAddress(parsing: uri.target) == flow.remote.ip,
            let listener = settings.listeners.firstIndex(where: {
                $0.transport == .udp && $0.bound.ip.isV4 == flow.remote.ip.isV4
            })
        else { return nil }
        return Flow(
            transport: .udp, listener: UInt16(listener),
            remote: Endpoint(ip: flow.remote.ip, port: uri.port ?? TransportKind.udp.defaultPort))
    }

    /// Sends a request for which there is no transaction: ACK.
    mutating func send(request: [UInt8], on flow: Flow) {
        guard let way = reached(flow, to: nextHop(of: request)) else {
            counters.count("no-connection")
            return
        }
        send(
            way.listener == flow.listener
                ? request : readdressed(request, from: flow, to: way) ?? request, on: way)
    }

    /// The URI by which a request that we wrote is sent: its first Route, or the Request-URI.
    func nextHop(of request: [UInt8]) -> ArraySlice<UInt8> {
        // Most have no Route, and are not read for that.
        guard request.firstRange(of: "\r\nRoute: ".utf8) != nil else {
            return Self.requestURI(of: request)
        }
        do throws(ParseError) {
            let route = try Message(parsing: request).address(.route)
            return route.map { Array($0.uri)[...] } ?? Self.requestURI(of: request)
        } catch {
            return Self.requestURI(of: request)
        }
    }

    /// Of a request that we wrote: `METHOD uri SIP/2.0`.
    private static func requestURI(of request: [UInt8]) -> ArraySlice<UInt8> {
        guard let first = request.firstIndex(of: UInt8(ascii: " ")),
            let second = request[(first + 1)...].firstIndex(of: UInt8(ascii: " "))
        else { return [] }
        return request[(first + 1)..<second]
    }

    /// Sends a response on its connection, or, where that is gone, to the port that its request named
    /// then (RFC 3261 §18.2.2); not to that of a phone by TLS.
    mutating func sendOnConnection(_ bytes: [UInt8], answering handle: Handle) {
        var flow = servers[handle].flow
        let request = servers[handle].request
        let bytes =
            flow.transport == .tls ? secured(bytes, on: flow, answering: request) : bytes
        if !connections.isOpen(flow) {
            if let successor = connections.successor(of: flow) {
                flow = successor
            } else if let request {
                flow.remote.port = request.topVia.port ?? flow.transport.defaultPort
                guard flow.transport != .tls || trunk(at: flow.remote) != nil else {
                    counters.count("no-connection")
                    return
                }
            }
        }
        send(bytes, on: flow)
    }

    // MARK: TLS

    /// Our Contact as `sips` for a peer that says `sips` (RFC 3261 §8.1.1.8, §12.1.1). To others it is
    /// `sip` with `transport=tls`, which more of them understand (RFC 5630 §3.1.4).
    func secured(_ bytes: [UInt8], on flow: Flow) -> [UInt8] {
        let text = listenerText(flow.listener)
        let usual = Array("\r\nContact: ".utf8) + text.contact + Array("\r\n".utf8)
        guard let range = bytes.firstRange(of: usual) else { return bytes }
        var secured = bytes
        secured.replaceSubrange(
            range, with: Array("\r\nContact: <sips:".utf8) + text.hostPort + Array(">\r\n".utf8))
        return secured
    }

    static func isSips(_ uri: ArraySlice<UInt8>) -> Bool {
        URI(parsing: uri)?.scheme == .sips
    }

    /// Whether the caller has asked for `sips`, or a phone has sent the call there: it goes by TLS on
    /// every leg, or not at all (RFC 5630 §5.4). One for help goes by whatever there is.
    func isToBeSecure(_ handle: Handle) -> Bool {
        guard !calls[handle].isEmergency, let invite = calls[handle].invite else { return false }
        return calls[handle].isSentToSips || Self.isSips(invite.requestURI)
    }

    /// - Parameter request: what a response answers; nil where `bytes` is a request.
    func secured(_ bytes: [UInt8], on flow: Flow, answering request: Message?) -> [UInt8] {
        let isSecure =
            if let request {
                Self.isSips(request.requestURI)
                    || request.address(.contact).map { Self.isSips($0.uri) } ?? false
            } else {
                Self.isSips(Self.requestURI(of: bytes))
            }
        return isSecure ? secured(bytes, on: flow) : bytes
    }

    // MARK: Large requests

    /// The flow by which a large request goes in place of UDP; nil where it has to be UDP.
    func streamFlow(forLarge request: [UInt8], on flow: Flow) -> Flow? {
        guard isReachedDirectly(flow, by: request),
            datagramsOnly[flow.remote].map({ $0 <= now }) ?? true,
            let listener = settings.listeners.firstIndex(where: {
                $0.transport == .tcp && $0.bound.ip.isV4 == flow.remote.ip.isV4
            })
        else { return nil }
        return Flow(transport: .tcp, listener: UInt16(listener), remote: flow.remote)
    }

    /// Whether a connection can be made to where a request goes: a trunk, or a phone that is at the
    /// address it names. One behind NAT would cost its call the time of an attempt in vain.
    private func isReachedDirectly(_ flow: Flow, by request: [UInt8]) -> Bool {
        if trunkOfEndpoint[flow.remote] != nil { return true }
        guard let uri = URI(parsing: nextHop(of: request)), uri.parameter("transport") == nil else {
            return false
        }
        return isNamed(flow.remote, by: uri, transport: flow.transport)
    }

    /// Whether a URI names this very place.
    private func isNamed(_ place: Endpoint, by uri: URI, transport: TransportKind) -> Bool {
        guard let ip = IPAddress(parsing: uri.target) else { return isLookedUp(uri, as: place) }
        return ip == place.ip && (uri.port ?? transport.defaultPort) == place.port
    }

    /// The same request by another listener: with its Via, and nil when it does not begin with that of
    /// `old`, or would be larger than a message may be.
    ///
    /// - Parameters:
    ///   - branch: another one than it had, for a transaction of its own.
    ///   - withContact: the far side is to send its own requests to that listener too.
    func readdressed(
        _ bytes: [UInt8], from old: Flow, to new: Flow, branch: UInt64? = nil,
        withContact: Bool = false
    ) -> [UInt8]? {
        let name = Array("Via: ".utf8)
        let was = name + listenerText(old.listener).via
        guard let line = bytes.firstIndex(of: UInt8(ascii: "\n")),
            bytes[(line + 1)...].starts(with: was),
            let end = bytes[(line + 1)...].firstIndex(of: UInt8(ascii: "\r"))
        else { return nil }
        var again = bytes
        if let branch {
            again.replaceSubrange(
                (line + 1)..<end, with: name + via(branch: branch, listener: new.listener))
        } else {
            again.replaceSubrange(
                (line + 1)..<(line + 1 + was.count), with: name + listenerText(new.listener).via)
        }
        let contacts = (listenerText(old.listener).contact, listenerText(new.listener).contact)
        guard withContact, contacts.0 != contacts.1 else {
            return again.count <= MessageLimits.bytes ? again : nil
        }
        let field = Array("\r\nContact: ".utf8)
        let lineEnd = Array("\r\n".utf8)
        if let range = again.firstRange(of: field + contacts.0 + lineEnd) {
            again.replaceSubrange(range, with: field + contacts.1 + lineEnd)
        }
        return again.count <= MessageLimits.bytes ? again : nil
    }

    /// The connection for a large request could not be had: it goes by UDP after all.
    ///
    /// - Returns: false when it was no such request.
    mutating func fallsBackToUDP(client handle: Handle) -> Bool {
        guard let listener = clients[handle].datagramListener else { return false }
        clients[handle].datagramListener = nil
        let stream = clients[handle].flow
        let flow = Flow(transport: .udp, listener: listener, remote: stream.remote)
        guard isUnanswered(client: handle),
            let bytes = readdressed(clients[handle].request, from: stream, to: flow)
        else { return false }
        guard MessageLimits.admit(bytes, isDatagram: true) else {
            counters.count("requests-too-large")
            clients[handle].unsent = .tooLarge
            clients[handle].request = []
            rearm(client: handle)
            return true
        }
        if datagramsOnly.count >= Self.datagramsOnlyLimit { datagramsOnly = [:] }
        datagramsOnly[flow.remote] = now + Self.datagramsOnlyFor
        counters.count("large-requests-by-udp")
        clients[handle].request = bytes
        clients[handle].flow = flow
        clients[handle].machine = clientMachine(clients[handle].method, reliable: false)
        send(bytes, on: flow)
        rearm(client: handle)
        if case .attempt(let call, _) = clients[handle].user, calls.contains(call),
            let limit = calls[call].holding.trunk.flatMap({ trunks[$0]?.settings.attemptTimeout })
        {
            deadlines.set(DeadlineKey(kind: .attempt, slot: call.slot), at: now + limit)
        }
        return true
    }
}

extension Flow {
    /// The flow of a new connection to what a URI names: nil unless it asks for TCP and names the
    /// very address that the peer was seen at, so that nobody makes us connect to anybody.
    func dialled(by uri: ArraySlice<UInt8>) -> Flow? {
        guard transport == .tcp, let uri = URI(parsing: uri), uri.scheme == .sip,
            IPAddress(parsing: uri.target) == remote.ip,
            let parameter = uri.parameter("transport") ?? nil,
            parameter.elementsEqual("tcp".utf8) || parameter.elementsEqual("TCP".utf8)
        else { return nil }
        var flow = self
        flow.remote.port = uri.port ?? transport.defaultPort
        return flow
    }
}
