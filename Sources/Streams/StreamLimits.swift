import NIOCore

/// The limits of connections, each with a name. Those that depend on a site are in `limits` and
/// `connections` of the configuration.
public struct StreamLimits: Sendable, Hashable {
    /// Connections in all, accepted and dialled; one more is refused.
    public var connections = 10_000
    /// Of one address, an IPv6 /64 being one; one more is refused.
    public var connectionsOfPeer = 1_000
    /// TLS handshakes that one address may begin in a second in the long run, and `connectionsOfPeer` at
    /// once; one more is refused.
    public var handshakesOfPeer = 10
    /// Addresses whose handshakes are counted; what comes from others meanwhile is not.
    public var handshakingPeers = 20_000
    /// One that was accepted, and of which `Streams.prove` was not told for so long, is closed.
    public var unproved: TimeAmount = .seconds(32)
    /// A connection by which nothing comes or goes for so long is closed. A phone keeps its own alive,
    /// by keep-alives or by registering again.
    public var idle: TimeAmount = .seconds(7260)
    /// How long one that was accepted may take for its TLS handshake and its first whole message, and
    /// any for the rest of a message that has begun.
    public var message: TimeAmount = .seconds(10)
    /// Bytes of messages that have begun, of all connections together. Beyond it, whoever has sent more
    /// than an equal share of it without an end is closed.
    public var unfinished = 32 << 20
    /// How long the other side may take to accept a connection of ours.
    public var connect: TimeAmount = .seconds(2)
    /// Bytes that may wait for a peer that does not read; one more message closes its connection.
    public var unread = 262_144
    /// Bytes that were read and that the loop has not looked at; beyond it nothing more is read. The loop
    /// looks at all of them in one turn, so that this is what keeps UDP waiting: some milliseconds.
    public var unheard = 256 << 10
    /// Connections that the kernel may hold for us.
    public var backlog: Int32 = 1024

    public init() {}
}
