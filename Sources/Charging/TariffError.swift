/// Why rows make no tariff.
public struct TariffError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// Empty, longer than `Tariff.longestPrefix`, or with something other than `0-9*#+`.
        case invalidPrefix
        /// Another row has the same prefix.
        case duplicatePrefix
        /// Empty or longer than `TariffRow.longestName`.
        case invalidName
        /// The connect fee is negative or above `TariffRow.largestPrice`.
        case connectFeeOutOfRange
        /// A step's price is negative or above `TariffRow.largestPrice`.
        case priceOutOfRange
        /// A step's length is not 1 to `TariffRow.longestStepSeconds`.
        case stepOutOfRange
        /// More than `TariffRow.mostSteps`.
        case tooManySteps
        /// More than `Tariff.mostRows`.
        case tooManyRows
        /// The minimum charge is negative or above `TariffRow.largestPrice`.
        case minimumOutOfRange
        /// The free seconds are not 0 to `TariffRow.longestStepSeconds`.
        case freeSecondsOutOfRange
        /// Prices in a band that the tariff does not have, twice, or not in the order of its bands.
        case unknownBand
    }

    public var reason: Reason
    /// Position of the offending row in what was handed in, counted from 0.
    public var row: Int
    public var prefix: String

    public init(reason: Reason, row: Int, prefix: String) {
        self.reason = reason
        self.row = row
        self.prefix = prefix
    }

    public var description: String { "row \(row + 1), prefix \(prefix): \(reason.text)" }
}

extension TariffError.Reason {
    /// In plain words, with the limit that was passed.
    public var text: String {
        switch self {
        case .invalidPrefix: "a prefix is 1 to \(Tariff.longestPrefix) of 0-9 * # +"
        case .duplicatePrefix: "the prefix has another row already"
        case .invalidName: "a name has 1 to \(TariffRow.longestName) bytes"
        case .connectFeeOutOfRange:
            "a connect fee is 0 to \(TariffRow.largestPrice.shortDescription)"
        case .priceOutOfRange: "a price is 0 to \(TariffRow.largestPrice.shortDescription)"
        case .stepOutOfRange: "a step is 1 to \(TariffRow.longestStepSeconds) seconds"
        case .tooManySteps: "a row has at most \(TariffRow.mostSteps) steps"
        case .tooManyRows: "a tariff has at most \(Tariff.mostRows) rows"
        case .minimumOutOfRange:
            "a minimum charge is 0 to \(TariffRow.largestPrice.shortDescription)"
        case .freeSecondsOutOfRange:
            "free seconds are 0 to \(TariffRow.longestStepSeconds)"
        case .unknownBand: "its bands are those of the tariff, each once and in their order"
        }
    }
}
