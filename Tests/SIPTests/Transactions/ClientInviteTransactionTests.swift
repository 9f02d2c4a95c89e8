import SIP
import Testing

@Suite struct ClientInviteTransactionTests {
    private func at(_ milliseconds: Int) -> Instant { MachineFixture.at(milliseconds) }

    private func unreliable() -> ClientInviteTransaction {
        ClientInviteTransaction(reliable: false, timers: TransactionTimers(), now: at(0))
    }

    private func reliable() -> ClientInviteTransaction {
        ClientInviteTransaction(reliable: true, timers: TransactionTimers(), now: at(0))
    }

    @Test func timerADoublesUntilTimerBEndsIt() {
        var machine = unreliable()
        var sent: [Int64] = []
        var outcome = ClientInviteTransaction.DeadlineAction.none
        while outcome != .timedOut {
            let now = machine.deadline
            outcome = machine.deadlineReached(now: now)
            if outcome == .retransmit { sent.append((now - at(0)).milliseconds) }
            #expect(outcome == .retransmit || outcome == .timedOut)
            #expect((now - at(0)).milliseconds <= 32_000)
        }
        #expect(sent == [500, 1_500, 3_500, 7_500, 15_500, 31_500])
        #expect(machine.isTerminated)
        #expect(machine.deadline == .distantFuture)
    }

    @Test func aReliableTransportNeverRetransmitsAndTimesOutByTimerB() {
        var machine = reliable()
        #expect(machine.deadline == at(32_000))
        #expect(machine.deadlineReached(now: at(31_999)) == .none)
        #expect(machine.deadlineReached(now: at(32_000)) == .timedOut)
    }

    @Test func anEarlyDeadlineChangesNothing() {
        var machine = unreliable()
        #expect(machine.deadlineReached(now: at(499)) == .none)
        #expect(machine.deadline == at(500))
    }

    @Test func aLateLoopSendsOnceAndNotInABurst() {
        var machine = unreliable()
        #expect(machine.deadlineReached(now: at(10_000)) == .retransmit)
        #expect(machine.deadline == at(11_000))
    }

    @Test func aProvisionalResponseStopsRetransmission() {
        var machine = unreliable()
        #expect(machine.responseReceived(100, now: at(100)) == .pass)
        #expect(machine.deadlineReached(now: at(500)) == .none)
        #expect(machine.deadline == at(100) + TransactionTimers().proceedingLimit)
        #expect(machine.responseReceived(180, now: at(200)) == .pass)
    }

    @Test func ringingStartsTimerCAgainAnd100DoesNot() {
        var machine = unreliable()
        let limit = TransactionTimers().proceedingLimit
        _ = machine.responseReceived(100, now: at(0))
        #expect(machine.responseReceived(100, now: at(1_000)) == .pass)
        #expect(machine.deadline == at(0) + limit)
        #expect(machine.responseReceived(183, now: at(2_000)) == .pass)
        #expect(machine.deadline == at(2_000) + limit)
    }

    @Test func ringingTooLongAsksForACancelOnceAndThenTimesOut() {
        var machine = unreliable()
        _ = machine.responseReceived(180, now: at(0))
        let end = machine.deadline
        #expect(machine.deadlineReached(now: end) == .rangTooLong)
        #expect(machine.cancelRequested(now: end) == .send)
        #expect(machine.deadline == end + .seconds(32))
        #expect(machine.deadlineReached(now: end + .seconds(32)) == .timedOut)
    }

    @Test(arguments: [300, 401, 486, 503, 603])
    func aRefusalIsPassedAndAcknowledgedAndThenAcknowledgedAgainUntilTimerD(_ status: Int) {
        var machine = unreliable()
        #expect(machine.responseReceived(status, now: at(100)) == .passAndAcknowledge)
        #expect(machine.responseReceived(status, now: at(600)) == .acknowledgeAgain)
        #expect(machine.responseReceived(180, now: at(700)) == .absorb)
        #expect(machine.responseReceived(200, now: at(700)) == .absorb)
        #expect(machine.deadline == at(32_100))
        #expect(machine.deadlineReached(now: at(32_100)) == .terminated)
        #expect(machine.isTerminated)
        #expect(machine.responseReceived(status, now: at(33_000)) == .absorb)
    }

    @Test func aRefusalOverAReliableTransportTerminatesAtOnce() {
        var machine = reliable()
        #expect(machine.responseReceived(486, now: at(100)) == .passAndAcknowledge)
        #expect(machine.isTerminated)
    }

    @Test(arguments: [true, false]) func every2xxIsPassedUntilTimerM(_ isReliable: Bool) {
        var machine = isReliable ? reliable() : unreliable()
        #expect(machine.responseReceived(200, now: at(100)) == .pass)
        #expect(machine.isDecided)
        #expect(machine.responseReceived(200, now: at(600)) == .pass)
        #expect(machine.responseReceived(180, now: at(700)) == .absorb)
        #expect(machine.responseReceived(486, now: at(800)) == .absorb)
        #expect(machine.deadline == at(32_100))
        #expect(machine.deadlineReached(now: at(32_099)) == .none)
        #expect(machine.deadlineReached(now: at(32_100)) == .terminated)
        #expect(machine.responseReceived(200, now: at(32_200)) == .absorb)
    }

    @Test func cancelWaitsForTheFirstProvisional() {
        var machine = unreliable()
        #expect(machine.cancelRequested(now: at(100)) == .wait)
        #expect(machine.cancelRequested(now: at(150)) == .none)
        #expect(machine.deadlineReached(now: at(500)) == .retransmit)
        #expect(machine.responseReceived(100, now: at(600)) == .passAndCancel)
        #expect(machine.responseReceived(180, now: at(700)) == .pass)
        #expect(machine.deadline == at(32_600))
        #expect(machine.responseReceived(487, now: at(800)) == .passAndAcknowledge)
    }

    @Test func cancelLeavesAtOnceWhenRinging() {
        var machine = unreliable()
        _ = machine.responseReceived(180, now: at(100))
        #expect(machine.cancelRequested(now: at(200)) == .send)
        #expect(machine.cancelRequested(now: at(300)) == .none)
        #expect(machine.deadlineReached(now: at(32_200)) == .timedOut)
    }

    @Test func cancelThatCrosses200IsNeedlessAndThe200Counts() {
        var machine = unreliable()
        #expect(machine.cancelRequested(now: at(100)) == .wait)
        #expect(machine.responseReceived(200, now: at(200)) == .pass)
        #expect(machine.cancelRequested(now: at(300)) == .none)
    }

    @Test func cancelWithoutAnyResponseEndsByTimerB() {
        var machine = unreliable()
        #expect(machine.cancelRequested(now: at(31_600)) == .wait)
        #expect(machine.deadlineReached(now: at(32_000)) == .timedOut)
    }

    @Test func aTransportErrorIsReportedWhileItMatters() {
        var calling = unreliable()
        #expect(calling.transportFailed() == .report)
        #expect(calling.isTerminated)
        #expect(calling.transportFailed() == .none)
        var ringing = unreliable()
        _ = ringing.responseReceived(180, now: at(1))
        #expect(ringing.transportFailed() == .report)
        var accepted = unreliable()
        _ = accepted.responseReceived(200, now: at(1))
        #expect(accepted.transportFailed() == .none)
        #expect(!accepted.isTerminated)
        var refused = unreliable()
        _ = refused.responseReceived(486, now: at(1))
        #expect(refused.transportFailed() == .none)
        #expect(refused.isTerminated)
    }
}
