/// What came of one simulated world.
public struct Outcome: Sendable {
    public var seed: UInt64
    public var minutes: Int
    public var faults: Faults
    /// Empty when all is well.
    public var findings: [Finding]
    /// Of all that was said and stored.
    public var digest: UInt64
    public var figures: Figures

    public init(
        seed: UInt64, minutes: Int, faults: Faults, findings: [Finding], digest: UInt64,
        figures: Figures
    ) {
        self.seed = seed
        self.minutes = minutes
        self.faults = faults
        self.findings = findings
        self.digest = digest
        self.figures = figures
    }

    public var isGood: Bool { findings.isEmpty }

    /// How to see it again.
    public var command: String {
        "tandem simulate --seed \(seed) --minutes \(minutes) --faults \(faults)"
    }
}
