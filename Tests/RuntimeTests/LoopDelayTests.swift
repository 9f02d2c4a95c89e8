import SIP
import Testing
import Transport

@testable import Runtime

@Suite struct LoopDelayTests {
    private var delay = LoopDelay(now: Instant(nanoseconds: 0))
    private var now = Instant(nanoseconds: 0)

    private mutating func turn(_ counts: [Int], lasting milliseconds: Int = 2) {
        delay.turnBegan(now: now)
        for (listener, count) in counts.enumerated() {
            for _ in 0..<count { delay.datagramReceived(on: UInt16(listener)) }
        }
        now = now + .milliseconds(milliseconds)
        delay.turnEnded(now: now)
    }

    private mutating func reported() -> Int64? {
        delay.report(every: .milliseconds(100), now: now)?.milliseconds
    }

    @Test mutating func aTurnThatEmptiesItsSocketsDelaysByItsLength() {
        for _ in 0..<10 {
            turn([63, 63], lasting: 3)
            now = now + .seconds(1)
        }
        #expect(reported() == 3)
    }

    @Test mutating func aSocketThatIsNeverEmptyDelaysForAsLong() {
        for _ in 0..<40 { turn([1, TransportLimits.batch], lasting: 5) }
        #expect(reported() == 200)
        turn([0, 0], lasting: 5)
        #expect(reported() == nil)
        now = now + .seconds(1)
        #expect(reported() == 205)
        turn([1, 1], lasting: 1)
        now = now + .seconds(1)
        #expect(reported() == 1)
    }

    @Test mutating func aBatchThatWasAllThereWasIsNoDelay() {
        turn([TransportLimits.batch, 0])
        now = now + .seconds(1)
        turn([1, 0])
        #expect(reported() == 2)
    }

    @Test mutating func aReportIsDueOnceInAnInterval() {
        turn([1, 1])
        #expect(reported() == 2)
        #expect(reported() == nil)
        now = now + .milliseconds(99)
        #expect(reported() == nil)
        now = now + .milliseconds(1)
        #expect(reported() == 0)
    }
}
