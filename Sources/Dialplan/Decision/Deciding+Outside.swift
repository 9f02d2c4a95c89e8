// Callers from outside: they reach lines, extensions and what the plan's inbound routes name.

extension Plan {
    func decide(ringing line: String, _ course: inout Course) -> Decision {
        var number = line
        if !isLine(number), let normalised = normalise(line) { number = normalised }
        course.normalised = number
        guard isLine(number), let destination = inside(number, &course.steps) else {
            course.steps.append(.unclassified(number))
            return refuse(.unknownNumber, "\(number) is no direct line of this site", course)
        }
        return decide(to: destination, number, &course)
    }

    func isLine(_ number: String) -> Bool {
        guard let packed = PackedNumber(number) else { return false }
        return tables.lineIndex.find(packed) != nil
            || tables.calls.lineTargetIndex.find(packed) != nil
    }

    func decide(from trunk: String, _ course: inout Course) -> Decision {
        let number: DialString
        let text: String
        switch read(course.query.dialled, &course.steps) {
        case .number(let keys, let normalised), .emergency(let keys, let normalised):
            (number, text) = (keys, normalised)
        case .unreadable(let why): return refuse(course.query.dialled, unreadable: why, course)
        case .feature: return refuse(.invalid, "a caller from outside has no features", course)
        }
        course.normalised = text
        let inbound = tables.calls.inbound[trunk]
        if let inbound, let found = inbound.table.match(number) {
            return decide(inbound.entries[found], of: trunk, number, &course)
        }
        if let destination = inside(text, &course.steps) {
            return decide(to: destination, text, &course)
        }
        if let rest = inbound?.rest { return decide(rest, of: trunk, number, &course) }
        course.steps.append(.insideOnly(text))
        return refuse(
            .unknownNumber, "\(text) is no extension and no direct line of this site", course)
    }

    private func decide(
        _ entry: InboundTable.Inbound, of trunk: String, _ number: DialString,
        _ course: inout Course
    ) -> Decision {
        course.steps.append(.inbound(trunk: trunk, pattern: entry.pattern, place: entry.place))
        course.numberClass = PlanTables.internalName
        let verdict = rules(number, PlanTables.internalClass, &course)
        if let refusal = verdict.refusal { return finish(.refuse(refusal), course) }
        course.limit = verdict.limit
        return take(entry.targets, of: course.normalised, &course)
    }

    private func decide(
        to destination: Destination, _ number: String, _ course: inout Course
    ) -> Decision {
        course.numberClass = PlanTables.internalName
        let called: String
        switch destination {
        case .extension(let target): called = target
        case .targets(let line, _), .elsewhere(let line, _): called = line
        }
        let verdict = rules(
            DialString(called) ?? DialString(), PlanTables.internalClass, &course)
        if let refusal = verdict.refusal { return finish(.refuse(refusal), course) }
        course.limit = verdict.limit
        switch destination {
        case .extension(let target): return ring(target, &course)
        case .targets(_, let targets): return take(targets, of: number, &course)
        case .elsewhere(let line, let site): return hand(.line(line, site: site), course)
        }
    }
}
