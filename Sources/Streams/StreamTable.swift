import NIOCore
import NIOPosix
import NIOSSL
import SIP

/// The connections by their flow, and the limits on them. Belongs to the thread of the connections.
final class StreamTable {
    let eventLoop: any EventLoop
    let limits: StreamLimits
    let inbox: StreamInbox
    private let barred: BarredNetworks
    private var handshakes: HandshakeRates
    private let listeners: [UInt16: StreamListener]
    /// As bound.
    var bound: [UInt16: Endpoint] = [:]
    /// For connections that are made from now on.
    var tls: StreamTLS?
    /// Whom the certificates of those have to name that are connected to.
    var names: [Endpoint: String] = [:]
    private var connections: [Flow: StreamConnection] = [:]
    private var countOfPeer: [IPAddress: Int] = [:]
    /// Open ones, those among them whose flow another has taken over, and those being made.
    private var count = 0
    /// What waits for connections that are being made.
    private var dials: [Flow: Dial] = [:]
    /// Those that are not read since the loop has enough to do.
    private var held: [StreamConnection] = []
    private var isClosing = false
    /// Accepted ones by which nobody has proved who it is, the oldest first; those that somebody has, or
    /// that are closed, stay until they come to the front.
    private var unproved = CircularBuffer<StreamConnection>()
    /// Of messages that have begun, and how many connections have one.
    private var unfinishedBytes = 0
    private var unfinishedCount = 0

    private struct Dial {
        var messages: [[UInt8]] = []
        var bytes = 0
    }

    /// How often connections are looked at that say nothing.
    private static let sweepInterval = TimeAmount.seconds(1)

    init(
        eventLoop: any EventLoop, listeners: [StreamListener], limits: StreamLimits,
        inbox: StreamInbox, barred: BarredNetworks
    ) {
        self.eventLoop = eventLoop
        self.barred = barred
        handshakes = HandshakeRates(limit: limits.handshakingPeers)
        self.listeners = Dictionary(
            listeners.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        self.limits = limits
        self.inbox = inbox
        let table = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleRepeatedTask(
            initialDelay: Self.sweepInterval, delay: Self.sweepInterval
        ) { _ in table.value.sweep() }
    }

    // MARK: Accepted

    /// - Throws: `StreamError` when it cannot be kept; whoever calls closes it then.
    func accept(_ channel: any Channel, at listener: StreamListener) throws {
        guard let remote = Endpoint(channel.remoteAddress) else {
            throw StreamError("a connection from nowhere")
        }
        let now = NIODeadline.now()
        guard !barred.holds(remote.ip, now: now) else {
            inbox.count { $0.barred += 1 }
            throw StreamError("the address is barred")
        }
        guard
            listener.transport != .tls
                || handshakes.admits(
                    remote.ip, rate: limits.handshakesOfPeer, burst: limits.connectionsOfPeer,
                    now: now)
        else {
            inbox.count { $0.hurried += 1 }
            throw StreamError("too many handshakes")
        }
        guard !isClosing, takePlace(of: remote.ip) || takesPlaceOfUnproved(for: remote.ip) else {
            inbox.count { $0.refused += 1 }
            throw StreamError("too many connections")
        }
        inbox.count { $0.accepted += 1 }
        let flow = Flow(
            transport: listener.transport, listener: listener.number, remote: remote)
        do {
            try open(channel, flow: flow, wasAccepted: true)
        } catch {
            givePlaceBack(of: remote.ip)
            throw error
        }
    }

    private func takePlace(of ip: IPAddress) -> Bool {
        guard count < limits.connections, mayHaveMore(ip) else { return false }
        addPlace(of: ip)
        return true
    }

    /// When all places are taken, whoever has one for the longest time and has not proved who it is gives
    /// it up: a flood of connections keeps no phone out. Those of one address are limited all the same.
    private func takesPlaceOfUnproved(for ip: IPAddress) -> Bool {
        // Closing may take a moment; more than a few at once are not let in on credit.
        guard mayHaveMore(ip), count < limits.connections + Self.credit else { return false }
        while let oldest = unproved.popFirst() {
            guard !oldest.isProved, oldest.isOpen else { continue }
            inbox.count { $0.displaced += 1 }
            oldest.close()
            addPlace(of: ip)
            return true
        }
        return false
    }

    private func mayHaveMore(_ ip: IPAddress) -> Bool {
        countOfPeer[ip.network, default: 0] < limits.connectionsOfPeer
    }

    private func addPlace(of ip: IPAddress) {
        count += 1
        countOfPeer[ip.network, default: 0] += 1
        noteCount()
    }

    private static let credit = 64

    private func givePlaceBack(of ip: IPAddress) {
        count -= 1
        countOfPeer[ip.network, default: 1] -= 1
        if countOfPeer[ip.network] == 0 { countOfPeer[ip.network] = nil }
        noteCount()
    }

    private func noteCount() {
        let count = UInt64(count)
        inbox.count { $0.connections = count }
    }

    private func open(_ channel: any Channel, flow: Flow, wasAccepted: Bool) throws {
        let connection = StreamConnection(flow: flow, wasAccepted: wasAccepted, table: self)
        if flow.transport == .tls {
            guard let tls else { throw StreamError("there is no certificate for TLS") }
            if wasAccepted {
                let asks = listeners[flow.listener]?.asksCertificate == true
                try channel.pipeline.syncOperations.addHandler(
                    NIOSSLServerHandler(context: asks ? tls.asking : tls.server))
            } else {
                try channel.pipeline.syncOperations.addHandler(
                    NIOSSLClientHandler(
                        context: tls.client, serverHostname: names[flow.remote]))
            }
        }
        try channel.syncOptions?.setOption(
            .writeBufferWaterMark,
            value: ChannelOptions.Types.WriteBufferWaterMark(
                low: limits.unread / 2, high: limits.unread))
        try channel.pipeline.syncOperations.addHandler(connection)
        // A peer that comes again from the same port has taken the flow of its first connection over, and
        // with it what was proved by that: of the flow it is not told again.
        if connections[flow]?.isProved == true { connection.prove() }
        connections[flow] = connection
        guard !connection.isProved else { return }
        while let first = unproved.first, first.isProved || !first.isOpen { unproved.removeFirst() }
        if unproved.count >= 2 * limits.connections {
            // Behind one that is slow may stand many that are gone.
            unproved = CircularBuffer(unproved.filter { !$0.isProved && $0.isOpen })
        }
        unproved.append(connection)
    }

    // MARK: Who is known

    func prove(_ flows: [Flow]) {
        for flow in flows { connections[flow]?.prove() }
    }

    /// Closes what was accepted from there before it was barred.
    func closeUnproved(of network: IPAddress) {
        guard countOfPeer[network] != nil else { return }
        for connection in connections.values
        where connection.isOpen && !connection.isProved
            && connection.flow.remote.ip.network == network
        {
            inbox.count { $0.displaced += 1 }
            connection.close()
        }
    }

    /// A connection has other bytes of an unfinished message than before.
    ///
    /// - Returns: what it has, and whether it has to give it up: all together have more than they may,
    ///   and it has more than an equal share of that.
    func noted(_ bytes: Int, after before: Int) -> (bytes: Int, isTooMuch: Bool) {
        unfinishedBytes += bytes - before
        unfinishedCount += (bytes > 0 ? 1 : 0) - (before > 0 ? 1 : 0)
        let isTooMuch =
            unfinishedBytes > limits.unfinished && bytes * unfinishedCount > limits.unfinished
        return (bytes, isTooMuch)
    }

    func closed(_ connection: StreamConnection) {
        givePlaceBack(of: connection.flow.remote.ip)
        guard connections[connection.flow] === connection else { return }
        connections[connection.flow] = nil
        inbox.post([.closed(connection.flow, wasAccepted: connection.wasAccepted)])
    }

    // MARK: Sending

    func send(_ messages: [(bytes: [UInt8], flow: Flow)]) {
        var touched: [StreamConnection] = []
        for (bytes, flow) in messages {
            if dials[flow] == nil, let connection = connections[flow] {
                connection.write(bytes)
                if touched.last !== connection { touched.append(connection) }
            } else {
                dial(flow, for: bytes)
            }
        }
        inbox.count { $0.sent += UInt64(messages.count) }
        for connection in touched { connection.flush() }
    }

    private func dial(_ flow: Flow, for bytes: [UInt8]) {
        if dials[flow] != nil {
            guard dials[flow]!.bytes + bytes.count <= limits.unread else {
                // The connection is not there yet, and nothing is closed: SIP sends again.
                inbox.count { $0.crowded += 1 }
                return
            }
            dials[flow]!.messages.append(bytes)
            dials[flow]!.bytes += bytes.count
            return
        }
        guard !isClosing, let listener = listeners[flow.listener],
            listener.transport == flow.transport, takePlace(of: flow.remote.ip)
        else {
            inbox.count { $0.unreachable += 1 }
            inbox.post([.failed(flow)])
            return
        }
        dials[flow] = Dial(messages: [bytes], bytes: bytes.count)
        let table = NIOLoopBound(self, eventLoop: eventLoop)
        connect(flow, from: listener).whenComplete { result in
            table.value.dialled(flow, result)
        }
    }

    private func connect(_ flow: Flow, from listener: StreamListener) -> EventLoopFuture<
        any Channel
    > {
        let table = NIOLoopBound(self, eventLoop: eventLoop)
        do {
            var bootstrap = ClientBootstrap(group: eventLoop)
                .connectTimeout(limits.connect)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(KeepAlive.idle, value: KeepAlive.idleSeconds)
                .channelOption(KeepAlive.interval, value: KeepAlive.intervalSeconds)
                .channelOption(KeepAlive.count, value: KeepAlive.probes)
                .channelOption(KeepAlive.patience, value: KeepAlive.patienceMilliseconds)
                .channelOption(.autoRead, value: false)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try table.value.open(channel, flow: flow, wasAccepted: false)
                    }
                }
            let own = Endpoint(
                ip: bound[listener.number]?.ip ?? listener.bound.ip, port: 0)
            // Where others expect us to come from.
            if own.ip.low | own.ip.high != 0, own.ip.v4 != 0 || !own.ip.isV4 {
                bootstrap = try bootstrap.bind(to: own.socketAddress())
            }
            return bootstrap.connect(to: try flow.remote.socketAddress())
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    private func dialled(_ flow: Flow, _ result: Result<any Channel, any Error>) {
        let dial = dials.removeValue(forKey: flow)
        switch result {
        case .success:
            inbox.count { $0.dialled += 1 }
            guard let connection = connections[flow] else {
                // It was closed in the same breath.
                inbox.post([.failed(flow)])
                return
            }
            for bytes in dial?.messages ?? [] { connection.write(bytes) }
            connection.flush()
        case .failure:
            if let connection = connections[flow], !connection.wasAccepted {
                connections[flow] = nil
            }
            givePlaceBack(of: flow.remote.ip)
            inbox.count { $0.unreachable += 1 }
            inbox.post([.failed(flow)])
        }
    }

    // MARK: Reading

    func hold(_ connection: StreamConnection) { held.append(connection) }

    func readOn() {
        let waiting = held
        held = []
        for connection in waiting { connection.readOn() }
    }

    private func sweep() {
        let now = NIODeadline.now()
        let unfinished = UInt64(unfinishedBytes)
        let ofPeer = UInt64(countOfPeer.values.max() ?? 0)
        handshakes.expire(now: now)
        let handshakingPeers = UInt64(handshakes.count)
        inbox.count {
            $0.unfinishedBytes = unfinished
            $0.connectionsOfPeer = ofPeer
            $0.handshakingPeers = handshakingPeers
        }
        // TLS waits for the other side's last word: what is closing already was counted.
        for connection in connections.values where connection.isOpen {
            switch connection.overdue(now) {
            case .no: continue
            case .silent: inbox.count { $0.idle += 1 }
            case .unproved: inbox.count { $0.unproved += 1 }
            }
            connection.close()
        }
    }

    // MARK: The end

    func closeAll(patience: TimeAmount) -> EventLoopFuture<Void> {
        isClosing = true
        let closings = connections.values.compactMap { $0.close() }
        let all = EventLoopFuture.andAllComplete(closings, on: eventLoop)
        let limit = eventLoop.makePromise(of: Void.self)
        all.cascade(to: limit)
        eventLoop.scheduleTask(in: patience) { limit.succeed(()) }
        return limit.futureResult
    }
}
