/// One line of the price of a call: so many steps of so many seconds at this price each, or what was
/// added to their sum.
public struct ReceiptLine: Hashable, Sendable, Codable, CustomStringConvertible {
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// Charged once, at the answer.
        case connectFee = "connect fee"
        /// The free seconds before the first step.
        case free
        case step
        /// What lifts the sum to the minimum charge.
        case minimum
        /// What rounding adds, or takes when it is negative.
        case rounding
    }

    public var kind: Kind
    /// How many.
    public var count: Int
    /// Length of each; nil for what has none.
    public var seconds: Int?
    /// Of each.
    public var price: Amount
    /// The time band whose price it is; nil outside of every band.
    public var band: String?

    /// Without a kind it is a step, and without a length the connect fee.
    public init(
        count: Int, seconds: Int?, price: Amount, kind: Kind? = nil, band: String? = nil
    ) {
        self.kind = kind ?? (seconds == nil ? .connectFee : .step)
        self.count = count
        self.seconds = seconds
        self.price = price
        self.band = band
    }

    public var sum: Amount { price * count }

    /// `2 x 60 s at 0.110000 = 0.220000, night`, `connect fee 0.100000`.
    public var description: String {
        let inBand = band.map { ", \($0)" } ?? ""
        switch kind {
        case .connectFee: return "connect fee \(sum)\(inBand)"
        case .free: return "first \(seconds ?? 0) s free"
        case .step: return "\(count) x \(seconds ?? 0) s at \(price) = \(sum)\(inBand)"
        case .minimum: return "to the minimum charge \(sum)"
        case .rounding: return "rounding \(sum)"
        }
    }
}
