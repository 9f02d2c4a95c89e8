/// One operation to be measured.
struct Benchmark: Sendable {
    /// A batch of operations. What it returns is made of their results, so that none of them can be
    /// left out by the optimiser.
    typealias Body = (_ operations: Int) -> Int

    var name: String
    /// The most it may cost, in nanoseconds.
    var budget: Double?
    /// Builds what the operation works on.
    var prepare: @Sendable () throws -> Body

    init(_ name: String, budget: Double? = nil, prepare: @escaping @Sendable () throws -> Body) {
        self.name = name
        self.budget = budget
        self.prepare = prepare
    }

    /// Samples of at least `sampleNanoseconds`, or of a fixed number of operations.
    func measure(_ effort: Effort) throws -> Figures {
        let body = try prepare()
        var checksum = 0
        var operations = effort.operations ?? 1
        if effort.operations == nil {
            while true {
                var meter = Meter()
                meter.start()
                checksum &+= body(operations)
                meter.stop()
                if meter.nanoseconds >= effort.sampleNanoseconds { break }
                operations *= 2
            }
        }
        var figures = Figures()
        for _ in 0..<effort.samples {
            var meter = Meter()
            meter.start()
            checksum &+= body(operations)
            meter.stop()
            figures.add(meter, operations: operations)
        }
        precondition(checksum != .min, "the results are looked at")
        return figures
    }
}

/// How long to measure.
struct Effort {
    var samples = 15
    var sampleNanoseconds: Int64 = 10_000_000
    /// Exactly so many, once: for a profiler.
    var operations: Int?
}
