/// A compiled dialplan: a value that decides every call, and nothing else does.
public struct Plan: Sendable {
    /// Sixteen hexadecimal digits that stand for exactly this text of the plan and its files.
    public let version: String
    public let site: Site
    /// In the order of the file.
    public let levels: [String]
    /// In the order of the file, without the built-in `internal` and `emergency`.
    public let classes: [String]
    public let extensions: [NumberRange]
    public let lines: [LineMapping]

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
    ///   the files. A warning does not keep the plan from being used.
    public static func compile(
        _ sources: PlanSources, context: PlanContext
    ) -> (plan: Plan?, diagnostics: [Diagnostic]) {
        (nil, [])
    }

    /// Decides a call. Pure and total: the same query gives the same decision, and every query gets
    /// one.
    public func decide(_ query: Query) -> Decision {
        Decision(
            outcome: .refuse(Refusal(code: .unknownNumber, reason: "")), dialled: query.dialled,
            normalised: query.dialled, numberClass: nil, explanation: [], planVersion: version)
    }

    /// Whether a number is one of the site's extensions.
    public func hasExtension(_ number: String) -> Bool {
        extensions.contains { $0.contains(number) }
    }

    /// The extension's own direct line; the first written where it has several.
    public func line(of extension: String) -> String? { nil }

    /// The extension a direct line rings, in any spelling that normalises to the line.
    public func target(ofLine number: String) -> String? { nil }

    /// Results of the `expect` lines, in the order of the file.
    public var expectations: [ExpectationResult] { [] }
}
