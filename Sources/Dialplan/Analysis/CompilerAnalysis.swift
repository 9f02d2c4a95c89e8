// What the analysis finds, as remarks of the check.

extension Compiler {
    /// Looks for ways around the plan, each told with a number that shows it.
    mutating func analyse(_ plan: Plan) {
        var analysis = FraudAnalysis(plan, self)
        reportWithoutHelp(analysis)
        let levels =
            analysis.levelsAround() + analysis.levelsBehindForms() + analysis.levelsBehindDialled()
        for finding in levels { report(finding, analysis.scheme) }
        for finding in analysis.rulesAround() { report(finding, analysis.scheme) }
        let outside = analysis.outsideIn()
        for finding in outside { report(finding) }
        toldOutside.formUnion(outside.map(\.payment))
        for finding in analysis.sentOn(besides: outside) { report(finding) }
        report(analysis.limits)
    }

    /// Looks for what the sites send on for each other's callers.
    mutating func analyseSites(_ plan: Plan) {
        if plan.branches.isEmpty { return }
        var analysis = SitesAnalysis(plan)
        let outside = analysis.outsideIn().filter { !toldOutside.contains($0.payment) }
        for finding in outside { report(finding) }
        toldOutside.formUnion(outside.map(\.payment))
        for finding in analysis.findings()
        where !toldOutside.contains(finding.call.outcome.payment) { report(finding) }
        report(analysis.limits)
    }

    /// What the analysis did not look at, so that a clean check is not taken for more than it is.
    private mutating func report(_ limits: Set<FraudAnalysis.Limit>) {
        let reached = FraudAnalysis.Limit.allCases.filter(limits.contains)
        guard !reached.isEmpty else { return }
        let words = reached.map { limit in
            switch limit {
            case .parts:
                "a pattern falls into more than \(PatternReadings.partLimit) parts"
            case .forms:
                "a route that drops or adds digits has more than \(PatternReadings.partLimit) "
                    + "patterns"
            case .sendingOn:
                "calls are sent on more than \(FraudAnalysis.sendingOnDepth) times"
            case .senders:
                "more than \(FraudAnalysis.senderLimit) extensions and lines send calls on"
            }
        }
        remarks.warning(
            "not every way around the plan was looked for: " + words.joined(separator: "; "),
            at: SourceRange(file: 0, start: 0, end: 0))
    }

    private mutating func reportWithoutHelp(_ analysis: FraudAnalysis) {
        for finding in analysis.withoutHelp() {
            let index = extensions.firstIndex { $0.contains(finding.caller) }
            let range = index.map { extensionRanges[$0] }
            remarks.error(
                "\(finding.caller) cannot reach the emergency number \(finding.dialled): it has no "
                    + "line and there is no trunk",
                at: range ?? SourceRange(file: 0, start: 0, end: 0),
                help: "write a line that rings it, or a trunk in the configuration")
        }
    }

    private mutating func report(
        _ finding: FraudAnalysis.LevelFinding, _ scheme: NumberingScheme
    ) {
        let others = finding.others.map { "\"\($0)\"" }.joined(separator: ", ")
        let word = patternWords[finding.entry]
        remarks.warning(
            "level \"\(finding.level)\" reaches class \"\(finding.numberClass)\", which it may not "
                + "call: \(finding.caller) dials \(finding.dialled), "
                + "\(sent(finding.way, finding.meant))"
                + (others.isEmpty ? "" : "; so does \(others)"),
            at: word.range,
            help: finding.kind.map(scheme.remedy)
                ?? "write narrower patterns in class \"\(classNames[word.numberClass])\", or "
                + "another form in its route")
    }

    private mutating func report(
        _ finding: FraudAnalysis.RuleFinding, _ scheme: NumberingScheme
    ) {
        remarks.warning(
            "rule \"\(finding.rule.name)\" does not see \(finding.meant) in every spelling: "
                + "\(finding.caller) (\(finding.level)) dials \(finding.dialled), "
                + sent(finding.way, finding.meant),
            at: range(of: finding.rule.name, at: finding.rule.place),
            help: finding.kind.map(scheme.remedy)
                ?? "write narrower patterns in class "
                + "\"\(classNames[patternWords[finding.entry].numberClass])\", or another form in "
                + "its route")
    }

    private mutating func report(_ finding: FraudAnalysis.OutsideFinding) {
        let from: String
        switch finding.caller {
        case .line(let number): from = "on line \(number)"
        case .trunk(let name): from = "over trunk \(name)"
        case .extension(let number, _): from = "from \(number)"
        }
        remarks.warning(
            "somebody outside who calls \(finding.dialled) \(from) goes out again via "
                + "\(finding.way.via) to \(finding.way.number), and "
                + (finding.rights.map { "\($0) pays" } ?? "nobody here pays for it"),
            at: finding.place.map { place in
                // What another site's file says stands where that is included.
                branches.first { $0.plan.tables.files.contains(place.file) }?.range
                    ?? range(of: "", at: place)
            } ?? SourceRange(file: 0, start: 0, end: 0),
            help: finding.rights == nil
                ? "name a trunk that no route calls out on, or a number \"as\" the extension that "
                    + "pays" : nil)
    }

    private mutating func report(_ finding: FraudAnalysis.SentOnFinding) {
        let (level, outcome) = (finding.level, finding.outcome)
        let others = finding.others.map { "\"\($0)\"" }.joined(separator: ", ")
        remarks.warning(
            "level \"\(level)\" reaches class \"\(outcome.numberClass ?? "")\", which it may not "
                + "call: \(finding.caller) dials \(outcome.dialled), which is sent on via "
                + "\(outcome.way.via) to \(outcome.way.number), and \(outcome.rights ?? "nobody") pays"
                + (others.isEmpty ? "" : "; so does \(others)"),
            at: outcome.place.map { range(of: "", at: $0) }
                ?? SourceRange(file: 0, start: 0, end: 0),
            help: "give \(outcome.dialled) an incoming level that keeps them away, if that is not "
                + "meant")
    }

    private mutating func report(_ finding: SitesAnalysis.Finding) {
        let (level, outcome) = (finding.call.level, finding.call.outcome)
        let others = finding.call.others.map { "\"\($0)\"" }.joined(separator: ", ")
        // What another site's file says stands where that is included.
        let included = branches.first { $0.plan.site.name == finding.sender }?.range
        remarks.warning(
            "level \"\(level)\" of site \"\(finding.site)\" reaches \(outcome.number), which it "
                + "may not call: \(finding.call.caller) dials \(outcome.dialled), which site "
                + "\"\(finding.sender)\" sends on via \(outcome.way.via) to "
                + "\(outcome.way.number), and \(outcome.rights ?? "nobody") pays"
                + (others.isEmpty ? "" : "; so does \(others)"),
            at: included ?? outcome.place.map { range(of: "", at: $0) }
                ?? SourceRange(file: 0, start: 0, end: 0),
            help: "give \(outcome.dialled) an incoming level that keeps them away, if that is not "
                + "meant")
    }

    private func sent(_ way: RouteChoice, _ meant: String) -> String {
        let sent = "which goes out via \(way.via.word) as \(way.number)"
        return way.number == meant ? sent : sent + " and is \(meant) to the network"
    }

    /// A name on a line of the plan.
    private func range(of name: String, at place: Place) -> SourceRange {
        let file = texts.firstIndex { $0.name == place.file } ?? 0
        return texts[file].range(of: name, onLine: place.line, file: file)
    }
}

extension SourceText {
    /// Where a word stands on a line; the whole line where it does not.
    func range(of word: String, onLine line: Int, file: Int) -> SourceRange {
        let (start, end) = extent(ofLine: line)
        guard !word.isEmpty, word.utf8.count <= end - start else {
            return SourceRange(file: file, start: start, end: end)
        }
        let letters = Array(word.utf8)
        for offset in stride(from: start, through: end - letters.count, by: 1)
        where bytes[offset..<offset + letters.count].elementsEqual(letters) {
            return SourceRange(file: file, start: offset, end: offset + letters.count)
        }
        return SourceRange(file: file, start: start, end: end)
    }
}
