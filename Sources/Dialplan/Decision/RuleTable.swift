/// One rule: whose calls, to what, when, and what then.
struct RuleTable: Sendable {
    /// What is done with a call; refusing stands alone.
    struct Action: Sendable {
        /// With the text the caller is told, if there is one.
        var refuses: (isSo: Bool, text: String?) = (false, nil)
        var allows = false
        var asksPIN = false
        /// The longest a call may last, in milliseconds.
        var limit: Int64?
    }

    var name: String
    var place: Place
    var from: CallerSet
    var to = NumberSet.all
    var except = NumberSet.none
    var time: TimeCondition?
    var action: Action
}

/// Some callers; everybody inside when nothing is set.
struct CallerSet: Sendable {
    var ranges: [NumberRange] = []
    var levels: Set<String> = []
    var isInside = false
    var isOutside = false
    var trunks: Set<String> = []
    /// Numbers of outside callers.
    var numbers: PatternTable?
    /// By class, for the numbers of outside callers; empty where no class is named.
    var classes: [Bool] = []

    var isEverybodyInside: Bool { isInside || !isOfSomeInside && !isOfOutside }
    private var isOfSomeInside: Bool { !ranges.isEmpty || !levels.isEmpty }
    /// Whether outside callers can be in it at all.
    var isOfOutside: Bool { isOutside || !trunks.isEmpty || numbers != nil || !classes.isEmpty }

    func contains(_ asker: Asker) -> Bool {
        switch asker {
        case .inside(let number, let level):
            if isEverybodyInside { return true }
            if let number, ranges.contains(where: { $0.contains(number) }) { return true }
            return !levels.isEmpty && levels.contains(level)
        case .outside(let trunk, let number, let numberClass):
            if isOutside { return true }
            if let trunk, trunks.contains(trunk) { return true }
            if let numberClass, !classes.isEmpty, classes[numberClass] { return true }
            guard let number, let numbers else { return false }
            return numbers.match(number) != nil
        }
    }
}

/// Who rings or calls, as rules and incoming levels look at it.
enum Asker: Sendable {
    /// The number is nil for a caller that has none.
    case inside(PackedNumber?, level: String)
    /// The caller's number in its normalised form and its class, where they are known.
    case outside(trunk: String?, DialString?, numberClass: Int?)
}

/// Numbers by class and by pattern.
///
/// Nothing in it is optional: a decision asks hundreds of them where they are, and to unwrap one copies
/// its tables.
struct NumberSet: Sendable {
    static let all = NumberSet(isAll: true)
    static let none = NumberSet()

    var isAll = false
    /// By class; empty where no class is named.
    var classes: [Bool] = []
    var hasPatterns = false
    var patterns = PatternTable([])

    func contains(_ number: DialString, _ numberClass: Int?) -> Bool {
        if isAll { return true }
        if let numberClass, !classes.isEmpty, classes[numberClass] { return true }
        return hasPatterns && patterns.match(number) != nil
    }
}

/// Which rules have to do with a caller: found without looking at the others.
struct RuleIndex: Sendable {
    private var everybody: [Int32] = []
    private var byLevel: [String: [Int32]] = [:]
    private var byNumber: SegmentIndex
    private var outside: [Int32] = []
    private let isForAllOnly: Bool

    init(_ rules: [RuleTable]) {
        var ranges: [[NumberRange]] = []
        for (index, rule) in rules.enumerated() {
            let from = rule.from
            if from.isOfOutside { outside.append(Int32(index)) }
            if from.isEverybodyInside {
                everybody.append(Int32(index))
                ranges.append([])
            } else {
                for level in from.levels { byLevel[level, default: []].append(Int32(index)) }
                ranges.append(from.ranges)
            }
        }
        byNumber = SegmentIndex(ranges)
        isForAllOnly = byLevel.isEmpty && ranges.allSatisfy(\.isEmpty)
    }

    /// In the order of the file: for a caller inside those that are about it and no others. A rule for
    /// numbers or classes of outside callers is among them whatever the number is.
    func candidates(_ asker: Asker) -> [Int32] {
        switch asker {
        case .outside: return outside
        case .inside(let number, let level):
            if isForAllOnly { return everybody }
            let own = number.map(byNumber.find) ?? []
            let ofLevel = byLevel[level] ?? []
            if everybody.isEmpty, ofLevel.isEmpty { return own }
            if own.isEmpty, ofLevel.isEmpty { return everybody }
            var all = everybody + own + ofLevel
            all.sort()
            var merged: [Int32] = []
            merged.reserveCapacity(all.count)
            for rule in all where merged.last != rule { merged.append(rule) }
            return merged
        }
    }
}
