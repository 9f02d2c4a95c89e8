// Patterns that stand in each other's way, and names that nothing uses.

extension Compiler {
    mutating func checkClashes() {
        checkAmbiguousClasses()
        checkAmbiguousRewrites()
        checkEndlessRewrites()
        checkExtensionClashes()
        checkLineClashes()
    }

    private mutating func checkAmbiguousClasses() {
        for conflict in conflicts(among: patterns) {
            let earlier = patternWords[conflict.earlier]
            let later = patternWords[conflict.later]
            let place = reference(earlier.range, from: later.range)
            let written = texts[later.range.file].text(later.range)
            if earlier.numberClass == later.numberClass {
                if conflict.isSame, earlier.range != later.range {
                    remarks.warning(
                        "\(written) is already in class \"\(classNames[later.numberClass])\" "
                            + "by \(place)", at: later.range)
                }
                continue
            }
            let other = texts[earlier.range.file].text(earlier.range)
            let numbers = "\(written) of class \"\(classNames[later.numberClass])\" and \(other) "
            remarks.error(
                numbers + "of class \"\(classNames[earlier.numberClass])\" (\(place)) cover "
                    + "\(common(conflict, patterns)), and neither is more specific",
                at: later.range, help: "write a narrower pattern in the class that should have it")
        }
    }

    private mutating func checkAmbiguousRewrites() {
        for conflict in conflicts(among: rewritePatterns) {
            let range = rewriteRanges[conflict.later]
            let place = reference(rewriteRanges[conflict.earlier], from: range)
            let (first, second) = (rewrites[conflict.earlier], rewrites[conflict.later])
            if first.form.drop == second.form.drop,
                first.form.prefix.text == second.form.prefix.text
            {
                if conflict.isSame {
                    remarks.warning(
                        "\(second.pattern) is already normalised by \(place)", at: range)
                }
                continue
            }
            remarks.error(
                "\(second.pattern) and \(first.pattern) (\(place)) both rewrite "
                    + "\(common(conflict, rewritePatterns)), and neither is more specific",
                at: range)
        }
    }

    /// A number that both patterns of a conflict cover.
    private func common(_ conflict: PatternConflict, _ patterns: [Pattern]) -> String {
        let (a, b) = (patterns[conflict.earlier], patterns[conflict.later])
        let keys = zip(a.keys, b.keys).map { KeySet(bits: $0.bits & $1.bits) }
        return Pattern(keys: keys, end: a.end).example
    }

    private mutating func checkEndlessRewrites() {
        let table = PatternTable(rewritePatterns)
        for (index, pattern) in rewritePatterns.enumerated() {
            guard var number = DialString(pattern.example) else { continue }
            var isStable = false
            for _ in 0...PlanLimits.rewrites where !isStable {
                guard !number.isEmergency, let rule = table.match(number),
                    let next = rewrites[rule].form.apply(to: number)
                else {
                    isStable = true
                    continue
                }
                number = next
            }
            if !isStable {
                remarks.error(
                    "\(pattern.example) is rewritten without end by this rule",
                    at: rewriteRanges[index],
                    help: "what a rule makes of a number must not be covered by it again")
            }
        }
    }

    private mutating func checkExtensionClashes() {
        let rewrites = PatternTable(rewritePatterns)
        let classes = PatternTable(patterns)
        for (index, range) in extensions.enumerated() {
            let emergencies = ["110", "119", "120", "122"].filter { range.contains($0) }
            if let number = emergencies.first {
                remarks.error(
                    "\(number) is an emergency number and no extension",
                    at: extensionRanges[index])
            }
            reportClashes(of: range, rewrites, classes)
        }
    }

    /// - Parameters:
    ///   - rewriting: the patterns of the normalise rules.
    ///   - classed: those of the classes.
    private mutating func reportClashes(
        of range: NumberRange, _ rewriting: PatternTable, _ classed: PatternTable
    ) {
        let covers = Pattern.covering(range)
        func clashes(_ table: PatternTable) -> [Int] {
            Set(covers.flatMap { table.overlapping($0, limit: .max) }).sorted()
        }
        for index in clashes(rewriting) {
            remarks.error(
                "\(rewrites[index].pattern) rewrites extensions of \(range), which nobody could "
                    + "dial any more", at: rewriteRanges[index])
        }
        let keys = range.first.utf8.count
        for index in clashes(classed)
        where patterns[index].end == .closed && patterns[index].keys.count == keys {
            let word = patternWords[index]
            let written = texts[word.range.file].text(word.range)
            remarks.warning(
                "\(written) covers extensions of \(range); an extension is always called inside",
                at: word.range)
        }
    }

    private mutating func checkLineClashes() {
        let all = zip(
            lines.map(\.lines) + lineTargets.map(\.lines), lineRanges + lineTargetRanges)
        for (lines, place) in all {
            for range in extensions where range.overlaps(lines) {
                remarks.error(
                    "\(lines) has numbers in common with the extensions \(range)", at: place)
            }
        }
    }

    // MARK: Use

    mutating func checkUse() {
        for (index, word) in hoursWords.enumerated() where !usedHours.contains(index) {
            remarks.warning("nothing uses the hours \"\(word.text)\"", at: word.range)
        }
        for group in trunkGroups.values where !usedWays.contains(group.name.text) {
            remarks.warning("no route uses \"\(group.name.text)\"", at: group.name.range)
        }
        for word in lineGroupWords where !usedWays.contains(word.text) {
            remarks.warning("no route uses \"\(word.text)\"", at: word.range)
        }
        for numberClass in classNames.indices.dropFirst() {
            guard let word = classWords[numberClass] else { continue }
            if !grants.contains(where: { $0[numberClass] != nil }) {
                remarks.warning("no level may call class \"\(word.text)\"", at: word.range)
            }
            if routeRanges[numberClass] == nil {
                remarks.warning(
                    "no route carries class \"\(word.text)\": its calls are refused",
                    at: word.range, help: "write: route \(word.text) via line")
            }
        }
    }
}
