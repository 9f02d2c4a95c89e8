/// What became of a call's reservation.
public struct Settlement: Hashable, Sendable {
    public let call: UInt64
    /// min(used, reserved): what each account of the chain paid.
    public let charged: Amount
    /// What went back to each account of the chain.
    public let released: Amount
    /// One for each account of the chain, the caller's own first; none when nothing was charged.
    public let postings: [Posting]
    /// Of each account of the chain, the caller's own first, after the charge.
    public let balances: [AccountBalance]
    /// Accounts of the chain that this charge took below their mark.
    public let low: [AccountBalance]
}
