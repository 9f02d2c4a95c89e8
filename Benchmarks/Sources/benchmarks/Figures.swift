/// What one operation costs, from several samples of many operations each.
struct Figures {
    private var nanoseconds: [Double] = []
    /// Of the last sample: earlier ones may have grown tables that stay.
    private(set) var allocations = 0.0
    private(set) var bytes = 0.0

    mutating func add(_ meter: Meter, operations: Int) {
        nanoseconds.append(Double(meter.nanoseconds) / Double(operations))
        allocations = Double(meter.allocations) / Double(operations)
        bytes = Double(meter.bytes) / Double(operations)
    }

    /// What it costs when nothing else disturbs.
    var least: Double { nanoseconds.min() ?? 0 }

    var median: Double {
        guard !nanoseconds.isEmpty else { return 0 }
        let sorted = nanoseconds.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1
            ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
