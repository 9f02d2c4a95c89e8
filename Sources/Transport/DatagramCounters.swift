/// What went through the sockets since the start.
public struct DatagramCounters: Sendable, Hashable {
    public var received: UInt64 = 0
    public var sent: UInt64 = 0
    /// Keep-alives of phones behind NAT: too short to be SIP, not read (RFC 5626 §4.4.1).
    public var keepAlives: UInt64 = 0
    /// Not sent because the kernel's buffer was full; SIP sends again.
    public var overflows: UInt64 = 0
    /// Refused by the kernel or sent back by ICMP, and told to the switch.
    public var failures: UInt64 = 0
    /// Errors of the socket that named no datagram, or that say nothing about delivery
    /// (RFC 3261 §18.4: source quench, time exceeded).
    public var ignoredErrors: UInt64 = 0

    public init() {}

    mutating func add(_ other: DatagramCounters) {
        received &+= other.received
        sent &+= other.sent
        keepAlives &+= other.keepAlives
        overflows &+= other.overflows
        failures &+= other.failures
        ignoredErrors &+= other.ignoredErrors
    }
}
