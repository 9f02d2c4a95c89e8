import Switching

/// One line from a client of the control socket: what it wants of the daemon.
public enum Request: Sendable, Codable {
    /// For the switch itself, decided in one turn of its loop.
    case perform(ControlRequest)
    /// For the store: closed calls.
    case records(RecordQuery)
    /// For the store: the postings of one account, newest first.
    case statement(StatementQuery)
    /// Read all files again and swap them in, or refuse with every diagnostic.
    case reload(by: String?)
    /// The dialplans that were in force, the newest first.
    case versions
    /// A kept version of the dialplan in place of the one in force, by the same checks as a reload;
    /// the one before when none is named, by its number or the beginning of its name.
    case rolledBack(to: String?, by: String?)
    /// A new price list in place of the old one, or a refusal with every diagnostic.
    /// `file` is only the name that the diagnostics speak of.
    case tariffImported(csv: String, file: String)
    /// The price list, by prefix; those under one prefix when it is given.
    case tariffRows(prefix: String?, limit: Int)
}

/// Which postings of an account somebody wants to see.
public struct StatementQuery: Sendable, Codable, Hashable {
    public var account: String
    /// Microseconds since 1970 UTC, inclusive.
    public var since: Int64?
    /// Microseconds since 1970 UTC, exclusive.
    public var until: Int64?
    /// Postings at most, the newest of them.
    public var limit: Int

    public init(account: String, since: Int64? = nil, until: Int64? = nil, limit: Int = 100) {
        self.account = account
        self.since = since
        self.until = until
        self.limit = limit
    }
}
