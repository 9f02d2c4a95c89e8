extension Plan {
    /// Decides a call by the plan of one site; `Plan.decide` joins the sites.
    func decideAlone(_ query: Query) -> Decision {
        var course = Course(query)
        course.steps.append(.dialled(query.dialled, by: query.caller))
        switch query.caller {
        case .extension(let number, let level):
            return decide(from: number, level: level, &course)
        case .line(let line):
            if let target = query.target { return divert(to: target, &course) }
            return decide(ringing: line, &course)
        case .trunk(let trunk):
            if let target = query.target { return divert(to: target, &course) }
            return decide(from: trunk, &course)
        }
    }

    /// The one form of a number; nil when it cannot be read. Normalising it again changes nothing.
    public func normalise(_ number: String) -> String? {
        var steps: [Step] = []
        switch read(number, &steps) {
        case .number(_, let text), .emergency(_, let text): return text
        case .feature, .unreadable: return nil
        }
    }

    func finish(_ outcome: Outcome, _ course: Course) -> Decision {
        var decision = Decision(
            outcome: outcome, dialled: course.query.dialled, normalised: course.normalised,
            numberClass: course.numberClass, limitMilliseconds: course.limit,
            rights: course.rights?.extension, explanation: course.steps, planVersion: version)
        decision.called = course.called
        decision.fallbacks = course.fallbacks
        return decision
    }

    func refuse(_ code: Refusal.Code, _ reason: String, _ course: Course) -> Decision {
        finish(.refuse(Refusal(code: code, reason: reason)), course)
    }
}

// MARK: - Reading what was dialled

extension Plan {
    /// How a number was read: its keys, and the same as text.
    enum Reading {
        case number(DialString, String)
        case emergency(DialString, String)
        case feature(FeatureTable, FeatureTable.Arguments)
        case unreadable(Step.Unreadable)
    }

    /// Brings a number to its one form, noting every step.
    ///
    /// - Parameter features: whether a feature code is looked for, which only the caller's own dialling
    ///   may be.
    func read(_ dialled: String, features: Bool = false, _ steps: inout [Step]) -> Reading {
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
        if features, tables.calls.featureKeys.contains(number[0]), !number.isEmergency {
            for feature in tables.calls.features {
                if let arguments = feature.match(number) { return .feature(feature, arguments) }
            }
        }
        for _ in 0...PlanLimits.rewrites {
            if number.isEmergency { return .emergency(number, text) }
            guard let rule = tables.rewriter.match(number) else { return .number(number, text) }
            let rewrite = tables.rewrites[rule]
            guard let next = rewrite.form.apply(to: number) else { return .unreadable(.tooLong) }
            let nextText = next.text
            steps.append(
                rewrite.isShortCode
                    ? .shortCode(text, to: nextText, place: rewrite.place)
                    : .rewritten(
                        from: text, to: nextText, pattern: rewrite.pattern, place: rewrite.place))
            number = next
            text = nextText
        }
        return .unreadable(.endless)
    }

    func refuse(_ dialled: String, unreadable why: Step.Unreadable, _ course: Course) -> Decision {
        var course = course
        course.steps.append(.unreadable(dialled, why))
        course.normalised = course.query.dialled
        return refuse(.invalid, "what was dialled \(why.rawValue)", course)
    }
}

// MARK: - From inside

extension Plan {
    private func decide(from number: String, level: String, _ course: inout Course) -> Decision {
        course.rights = Course.Rights(number, level: level)
        let reading = read(course.query.dialled, features: true, &course.steps)
        if case .emergency(let keys, let text) = reading {
            return emergency(keys, text, &course)
        }
        if let target = course.query.target { return divert(to: target, &course) }
        if case .feature(let feature, let arguments) = reading {
            return decide(feature, arguments, &course)
        }
        lock(number, &course)
        switch reading {
        case .number(let keys, let text): return decide(keys, text, &course)
        case .unreadable(let why): return refuse(course.query.dialled, unreadable: why, course)
        case .emergency, .feature: return finish(.refuse(.impossible), course)
        }
    }

    /// A locked phone may what its subscriber and the level `locked` both may.
    func lock(_ number: String, _ course: inout Course) {
        guard course.query.settings(number)?.isLocked == true else { return }
        let level = tables.levelNumbers[Self.lockedLevel] == nil ? nil : Self.lockedLevel
        course.rights?.isLocked = true
        course.steps.append(.locked(number, level: level))
    }

    /// The level that bounds a locked phone, where the plan defines it.
    static let lockedLevel = "locked"

    /// Decides a call to a number that was not dialled as it stands: a forwarding, a speed dial entry.
    func decide(calling number: String, _ course: inout Course) -> Decision {
        switch read(number, &course.steps) {
        case .number(let keys, let text): return decide(keys, text, &course)
        case .emergency(let keys, let text):
            guard course.isSentOn else { return emergency(keys, text, &course) }
            course.steps.append(.unreadable(text, .emergency))
            return refuse(.forwarding, "no call is sent on to an emergency number", course)
        case .unreadable(let why): return refuse(number, unreadable: why, course)
        case .feature: return finish(.refuse(.impossible), course)
        }
    }

    /// Decides a call to a normalised number with the rights of the course.
    private func decide(
        _ number: DialString, _ text: String, _ course: inout Course
    ) -> Decision {
        course.normalised = text
        course.numberClass = nil
        if let destination = inside(text, &course.steps) {
            return decide(number, to: destination, &course)
        }
        guard let found = tables.classifier.match(number) else {
            course.steps.append(.unclassified(text))
            let refusal =
                rules(number, nil, &course).refusal
                ?? Refusal(
                    code: .unknownNumber, reason: "\(text) is no number that can be called")
            return finish(.refuse(refusal), course)
        }
        let entry = tables.entries[found]
        let numberClass = Int(entry.numberClass)
        let className = tables.classNames[numberClass]
        course.numberClass = className
        course.steps.append(
            .classified(
                text, class: className, pattern: entry.pattern,
                place: Place(file: tables.files[Int(entry.file)], line: Int(entry.line))))
        if let decision = permission(number, numberClass, &course) { return decision }
        return finish(route(number, numberClass, &course), course)
    }

    /// Level, rules and PIN of a call; nil when it may be made.
    private func permission(
        _ number: DialString, _ numberClass: Int, _ course: inout Course
    ) -> Decision? {
        let refusal = level(numberClass, &course)
        if let refusal, !tables.calls.hasAllowingRules { return finish(.refuse(refusal), course) }
        let verdict = rules(number, numberClass, &course)
        if let refusal = verdict.refusal { return finish(.refuse(refusal), course) }
        if let refusal, !verdict.allows { return finish(.refuse(refusal), course) }
        course.shorten(to: verdict.limit)
        guard let rule = verdict.asksPIN, let owner = course.rights?.extension else { return nil }
        if course.isSentOn {
            return refuse(.pin, "rule \(rule) asks for a PIN, and nobody can be asked", course)
        }
        return ask(owner, digits: nil, for: "rule \(rule)", &course)
    }

    /// Nil when the PIN was given and right.
    func ask(
        _ owner: String, digits: String?, for reason: String, _ course: inout Course
    ) -> Decision? {
        switch course.query.pin {
        case .verified(owner): return nil
        case .wrong(owner):
            course.steps.append(.pin(course.query.pin))
            return refuse(.pin, "the PIN is wrong", course)
        case .lockedOut(owner):
            course.steps.append(.pin(course.query.pin))
            return refuse(.pin, "too many wrong PINs: none is looked at for a while", course)
        case .notAsked, .verified, .wrong, .lockedOut: break
        }
        if let settings = course.query.settings(owner), !settings.hasPIN {
            course.steps.append(.pinMissing(owner))
            return refuse(.pin, "\(reason) asks for a PIN, and \(owner) has none", course)
        }
        return finish(
            .askPIN(PINRequest(extension: owner, digits: digits, reason: reason)), course)
    }

    /// Something of this site that a number reaches.
    enum Destination {
        case `extension`(String)
        /// A direct line that rings something else.
        case targets(String, [TimedTarget])
        /// The same of another site, which knows what the line rings.
        case elsewhere(String, site: Int)
    }

    /// What a number reaches inside: an extension, or what a direct line of the site rings.
    func inside(_ number: String, _ steps: inout [Step]) -> Destination? {
        guard let packed = PackedNumber(number) else { return nil }
        if let index = tables.extensionIndex.find(packed) {
            steps.append(.extension(number, place: tables.extensionPlaces[index]))
            return .extension(number)
        }
        if let index = tables.elsewhere.extensions.find(packed) {
            steps.append(.extension(number, place: tables.elsewhere.places[index]))
            return .extension(number)
        }
        if let found = mapping(ofLine: number) {
            steps.append(
                .line(number, rings: found.extension, place: tables.linePlaces[found.index]))
            return .extension(found.extension)
        }
        if let index = tables.calls.lineTargetIndex.find(packed) {
            return .targets(number, tables.calls.lineTargets[index].targets)
        }
        guard let index = tables.elsewhere.lineIndex.find(packed) else { return nil }
        let lines = tables.elsewhere.lines[index]
        guard let offset = lines.here.offset(of: packed) else { return nil }
        guard let extensions = lines.extensions else {
            return .elsewhere(lines.there[offset], site: lines.site)
        }
        steps.append(.line(number, rings: extensions[offset], place: lines.place))
        return .extension(extensions[offset])
    }

    private func decide(
        _ number: DialString, to destination: Destination, _ course: inout Course
    ) -> Decision {
        course.numberClass = PlanTables.internalName
        switch destination {
        case .extension(let target):
            // What is said of an extension holds for its line too.
            let keys = DialString(target) ?? number
            if let decision = permission(keys, PlanTables.internalClass, &course) {
                return decision
            }
            if let refusal = access(to: target, &course) {
                return finish(.refuse(refusal), course)
            }
            return ring(target, &course)
        case .targets(let line, let targets):
            if let decision = permission(number, PlanTables.internalClass, &course) {
                return decision
            }
            return take(targets, of: line, &course)
        case .elsewhere(let line, let site):
            if let decision = permission(number, PlanTables.internalClass, &course) {
                return decision
            }
            // Nobody there is in a group that one here may name.
            if let refusal = access(toOthersBy: line, { _ in false }, &course) {
                return finish(.refuse(refusal), course)
            }
            return hand(.line(line, site: site), course)
        }
    }

    /// Leaves a call to another site.
    func hand(_ handover: Handover, _ course: Course) -> Decision {
        var decision = finish(.refuse(.impossible), course)
        decision.handover = handover
        return decision
    }
}

extension Refusal {
    /// For a case that cannot be met: refusing is the only thing that is never wrong.
    fileprivate static let impossible = Refusal(
        code: .invalid, reason: "what was dialled cannot be called")
}
