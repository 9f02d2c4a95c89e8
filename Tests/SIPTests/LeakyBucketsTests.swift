import SIP
import Testing

@Suite struct LeakyBucketsTests {
    private var buckets = LeakyBuckets<Int>()
    private var now = Instant(nanoseconds: 1_000_000_000)
    private let each = Instant.Span.milliseconds(20)

    private mutating func admitted(_ count: Int, of key: Int = 1, burst: Int = 50) -> Int {
        (0..<count).filter { _ in buckets.admits(key, each: each, burst: burst, now: now) }.count
    }

    @Test mutating func asManyAsTheBurstAreAdmittedAtOnceAndThenAsManyAsTheRate() {
        #expect(admitted(100) == 50)
        // Not a nanosecond before there is a place.
        now = now + Instant.Span(nanoseconds: 1)
        #expect(admitted(1) == 0)
        now = now + Instant.Span(nanoseconds: each.nanoseconds - 2)
        #expect(admitted(1) == 0)
        now = now + Instant.Span(nanoseconds: 1)
        #expect(admitted(2) == 1)
        now = now + .seconds(1)
        #expect(admitted(100) == 50)
    }

    @Test mutating func aBurstOfOneIsOneAtATime() {
        #expect(admitted(2, burst: 1) == 1)
        now = now + .milliseconds(19)
        #expect(admitted(1, burst: 1) == 0)
        now = now + .milliseconds(1)
        #expect(admitted(2, burst: 1) == 1)
    }

    @Test mutating func whatOneAsksForIsNoMatterToOthers() {
        #expect(admitted(60) == 50)
        #expect(admitted(60, of: 2) == 50)
    }

    @Test mutating func theLongestQueueIsShownAndGetsShorterByItself() {
        #expect(buckets.longest(each: each, now: now) == 0)
        _ = admitted(3)
        _ = admitted(60, of: 2)
        #expect(buckets.longest(each: each, now: now) == 50)
        now = now + .milliseconds(30)
        #expect(buckets.longest(each: each, now: now) == 49)
        #expect(buckets.count == 2)
        buckets.expire(now: now + .milliseconds(40))
        #expect(buckets.count == 1)
        buckets.expire(now: now + .seconds(1))
        #expect(buckets.count == 0)
    }

    @Test mutating func noMoreThanTheLimitAreCountedAndThoseAreCountedOn() {
        buckets = LeakyBuckets(limit: 10)
        for key in 0..<100 {
            #expect(admitted(1, of: key) == 1)
            #expect(buckets.count <= 10)
        }
        #expect(admitted(100, of: 7) == 49)
        // Whoever is done makes room.
        now = now + .seconds(2)
        #expect(admitted(100, of: 99) == 50)
        #expect(buckets.count == 1)
    }
}
