import SIP
import Testing

@Suite struct ServerInviteTransactionTests {
    private func at(_ milliseconds: Int) -> Instant { MachineFixture.at(milliseconds) }

    private func machine(reliable: Bool = false) -> ServerInviteTransaction {
        ServerInviteTransaction(reliable: reliable, timers: TransactionTimers(), now: at(0))
    }

    @Test func aSlowUserIsAskedFor100After200Milliseconds() {
        var machine = machine()
        #expect(machine.requestReceived(now: at(100)) == .absorb)
        #expect(machine.deadline == at(200))
        #expect(machine.deadlineReached(now: at(200)) == .sendTrying)
        #expect(machine.deadline == .distantFuture)
        #expect(machine.responseSent(100, now: at(200)) == .send)
        #expect(machine.requestReceived(now: at(500)) == .resend)
    }

    @Test func aQuickUserIsNotAskedFor100() {
        var machine = machine()
        #expect(machine.responseSent(180, now: at(50)) == .send)
        #expect(machine.deadline == .distantFuture)
        #expect(machine.responseSent(183, now: at(60)) == .send)
        #expect(machine.requestReceived(now: at(500)) == .resend)
        #expect(machine.deadlineReached(now: at(600)) == .none)
    }

    @Test func anAnsweredInviteAbsorbsItsRetransmissionsUntilTimerL() {
        var machine = machine()
        #expect(machine.responseSent(200, now: at(100)) == .send)
        #expect(machine.isDecided)
        #expect(machine.requestReceived(now: at(500)) == .absorb)
        #expect(machine.responseSent(200, now: at(600)) == .send)
        #expect(machine.responseSent(486, now: at(600)) == .discard)
        #expect(machine.responseSent(180, now: at(600)) == .discard)
        #expect(machine.acknowledgementReceived(now: at(700)) == .pass)
        #expect(machine.acknowledgementReceived(now: at(800)) == .pass)
        #expect(machine.deadline == at(32_100))
        #expect(machine.deadlineReached(now: at(32_100)) == .terminated)
        #expect(machine.isTerminated)
    }

    @Test func timerGDoublesToT2UntilTimerHEndsIt() {
        var machine = machine()
        _ = machine.responseSent(486, now: at(0))
        var sent: [Int64] = []
        var outcome = ServerInviteTransaction.DeadlineAction.none
        while outcome != .timedOut {
            let now = machine.deadline
            outcome = machine.deadlineReached(now: now)
            if outcome == .retransmit { sent.append((now - at(0)).milliseconds) }
            #expect(outcome == .retransmit || outcome == .timedOut)
        }
        #expect(
            sent == [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500])
        #expect(machine.isTerminated)
        #expect(machine.deadline == .distantFuture)
    }

    @Test func overAReliableTransportARefusalIsSentOnceAndWaitsForItsAckUntilTimerH() {
        var machine = machine(reliable: true)
        _ = machine.responseSent(486, now: at(0))
        #expect(machine.deadline == at(32_000))
        #expect(machine.deadlineReached(now: at(32_000)) == .timedOut)
    }

    @Test func theAckOfARefusalStopsItAndTimerIEndsIt() {
        var machine = machine()
        _ = machine.responseSent(486, now: at(0))
        #expect(machine.requestReceived(now: at(100)) == .resend)
        #expect(machine.responseSent(200, now: at(100)) == .discard)
        #expect(machine.acknowledgementReceived(now: at(200)) == .absorb)
        #expect(machine.acknowledgementReceived(now: at(300)) == .absorb)
        #expect(machine.requestReceived(now: at(300)) == .absorb)
        #expect(machine.deadline == at(5_200))
        #expect(machine.deadlineReached(now: at(5_200)) == .terminated)
        #expect(machine.isTerminated)
    }

    @Test func overAReliableTransportTheAckOfARefusalTerminates() {
        var machine = machine(reliable: true)
        _ = machine.responseSent(404, now: at(0))
        #expect(machine.acknowledgementReceived(now: at(10)) == .absorb)
        #expect(machine.isTerminated)
    }

    @Test func anAckBeforeAnyFinalResponseIsAbsorbed() {
        var machine = machine()
        #expect(machine.acknowledgementReceived(now: at(10)) == .absorb)
        #expect(!machine.isDecided)
    }

    @Test func aTransportErrorIsReportedAndChangesNothing() {
        var machine = machine()
        #expect(machine.transportFailed() == .report)
        _ = machine.responseSent(486, now: at(0))
        #expect(machine.transportFailed() == .report)
        #expect(machine.deadline == at(500))
        _ = machine.acknowledgementReceived(now: at(10))
        #expect(machine.transportFailed() == .none)
    }
}
