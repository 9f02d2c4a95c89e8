/// Finds everything whose ranges contain a number: which rules, which groups.
///
/// The number line is cut where a range begins or ends; each piece knows what covers it. A look-up is
/// one binary search, whatever the number of ranges.
struct SegmentIndex: Sendable {
    private struct Start: Comparable, Hashable, Sendable {
        var digits: Int
        var value: UInt64

        static func < (a: Start, b: Start) -> Bool {
            (a.digits, a.value) < (b.digits, b.value)
        }
    }

    private var starts: [Start] = []
    private var lists: [[Int32]] = []

    /// - Parameter items: the ranges of each; what is found are its indices, in their order.
    init(_ items: [[NumberRange]]) {
        var cuts: Set<Start> = []
        for range in items.joined() {
            cuts.insert(Start(digits: range.digits, value: range.low))
            cuts.insert(Start(digits: range.digits, value: range.high + 1))
        }
        starts = cuts.sorted()
        lists = Array(repeating: [], count: starts.count)
        for (item, ranges) in items.enumerated() {
            for range in ranges {
                var index = piece(Start(digits: range.digits, value: range.low)) ?? 0
                while index < starts.count, starts[index].digits == range.digits,
                    starts[index].value <= range.high
                {
                    if lists[index].last != Int32(item) { lists[index].append(Int32(item)) }
                    index += 1
                }
            }
        }
    }

    func find(_ number: PackedNumber) -> [Int32] {
        guard let index = piece(Start(digits: number.digits, value: number.value)),
            starts[index].digits == number.digits
        else { return [] }
        return lists[index]
    }

    /// Every piece that something covers: its first number, and what covers it.
    var segments: [(first: String, items: [Int32])] {
        starts.indices.filter { !lists[$0].isEmpty }.map { index in
            let text = String(starts[index].value)
            let zeros = String(repeating: "0", count: starts[index].digits - text.utf8.count)
            return (zeros + text, lists[index])
        }
    }

    /// The first number of every piece that something covers.
    var firstNumbers: [String] { segments.map(\.first) }

    /// The last piece that begins at or before a place.
    private func piece(_ place: Start) -> Int? {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= place { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }
}
