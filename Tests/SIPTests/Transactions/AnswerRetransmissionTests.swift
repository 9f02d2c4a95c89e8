import SIP
import Testing

@Suite struct AnswerRetransmissionTests {
    private func at(_ milliseconds: Int) -> Instant { MachineFixture.at(milliseconds) }

    @Test func theAnswerIsSentFromT1ToT2UntilItGivesUp() {
        var machine = AnswerRetransmission(timers: TransactionTimers(), now: at(0))
        var sent: [Int64] = []
        var outcome = AnswerRetransmission.DeadlineAction.none
        while outcome != .gaveUp {
            let now = machine.deadline
            outcome = machine.deadlineReached(now: now)
            if outcome == .retransmit { sent.append((now - at(0)).milliseconds) }
            #expect(outcome != .none)
        }
        #expect(
            sent == [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500])
        #expect(machine.deadline == .distantFuture)
        #expect(machine.acknowledgementReceived() == .absorb)
        #expect(!machine.isAcknowledged)
    }

    @Test func theFirstAckStopsItAndIsPassedOnce() {
        var machine = AnswerRetransmission(timers: TransactionTimers(), now: at(0))
        #expect(machine.deadlineReached(now: at(500)) == .retransmit)
        #expect(machine.acknowledgementReceived() == .pass)
        #expect(machine.acknowledgementReceived() == .absorb)
        #expect(machine.isAcknowledged)
        #expect(machine.deadline == .distantFuture)
        #expect(machine.deadlineReached(now: at(32_000)) == .none)
    }
}
