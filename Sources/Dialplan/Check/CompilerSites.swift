// The other sites of the switch: an included file that has a site of its own.

extension Compiler {
    var isGood: Bool {
        remarks.errorCount == 0 && !branchDiagnostics.contains { $0.severity == .error }
    }

    /// Whether a file describes a site of its own.
    func hasSite(_ source: SourceFile) -> Bool {
        guard source.text.utf8.count <= PlanLimits.fileBytes else { return false }
        var parser = Parser(
            SourceText(path: source.path, text: source.text), file: 0, remarks: Remarks())
        parser.run()
        return Self.hasSite(parser.tree)
    }

    static func hasSite(_ tree: SyntaxTree) -> Bool {
        tree.statements.contains { statement in
            if case .site = statement.kind { return true }
            return false
        }
    }

    mutating func addBranch(_ source: SourceFile, _ word: Word) {
        if isBranch {
            remarks.error(
                "the file of another site includes no further site", at: word.range,
                help: "include \"\(word.text)\" in the main file")
            return
        }
        branchSources.append((source, word.range))
    }

    mutating func compileBranches(_ tree: SyntaxTree) {
        if branchSources.isEmpty { return }
        var compilers: [Compiler] = []
        var trees: [SyntaxTree?] = []
        for (source, _) in branchSources {
            var own = sources
            own.main = source
            var compiler = Compiler(sources: own, context: context, isBranch: true)
            trees.append(compiler.parse())
            compilers.append(compiler)
        }
        // Each may name what the others have before any of them is checked.
        let names = trees.map { $0.map(SiteNames.init) ?? SiteNames() }
        elsewhere = names
        for (index, (_, range)) in branchSources.enumerated() {
            var compiler = compilers[index]
            compiler.elsewhere = [SiteNames(tree)] + names[..<index] + names[(index + 1)...]
            let plan = trees[index].flatMap { compiler.check($0) }
            branchDiagnostics += compiler.diagnostics
            branchTrunkGroups.merge(compiler.trunkGroupMembers) { first, _ in first }
            toldOutside.formUnion(compiler.toldOutside)
            expectations += plan == nil ? compiler.expectations : []
            if let plan { branches.append((plan, range)) }
        }
    }

    /// Sites share the switch: no number, and no name that the switch uses, may be in two of them.
    mutating func checkSites() {
        for (index, (branch, range)) in branches.enumerated() {
            let earlier = branches[..<index].map(\.plan)
            let names = earlier.map(\.site.name) + (site.map { [$0.name] } ?? [])
            if names.contains(branch.site.name) {
                remarks.error("two sites are named \"\(branch.site.name)\"", at: range)
            }
            report(
                branch.extensions, extensions + earlier.flatMap(\.extensions), "extensions",
                branch, range)
            report(
                branch.lines.map(\.lines), (lines + earlier.flatMap(\.lines)).map(\.lines),
                "lines", branch, range)
            let groups = Set(earlier.flatMap { $0.tables.calls.groups.map(\.name) })
                .union(self.groups.map(\.name))
            for group in branch.tables.calls.groups where groups.contains(group.name) {
                remarks.error(
                    "group \"\(group.name)\" of site \"\(branch.site.name)\" "
                        + "(\(group.place)) is also the name of a group of another site", at: range)
            }
            let ways = Set(earlier.flatMap { $0.tables.calls.lineGroups.keys })
                .union(lineGroups.keys)
            for name in branch.tables.calls.lineGroups.keys.sorted() where ways.contains(name) {
                remarks.error(
                    "lines \"\(name)\" of site \"\(branch.site.name)\" is also the name of lines "
                        + "of another site", at: range)
            }
        }
    }

    private mutating func report(
        _ ranges: [NumberRange], _ others: [NumberRange], _ what: String, _ branch: Plan,
        _ range: SourceRange
    ) {
        for own in ranges {
            guard let other = others.first(where: own.overlaps) else { continue }
            remarks.error(
                "the \(what) \(own) of site \"\(branch.site.name)\" and \(other) of another site "
                    + "have numbers in common", at: range)
        }
    }

    /// The main plan with the other sites, each of which knows the extensions and lines of all others.
    func join(_ main: Plan) -> Plan {
        if branches.isEmpty { return main }
        let own = [main] + branches.map(\.plan)
        let joined = own.indices.map { index in
            var plan = own[index]
            let others = own.indices.filter { $0 != index }
            let lines = others.flatMap { plan.lines(of: own[$0], site: $0) }
            plan.tables.elsewhere = PlanTables.Elsewhere(
                extensions: RangeIndex(others.flatMap { own[$0].extensions }),
                places: others.flatMap { own[$0].tables.extensionPlaces },
                groups: Set(others.flatMap { own[$0].tables.calls.groupNumbers.keys }),
                lines: lines, lineIndex: RangeIndex(lines.map(\.here)))
            plan.tables.coveredPatterns +=
                others.flatMap { own[$0].extensions.flatMap(Pattern.covering) }
                + lines.map(\.here).flatMap(Pattern.covering)
            return plan
        }
        var plan = joined[0]
        plan.branches = Array(joined.dropFirst())
        plan.levels += plan.branches.flatMap(\.levels).filter { !main.levels.contains($0) }
        plan.extensions += plan.branches.flatMap(\.extensions)
        plan.lines += plan.branches.flatMap(\.lines)
        return plan
    }
}

/// The extensions and groups of a site, as far as they can be read before it is checked.
struct SiteNames {
    var extensions = RangeIndex([])
    var groups: Set<String> = []

    init() {}

    init(_ tree: SyntaxTree) {
        var ranges: [NumberRange] = []
        for statement in tree.statements {
            if case .extensions(let words) = statement.kind {
                ranges += words.compactMap { word in
                    let ends = word.text.split(separator: "-", maxSplits: 1).map(String.init)
                    return NumberRange(first: ends.first ?? "", last: ends.last ?? "")
                }
            }
            if case .group(let syntax) = statement.kind { groups.insert(syntax.name.text) }
        }
        extensions = RangeIndex(ranges)
    }
}

extension Compiler {
    func hasExtension(_ number: String) -> Bool {
        PackedNumber(number).flatMap(extensionIndex.find) != nil
    }

    /// Whether a number is an extension of another site.
    func isElsewhere(_ number: String) -> Bool {
        guard let number = PackedNumber(number) else { return false }
        return elsewhere.contains { $0.extensions.find(number) != nil }
    }

    func isGroupElsewhere(_ name: String) -> Bool {
        elsewhere.contains { $0.groups.contains(name) }
    }
}

extension Plan {
    /// The direct lines of another site in the form that this one brings them to. Those of which it
    /// makes something else than a row of numbers are left out: nobody here can dial them.
    fileprivate func lines(of other: Plan, site: Int) -> [PlanTables.Elsewhere.Lines] {
        func here(_ line: String) -> String? { normalise(other.spelled(line, at: self.site)) }
        func lines(
            _ there: NumberRange, _ extensions: NumberRange?, _ place: Place
        ) -> PlanTables.Elsewhere.Lines? {
            guard let first = here(there.first), let last = here(there.last),
                let here = NumberRange(first: first, last: last), here.count == there.count
            else { return nil }
            return PlanTables.Elsewhere.Lines(
                here: here, there: there, extensions: extensions, site: site, place: place)
        }
        return zip(other.lines, other.tables.linePlaces).compactMap {
            lines($0.lines, $0.extensions, $1)
        } + other.tables.calls.lineTargets.compactMap { lines($0.lines, nil, $0.place) }
    }

    /// A number of this site, in its one form, as somebody at another one dials it.
    func spelled(_ line: String, at other: Site) -> String {
        if other.country != site.country {
            guard let number = DialString(line) else { return line }
            let text = tables.forms.form(.e164, dialled: "", normalised: number)
            return text.hasPrefix("+") ? "00" + text.dropFirst() : line
        }
        return other.area == site.area ? line : tables.forms.national(line)
    }
}
