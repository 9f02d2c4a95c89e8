// Rules, and the callers and numbers they are about.

extension Compiler {
    /// Reads a range whose ends are extensions of the site.
    mutating func extensionRange(_ word: Word) -> NumberRange? {
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
        let to = syntax.to.isEmpty ? .all : numbers(syntax.to)
        let except = syntax.except.isEmpty ? .none : numbers(syntax.except)
        let time = syntax.time.flatMap { condition($0) }
        guard let action = action(syntax) else { return }
        if from.isOfOutside, let word = syntax.ask ?? syntax.allow {
            remarks.error(
                "a caller from outside has neither a PIN nor a level: such a rule refuses or limits",
                at: word.range)
        }
        rules.append(
            RuleTable(
                name: syntax.name.text, place: place(syntax.name.range), from: from, to: to,
                except: except, time: time, action: action))
    }

    private mutating func action(_ syntax: RuleSyntax) -> RuleTable.Action? {
        var action = RuleTable.Action()
        action.allows = syntax.allow != nil
        action.asksPIN = syntax.ask != nil
        if let refuse = syntax.refuse {
            action.refuses = (true, refuse.text?.text)
            if syntax.limit != nil {
                remarks.error(
                    "a call that is refused has no length to limit", at: refuse.word.range)
            } else if action.allows || action.asksPIN {
                remarks.error("this rule refuses the call and lets it pass", at: refuse.word.range)
            }
            return action
        }
        if let word = syntax.limit {
            guard let milliseconds = lengthOfTime(word.text) else {
                reportLength(word)
                return nil
            }
            action.limit = milliseconds
        }
        if action.limit == nil, !action.allows, !action.asksPIN {
            guard syntax.isWhole else { return nil }
            remarks.error(
                "rule \"\(syntax.name.text)\" does nothing", at: syntax.name.range,
                help: "write refuse, allow, ask pin, or limit and a length of time")
            return nil
        }
        return action
    }

    mutating func reportLength(_ word: Word) {
        remarks.error(
            "\"\(word.text)\" is no length of time", at: word.range,
            help: "write seconds, minutes or hours: 30s, 3m, 1h")
    }

    mutating func callers(_ items: [CallerItem]) -> CallerSet {
        var set = CallerSet()
        var patterns: [Pattern] = []
        for item in items {
            switch item {
            case .word(let word):
                if let range = extensionRange(word) { set.ranges.append(range) }
            case .group(let word):
                if let group = group(word) { set.ranges += group.members }
            case .level(let word):
                checkLevel(word)
                set.levels.insert(word.text)
            case .inside: set.isInside = true
            case .outside: set.isOutside = true
            case .nobody: break
            case .trunk(let word):
                checkTrunk(word)
                set.trunks.insert(word.text)
            case .number(let word): patterns += callerPatterns(word)
            case .file(let word):
                for word in fileWords(word) { patterns += callerPatterns(word) }
            case .numberClass(let word):
                guard let numberClass = classNumbers[word.text] else {
                    reportClass(word)
                    continue
                }
                if set.classes.isEmpty {
                    set.classes = Array(repeating: false, count: classNames.count)
                }
                set.classes[numberClass] = true
            }
        }
        if !patterns.isEmpty { set.numbers = PatternTable(patterns) }
        if set.numbers != nil || !set.classes.isEmpty { looksAtCallerNumbers = true }
        return set
    }

    private mutating func callerPatterns(_ word: Word) -> [Pattern] {
        let patterns =
            isRange(word)
            ? numberRange(word, "a caller").map(Pattern.covering) ?? []
            : pattern(word).map { [$0] } ?? []
        reportRewritten(patterns, word)
        return patterns
    }

    /// Warns of numbers that no call has, since normalising makes others of them: a list that was
    /// written as it is dialled would stop nobody.
    mutating func reportRewritten(_ patterns: [Pattern], _ word: Word) {
        if patterns.isEmpty { return }
        for pattern in patterns {
            guard let example = DialString(pattern.example), rewriteTable.match(example) != nil
            else {
                return
            }
            if pattern.isOneNumber { continue }
            let alone = Reachability([pattern], PatternTable([pattern]), blockers: rewritePatterns)
            if case .number = alone.finding(0) { return }
        }
        let example = patterns[0].example
        guard let normalised = normalised(example) else { return }
        remarks.warning(
            "no call has a number of \(word.text): normalise makes \(normalised) of \(example)",
            at: word.range,
            help: "write what normalise makes of it"
                + (example == word.text ? ": \(normalised)" : ""))
    }

    /// The group of that name; reports it when there is none.
    mutating func group(_ word: Word) -> GroupTable? {
        if let index = groupNumbers[word.text] { return groups[index] }
        remarks.error(
            "there is no group \"\(word.text)\"", at: word.range,
            help: help(for: word.text, among: groups.map(\.name).sorted()))
        return nil
    }

    mutating func reportClass(_ word: Word) {
        remarks.error(
            "there is no class \"\(word.text)\"", at: word.range,
            help: help(for: word.text, among: classNames))
    }

    /// Classes by their names, groups and files, anything that begins like a number as a pattern or a
    /// range.
    private mutating func numbers(_ items: [RuleSyntax.NumberItem]) -> NumberSet {
        var set = NumberSet(classes: Array(repeating: false, count: classNames.count))
        var patterns: [Pattern] = []
        for item in items {
            switch item {
            case .word(let word): add(word, to: &set, &patterns)
            case .group(let word):
                patterns += group(word)?.members.flatMap(Pattern.covering) ?? []
            case .file(let word):
                for word in fileWords(word) { add(word, to: &set, &patterns) }
            }
        }
        set.hasPatterns = !patterns.isEmpty
        if set.hasPatterns { set.patterns = PatternTable(patterns) }
        return set
    }

    private mutating func add(_ word: Word, to set: inout NumberSet, _ patterns: inout [Pattern]) {
        if let numberClass = classNumbers[word.text] {
            set.classes[numberClass] = true
        } else if word.text == PlanTables.emergencyName {
            remarks.error("no rule applies to emergency numbers", at: word.range)
        } else if isPattern(word) {
            let added =
                isRange(word)
                ? numberRange(word, "a rule").map(Pattern.covering) ?? []
                : pattern(word).map { [$0] } ?? []
            if DialString(word.text)?.isEmergency == true {
                remarks.warning(
                    "no rule applies to \(word.text), an emergency number", at: word.range)
            }
            reportRewritten(added, word)
            patterns += added
        } else {
            reportClass(word)
        }
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
