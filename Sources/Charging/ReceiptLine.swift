/// One line of the price of a call: so many steps of so many seconds at this price each.
public struct ReceiptLine: Hashable, Sendable, Codable, CustomStringConvertible {
    /// How many.
    public var count: Int
    /// Length of each step; nil for the connect fee.
    public var seconds: Int?
    /// Of each.
    public var price: Amount

    public init(count: Int, seconds: Int?, price: Amount) {
        self.count = count
        self.seconds = seconds
        self.price = price
    }

    public var sum: Amount { price * count }

    /// `2 x 60 s at 0.110000 = 0.220000`, `connect fee 0.100000`.
    public var description: String {
        guard let seconds else { return "connect fee \(sum)" }
        return "\(count) x \(seconds) s at \(price) = \(sum)"
    }
}
