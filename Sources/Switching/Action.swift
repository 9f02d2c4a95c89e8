import SIP

/// What the shell must do after one turn: the switch itself touches nothing.
///
/// Reused from turn to turn, so that a steady load allocates no lists. Within each list the order is
/// the order in which the switch decided.
public struct ActionList: Sendable {
    /// Bytes to send, in order.
    public var sends: [Outgoing] = []
    /// What must become durable, in order of ticket. Nothing may be reordered or left out.
    public var commits: [Commit] = []
    /// Answers to control requests.
    public var replies: [(to: ControlToken, reply: ControlReply)] = []
    /// What the log should say.
    public var logs: [LogEntry] = []
    /// Names to ask name servers for, beside the loop; each is answered by `Event.nextHopResolved`.
    public var lookUps: [NextHopQuery] = []
    /// What whoever holds the connections has to know.
    public var notices: [ConnectionNotice] = []

    public init() {}

    public var isEmpty: Bool {
        sends.isEmpty && commits.isEmpty && replies.isEmpty && logs.isEmpty && lookUps.isEmpty
            && notices.isEmpty
    }

    public mutating func removeAll() {
        sends.removeAll(keepingCapacity: true)
        commits.removeAll(keepingCapacity: true)
        replies.removeAll(keepingCapacity: true)
        logs.removeAll(keepingCapacity: true)
        lookUps.removeAll(keepingCapacity: true)
        notices.removeAll(keepingCapacity: true)
    }
}

/// What the switch knows of those who connect (TCP and TLS), for the shell that holds the connections.
public enum ConnectionNotice: Sendable, Hashable {
    /// An address is banned, an IPv6 one (the lowest of its /64) with all of its /64: until then no
    /// connection is taken from there, and those by which nobody has proved who it is are closed.
    case barred(IPAddress, until: Instant)
    /// The ban is over.
    case admitted(IPAddress)
    /// A trunk speaks by this connection, a phone whose password was right, or one that knows the tags
    /// of a call at the address that it has the call at: it stays.
    case proved(Flow)
}

/// One datagram or message to send on a flow.
public struct Outgoing: Sendable {
    public var flow: Flow
    public var bytes: [UInt8]

    public init(flow: Flow, bytes: [UInt8]) {
        self.flow = flow
        self.bytes = bytes
    }
}

/// Counts commits; the store makes them durable in this order.
public struct CommitTicket: Hashable, Comparable, Sendable {
    public var rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static func < (a: CommitTicket, b: CommitTicket) -> Bool { a.rawValue < b.rawValue }
}

/// Changes that become durable together or not at all.
public struct Commit: Sendable {
    public var ticket: CommitTicket
    public var changes: [StoredChange]

    public init(ticket: CommitTicket, changes: [StoredChange]) {
        self.ticket = ticket
        self.changes = changes
    }
}

/// One line for the log.
public struct LogEntry: Sendable {
    public enum Level: UInt8, Sendable { case debug, info, notice, warning, error }

    public var level: Level
    /// The call it speaks of, if it speaks of one.
    public var call: CallID?
    public var message: String

    public init(_ level: Level, call: CallID? = nil, _ message: String) {
        self.level = level
        self.call = call
        self.message = message
    }
}
