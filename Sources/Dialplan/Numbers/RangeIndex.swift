/// Finds the first of many ranges that contains a number.
///
/// Logarithmic in the number of ranges; linear where some of them overlap, which extensions with
/// several lines do.
struct RangeIndex: Sendable {
    /// A range without its texts, so that looking at one counts no references.
    private struct Bounds {
        var digits: Int
        var low: UInt64
        var high: UInt64

        func contains(_ number: PackedNumber) -> Bool {
            number.digits == digits && number.value >= low && number.value <= high
        }
    }

    private var sorted: [Bounds]
    /// Where each stood in the list it was made from.
    private var origins: [Int]
    /// Whether some of them have numbers in common.
    let overlaps: Bool

    init(_ ranges: [NumberRange]) {
        let order = ranges.indices.sorted {
            (ranges[$0].digits, ranges[$0].low, $0) < (ranges[$1].digits, ranges[$1].low, $1)
        }
        let ordered = order.map { ranges[$0] }
        overlaps = zip(ordered, ordered.dropFirst()).contains { $0.overlaps($1) }
        sorted = (overlaps ? ranges : ordered).map {
            Bounds(digits: $0.digits, low: $0.low, high: $0.high)
        }
        origins = overlaps ? Array(ranges.indices) : order
    }

    /// The place in the list.
    func find(_ number: PackedNumber) -> Int? {
        if overlaps { return sorted.firstIndex { $0.contains(number) } }
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            let range = sorted[middle]
            if (range.digits, range.low) <= (number.digits, number.value) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low > 0, sorted[low - 1].contains(number) else { return nil }
        return origins[low - 1]
    }
}
