@testable import Dialplan
import TestSupport
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

    @Test("an index of pieces finds everything whose ranges contain a number", arguments: 0..<40)
    func findsAll(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        var items: [[NumberRange]] = []
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            var ranges: [NumberRange] = []
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                let base = [1, 10, 100, 1000].randomElement(using: &generator)!
                let low = Int.random(in: base..<base * 10, using: &generator)
                let high = min(base * 10 - 1, low + Int.random(in: 0...base, using: &generator))
                ranges.append(try #require(NumberRange(first: String(low), last: String(high))))
            }
            items.append(ranges)
        }
        let index = SegmentIndex(items)
        for number in 0..<10_000 {
            let packed = try #require(PackedNumber(String(number)))
            let all = items.indices.filter { items[$0].contains { $0.contains(packed) } }
            guard index.find(packed).map(Int.init) == all else {
                Issue.record("\(items) at \(number)")
                return
            }
        }
        #expect(index.find(try #require(PackedNumber("00001"))).isEmpty)
    }

    @Test("the rules of a caller are found as by looking at all", arguments: 0..<40)
    func rulesOfACaller(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let levels = ["a", "b", "c"]
        var rules: [RuleTable] = []
        for number in 0..<Int.random(in: 0...30, using: &generator) {
            var from = CallerSet()
            for _ in 0..<Int.random(in: 0...2, using: &generator) {
                let low = Int.random(in: 8000...8090, using: &generator)
                let high = low + Int.random(in: 0...9, using: &generator)
                from.ranges.append(
                    try #require(NumberRange(first: String(low), last: String(high))))
            }
            if Int.random(in: 0...3, using: &generator) == 0 {
                from.levels = [levels.randomElement(using: &generator)!]
            }
            from.isInside = Int.random(in: 0...9, using: &generator) == 0
            from.isOutside = Int.random(in: 0...9, using: &generator) == 0
            if Int.random(in: 0...9, using: &generator) == 0 { from.trunks = ["pstn"] }
            rules.append(
                RuleTable(
                    name: "r\(number)", place: Place(file: "", line: 1), from: from,
                    action: RuleTable.Action()))
        }
        let index = RuleIndex(rules)
        var askers: [Asker] = (8000..<8100).map {
            .inside(PackedNumber(String($0)), level: levels.randomElement(using: &generator)!)
        }
        askers += [
            .inside(nil, level: "a"), .outside(trunk: "pstn", nil, numberClass: nil),
            .outside(trunk: nil, nil, numberClass: nil),
        ]
        for asker in askers {
            let found = index.candidates(asker).map(Int.init)
            let wanted = rules.indices.filter { rules[$0].from.contains(asker) }
            #expect(found == found.sorted() && Set(found).count == found.count)
            #expect(found.filter { rules[$0].from.contains(asker) } == wanted)
        }
    }
}
