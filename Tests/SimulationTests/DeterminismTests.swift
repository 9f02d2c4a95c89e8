import Testing

@testable import Simulation

@Suite struct DeterminismTests {
    @Test func theSameSeedGivesTheSameDigest() {
        var first = Simulation(seed: 1, minutes: 1, faults: .all)
        var second = Simulation(seed: 1, minutes: 1, faults: .all)
        let outcome = first.run()
        #expect(outcome.digest == second.run().digest)
        #expect(outcome.figures.datagrams > 100)
    }
}
