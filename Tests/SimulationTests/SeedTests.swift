import Testing

@testable import Simulation

/// Whole worlds. `make test` runs three hundred in the release build; these few see that the debug
/// build, whose assertions are on, agrees.
@Suite struct SeedTests {
    @Test(arguments: 1...12)
    func aSwarmsWorldIsGood(seed: Int) {
        let faults = Faults(drawnFrom: UInt64(seed))
        var simulation = Simulation(seed: UInt64(seed), minutes: 1, faults: faults)
        let outcome = simulation.run()
        #expect(outcome.isGood, "\(outcome.command)\n\(outcome.findings)")
        #expect(outcome.figures.calls > 5)
    }

    @Test func aQuietWorldAnswersAndCharges() {
        var simulation = Simulation(seed: 1, minutes: 5, faults: .none)
        let outcome = simulation.run()
        #expect(outcome.isGood, "\(outcome.findings)")
        #expect(outcome.figures.answered > 40)
        #expect(outcome.figures.charged > 20)
        #expect(outcome.figures.crashes == 0)
    }

    /// Seeds that once showed a fault of the switch, with the faults they needed.
    @Test(arguments: [
        // A re-INVITE whose call ended was never answered, and its transaction never ended.
        (22, 2, "loss"),
        // A 408 that is swallowed left its transaction without an end.
        (17, 2, "nat"),
        // A full table of transactions refused BYE, and the call went on for nothing.
        (1, 2, "small-tables"),
        // An INVITE that never stopped coming made a second call at its caller's expense.
        (1, 2, "endless-retransmission"),
        // A gateway that the call had left hung up the call, and the callee talked on alone.
        (2, 2, "refusals,garbage"),
        // A phone hung up and got a new port meanwhile: the answer to its BYE went to the old one.
        (
            1358, 1,
            "loss,duplication,reordering,bursts,nat,refusals,garbage,slow-disk,power-loss,late-loop,"
                + "crossing-byes,forked-answers,silence,impatience,near-zero,one-account,operators,"
                + "short-slices,long-calls,rush"
        ),
        // A phone whose BYE was taken note of and never answered waited for ever.
        (1984, 2, "nat,slow-disk,power-loss,forked-answers"),
        // A caller was refused while its answer was not taken back on the disk, and then answered.
        (
            29521, 1,
            "refusals,garbage,slow-disk,crashes,power-loss,late-loop,late-answers,"
                + "endless-retransmission,silence,near-zero,one-account,operators,short-slices,"
                + "long-calls,vouchers,account-changes"
        ),
        // The same of one whose callee hung up in the instant of answering.
        (
            94213, 1,
            "loss,reordering,nat,slow-disk,failing-disk,crashes,late-answers,missing-acks,glare,"
                + "endless-retransmission,top-ups,reloads,operators,long-calls,reliable-provisionals"
        ),
        // A re-INVITE that was answered after the end of its call was hung up with a number that the
        // next process went back from.
        (
            13021, 1,
            "reordering,bursts,nat,refusals,failing-disk,crashes,clock-steps,forked-answers,glare,"
                + "silence,impatience,near-zero,operators,short-slices,long-calls,rush,"
                + "account-changes,reliable-provisionals"
        ),
        // A late answer was not hung up while the table of transactions was full.
        (
            307271, 1,
            "duplication,reordering,refusals,forked-answers,endless-retransmission,small-tables,"
                + "short-slices,rush,drains,forwarding,vanishing,refunds"
        ),
        // Nothing that a gateway said arrived, and its phone was rung for ever.
        (302831, 1, "loss"),
        // A phone answered late, and its registration had ended meanwhile.
        (
            350584, 1,
            "loss,reordering,bursts,nat,refusals,garbage,failing-disk,crashes,power-loss,missing-acks,"
                + "forked-answers,glare,trunk-failures,new-tariffs,operators,short-slices,"
                + "long-calls,account-changes,drains,reliable-provisionals,feature-codes,transfers,"
                + "vanishing,session-timers"
        ),
        // Who left a transfer was told so before the end of its call was on the disk.
        (
            384482, 1,
            "loss,slow-disk,failing-disk,late-loop,late-answers,missing-acks,glare,"
                + "endless-retransmission,silence,trunk-failures,near-zero,one-account,reloads,"
                + "small-tables,short-slices,long-calls,vouchers,drains,reliable-provisionals,"
                + "forwarding,transfers,vanishing,session-timers,refunds,pickups"
        ),
        // Who was to leave a transfer answered a re-INVITE of before a kill, and was hung up twice.
        (
            476014, 1,
            "loss,duplication,nat,slow-disk,failing-disk,crashes,power-loss,late-loop,late-answers,"
                + "silence,impatience,trunk-failures,near-zero,top-ups,small-tables,short-slices,"
                + "long-calls,rush,drains,reliable-provisionals,parking,vanishing,session-timers,"
                + "pickups"
        ),
        // A parked call was recalled beyond the limit of calls.
        (300282, 1, "small-tables,parking"),
    ])
    func aSeedThatFailedOnceIsGood(seed: Int, minutes: Int, names: String) throws {
        let faults = try names.split(separator: ",").map {
            try #require(Fault(rawValue: String($0)))
        }
        var simulation = Simulation(seed: UInt64(seed), minutes: minutes, faults: Faults(faults))
        let outcome = simulation.run()
        #expect(outcome.isGood, "\(outcome.command)\n\(outcome.findings)")
    }
}
