extension Plan {
    /// Beginnings of numbers that belong to nothing, as patterns with an example.
    public struct Gap: Hashable, Sendable, CustomStringConvertible {
        /// Such as `9[0-47-9]`: no number that begins so can be called.
        public var pattern: String
        /// The shortest number that shows it.
        public var example: String

        public var description: String { "\(pattern) (such as \(example))" }
    }

    /// Where the plan has no class, extension, line, emergency number or normalise rule, looked at to
    /// `depth` digits from the left.
    ///
    /// Gaps are no mistake: most plans leave some numbers out on purpose, and a number in a gap is
    /// refused. The list is for reading.
    public func gaps(depth: Int = 3) -> [Gap] {
        var gaps: [Gap] = []
        let known = tables.coveredPatterns
        findGaps(after: [], depth, known, &gaps)
        return gaps
    }

    private func findGaps(
        after prefix: [UInt8], _ depth: Int, _ alive: [Pattern], _ gaps: inout [Gap]
    ) {
        var uncovered = KeySet(bits: 0)
        for key in UInt8(0)..<10 {
            let place = prefix.count
            let rest = alive.filter { pattern in
                place < pattern.keys.count
                    ? pattern.keys[place].contains(key) : pattern.end != .closed
            }
            if rest.isEmpty {
                uncovered.bits |= KeySet(key: key).bits
            } else if place + 1 < depth, rest.contains(where: { $0.keys.count > place + 1 }),
                // Behind a number that is whole, others may begin; behind an open end all do.
                !rest.contains(where: { $0.keys.count <= place + 1 && $0.end != .closed })
            {
                findGaps(after: prefix + [key], depth, rest, &gaps)
            }
        }
        guard uncovered.count > 0 else { return }
        let start = prefix.map { String($0) }.joined()
        gaps.append(
            Gap(
                pattern: start + uncovered.written, example: start + String(uncovered.first)))
    }
}

extension KeySet {
    /// As a pattern writes it, for digits: `5`, `[0-47-9]`, `X`.
    var written: String {
        if self == .digits { return "X" }
        let keys = (UInt8(0)..<10).filter(contains)
        if keys.count == 1 { return String(keys[0]) }
        var text = ""
        var index = 0
        while index < keys.count {
            var last = index
            while last + 1 < keys.count, keys[last + 1] == keys[last] + 1 { last += 1 }
            text += String(keys[index])
            if last > index + 1 { text += "-" }
            if last > index { text += String(keys[last]) }
            index = last + 1
        }
        return "[\(text)]"
    }
}
