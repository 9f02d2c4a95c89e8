/// Looks for numbers that get around what a plan forbids, and gives one for each finding.
///
/// A level and a rule look at a number in its one form; the network looks at what is sent out. Where
/// normalising leaves a spelling as it is, the two may see different numbers: `17909` before an
/// international number that a level may not call is, for a plan without a rule for it, perhaps a
/// service number. So every pattern of every class is written in every spelling that the network
/// knows, brought to the form the plan brings it to, and classed. What comes out as something else
/// is a suspicion; each is asked of the plan itself, and only what `decide` confirms is told.
struct FraudAnalysis {
    /// Suspicions kept of one class, for one spelling that comes to one other class.
    static let suspicionsPerKind = 8

    let plan: Plan
    let scheme: NumberingScheme
    let reader: PatternReadings
    private let spellings: [Spelling]
    /// Extensions to ask with: one with a line of its own, one without.
    let callers: [String]
    /// Where it gave up, so that nobody takes its silence for more than it is.
    var limits: Set<Limit> = []
    private var suspicions: [Int: [Suspicion]] = [:]

    /// Bounds of the analysis beyond which it does not look.
    enum Limit: CaseIterable {
        case parts, forms, sendingOn, senders
    }

    /// A number that the plan may take for another than the network does.
    struct Suspicion {
        var dialled: String
        /// The number that the network takes it for, in its one form.
        var meant: String
        /// Nil where the form that a route sends makes the other number.
        var kind: Spelling.Kind?
        /// The pattern that the plan classes it by.
        var entry: Int
    }

    init(_ plan: Plan, _ compiler: Compiler) {
        self.plan = plan
        scheme = NumberingScheme(plan.site)
        reader = PatternReadings(compiler)
        spellings = scheme.spellings
        let withLine = plan.lines.first.map { $0.extensions[0] }
        let without = plan.extensions.lazy.map { $0[0] }.first { plan.line(of: $0) == nil }
        callers = [withLine, without].compactMap { $0 }
    }

    // MARK: Suspicions

    /// The numbers of a class that the plan may take for numbers of another. Looked for once.
    mutating func suspicions(of numberClass: Int) -> [Suspicion] {
        if let known = suspicions[numberClass] { return known }
        let own = reader.classes.indices.filter { reader.classOf[$0] == numberClass }
            .map { reader.classes[$0] }
        let name = plan.tables.classNames[numberClass]
        let found = suspicions(of: own, butNotAs: numberClass) { [plan, callers] number in
            guard let caller = callers.first, let level = plan.levels.first else { return false }
            let query = Query(
                caller: .extension(caller, level: level), dialled: number,
                time: Expectation.usualTime)
            return plan.decide(query).numberClass == name
        }
        suspicions[numberClass] = found
        return found
    }

    /// - Parameters:
    ///   - numberClass: numbers that come out as this class are none; nil to suspect every class.
    ///   - isSubject: whether a number, in its one form, is one of those that are looked into.
    mutating func suspicions(
        of patterns: [Pattern], butNotAs numberClass: Int?, _ isSubject: (String) -> Bool
    ) -> [Suspicion] {
        var found: [Suspicion] = []
        var counts: [[Int]: Int] = [:]
        for (wide, members) in Self.coarse(patterns) {
            for spelling in spellings {
                let kind = Spelling.Kind.allCases.firstIndex(of: spelling.kind)!
                // What bounds the look at all of them together bounds that at one of them less.
                var wideLimits: Set<Limit> = []
                let keys = Set(
                    otherReadings(wide, spelling, numberClass, &wideLimits).map {
                        [kind, reader.classOf[$0.entry]]
                    })
                if keys.isEmpty, wideLimits.isEmpty { continue }
                for pattern in members {
                    // What is read as other classes is, of every member, among these.
                    let isEnough = keys.allSatisfy {
                        counts[$0, default: 0] >= Self.suspicionsPerKind
                    }
                    if isEnough, !keys.isEmpty { break }
                    let others = otherReadings(pattern, spelling, numberClass, &limits)
                    for (reading, entry) in others {
                        let key = [kind, reader.classOf[entry]]
                        guard counts[key, default: 0] < Self.suspicionsPerKind else { continue }
                        for dialled in reading.dialled.examples {
                            let meant = spelling.meant(dialled)
                            guard let form = plan.normalise(meant), isSubject(meant),
                                plan.normalise(dialled) != form
                            else { continue }
                            counts[key, default: 0] += 1
                            found.append(
                                Suspicion(
                                    dialled: dialled, meant: meant, kind: spelling.kind,
                                    entry: entry))
                        }
                    }
                }
            }
        }
        return found
    }

    /// How a pattern in a spelling is classed, where that is not as the plain numbers are.
    private func otherReadings(
        _ pattern: Pattern, _ spelling: Spelling, _ numberClass: Int?,
        _ limits: inout Set<Limit>
    ) -> [(reading: Reading, entry: Int)] {
        guard let dialled = spelling.dialled(pattern) else { return [] }
        var others: [(Reading, Int)] = []
        for reading in reader.normalised(dialled, &limits, unless: { $0.isSpelled(spelling) }) {
            others += reader.classed(reading, &limits).filter {
                reader.classOf[$0.entry] != numberClass && isCarried(reader.classOf[$0.entry])
            }
        }
        return others
    }

    private func isCarried(_ numberClass: Int) -> Bool {
        plan.tables.routes[numberClass] != nil
            && plan.tables.levels.contains { $0.grants[numberClass] != nil }
    }

    /// Puts patterns with the same beginning together under one that covers them all: where that
    /// one is clean, none of them needs a look. So a file of 100,000 numbers costs some hundred
    /// looks.
    private static func coarse(_ patterns: [Pattern]) -> [(wide: Pattern, members: [Pattern])] {
        var places: [Pattern: Int] = [:]
        var groups: [(wide: Pattern, members: [Pattern])] = []
        for pattern in patterns {
            let looped = pattern.looped
            var key = looped
            for index in key.keys.indices.dropFirst(3) { key.keys[index] = .digits }
            if let place = places[key] {
                groups[place].wide.widen(by: looped)
                groups[place].members.append(pattern)
            } else {
                places[key] = groups.count
                groups.append((looped, [pattern]))
            }
        }
        return groups
    }

    // MARK: Asking the plan

    func decide(
        _ caller: String, _ level: String, _ dialled: String,
        _ time: CivilTime = Expectation.usualTime
    ) -> Decision {
        plan.decide(
            Query(caller: .extension(caller, level: level), dialled: dialled, time: time))
    }

    /// The way out on which the network takes the call for one to another number.
    private func way(of decision: Decision, reading meant: String) -> RouteChoice? {
        guard case .routes(let choices) = decision.outcome else { return nil }
        return choices.first { scheme.reading(of: $0.number) == scheme.reading(of: meant) }
    }

    // MARK: Levels

    /// A level that reaches a class it may not.
    struct LevelFinding {
        var numberClass: String
        var level: String
        /// Other levels that get there in the same way.
        var others: [String]
        var caller: String
        var dialled: String
        var way: RouteChoice
        var meant: String
        /// Nil where the form that the route sends makes the other number.
        var kind: Spelling.Kind?
        var entry: Int
    }

    /// Levels that reach a class by a spelling that normalising does not know.
    mutating func levelsAround() -> [LevelFinding] {
        let levels = plan.tables.levels
        var findings: [LevelFinding] = []
        for numberClass in plan.tables.classNames.indices.dropFirst()
        where levels.contains(where: { $0.grants[numberClass] == nil }) {
            let suspicions = suspicions(of: numberClass)
            for kind in Spelling.Kind.allCases {
                var finding: LevelFinding?
                for level in levels where level.grants[numberClass] == nil {
                    let proof = suspicions.firstResult { suspicion in
                        suspicion.kind == kind
                            ? self.proof(suspicion, level.name, numberClass) : nil
                    }
                    guard let proof else { continue }
                    if finding == nil {
                        finding = proof
                    } else {
                        finding?.others.append(level.name)
                    }
                }
                if let finding { findings.append(finding) }
            }
        }
        return findings
    }

    private func proof(
        _ suspicion: Suspicion, _ level: String, _ numberClass: Int
    ) -> LevelFinding? {
        let name = plan.tables.classNames[numberClass]
        for caller in callers {
            let plain = decide(caller, level, suspicion.meant)
            guard case .refuse(let refusal) = plain.outcome, refusal.code == .level,
                plain.numberClass == name,
                let way = way(
                    of: decide(caller, level, suspicion.dialled), reading: suspicion.meant)
            else { continue }
            return LevelFinding(
                numberClass: name, level: level, others: [], caller: caller,
                dialled: suspicion.dialled, way: way, meant: suspicion.meant,
                kind: suspicion.kind, entry: suspicion.entry)
        }
        return nil
    }

    /// Levels that reach a class because a route drops or adds digits: `9.` sent with `drop 1` is
    /// whatever stands behind the 9.
    mutating func levelsBehindForms() -> [LevelFinding] {
        var findings: [LevelFinding] = []
        var told: Set<[String]> = []
        for (numberClass, route) in plan.tables.routes.enumerated() {
            for case .digits(let form) in route?.alternatives.map(\.send) ?? [] {
                let own = reader.classes.indices.filter { reader.classOf[$0] == numberClass }
                if own.count > PatternReadings.partLimit { limits.insert(.forms) }
                for entry in own.prefix(PatternReadings.partLimit) {
                    for finding in behind(form, entry, numberClass)
                    where told.insert([finding.level, finding.numberClass]).inserted {
                        findings.append(finding)
                    }
                }
            }
        }
        return findings
    }

    private mutating func behind(
        _ form: DigitsForm, _ entry: Int, _ numberClass: Int
    ) -> [LevelFinding] {
        // A country code in front is the form without its +, not another number.
        if form.prefix.text == scheme.country { return [] }
        guard let sent = sent(form, entry) else { return [] }
        let cut = reader.classes[entry].looped.keys[..<form.drop]
        var findings: [LevelFinding] = []
        for reading in reader.normalised(sent, &limits, unless: { _ in false }) {
            for (reading, other) in reader.classed(reading, &limits)
            where reader.classOf[other] != numberClass {
                let dialled = Pattern(
                    keys: Array(cut) + Array(reading.dialled.keys.dropFirst(form.prefix.count)),
                    end: reading.dialled.end)
                for level in plan.tables.levels
                where level.grants[numberClass] != nil
                    && level.grants[reader.classOf[other]] == nil
                {
                    let proof = dialled.examples.firstResult {
                        self.proof($0, level.name, entry)
                    }
                    if let proof { findings.append(proof) }
                }
            }
        }
        return findings
    }

    private func proof(_ dialled: String, _ level: String, _ entry: Int) -> LevelFinding? {
        for caller in callers {
            guard case .routes(let choices) = decide(caller, level, dialled).outcome else {
                continue
            }
            for way in choices where scheme.reading(of: way.number) != dialled {
                let plain = decide(caller, level, way.number)
                guard case .refuse(let refusal) = plain.outcome, refusal.code == .level,
                    let other = plain.numberClass
                else { continue }
                return LevelFinding(
                    numberClass: other, level: level, others: [], caller: caller,
                    dialled: dialled, way: way, meant: plain.normalised, kind: nil, entry: entry)
            }
        }
        return nil
    }

    // MARK: Rules

    /// A rule that a spelling gets around.
    struct RuleFinding {
        var rule: RuleTable
        var caller: String
        var level: String
        var dialled: String
        var way: RouteChoice
        var meant: String
        /// Nil where the form that a route sends makes the other number.
        var kind: Spelling.Kind?
        /// The pattern that the plan classes it by.
        var entry: Int
    }

    /// Rules whose refusal, PIN or limit a spelling gets around, or a route that makes another number of
    /// what was dialled.
    mutating func rulesAround() -> [RuleFinding] {
        var findings: [RuleFinding] = []
        let disguises = plan.tables.rules.isEmpty ? [] : disguises()
        for rule in plan.tables.rules {
            let to = rule.to
            if to.isAll { continue }
            var suspicions: [Suspicion] = []
            for numberClass in to.classes.indices where to.classes[numberClass] {
                suspicions += self.suspicions(of: numberClass)
            }
            if to.hasPatterns {
                suspicions += self.suspicions(of: to.patterns.patterns, butNotAs: nil) { number in
                    DialString(number).map { to.patterns.match($0) != nil } ?? false
                }
            }
            suspicions += disguises.lazy.flatMap { $0.suspicions(of: rule.to) }
                .prefix(Self.suspicionsPerKind)
            if let finding = suspicions.firstResult({ proof($0, rule) }) {
                findings.append(finding)
            }
        }
        return findings
    }

    private func proof(_ suspicion: Suspicion, _ rule: RuleTable) -> RuleFinding? {
        guard let time = time(of: rule) else { return nil }
        let ranged = rule.from.ranges.prefix(8).map { $0[0] }
        for caller in ranged.isEmpty ? callers : ranged {
            for level in plan.levels {
                guard decide(caller, level, suspicion.meant, time).isRestricted(by: rule.name)
                else { continue }
                let other = decide(caller, level, suspicion.dialled, time)
                guard !other.isRestricted(by: rule.name),
                    let way = way(of: other, reading: suspicion.meant)
                else { continue }
                return RuleFinding(
                    rule: rule, caller: caller, level: level, dialled: suspicion.dialled,
                    way: way, meant: suspicion.meant, kind: suspicion.kind,
                    entry: suspicion.entry)
            }
        }
        return nil
    }

    /// Numbers of one class that a route sends out as numbers of another.
    private struct Disguise {
        /// What is sent out, and is read by the network.
        var sent: Reading
        /// How many keys the route puts in front, and those it takes off.
        var added: Int
        var cut: [KeySet]
        /// The class that the network's number has, and the pattern that the plan classes what was
        /// dialled by.
        var numberClass: Int
        var entry: Int

        /// Numbers that a rule is about.
        func suspicions(of numbers: NumberSet) -> [Suspicion] {
            var parts: [Reading] = []
            if numbers.classes.indices.contains(numberClass), numbers.classes[numberClass] {
                parts.append(sent)
            }
            if numbers.hasPatterns {
                let current = sent.current
                parts += numbers.patterns.patterns.lazy.compactMap { current.intersection($0) }
                    .prefix(FraudAnalysis.suspicionsPerKind).map(sent.narrowed)
            }
            return parts.flatMap { part in
                let dialled = Pattern(
                    keys: cut + Array(part.dialled.keys.dropFirst(added)), end: part.dialled.end)
                return zip(dialled.examples, part.current.examples).map {
                    Suspicion(dialled: $0, meant: $1, kind: nil, entry: entry)
                }
            }
        }
    }

    private mutating func disguises() -> [Disguise] {
        var disguises: [Disguise] = []
        for (numberClass, route) in plan.tables.routes.enumerated() {
            let sends = route?.alternatives.map(\.send) ?? []
            for case .digits(let form) in sends where form.prefix.text != scheme.country {
                let own = reader.classes.indices.filter { reader.classOf[$0] == numberClass }
                for entry in own.prefix(PatternReadings.partLimit) {
                    guard let sent = sent(form, entry) else { continue }
                    for reading in reader.normalised(sent, &limits, unless: { _ in false }) {
                        disguises += reader.classed(reading, &limits)
                            .filter { reader.classOf[$0.entry] != numberClass }
                            .map { reading, other in
                                Disguise(
                                    sent: reading, added: form.prefix.count,
                                    cut: Array(reader.classes[entry].looped.keys[..<form.drop]),
                                    numberClass: reader.classOf[other], entry: entry)
                            }
                    }
                }
            }
            guard sends.contains(where: \.isAsDialled) else { continue }
            // What a normalise rule makes another number of goes out as it was dialled.
            for pattern in reader.rewrites {
                disguises += reader.classed(Reading(dialled: pattern), &limits)
                    .filter { reader.classOf[$0.entry] != numberClass }
                    .map { reading, other in
                        Disguise(
                            sent: reading, added: 0, cut: [],
                            numberClass: reader.classOf[other], entry: other)
                    }
            }
        }
        return disguises
    }

    /// What a route sends of the numbers of a pattern.
    private func sent(_ form: DigitsForm, _ entry: Int) -> Pattern? {
        let numbers = reader.classes[entry].looped
        guard numbers.keys.count >= form.drop else { return nil }
        var prefix: [KeySet] = []
        for index in 0..<form.prefix.count { prefix.append(KeySet(key: form.prefix[index])) }
        return numbers.replacing(first: form.drop, with: prefix)
    }

    /// A time at which a rule holds: the usual one, else some hour of the week.
    private func time(of rule: RuleTable) -> CivilTime? {
        guard let condition = rule.time else { return Expectation.usualTime }
        let hours = plan.tables.hours[condition.hours]
        var time = Expectation.usualTime
        for _ in 0..<7 {
            for halfHour in 0..<48 {
                time.minuteOfDay = halfHour * 30
                if hours.isOpen(time) == condition.isDuring { return time }
            }
            time = time.dayAfter
        }
        return nil
    }

    // MARK: Emergency

    /// An extension from which nobody can call for help.
    struct EmergencyFinding {
        var caller: String
        var dialled: String
    }

    /// Extensions without a way out for an emergency number: the first of each stretch of extensions
    /// that the plan treats alike.
    func withoutHelp() -> [EmergencyFinding] {
        var findings: [EmergencyFinding] = []
        for caller in representatives {
            let dialled = Compiler.emergencyPatterns.map(\.example).first { number in
                if case .emergency(let choices) = decide(caller, plan.levels.first ?? "", number)
                    .outcome
                {
                    return choices.isEmpty
                }
                return true
            }
            if let dialled { findings.append(EmergencyFinding(caller: caller, dialled: dialled)) }
        }
        return findings
    }

    /// One extension of each stretch between the ends of ranges that lines and rules speak of.
    private var representatives: [String] {
        let ranges =
            plan.lines.map(\.extensions) + plan.tables.rules.flatMap(\.from.ranges)
        return SegmentIndex([plan.extensions, ranges]).segments
            .filter { $0.items.first == 0 }.map(\.first)
    }
}

extension Sequence {
    /// What the first element that has a result gives.
    func firstResult<Result>(_ result: (Element) -> Result?) -> Result? {
        for element in self {
            if let found = result(element) { return found }
        }
        return nil
    }
}

extension Decision {
    /// Whether a rule refused the call or holds it to something.
    func isRestricted(by rule: String) -> Bool {
        explanation.contains { step in
            if case .ruleRefuses(rule, _, _) = step { return true }
            if case .ruleLimits(rule, _, _) = step { return true }
            if case .ruleAsksPIN(rule, _) = step { return true }
            return false
        }
    }
}
