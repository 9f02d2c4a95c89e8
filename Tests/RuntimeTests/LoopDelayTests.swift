import SIP
import Testing

@testable import Runtime

@Suite struct LoopDelayTests {
    private var delay = LoopDelay(now: Instant(nanoseconds: 0))
    private var now = Instant(nanoseconds: 0)

    private mutating func turn(isBehind: Bool = false, lasting milliseconds: Int = 2) {
        delay.turnBegan(now: now)
        now = now + .milliseconds(milliseconds)
        delay.turnEnded(now: now, isBehind: isBehind)
    }

    private mutating func reported() -> Int64? {
        delay.report(every: .milliseconds(100), now: now)?.milliseconds
    }

    @Test mutating func aTurnThatEmptiesItsSocketsDelaysByItsLength() {
        for _ in 0..<10 {
            turn(lasting: 3)
            now = now + .seconds(1)
        }
        #expect(reported() == 3)
    }

    @Test mutating func aSocketThatIsNeverEmptyDelaysForAsLong() {
        for _ in 0..<40 { turn(isBehind: true, lasting: 5) }
        #expect(reported() == 200)
        turn(lasting: 5)
        #expect(reported() == nil)
        now = now + .seconds(1)
        #expect(reported() == 205)
        turn(lasting: 1)
        now = now + .seconds(1)
        #expect(reported() == 1)
    }

    @Test mutating func aBatchThatWasAllThereWasIsNoDelay() {
        turn(isBehind: true)
        now = now + .seconds(1)
        turn()
        #expect(reported() == 2)
    }

    @Test mutating func aReportIsDueOnceInAnInterval() {
        turn()
        #expect(reported() == 2)
        #expect(reported() == nil)
        now = now + .milliseconds(99)
        #expect(reported() == nil)
        now = now + .milliseconds(1)
        #expect(reported() == 0)
    }
}
