/// How the sum of a call's steps becomes the sum that is charged: by name, to a named unit.
///
/// Steps themselves are never divided, so without a rounding the charge is exact. A site that bills in
/// whole cents names one: `up/0.01`, `down/0.01`, `half-up/0.01` or `half-even/0.01`.
public struct Rounding: Hashable, Sendable, Codable {
    public enum Mode: String, Hashable, Sendable, Codable, CaseIterable {
        case exact
        /// To the next unit above; a sum of whole units stays.
        case up
        /// To the next unit below.
        case down
        /// To the nearest unit, the half upwards.
        case halfUp = "half-up"
        /// To the nearest unit, the half to the even one, as bankers do.
        case halfEven = "half-even"
    }

    public let mode: Mode
    /// What is charged is a multiple of it; zero for `exact`.
    public let unit: Amount

    public static let exact = Rounding(mode: .exact, unit: .zero)
    /// 100 currency units.
    public static let largestUnit = Amount(micros: 100_000_000)

    private init(mode: Mode, unit: Amount) {
        self.mode = mode
        self.unit = unit
    }

    /// nil for a unit that is not above zero or above `largestUnit`.
    public init?(_ mode: Mode, unit: Amount) {
        switch mode {
        case .exact: guard unit == .zero else { return nil }
        case .up, .down, .halfUp, .halfEven:
            guard unit.isPositive, unit <= Rounding.largestUnit else { return nil }
        }
        self.init(mode: mode, unit: unit)
    }

    /// Reads `exact` and `up/0.01`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let mode = Mode(rawValue: String(first)) else { return nil }
        switch parts.count {
        case 1: self.init(mode, unit: .zero)
        case 2:
            guard let unit = Amount(String(parts[1])) else { return nil }
            self.init(mode, unit: unit)
        default: return nil
        }
    }

    /// As a tariff writes it: `up/0.01`, `exact`.
    public var text: String {
        mode == .exact ? mode.rawValue : "\(mode.rawValue)/\(unit.shortDescription)"
    }

    /// - Parameter amount: not negative.
    public func rounded(_ amount: Amount) -> Amount {
        guard mode != .exact else { return amount }
        let whole = amount.micros / unit.micros
        let rest = amount.micros % unit.micros
        let isUp: Bool
        switch mode {
        case .exact, .down: isUp = false
        case .up: isUp = rest > 0
        case .halfUp: isUp = rest * 2 >= unit.micros
        case .halfEven: isUp = rest * 2 > unit.micros || rest * 2 == unit.micros && whole % 2 == 1
        }
        return Amount(micros: (isUp ? whole + 1 : whole) * unit.micros)
    }

    /// The largest sum that is not above `amount` once it is rounded: what money of this amount can
    /// pay for. `amount` is not negative.
    func largest(within amount: Amount) -> Amount {
        guard mode != .exact else { return amount }
        let whole = amount.micros / unit.micros
        let above: Int64
        switch mode {
        case .exact, .up: above = 0
        case .down: above = unit.micros - 1
        case .halfUp: above = (unit.micros - 1) / 2
        case .halfEven: above = whole % 2 == 0 ? unit.micros / 2 : (unit.micros - 1) / 2
        }
        return Amount(micros: whole * unit.micros + above)
    }
}
