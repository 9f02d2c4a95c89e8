// The ways out.

extension Plan {
    func route(_ number: DialString, _ numberClass: Int, _ course: inout Course) -> Outcome {
        let className = tables.classNames[numberClass]
        guard let route = tables.routes[numberClass] else {
            course.steps.append(.noRoute(class: className))
            return .refuse(
                Refusal(code: .noRoute, reason: "there is no route for \(className) numbers"))
        }
        let choices = choices(route, sent: nil, number, &course)
        if choices.isEmpty {
            let caller = course.rights?.extension ?? "this caller"
            return .refuse(
                Refusal(
                    code: .noRoute,
                    reason: "no route for \(className) numbers is open to \(caller)"))
        }
        return .routes(choices)
    }

    /// - Parameter sent: what is sent whatever the route says: an emergency number, which no group and
    ///   no hours keep from any way.
    private func choices(
        _ route: RouteTable, sent: String?, _ number: DialString, _ course: inout Course
    ) -> [RouteChoice] {
        guard let rights = course.rights else { return [] }
        var choices: [RouteChoice] = []
        choices.reserveCapacity(route.alternatives.count)
        let line = line(of: rights.extension)
        let wish = sent == nil ? grantedWish(&course) : nil
        for alternative in route.alternatives {
            if sent == nil, isPassed(alternative, route, &course) { continue }
            let via: RouteChoice.Via
            switch alternative.way {
            case .trunk(let trunk): via = .trunk(trunk)
            case .lines(let name): via = .lines(name)
            case .line:
                guard let line else {
                    course.steps.append(.withoutLine(rights.extension, place: route.place))
                    continue
                }
                via = .line(line)
            }
            var choice = RouteChoice(
                via: via, number: sent ?? form(alternative.send, course.query, number),
                presented: presented(alternative, rights.extension, line: line, wish),
                down: isDown(via, course.query.down))
            choice.stage = alternative.stage
            choice.selection = alternative.selection
            course.steps.append(.alternative(choice, place: route.place))
            choices.append(choice)
        }
        return choices
    }

    /// Whether the hours or the caller's groups keep it from a way out.
    private func isPassed(
        _ alternative: RouteTable.Alternative, _ route: RouteTable, _ course: inout Course
    ) -> Bool {
        if let time = alternative.time, let why = pass(time, course.query.time),
            case .hours(let hours, let isOpen) = why
        {
            course.steps.append(
                .wayClosed(alternative.name, hours: hours, isOpen: isOpen, place: route.place))
            return true
        }
        guard tables.calls.hasGroupLimits, let packed = course.rights?.packed else { return false }
        var refusing: GroupTable?
        for index in tables.calls.groupIndex.find(packed) {
            let group = tables.calls.groups[Int(index)]
            guard let uses = group.uses else { continue }
            if uses.contains(alternative.name) { return false }
            if refusing == nil { refusing = group }
        }
        guard let refusing else { return false }
        course.steps.append(
            .wayForbidden(alternative.name, group: refusing.name, place: refusing.place))
        return true
    }

    private func form(_ form: SendForm, _ query: Query, _ number: DialString) -> String {
        guard case .asDialled = form else {
            return tables.forms.form(form, dialled: "", normalised: number)
        }
        // A number that was not dialled as it stands has no dialled form.
        let isDialled = query.target == nil && normalise(query.dialled) == number.text
        return tables.forms.form(
            form, dialled: isDialled ? query.dialled : number.text, normalised: number)
    }

    /// The number that the caller's phone asks to present, in its normalised form, when the caller or
    /// one of its groups may present it.
    private func grantedWish(_ course: inout Course) -> DialString? {
        guard let wish = course.query.wish, !course.isSentOn, let rights = course.rights,
            let packed = rights.packed
        else { return nil }
        let own = course.query.settings(rights.extension)?.presents ?? []
        let said = tables.calls.phoneIndex.find(packed)
        let number = normalise(wish)
        if let number {
            let phones = said.lazy.map { tables.calls.phones[Int($0)] }.first { phones in
                phones.presents.contains { $0.contains(number) }
            }
            if phones != nil || own.contains(where: { range($0)?.contains(number) == true }) {
                course.steps.append(
                    .wishGranted(wish, to: rights.extension, place: phones?.place))
                return DialString(number)
            }
        }
        var refusing: String?
        for index in tables.calls.groupIndex.find(packed) {
            let group = tables.calls.groups[Int(index)]
            guard let presents = group.presents else { continue }
            if let number, presents.contains(where: { $0.contains(number) }) {
                course.steps.append(.wish(wish, isGranted: true, group: group.name))
                return DialString(number)
            }
            if refusing == nil { refusing = group.name }
        }
        course.steps.append(.wish(wish, isGranted: false, group: refusing))
        return nil
    }

    /// A number that an extension may be let present, or a range of them, as its site normalises them:
    /// `4001234567`, `+8631166770000-+8631166770009`. Nil for what cannot be read so.
    public func presentable(_ text: String, by extension: String) -> NumberRange? {
        own(`extension`).range(text)
    }

    /// A number or a range of numbers in their normalised form.
    private func range(_ text: String) -> NumberRange? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
            .map { normalise(String($0)) }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1]
        else { return nil }
        return NumberRange(first: first, last: last)
    }

    private func presented(
        _ alternative: RouteTable.Alternative, _ caller: String, line: String?, _ wish: DialString?
    ) -> String? {
        if let wish, case .trunk = alternative.way {
            let form: SendForm =
                alternative.present.first?.isInternational == true
                ? .e164 : .national
            return tables.forms.form(form, dialled: "", normalised: wish)
        }
        for template in alternative.present {
            if let text = template.filled(extension: caller, line: line) { return text }
        }
        return alternative.way == .line ? line : nil
    }

    func isDown(_ via: RouteChoice.Via, _ down: Set<String>) -> Bool {
        if down.isEmpty { return false }
        switch via {
        case .line(let number): return down.contains("line") || down.contains(number)
        case .lines(let name): return down.contains("line") || down.contains(name)
        case .trunk(let name): return down.contains(name)
        }
    }

    /// The ways the plan names, then the caller's own line, then every trunk.
    func emergency(_ number: DialString, _ text: String, _ course: inout Course) -> Decision {
        course.steps.append(.emergency(text))
        course.normalised = text
        course.numberClass = PlanTables.emergencyName
        var choices: [RouteChoice] = []
        if let route = tables.emergencyRoute {
            choices = self.choices(route, sent: text, number, &course)
        }
        let line = course.rights.flatMap { self.line(of: $0.extension) }
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
                via: via, number: text, presented: presented, down: isDown(via, course.query.down))
            course.steps.append(.alternative(choice, place: nil))
            choices.append(choice)
        }
        return finish(.emergency(choices), course)
    }
}
