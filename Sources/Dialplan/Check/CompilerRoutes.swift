// Levels and routes.

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
            if table.alternatives.contains(where: { $0.time != nil || $0.selection != .inOrder }) {
                remarks.error(
                    "emergency calls go out at every hour and in one order", at: word.range,
                    help: "name the trunks in the order they are to be tried")
            }
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
        var seen: [RouteTable.Alternative.Way: SourceRange] = [:]
        for alternative in syntax.alternatives {
            let selected = alternatives(alternative, syntax.options, isOfTrunks: false)
            for var choice in selected {
                if seen.updateValue(alternative.name.range, forKey: choice.way) != nil {
                    remarks.error(
                        "\"\(choice.name)\" is named twice in this route",
                        at: alternative.name.range)
                }
                if let last = table.alternatives.last {
                    choice.stage = last.stage + (choice.isOfOneStage(with: last) ? 0 : 1)
                }
                table.alternatives.append(choice)
            }
        }
        return table
    }

    /// The ways that one alternative of a route stands for: itself, or the trunks of a group.
    ///
    /// - Parameter options: what is said of the whole.
    private mutating func alternatives(
        _ syntax: AlternativeSyntax, _ options: RouteOptionsSyntax, isOfTrunks: Bool
    ) -> [RouteTable.Alternative] {
        let name = syntax.name
        checkWayOut(name)
        let own = syntax.options
        if let members = trunkGroups[name.text] {
            if isOfTrunks {
                remarks.error("a group of trunks holds trunks and no other group", at: name.range)
                return []
            }
            if let (selection, range) = options.selection, selection != .order {
                remarks.error(
                    "the trunks of \"\(name.text)\" have an order of their own", at: range,
                    help: "name the trunks themselves in a route that goes by share or cost")
            }
            return members.alternatives.flatMap { member in
                var inner = member
                inner.options = member.options.over(own).over(members.options).over(options)
                inner.options.time = member.options.time ?? own.time
                var outer = RouteOptionsSyntax()
                outer.selection = members.options.selection
                return alternatives(inner, outer, isOfTrunks: true).map { alternative in
                    var alternative = alternative
                    alternative.trunks = name.text
                    return alternative
                }
            }
        }
        let isLine = name.text == "line"
        // What is said of the route is for its trunks: a line shows its own number and is dialled
        // as a telephone is, unless it is said of the line itself.
        let isOnLine = isLine || lineGroups[name.text] != nil
        let said = isOnLine ? own : own.over(options)
        var alternative = RouteTable.Alternative(
            way: isLine
                ? .line : lineGroups[name.text] != nil ? .lines(name.text) : .trunk(name.text),
            send: said.send.flatMap { sendForm($0) } ?? .normalised,
            present: templates(said.present))
        alternative.time = own.time.flatMap { condition($0) }
        alternative.selection = selection(own, options)
        return [alternative]
    }

    private mutating func selection(
        _ own: RouteOptionsSyntax, _ options: RouteOptionsSyntax
    ) -> RouteChoice.Selection {
        switch options.selection?.selection {
        case .share:
            // A way without a share comes behind the stage, in its order.
            guard let word = own.share else { return .inOrder }
            guard let weight = Int(word.text), (1...1000).contains(weight) else {
                remarks.error(
                    "\"\(word.text)\" is no share", at: word.range,
                    help: "write a number from 1 to 1000, as in share 3")
                return .inOrder
            }
            return .share(weight: weight)
        case .cost: return .leastCost
        case .order, nil:
            if let word = own.share {
                remarks.error(
                    "a share means nothing where the ways are tried in order", at: word.range,
                    help: "write \"by share\" behind the ways")
            }
            return .inOrder
        }
    }

    /// Reads `during office`.
    mutating func condition(_ syntax: TimeSyntax) -> TimeCondition? {
        guard let index = hoursNumbers[syntax.hours.text] else {
            remarks.error(
                "there are no hours \"\(syntax.hours.text)\"", at: syntax.hours.range,
                help: help(for: syntax.hours.text, among: hours.map(\.name)))
            return nil
        }
        usedHours.insert(index)
        return TimeCondition(hours: index, isDuring: syntax.isDuring)
    }

    /// Reports a name that is neither `line`, nor a trunk of the configuration, nor a group of either.
    mutating func checkWayOut(_ name: Word) {
        usedWays.insert(name.text)
        let trunks = context.trunks.map(\.name)
        guard name.text != "line", !trunks.contains(name.text), trunkGroups[name.text] == nil,
            lineGroups[name.text] == nil
        else { return }
        remarks.error(
            "there is no trunk \"\(name.text)\" in the configuration", at: name.range,
            help: help(
                for: name.text,
                among: trunks + ["line"] + trunkGroups.keys.sorted() + lineGroups.keys.sorted()))
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
}

extension RouteOptionsSyntax {
    /// What is said here, and where it is not, what is said there.
    func over(_ other: RouteOptionsSyntax) -> RouteOptionsSyntax {
        var options = self
        if options.present.isEmpty { options.present = other.present }
        if options.send == nil { options.send = other.send }
        return options
    }
}

extension RouteTable.Alternative {
    /// Ways in order stand in one stage, and so do the trunks of one group, and of a route by share or
    /// by cost all that have a share or a cost.
    fileprivate func isOfOneStage(with other: RouteTable.Alternative) -> Bool {
        guard trunks == other.trunks else {
            return selection == .inOrder && other.selection == .inOrder
        }
        return (selection == .inOrder) == (other.selection == .inOrder)
    }
}
