/// A time at which a dialplan came into force.
public struct DialplanVersionRow: Sendable, Codable, Hashable {
    /// Counted from one.
    public var number: Int
    public var version: String
    /// Microseconds since 1970 UTC.
    public var at: Int64
    /// `start`, `reload`, `signal` or `rollback`.
    public var reason: String
    /// The user who asked; nil where nobody did.
    public var by: String?
    public var isInForce: Bool
    /// Whether its texts are still there to go back to.
    public var isKept: Bool

    public init(
        number: Int, version: String, at: Int64, reason: String, by: String?, isInForce: Bool,
        isKept: Bool
    ) {
        self.number = number
        self.version = version
        self.at = at
        self.reason = reason
        self.by = by
        self.isInForce = isInForce
        self.isKept = isKept
    }
}

extension Listing {
    /// Versions of the dialplan, the newest first.
    public init(versions: [DialplanVersionRow]) {
        self.init(
            [
                Column("number", "#"), Column("version", "version"), Column("at", "in force since"),
                Column("reason", "by"), Column("user", "user"), Column("in_force", "in force"),
                Column("kept", "kept"),
            ], nothing: "no versions")
        for row in versions {
            append([
                .number(row.number), .text(row.version), .time(row.at), .text(row.reason),
                .text(row.by), .flag(row.isInForce), .flag(row.isKept),
            ])
        }
    }
}
