// Several sites in one switch: each has a plan of its own, and their extensions call each other.

extension Plan {
    /// Decides a call. Pure and total: the same query gives the same decision, and every query gets
    /// one.
    ///
    /// An emergency number dialled inside is decided before anything that is written in the plan, in
    /// every form on its way to the normalised one. A caller from outside reaches what the plan lets
    /// it reach: lines, extensions and the targets of its inbound routes.
    ///
    /// Where there are several sites, the caller's decides first, and the site of the extension that
    /// is called decides on from there: who may ring it, and where its calls are forwarded. A call by
    /// PIN is decided by the site of whose PIN it is, as if it were dialled there.
    public func decide(_ query: Query) -> Decision {
        if branches.isEmpty { return decideAlone(query) }
        var (deciding, decision) = decideFirst(query)
        for _ in 0..<PlanLimits.diversions {
            if let handover = decision.handover {
                guard let (next, taken) = take(over: handover, query, after: decision) else {
                    break
                }
                (deciding, decision) = (next, taken)
                continue
            }
            guard case .ring(let number) = decision.outcome, let next = site(of: number),
                next != deciding
            else {
                decision.planVersion = version
                return decision
            }
            deciding = next
            decision = plan(next).receive(number, query, after: decision)
        }
        decision.handover = nil
        decision.outcome = .refuse(
            Refusal(code: .forwarding, reason: "the call was forwarded in a circle or too often"))
        decision.planVersion = version
        return decision
    }

    /// The sites by their names, the main one first.
    public var siteNames: [String] { [site.name] + branches.map(\.site.name) }

    /// The plan of one site, for what is said of it alone; nil where none has this name.
    public func plan(ofSite name: String) -> Plan? {
        siteNames.firstIndex(of: name).map { plan($0) }
    }

    /// The main plan is site 0, the others follow.
    private func plan(_ site: Int) -> Plan { site == 0 ? self : branches[site - 1] }

    /// The site that an extension belongs to.
    private func site(of number: String) -> Int? {
        (0...branches.count).first { plan($0).hasOwnExtension(number) }
    }

    private func decideFirst(_ query: Query) -> (site: Int, decision: Decision) {
        if let target = query.target, let site = site(of: target) {
            return (site, plan(site).decideHere(query))
        }
        switch query.caller {
        case .extension(let number, _):
            let site = site(of: number) ?? 0
            return (site, plan(site).decideHere(query))
        case .line, .trunk:
            // The first site that knows what is called; where none does, the main one says so.
            // Whose number it is decides it by its own rules, before one that takes whatever is nobody's.
            var taken: (site: Int, decision: Decision)?
            for site in 0...branches.count {
                let decision = plan(site).decideHere(query)
                guard decision.isKnown else { continue }
                if decision.isFinal(at: plan(site)) { return (site, decision) }
                taken = taken ?? (site, decision)
            }
            return taken ?? (0, decideHere(query))
        }
    }

    private func site(of target: Target) -> Int? {
        switch target {
        case .extension(let number): site(of: number)
        case .number(_, let payer): site(of: payer)
        case .group(let name):
            (0...branches.count).first { plan($0).tables.calls.groupNumbers[name] != nil }
        case .trunk, .busy: nil
        }
    }

    private func decideHere(_ query: Query) -> Decision { decideAlone(here(query)) }

    /// A query with the time that the clock shows at this site.
    private func here(_ query: Query) -> Query {
        guard let time = query.timesElsewhere[site.timezone] else { return query }
        var query = query
        query.time = time
        return query
    }

    /// The time zones of other sites that differ from the main site's, each once.
    public var otherTimezones: [String] {
        var zones: [String] = []
        for zone in branches.map(\.site.timezone)
        where zone != site.timezone && !zones.contains(zone) { zones.append(zone) }
        return zones
    }

    /// What another site decides of a call that was left to it.
    private func take(
        over handover: Handover, _ query: Query, after decision: Decision
    ) -> (site: Int, decision: Decision)? {
        switch handover {
        case .line(let line, let site):
            var course = plan(site).course(query, after: decision)
            guard let packed = PackedNumber(line),
                let index = plan(site).tables.calls.lineTargetIndex.find(packed)
            else { return nil }
            let targets = plan(site).tables.calls.lineTargets[index].targets
            return (site, plan(site).take(targets, of: line, &course))
        case .callByPIN(let arguments, let owner):
            guard let site = site(of: owner), let caller = query.caller.number else { return nil }
            var course = plan(site).course(query, after: decision)
            course.isSentOn = query.target != nil
            return (site, plan(site).callByPIN(arguments, caller, &course))
        case .group(let name):
            guard let site = site(of: .group(name)) else { return nil }
            var course = plan(site).course(query, after: decision)
            return (site, plan(site).go(to: .group(name), &course))
        }
    }

    /// Takes over a call to an extension of this site that another site has let pass.
    private func receive(_ number: String, _ query: Query, after decision: Decision) -> Decision {
        var course = course(query, after: decision)
        return ring(number, &course)
    }

    /// A call as another site has left it.
    private func course(_ query: Query, after decision: Decision) -> Course {
        var course = Course(here(query))
        course.steps = decision.explanation
        course.normalised = decision.normalised
        course.numberClass = decision.numberClass
        course.called = decision.called
        course.limit = decision.limitMilliseconds
        course.rights = decision.rights.map { Course.Rights($0, level: "") }
        course.isSentOn = query.target != nil || decision.rights != query.caller.number
        return course
    }
}

extension Decision {
    /// Whether no other site has more to say of a call from outside: an inbound route names its number,
    /// or it is the site's own.
    fileprivate func isFinal(at plan: Plan) -> Bool {
        for case .inbound(_, let pattern, _) in explanation { return pattern != nil }
        if case .ring(let number) = outcome { return plan.hasOwnExtension(number) }
        return handover == nil
    }

    fileprivate var isKnown: Bool {
        if case .refuse(let refusal) = outcome { return refusal.code != .unknownNumber }
        return true
    }
}
