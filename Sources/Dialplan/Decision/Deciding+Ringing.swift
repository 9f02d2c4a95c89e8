// What rings, and where a call goes that is sent on.

extension Plan {
    /// Rings an extension, unless its user sends its calls elsewhere or wants none.
    func ring(_ target: String, _ course: inout Course) -> Decision {
        // The plan of its own site goes on from here.
        if !hasOwnExtension(target) { return finish(.ring(extension: target), course) }
        let settings = course.query.settings(target)
        if let refusal = admission(to: target, settings, &course) {
            return finish(.refuse(refusal), course)
        }
        if let number = settings?.forwardAlways {
            course.steps.append(.forwardsAlways(target, to: number))
            return forward(to: number, by: target, &course)
        }
        course.fallbacks = fallbacks(of: target, settings, &course)
        if settings?.doNotDisturb == true {
            course.steps.append(.doNotDisturb(target))
            guard let busy = course.fallbacks.busy else {
                return refuse(.busy, "\(target) does not want to be disturbed", course)
            }
            course.fallbacks = Fallbacks()
            course.passed.insert(target)
            if let forwarder = busy.forwardedBy, case .number(let number, _) = busy.target {
                return forward(to: number, by: forwarder, &course)
            }
            course.diversions += 1
            guard course.diversions <= PlanLimits.diversions else {
                course.steps.append(.forwardedTooOften(by: target))
                return refuse(
                    .forwarding, "the call was forwarded in a circle or too often", course)
            }
            return go(to: busy.target, &course)
        }
        return finish(.ring(extension: target), course)
    }

    /// A user's own forwarding: with its rights and on its account.
    private func forward(
        to number: String, by forwarder: String, _ course: inout Course
    ) -> Decision {
        guard note(forwarder, &course) else {
            return refuse(.forwarding, "the call was forwarded in a circle or too often", course)
        }
        course.isSentOn = true
        takeRights(of: forwarder, &course)
        return decide(calling: number, &course)
    }

    /// False where the extension has forwarded this call before, or it has been sent on too often.
    private func note(_ forwarder: String, _ course: inout Course) -> Bool {
        let isAgain = course.forwardedBy.contains(forwarder)
        course.forwardedBy.append(forwarder)
        course.diversions += 1
        if isAgain || course.diversions > PlanLimits.diversions {
            course.steps.append(.forwardedTooOften(by: forwarder))
            return false
        }
        return true
    }

    func takeRights(of number: String, _ course: inout Course) {
        var level = course.query.settings(number)?.level ?? ""
        if level.isEmpty, case .extension(number, let own) = course.query.caller { level = own }
        course.rights = Course.Rights(number, level: level)
        course.steps.append(.onRightsOf(number, level: level))
    }

    // MARK: Sent on

    /// A call that goes on to where an earlier decision said it would.
    func divert(to target: Target, _ course: inout Course) -> Decision {
        let forwarder = course.query.forwardedBy.last
        course.steps.append(.diverted(to: target, by: forwarder))
        let isAgain = Set(course.forwardedBy).count < course.forwardedBy.count
        if isAgain || course.diversions > PlanLimits.diversions {
            course.steps.append(.forwardedTooOften(by: forwarder ?? site.name))
            return refuse(.forwarding, "the call was forwarded in a circle or too often", course)
        }
        course.isSentOn = true
        if let forwarder {
            takeRights(of: forwarder, &course)
            if course.query.isRedirected { lock(forwarder, &course) }
        }
        if case .line(let line) = course.query.caller { course.normalised = line }
        if let normalised = normalise(course.query.dialled) { course.normalised = normalised }
        return go(to: target, &course)
    }

    func go(to target: Target, _ course: inout Course) -> Decision {
        course.isSentOn = true
        course.numberClass = PlanTables.internalName
        switch target {
        case .extension(let number): return ring(number, &course)
        case .group(let name): return ring(group: name, &course)
        case .number(let number, let payer):
            if course.rights?.extension != payer { takeRights(of: payer, &course) }
            return decide(calling: number, &course)
        case .trunk(let name):
            course.rights = nil
            let choice = RouteChoice(
                via: .trunk(name), number: course.normalised,
                presented: course.query.caller.number ?? course.query.callerNumber,
                down: isDown(.trunk(name), course.query.down))
            course.steps.append(.alternative(choice, place: nil))
            return finish(.routes([choice]), course)
        case .busy: return refuse(.busy, "the plan lets nobody be rung", course)
        }
    }

    /// The first of several targets whose hours hold.
    func take(_ targets: [TimedTarget], of number: String, _ course: inout Course) -> Decision {
        for item in targets {
            let passed = item.time.flatMap { pass($0, course.query.time) }
            course.steps.append(
                .target(item.target.target, passed: passed, place: item.target.place))
            if passed != nil { continue }
            if let refusal = access(to: item.target.target, &course) {
                return finish(.refuse(refusal), course)
            }
            return go(to: item.target.target, &course)
        }
        return refuse(.noRoute, "nobody takes calls to \(number) at this time", course)
    }

    // MARK: Groups

    private func ring(group name: String, _ course: inout Course) -> Decision {
        guard let index = tables.calls.groupNumbers[name] else {
            if tables.elsewhere.groups.contains(name) { return hand(.group(name), course) }
            return refuse(.unknownNumber, "there is no group \(name)", course)
        }
        let group = tables.calls.groups[index]
        course.steps.append(.group(name, place: group.place))
        var stages: [RingGroup.Stage] = []
        for stage in group.stages {
            let members = members(of: stage, name, &course)
            if members.isEmpty { continue }
            stages.append(
                RingGroup.Stage(
                    members: members, strategy: stage.strategy, milliseconds: stage.milliseconds))
        }
        course.passed.insert(name)
        let overflow = group.overflow.flatMap { course.hasPassed($0.target) ? nil : $0 }
        if !stages.isEmpty {
            return finish(
                .ringGroup(RingGroup(name: name, stages: stages, overflow: overflow?.target)),
                course)
        }
        course.diversions += 1
        guard let overflow, course.diversions <= PlanLimits.diversions else {
            return refuse(.busy, "nobody of group \(name) can be rung", course)
        }
        course.steps.append(.target(overflow.target, passed: nil, place: overflow.place))
        return go(to: overflow.target, &course)
    }

    /// The members that may be rung. The caller itself is not.
    private func members(
        of stage: StageTable, _ name: String, _ course: inout Course
    ) -> [String] {
        let ringer = ringer(course.query)
        var members: [String] = []
        for range in stage.members {
            for offset in 0..<range.count {
                let number = range[offset]
                guard let settings = course.query.settings(number) else {
                    if number != course.query.caller.number { members.append(number) }
                    continue
                }
                if settings.doNotDisturb {
                    course.steps.append(
                        .memberPassed(number, group: name, because: .doNotDisturb))
                } else if let level = settings.incomingLevel,
                    tables.calls.incomingNumbers[level]
                        .map({ tables.calls.incoming[$0].allows(ringer) }) != true
                {
                    course.steps.append(
                        .memberPassed(number, group: name, because: .incoming(level: level)))
                } else if number == course.query.caller.number {
                    course.steps.append(.memberPassed(number, group: name, because: .caller))
                } else {
                    members.append(number)
                }
            }
        }
        return members
    }

    // MARK: When nobody takes the call

    /// The user's own forwarding, else what the plan says.
    private func fallbacks(
        of target: String, _ settings: ExtensionSettings?, _ course: inout Course
    ) -> Fallbacks {
        var fallbacks = Fallbacks()
        if let settings, !course.forwardedBy.contains(target) {
            fallbacks.busy = fallback(target, settings.forwardBusy, .busy, &course)
            fallbacks.noAnswer = fallback(target, settings.forwardNoAnswer, .noAnswer, &course)
            fallbacks.unregistered = fallback(
                target, settings.forwardUnregistered, .unregistered, &course)
        }
        guard let packed = PackedNumber(target) else { return fallbacks }
        for index in tables.calls.forwardIndex.find(packed) {
            let forward = tables.calls.forwards[Int(index)]
            // Sending it on to itself, or to where it comes from, would only ring it again.
            guard forward.target.target != .extension(target),
                !course.hasPassed(forward.target.target)
            else { continue }
            let fallback = Fallback(target: forward.target.target)
            switch forward.occasion {
            case .busy:
                guard fallbacks.busy == nil else { continue }
                fallbacks.busy = fallback
            case .noAnswer:
                fallbacks.ringMilliseconds = fallbacks.ringMilliseconds ?? forward.milliseconds
                guard fallbacks.noAnswer == nil else { continue }
                fallbacks.noAnswer = fallback
            case .unregistered:
                guard fallbacks.unregistered == nil else { continue }
                fallbacks.unregistered = fallback
            }
            course.steps.append(
                .fallback(
                    target, forward.occasion, forward.target.target, place: forward.target.place))
        }
        return fallbacks
    }

    private func fallback(
        _ target: String, _ number: String?, _ occasion: Step.Occasion, _ course: inout Course
    ) -> Fallback? {
        guard let number else { return nil }
        let on = Target.number(number, as: target)
        course.steps.append(.fallback(target, occasion, on, place: nil))
        return Fallback(target: on, forwardedBy: target)
    }
}
