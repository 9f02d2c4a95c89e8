/// One rule: whose calls, to what, when, and what then.
struct RuleTable: Sendable {
    enum Action: Sendable {
        /// With the text the caller is told.
        case refuse(String?)
        /// The longest a call may last, in milliseconds.
        case limit(Int64)
    }

    var name: String
    var place: Place
    var from: CallerSet
    /// Nil for every number.
    var to: NumberSet?
    var except: NumberSet?
    /// Which hours, and whether the rule holds during them or outside.
    var time: (hours: Int, isDuring: Bool)?
    var action: Action
}

/// Callers inside; everybody when all is empty.
struct CallerSet: Sendable {
    var ranges: [NumberRange] = []
    var levels: Set<String> = []

    /// - Parameter number: nil for a caller that is no number.
    func contains(_ number: PackedNumber?, level: String) -> Bool {
        if ranges.isEmpty && levels.isEmpty { return true }
        if let number, ranges.contains(where: { $0.contains(number) }) { return true }
        return !levels.isEmpty && levels.contains(level)
    }
}

/// Numbers by class and by pattern.
struct NumberSet: Sendable {
    /// By class.
    var classes: [Bool]
    var patterns: PatternTable?

    func contains(_ number: DialString, _ numberClass: Int?) -> Bool {
        if let numberClass, classes[numberClass] { return true }
        return patterns?.match(number) != nil
    }
}
