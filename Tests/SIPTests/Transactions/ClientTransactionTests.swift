import SIP
import Testing

@Suite struct ClientTransactionTests {
    private func at(_ milliseconds: Int) -> Instant { MachineFixture.at(milliseconds) }

    private func machine(reliable: Bool = false) -> ClientTransaction {
        ClientTransaction(reliable: reliable, timers: TransactionTimers(), now: at(0))
    }

    private func retransmissions(of start: ClientTransaction) -> [Int64] {
        var machine = start
        var sent: [Int64] = []
        while true {
            let now = machine.deadline
            switch machine.deadlineReached(now: now) {
            case .retransmit: sent.append((now - at(0)).milliseconds)
            case .timedOut: return sent + [-(now - at(0)).milliseconds]
            case .none, .terminated: return []
            }
        }
    }

    @Test func timerEDoublesToT2UntilTimerFEndsIt() {
        #expect(
            retransmissions(of: machine()) == [
                500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500, -32_000,
            ])
    }

    @Test func inProceedingTimerETakesT2() {
        var machine = machine()
        #expect(machine.responseReceived(100, now: at(100)) == .pass)
        #expect(
            retransmissions(of: machine) == [
                500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500, -32_000,
            ])
    }

    @Test func aReliableTransportOnlyTimesOut() {
        #expect(retransmissions(of: machine(reliable: true)) == [-32_000])
    }

    @Test(arguments: [200, 302, 404, 503, 606])
    func theFinalResponseIsPassedOnceAndAbsorbedUntilTimerK(_ status: Int) {
        var machine = machine()
        #expect(machine.responseReceived(status, now: at(100)) == .pass)
        #expect(machine.responseReceived(status, now: at(200)) == .absorb)
        #expect(machine.responseReceived(100, now: at(200)) == .absorb)
        #expect(machine.deadline == at(5_100))
        #expect(machine.deadlineReached(now: at(5_099)) == .none)
        #expect(machine.deadlineReached(now: at(5_100)) == .terminated)
        #expect(machine.isTerminated)
        #expect(machine.deadline == .distantFuture)
    }

    @Test func overAReliableTransportTheFinalResponseTerminates() {
        var machine = machine(reliable: true)
        #expect(machine.responseReceived(200, now: at(100)) == .pass)
        #expect(machine.isTerminated)
        #expect(machine.responseReceived(200, now: at(101)) == .absorb)
    }

    @Test func aTransportErrorIsReportedUntilTheFinalResponse() {
        var trying = machine()
        #expect(trying.transportFailed() == .report)
        #expect(trying.isTerminated)
        #expect(trying.deadlineReached(now: at(99_999)) == .none)
        var completed = machine()
        _ = completed.responseReceived(200, now: at(1))
        #expect(completed.transportFailed() == .none)
        #expect(!completed.isTerminated)
    }
}
