// The expect lines: their names first, and when all else is right, what they say.

extension Compiler {
    /// Checks the names in every `expect` line.
    mutating func checkExpectations(_ tree: SyntaxTree) -> [Expectation] {
        var expectations: [Expectation] = []
        for statement in tree.statements {
            guard case .expect(let syntax) = statement.kind else { continue }
            if let expectation = expectation(syntax, statement.range) {
                expectations.append(expectation)
            }
        }
        return expectations
    }

    private mutating func expectation(
        _ syntax: ExpectSyntax, _ range: SourceRange
    ) -> Expectation? {
        let errors = remarks.errorCount
        var levels = [""]
        let caller: Caller
        switch syntax.caller {
        case .extension(let number, let level):
            checkExtension(number)
            if let level {
                checkLevel(level)
                levels = [level.text]
            } else {
                let branch = branches.first { $0.plan.hasExtension(number.text) }
                levels = branch?.plan.levels ?? self.levels.map(\.name.text)
            }
            caller = .extension(number.text, level: "")
        case .line(let number): caller = .line(number.text)
        case .trunk(let name):
            checkTrunk(name)
            caller = .trunk(name.text)
        }
        var time = Expectation.usualTime
        if let word = syntax.time {
            if let read = CivilTime(expected: word.text) {
                time = read
            } else {
                remarks.error(
                    "\"\(word.text)\" is no time", at: word.range,
                    help: "write a weekday or a date and a time: \"mon 10:00\", "
                        + "\"2026-10-01 23:30\"")
            }
        }
        for name in syntax.down where DialString(name.text) == nil { checkDown(name) }
        if let word = syntax.incoming {
            let known =
                incoming.map(\.name)
                + branches.flatMap { $0.plan.tables.calls.incoming.map(\.name) }
            if !known.contains(word.text) {
                remarks.error(
                    "there is no incoming level \"\(word.text)\"", at: word.range,
                    help: help(for: word.text, among: known))
            }
        }
        if let level = syntax.pinLevel { checkLevel(level) }
        let balance = syntax.balance.flatMap { amount($0) }
        for result in syntax.results { checkNames(result) }
        guard remarks.errorCount == errors else { return nil }
        var expectation = Expectation(
            caller: caller, dialled: syntax.dialled?.text ?? "", time: time,
            down: Set(syntax.down.map(\.text)), results: syntax.results, levels: levels,
            range: range)
        expectation.number = syntax.number?.text
        expectation.incoming = syntax.incoming?.text
        expectation.pin = syntax.pin
        expectation.pinLevel = syntax.pinLevel?.text
        expectation.isLocked = syntax.isLocked
        expectation.balance = balance
        expectation.trunkGroups = trunkGroupMembers.merging(branchTrunkGroups) { own, _ in own }
        return expectation
    }

    /// The trunks of each group of trunks.
    var trunkGroupMembers: [String: Set<String>] {
        trunkGroups.mapValues { group in Set(group.alternatives.map(\.name.text)) }
    }

    /// The groups of lines and of trunks at the other sites, which `expect` lines may name too.
    private var waysElsewhere: [String] {
        branchTrunkGroups.keys.sorted()
            + branches.flatMap { $0.plan.tables.calls.lineGroups.keys.sorted() }
    }

    /// What is down in an `expect` line: `line`, a trunk, or a group of lines.
    private mutating func checkDown(_ name: Word) {
        guard name.text != "line", lineGroups[name.text] == nil,
            !branches.contains(where: { $0.plan.tables.calls.lineGroups[name.text] != nil })
        else { return }
        checkTrunk(name)
    }

    /// Reads `0.22` into millionths.
    private mutating func amount(_ word: Word) -> Int64? {
        if let amount = millionths(word.text) { return amount }
        remarks.error(
            "\"\(word.text)\" is no amount", at: word.range,
            help: "write units with at most six decimals, as in 0.22")
        return nil
    }

    mutating func checkExtension(_ word: Word) {
        if hasExtension(word.text) || isElsewhere(word.text) { return }
        remarks.error(
            "\(word.text) is no extension\(branches.isEmpty ? " of this site" : "")",
            at: word.range,
            help: Self.listing(extensions + branches.flatMap(\.plan.extensions)))
    }

    mutating func checkLevel(_ word: Word) {
        guard levelNumbers[word.text] == nil,
            !branches.contains(where: { $0.plan.levels.contains(word.text) })
        else { return }
        remarks.error(
            "there is no level \"\(word.text)\"", at: word.range,
            help: help(for: word.text, among: levels.map(\.name.text)))
    }

    mutating func checkTrunk(_ word: Word) {
        let trunks = context.trunks.map(\.name)
        guard !trunks.contains(word.text) else { return }
        remarks.error(
            "there is no trunk \"\(word.text)\" in the configuration", at: word.range,
            help: help(for: word.text, among: trunks))
    }

    private mutating func checkNames(_ result: ExpectSyntax.ResultSyntax) {
        switch result {
        case .via(let ways):
            for way in ways where !waysElsewhere.contains(way.text) { checkWayOut(way) }
        case .rings(let number), .rights(let number): checkExtension(number)
        case .ringsGroup(let name):
            if !isGroupElsewhere(name.text) { _ = group(name) }
        case .feature(let name, _):
            guard Feature(rawValue: name.text) == nil else { return }
            remarks.error(
                "there is no feature \"\(name.text)\"", at: name.range,
                help: help(for: name.text, among: Feature.allCases.map(\.rawValue)))
        case .costs(let word, let duration):
            _ = amount(word)
            if let duration, lengthOfTime(duration.text) == nil { reportLength(duration) }
        case .numberClass(let name):
            let known =
                classNames + [PlanTables.emergencyName] + branches.flatMap(\.plan.classes)
            guard !known.contains(name.text) else { return }
            remarks.error(
                "there is no class \"\(name.text)\"", at: name.range,
                help: help(for: name.text, among: known))
        case .limit(let word):
            if word.text != "none", lengthOfTime(word.text) == nil { reportLength(word) }
        case .presents, .sends, .emergency, .refused, .asksPIN: break
        }
    }

    /// Asks the plan what every line expects; a line that does not hold is an error, or a warning where
    /// prices do not bind and it is about them.
    mutating func run(_ expectations: [Expectation], on plan: Plan) {
        let price = expectations.contains(where: \.needsPrices) ? context.prices() : nil
        for expectation in expectations {
            let text = texts[expectation.range.file].text(expectation.range)
            if price == nil, expectation.needsPrices {
                remarks.warning(
                    "there is no tariff to check the price by", at: expectation.range,
                    help: "name the tariff in the configuration")
            }
            var result = ExpectationResult(
                place: place(expectation.range), text: text, holds: true, decided: "")
            for level in expectation.levels {
                let decision = expectation.decision(of: plan, level: level, price, context.cost)
                result.decided = decision.expectation
                if expectation.holds(for: decision, price) { continue }
                result.holds = false
                let named = expectation.levels.count > 1 ? " with level \(level)" : ""
                let why = decision.explanation.last { step in
                    if case .alternative = step { return false }
                    return true
                }
                let message = "decided otherwise\(named): \(decision.expectation)"
                if expectation.needsPrices, !context.arePricesBinding {
                    remarks.warning(
                        message, at: expectation.range,
                        help: "the prices have changed: mend the line or the price list")
                } else {
                    remarks.error(message, at: expectation.range, help: why.map(\.text))
                }
                break
            }
            self.expectations.append(result)
        }
    }
}

extension CivilTime {
    /// Reads `mon 10:00` and `2026-10-01 23:30`; a weekday alone is one of early January 2026.
    init?(expected text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 2, let minute = clockMinutes(parts[1]), minute < 1440 else {
            return nil
        }
        if let day = Weekday(String(parts[0])) {
            self.init(year: 2026, month: 1, day: 4 + day.rawValue, minuteOfDay: minute)
            return
        }
        guard let date = CivilTime(date: parts[0]) else { return nil }
        self = date
        minuteOfDay = minute
    }
}
