// Groups, hours and rules.

extension Compiler {
    mutating func checkGroups(_ tree: SyntaxTree) {
        for statement in tree.statements {
            guard case .group(let syntax) = statement.kind, isName(syntax.name, "group") else {
                continue
            }
            if let earlier = groups[syntax.name.text] {
                remarks.error(
                    "group \"\(syntax.name.text)\" is already defined in "
                        + reference(earlier.range, from: syntax.name.range), at: syntax.name.range)
                continue
            }
            var group = Group(members: [], range: syntax.name.range)
            for word in syntax.members {
                guard let range = extensionRange(word) else { continue }
                group.members.append(range)
            }
            groups[syntax.name.text] = group
        }
    }

    /// Reads a range whose ends are extensions of the site.
    private mutating func extensionRange(_ word: Word) -> NumberRange? {
        guard let range = numberRange(word, "an extension") else { return nil }
        checkTargets(range, word.range)
        return range
    }

    // MARK: Rules

    mutating func checkRules(_ tree: SyntaxTree) {
        var names: [String: SourceRange] = [:]
        for statement in tree.statements {
            guard case .rule(let syntax) = statement.kind, isName(syntax.name, "rule") else {
                continue
            }
            if let earlier = names.updateValue(syntax.name.range, forKey: syntax.name.text) {
                remarks.error(
                    "rule \"\(syntax.name.text)\" is already defined in "
                        + reference(earlier, from: syntax.name.range), at: syntax.name.range)
            }
            checkRule(syntax)
        }
    }

    private mutating func checkRule(_ syntax: RuleSyntax) {
        let from = callers(syntax.from)
        let to = syntax.to.isEmpty ? nil : numbers(syntax.to)
        let except = syntax.except.isEmpty ? nil : numbers(syntax.except)
        var time: (hours: Int, isDuring: Bool)?
        if let (isDuring, name) = syntax.time {
            if let index = hoursNumbers[name.text] {
                time = (index, isDuring)
            } else {
                remarks.error(
                    "there are no hours \"\(name.text)\"", at: name.range,
                    help: help(for: name.text, among: hours.map(\.name)))
            }
        }
        guard let action = action(syntax) else { return }
        rules.append(
            RuleTable(
                name: syntax.name.text, place: place(syntax.name.range), from: from, to: to,
                except: except, time: time, action: action))
    }

    private mutating func action(_ syntax: RuleSyntax) -> RuleTable.Action? {
        switch (syntax.refuse, syntax.limit) {
        case (nil, nil):
            guard syntax.isWhole else { return nil }
            remarks.error(
                "rule \"\(syntax.name.text)\" does nothing", at: syntax.name.range,
                help: "write refuse, or limit and a length of time")
            return nil
        case (let refuse?, _?):
            remarks.error("a call that is refused has no length to limit", at: refuse.word.range)
            return nil
        case (let refuse?, nil): return .refuse(refuse.text?.text)
        case (nil, let word?):
            guard let milliseconds = lengthOfTime(word.text) else {
                reportLength(word)
                return nil
            }
            return .limit(milliseconds)
        }
    }

    mutating func reportLength(_ word: Word) {
        remarks.error(
            "\"\(word.text)\" is no length of time", at: word.range,
            help: "write seconds, minutes or hours: 30s, 3m, 1h")
    }

    private mutating func callers(_ items: [RuleSyntax.CallerItem]) -> CallerSet {
        var set = CallerSet()
        for item in items {
            switch item {
            case .range(let word):
                if let range = extensionRange(word) { set.ranges.append(range) }
            case .group(let word):
                if let group = groups[word.text] {
                    set.ranges += group.members
                } else {
                    remarks.error(
                        "there is no group \"\(word.text)\"", at: word.range,
                        help: help(for: word.text, among: groups.keys.sorted()))
                }
            case .level(let word):
                if levelNumbers[word.text] == nil {
                    remarks.error(
                        "there is no level \"\(word.text)\"", at: word.range,
                        help: help(for: word.text, among: levels.map(\.name.text)))
                }
                set.levels.insert(word.text)
            }
        }
        return set
    }

    /// Classes by their names, anything that begins like a number as a pattern or a range.
    private mutating func numbers(_ words: [Word]) -> NumberSet {
        var set = NumberSet(classes: Array(repeating: false, count: classNames.count))
        var patterns: [Pattern] = []
        for word in words {
            if let numberClass = classNumbers[word.text] {
                set.classes[numberClass] = true
            } else if word.text == PlanTables.emergencyName {
                remarks.error("no rule applies to emergency numbers", at: word.range)
            } else if isPattern(word) {
                if isRange(word) {
                    if let range = numberRange(word, "a rule") {
                        patterns += Pattern.covering(range)
                    }
                } else if let pattern = pattern(word) {
                    patterns.append(pattern)
                }
            } else {
                remarks.error(
                    "there is no class \"\(word.text)\"", at: word.range,
                    help: help(for: word.text, among: classNames))
            }
        }
        if !patterns.isEmpty { set.patterns = PatternTable(patterns) }
        return set
    }

    private func isPattern(_ word: Word) -> Bool {
        guard let first = word.text.utf8.first else { return false }
        return key(of: first) != nil || first == UInt8(ascii: "[") || first == UInt8(ascii: "+")
            || word.text.utf8.contains { (0x30...0x39).contains($0) }
                && "XZN".utf8.contains(first)
            || word.text.utf8.allSatisfy("XZN.!".utf8.contains)
    }
}

/// Reads `30s`, `3m`, `1h` into milliseconds: from a second to a day.
func lengthOfTime(_ text: String) -> Int64? {
    let units: [Character: Int64] = ["s": 1_000, "m": 60_000, "h": 3_600_000]
    guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()),
        count > 0, count <= 86_400, count * unit <= 86_400_000
    else { return nil }
    return count * unit
}
