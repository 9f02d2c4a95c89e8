import CMeter

/// Measures the core: CPU time of the process and allocations for each operation, beside the budget.
///
///     swift run -c release --package-path Benchmarks [part of a case's name ...] [--iterations N]
///     swift run -c release --package-path Benchmarks store [commits] [recovery] [reading] [--postings N]
///
/// `store` measures the disk, beside which the rest is nothing: it has to be asked for.
///
/// With `--iterations` every case runs so often and once only, for a profiler.
@main
struct Benchmarks {
    static let groups: [(name: String, cases: [Benchmark])] = [
        ("SIP", SIPCases.all),
        ("Dialplan", DecisionCases.all + PlanCases.all),
        ("Charging", MoneyCases.all),
        ("Kernel", KernelCases.all),
    ]

    static func main() throws {
        var effort = Effort()
        var wanted: [String] = []
        var arguments = CommandLine.arguments.dropFirst()
        if arguments.first == StoreCases.name {
            try StoreCases.run(arguments: Array(arguments.dropFirst()))
            return
        }
        while let argument = arguments.popFirst() {
            if argument == "--iterations", let count = arguments.popFirst().flatMap({ Int($0) }),
                count > 0
            {
                effort.operations = count
                effort.samples = 1
            } else {
                wanted.append(argument)
            }
        }
        func isWanted(_ name: String) -> Bool {
            wanted.isEmpty || wanted.contains { name.contains($0) }
        }

        checkMeter()
        Report.printHeader()
        for group in groups {
            let cases = group.cases.filter { isWanted($0.name) }
            if !cases.isEmpty { Report.printGroup(group.name) }
            for benchmark in cases {
                Report.print(
                    benchmark.name, try benchmark.measure(effort), budget: benchmark.budget)
            }
        }
        if isWanted(CallCases.name) {
            Report.printGroup("Switching")
            try CallCases.run(effort)
        }
    }

    /// An array of Swift's is one allocation; if that is not what is counted, the meter does not stand
    /// before libc. The first round pays for what the runtime builds once.
    private static func checkMeter() {
        var meter = Meter()
        var arrays: [[UInt64]] = []
        arrays.reserveCapacity(20)
        for _ in 1...2 {
            meter = Meter()
            meter.start()
            for length in 1...10 { arrays.append(Array(repeating: 7, count: length * 1000)) }
            meter.stop()
        }
        precondition(
            arrays.count == 20 && meter.allocations == 10 && meter.bytes > 8 * 55_000,
            "\(meter.allocations) allocations of \(meter.bytes) bytes for 10 arrays")
    }
}
