/// What a plan decides from: the checked statements as tables.
struct PlanTables: Sendable {
    /// The class of the site's own extensions and lines, which every plan has.
    static let internalClass = 0
    static let internalName = "internal"
    static let emergencyName = "emergency"

    var forms: NumberForms
    var rewriter: PatternTable
    var rewrites: [RewriteRule]
    var classifier: PatternTable
    var entries: [ClassEntry]
    /// By class; the first is `internal`.
    var classNames: [String]
    var levels: [LevelTable]
    var levelNumbers: [String: Int]
    /// By class.
    var routes: [RouteTable?]
    var emergencyRoute: RouteTable?
    var hours: [HoursTable]
    /// In the order of the file.
    var rules: [RuleTable]
    var extensionIndex: RangeIndex
    var extensionPlaces: [Place]
    /// By line, and by the extension it rings.
    var lineIndex: RangeIndex
    var ringIndex: RangeIndex
    var linePlaces: [Place]
    /// Everything that something is done with: classes, normalise rules, extensions, lines and
    /// emergency numbers.
    var coveredPatterns: [Pattern]
    /// In the order of the configuration.
    var trunks: [String]
    var files: [String]
    /// In the order of the file.
    var groups: [GroupTable] = []
    var lineGroups: [String: [NumberRange]] = [:]
    var pinPolicy = PINPolicy()
}

/// `0311[2-8]XXXXXXX -> drop 4`
struct RewriteRule: Sendable {
    var pattern: String
    var form: DigitsForm
    var place: Place
}

/// One pattern of a class. There may be 100,000, so the place is two numbers.
struct ClassEntry: Sendable {
    var numberClass: Int32
    var file: Int32
    var line: Int32
    var pattern: String
}

/// What a level may call.
struct LevelTable: Sendable {
    var name: String
    var place: Place
    /// By class: the level that grants it, this one or one it builds on, and where.
    var grants: [Grant?]

    struct Grant: Sendable {
        var level: String
        var place: Place
    }
}

/// The ways out for some classes.
struct RouteTable: Sendable {
    var alternatives: [Alternative]
    var place: Place

    struct Alternative: Sendable {
        /// Nil for the caller's own line.
        var trunk: String?
        var send: SendForm
        /// The first of these that can be filled in is presented.
        var present: [NumberTemplate]
    }
}

/// A number with places for the caller's own: `+86311{line}`.
struct NumberTemplate: Sendable {
    enum Piece: Sendable {
        case text(String)
        case line
        case `extension`
    }

    var pieces: [Piece]

    /// Nil when it asks for a line and the caller has none.
    func filled(extension number: String, line: String?) -> String? {
        var text = ""
        for piece in pieces {
            switch piece {
            case .text(let digits): text += digits
            case .extension: text += number
            case .line:
                guard let line else { return nil }
                text += line
            }
        }
        return text
    }
}
