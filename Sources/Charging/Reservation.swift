/// Money that a running call holds on every account of a chain.
public struct Reservation: Hashable, Sendable, Codable {
    public let call: UInt64
    /// The first account of the chain: the one that calls. Its parents hold the same amount.
    public let account: String
    public var amount: Amount

    public init(call: UInt64, account: String, amount: Amount) {
        self.call = call
        self.account = account
        self.amount = amount
    }
}
