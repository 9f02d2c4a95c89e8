import NIOCore
import NIOPosix
import SIP
import Synchronization

/// All connections of a switch: accepted at its listeners and dialled by it, on a thread of their own.
///
/// Whole messages go to the loop as events; what the loop sends comes here by `send`. The loop's own
/// sockets are UDP, where each message counts in microseconds; connections can afford a framework that
/// does handshakes, timers and half-written buffers, beside the loop and not on it: a TLS handshake
/// holds up no call.
public final class Streams: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let table: NIOLoopBound<StreamTable>
    private let inbox: StreamInbox
    private let barred = BarredNetworks()
    public let limits: StreamLimits
    /// As bound, by listener number: the port is the system's choice when zero was asked for.
    public let bound: [UInt16: Endpoint]
    private let channels: [any Channel]
    private let isClosed = Atomic<Bool>(false)

    /// Binds a socket for each listener; none is left bound when one fails.
    ///
    /// - Parameters:
    ///   - tls: our certificate, where one of the listeners is of TLS.
    ///   - deliver: called on the thread of the connections with what has happened.
    /// - Throws: `StreamError` that names the address and the cause.
    public init(
        listeningOn listeners: [StreamListener], tls: StreamTLS? = nil,
        limits: StreamLimits = StreamLimits(),
        deliver: @escaping @Sendable ([StreamEvent]) -> Void
    ) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let eventLoop = group.next()
        let inbox = StreamInbox(limit: limits.unheard, deliver: deliver)
        var channels: [any Channel] = []
        var bound: [UInt16: Endpoint] = [:]
        do {
            table = try eventLoop.submit { [barred] in
                let table = StreamTable(
                    eventLoop: eventLoop, listeners: listeners, limits: limits, inbox: inbox,
                    barred: barred)
                table.tls = tls
                return NIOLoopBound(table, eventLoop: eventLoop)
            }.wait()
            for listener in listeners {
                let channel = try Self.listen(
                    listener, table: table, group: group, backlog: limits.backlog)
                channels.append(channel)
                bound[listener.number] = Endpoint(channel.localAddress) ?? listener.bound
            }
        } catch {
            for channel in channels { channel.close(promise: nil) }
            group.shutdownGracefully { _ in }
            throw error
        }
        self.group = group
        self.inbox = inbox
        self.limits = limits
        self.channels = channels
        self.bound = bound
        let table = table
        eventLoop.execute { [bound] in table.value.bound = bound }
    }

    deinit { close(patience: .zero) }

    private static func listen(
        _ listener: StreamListener, table: NIOLoopBound<StreamTable>,
        group: MultiThreadedEventLoopGroup, backlog: Int32
    ) throws -> any Channel {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(KeepAlive.idle, value: KeepAlive.idleSeconds)
            .childChannelOption(KeepAlive.interval, value: KeepAlive.intervalSeconds)
            .childChannelOption(KeepAlive.count, value: KeepAlive.probes)
            .childChannelOption(KeepAlive.patience, value: KeepAlive.patienceMilliseconds)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try table.value.accept(channel, at: listener)
                }
            }
        do {
            return try bootstrap.bind(to: listener.bound.socketAddress()).wait()
        } catch {
            throw StreamError(
                "cannot listen on \(listener.transport.name) \(listener.bound): "
                    + Self.cause(of: error))
        }
    }

    private static func cause(of error: any Error) -> String {
        guard let failure = error as? IOError else { return "\(error)" }
        let hint =
            switch failure.errnoCode {
            case EADDRINUSE: " (another program has this port: is the daemon running already?)"
            case EADDRNOTAVAIL: " (this machine has no such address)"
            case EACCES: " (ports below 1024 need CAP_NET_BIND_SERVICE)"
            default: ""
            }
        return String(cString: strerror(failure.errnoCode)) + hint
    }

    /// Sends messages, each on the connection of its flow; one that is not there is made. Never waits.
    public func send(_ messages: [(bytes: [UInt8], flow: Flow)]) {
        guard !messages.isEmpty else { return }
        let table = table
        group.next().execute { table.value.send(messages) }
    }

    /// Takes another certificate for connections that are made from now on; those that are open stay.
    /// Waits until that is so, and for nothing else.
    public func use(_ tls: StreamTLS?) {
        let table = table
        do {
            try group.next().submit { table.value.tls = tls }.wait()
        } catch {
            // They are closed: none is made any more.
            return
        }
    }

    /// Whom the certificates of those have to name that are connected to by TLS; for others it is
    /// their address.
    public func expect(_ names: [Endpoint: String]) {
        let table = table
        group.next().execute { table.value.names = names }
    }

    /// Takes no connection from there for so long, and closes those that were accepted and of which
    /// `prove` was not told. Holds when it returns; never waits.
    ///
    /// - Parameter network: as `IPAddress.network` has it.
    public func bar(_ network: IPAddress, for span: TimeAmount) {
        barred.bar(network, until: .now() + span)
        let table = table
        group.next().execute { table.value.closeUnproved(of: network) }
    }

    /// Takes connections from there again. Holds when it returns; never waits.
    public func admit(_ network: IPAddress) { barred.admit(network) }

    /// Whoever speaks by these connections has proved who it is: they are closed neither for the time
    /// that this has taken nor to make room for others.
    public func prove(_ flows: [Flow]) {
        guard !flows.isEmpty else { return }
        let table = table
        group.next().execute { table.value.prove(flows) }
    }

    /// The loop has looked at these events: what they held counts no longer.
    public func heard(_ events: [StreamEvent]) {
        guard inbox.heard(events) else { return }
        let table = table
        group.next().execute { table.value.readOn() }
    }

    public var counters: StreamCounters { inbox.counters }

    /// Closes all of them, what was sent on them having left. Waits for at most `patience`.
    public func close(patience: TimeAmount = .seconds(1)) {
        guard !isClosed.exchange(true, ordering: .relaxed) else { return }
        let table = table
        for channel in channels { channel.close(promise: nil) }
        let closing = group.next().flatSubmit { table.value.closeAll(patience: patience) }
        do {
            try closing.wait()
            try group.syncShutdownGracefully()
        } catch {
            // The process ends; the kernel closes what is left.
            return
        }
    }
}
