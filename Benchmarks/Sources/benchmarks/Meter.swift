import CMeter

/// CPU time and allocations between `start` and `stop`, added up over any number of stretches.
struct Meter {
    private(set) var nanoseconds: Int64 = 0
    private(set) var allocations: UInt64 = 0
    private(set) var bytes: UInt64 = 0
    private var startedAt: Int64 = 0
    private var allocationsAtStart = meter_allocations()

    mutating func start() {
        allocationsAtStart = meter_allocations_so_far()
        startedAt = meter_cpu_nanoseconds()
    }

    mutating func stop() {
        nanoseconds += meter_cpu_nanoseconds() - startedAt
        let allocationsNow = meter_allocations_so_far()
        allocations += allocationsNow.count - allocationsAtStart.count
        bytes += allocationsNow.bytes - allocationsAtStart.bytes
    }

    /// Bytes that the whole process has allocated and not freed.
    static var bytesInUse: Int { Int(meter_bytes_in_use()) }
}
