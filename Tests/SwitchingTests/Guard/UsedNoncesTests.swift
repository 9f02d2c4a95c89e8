import SIP
import Testing

@testable import Switching

@Suite struct UsedNoncesTests {
    private let start = Instant(nanoseconds: 1_000_000_000)
    private let lifetime = Instant.Span.seconds(300)

    private func use(_ count: UInt32, of nonce: UInt64 = 1, made: Instant? = nil) -> NonceUse {
        NonceUse(made: made ?? start, random: nonce, count: count)
    }

    @Test func aUseIsTheFirstOnce() {
        var used = UsedNonces(now: start)
        #expect(used.isFirst(use(1), lifetime: lifetime, now: start) == true)
        #expect(used.isFirst(use(1), lifetime: lifetime, now: start) == false)
        #expect(used.isFirst(use(2), lifetime: lifetime, now: start) == true)
        #expect(used.isFirst(use(1, of: 2), lifetime: lifetime, now: start) == true)
    }

    @Test func usesMayOvertakeEachOtherWithinSixtyFour() {
        var used = UsedNonces(now: start)
        #expect(used.isFirst(use(100), lifetime: lifetime, now: start) == true)
        for count in (37...99).reversed() {
            #expect(used.isFirst(use(UInt32(count)), lifetime: lifetime, now: start) == true)
        }
        #expect(used.isFirst(use(36), lifetime: lifetime, now: start) == false)
        for count in 37...100 {
            #expect(used.isFirst(use(UInt32(count)), lifetime: lifetime, now: start) == false)
        }
    }

    @Test func aLongStepForwardForgetsNoUse() {
        var used = UsedNonces(now: start)
        for count: UInt32 in [1, 2, 500, .max] {
            #expect(used.isFirst(use(count), lifetime: lifetime, now: start) == true)
        }
        for count: UInt32 in [1, 2, 500, .max] {
            #expect(used.isFirst(use(count), lifetime: lifetime, now: start) == false)
        }
    }

    @Test func aUseIsKnownAsLongAsItsNonceIsGood() {
        var used = UsedNonces(now: start)
        var now = start
        #expect(used.isFirst(use(1), lifetime: lifetime, now: now) == true)
        for nonce in 2..<300 {
            now = now + .seconds(1)
            _ = used.isFirst(use(1, of: UInt64(nonce), made: now), lifetime: lifetime, now: now)
            #expect(used.isFirst(use(1), lifetime: lifetime, now: now) == false)
        }
    }

    @Test func itIsForgottenAfterThat() {
        var used = UsedNonces(now: start)
        var now = start
        for nonce in 0..<10_000 {
            now = now + .seconds(1)
            _ = used.isFirst(use(1, of: UInt64(nonce), made: now), lifetime: lifetime, now: now)
            #expect(used.count <= 602)
        }
    }

    @Test func aFullTableForgetsNoUseOfANonceThatIsStillTaken() {
        var used = UsedNonces(limit: 100, now: start)
        var now = start
        var taken: [NonceUse] = []
        for nonce in 0..<1000 {
            now = now + .milliseconds(1)
            let use = use(1, of: UInt64(nonce), made: now)
            if used.isFirst(use, lifetime: lifetime, now: now) { taken.append(use) }
            #expect(used.count <= 101)
        }
        #expect(taken.count == 1000)
        for use in taken {
            #expect(used.isFirst(use, lifetime: lifetime, now: now) == false)
        }
    }
}
