import Charging
import SIP

/// What happened. A past fact: the switch cannot refuse it, only answer it.
public enum Event: Sendable {
    /// Bytes arrived.
    case datagramReceived(Datagram)
    /// A datagram that is too short to be SIP: a phone behind NAT keeps its flow open (RFC 5626
    /// §4.4.1).
    case keepAliveReceived(Flow)
    /// A message could not leave on this flow: the kernel refused it, or no connection could be made.
    case transportFailed(Flow)
    /// Somebody says by ICMP that a datagram of ours was not delivered: its flow, and as much of it as was
    /// quoted.
    case undelivered(Datagram)
    /// A connection is gone.
    case connectionClosed(ClosedConnection)
    /// The peer of a connection has shown a certificate that is good for these host names.
    case connectionCertified(Flow, names: [String])
    /// The longest time that the loop was behind since the last measurement. Due every
    /// `Switch.overloadInterval` while `Switch.isMeasured`, and when it is long.
    case loopMeasured(Instant.Span)
    /// `Switch.nextDeadline` has come.
    case deadlineReached
    /// Every commit up to this ticket is on the disk.
    case committed(through: CommitTicket)
    /// The commits after the last durable one up to this ticket are not on the disk: nothing that is
    /// told to anybody may wait for them. The store keeps them in line, in order, and tries again;
    /// `committed` follows when the disk has taken them. Handing them in again does no harm.
    case commitFailed(through: CommitTicket, reason: String)
    /// Somebody at the control socket asks.
    case requested(ControlRequest, by: ControlToken)
    /// New settings and dialplan, already checked; calls under way keep their decision.
    case configured(Configuration)
    /// Other price lists, already stored; calls under way keep their price.
    case tariffReplaced(TariffBook)
    /// A gateway's span was asked for its state.
    case spanRead(trunk: String, SpanReading)
    /// A name server was asked for a trunk's name.
    case trunkResolved(TrunkResolution)
    /// A name server was asked for a name in the dialog of a gateway, as one of `ActionList.lookUps`
    /// wanted.
    case nextHopResolved(NextHopResolution)
    /// The process is about to end: registrations at operators are taken back. `Switch.isLeaving` says
    /// for how long there is something to wait for.
    case stopping
    /// The shell read the wall clock: at the start, each minute, and when it finds a step.
    case wallClockRead(WallClock)
}

/// A connection that is gone, and who had made it.
public struct ClosedConnection: Sendable, Hashable {
    public var flow: Flow
    /// The other side had opened it: at its end nobody listens where it came from.
    public var wasAccepted: Bool

    public init(flow: Flow, wasAccepted: Bool) {
        self.flow = flow
        self.wasAccepted = wasAccepted
    }
}

/// Bytes and the flow they came on.
public struct Datagram: Sendable {
    public var flow: Flow
    public var bytes: [UInt8]

    public init(flow: Flow, bytes: [UInt8]) {
        self.flow = flow
        self.bytes = bytes
    }
}

/// Which request at the control socket a reply belongs to. The shell gives it meaning.
public struct ControlToken: Hashable, Sendable {
    public var rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}
