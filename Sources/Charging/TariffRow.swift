/// What calls to one prefix cost: a fee for the answer, then a price for every begun step.
///
/// A step is paid whole as soon as it begins, the first one at the answer or, where some seconds are
/// free, when these are over. An empty list of steps makes the time free: the connect fee is the
/// whole price.
public struct TariffRow: Hashable, Sendable, Codable {
    /// One step of time and its price. The last step of a row repeats.
    public struct Step: Hashable, Sendable, Codable {
        /// Length in seconds, 1 to `longestStepSeconds`.
        public var seconds: Int
        /// Price of the whole step, 0 to `largestPrice`.
        public var price: Amount

        public init(seconds: Int, price: Amount) {
            self.seconds = seconds
            self.price = price
        }
    }

    /// The leading digits this row is for, 1 to `Tariff.longestPrefix` of `0-9*#+`.
    public var prefix: String
    /// What the class of calls is called: `local`, `national`, `Hong Kong`.
    public var name: String
    /// Charged once, at the answer. 0 to `largestPrice`.
    public var connectFee: Amount
    /// In order; at most `mostSteps`; the last one repeats.
    public var steps: [Step]
    /// So long after the answer no step is counted; 0 to `longestStepSeconds`.
    public var freeSeconds = 0
    /// What a call that outlasts the free seconds costs at least; 0 to `largestPrice`.
    public var minimum = Amount.zero
    /// How the sum becomes what is charged.
    public var rounding = Rounding.exact
    /// Other prices while a time band of the tariff is in force, in the order of its bands.
    public var inBands: [BandPrice] = []

    /// Fee and steps of a row while a band is in force.
    public struct BandPrice: Hashable, Sendable, Codable {
        /// The band's name.
        public var band: String
        public var connectFee: Amount
        public var steps: [Step]

        public init(band: String, connectFee: Amount, steps: [Step]) {
            self.band = band
            self.connectFee = connectFee
            self.steps = steps
        }

        /// The steps as a tariff file writes them.
        public var stepsText: String { TariffRow.text(of: steps) }
    }

    public init(
        prefix: String, name: String, connectFee: Amount, steps: [Step], freeSeconds: Int = 0,
        minimum: Amount = .zero, rounding: Rounding = .exact, inBands: [BandPrice] = []
    ) {
        self.prefix = prefix
        self.name = name
        self.connectFee = connectFee
        self.steps = steps
        self.freeSeconds = freeSeconds
        self.minimum = minimum
        self.rounding = rounding
        self.inBands = inBands
    }

    /// Whether no call by this row costs anything, at any hour.
    public var isFree: Bool {
        connectFee == .zero && minimum == .zero && steps.allSatisfy { $0.price == .zero }
            && inBands.allSatisfy { band in
                band.connectFee == .zero && band.steps.allSatisfy { $0.price == .zero }
            }
    }

    /// 10,000 currency units. At one step each second it takes 29 years to overflow an `Amount`.
    public static let largestPrice = Amount(micros: 10_000_000_000)
    /// One day.
    public static let longestStepSeconds = 86_400
    public static let mostSteps = 16
    /// In bytes of UTF-8.
    public static let longestName = 64

    /// The steps as a tariff file writes them: `0.22/180 0.11/60`.
    public var stepsText: String { TariffRow.text(of: steps) }

    static func text(of steps: [Step]) -> String {
        steps.map { "\($0.price.shortDescription)/\($0.seconds)" }.joined(separator: " ")
    }
}

extension TariffRow {
    /// What is wrong with the row but for its prefix.
    func refusal(in calendar: TariffCalendar) -> TariffError.Reason? {
        let prices = Amount.zero...TariffRow.largestPrice
        if name.isEmpty || name.utf8.count > TariffRow.longestName { return .invalidName }
        if !prices.contains(minimum) { return .minimumOutOfRange }
        if !(0...TariffRow.longestStepSeconds).contains(freeSeconds) {
            return .freeSecondsOutOfRange
        }
        if let reason = TariffRow.refusal(connectFee, steps) { return reason }
        var last = -1
        for band in inBands {
            guard let place = calendar.bands.firstIndex(where: { $0.name == band.band }),
                place > last
            else { return .unknownBand }
            last = place
            if let reason = TariffRow.refusal(band.connectFee, band.steps) { return reason }
        }
        return nil
    }

    private static func refusal(_ fee: Amount, _ steps: [Step]) -> TariffError.Reason? {
        let prices = Amount.zero...TariffRow.largestPrice
        if !prices.contains(fee) { return .connectFeeOutOfRange }
        if steps.count > TariffRow.mostSteps { return .tooManySteps }
        for step in steps {
            if !prices.contains(step.price) { return .priceOutOfRange }
            if !(1...TariffRow.longestStepSeconds).contains(step.seconds) {
                return .stepOutOfRange
            }
        }
        return nil
    }
}
