// Calls that are sent on: out again from outside, and to where the caller's own level may not call.

extension FraudAnalysis {
    // MARK: From outside

    /// Somebody outside who is taken out again on the account of somebody inside.
    struct OutsideFinding {
        var caller: Caller
        var dialled: String
        /// Who pays; nil where nobody does: the plan hands the call to a trunk that it calls out on.
        var rights: String?
        /// The number that is called then, in its one form, and its class.
        var number: String
        var numberClass: String?
        var way: RouteChoice
        var place: Place?

        /// Who pays for which number, or by which way without being paid.
        var payment: [String] {
            guard let rights else { return ["", way.via.description, place?.description ?? ""] }
            return [rights, way.number]
        }
    }

    /// Trunks and lines from which a call goes out again, where it costs.
    mutating func outsideIn() -> [OutsideFinding] {
        var numbers: [String] = []
        for numberClass in plan.tables.routes.indices where plan.tables.routes[numberClass] != nil {
            let first = reader.classOf.firstIndex(of: numberClass)
            if let first { numbers += reader.classes[first].examples.prefix(1) }
        }
        // What is sent on is among the senders: of lines and extensions a few show the rest.
        let lines =
            (plan.lines.prefix(Self.senderLimit).map(\.lines)
            + plan.tables.calls.lineTargets.prefix(Self.senderLimit).map(\.lines)).map { $0[0] }
        numbers += lines + plan.extensions.prefix(Self.senderLimit).map { $0[0] }
        numbers += senders.filter { !numbers.contains($0) }
        var asked: [(caller: Caller, dialled: String)] = lines.map { (.line($0), $0) }
        for trunk in plan.tables.trunks {
            let own = plan.tables.calls.inbound[trunk]?.patterns.map(\.example) ?? []
            asked += (own + numbers).map { (.trunk(trunk), $0) }
        }
        var told: Set<[String]> = []
        return plan.waysOut(of: asked, notIn: &told, &limits)
    }

    /// How often one call is followed when it is sent on.
    static let sendingOnDepth = 3
    /// Extensions and lines that send calls on of which each is looked at.
    static let senderLimit = 256

    /// Outside what most hours call open.
    static let sundayNight = CivilTime(year: 2026, month: 1, day: 4, minuteOfDay: 1380)

    // MARK: From inside

    /// A level that reaches a class it may not, since the plan sends the call on there with the rights
    /// of somebody else.
    struct SentOnFinding {
        var level: String
        /// Other levels that get there in the same way.
        var others: [String]
        var caller: String
        var outcome: OutsideFinding
    }

    /// What the plan sends on for somebody inside who may not call there.
    ///
    /// A user's own forwarding needs no look: it is made with that user's level, which the plan asks
    /// both when it is set and when it happens.
    ///
    /// - Parameter told: what is sent out for callers from outside, which is told already.
    mutating func sentOn(besides told: [OutsideFinding]) -> [SentOnFinding] {
        var findings: [[String]: SentOnFinding] = [:]
        var order: [[String]] = []
        let known = Set(told.map(\.payment))
        for dialled in senders {
            guard let caller = callers.first(where: { $0 != dialled }) else { continue }
            for time in [Expectation.usualTime, Self.sundayNight] {
                for (level, payer) in plan.tables.levels.flatMap({ level in
                    plan.levels.map { (level, $0) }
                }) {
                    let query = Query(
                        caller: .extension(caller, level: level.name), dialled: dialled, time: time
                    ) { _ in ExtensionSettings(level: payer) }
                    for outcome in plan.waysOut(of: query, &limits) {
                        let key = outcome.payment
                        guard outcome.rights != caller, !known.contains(key),
                            let name = outcome.numberClass,
                            let numberClass = plan.tables.classNames.firstIndex(of: name),
                            level.grants[numberClass] == nil
                        else { continue }
                        if findings[key] == nil {
                            order.append(key)
                            findings[key] = SentOnFinding(
                                level: level.name, others: [], caller: caller, outcome: outcome)
                        } else if findings[key]?.level != level.name,
                            findings[key]?.others.contains(level.name) == false
                        {
                            findings[key]?.others.append(level.name)
                        }
                    }
                }
            }
        }
        return order.compactMap { findings[$0] }
    }

    private var senders: [String] {
        mutating get { plan.senders(&limits) }
    }

    // MARK: As dialled

    /// Levels that reach a class because a route sends what was dialled, and normalising has made
    /// another number of it than the network does.
    mutating func levelsBehindDialled() -> [LevelFinding] {
        var findings: [LevelFinding] = []
        var told: Set<[String]> = []
        for (numberClass, route) in plan.tables.routes.enumerated() {
            let sends = route?.alternatives.map(\.send) ?? []
            guard sends.contains(where: \.isAsDialled) else { continue }
            for pattern in reader.rewrites {
                for (reading, other) in reader.classed(Reading(dialled: pattern), &limits)
                where reader.classOf[other] != numberClass {
                    for level in plan.tables.levels
                    where level.grants[numberClass] != nil
                        && level.grants[reader.classOf[other]] == nil
                    {
                        let proof = reading.dialled.examples.firstResult {
                            self.proof(sentAsDialled: $0, level, numberClass)
                        }
                        guard let proof,
                            told.insert([proof.level, proof.numberClass]).inserted
                        else { continue }
                        findings.append(proof)
                    }
                }
            }
        }
        return findings
    }

    private func proof(
        sentAsDialled dialled: String, _ level: LevelTable, _ numberClass: Int
    ) -> LevelFinding? {
        for caller in callers {
            let decision = decide(caller, level.name, dialled)
            guard decision.numberClass == plan.tables.classNames[numberClass],
                case .routes(let choices) = decision.outcome,
                let way = choices.first(where: { $0.number == dialled })
            else { continue }
            // What the network makes of it, and what the plan would say if that had been dialled.
            let meant = scheme.reading(of: dialled)
            guard meant != decision.normalised, let keys = DialString(meant),
                let entry = plan.tables.classifier.match(keys)
            else { continue }
            let other = Int(plan.tables.entries[entry].numberClass)
            guard other != numberClass, level.grants[other] == nil else { continue }
            return LevelFinding(
                numberClass: plan.tables.classNames[other], level: level.name, others: [],
                caller: caller, dialled: dialled, way: way, meant: meant, kind: nil, entry: entry)
        }
        return nil
    }
}

extension Plan {
    /// The ways out of calls from outside, at a usual hour and outside what most hours call open.
    ///
    /// - Parameter told: payments that are known already; those of the findings are added.
    func waysOut(
        of asked: [(caller: Caller, dialled: String)], notIn told: inout Set<[String]>,
        _ limits: inout Set<FraudAnalysis.Limit>
    ) -> [FraudAnalysis.OutsideFinding] {
        var findings: [FraudAnalysis.OutsideFinding] = []
        for (caller, dialled) in asked {
            for time in [Expectation.usualTime, FraudAnalysis.sundayNight] {
                // Whoever forwards may hold any level.
                for level in levels {
                    let query = Query(caller: caller, dialled: dialled, time: time) { _ in
                        ExtensionSettings(level: level)
                    }
                    findings += waysOut(of: query, &limits)
                        .filter { told.insert($0.payment).inserted }
                }
            }
        }
        return findings
    }

    /// The ways out of a call from outside, also those it takes when nobody answers.
    func waysOut(
        of query: Query, depth: Int = FraudAnalysis.sendingOnDepth, sentFrom earlier: Place? = nil,
        _ limits: inout Set<FraudAnalysis.Limit>
    ) -> [FraudAnalysis.OutsideFinding] {
        let decision = decide(query)
        let place = decision.explanation.lazy.compactMap(\.sendingPlace).last ?? earlier
        var targets: [Target] = []
        var from: String?
        switch decision.outcome {
        case .routes(let choices):
            guard let way = choices.first else { return [] }
            let rights = decision.rights
            // A trunk that is told a number of our own, as one to a voice mail, is no finding; one that
            // routes call out on, with whatever number somebody outside likes, is.
            if rights == nil, !isRouted(way.via) || !decision.isOfCallersChoice { return [] }
            return [
                FraudAnalysis.OutsideFinding(
                    caller: query.caller, dialled: query.dialled, rights: rights,
                    number: decision.normalised, numberClass: decision.numberClass, way: way,
                    place: place)
            ]
        case .ring(let number):
            from = number
            let fallbacks = decision.fallbacks
            targets = [fallbacks.busy, fallbacks.noAnswer, fallbacks.unregistered]
                .compactMap { $0?.target }
        case .ringGroup(let group):
            from = group.name
            targets = group.overflow.map { [$0] } ?? []
        case .emergency, .feature, .askPIN, .refuse: break
        }
        guard depth > 0 else {
            if !targets.isEmpty { limits.insert(.sendingOn) }
            return []
        }
        var findings: [FraudAnalysis.OutsideFinding] = []
        for target in targets {
            let own = decision.explanation.lazy.compactMap { $0.place(sendingTo: target) }.first
            findings += waysOut(
                of: query.diverted(to: target, from: from), depth: depth - 1,
                sentFrom: own ?? place, &limits)
        }
        return findings
    }

    /// Whether some route calls out on a trunk.
    private func isRouted(_ via: RouteChoice.Via) -> Bool {
        guard case .trunk(let name) = via else { return false }
        return tables.routes.contains { route in
            route?.alternatives.contains { $0.way == .trunk(name) } ?? false
        }
    }

    /// One extension of each stretch that a `forward` speaks of, and one line of each mapping that
    /// rings something else.
    func senders(_ limits: inout Set<FraudAnalysis.Limit>) -> [String] {
        let forwarding = tables.calls.forwardIndex.firstNumbers.filter(hasOwnExtension)
        let lines = tables.calls.lineTargets.map { $0.lines[0] }
        let all = forwarding + lines
        if all.count > FraudAnalysis.senderLimit { limits.insert(.senders) }
        return Array(all.prefix(FraudAnalysis.senderLimit))
    }
}

extension Decision {
    /// Whether an inbound route has taken the call that is for more numbers than one.
    fileprivate var isOfCallersChoice: Bool {
        explanation.contains { step in
            guard case .inbound(_, let pattern, _) = step else { return false }
            return pattern?.utf8.contains { !(0x30...0x39).contains($0) } ?? true
        }
    }
}

extension SendForm {
    var isAsDialled: Bool {
        if case .asDialled = self { return true }
        return false
    }
}

extension Step {
    /// Where the plan says that an unanswered call goes to a target.
    fileprivate func place(sendingTo target: Target) -> Place? {
        if case .fallback(_, _, target, let place) = self { return place }
        return nil
    }

    /// Where the plan says that a call goes on.
    fileprivate var sendingPlace: Place? {
        if case .target(_, nil, let place) = self { return place }
        if case .fallback(_, _, _, let place) = self { return place }
        if case .group(_, let place) = self { return place }
        return nil
    }
}
