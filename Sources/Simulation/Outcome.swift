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

    public var isGood: Bool { findings.isEmpty }

    /// How to see it again.
    public var command: String {
        "tandem simulate --seed \(seed) --minutes \(minutes) --faults \(faults)"
    }
}
