// Feature codes: what is switched, and what is a call after all.

extension Plan {
    func decide(
        _ table: FeatureTable, _ arguments: FeatureTable.Arguments, _ course: inout Course
    ) -> Decision {
        guard let caller = course.rights?.extension else {
            return refuse(.invalid, "only an extension has features", course)
        }
        course.steps.append(
            .feature(table.feature, table.action, code: table.text, place: table.place))
        var call = FeatureCall(
            feature: table.feature, action: table.action, extension: caller,
            number: arguments.number, code: arguments.code)
        switch table.feature {
        case .callByPIN: return callByPIN(arguments, caller, &course)
        case .redial:
            return recall(.redial, nil, course.query.settings(caller)?.lastDialled, &course)
        case .speedDial where table.action == .use:
            let number = arguments.code.flatMap {
                course.query.settings(caller)?.speedDial[$0]
            }
            return recall(.speedDial, arguments.code, number, &course)
        case .speedDial where table.action == .on:
            if let number = arguments.number, let refusal = storing(number, course) {
                return refusal
            }
        case .forwardAlways, .forwardBusy, .forwardNoAnswer, .forwardUnregistered:
            if table.action == .on, let number = arguments.number,
                let refusal = forwarding(to: number, by: caller, &course)
            {
                return refusal
            }
        case .lock:
            // Its user could never unlock it.
            if table.action == .on, course.query.settings(caller)?.hasPIN == false {
                course.steps.append(.pinMissing(caller))
                return refuse(.pin, "\(caller) has no PIN that could unlock it", course)
            }
            // Unlocking needs the PIN always, locking where the code has a place for it.
            if table.action == .off || arguments.pin != nil,
                let decision = ask(
                    caller, digits: arguments.pin, for: "feature \(table.feature.rawValue)",
                    &course)
            {
                return decision
            }
        case .pickup: call.groups = groups(of: caller)
        case .pickupExtension:
            guard let number = arguments.extension,
                hasOwnExtension(number) || isElsewhere(number)
            else {
                let number = arguments.extension ?? ""
                course.steps.append(.unclassified(number))
                return refuse(.unknownNumber, "\(number) is no extension", course)
            }
            call.number = number
            let right = pickup(at: number, by: caller)
            course.steps.append(.pickup(right, at: number, by: caller))
            guard right.isGiven else {
                return refuse(
                    .group, "\(caller) has no group in common with \(number)", course)
            }
        case .doNotDisturb, .callWaiting, .balance, .redeem, .park, .retrieve, .speedDial: break
        }
        return finish(.feature(call), course)
    }

    /// Nil when calls may be forwarded there: it is decided as the forwarded call would be.
    private func forwarding(
        to number: String, by caller: String, _ course: inout Course
    ) -> Decision? {
        var trial = course
        trial.isSentOn = true
        trial.forwardedBy = [caller]
        if let level = course.query.settings(caller)?.level {
            trial.rights = Course.Rights(caller, level: level)
        }
        // Else whoever finds a locked phone would call by forwarding it.
        lock(caller, &trial)
        let decision = decide(calling: number, &trial)
        course.steps = trial.steps
        switch decision.outcome {
        case .ring(caller): return refuse(.forwarding, "a phone cannot forward to itself", course)
        case .refuse(let refusal): return finish(.refuse(refusal), course)
        case .ring, .ringGroup, .routes, .emergency, .feature, .askPIN: return nil
        }
    }

    /// Nil when a number may be stored: whatever may be called at some hour by somebody. What is no
    /// number, such as a code, would be found out only when it is needed.
    private func storing(_ number: String, _ course: Course) -> Decision? {
        var trial = course
        let decision = decide(calling: number, &trial)
        guard case .refuse(let refusal) = decision.outcome, refusal.code == .unknownNumber else {
            return nil
        }
        return finish(.refuse(refusal), trial)
    }

    private func recall(
        _ feature: Feature, _ entry: String?, _ number: String?, _ course: inout Course
    ) -> Decision {
        course.steps.append(.recalled(feature, entry: entry, number: number))
        guard let number else {
            return refuse(.unknownNumber, "\(feature.rawValue) has no number yet", course)
        }
        course.called = number
        if let caller = course.rights?.extension { lock(caller, &course) }
        return decide(calling: number, &course)
    }

    func callByPIN(
        _ arguments: FeatureTable.Arguments, _ caller: String, _ course: inout Course
    ) -> Decision {
        let owner = arguments.extension ?? caller
        let number = arguments.number ?? ""
        // No PIN stands before an emergency number.
        var steps = course.steps
        if case .emergency(let keys, let text) = read(number, &steps) {
            course.steps = steps
            return emergency(keys, text, &course)
        }
        // The level is one of the owner's own site, and so are the ways out.
        if isElsewhere(owner) { return hand(.callByPIN(arguments, of: owner), course) }
        // Who tries extensions learns nothing from it: one that is none has no PIN either.
        guard hasOwnExtension(owner) else {
            course.steps.append(.pinMissing(owner))
            return refuse(.pin, "feature call-by-pin asks for a PIN, and \(owner) has none", course)
        }
        if let decision = ask(
            owner, digits: arguments.pin, for: "feature \(Feature.callByPIN.rawValue)", &course)
        {
            return decision
        }
        course.steps.append(.pin(course.query.pin))
        course.called = number
        // The subscriber's own level, also where the phone is locked.
        takeRights(of: owner, &course)
        return decide(calling: number, &course)
    }
}
