/// What went by connections since the start, and what was refused.
public struct StreamCounters: Sendable, Hashable {
    /// Open now.
    public var connections: UInt64 = 0
    /// The most of one address, when that was last looked at.
    public var connectionsOfPeer: UInt64 = 0
    /// Addresses that have begun TLS handshakes faster than they may in the long run, at that time.
    public var handshakingPeers: UInt64 = 0
    /// Bytes of messages that have begun, when that was last looked at.
    public var unfinishedBytes: UInt64 = 0
    public var accepted: UInt64 = 0
    public var dialled: UInt64 = 0
    /// Not accepted, or closed at once: too many in all, or too many of one address.
    public var refused: UInt64 = 0
    /// Not accepted, since their address is barred.
    public var barred: UInt64 = 0
    /// Closed before their TLS handshake began: their address begins too many.
    public var hurried: UInt64 = 0
    /// Could not be made.
    public var unreachable: UInt64 = 0
    /// Closed since they said nothing for too long, in all or in the midst of a message.
    public var idle: UInt64 = 0
    /// Closed since nobody had proved by them who it is, in all the time for that.
    public var unproved: UInt64 = 0
    /// The same before that time was over, to make room for others or since their address was barred.
    public var displaced: UInt64 = 0
    /// Closed since too much of a message had come without its end, of all together.
    public var unfinished: UInt64 = 0
    /// Closed since the peer did not read what it was sent.
    public var slow: UInt64 = 0
    /// Messages that were not sent since too many wait for a connection that is being made.
    public var crowded: UInt64 = 0
    /// Closed since no message could be told from the next.
    public var malformed: UInt64 = 0
    /// TLS handshakes that failed.
    public var handshakes: UInt64 = 0
    public var received: UInt64 = 0
    public var sent: UInt64 = 0

    public init() {}
}
