/// Money that a running call holds on every account of a chain.
public struct Reservation: Hashable, Sendable, Codable {
    public let call: UInt64
    /// The first account of the chain: the one that calls. Its parents hold the same amount.
    public let account: String
    public var amount: Amount
    /// The extension it is charged to, for its limits.
    public let `extension`: String?

    public init(
        call: UInt64, account: String, amount: Amount, extension number: String? = nil
    ) {
        self.call = call
        self.account = account
        self.amount = amount
        self.extension = number
    }
}
