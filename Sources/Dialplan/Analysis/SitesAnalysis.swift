/// What one site sends on for somebody at another who may not call there. The check of each site alone
/// sees its own callers only.
struct SitesAnalysis {
    /// The main plan with all others.
    let plan: Plan
    var limits: Set<FraudAnalysis.Limit> = []

    init(_ plan: Plan) { self.plan = plan }

    struct Finding {
        /// The site of the caller, and the one that sends the call on.
        var site: String
        var sender: String
        var call: FraudAnalysis.SentOnFinding
    }

    mutating func findings() -> [Finding] {
        var findings: [Finding] = []
        for sender in plan.siteNames.compactMap(plan.plan(ofSite:)) {
            let numbers = sender.senders(&limits)
            for site in plan.siteNames.compactMap(plan.plan(ofSite:))
            where site.site.name != sender.site.name {
                findings += numbers.flatMap { sent($0, by: sender, for: site) }
            }
        }
        return findings
    }

    /// Calls from outside that one site takes in and another sends out again, on the account of somebody
    /// inside.
    mutating func outsideIn() -> [FraudAnalysis.OutsideFinding] {
        var findings: [FraudAnalysis.OutsideFinding] = []
        var told: Set<[String]> = []
        for site in plan.siteNames.compactMap(plan.plan(ofSite:)) {
            let calls = site.tables.calls
            let lines = calls.lineTargets.map { $0.lines[0] }
            var asked: [(caller: Caller, dialled: String)] = lines.map { (.line($0), $0) }
            for (trunk, table) in calls.inbound.sorted(by: { $0.key < $1.key }) {
                asked += table.patterns.map { (.trunk(trunk), $0.example) }
                // A number that is nobody's shows where the rest goes.
                if table.rest != nil { asked.append((.trunk(trunk), "0")) }
            }
            if let trunk = site.tables.trunks.first {
                asked += site.senders(&limits).map { (.trunk(trunk), $0) }
            }
            findings += plan.waysOut(of: asked, notIn: &told, &limits)
        }
        return findings
    }

    /// What becomes of a number of one site, dialled at another with each of its levels.
    private mutating func sent(
        _ dialled: String, by sender: Plan, for site: Plan
    ) -> [Finding] {
        guard let caller = site.extensions.lazy.map({ $0[0] }).first(where: site.hasOwnExtension)
        else { return [] }
        var findings: [[String]: Finding] = [:]
        var order: [[String]] = []
        for time in [Expectation.usualTime, FraudAnalysis.sundayNight] {
            for level in site.tables.levels.map(\.name) {
                let reached = sender.tables.levels.map(\.name).flatMap { payer in
                    let query = Query(
                        caller: .extension(caller, level: level), dialled: dialled, time: time
                    ) { number in
                        site.hasOwnExtension(number) ? nil : ExtensionSettings(level: payer)
                    }
                    return plan.waysOut(of: query, &limits)
                }
                for outcome in reached
                where outcome.rights != caller
                    && !mayCall(outcome.number, of: sender, caller, level, at: site, time)
                {
                    let key = outcome.payment
                    if findings[key] == nil {
                        order.append(key)
                        findings[key] = Finding(
                            site: site.site.name, sender: sender.site.name,
                            call: FraudAnalysis.SentOnFinding(
                                level: level, others: [], caller: caller, outcome: outcome))
                    } else if findings[key]?.call.level != level,
                        findings[key]?.call.others.contains(level) == false
                    {
                        findings[key]?.call.others.append(level)
                    }
                }
            }
        }
        return order.compactMap { findings[$0] }
    }

    /// Whether somebody may call a number of another site's plan from the own phone.
    private func mayCall(
        _ number: String, of sender: Plan, _ caller: String, _ level: String, at site: Plan,
        _ time: CivilTime
    ) -> Bool {
        let decision = plan.decide(
            Query(
                caller: .extension(caller, level: level),
                dialled: sender.spelled(number, at: site.site), time: time))
        guard case .refuse(let refusal) = decision.outcome else { return true }
        // Any other refusal is none of the level's.
        return refusal.code != .level && refusal.code != .unknownNumber
    }
}
