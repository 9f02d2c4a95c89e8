@testable import Dialplan
import Testing

@Suite struct RangeIndexTests {
    @Test("an index finds the first range that contains a number", arguments: 0..<40)
    func findsTheFirst(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        var ranges: [NumberRange] = []
        for _ in 0..<Int.random(in: 0...20, using: &generator) {
            let base = [1, 10, 100, 1000].randomElement(using: &generator)!
            let low = Int.random(in: base..<base * 10, using: &generator)
            let high = min(base * 10 - 1, low + Int.random(in: 0...base / 8 + 1, using: &generator))
            ranges.append(try #require(NumberRange(first: String(low), last: String(high))))
        }
        let index = RangeIndex(ranges)
        for number in 0..<10_000 {
            let packed = try #require(PackedNumber(String(number)))
            guard index.find(packed) == ranges.firstIndex(where: { $0.contains(packed) }) else {
                Issue.record("\(ranges) at \(number)")
                return
            }
        }
        #expect(index.find(try #require(PackedNumber("00001"))) == nil)
    }
}
