import Glibc
import Logging
import NIOCore
import SIP
import Streams
import Switching
import Transport

/// Opens the listeners that take connections.
enum StreamSetup {
    /// Descriptors that are no connections: sockets, files, the database, the control socket.
    private static let otherDescriptors = 512

    /// - Returns: nil where every listener is UDP.
    static func open(
        _ settings: Settings, tls: StreamTLS?, log: Logger, posting mailbox: Mailbox<Mail>
    ) throws -> Streams? {
        let listeners = settings.listeners.enumerated().filter { $1.transport != .udp }.map {
            StreamListener(
                number: UInt16($0.offset), transport: $0.element.transport,
                bound: $0.element.bound, asksCertificate: $0.element.asksCertificate)
        }
        guard !listeners.isEmpty else { return nil }
        var limits = limits(settings.connections)
        let allowed = allowedDescriptors(limits.connections + otherDescriptors) - otherDescriptors
        if allowed < limits.connections {
            limits.connections = max(allowed, 1)
            log.warning(
                """
                this process may have \(limits.connections) connections and not \
                \(settings.connections.limit) as connections.limit says: it needs more open files \
                (LimitNOFILE in its systemd unit, or ulimit -n)
                """)
        }
        return try Streams(listeningOn: listeners, tls: tls, limits: limits) { events in
            mailbox.post(.streams(events))
        }
    }

    static func limits(_ settings: ConnectionSettings) -> StreamLimits {
        var limits = StreamLimits()
        limits.connections = settings.limit
        limits.connectionsOfPeer = settings.limitOfPeer
        limits.handshakesOfPeer = settings.handshakesOfPeer
        limits.unproved = .milliseconds(settings.unproved.milliseconds)
        limits.idle = .milliseconds(settings.idle.milliseconds)
        return limits
    }

    /// What the status says of connections: beside the tables of the switch.
    static func tables(_ counters: StreamCounters, _ limits: StreamLimits) -> [TableRow] {
        [
            TableRow(
                name: "connections", used: Int(counters.connections), limit: limits.connections,
                key: "connections.limit"),
            TableRow(
                name: "connections-of-peer", used: Int(counters.connectionsOfPeer),
                limit: limits.connectionsOfPeer, key: "connections.of-peer"),
            TableRow(
                name: "handshakes-of-peer", used: nil, limit: limits.handshakesOfPeer,
                key: "connections.handshakes-of-peer"),
            TableRow(
                name: "handshaking-peers", used: Int(counters.handshakingPeers),
                limit: limits.handshakingPeers),
            TableRow(
                name: "unfinished-bytes", used: Int(counters.unfinishedBytes),
                limit: 2 * limits.unfinished),
            TableRow(name: "unread-bytes", used: nil, limit: limits.unread),
        ]
    }

    /// How many descriptors this process may have, raised to what is wanted where that can be: each
    /// connection takes one, and the usual limit is 1024.
    private static func allowedDescriptors(_ wanted: Int) -> Int {
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        // A sandbox may forbid to ask; then its unit has set what is needed.
        guard getrlimit(kind, &limit) == 0, limit.rlim_cur < rlim_t(wanted) else { return wanted }
        limit.rlim_cur = min(rlim_t(wanted), limit.rlim_max)
        guard setrlimit(kind, &limit) == 0, getrlimit(kind, &limit) == 0 else {
            return Int(clamping: limit.rlim_cur)
        }
        return Int(clamping: limit.rlim_cur)
    }
}
