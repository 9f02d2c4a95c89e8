import SIP
import Testing

@Suite struct ServerTransactionTests {
    private func at(_ milliseconds: Int) -> Instant { MachineFixture.at(milliseconds) }

    private func machine(reliable: Bool = false) -> ServerTransaction {
        ServerTransaction(reliable: reliable, timers: TransactionTimers(), now: at(0))
    }

    @Test func beforeAnyResponseARetransmissionIsAbsorbed() {
        var machine = machine()
        #expect(machine.requestReceived(now: at(500)) == .absorb)
    }

    @Test func aSlowUserIsAskedFor100OnceTheClientResendsEveryT2() {
        var machine = machine()
        #expect(machine.deadline == at(3_500))
        #expect(machine.deadlineReached(now: at(3_499)) == .none)
        #expect(machine.deadlineReached(now: at(3_500)) == .sendTrying)
        #expect(machine.deadline == .distantFuture)
        #expect(machine.responseSent(100, now: at(3_500)) == .send)
        #expect(machine.requestReceived(now: at(7_500)) == .resend)
        #expect(machine.responseSent(200, now: at(8_000)) == .send)
    }

    @Test(arguments: [200, 404, 500, 603])
    func theFinalResponseIsSentAgainForEachRetransmissionUntilTimerJ(_ status: Int) {
        var machine = machine()
        #expect(machine.responseSent(status, now: at(100)) == .send)
        #expect(machine.requestReceived(now: at(500)) == .resend)
        #expect(machine.responseSent(200, now: at(600)) == .discard)
        #expect(machine.deadline == at(32_100))
        #expect(machine.deadlineReached(now: at(32_099)) == .none)
        #expect(machine.deadlineReached(now: at(32_100)) == .terminated)
        #expect(machine.isTerminated)
    }

    @Test func overAReliableTransportTheFinalResponseTerminates() {
        var machine = machine(reliable: true)
        #expect(machine.responseSent(200, now: at(100)) == .send)
        #expect(machine.isTerminated)
        #expect(machine.responseSent(200, now: at(101)) == .discard)
    }

    @Test func a408IsNeverSent() {
        var machine = machine()
        #expect(machine.responseSent(408, now: at(100)) == .discard)
        #expect(machine.requestReceived(now: at(500)) == .absorb)
        #expect(machine.deadlineReached(now: at(32_100)) == .terminated)
    }

    @Test func aTransportErrorTerminatesOnceSomethingWasSent() {
        var trying = machine()
        #expect(trying.transportFailed() == .none)
        #expect(!trying.isTerminated)
        var completed = machine()
        _ = completed.responseSent(200, now: at(1))
        #expect(completed.transportFailed() == .report)
        #expect(completed.isTerminated)
    }
}
