import SIP
import Testing

@testable import Switching

/// The breaker by itself: which failures open it, and what closes it.
@Suite struct BreakerTests {
    let start = Instant(nanoseconds: 0)
    var settings: BreakerSettings {
        var settings = BreakerSettings()
        settings.failures = 3
        settings.pause = .seconds(10)
        settings.longestPause = .seconds(25)
        return settings
    }

    private func opened() -> Breaker {
        var breaker = Breaker(settings: settings, now: start)
        for _ in 0..<3 { breaker.attemptFailed("503", isTrial: false, now: start) }
        return breaker
    }

    @Test func itOpensAfterFailuresInARow() {
        var breaker = Breaker(settings: settings, now: start)
        breaker.attemptFailed("503", isTrial: false, now: start)
        breaker.attemptFailed("503", isTrial: false, now: start)
        #expect(!breaker.isBlocking)
        breaker.attemptFailed("34", isTrial: false, now: start)
        #expect(breaker.isBlocking && breaker.stateName == "open" && breaker.reason == "34")
        #expect(breaker.deadline == start + .seconds(10))
    }

    @Test func aCallThatGetsThroughBeginsTheCountAnew() {
        var breaker = Breaker(settings: settings, now: start)
        for _ in 0..<10 {
            breaker.attemptFailed("503", isTrial: false, now: start)
            breaker.attemptFailed("503", isTrial: false, now: start)
            breaker.attemptPassed(isTrial: false, now: start)
        }
        #expect(!breaker.isBlocking)
    }

    @Test func afterThePauseOneCallTriesIt() {
        var breaker = opened()
        breaker.deadlineReached(now: start + .seconds(9))
        #expect(breaker.isBlocking)
        breaker.deadlineReached(now: start + .seconds(10))
        #expect(!breaker.isBlocking && breaker.stateName == "half-open")
        let first = breaker.attemptStarted(now: start + .seconds(11))
        #expect(first && breaker.isBlocking, "a second call does not try it as well")
        let second = breaker.attemptStarted(now: start + .seconds(11))
        #expect(!second)
        breaker.attemptPassed(isTrial: true, now: start + .seconds(12))
        #expect(breaker.stateName == "closed")
    }

    @Test func eachTrialThatFailsDoublesThePauseUpToTheLongest() {
        var breaker = opened()
        var now = start
        for pause in [10, 20, 25, 25] {
            #expect(breaker.deadline == now + .seconds(pause))
            now = breaker.deadline
            breaker.deadlineReached(now: now)
            let isTrial = breaker.attemptStarted(now: now)
            breaker.attemptFailed("503", isTrial: isTrial, now: now)
        }
        #expect(breaker.isBlocking)
    }

    @Test func aTrunkThatFailsSoonAgainKeepsItsLongPause() {
        var breaker = opened()
        var now = start + .seconds(10)
        breaker.deadlineReached(now: now)
        breaker.attemptPassed(isTrial: breaker.attemptStarted(now: now), now: now)
        now = now + .seconds(5)
        for _ in 0..<3 { breaker.attemptFailed("503", isTrial: false, now: now) }
        #expect(breaker.deadline == now + .seconds(20))
    }

    @Test func aTrunkThatWasWellForLongBeginsWithTheFirstPause() {
        var breaker = opened()
        var now = start + .seconds(10)
        breaker.deadlineReached(now: now)
        breaker.attemptPassed(isTrial: breaker.attemptStarted(now: now), now: now)
        now = now + .seconds(60)
        for _ in 0..<3 { breaker.attemptFailed("503", isTrial: false, now: now) }
        #expect(breaker.deadline == now + .seconds(10))
    }

    @Test func aTrialWithoutVerdictLeavesItToTheNextCall() {
        var breaker = opened()
        breaker.deadlineReached(now: start + .seconds(10))
        _ = breaker.attemptStarted(now: start + .seconds(10))
        breaker.trialAbandoned(now: start + .seconds(11))
        let isTrial = breaker.attemptStarted(now: start + .seconds(12))
        #expect(isTrial)
    }

    @Test func aCallOfBeforeDecidesNothingWhileItIsOpenOrTried() {
        var breaker = opened()
        breaker.attemptPassed(isTrial: false, now: start + .seconds(1))
        breaker.attemptFailed("late", isTrial: false, now: start + .seconds(1))
        #expect(breaker.deadline == start + .seconds(10))
        breaker.deadlineReached(now: start + .seconds(10))
        _ = breaker.attemptStarted(now: start + .seconds(10))
        breaker.attemptPassed(isTrial: false, now: start + .seconds(11))
        breaker.attemptFailed("late", isTrial: false, now: start + .seconds(11))
        #expect(breaker.stateName == "trying")
    }

    @Test func withoutALimitOfFailuresItNeverOpens() {
        var never = settings
        never.failures = 0
        var breaker = Breaker(settings: never, now: start)
        for _ in 0..<100 { breaker.attemptFailed("503", isTrial: false, now: start) }
        #expect(!breaker.isBlocking)
    }
}
