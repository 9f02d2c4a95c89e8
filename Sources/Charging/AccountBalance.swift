/// What an account had at one moment, as a record keeps it.
public struct AccountBalance: Hashable, Sendable, Codable {
    public var account: String
    public var balance: Amount

    public init(account: String, balance: Amount) {
        self.account = account
        self.balance = balance
    }
}
