@testable import Dialplan
import TestSupport
import Testing

/// Intersection and difference against every number of up to five keys of 0 to 3.
@Suite struct PatternAlgebraTests {
    static let numbers: [DialString] = (1...5).flatMap { count in
        (0..<(1 << (2 * count))).compactMap { code in
            DialString((0..<count).map { String(code >> (2 * $0) & 3) }.joined())
        }
    }

    private static func random(_ generator: inout SeededGenerator) throws -> Pattern {
        let elements = ["0", "1", "[01]", "[12]", "[0-2]", "X", "Z"]
        let keys = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
            elements.randomElement(using: &generator)!
        }
        let end = ["", ".", "!"].randomElement(using: &generator)!
        return try Pattern(parsing: keys.joined() + end)
    }

    @Test("an intersection covers what both cover", arguments: 0..<20)
    func intersection(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<10 {
            let (a, b) = (try Self.random(&generator), try Self.random(&generator))
            let common = a.intersection(b)
            #expect((common != nil) == a.overlaps(b))
            for number in Self.numbers {
                #expect(
                    (common?.covers(number) ?? false) == (a.covers(number) && b.covers(number)))
            }
        }
    }

    @Test("a difference covers what only the first covers, once", arguments: 100..<120)
    func difference(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<10 {
            let (a, b) = (try Self.random(&generator), try Self.random(&generator))
            let rest = a.subtracting(b)
            for number in Self.numbers {
                let count = rest.count { $0.covers(number) }
                #expect(count == (a.covers(number) && !b.covers(number) ? 1 : 0))
            }
        }
    }

    @Test("the table names every pattern that overlaps another", arguments: 200..<220)
    func overlapping(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let patterns = Array(Set(try (0..<12).map { _ in try Self.random(&generator) }))
        let table = PatternTable(patterns)
        #expect(Set(table.patterns) == Set(patterns))
        for _ in 0..<20 {
            let other = try Self.random(&generator)
            let expected = patterns.indices.filter { patterns[$0].overlaps(other) }
            #expect(table.overlapping(other, limit: .max).sorted() == expected)
        }
    }

    @Test func examplesAreCovered() throws {
        for text in ["0[1-9]XX.", "00Z!", "[2-8]XXXXXXX", "*6X", "1[3-9]XXXXXXXXX"] {
            let pattern = try Pattern(parsing: text)
            #expect(!pattern.examples.isEmpty)
            for example in pattern.examples {
                #expect(DialString(example).map(pattern.covers) == true, "\(example) of \(text)")
            }
        }
    }
}
