import SIP
import Testing

@testable import Switching

/// Which of the addresses behind a name is tried first (RFC 2782, RFC 3263).
@Suite struct TargetSetTests {
    let start = Instant(nanoseconds: 0)

    private func target(_ last: Int, _ priority: UInt16, _ weight: UInt16) -> TrunkTarget {
        TrunkTarget(
            endpoint: Endpoint(text: "192.0.2.\(last):5060"), priority: priority, weight: weight)
    }

    private func orders(_ set: TargetSet, now: Instant, count: Int) -> [[Int]] {
        var tokens = TokenGenerator(seed: Array(repeating: 3, count: 32))
        return (0..<count).map { _ in
            set.order(now: now, using: &tokens).map { Int($0.endpoint.ip.v4 & 0xff) }
        }
    }

    @Test func theLowestPriorityGoesFirst() {
        let set = TargetSet([target(3, 30, 0), target(1, 10, 0), target(2, 20, 9)])
        #expect(orders(set, now: start, count: 20) == Array(repeating: [1, 2, 3], count: 20))
    }

    @Test func equalsAreDrawnByWeight() {
        let set = TargetSet([target(1, 10, 60), target(2, 10, 30), target(3, 10, 10)])
        let firsts = orders(set, now: start, count: 4000).compactMap(\.first)
        for (number, share) in [(1, 0.6), (2, 0.3), (3, 0.1)] {
            let found = Double(firsts.count { $0 == number }) / 4000
            #expect(abs(found - share) < 0.05, "target \(number) was drawn \(found)")
        }
    }

    @Test func everyOrderHasEachTargetOnce() {
        let set = TargetSet([target(1, 10, 0), target(2, 10, 0), target(3, 5, 1)])
        for order in orders(set, now: start, count: 50) { #expect(order.sorted() == [1, 2, 3]) }
    }

    @Test func aTargetThatFailedGoesLastForAWhile() {
        var set = TargetSet([target(1, 10, 0), target(2, 20, 0)])
        set.failed(target(1, 10, 0).hop, now: start)
        #expect(orders(set, now: start, count: 1) == [[2, 1]])
        #expect(orders(set, now: start + TargetSet.quarantine, count: 1) == [[1, 2]])
        set.failed(target(1, 10, 0).hop, now: start)
        set.answered(target(1, 10, 0).hop)
        #expect(orders(set, now: start, count: 1) == [[1, 2]])
    }

    @Test func theTransportThatTheNameLikesBestGoesBeforeAnyPriority() {
        var stream = target(1, 90, 0)
        (stream.transport, stream.rank) = (.tcp, 0)
        var datagram = target(2, 1, 0)
        datagram.rank = 1
        var set = TargetSet([datagram, stream])
        #expect(orders(set, now: start, count: 1) == [[1, 2]])
        // One address by two transports is two places: one of them may be dead.
        var same = target(1, 1, 0)
        same.rank = 1
        set = TargetSet([same, stream])
        set.failed(stream.hop, now: start)
        var tokens = TokenGenerator(seed: Array(repeating: 3, count: 32))
        #expect(set.order(now: start, using: &tokens) == [same.hop, stream.hop])
    }
}
