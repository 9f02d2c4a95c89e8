/// What an audit of the data has looked at, and what does not fit.
public struct AuditReport: Hashable, Sendable, Codable {
    public var accounts = 0
    public var postings = 0
    public var records = 0
    public var runningCalls = 0
    /// Postings and records that stand in the hash chain.
    public var sealed = 0
    /// The last hash of the chain, in hexadecimal; empty while nothing is sealed. Whoever keeps it
    /// elsewhere can tell later that nothing before it was changed.
    public var head = ""
    /// One line for each thing that is wrong, `findingLimit` at most.
    public var findings: [String] = []
    /// Findings beyond the limit.
    public var moreFindings = 0

    /// How many findings are written out.
    public static let findingLimit = 1000

    public init() {}

    public var isGood: Bool { findings.isEmpty }

    public mutating func find(_ finding: String) {
        if findings.count < Self.findingLimit {
            findings.append(finding)
        } else {
            moreFindings += 1
        }
    }
}
