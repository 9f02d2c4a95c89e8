import SIP
import Testing

@testable import Switching

/// Our registration at an operator, by itself.
@Suite struct TrunkRegistrationTests {
    let start = Instant(nanoseconds: 0)

    private func machine() -> TrunkRegistration {
        var tokens = TokenGenerator(seed: Array(repeating: 5, count: 32))
        return TrunkRegistration(seconds: 3600, line: 1, tokens: &tokens, now: start)
    }

    /// A macro cannot see a mutating call.
    private func expect(
        _ action: TrunkRegistration.Action, _ expected: TrunkRegistration.Action,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(action == expected, sourceLocation: sourceLocation)
    }

    private func registered(_ seconds: Int) -> TrunkRegistration {
        var machine = machine()
        expect(machine.deadlineReached(now: start), .register)
        machine.accepted(seconds: seconds, now: start)
        return machine
    }

    @Test func itAsksAtOnce() {
        let machine = machine()
        #expect(machine.deadline == start && machine.health.stateName == "unknown")
    }

    @Test(arguments: [(3600, 3570), (60, 30), (10, 5), (0, 0)])
    func theRefreshComesBeforeTheEnd(seconds: Int, refresh: Int) {
        let machine = registered(seconds)
        let granted = max(seconds, 1)
        #expect(machine.expiresAt == start + .seconds(granted))
        #expect(machine.deadline < start + .seconds(granted))
        if seconds > 0 { #expect(machine.deadline == start + .seconds(refresh)) }
        #expect(!machine.isDown && machine.health.stateName == "up")
    }

    @Test(arguments: [Int.max, 9_999_999_999, 86_401, -1, Int.min])
    func whatNoOperatorMeansIsADayAtMost(seconds: Int) {
        let machine = registered(seconds)
        let granted = seconds < 0 ? 1 : 86_400
        #expect(machine.expiresAt == start + .seconds(granted))
        #expect(machine.deadline < start + .seconds(granted))
    }

    @Test func silenceIsTriedAgainWithAPauseThatDoubles() {
        var machine = machine()
        var now = start
        for pause in [5, 10, 20, 40, 80, 160, 300, 300] {
            expect(machine.deadlineReached(now: now), .register)
            machine.unanswered("no answer", now: now)
            #expect(machine.deadline == now + .seconds(pause) && machine.isDown)
            now = machine.deadline
        }
        #expect(machine.health.reason == "REGISTER: no answer")
    }

    @Test func aRefusalForGoodIsNotRepeatedSoon() {
        var machine = machine()
        _ = machine.deadlineReached(now: start)
        machine.refused(status: 403, reason: "Forbidden", retryAfter: nil, now: start)
        #expect(machine.deadline == start + .seconds(300) && machine.isDown)
        #expect(machine.health.reason == "REGISTER is refused: 403 Forbidden")
    }

    @Test func theOperatorsRetryAfterIsKept() {
        var machine = machine()
        _ = machine.deadlineReached(now: start)
        machine.refused(status: 503, reason: "", retryAfter: 17, now: start)
        #expect(machine.deadline == start + .seconds(17))
    }

    @Test func aFailedRefreshLeavesWhatStandsUntilItExpires() {
        var machine = registered(60)
        expect(machine.deadlineReached(now: start + .seconds(30)), .register)
        machine.unanswered("no answer", now: start + .seconds(58))
        #expect(!machine.isDown && machine.deadline == start + .seconds(60))
        expect(machine.deadlineReached(now: start + .seconds(60)), .none)
        #expect(machine.isDown)
        #expect(machine.health.reason == "the registration has expired; REGISTER: no answer")
        expect(machine.deadlineReached(now: start + .seconds(63)), .register)
        machine.accepted(seconds: 60, now: start + .seconds(63))
        #expect(!machine.isDown)
    }

    @Test func aLongerTimeThatTheOperatorWantsIsAskedForOnce() {
        var machine = machine()
        _ = machine.deadlineReached(now: start)
        let isAskedAgain = machine.tooBrief(minimum: 7200, now: start)
        #expect(isAskedAgain && machine.seconds == 7200)
        expect(machine.deadlineReached(now: start), .register)
        let isAskedTwice = machine.tooBrief(minimum: 7200, now: start)
        #expect(!isAskedTwice)
    }

    @Test func atTheEndItIsTakenBackOnceAndWhateverIsAnswered() {
        for answer in 0..<3 {
            var machine = registered(3600)
            let action = machine.leave()
            #expect(action == .register && machine.expires == 0 && machine.isLeaving)
            #expect(machine.deadline == .distantFuture)
            switch answer {
            case 0: machine.accepted(seconds: 0, now: start)
            case 1: machine.refused(status: 403, reason: "", retryAfter: nil, now: start)
            default: machine.unanswered("no answer", now: start)
            }
            #expect(!machine.isLeaving && machine.deadline == .distantFuture)
            expect(machine.deadlineReached(now: start + .seconds(4000)), .none)
        }
    }

    @Test func whoIsNotRegisteredHasNothingToTakeBack() {
        var machine = machine()
        let action = machine.leave()
        #expect(action == .none && !machine.isLeaving)
    }
}
