/// What a call costs by one tariff row.
///
/// Steps are counted from 1; the first begins at the answer, so an answered call has at least one.
/// Step n+1 begins when the time passes the end of step n: exactly 180 s of a first step of 180 s
/// are one step, one millisecond more are two. A row without steps has one step that is free and
/// never ends.
public struct Rating: Hashable, Sendable {
    public let row: TariffRow

    public init(_ row: TariffRow) { self.row = row }

    /// The length of what has no end, in milliseconds. Compare with it; never add to it.
    public static let unlimited = Int64.max

    /// Connect fee and every begun step of an answered call of this length.
    public func price(milliseconds: Int64) -> Amount {
        cost(ofSteps: begunSteps(milliseconds: milliseconds))
    }

    /// How many steps have begun this long after the answer; at least 1.
    public func begunSteps(milliseconds: Int64) -> Int {
        precondition(milliseconds >= 0, "a call lasted \(milliseconds) ms")
        guard let last = row.steps.last else { return 1 }
        var end: Int64 = 0
        for (index, step) in row.steps.enumerated() {
            end += Int64(step.seconds) * 1000
            if milliseconds <= end { return index + 1 }
        }
        let length = Int64(last.seconds) * 1000
        // A begun step counts whole: rounded up.
        let repeats = (milliseconds - end - 1) / length + 1
        return row.steps.count + Int(repeats)
    }

    /// Connect fee and the first `count` steps; nothing at all for 0.
    public func cost(ofSteps count: Int) -> Amount {
        precondition(count >= 0)
        guard count > 0 else { return .zero }
        var cost = row.connectFee
        guard let last = row.steps.last else { return cost }
        for step in row.steps.prefix(count) { cost += step.price }
        if count > row.steps.count { cost += last.price * (count - row.steps.count) }
        return cost
    }

    /// How long the first `count` steps last; `unlimited` when they never end.
    public func milliseconds(ofSteps count: Int) -> Int64 {
        precondition(count >= 0)
        guard count > 0 else { return 0 }
        guard let last = row.steps.last else { return Rating.unlimited }
        var sum: Int64 = 0
        for step in row.steps.prefix(count) { sum += Int64(step.seconds) * 1000 }
        guard count > row.steps.count else { return sum }
        let (rest, overflow) = (Int64(last.seconds) * 1000).multipliedReportingOverflow(
            by: Int64(count - row.steps.count))
        let (whole, carry) = rest.addingReportingOverflow(sum)
        return overflow || carry ? Rating.unlimited : whole
    }

    /// How long a call may last on `amount`: the whole steps it covers, after the connect fee. 0 when
    /// it does not cover the first; `unlimited` when what follows is free.
    public func prepaidMilliseconds(for amount: Amount) -> Int64 {
        guard let count = steps(coveredBy: amount) else { return Rating.unlimited }
        return milliseconds(ofSteps: count)
    }

    /// How many whole steps `amount` covers, after the connect fee; nil when it covers all there can
    /// ever be.
    public func steps(coveredBy amount: Amount) -> Int? {
        guard amount >= row.connectFee else { return 0 }
        guard let last = row.steps.last else { return nil }
        var rest = amount - row.connectFee
        for (index, step) in row.steps.enumerated() {
            guard rest >= step.price else { return index }
            rest -= step.price
        }
        guard last.price.isPositive else { return nil }
        return row.steps.count + Int(rest.micros / last.price.micros)
    }

    /// What the first `count` steps are made of, so that anyone can compute the price again. The
    /// sums of the lines add up to `cost(ofSteps:)`.
    public func receipt(ofSteps count: Int) -> [ReceiptLine] {
        precondition(count >= 0)
        guard count > 0 else { return [] }
        var lines: [ReceiptLine] = []
        if row.connectFee.isPositive {
            lines.append(ReceiptLine(count: 1, seconds: nil, price: row.connectFee))
        }
        for (index, step) in row.steps.prefix(count).enumerated() {
            let repeats = index == row.steps.count - 1 ? count - index : 1
            lines.append(ReceiptLine(count: repeats, seconds: step.seconds, price: step.price))
        }
        return lines
    }
}
