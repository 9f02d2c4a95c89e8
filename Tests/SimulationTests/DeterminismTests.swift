import SIP
import Testing

@testable import Simulation

@Suite struct DeterminismTests {
    /// Known digests would break with every change of a message; two runs in one process hash in two
    /// ways already, since every dictionary is seeded by its address.
    @Test func theSameSeedGivesTheSameDigest() {
        var first = Simulation(seed: 3, minutes: 1, faults: .all)
        var second = Simulation(seed: 3, minutes: 1, faults: .all)
        let outcome = first.run()
        #expect(outcome.digest == second.run().digest)
        #expect(outcome.figures.datagrams > 300)
    }

    @Test func anotherSeedIsAnotherWorld() {
        var first = Simulation(seed: 3, minutes: 1, faults: .none)
        var second = Simulation(seed: 4, minutes: 1, faults: .none)
        #expect(first.run().digest != second.run().digest)
    }

    @Test func aSwarmLeavesOutOtherFaultsForEachSeed() {
        let drawn = (1...200).map { Faults(drawnFrom: UInt64($0)) }
        for fault in Fault.allCases {
            #expect(drawn.contains { $0.contains(fault) }, "\(fault) is never drawn")
            #expect(drawn.contains { !$0.contains(fault) }, "\(fault) is always drawn")
        }
        #expect(Faults(drawnFrom: 7) == Faults(drawnFrom: 7))
    }

    @Test func thingsOfOneInstantKeepTheirOrder() {
        var queue = EventQueue<Int>()
        var chance = Chance(seed: 1, stream: .workload)
        for number in 0..<1000 {
            queue.add(number, at: Instant(nanoseconds: Int64(chance.below(10))))
        }
        var taken: [(at: Instant, element: Int)] = []
        while let next = queue.popFirst() { taken.append(next) }
        #expect(taken.count == 1000)
        for (earlier, later) in zip(taken, taken.dropFirst()) {
            #expect(
                earlier.at < later.at || earlier.at == later.at && earlier.element < later.element)
        }
    }
}
