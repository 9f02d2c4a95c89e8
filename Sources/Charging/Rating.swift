/// What a call costs by one tariff row.
///
/// Steps are counted from 1; the first begins at the answer, so an answered call has at least one.
/// Step n+1 begins when the time passes the end of step n: exactly 180 s of a first step of 180 s
/// are one step, one millisecond more are two. A row without steps has one step that is free and
/// never ends. Where a row has free seconds, they are the first step, at no price.
///
/// With time bands, each step costs what the band costs that is in force at the second in which the
/// step begins, and the connect fee that of the answer. The n-th paid step of a call is the n-th step
/// of the prices in force when it begins, or the last one they have; prices without steps are then
/// free steps of a minute. So a call that crosses the end of a band changes its price at the end of
/// the step it is in. Holidays and the zone's changes of offset are those handed in at the start: a
/// clock that is set later changes no price.
public struct Rating: Hashable, Sendable {
    public let row: TariffRow
    /// nil when every hour costs the same.
    private let schedule: Schedule?

    /// When the call began, for a row with time bands.
    private struct Schedule: Hashable, Sendable {
        var calendar: TariffCalendar
        /// For each price of the row's bands, its place among the calendar's.
        var places: [Int]
        /// Of the answer, since 1970 UTC.
        var milliseconds: Int64
        var offset: UTCOffset
    }

    /// Some equal steps, one after the other.
    private struct Run {
        var kind: ReceiptLine.Kind
        /// `endless` for a step that never ends.
        var seconds: Int
        var price: Amount
        /// `forever` for the last step of a row, which repeats.
        var count: Int
        var band: String?

        static let endless = 0
        static let forever = Int.max
    }

    /// For a row without time bands; the bands of another are passed over.
    public init(_ row: TariffRow) {
        self.row = row
        schedule = nil
    }

    /// - Parameters:
    ///   - from: when the call is answered, microseconds since 1970 UTC.
    ///   - offset: the site's distance from UTC then, and its changes of the year that follows.
    public init(_ row: TariffRow, calendar: TariffCalendar, from: Int64, offset: UTCOffset) {
        self.row = row
        guard !row.inBands.isEmpty else {
            schedule = nil
            return
        }
        schedule = Schedule(
            calendar: calendar,
            places: row.inBands.compactMap { price in
                calendar.bands.firstIndex { $0.name == price.band }
            }, milliseconds: from.dividedDown(by: 1000), offset: offset)
    }

    /// The length of what has no end, in milliseconds. Compare with it; never add to it.
    public static let unlimited = Int64.max
    /// How far a price by time bands is looked at: a year of talk.
    static let horizonSeconds: Int64 = 366 * 86_400

    // MARK: Prices in force

    private func prices(
        at milliseconds: Int64, _ schedule: Schedule
    ) -> (fee: Amount, steps: [TariffRow.Step], band: String?, until: Int64) {
        let (place, until) = schedule.calendar.bandInForce(
            at: milliseconds.dividedDown(by: 1000), offset: schedule.offset,
            among: schedule.places)
        guard let place, let index = schedule.places.firstIndex(of: place) else {
            return (row.connectFee, row.steps, nil, until * 1000)
        }
        let price = row.inBands[index]
        return (price.connectFee, price.steps, price.band, until * 1000)
    }

    private var fee: (amount: Amount, band: String?) {
        guard let schedule else { return (row.connectFee, nil) }
        let prices = prices(at: schedule.milliseconds, schedule)
        return (prices.fee, prices.band)
    }

    /// The steps from the answer on, in runs of equal ones, until `body` says that it has enough.
    private func forEachRun(_ body: (Run) -> Bool) {
        if row.freeSeconds > 0 {
            let free = Run(kind: .free, seconds: row.freeSeconds, price: .zero, count: 1)
            guard body(free) else { return }
        }
        if let schedule { return forEachRun(by: schedule, body) }
        guard let last = row.steps.last else {
            _ = body(Run(kind: .step, seconds: Run.endless, price: .zero, count: 1))
            return
        }
        for step in row.steps.dropLast() {
            let run = Run(kind: .step, seconds: step.seconds, price: step.price, count: 1)
            guard body(run) else { return }
        }
        _ = body(
            Run(kind: .step, seconds: last.seconds, price: last.price, count: Run.forever))
    }

    private static let freeMinute = [TariffRow.Step(seconds: 60, price: .zero)]

    private func forEachRun(by schedule: Schedule, _ body: (Run) -> Bool) {
        var time = schedule.milliseconds + Int64(row.freeSeconds) * 1000
        let horizon = time + Rating.horizonSeconds * 1000
        var index = 0
        while time < horizon {
            let prices = prices(at: time, schedule)
            let steps = prices.steps.isEmpty ? Rating.freeMinute : prices.steps
            while time < prices.until {
                let step = steps[min(index, steps.count - 1)]
                let length = Int64(step.seconds) * 1000
                // All that begin before the prices change; of the last step as many as that are.
                let count = index < steps.count - 1 ? 1 : (prices.until - time - 1) / length + 1
                let run = Run(
                    kind: .step, seconds: step.seconds, price: step.price, count: Int(count),
                    band: prices.band)
                guard body(run) else { return }
                time += count * length
                index += Int(count)
            }
        }
    }

    // MARK: Questions

    /// Connect fee and every begun step of an answered call of this length.
    public func price(milliseconds: Int64) -> Amount {
        cost(ofSteps: begunSteps(milliseconds: milliseconds))
    }

    /// How many steps have begun this long after the answer; at least 1.
    public func begunSteps(milliseconds: Int64) -> Int {
        precondition(milliseconds >= 0, "a call lasted \(milliseconds) ms")
        var begun = 0
        var end: Int64 = 0
        forEachRun { run in
            let length = Int64(run.seconds) * 1000
            guard run.seconds != Run.endless, milliseconds > end else {
                begun += 1
                return false
            }
            // A begun step counts whole: rounded up.
            let needed = (milliseconds - end - 1) / length + 1
            let taken = min(Int64(run.count), needed)
            begun += Int(taken)
            end += taken * length
            return milliseconds > end
        }
        return begun
    }

    /// Connect fee and the first `count` steps, at least the minimum, rounded; nothing at all for 0.
    public func cost(ofSteps count: Int) -> Amount {
        precondition(count >= 0)
        guard count > 0 else { return .zero }
        let (sum, isPaid) = sum(ofSteps: count)
        return row.rounding.rounded(isPaid ? max(sum, row.minimum) : sum)
    }

    /// Before minimum and rounding, and whether a step was among them that is not free seconds.
    private func sum(ofSteps count: Int) -> (sum: Amount, isPaid: Bool) {
        var sum = fee.amount
        var isPaid = false
        var left = count
        forEachRun { run in
            let taken = min(left, run.count)
            sum += run.price * taken
            if run.kind == .step { isPaid = true }
            left -= taken
            return left > 0
        }
        return (sum, isPaid)
    }

    /// How long the first `count` steps last; `unlimited` when they never end.
    public func milliseconds(ofSteps count: Int) -> Int64 {
        precondition(count >= 0)
        guard count > 0 else { return 0 }
        var left = count
        var length: Int64 = 0
        forEachRun { run in
            let taken = min(left, run.count)
            let (part, overflow) = (Int64(run.seconds) * 1000).multipliedReportingOverflow(
                by: Int64(taken))
            let (sum, carry) = length.addingReportingOverflow(part)
            guard run.seconds != Run.endless, !overflow, !carry else {
                length = Rating.unlimited
                left = 0
                return false
            }
            length = sum
            left -= taken
            return left > 0
        }
        return left > 0 ? Rating.unlimited : length
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
        guard !amount.isNegative else { return 0 }
        let most = row.rounding.largest(within: amount)
        let fee = fee.amount
        guard most >= fee else { return 0 }
        var rest = most - fee
        var covered = 0
        var isEnd = false
        forEachRun { run in
            if run.kind == .step, most < row.minimum {
                isEnd = true
                return false
            }
            guard run.price.isPositive else {
                guard run.count != Run.forever, run.seconds != Run.endless else { return false }
                covered += run.count
                return true
            }
            let taken = min(Int64(run.count), rest.micros / run.price.micros)
            covered += Int(taken)
            rest -= run.price * Int(taken)
            isEnd = taken < run.count
            return !isEnd
        }
        return isEnd ? covered : nil
    }

    /// The cost of the whole steps that `amount` covers; all of it when there is no end to them.
    public func cost(ofWholeStepsIn amount: Amount) -> Amount {
        steps(coveredBy: amount).map { cost(ofSteps: $0) } ?? amount
    }

    /// What the first `count` steps are made of, so that anyone can compute the price again. The
    /// sums of the lines add up to `cost(ofSteps:)`.
    public func receipt(ofSteps count: Int) -> [ReceiptLine] {
        precondition(count >= 0)
        guard count > 0 else { return [] }
        var lines: [ReceiptLine] = []
        let fee = fee
        if fee.amount.isPositive {
            lines.append(
                ReceiptLine(
                    count: 1, seconds: nil, price: fee.amount, kind: .connectFee, band: fee.band))
        }
        var left = count
        forEachRun { run in
            let taken = min(left, run.count)
            left -= taken
            guard run.seconds != Run.endless else { return false }
            let line = ReceiptLine(
                count: taken, seconds: run.seconds, price: run.price, kind: run.kind,
                band: run.band)
            if let last = lines.last, last.kind == line.kind, last.seconds == line.seconds,
                last.price == line.price, last.band == line.band
            {
                lines[lines.count - 1].count += taken
            } else {
                lines.append(line)
            }
            return left > 0
        }
        let (sum, isPaid) = sum(ofSteps: count)
        let raised = isPaid ? max(sum, row.minimum) : sum
        for (kind, added) in [
            (ReceiptLine.Kind.minimum, raised - sum),
            (.rounding, row.rounding.rounded(raised) - raised),
        ] where added != .zero {
            lines.append(ReceiptLine(count: 1, seconds: nil, price: added, kind: kind))
        }
        return lines
    }

    // MARK: When it begins

    /// Whether every hour costs the same.
    public var isSteady: Bool { schedule == nil }

    /// The same row for a call that is answered later, by this much.
    public func begun(later milliseconds: Int64) -> Rating {
        guard let schedule else { return self }
        return Rating(
            row, calendar: schedule.calendar,
            from: (schedule.milliseconds + milliseconds) * 1000, offset: schedule.offset)
    }

    /// The moments, in milliseconds from now, at which a call that is answered within `limit` would
    /// cost something else: its beginning, and every change of band.
    func beginnings(within limit: Int64) -> [Int64] {
        guard let schedule else { return [0] }
        var moments: [Int64] = [0]
        var time = prices(at: schedule.milliseconds, schedule).until
        while time - schedule.milliseconds <= limit, moments.count < TimeBand.mostHours {
            moments.append(time - schedule.milliseconds)
            time = prices(at: time, schedule).until
        }
        return moments
    }

    /// The price of the first steps of so many milliseconds, whenever within `limit` the call is
    /// answered: the dearest of them.
    public func dearestCost(milliseconds: Int64, answeredWithin limit: Int64) -> Amount {
        guard schedule != nil else { return price(milliseconds: milliseconds) }
        return beginnings(within: limit).reduce(.zero) {
            max($0, begun(later: $1).price(milliseconds: milliseconds))
        }
    }

    /// What one step costs, whenever within `limit` the call is answered: the dearest of them.
    public func dearestFirstStep(answeredWithin limit: Int64) -> Amount {
        guard schedule != nil else { return cost(ofSteps: 1) }
        return beginnings(within: limit).reduce(.zero) {
            max($0, begun(later: $1).cost(ofSteps: 1))
        }
    }
}

extension Rating {
    /// What this rating is by, for the record: plan and currency are labels.
    public func basis(plan: String, via: String?, currency: String) -> PriceBasis {
        PriceBasis(
            plan: plan, via: via, currency: currency,
            tariff: Tariff.csv(plain: row)
                ?? Tariff.csv(rows: [row], calendar: schedule?.calendar ?? .plain),
            from: schedule.map { $0.milliseconds * 1000 } ?? 0,
            offset: schedule?.offset ?? UTCOffset(seconds: 0))
    }

    /// The rating of a record, computed from nothing but what the record holds.
    public init(_ basis: PriceBasis) throws(PriceBasis.Unreadable) {
        let (tariff, diagnostics) = Tariff.parse(csv: basis.tariff, file: "basis")
        guard let tariff, let row = tariff.rows.first, tariff.count == 1 else {
            throw PriceBasis.Unreadable(
                reason: diagnostics.first.map(\.description) ?? "it has not one row")
        }
        self.init(row, calendar: tariff.calendar, from: basis.from, offset: basis.offset)
    }
}

/// What the price of one call was computed by, whole: whoever has it and the length of the call can
/// compute the price again.
public struct PriceBasis: Hashable, Sendable, Codable {
    /// It is no basis, or of a newer version.
    public struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
        public var reason: String
        public var description: String { "the basis of the price cannot be read: \(reason)" }
    }

    /// The tariff plan.
    public var plan: String
    /// The trunk, or `line`, whose own prices these are; nil for the plan's general ones.
    public var via: String?
    /// ISO 4217.
    public var currency: String
    /// The row and its bands, as a tariff file of their own.
    public var tariff: String
    /// When the first step began, microseconds since 1970 UTC; 0 where no hour costs more than
    /// another.
    public var from: Int64
    public var offset: UTCOffset

    public init(
        plan: String, via: String? = nil, currency: String, tariff: String, from: Int64 = 0,
        offset: UTCOffset = UTCOffset(seconds: 0)
    ) {
        self.plan = plan
        self.via = via
        self.currency = currency
        self.tariff = tariff
        self.from = from
        self.offset = offset
    }
}
