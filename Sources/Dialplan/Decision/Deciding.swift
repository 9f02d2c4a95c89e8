extension Plan {
    /// Decides a call. Pure and total: the same query gives the same decision, and every query gets
    /// one.
    ///
    /// An emergency number dialled inside is decided before anything that is written in the plan, in
    /// every form on its way to the normalised one. A caller from outside reaches lines and
    /// extensions and nothing else.
    public func decide(_ query: Query) -> Decision {
        var steps: [Step] = []
        steps.reserveCapacity(8)
        steps.append(.dialled(query.dialled, by: query.caller))
        switch query.caller {
        case .extension(let number, let level):
            return decide(query, from: Inside(extension: number, level: level), &steps)
        case .line(let line):
            return decide(query, ringing: line, &steps)
        case .trunk:
            return decideFromTrunk(query, &steps)
        }
    }

    private struct Inside {
        var `extension`: String
        var level: String
    }

    /// How a number was read: its keys, and the same as text.
    private enum Reading {
        case number(DialString, String)
        case emergency(DialString, String)
        case unreadable(Step.Unreadable)
    }

    /// Brings a number to its one form, noting every step.
    private func read(_ dialled: String, _ steps: inout [Step]) -> Reading {
        var number: DialString
        do throws(DialString.Mistake) {
            number = try DialString(cleaning: dialled)
        } catch {
            switch error {
            case .empty: return .unreadable(.empty)
            case .tooLong: return .unreadable(.tooLong)
            case .unknownCharacter: return .unreadable(.unknownCharacter)
            }
        }
        var text = dialled
        if !number.isSpelled(dialled) {
            text = number.text
            steps.append(.cleaned(from: dialled, to: text))
        }
        for _ in 0...PlanLimits.rewrites {
            if number.isEmergency { return .emergency(number, text) }
            guard let rule = tables.rewriter.match(number) else { return .number(number, text) }
            let rewrite = tables.rewrites[rule]
            guard let next = rewrite.form.apply(to: number) else { return .unreadable(.tooLong) }
            let nextText = next.text
            steps.append(
                .rewritten(
                    from: text, to: nextText, pattern: rewrite.pattern, place: rewrite.place))
            number = next
            text = nextText
        }
        return .unreadable(.endless)
    }

    /// The one form of a number; nil when it cannot be read. Normalising it again changes nothing.
    public func normalise(_ number: String) -> String? {
        var steps: [Step] = []
        switch read(number, &steps) {
        case .number(_, let text), .emergency(_, let text): return text
        case .unreadable: return nil
        }
    }
}

// MARK: - From inside

extension Plan {
    private func decide(_ query: Query, from caller: Inside, _ steps: inout [Step]) -> Decision {
        let number: DialString
        let normalised: String
        switch read(query.dialled, &steps) {
        case .emergency(let keys, let text):
            return emergency(query, from: caller, keys, text, &steps)
        case .unreadable(let why): return refuse(query, unreadable: why, steps)
        case .number(let keys, let text): (number, normalised) = (keys, text)
        }
        if let target = inside(normalised, &steps) {
            var verdict = Verdict()
            verdict.refusal = level(caller.level, PlanTables.internalClass, &steps)
            if verdict.refusal == nil {
                verdict = rules(query, caller, number, PlanTables.internalClass, &steps)
            }
            return decision(
                query, verdict.refusal.map { .refuse($0) } ?? .ring(extension: target), normalised,
                PlanTables.internalName, steps, verdict.limit)
        }
        guard let found = tables.classifier.match(number) else {
            steps.append(.unclassified(normalised))
            let refusal =
                rules(query, caller, number, nil, &steps).refusal
                ?? Refusal(
                    code: .unknownNumber, reason: "\(normalised) is no number that can be called")
            return decision(query, .refuse(refusal), normalised, nil, steps)
        }
        let entry = tables.entries[found]
        let numberClass = Int(entry.numberClass)
        let className = tables.classNames[numberClass]
        steps.append(
            .classified(
                normalised, class: className, pattern: entry.pattern,
                place: Place(file: tables.files[Int(entry.file)], line: Int(entry.line))))
        if let refusal = level(caller.level, numberClass, &steps) {
            return decision(query, .refuse(refusal), normalised, className, steps)
        }
        let verdict = rules(query, caller, number, numberClass, &steps)
        let outcome =
            verdict.refusal.map { .refuse($0) }
            ?? route(query, from: caller, number, numberClass, &steps)
        return decision(query, outcome, normalised, className, steps, verdict.limit)
    }

    /// What the rules say of a call.
    private struct Verdict {
        var refusal: Refusal?
        var limit: Int64?
    }

    /// Looks at every rule for this caller, in the order of the file: the first that refuses
    /// decides, and of the limits the shortest.
    private func rules(
        _ query: Query, _ caller: Inside, _ number: DialString, _ numberClass: Int?,
        _ steps: inout [Step]
    ) -> Verdict {
        var verdict = Verdict()
        if tables.rules.isEmpty { return verdict }
        let packed = PackedNumber(caller.extension)
        for rule in tables.rules where rule.from.contains(packed, level: caller.level) {
            if let why = pass(rule, query, number, numberClass) {
                steps.append(.rulePassed(rule.name, because: why, place: rule.place))
                continue
            }
            switch rule.action {
            case .refuse(let text):
                steps.append(.ruleRefuses(rule.name, text: text, place: rule.place))
                verdict.refusal = Refusal(
                    code: .rule, reason: text ?? "rule \(rule.name) forbids this call")
                verdict.limit = nil
                return verdict
            case .limit(let milliseconds):
                steps.append(
                    .ruleLimits(rule.name, milliseconds: milliseconds, place: rule.place))
                verdict.limit = min(verdict.limit ?? .max, milliseconds)
            }
        }
        return verdict
    }

    /// Why a rule does not apply; nil when it does.
    private func pass(
        _ rule: RuleTable, _ query: Query, _ number: DialString, _ numberClass: Int?
    ) -> Step.Pass? {
        if let to = rule.to, !to.contains(number, numberClass) { return .number }
        if let except = rule.except, except.contains(number, numberClass) { return .excepted }
        guard let (index, isDuring) = rule.time else { return nil }
        let hours = tables.hours[index]
        let isOpen = hours.isOpen(query.time)
        return isOpen == isDuring ? nil : .hours(hours.name, isOpen: isOpen)
    }

    /// The extension a number reaches inside: its own, or that of a direct line of the site.
    private func inside(_ number: String, _ steps: inout [Step]) -> String? {
        if let packed = PackedNumber(number), let index = tables.extensionIndex.find(packed) {
            steps.append(.extension(number, place: tables.extensionPlaces[index]))
            return number
        }
        guard let found = mapping(ofLine: number) else { return nil }
        steps.append(
            .line(number, rings: found.extension, place: tables.linePlaces[found.index]))
        return found.extension
    }

    /// Nil when the level allows the class.
    private func level(_ level: String, _ numberClass: Int, _ steps: inout [Step]) -> Refusal? {
        let className = tables.classNames[numberClass]
        guard let index = tables.levelNumbers[level] else {
            steps.append(.levelUnknown(level: level))
            return Refusal(code: .level, reason: "there is no level \(level)")
        }
        let table = tables.levels[index]
        guard let grant = table.grants[numberClass] else {
            steps.append(.levelRefuses(level: level, class: className, place: table.place))
            return Refusal(code: .level, reason: "level \(level) may not call \(className)")
        }
        steps.append(
            .levelAllows(
                level: level, class: className, through: grant.level, place: grant.place))
        return nil
    }

    private func route(
        _ query: Query, from caller: Inside, _ number: DialString, _ numberClass: Int,
        _ steps: inout [Step]
    ) -> Outcome {
        let className = tables.classNames[numberClass]
        guard let route = tables.routes[numberClass] else {
            steps.append(.noRoute(class: className))
            return .refuse(
                Refusal(code: .noRoute, reason: "there is no route for \(className) numbers"))
        }
        let choices = choices(route, query, from: caller, sent: nil, number, &steps)
        if choices.isEmpty {
            return .refuse(
                Refusal(
                    code: .noRoute,
                    reason: "no route for \(className) numbers is open to \(caller.extension)"))
        }
        return .routes(choices)
    }

    /// - Parameter sent: what is sent whatever the route says.
    private func choices(
        _ route: RouteTable, _ query: Query, from caller: Inside, sent: String?,
        _ number: DialString, _ steps: inout [Step]
    ) -> [RouteChoice] {
        var choices: [RouteChoice] = []
        choices.reserveCapacity(route.alternatives.count)
        let line = line(of: caller.extension)
        for alternative in route.alternatives {
            let via: RouteChoice.Via
            if let trunk = alternative.trunk {
                via = .trunk(trunk)
            } else if let line {
                via = .line(line)
            } else {
                steps.append(.withoutLine(caller.extension, place: route.place))
                continue
            }
            let choice = RouteChoice(
                via: via, number: sent ?? form(alternative.send, query, number),
                presented: presented(alternative, from: caller, line: line),
                down: isDown(via, query.down))
            steps.append(.alternative(choice, place: route.place))
            choices.append(choice)
        }
        return choices
    }

    private func form(_ form: SendForm, _ query: Query, _ number: DialString) -> String {
        tables.forms.form(form, dialled: query.dialled, normalised: number)
    }

    private func presented(
        _ alternative: RouteTable.Alternative, from caller: Inside, line: String?
    ) -> String? {
        for template in alternative.present {
            if let text = template.filled(extension: caller.extension, line: line) { return text }
        }
        return alternative.trunk == nil ? line : nil
    }

    private func isDown(_ via: RouteChoice.Via, _ down: Set<String>) -> Bool {
        if down.isEmpty { return false }
        switch via {
        case .line(let number): return down.contains("line") || down.contains(number)
        case .lines(let name): return down.contains("line") || down.contains(name)
        case .trunk(let name): return down.contains(name)
        }
    }

    /// The ways the plan names, then the caller's own line, then every trunk.
    private func emergency(
        _ query: Query, from caller: Inside, _ number: DialString, _ text: String,
        _ steps: inout [Step]
    ) -> Decision {
        steps.append(.emergency(text))
        var choices: [RouteChoice] = []
        if let route = tables.emergencyRoute {
            choices = self.choices(route, query, from: caller, sent: text, number, &steps)
        }
        let line = line(of: caller.extension)
        var rest: [RouteChoice.Via] = tables.trunks.map { .trunk($0) }
        if let line { rest.insert(.line(line), at: 0) }
        let shown = line.map { tables.forms.national($0) }
        for via in rest where !choices.contains(where: { $0.via == via }) {
            let presented: String?
            switch via {
            case .line(let number): presented = number
            case .lines, .trunk: presented = shown
            }
            let choice = RouteChoice(
                via: via, number: text, presented: presented, down: isDown(via, query.down))
            steps.append(.alternative(choice, place: nil))
            choices.append(choice)
        }
        return decision(
            query, .emergency(choices), text, PlanTables.emergencyName, steps)
    }
}

// MARK: - From outside

extension Plan {
    private func decide(_ query: Query, ringing line: String, _ steps: inout [Step]) -> Decision {
        var number = line
        if mapping(ofLine: number) == nil, let normalised = normalise(line) { number = normalised }
        guard let found = mapping(ofLine: number) else {
            steps.append(.unclassified(number))
            let refusal = Refusal(
                code: .unknownNumber, reason: "\(number) is no direct line of this site")
            return decision(query, .refuse(refusal), number, nil, steps)
        }
        steps.append(
            .line(number, rings: found.extension, place: tables.linePlaces[found.index]))
        return decision(
            query, .ring(extension: found.extension), number, PlanTables.internalName, steps)
    }

    private func decideFromTrunk(_ query: Query, _ steps: inout [Step]) -> Decision {
        let number: String
        switch read(query.dialled, &steps) {
        case .number(_, let text), .emergency(_, let text): number = text
        case .unreadable(let why): return refuse(query, unreadable: why, steps)
        }
        if let target = inside(number, &steps) {
            return decision(
                query, .ring(extension: target), number, PlanTables.internalName, steps)
        }
        steps.append(.insideOnly(number))
        let refusal = Refusal(
            code: .unknownNumber,
            reason: "\(number) is no extension and no direct line of this site")
        return decision(query, .refuse(refusal), number, nil, steps)
    }

    private func refuse(
        _ query: Query, unreadable why: Step.Unreadable, _ steps: [Step]
    ) -> Decision {
        let refusal = Refusal(code: .invalid, reason: "what was dialled \(why.rawValue)")
        return decision(
            query, .refuse(refusal), query.dialled, nil,
            steps + [.unreadable(query.dialled, why)])
    }

    private func decision(
        _ query: Query, _ outcome: Outcome, _ normalised: String, _ numberClass: String?,
        _ steps: [Step], _ limit: Int64? = nil
    ) -> Decision {
        Decision(
            outcome: outcome, dialled: query.dialled, normalised: normalised,
            numberClass: numberClass, limitMilliseconds: limit, rights: query.caller.number,
            explanation: steps, planVersion: version)
    }
}
