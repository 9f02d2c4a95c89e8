@testable import Dialplan
import TestSupport
import Testing

@Suite struct ReachTests {
    /// Every number of up to four keys of 0 to 3, which is all that the patterns below can tell apart.
    static let numbers: [DialString] = (1...4).flatMap { count in
        (0..<(1 << (2 * count))).compactMap { code in
            DialString((0..<count).map { String(code >> (2 * $0) & 3) }.joined())
        }
    }

    @Test("a pattern is reached just when some number comes to it", arguments: 0..<60)
    func bruteForce(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let elements = ["0", "1", "[01]", "[12]", "[0-2]", "[0-3]"]
        func random() throws -> Pattern {
            let keys = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                elements.randomElement(using: &generator)!
            }
            return try Pattern(parsing: keys.joined())
        }
        let patterns = try (0..<9).map { _ in try random() }
        let blockers = try (0..<2).map { _ in try random() }
        let table = PatternTable(patterns)
        let block = PatternTable(blockers)
        let reachability = Reachability(patterns, table, blockers: blockers)
        for index in patterns.indices {
            let isReached = Self.numbers.contains {
                table.match($0) == index && block.match($0) == nil
            }
            switch reachability.finding(index) {
            case .number(let number):
                let keys = try #require(DialString(number))
                #expect(table.match(keys) == index && block.match(keys) == nil)
                #expect(isReached)
            case .taken(let takers):
                #expect(!isReached)
                #expect(!takers.isEmpty)
            }
        }
    }

    @Test func gapsAreTheBeginningsThatNothingCovers() throws {
        let plan = try compiled(sample)
        let gaps = plan.gaps()
        #expect(gaps.map(\.pattern) == ["000", "11[1-8]", "9[0-47-9]"])
        #expect(gaps.map(\.example) == ["000", "111", "90"])
        for gap in gaps {
            let table = PatternTable(
                [try Pattern(parsing: gap.pattern + "!")])
            #expect(table.match(try #require(DialString(gap.example))) != nil)
            for tail in ["", "1", "12345", "1234567890"] {
                #expect(plan.dialled(gap.example + tail, level: "world").refusal == .unknownNumber)
            }
        }
    }

    @Test("a set of keys is written as a pattern writes it")
    func writtenSets() throws {
        for text in ["5", "[0-47-9]", "X", "[13]", "[12]", "[1-3]", "[089]"] {
            let pattern = try Pattern(parsing: text)
            #expect(pattern.keys[0].written == text)
        }
    }
}
