// Groups of trunks and lines, incoming levels, inbound routes, forwards, features and PINs.

extension Compiler {
    // MARK: Groups of trunks and lines

    mutating func checkWays(_ tree: SyntaxTree) {
        for statement in tree.statements {
            switch statement.kind {
            case .trunks(let syntax):
                if isNewWay(syntax.name) { trunkGroups[syntax.name.text] = syntax }
            case .lines(let syntax):
                let ranges = syntax.members.compactMap { numberRange($0, "a line") }
                if isNewWay(syntax.name) {
                    lineGroups[syntax.name.text] = ranges
                    lineGroupWords.append(syntax.name)
                }
            case .site, .extensions, .normalise, .numberClass, .level, .route, .line, .group,
                .hours, .rule, .expect, .include, .incoming, .inbound, .forward, .short, .feature,
                .pin, .phones:
                break
            }
        }
    }

    private mutating func isNewWay(_ name: Word) -> Bool {
        guard isName(name, "way out") else { return false }
        let isKnown = trunkGroups[name.text] != nil || lineGroups[name.text] != nil
        guard isKnown || context.trunks.contains(where: { $0.name == name.text }) else {
            return true
        }
        remarks.error(
            "\"\(name.text)\" already is the name of "
                + (isKnown ? "another group of ways out" : "a trunk of the configuration"),
            at: name.range)
        return false
    }

    // MARK: Calls that come in

    mutating func checkCalls(_ tree: SyntaxTree) {
        checkIncoming()
        var isPINSet = false
        for statement in tree.statements {
            switch statement.kind {
            case .inbound(let syntax): checkInbound(syntax, statement.range)
            case .forward(let syntax): checkForward(syntax, statement.range)
            case .feature(let syntax): checkFeature(syntax)
            case .phones(let syntax): checkPhones(syntax, statement.range)
            case .pin(let syntax):
                if isPINSet {
                    remarks.error("how PINs are guarded is said twice", at: statement.range)
                }
                isPINSet = true
                checkPIN(syntax)
            case .site, .extensions, .normalise, .numberClass, .level, .route, .line, .group,
                .hours, .rule, .expect, .include, .incoming, .trunks, .lines, .short:
                break
            }
        }
        for trunk in inbound.keys {
            inbound[trunk]!.table = PatternTable(inbound[trunk]!.patterns)
        }
        reportAmbiguousInbound()
        orderForwards()
        checkFeatureClashes()
        checkOverflows()
    }

    private mutating func checkIncoming() {
        var states = Array(repeating: false, count: incomingWords.count)
        incoming = incomingWords.map {
            IncomingTable(name: $0.name.text, place: place($0.name.range), callers: [])
        }
        for index in incomingWords.indices { resolve(index, &states, []) }
    }

    private mutating func resolve(_ index: Int, _ isDone: inout [Bool], _ open: [Int]) {
        if isDone[index] { return }
        var callers: [CallerSet] = []
        var own: [CallerItem] = []
        for item in incomingWords[index].from {
            guard case .word(let word) = item, let other = incomingNumbers[word.text] else {
                if case .nobody = item { continue }
                own.append(item)
                continue
            }
            if other == index || open.contains(other) {
                remarks.error(
                    "the incoming level \"\(incomingWords[index].name.text)\" builds on itself "
                        + "through \"\(word.text)\"", at: word.range)
                continue
            }
            resolve(other, &isDone, open + [index])
            callers += incoming[other].callers
        }
        if !own.isEmpty { callers.append(self.callers(own)) }
        incoming[index].callers = callers
        isDone[index] = true
    }

    private mutating func checkInbound(_ syntax: InboundSyntax, _ range: SourceRange) {
        checkTrunk(syntax.trunk)
        let targets = timedTargets(syntax.targets)
        var table = inbound[syntax.trunk.text] ?? InboundTable(patterns: [], entries: [])
        if syntax.patterns.isEmpty {
            if table.rest != nil {
                remarks.error(
                    "where the other numbers of \"\(syntax.trunk.text)\" go is said twice",
                    at: range)
            }
            table.rest = InboundTable.Inbound(targets: targets, place: place(range))
        }
        for word in syntax.patterns {
            let patterns: [Pattern]
            if isRange(word) {
                patterns = numberRange(word, "an inbound route").map(Pattern.covering) ?? []
            } else {
                patterns = pattern(word).map { [$0] } ?? []
            }
            reportRewritten(patterns, word)
            for pattern in patterns {
                if table.patterns.contains(pattern) {
                    remarks.error(
                        "where \(word.text) of \"\(syntax.trunk.text)\" goes is said twice",
                        at: word.range)
                }
                table.patterns.append(pattern)
                inboundRanges[syntax.trunk.text, default: []].append((word.range, range))
                table.entries.append(
                    InboundTable.Inbound(
                        pattern: word.text, targets: targets, place: place(word.range)))
            }
        }
        inbound[syntax.trunk.text] = table
    }

    private mutating func checkForward(_ syntax: ForwardSyntax, _ range: SourceRange) {
        let set = callers(syntax.whose)
        if set.ranges.isEmpty || set.isOfOutside || set.isInside || !set.levels.isEmpty {
            remarks.error(
                "calls are forwarded for extensions and groups", at: range,
                help: "write: forward 8000-8099 when busy to group reception")
        }
        var milliseconds: Int64?
        if let word = syntax.after {
            milliseconds = lengthOfTime(word.text)
            if milliseconds == nil { reportLength(word) }
        }
        guard let target = target(syntax.target) else { return }
        forwards.append(
            ForwardTable(
                occasion: syntax.occasion, milliseconds: milliseconds, target: target))
        forwardRanges.append(set.ranges)
        forwardPlaces.append(range)
    }

    /// Of two patterns of a trunk that are equally specific nothing says which a number belongs to.
    private mutating func reportAmbiguousInbound() {
        for (trunk, table) in inbound.sorted(by: { $0.key < $1.key }) {
            for conflict in conflicts(among: table.patterns) where !conflict.isSame {
                guard let ranges = inboundRanges[trunk] else { continue }
                let (earlier, later) = (ranges[conflict.earlier], ranges[conflict.later])
                if earlier.statement == later.statement { continue }
                remarks.error(
                    "\(texts[later.word.file].text(later.word)) and "
                        + "\(texts[earlier.word.file].text(earlier.word)) "
                        + "(\(reference(earlier.word, from: later.word))) both take "
                        + "\(common(conflict, table.patterns)) of \"\(trunk)\", and neither is more "
                        + "specific", at: later.word,
                    help: "write a narrower pattern where the number belongs")
            }
        }
    }

    /// Of two that are about an extension the one for fewer extensions counts, wherever it stands.
    private mutating func orderForwards() {
        let sizes = forwardRanges.map { ranges in ranges.reduce(0) { $0 + $1.count } }
        let order = forwards.indices.sorted { (sizes[$0], $0) < (sizes[$1], $1) }
        forwards = order.map { forwards[$0] }
        forwardRanges = order.map { forwardRanges[$0] }
        forwardPlaces = order.map { forwardPlaces[$0] }
        var reported: Set<[Int32]> = []
        for segment in SegmentIndex(forwardRanges).segments {
            for (place, later) in segment.items.enumerated() {
                for earlier in segment.items[..<place] {
                    let (one, two) = (Int(earlier), Int(later))
                    guard forwards[one].occasion == forwards[two].occasion,
                        forwards[one].target.target != forwards[two].target.target
                            || forwards[one].milliseconds != forwards[two].milliseconds,
                        sizes[order[one]] == sizes[order[two]],
                        reported.insert([earlier, later]).inserted
                    else { continue }
                    remarks.error(
                        "where calls to \(segment.first) go when it is "
                            + "\(forwards[two].occasion.rawValue) is already said by "
                            + reference(forwardPlaces[one], from: forwardPlaces[two]),
                        at: forwardPlaces[two],
                        help: "of two, the one that is for fewer extensions counts")
                }
            }
        }
    }

    // MARK: Targets

    mutating func timedTargets(_ syntax: [TimedTargetSyntax]) -> [TimedTarget] {
        var targets: [TimedTarget] = []
        for (index, item) in syntax.enumerated() {
            let time = item.time.flatMap { condition($0) }
            if item.time == nil, index + 1 < syntax.count {
                remarks.warning(
                    "the targets behind this one are never reached", at: item.target.range,
                    help: "give it its hours, or leave the others out")
            }
            if let target = target(item.target) {
                targets.append(TimedTarget(target: target, time: time))
            }
        }
        return targets
    }

    mutating func target(_ syntax: TargetSyntax) -> TargetTable? {
        let place = place(syntax.range)
        switch syntax.kind {
        case .busy: return TargetTable(target: .busy, place: place)
        case .group(let word):
            guard groupNumbers[word.text] != nil || isGroupElsewhere(word.text) else {
                _ = group(word)
                return nil
            }
            return TargetTable(target: .group(word.text), place: place)
        case .word(let word, as: let payer?):
            guard let range = extensionRange(payer), range.count == 1 else { return nil }
            guard DialString.read(word.text) != nil else {
                remarks.error("\"\(word.text)\" is no number", at: word.range)
                return nil
            }
            return TargetTable(target: .number(word.text, as: payer.text), place: place)
        case .word(let word, as: nil):
            if context.trunks.contains(where: { $0.name == word.text }) {
                return TargetTable(target: .trunk(word.text), place: place)
            }
            if hasExtension(word.text) || isElsewhere(word.text) {
                return TargetTable(target: .extension(word.text), place: place)
            }
            if DialString(word.text) != nil {
                remarks.error(
                    "\(word.text) is no extension of this site", at: word.range,
                    help: "a number outside needs an extension that pays: "
                        + "\(word.text) as \(extensions.first?.first ?? "8000")")
            } else {
                let known = context.trunks.map(\.name) + groups.map(\.name)
                remarks.error(
                    "\"\(word.text)\" is neither an extension nor a trunk", at: word.range,
                    help: groupNumbers[word.text] != nil
                        ? "write: group \(word.text)" : help(for: word.text, among: known))
            }
            return nil
        }
    }

    // MARK: PINs

    private mutating func checkPIN(_ syntax: PINSyntax) {
        for (key, value) in syntax.settings {
            switch key.text {
            case "digits":
                let ends = value.text.split(separator: "-", omittingEmptySubsequences: false)
                    .map { Int($0) }
                guard (1...2).contains(ends.count), let low = ends[0],
                    let high = ends[ends.count - 1],
                    (3...16).contains(low), (low...16).contains(high)
                else {
                    remarks.error(
                        "\"\(value.text)\" is no number of digits", at: value.range,
                        help: "a PIN has 3 to 16 digits: digits 4, or digits 4-8")
                    continue
                }
                pinPolicy.digits = low...high
            case "attempts":
                guard let count = Int(value.text), (1...20).contains(count) else {
                    remarks.error(
                        "\"\(value.text)\" is no number of attempts", at: value.range,
                        help: "write a number from 1 to 20")
                    continue
                }
                pinPolicy.attempts = count
            case "lockout":
                guard let milliseconds = lengthOfTime(value.text) else {
                    reportLength(value)
                    continue
                }
                pinPolicy.lockoutMilliseconds = milliseconds
            default:
                remarks.error(
                    "PINs have no setting \"\(key.text)\"", at: key.range,
                    help: help(for: key.text, among: ["digits", "attempts", "lockout"]))
            }
        }
    }
}
