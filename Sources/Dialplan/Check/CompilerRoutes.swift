// Levels, routes and lines.

extension Compiler {
    mutating func checkLevels() {
        grants = levels.map { _ in Array(repeating: nil, count: classNames.count) }
        var states = Array(repeating: LevelState.unseen, count: levels.count)
        for index in levels.indices { resolve(index, &states) }
    }

    private enum LevelState {
        case unseen, open, done
    }

    private mutating func resolve(_ index: Int, _ states: inout [LevelState]) {
        states[index] = .open
        let level = levels[index]
        for word in level.may {
            if let numberClass = classNumbers[word.text] {
                grants[index][numberClass] = LevelTable.Grant(
                    level: level.name.text, place: place(word.range))
            } else if let other = levelNumbers[word.text] {
                switch states[other] {
                case .open:
                    remarks.error(
                        "level \"\(level.name.text)\" builds on itself through "
                            + "\"\(word.text)\"",
                        at: word.range)
                    continue
                case .unseen: resolve(other, &states)
                case .done: break
                }
                for numberClass in classNames.indices where grants[index][numberClass] == nil {
                    grants[index][numberClass] = grants[other][numberClass]
                }
            } else if word.text == PlanTables.emergencyName {
                remarks.error(
                    "emergency numbers need no permission: every level reaches them",
                    at: word.range)
            } else {
                remarks.error(
                    "there is no class or level \"\(word.text)\"", at: word.range,
                    help: help(
                        for: word.text, among: classNames + levels.map(\.name.text)))
            }
        }
        states[index] = .done
    }

    // MARK: Routes

    mutating func checkRoutes(_ tree: SyntaxTree) {
        for statement in tree.statements {
            guard case .route(let syntax) = statement.kind else { continue }
            let table = routeTable(syntax, statement.range)
            for word in syntax.classes { assign(table, to: word) }
        }
    }

    private mutating func assign(_ table: RouteTable, to word: Word) {
        if word.text == PlanTables.emergencyName {
            if let emergencyRange {
                remarks.error(
                    "emergency numbers already have the route of "
                        + reference(emergencyRange, from: word.range), at: word.range)
            }
            emergencyRoute = table
            emergencyRange = word.range
            return
        }
        guard let numberClass = classNumbers[word.text] else {
            let names = classNames.dropFirst() + [PlanTables.emergencyName]
            remarks.error(
                "there is no class \"\(word.text)\"", at: word.range,
                help: help(for: word.text, among: Array(names)))
            return
        }
        if numberClass == PlanTables.internalClass {
            remarks.error(
                "calls inside need no route: they ring the extension", at: word.range)
            return
        }
        if let earlier = routeRanges[numberClass] {
            remarks.error(
                "class \"\(word.text)\" already has the route of "
                    + reference(earlier, from: word.range),
                at: word.range, help: "write all ways out in one route, parted by commas")
            return
        }
        routes[numberClass] = table
        routeRanges[numberClass] = word.range
    }

    private mutating func routeTable(_ syntax: RouteSyntax, _ range: SourceRange) -> RouteTable {
        var table = RouteTable(alternatives: [], place: place(range))
        let present = templates(syntax.options.present)
        let send = syntax.options.send.flatMap { sendForm($0) }
        var seen: [String: SourceRange] = [:]
        for alternative in syntax.alternatives {
            let name = alternative.name
            if seen.updateValue(name.range, forKey: name.text) != nil {
                remarks.error("\"\(name.text)\" is named twice in this route", at: name.range)
            }
            checkWayOut(name)
            let isLine = name.text == "line"
            let own = templates(alternative.options.present)
            // What is said of the route is for its trunks: a line shows its own number and is dialled
            // as a telephone is, unless it is said of the line itself.
            table.alternatives.append(
                RouteTable.Alternative(
                    trunk: isLine ? nil : name.text,
                    send: alternative.options.send.flatMap { sendForm($0) }
                        ?? (isLine ? nil : send) ?? .normalised,
                    present: own.isEmpty && !isLine ? present : own))
        }
        return table
    }

    /// Reports a name that is neither `line` nor a trunk of the configuration.
    mutating func checkWayOut(_ name: Word) {
        let trunks = context.trunks.map(\.name)
        guard name.text != "line", !trunks.contains(name.text) else { return }
        remarks.error(
            "there is no trunk \"\(name.text)\" in the configuration", at: name.range,
            help: help(for: name.text, among: trunks + ["line"]))
    }

    private mutating func sendForm(_ syntax: SendSyntax) -> SendForm? {
        switch syntax {
        case .digits(let digits): return digitsForm(digits).map { .digits($0) }
        case .named(let word):
            switch word.text {
            case "as-dialled": return .asDialled
            case "normalised": return .normalised
            case "national": return .national
            case "e164": return .e164
            default:
                let forms = ["as-dialled", "normalised", "national", "e164", "drop", "prefix"]
                remarks.error(
                    "a number cannot be sent as \"\(word.text)\"", at: word.range,
                    help: help(for: word.text, among: forms))
                return nil
            }
        }
    }

    private mutating func templates(_ words: [Word]) -> [NumberTemplate] {
        words.compactMap { template($0) }
    }

    /// Reads `+86311{line}`.
    private mutating func template(_ word: Word) -> NumberTemplate? {
        var pieces: [NumberTemplate.Piece] = []
        var rest = word.text[...]
        var offset = 0
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex { pieces.append(.text(String(rest[..<open]))) }
            // The lexer leaves an opening brace in a word only with its name and closing brace.
            let close = rest[open...].firstIndex(of: "}") ?? rest.index(before: rest.endIndex)
            let name = String(rest[rest.index(after: open)..<close])
            offset += rest[..<open].utf8.count
            switch name {
            case "line": pieces.append(.line)
            case "extension": pieces.append(.extension)
            default:
                remarks.error(
                    "nothing is known as {\(name)}",
                    at: word.range.part(offset, name.utf8.count + 2),
                    help: "write {line} or {extension}")
                return nil
            }
            offset += name.utf8.count + 2
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        for (index, piece) in pieces.enumerated() {
            guard case .text(let text) = piece else { continue }
            let digits = index == 0 && text.hasPrefix("+") ? text.dropFirst() : text[...]
            guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                remarks.error(
                    "\"\(word.text)\" cannot be presented as a number", at: word.range,
                    help: "write digits with {line} or {extension}, as in +86311{line}")
                return nil
            }
        }
        return NumberTemplate(pieces: pieces)
    }

    // MARK: Lines

    mutating func checkLines(_ tree: SyntaxTree) {
        for statement in tree.statements {
            guard case .line(let syntax) = statement.kind else { continue }
            let lines = numberRange(syntax.lines, "a line")
            guard let rings = numberRange(syntax.rings, "an extension"), let lines else { continue }
            guard lines.count == rings.count else {
                remarks.error(
                    "\(lines.count) lines cannot ring \(rings.count) extensions one to one",
                    at: syntax.rings.range, help: matchingEnd(lines, rings))
                continue
            }
            checkTargets(rings, syntax.rings.range)
            for (index, other) in self.lines.enumerated() where other.lines.overlaps(lines) {
                remarks.error(
                    "\(lines) and \(other.lines) of "
                        + "\(reference(lineRanges[index], from: syntax.lines.range)) "
                        + "have lines in common",
                    at: syntax.lines.range)
            }
            self.lines.append(Plan.LineMapping(lines: lines, extensions: rings))
            lineRanges.append(syntax.lines.range)
        }
    }

    /// The range of extensions that would fit, if the first one is right.
    private func matchingEnd(_ lines: NumberRange, _ rings: NumberRange) -> String? {
        guard let first = Int(rings.first) else { return nil }
        let last = String(first + lines.count - 1)
        guard last.utf8.count <= rings.first.utf8.count else { return nil }
        let zeros = String(repeating: "0", count: rings.first.utf8.count - last.utf8.count)
        return "\(lines.count) extensions are \(rings.first)-\(zeros + last)"
    }

    mutating func checkTargets(_ rings: NumberRange, _ range: SourceRange) {
        for number in [rings.first, rings.last]
        where !extensions.contains(where: { $0.contains(number) }) {
            let known = extensions.map(\.description).joined(separator: ", ")
            remarks.error(
                "\(number) is no extension of this site", at: range,
                help: extensions.isEmpty
                    ? "write: extensions 8000-8799" : "the extensions are \(known)")
            return
        }
    }
}
