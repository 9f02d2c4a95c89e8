/// What is asked of a plan: who dials what, when, and which ways out are known to be down.
public struct Query: Sendable {
    public var caller: Caller
    /// The digits as they came: `0-9 * # +`, with the separators `- . ( )` and space forgiven.
    public var dialled: String
    /// The wall clock in the site's time zone.
    public var time: CivilTime
    /// Names of trunks and numbers of lines that are known not to work; `line` stands for every
    /// line.
    public var down: Set<String>

    public init(caller: Caller, dialled: String, time: CivilTime, down: Set<String> = []) {
        self.caller = caller
        self.dialled = dialled
        self.time = time
        self.down = down
    }
}

/// Who dials.
public enum Caller: Hashable, Sendable {
    /// A subscriber of this site with the outgoing level it holds.
    case `extension`(String, level: String)
    /// Somebody outside who came in on a direct line: the line's number.
    case line(String)
    /// Somebody outside who came in on a trunk: the trunk's name.
    case trunk(String)
}
