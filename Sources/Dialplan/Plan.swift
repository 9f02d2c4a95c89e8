/// A compiled dialplan: a value that decides every call, and nothing else does.
public struct Plan: Sendable {
    /// Sixteen hexadecimal digits that stand for exactly this text of the plan and its files.
    public let version: String
    public let site: Site
    /// The other sites that the switch serves, each with a plan of its own.
    public internal(set) var branches: [Plan] = []
    /// In the order of the file; those of the other sites follow.
    public internal(set) var levels: [String]
    /// In the order of the file, without the built-in `internal` and `emergency`.
    public let classes: [String]
    /// Those of the other sites follow.
    public internal(set) var extensions: [NumberRange]
    /// Those of the other sites follow.
    public internal(set) var lines: [LineMapping]
    /// The groups of lines, by their names.
    public var lineGroups: [String: [NumberRange]] {
        branches.reduce(tables.calls.lineGroups) { groups, branch in
            groups.merging(branch.lineGroups) { first, _ in first }
        }
    }
    /// How PINs are guarded.
    public var pinPolicy: PINPolicy { tables.calls.pinPolicy }
    /// What became of the `expect` lines, in the order of the file. All of them hold in a plan that
    /// `compile` returns.
    public internal(set) var expectations: [ExpectationResult] = []

    var tables: PlanTables

    /// The `site` statement.
    public struct Site: Hashable, Sendable {
        public var name: String
        /// Country code without `+` or `00`: `86`.
        public var country: String
        /// Area code with its trunk prefix: `0311`.
        public var area: String
        /// IANA name: `Asia/Shanghai`.
        public var timezone: String

        public init(name: String, country: String, area: String, timezone: String) {
            self.name = name
            self.country = country
            self.area = area
            self.timezone = timezone
        }
    }

    /// Direct lines and the extensions they ring, one to one.
    public struct LineMapping: Hashable, Sendable {
        public var lines: NumberRange
        public var extensions: NumberRange
    }
}

extension Plan {
    /// Reads and checks a plan and runs its `expect` lines.
    ///
    /// - Returns: the plan, or nil when a diagnostic is an error; and every remark, in the order of
    ///   the files and their lines. A warning does not keep the plan from being used.
    public static func compile(
        _ sources: PlanSources, context: PlanContext
    ) -> (plan: Plan?, diagnostics: [Diagnostic]) {
        var compiler = Compiler(sources: sources, context: context)
        let plan = compiler.run()
        return (plan, compiler.diagnostics)
    }

    /// Reads and checks a plan and runs its `expect` lines, as `compile` does, for a summary of them:
    /// also the failing ones are listed.
    ///
    /// - Returns: what became of every `expect` line, none when the plan has other errors; and every
    ///   remark, those about failing lines among them.
    public static func test(
        _ sources: PlanSources, context: PlanContext
    ) -> (expectations: [ExpectationResult], diagnostics: [Diagnostic]) {
        var compiler = Compiler(sources: sources, context: context)
        _ = compiler.run()
        return (compiler.expectations, compiler.diagnostics)
    }

    /// Whether a number is an extension of any site.
    public func hasExtension(_ number: String) -> Bool {
        hasOwnExtension(number) || branches.contains { $0.hasOwnExtension(number) }
    }

    /// Whether a number is a direct line of any site, whatever it rings.
    public func hasLine(_ number: String) -> Bool {
        isLine(number) || branches.contains { $0.isLine(number) }
    }

    /// Whether a number is one of this site's extensions.
    func hasOwnExtension(_ number: String) -> Bool {
        PackedNumber(number).flatMap(tables.extensionIndex.find) != nil
    }

    /// Whether a number is an extension of another site, as this one knows them.
    func isElsewhere(_ number: String) -> Bool {
        PackedNumber(number).flatMap(tables.elsewhere.extensions.find) != nil
    }

    /// The extension's own direct line; the first written where it has several.
    public func line(of extension: String) -> String? {
        if let number = PackedNumber(`extension`), let index = tables.ringIndex.find(number),
            let offset = lines[index].extensions.offset(of: number)
        {
            return lines[index].lines[offset]
        }
        for branch in branches { if let line = branch.line(of: `extension`) { return line } }
        return nil
    }

    /// The first line of a group of lines, in the order of the plan, that fulfils a condition.
    ///
    /// Linear in the lines of the group.
    public func firstLine(
        ofGroup name: String, where condition: (_ line: String) -> Bool
    ) -> String? {
        for range in lineGroups[name] ?? [] {
            for offset in 0..<range.count where condition(range[offset]) { return range[offset] }
        }
        return nil
    }

    /// The groups an extension is in, in the order of the file.
    public func groups(of extension: String) -> [String] {
        guard let number = PackedNumber(`extension`) else { return [] }
        let own = tables.calls.groupIndex.find(number).map { tables.calls.groups[Int($0)].name }
        return branches.reduce(own) { $0 + $1.groups(of: `extension`) }
    }

    /// Every extension of a group, ring group or not; empty for an unknown name.
    public func members(ofGroup name: String) -> [String] {
        guard let index = tables.calls.groupNumbers[name] else {
            return branches.lazy.map { $0.members(ofGroup: name) }.first { !$0.isEmpty } ?? []
        }
        return tables.calls.groups[index].members.flatMap { range in
            (0..<range.count).map { range[$0] }
        }
    }

    /// The extension a direct line rings; the line in any spelling that normalises to it.
    public func target(ofLine number: String) -> String? {
        if let found = mapping(ofLine: number) { return found.extension }
        if let normalised = normalise(number), let found = mapping(ofLine: normalised) {
            return found.extension
        }
        for branch in branches {
            if let target = branch.target(ofLine: number) { return target }
        }
        return nil
    }

    /// The mapping that holds a line, and the extension it rings.
    func mapping(ofLine number: String) -> (extension: String, index: Int)? {
        guard let number = PackedNumber(number), let index = tables.lineIndex.find(number),
            let offset = lines[index].lines.offset(of: number)
        else { return nil }
        return (lines[index].extensions[offset], index)
    }
}
