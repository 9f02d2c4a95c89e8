/// What calls to one prefix cost: a fee for the answer, then a price for every begun step.
///
/// The rounding is named *begun step*: a step is paid whole as soon as it begins, the first one at
/// the answer. An empty list of steps makes the time free: the connect fee is the whole price.
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

    public init(prefix: String, name: String, connectFee: Amount, steps: [Step]) {
        self.prefix = prefix
        self.name = name
        self.connectFee = connectFee
        self.steps = steps
    }

    /// 10,000 currency units. At one step each second it takes 29 years to overflow an `Amount`.
    public static let largestPrice = Amount(micros: 10_000_000_000)
    /// One day.
    public static let longestStepSeconds = 86_400
    public static let mostSteps = 16
    /// In bytes of UTF-8.
    public static let longestName = 64

    /// The steps as a tariff file writes them: `0.22/180 0.11/60`.
    public var stepsText: String {
        steps.map { "\($0.price.shortDescription)/\($0.seconds)" }.joined(separator: " ")
    }
}

extension TariffRow {
    /// What is wrong with the row but for its prefix.
    var refusal: TariffError.Reason? {
        let prices = Amount.zero...TariffRow.largestPrice
        if name.isEmpty || name.utf8.count > TariffRow.longestName { return .invalidName }
        if !prices.contains(connectFee) { return .connectFeeOutOfRange }
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
