// Levels, rules and groups: what a caller may.

extension Plan {
    /// Nil when the caller's level allows the class, and of a locked phone the level `locked` too.
    func level(_ numberClass: Int, _ course: inout Course) -> Refusal? {
        guard let rights = course.rights else { return nil }
        if let refusal = level(rights.level, numberClass, &course) { return refusal }
        guard rights.isLocked else { return nil }
        if tables.levelNumbers[Self.lockedLevel] != nil {
            return level(Self.lockedLevel, numberClass, &course)
        }
        if numberClass == PlanTables.internalClass { return nil }
        return Refusal(code: .level, reason: "the phone \(rights.extension) is locked")
    }

    private func level(
        _ level: String, _ numberClass: Int, _ course: inout Course
    ) -> Refusal? {
        let className = tables.classNames[numberClass]
        guard let index = tables.levelNumbers[level] else {
            course.steps.append(.levelUnknown(level: level))
            return Refusal(code: .level, reason: "there is no level \(level)")
        }
        guard let grant = tables.levels[index].grants[numberClass] else {
            course.steps.append(
                .levelRefuses(
                    level: level, class: className, place: tables.levels[index].place))
            return Refusal(code: .level, reason: "level \(level) may not call \(className)")
        }
        course.steps.append(
            .levelAllows(
                level: level, class: className, through: grant.level, place: grant.place))
        return nil
    }

    /// Who calls, as rules and incoming levels see it: on whose rights the call is made, or somebody
    /// outside.
    func asker(_ course: Course) -> Asker {
        if let rights = course.rights {
            return .inside(rights.packed, level: rights.level)
        }
        return outsideCaller(course.query)
    }

    /// Who rings at an extension: the one who really calls, whoever forwarded.
    func ringer(_ query: Query) -> Asker {
        guard case .extension(let number, let level) = query.caller else {
            return outsideCaller(query)
        }
        return .inside(PackedNumber(number), level: level)
    }

    private func outsideCaller(_ query: Query) -> Asker {
        var trunk: String?
        if case .trunk(let name) = query.caller { trunk = name }
        guard tables.calls.looksAtCallerNumbers, let text = query.callerNumber,
            let normalised = normalise(text), let number = DialString(normalised)
        else { return .outside(trunk: trunk, nil, numberClass: nil) }
        let numberClass = tables.classifier.match(number).map {
            Int(tables.entries[$0].numberClass)
        }
        return .outside(trunk: trunk, number, numberClass: numberClass)
    }

    // MARK: Rules

    /// Looks at every rule for this caller, in the order of the file: the first that refuses
    /// decides, and of the limits the shortest.
    func rules(_ number: DialString, _ numberClass: Int?, _ course: inout Course) -> Verdict {
        var verdict = Verdict()
        if tables.rules.isEmpty { return verdict }
        let asker = asker(course)
        if course.query.isThorough {
            for index in tables.rules.indices {
                if !tables.rules[index].from.contains(asker) {
                    let rule = tables.rules[index]
                    course.steps.append(
                        .rulePassed(rule.name, because: .caller, place: rule.place))
                } else if apply(index, number, numberClass, &verdict, &course) {
                    break
                }
            }
            return verdict
        }
        let isFound = if case .inside = asker { true } else { false }
        for candidate in tables.ruleIndex.candidates(asker) {
            let index = Int(candidate)
            if isFound || tables.rules[index].from.contains(asker),
                apply(index, number, numberClass, &verdict, &course)
            {
                break
            }
        }
        return verdict
    }

    /// - Parameter index: of the rule. It is copied only when it applies: most do not.
    /// - Returns: whether the rule has decided.
    private func apply(
        _ index: Int, _ number: DialString, _ numberClass: Int?, _ verdict: inout Verdict,
        _ course: inout Course
    ) -> Bool {
        if let why = pass(index, course.query, number, numberClass) {
            course.steps.append(
                .rulePassed(
                    tables.rules[index].name, because: why, place: tables.rules[index].place))
            return false
        }
        let rule = tables.rules[index]
        if rule.action.refuses.isSo {
            let text = rule.action.refuses.text
            course.steps.append(.ruleRefuses(rule.name, text: text, place: rule.place))
            verdict.refusal = Refusal(
                code: .rule, reason: text ?? "rule \(rule.name) forbids this call")
            verdict.limit = nil
            return true
        }
        if rule.action.allows {
            course.steps.append(.ruleAllows(rule.name, place: rule.place))
            verdict.allows = true
        }
        if rule.action.asksPIN {
            if let owner = course.rights?.extension,
                course.query.pin == .verified(extension: owner)
            {
                course.steps.append(.rulePassed(rule.name, because: .pinGiven, place: rule.place))
            } else {
                course.steps.append(.ruleAsksPIN(rule.name, place: rule.place))
                verdict.asksPIN = verdict.asksPIN ?? rule.name
            }
        }
        if let milliseconds = rule.action.limit {
            course.steps.append(
                .ruleLimits(rule.name, milliseconds: milliseconds, place: rule.place))
            verdict.limit = min(verdict.limit ?? .max, milliseconds)
        }
        return false
    }

    /// Why a rule does not apply; nil when it does.
    private func pass(
        _ index: Int, _ query: Query, _ number: DialString, _ numberClass: Int?
    ) -> Step.Pass? {
        if !tables.rules[index].to.contains(number, numberClass) { return .number }
        if tables.rules[index].except.contains(number, numberClass) { return .excepted }
        return tables.rules[index].time.flatMap { pass($0, query.time) }
    }

    /// Why a condition of hours does not hold; nil when it does.
    func pass(_ condition: TimeCondition, _ time: CivilTime) -> Step.Pass? {
        let hours = tables.hours[condition.hours]
        let isOpen = hours.isOpen(time)
        return isOpen == condition.isDuring ? nil : .hours(hours.name, isOpen: isOpen)
    }

    // MARK: Groups

    /// Nil when the caller's groups let it call an extension: where one of them says whom it calls,
    /// one of those that do must name a group the other is in.
    func access(to target: String, _ course: inout Course) -> Refusal? {
        guard let other = PackedNumber(target) else { return nil }
        return access(toOthersBy: target, { $0.contains(other) }, &course)
    }

    /// The same of what a direct line rings: an extension, or a ring group, of which nobody may be out of
    /// reach. Nil for targets that are not inside.
    func access(to target: Target, _ course: inout Course) -> Refusal? {
        switch target {
        case .extension(let number): return access(to: number, &course)
        case .group(let name):
            let rung = tables.calls.groupNumbers[name].map { tables.calls.groups[$0] }
            return access(toOthersBy: "group \(name)", { $0.holds(rung) }, &course)
        case .number, .trunk, .busy: return nil
        }
    }

    /// - Parameters:
    ///   - target: who is called, for people.
    ///   - holds: whether who is called is in a group.
    func access(
        toOthersBy target: String, _ holds: (GroupTable) -> Bool, _ course: inout Course
    ) -> Refusal? {
        guard tables.calls.hasGroupLimits, let packed = course.rights?.packed else { return nil }
        var refusing: GroupTable?
        for index in tables.calls.groupIndex.find(packed) {
            let group = tables.calls.groups[Int(index)]
            guard let calls = group.calls else { continue }
            if calls.contains(where: { holds(tables.calls.groups[$0]) }) {
                course.steps.append(
                    .groupAllows(target, group: group.name, place: group.place))
                return nil
            }
            course.steps.append(.groupRefuses(target, group: group.name, place: group.place))
            if refusing == nil { refusing = group }
        }
        return refusing.map {
            Refusal(code: .group, reason: "group \($0.name) may not call \(target)")
        }
    }

    /// Nil when the called extension's incoming level lets the caller ring.
    func admission(
        to target: String, _ settings: ExtensionSettings?, _ course: inout Course
    ) -> Refusal? {
        guard let settings, let level = settings.incomingLevel else { return nil }
        guard let index = tables.calls.incomingNumbers[level] else {
            course.steps.append(.incomingUnknown(target, level: level))
            return Refusal(code: .incoming, reason: "there is no incoming level \(level)")
        }
        let table = tables.calls.incoming[index]
        guard table.allows(ringer(course.query)) else {
            course.steps.append(.incomingRefuses(target, level: level, place: table.place))
            return Refusal(
                code: .incoming, reason: "the incoming level of \(target) refuses this call")
        }
        course.steps.append(.incomingAllows(target, level: level, place: table.place))
        return nil
    }
}
