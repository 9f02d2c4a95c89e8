import Switching

/// One line from a client of the control socket: what it wants of the daemon.
public enum Request: Sendable, Codable {
    /// For the switch itself, decided in one turn of its loop.
    case perform(ControlRequest)
    /// For the store: closed calls.
    case records(RecordQuery)
    /// For the store: the postings of one account, newest first.
    case statement(StatementQuery)
    /// For the store: everything in a new file. The path is the daemon's to write to, and absolute.
    case backup(file: String)
    /// For the store: does everything fit together? And does the hash chain come by this end of it,
    /// in hexadecimal, that was kept elsewhere?
    case audit(head: String?)
    /// Read all files again and swap them in, or refuse with every diagnostic.
    case reload(by: String?)
    /// The dialplans that were in force, the newest first.
    case versions
    /// A kept version of the dialplan in place of the one in force, by the same checks as a reload;
    /// the one before when none is named, by its number or the beginning of its name.
    case rolledBack(to: String?, by: String?)
    /// A new price list in place of the old one, or a refusal with every diagnostic.
    /// `file` is only the name that the diagnostics speak of.
    case tariffImported(TariffImport)
    /// The price list, by prefix.
    case tariffRows(TariffQuery)
    /// All price lists.
    case tariffDecks
    /// Takes a price list out, by its number.
    case tariffDeckRemoved(Int64)
    /// Moves postings before this moment (microseconds since 1970 UTC) into the archive.
    case postingsArchived(before: Int64)
}

/// A price list to put in force, or only to look at.
public struct TariffImport: Sendable, Codable, Hashable {
    public var csv: String
    /// What diagnostics call it.
    public var file: String
    public var plan: String
    /// The trunk whose calls it prices, or `line`; nil prices them all.
    public var via: String?
    /// Microseconds since 1970 UTC; nil puts it in the place of the one now in force.
    public var validFrom: Int64?
    /// Reviews it and changes nothing.
    public var isDryRun: Bool
    /// Tells every finding and every price that changes, not the first of them.
    public var tellsAll: Bool

    public init(
        csv: String, file: String, plan: String = "standard", via: String? = nil,
        validFrom: Int64? = nil, isDryRun: Bool = false, tellsAll: Bool = false
    ) {
        self.csv = csv
        self.file = file
        self.plan = plan
        self.via = via
        self.validFrom = validFrom
        self.isDryRun = isDryRun
        self.tellsAll = tellsAll
    }
}

/// Which rows of which price list somebody wants to see: of the one now in force.
public struct TariffQuery: Sendable, Codable, Hashable {
    /// Only rows whose prefix begins with this.
    public var prefix: String?
    /// Rows at most.
    public var limit: Int
    public var plan: String
    public var via: String?
    /// As a file, with all that stands before its header, and no rows beside it.
    public var asCSV: Bool

    public init(
        prefix: String? = nil, limit: Int = 1000, plan: String = "standard", via: String? = nil,
        asCSV: Bool = false
    ) {
        self.asCSV = asCSV
        self.prefix = prefix
        self.limit = limit
        self.plan = plan
        self.via = via
    }
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
