/// What was posted to one account in a stretch of time, and that it adds up.
public struct AccountStatement: Hashable, Sendable, Codable {
    /// All postings of one kind.
    public struct Total: Hashable, Sendable, Codable {
        public var kind: Posting.Kind
        public var count: Int
        public var sum: Amount

        public init(kind: Posting.Kind, count: Int, sum: Amount) {
            self.kind = kind
            self.count = count
            self.sum = sum
        }
    }

    public var account: String
    /// ISO 4217; empty for an account that is not there.
    public var currency: String
    /// The sum of all that was posted before.
    public var opening: Amount
    /// Of all postings in the stretch, also of those that are not listed.
    public var totals: [Total]
    /// The balance at the end, by the account and not by its postings.
    public var closing: Amount
    /// The newest first, at most so many as were asked for.
    public var postings: [Posting]

    public init(
        account: String, currency: String, opening: Amount, totals: [Total], closing: Amount,
        postings: [Posting]
    ) {
        self.account = account
        self.currency = currency
        self.opening = opening
        self.totals = totals
        self.closing = closing
        self.postings = postings
    }

    /// Opening and postings together.
    public var sum: Amount { totals.reduce(opening) { $0 + $1.sum } }
    /// False only when a posting was lost or made up outside of Tandem.
    public var addsUp: Bool { sum == closing }
}
