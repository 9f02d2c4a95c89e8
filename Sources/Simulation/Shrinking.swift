// A failing seed made smaller: less time and fewer faults in which the same rule is still broken, so
// that whoever looks at it has less to read.

extension Outcome {
    /// How many smaller worlds are tried at most.
    public static let mostTries = 100

    /// The smallest world of this seed found that breaks the same rule as the first finding here;
    /// itself when it is good or none is smaller. Costs up to `mostTries` runs.
    ///
    /// - Parameter run: what makes a world's outcome; the simulation itself, but in a test of this.
    public func shrunk(
        by run: (_ seed: UInt64, _ minutes: Int, _ faults: Faults) -> Outcome = {
            seed, minutes, faults in
            var simulation = Simulation(seed: seed, minutes: minutes, faults: faults)
            return simulation.run()
        }
    ) -> Outcome {
        guard let rule = findings.first?.rule else { return self }
        var best = self
        var tries = 0
        func isStillBroken(_ minutes: Int, _ faults: Faults) -> Outcome? {
            guard tries < Self.mostTries else { return nil }
            tries += 1
            let outcome = run(seed, minutes, faults)
            return outcome.findings.contains { $0.rule == rule } ? outcome : nil
        }
        // What happens after the finding cannot have led to it.
        let minutes = Int(findings[0].milliseconds / 60_000) + 1
        if minutes < best.minutes, let smaller = isStillBroken(minutes, faults) { best = smaller }
        var isSmaller = true
        while isSmaller {
            isSmaller = false
            for fault in best.faults.list {
                var fewer = best.faults
                fewer.remove(fault)
                if let smaller = isStillBroken(best.minutes, fewer) {
                    best = smaller
                    isSmaller = true
                }
            }
        }
        while best.minutes > 1, let smaller = isStillBroken(best.minutes - 1, best.faults) {
            best = smaller
        }
        return best
    }
}
