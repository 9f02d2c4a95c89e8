/// Two patterns that cover some number in common and are equally specific, so that nothing in the
/// plan says which of them the number belongs to.
struct PatternConflict: Hashable {
    var earlier: Int
    var later: Int
    /// Whether both cover exactly the same numbers.
    var isSame: Bool
}

/// Every pair of patterns that conflicts, in the order of the later one.
///
/// Two patterns of equal widths can differ only where a set is neither one key nor `X`, so they are
/// sorted into heaps by everything else and only compared within a heap.
func conflicts(among patterns: [Pattern]) -> [PatternConflict] {
    var heaps: [Pattern: [Int]] = [:]
    heaps.reserveCapacity(patterns.count)
    var conflicts: [PatternConflict] = []
    for (index, pattern) in patterns.enumerated() {
        var heap = pattern
        for position in heap.keys.indices where !heap.keys[position].isPlain {
            // Above the twelve keys stands the width.
            heap.keys[position].bits = UInt16(heap.keys[position].count) << 12
        }
        for earlier in heaps[heap, default: []] where patterns[earlier].overlaps(pattern) {
            conflicts.append(
                PatternConflict(
                    earlier: earlier, later: index, isSame: patterns[earlier] == pattern))
        }
        heaps[heap, default: []].append(index)
    }
    return conflicts
}
