/// Finds, for a pattern, a number that comes to it: one that no more specific pattern takes and that
/// nothing takes away before patterns are looked at.
///
/// First the pattern's own example is tried, which is enough for nearly all. Else the numbers are
/// walked key by key, together with the patterns still alive behind each key; keys with the same
/// survivors are walked once, so that a walk costs about the pattern's length times the survivors.
struct Reachability {
    private let patterns: [Pattern]
    private let table: PatternTable
    private let blockers: [Pattern]
    private let blockerTable: PatternTable

    /// - Parameter blockers: what takes a number away before the patterns are looked at.
    init(_ patterns: [Pattern], _ table: PatternTable, blockers: [Pattern]) {
        self.patterns = patterns
        self.table = table
        self.blockers = blockers
        blockerTable = PatternTable(blockers)
    }

    /// A number that comes to the pattern, or the patterns that take all of its numbers: indices of
    /// patterns, and of blockers behind those.
    enum Finding {
        case number(String)
        case taken(by: [Int])
    }

    func finding(_ index: Int) -> Finding {
        let pattern = patterns[index]
        if let keys = DialString(pattern.example), table.match(keys) == index,
            blockerTable.match(keys) == nil
        {
            return .number(pattern.example)
        }
        let rivals =
            table.overlapping(pattern, limit: .max).sorted().filter { $0 != index }
            + blockerTable.overlapping(pattern, limit: .max).sorted()
            .map { $0 + patterns.count }
        let longest = rivals.map { rival($0).keys.count }.max() ?? 0
        var walk = Walk(longest: max(longest, pattern.keys.count) + 2)
        if search(index, rivals, &walk) {
            return .number(String(decoding: walk.number.map(byte(of:)), as: UTF8.self))
        }
        return .taken(by: walk.takers.sorted())
    }

    private struct Walk {
        var longest: Int
        var number: [UInt8] = []
        var seen: Set<[Int]> = []
        var takers: Set<Int> = []
    }

    private func rival(_ index: Int) -> Pattern {
        index < patterns.count ? patterns[index] : blockers[index - patterns.count]
    }

    private func search(_ index: Int, _ alive: [Int], _ walk: inout Walk) -> Bool {
        let pattern = patterns[index]
        let depth = walk.number.count
        guard walk.seen.insert([depth] + alive).inserted else { return false }
        if ends(pattern, depth) {
            let takers = alive.filter { ends(rival($0), depth) && takes($0, from: index, depth) }
            if takers.isEmpty { return true }
            walk.takers.formUnion(takers)
        }
        let keys: KeySet
        if depth < pattern.keys.count {
            keys = pattern.keys[depth]
        } else if pattern.end != .closed, depth < walk.longest {
            keys = .digits
        } else {
            return false
        }
        for key in UInt8(0)..<12 where keys.contains(key) {
            walk.number.append(key)
            if search(index, alive.filter { accepts(rival($0), depth, key) }, &walk) { return true }
            walk.number.removeLast()
        }
        return false
    }

    /// Whether a pattern covers a number that ends here, all keys before being accepted.
    private func ends(_ pattern: Pattern, _ depth: Int) -> Bool {
        switch pattern.end {
        case .closed: depth == pattern.keys.count
        case .oneOrMore: depth > pattern.keys.count
        case .zeroOrMore: depth >= pattern.keys.count
        }
    }

    private func accepts(_ pattern: Pattern, _ depth: Int, _ key: UInt8) -> Bool {
        if depth < pattern.keys.count { return pattern.keys[depth].contains(key) }
        return pattern.end != .closed && key < 10
    }

    /// Blockers take everything; a pattern takes what it is more specific for, and of two alike the
    /// first.
    private func takes(_ rival: Int, from index: Int, _ depth: Int) -> Bool {
        if rival >= patterns.count { return true }
        for place in 0...depth {
            let (a, b) = (patterns[rival].width(at: place), patterns[index].width(at: place))
            if a != b { return a < b }
            if place >= patterns[rival].keys.count, place >= patterns[index].keys.count { break }
        }
        return rival < index
    }
}
