extension CallRecord {
    /// One route a call was tried on, and what came of it.
    public struct Attempt: Hashable, Sendable, Codable {
        public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
            case `extension`
            case line
            case trunk
        }

        public enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
            case answered
            case failed
            /// Not tried: known to be down, no free channel, or not to be paid.
            case skipped
        }

        /// Name of the line or trunk, or number of the extension.
        public var route: String
        public var kind: Kind
        /// Wall time, microseconds since 1970 UTC.
        public var startedAt: Int64
        /// nil while it is still being tried.
        public var outcome: Outcome?
        public var sipStatus: Int?
        /// Q.850 cause.
        public var q850: Int?
        /// In words, for the operator.
        public var reason: String
        /// From the first ringing to the answer or the end, in milliseconds.
        public var ringMs: Int64
        /// The number of the E1 channel it took; nil where channels have none.
        public var channel: Int?

        public init(
            route: String, kind: Kind, startedAt: Int64, outcome: Outcome? = nil,
            sipStatus: Int? = nil, q850: Int? = nil, reason: String = "",
            ringMs: Int64 = 0
        ) {
            self.route = route
            self.kind = kind
            self.startedAt = startedAt
            self.outcome = outcome
            self.sipStatus = sipStatus
            self.q850 = q850
            self.reason = reason
            self.ringMs = ringMs
        }
    }
}
