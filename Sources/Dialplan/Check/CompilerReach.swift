// Patterns that no number comes to.

extension Compiler {
    /// Warns of every pattern of a class that can never decide anything.
    mutating func checkReach() {
        let emergencies = Self.emergencyPatterns
        let inside = extensions.flatMap(Pattern.covering)
        let blockers = emergencies + rewritePatterns + inside
        let reachability = Reachability(patterns, PatternTable(patterns), blockers: blockers)
        var wordsReached: Set<SourceRange> = []
        var findings: [(word: PatternWord, takers: [Int])] = []
        for index in patterns.indices {
            switch reachability.finding(index) {
            case .number: wordsReached.insert(patternWords[index].range)
            case .taken(let takers): findings.append((patternWords[index], takers))
            }
        }
        // A range is several patterns; it is reached when one of them is. A pattern that is written
        // twice has been reported as such.
        for (word, takers) in findings where !wordsReached.contains(word.range) {
            // Blockers stand last, and what they take is taken for certain.
            guard let taker = takers.last, !isSameText(word, takers) else { continue }
            let written = texts[word.range.file].text(word.range)
            remarks.warning(
                "no number comes to \(written): \(description(taker, emergencies.count, word))"
                    + (takers.count > 1 ? ", and others with it" : ""),
                at: word.range)
            wordsReached.insert(word.range)
        }
    }

    private func isSameText(_ word: PatternWord, _ takers: [Int]) -> Bool {
        takers.contains { taker in
            guard taker < patterns.count else { return false }
            let other = patternWords[taker].range
            return texts[other.file].text(other) == texts[word.range.file].text(word.range)
        }
    }

    private func description(_ taker: Int, _ emergencies: Int, _ word: PatternWord) -> String {
        if taker < patterns.count {
            let other = patternWords[taker]
            return "\(texts[other.range.file].text(other.range)) of class "
                + "\"\(classNames[other.numberClass])\" "
                + "(\(reference(other.range, from: word.range))) is more specific"
        }
        let blocker = taker - patterns.count
        if blocker < emergencies { return "emergency numbers are decided before" }
        if blocker - emergencies < rewrites.count {
            let range = rewriteRanges[blocker - emergencies]
            return "\(rewrites[blocker - emergencies].pattern) "
                + "(\(reference(range, from: word.range))) rewrites it before"
        }
        return "extensions are called inside"
    }
}
