/// Checks the syntax tree of a plan and makes the tables it decides from.
///
/// Every statement is checked whatever is wrong with the others, so that one check shows every
/// mistake; the `expect` lines run when nothing else is wrong.
struct Compiler {
    let sources: PlanSources
    let context: PlanContext

    var texts: [SourceText] = []
    var remarks = Remarks()

    /// Whether every statement could be read, so that what is missing is missing.
    var isWhole = false
    var site: Plan.Site?
    var extensions: [NumberRange] = []
    var extensionRanges: [SourceRange] = []
    /// Finds an extension of this site, once all are known.
    var extensionIndex = RangeIndex([])
    var rewrites: [RewriteRule] = []
    var rewritePatterns: [Pattern] = []
    var rewriteTable = PatternTable([])
    var rewriteRanges: [SourceRange] = []
    var classNumbers: [String: Int] = [:]
    var classNames: [String] = []
    var classWords: [Word?] = []
    var patterns: [Pattern] = []
    var patternWords: [PatternWord] = []
    var levelNumbers: [String: Int] = [:]
    var levels: [LevelSyntax] = []
    var grants: [[LevelTable.Grant?]] = []
    var routes: [RouteTable?] = []
    var routeRanges: [SourceRange?] = []
    var emergencyRoute: RouteTable?
    var emergencyRange: SourceRange?
    var lines: [Plan.LineMapping] = []
    var lineRanges: [SourceRange] = []
    var lineTargets: [LineTargets] = []
    var lineTargetRanges: [SourceRange] = []
    var groups: [GroupTable] = []
    var groupNumbers: [String: Int] = [:]
    var groupWords: [GroupSyntax] = []
    var phones: [PhonesTable] = []
    var phoneRanges: [[NumberRange]] = []
    var trunkGroups: [String: TrunksSyntax] = [:]
    var lineGroups: [String: [NumberRange]] = [:]
    var lineGroupWords: [Word] = []
    var incoming: [IncomingTable] = []
    var incomingNumbers: [String: Int] = [:]
    var incomingWords: [IncomingSyntax] = []
    var inbound: [String: InboundTable] = [:]
    /// By trunk, where each pattern is written and which statement it is of.
    var inboundRanges: [String: [(word: SourceRange, statement: SourceRange)]] = [:]
    var forwards: [ForwardTable] = []
    var forwardRanges: [[NumberRange]] = []
    var forwardPlaces: [SourceRange] = []
    var features: [FeatureTable] = []
    /// By the text of the code.
    var featureRanges: [String: SourceRange] = [:]
    var pinPolicy = PINPolicy()
    var looksAtCallerNumbers = false
    var usedHours: Set<Int> = []
    var usedWays: Set<String> = []
    var hoursWords: [Word] = []
    var hours: [HoursTable] = []
    var hoursNumbers: [String: Int] = [:]
    var rules: [RuleTable] = []
    var expectations: [ExpectationResult] = []

    /// One pattern of a class and where it stands.
    struct PatternWord {
        var numberClass: Int
        var range: SourceRange
    }

    /// The plans of the other sites and where they are included, and what their checks said.
    var branches: [(plan: Plan, range: SourceRange)] = []
    var branchSources: [(source: SourceFile, range: SourceRange)] = []
    var branchDiagnostics: [Diagnostic] = []
    /// What this plan may name of the other sites.
    var elsewhere: [SiteNames] = []
    var branchTrunkGroups: [String: Set<String>] = [:]
    /// Who pays for which number that somebody outside is taken out to, as the analysis has told.
    var toldOutside: Set<[String]> = []
    /// Whether this is the plan of one of the other sites.
    let isBranch: Bool

    init(sources: PlanSources, context: PlanContext, isBranch: Bool = false) {
        self.sources = sources
        self.context = context
        self.isBranch = isBranch
    }

    var diagnostics: [Diagnostic] {
        remarks.diagnostics(in: texts) + branchDiagnostics
    }

    /// - Returns: nil when there is an error.
    mutating func run() -> Plan? { parse().flatMap { check($0) } }

    /// - Returns: nil when there is an error.
    mutating func check(_ tree: SyntaxTree) -> Plan? {
        isWhole = remarks.errorCount == 0
        compileBranches(tree)
        declareNames(tree)
        checkSite(tree)
        checkNumbers(tree)
        rewriteTable = PatternTable(rewritePatterns)
        extensionIndex = RangeIndex(extensions)
        checkLevels()
        checkHours(tree)
        checkWays(tree)
        checkRoutes(tree)
        checkGroups()
        checkLines(tree)
        checkCalls(tree)
        checkRules(tree)
        checkClashes()
        // What is unused in a broken plan may only seem so.
        if remarks.errorCount == 0 {
            checkUse()
            checkShortCodes()
            checkReach()
        }
        checkSites()
        // Of a site whose file is wrong nothing is known, and what they say of it no mistake.
        let expectations =
            branches.count == branchSources.count ? checkExpectations(tree) : []
        guard isGood, let site else { return nil }
        let alone = plan(site)
        var plan = join(alone)
        run(expectations, on: plan)
        analyse(alone)
        analyseSites(plan)
        guard remarks.errorCount == 0 else { return nil }
        plan.expectations = self.expectations + branches.flatMap(\.plan.expectations)
        return plan
    }

    /// The whole plan as one tree: the statements of an included file stand in place of its include.
    mutating func parse() -> SyntaxTree? {
        guard add(sources.main) else { return nil }
        var tree = SyntaxTree()
        var included: Set<String> = []
        parse(file: 0, into: &tree, &included)
        return tree
    }

    private mutating func parse(
        file: Int, into tree: inout SyntaxTree, _ included: inout Set<String>
    ) {
        var parser = Parser(texts[file], file: file, remarks: remarks)
        parser.run()
        remarks = parser.remarks
        tree.comments += parser.tree.comments
        for statement in parser.tree.statements {
            guard case .include(let word) = statement.kind else {
                tree.statements.append(statement)
                continue
            }
            guard included.insert(word.text).inserted, word.text != texts[0].name else {
                remarks.error("\"\(word.text)\" is included already", at: word.range)
                continue
            }
            guard included.count <= PlanLimits.includes else {
                remarks.error(
                    "more than \(PlanLimits.includes) files are included", at: word.range)
                return
            }
            guard let text = sources.included(word.text) else {
                reportMissing(word)
                continue
            }
            let source = SourceFile(path: pathBesideMain(word.text), text: text)
            if hasSite(source), Self.hasSite(parser.tree) || Self.hasSite(tree) {
                addBranch(source, word)
                continue
            }
            let index = texts.count
            guard add(source) else { continue }
            parse(file: index, into: &tree, &included)
        }
    }

    /// A file that the plan names has no text.
    mutating func reportMissing(_ word: Word) {
        let why = sources.unreadable(word.text)
        remarks.error(
            why.map { "\"\(word.text)\" cannot be used: \($0)" }
                ?? "there is no file \"\(word.text)\"", at: word.range)
    }

    /// Takes a file among the sources; false when it is too big to be read.
    mutating func add(_ file: SourceFile) -> Bool {
        guard file.text.utf8.count <= PlanLimits.fileBytes else {
            texts.append(SourceText(path: file.path, text: ""))
            remarks.error(
                "this file has \(file.text.utf8.count) bytes; at most "
                    + "\(PlanLimits.fileBytes) are read",
                at: SourceRange(file: texts.count - 1, start: 0, end: 0))
            return false
        }
        texts.append(SourceText(path: file.path, text: file.text))
        return true
    }

    func place(_ range: SourceRange) -> Place { texts[range.file].place(range) }

    /// `line 12`, or with the file where that is another than `seen`'s.
    func reference(_ range: SourceRange, from seen: SourceRange) -> String {
        let line = texts[range.file].line(at: range.start)
        return range.file == seen.file ? "line \(line)" : "\(texts[range.file].path):\(line)"
    }

    // MARK: Names

    /// Notes every class and level before anything refers to one, so that their order is free.
    private mutating func declareNames(_ tree: SyntaxTree) {
        classNames = [PlanTables.internalName]
        classWords = [nil]
        for statement in tree.statements {
            switch statement.kind {
            case .numberClass(let syntax):
                guard isName(syntax.name, "class") else { continue }
                if classNumbers[syntax.name.text] == nil {
                    classNumbers[syntax.name.text] = classNames.count
                    classNames.append(syntax.name.text)
                    classWords.append(syntax.name)
                }
            case .level(let syntax): declare(syntax)
            case .incoming(let syntax): declare(syntax)
            case .group(let syntax): declare(syntax)
            case .site, .extensions, .normalise, .route, .line, .hours, .rule, .expect, .include,
                .trunks, .lines, .inbound, .forward, .short, .feature, .pin, .phones:
                break
            }
        }
        for level in levels where classNumbers[level.name.text] != nil {
            remarks.error(
                "\"\(level.name.text)\" is a level and a class; levels could not tell them apart",
                at: level.name.range)
        }
        classNumbers[PlanTables.internalName] = PlanTables.internalClass
        routes = Array(repeating: nil, count: classNames.count)
        routeRanges = Array(repeating: nil, count: classNames.count)
    }

    private mutating func declare(_ level: LevelSyntax) {
        guard isName(level.name, "level") else { return }
        if let earlier = levelNumbers[level.name.text] {
            let other = reference(levels[earlier].name.range, from: level.name.range)
            remarks.error(
                "level \"\(level.name.text)\" is already defined in \(other)",
                at: level.name.range)
            return
        }
        levelNumbers[level.name.text] = levels.count
        levels.append(level)
    }

    private mutating func declare(_ incoming: IncomingSyntax) {
        guard isName(incoming.name, "incoming level") else { return }
        if let earlier = incomingNumbers[incoming.name.text] {
            let other = reference(incomingWords[earlier].name.range, from: incoming.name.range)
            remarks.error(
                "the incoming level \"\(incoming.name.text)\" is already defined in \(other)",
                at: incoming.name.range)
            return
        }
        incomingNumbers[incoming.name.text] = incomingWords.count
        incomingWords.append(incoming)
    }

    private mutating func declare(_ group: GroupSyntax) {
        guard isName(group.name, "group") else { return }
        if let earlier = groupNumbers[group.name.text] {
            let other = reference(groupWords[earlier].name.range, from: group.name.range)
            remarks.error(
                "group \"\(group.name.text)\" is already defined in \(other)",
                at: group.name.range)
            return
        }
        groupNumbers[group.name.text] = groupWords.count
        groupWords.append(group)
    }

    /// Whether a word may name something of the plan; reports it if not.
    mutating func isName(_ word: Word, _ what: String) -> Bool {
        let text = word.text
        let named = what == "incoming level" ? "an incoming level" : "a \(what)"
        if [PlanTables.internalName, PlanTables.emergencyName].contains(text) {
            remarks.error(
                "\"\(text)\" is built in and cannot be defined as \(named)", at: word.range)
            return false
        }
        if Self.reserved.contains(text) || Self.reservedThere[what]?.contains(text) == true {
            remarks.error(
                "\"\(text)\" is a word of the language and cannot name \(named)", at: word.range)
            return false
        }
        let letters = text.utf8.allSatisfy {
            $0 >= 0x80 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                || (0x30...0x39).contains($0) || (0x41...0x5a).contains($0)
                || (0x61...0x7a).contains($0)
        }
        guard letters, let first = text.utf8.first, !(0x30...0x39).contains(first),
            first != UInt8(ascii: "-"), text.count <= PlanLimits.nameLength
        else {
            if text.count > PlanLimits.nameLength {
                remarks.error(
                    "this name has \(text.count) characters; \(named) has at most "
                        + "\(PlanLimits.nameLength)", at: word.range)
                return false
            }
            remarks.error(
                "\"\(text)\" cannot name \(named)", at: word.range,
                help: "a name begins with a letter and has letters, digits, - and _")
            return false
        }
        return true
    }

    /// Words that end a list of names.
    private static let reserved: Set<String> = [
        "via", "from", "to", "except", "during", "outside", "refuse", "limit", "ask", "group",
        "level", "may", "allow", "calls", "picks-up", "uses", "presents", "then", "when", "busy",
    ]

    /// Words that stand beside the names of incoming levels and of ways out.
    private static let reservedThere: [String: Set<String>] = [
        "incoming level": ["inside", "outside", "nobody", "trunk", "number", "class"],
        "way out": ["line", "by", "in", "present", "send"],
    ]

    // MARK: The plan

    private func plan(_ site: Plan.Site) -> Plan {
        let entries = patternWords.map { word in
            let text = texts[word.range.file]
            return ClassEntry(
                numberClass: Int32(word.numberClass), file: Int32(word.range.file),
                line: Int32(text.line(at: word.range.start)), pattern: text.text(word.range))
        }
        let tables = PlanTables(
            forms: NumberForms(country: site.country, area: site.area),
            rewriter: rewriteTable, rewrites: rewrites,
            classifier: PatternTable(patterns), entries: entries, classNames: classNames,
            levels: levels.enumerated().map { index, level in
                LevelTable(
                    name: level.name.text, place: place(level.name.range), grants: grants[index])
            },
            levelNumbers: levelNumbers, routes: routes, emergencyRoute: emergencyRoute,
            hours: hours, rules: rules, ruleIndex: RuleIndex(rules),
            extensionIndex: RangeIndex(extensions),
            extensionPlaces: extensionRanges.map(place), lineIndex: RangeIndex(lines.map(\.lines)),
            ringIndex: RangeIndex(lines.map(\.extensions)),
            linePlaces: lineRanges.map(place), coveredPatterns: coveredPatterns,
            trunks: context.trunks.map(\.name), files: texts.map(\.name), calls: callTables)
        return Plan(
            version: version, site: site, levels: levels.map(\.name.text),
            classes: Array(classNames.dropFirst()), extensions: extensions, lines: lines,
            tables: tables)
    }

    private var callTables: CallTables {
        CallTables(
            incoming: incoming, incomingNumbers: incomingNumbers, groups: groups,
            groupNumbers: groupNumbers, groupIndex: SegmentIndex(groups.map(\.members)),
            hasGroupLimits: groups.contains {
                $0.calls != nil || $0.uses != nil || $0.presents != nil
            },
            lineGroups: lineGroups, lineTargets: lineTargets,
            lineTargetIndex: RangeIndex(lineTargets.map(\.lines)), inbound: inbound,
            forwards: forwards, forwardIndex: SegmentIndex(forwardRanges), features: features,
            featureKeys: KeySet(
                bits: features.reduce(0) { bits, feature in
                    guard case .key(let key)? = feature.pieces.first else { return bits }
                    return bits | KeySet(key: key).bits
                }),
            phones: phones, phoneIndex: SegmentIndex(phoneRanges), pinPolicy: pinPolicy,
            hasAllowingRules: rules.contains { $0.action.allows },
            looksAtCallerNumbers: looksAtCallerNumbers)
    }

    private var coveredPatterns: [Pattern] {
        patterns + rewritePatterns + Self.emergencyPatterns
            + extensions.flatMap(Pattern.covering) + lines.map(\.lines).flatMap(Pattern.covering)
            + lineTargets.map(\.lines).flatMap(Pattern.covering)
    }

    static let emergencyPatterns = ["110", "119", "120", "122"].map { number in
        Pattern(keys: number.utf8.map { KeySet(key: $0 - 0x30) }, end: .closed)
    }

    /// FNV-1a over every file and its length.
    private var version: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for text in texts {
            withUnsafeBytes(of: text.bytes.count.littleEndian) { $0.forEach(mix) }
            text.bytes.forEach(mix)
        }
        for branch in branches { branch.plan.version.utf8.forEach(mix) }
        let hex = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - hex.count) + hex
    }
}
