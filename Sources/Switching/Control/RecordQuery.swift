/// Which call records somebody wants to see; every condition that is given must hold.
///
/// Answers come newest first, by the start of the call. A page ends after `limit` records; the next
/// one begins after the last record of the page before it, so a record closed meanwhile shifts
/// nothing.
public struct RecordQuery: Sendable, Codable, Hashable {
    /// The caller: an extension, or the outside number as it came in.
    public var from: String?
    /// The number that was dialled, as dialled or as brought to one form.
    public var to: String?
    /// Calls that began at or after this; microseconds since 1970 UTC.
    public var since: Int64?
    /// Calls that began before this; microseconds since 1970 UTC.
    public var until: Int64?
    /// The line or trunk that carried the call, or that was tried for it.
    public var trunk: String?
    /// The Q.850 cause it ended with.
    public var cause: Int?
    /// Who paid.
    public var account: String?
    /// One call by its id, `3-1042`.
    public var call: String?
    /// Records on a page, 1 to `limitMaximum`.
    public var limit: Int
    /// The sequence number of the last record of the page before.
    public var after: UInt64?

    /// The longest page.
    public static let limitMaximum = 10_000

    public init(
        from: String? = nil, to: String? = nil, since: Int64? = nil, until: Int64? = nil,
        trunk: String? = nil, cause: Int? = nil, account: String? = nil, call: String? = nil,
        limit: Int = 100, after: UInt64? = nil
    ) {
        self.from = from
        self.to = to
        self.since = since
        self.until = until
        self.trunk = trunk
        self.cause = cause
        self.account = account
        self.call = call
        self.limit = limit
        self.after = after
    }
}
