@testable import Dialplan
import TestSupport
import Testing

@Suite struct PatternTests {
    @Test(
        "a pattern covers what it says",
        arguments: [
            ("8229XXXX", "82291234", true), ("8229XXXX", "8229123", false),
            ("8229XXXX", "822912345", false), ("Z", "0", false), ("Z", "1", true),
            ("N", "1", false), ("N", "2", true), ("[2-46]", "4", true), ("[2-46]", "5", false),
            ("[2-46]", "6", true), ("1.", "1", false), ("1.", "12", true), ("1!", "1", true),
            ("1!", "12345678901234567890", true), ("X", "*", false), ("1.", "1#", false),
            ("*98", "*98", true), ("[*#]1", "#1", true), ("!", "5", true), (".", "5", true),
        ])
    func covers(pattern: String, number: String, isCovered: Bool) throws {
        let pattern = try Pattern(parsing: pattern)
        let keys = try #require(DialString(number))
        #expect((PatternTable([pattern]).match(keys) != nil) == isCovered)
        #expect(pattern.covers(keys) == isCovered)
    }

    @Test(
        "the most specific pattern wins, in any order of writing",
        arguments: [
            ("82291234", ["[2-8]XXXXXXX", "8229XXXX", "822912XX", "8X."], "822912XX"),
            ("86035566", ["[2-8]XXXXXXX", "8229XXXX", "NXXXXXXX", "!"], "[2-8]XXXXXXX"),
            ("11", ["X1", "1X"], "1X"), ("11", ["1.", "1!", "1X"], "1X"),
            ("1", ["1!", "!", "."], "1!"), ("12", ["!", "."], "."),
            ("31", ["[2-4]X", "[3-5]1"], "[3-5]1"), ("31", ["[2-4]1", "[3-5]X"], "[2-4]1"),
            ("3155", ["[2-4]1.", "[3-5]1XX", "[1-3]X55"], "[3-5]1XX"),
        ])
    func specificity(number: String, patterns: [String], winner: String) throws {
        let keys = try #require(DialString(number))
        for order in [patterns, patterns.reversed()] {
            let parsed = try order.map { try Pattern(parsing: $0) }
            let found = try #require(PatternTable(parsed).match(keys))
            #expect(order[found] == winner)
        }
    }

    @Test func aRangeIsCoveredByPatternsExactly() throws {
        var generator = SeededGenerator(seed: 1)
        var ranges = [("8000", "8799"), ("0000", "9999"), ("5", "5"), ("0999", "1000")]
        for _ in 0..<50 {
            let a = Int.random(in: 1000...9999, using: &generator)
            let b = Int.random(in: a...9999, using: &generator)
            ranges.append((String(a), String(b)))
        }
        for (first, last) in ranges {
            let range = try #require(NumberRange(first: first, last: last))
            let table = PatternTable(Pattern.covering(range))
            let digits = first.utf8.count
            for number in 0..<[10, 100, 1000, 10000][digits - 1] {
                let text = String(number)
                let padded = String(repeating: "0", count: digits - text.count) + text
                let isCovered = table.match(try #require(DialString(padded))) != nil
                guard isCovered == range.contains(padded) else {
                    Issue.record("\(range) and its patterns differ at \(padded)")
                    return
                }
            }
        }
        #expect(ranges.count == 54)
    }

    @Test func overlapIsWhatTheNumbersSay() throws {
        var generator = SeededGenerator(seed: 7)
        let all = (0..<1000).flatMap { number in
            let text = String(number)
            return (text.count...3).map { String(repeating: "0", count: $0 - text.count) + text }
        }.compactMap { DialString($0) }
        for _ in 0..<400 {
            let a = try Pattern(parsing: Self.random(2, &generator))
            let b = try Pattern(parsing: Self.random(2, &generator))
            let share = all.contains { a.covers($0) && b.covers($0) }
            #expect(a.overlaps(b) == share, "\(a.example) \(b.example)")
        }
    }

    @Test func aTableFindsWhatASlowSearchFinds() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<40 {
            let patterns = try (0..<30).map { _ in
                try Pattern(parsing: Self.random(5, &generator))
            }
            let table = PatternTable(patterns)
            for _ in 0..<200 {
                let keys = try #require(DialString(Self.digits(1...6, &generator)))
                let found = table.match(keys)
                let best = Self.naive(patterns, keys)
                // Equally specific patterns are one and the same for the table.
                #expect(found.map { patterns[$0].widths } == best.map { patterns[$0].widths })
            }
        }
    }

    @Test func hundredThousandPrefixesAreFoundAsInASlowSearch() throws {
        var generator = SeededGenerator(seed: 100)
        var written: Set<String> = []
        while written.count < 100_000 {
            let prefix = Self.digits(4...7, &generator)
            written.insert(prefix + ["XXXX", ".", "!", "ZXX"].randomElement(using: &generator)!)
        }
        let patterns = try written.sorted().map { try Pattern(parsing: $0) }
        let table = PatternTable(patterns)
        var byPrefix: [String: [Int]] = [:]
        for (index, pattern) in patterns.enumerated() {
            byPrefix[String(pattern.example.prefix(4)), default: []].append(index)
        }
        var hits = 0
        for _ in 0..<20_000 {
            let number = Self.digits(5...12, &generator)
            let keys = try #require(DialString(number))
            let candidates = byPrefix[String(number.prefix(4)), default: []]
            let best = Self.naive(candidates.map { patterns[$0] }, keys).map { candidates[$0] }
            let found = table.match(keys)
            if found != nil { hits += 1 }
            guard found == best else {
                Issue.record("\(number): \(String(describing: found)) \(String(describing: best))")
                return
            }
        }
        #expect(hits > 1000)
    }

    private static func digits(
        _ count: ClosedRange<Int>, _ generator: inout SeededGenerator
    ) -> String {
        (0..<Int.random(in: count, using: &generator)).map { _ in
            String(Int.random(in: 0...9, using: &generator))
        }.joined()
    }

    private static func random(_ longest: Int, _ generator: inout SeededGenerator) -> String {
        let elements = ["0", "1", "2", "3", "X", "Z", "N", "[2-4]", "[1-3]", "[02]"]
        var text = ""
        for _ in 0..<Int.random(in: 1...longest, using: &generator) {
            text += elements.randomElement(using: &generator)!
        }
        return text + ["", "", ".", "!"].randomElement(using: &generator)!
    }

    private static func naive(_ patterns: [Pattern], _ keys: DialString) -> Int? {
        patterns.indices.filter { patterns[$0].covers(keys) }.min {
            patterns[$0].widths.lexicographicallyPrecedes(patterns[$1].widths)
        }
    }
}

extension Pattern {
    /// The meaning of a pattern, said in another way than the table does.
    fileprivate func covers(_ number: DialString) -> Bool {
        guard number.count >= minimumCount, end != .closed || number.count == keys.count else {
            return false
        }
        for index in 0..<number.count {
            let set = index < keys.count ? keys[index] : .digits
            if !set.contains(number[index]) { return false }
        }
        return true
    }

    fileprivate var widths: [Int] { (0...keys.count).map { width(at: $0) } }
}
