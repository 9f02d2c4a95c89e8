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
    var ruleIndex: RuleIndex
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
    var calls: CallTables
    var elsewhere = Elsewhere()

    /// The extensions and lines of the other sites of the switch.
    struct Elsewhere: Sendable {
        var extensions = RangeIndex([])
        var places: [Place] = []
        /// The groups of the other sites, by their names.
        var groups: Set<String> = []
        var lines: [Lines] = []
        var lineIndex = RangeIndex([])

        /// Direct lines of another site.
        struct Lines: Sendable {
            /// In the form that this site brings them to.
            var here: NumberRange
            /// As their own site writes them.
            var there: NumberRange
            /// What they ring one to one; nil where they ring something else.
            var extensions: NumberRange?
            /// `Plan.decide` counts the sites so.
            var site: Int
            var place: Place
        }
    }
}

/// What calls meet besides classes, levels and routes.
struct CallTables: Sendable {
    var incoming: [IncomingTable] = []
    var incomingNumbers: [String: Int] = [:]
    /// In the order of the file.
    var groups: [GroupTable] = []
    var groupNumbers: [String: Int] = [:]
    /// The groups that an extension is in.
    var groupIndex = SegmentIndex([])
    /// Whether any group says whom it calls, what it uses or what it presents.
    var hasGroupLimits = false
    var lineGroups: [String: [NumberRange]] = [:]
    var lineTargets: [LineTargets] = []
    var lineTargetIndex = RangeIndex([])
    /// By trunk.
    var inbound: [String: InboundTable] = [:]
    var forwards: [ForwardTable] = []
    /// The forwards of an extension.
    var forwardIndex = SegmentIndex([])
    /// The more specific first.
    var features: [FeatureTable] = []
    /// The first keys of all features.
    var featureKeys = KeySet(bits: 0)
    var phones: [PhonesTable] = []
    /// What is said of an extension's phones.
    var phoneIndex = SegmentIndex([])
    var pinPolicy = PINPolicy()
    /// Whether any rule lets a call pass that a level refuses.
    var hasAllowingRules = false
    /// Whether a rule or an incoming level looks at the numbers of outside callers.
    var looksAtCallerNumbers = false
}

/// `0311[2-8]XXXXXXX -> drop 4`, or a short code and the number it stands for.
struct RewriteRule: Sendable {
    var pattern: String
    var form: DigitsForm
    var place: Place
    var isShortCode = false
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
        enum Way: Hashable, Sendable {
            /// The caller's own line.
            case line
            case lines(String)
            case trunk(String)
        }

        var way: Way
        var send: SendForm
        /// The first of these that can be filled in is presented.
        var present: [NumberTemplate]
        var stage = 0
        var selection = RouteChoice.Selection.inOrder
        var time: TimeCondition?
        /// The group of trunks through which the route names it.
        var trunks: String?

        /// As a route and an `expect` line spell it.
        var name: String {
            switch way {
            case .line: "line"
            case .lines(let name), .trunk(let name): name
            }
        }
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

    /// Whether it begins with `+`, as international numbers are written.
    var isInternational: Bool {
        guard case .text(let text)? = pieces.first else { return false }
        return text.hasPrefix("+")
    }

    /// Nil when it asks for a line and the caller has none.
    func filled(extension number: String, line: String?) -> String? {
        var length = 0
        for piece in pieces {
            switch piece {
            case .text(let digits): length += digits.utf8.count
            case .extension: length += number.utf8.count
            case .line:
                guard let line else { return nil }
                length += line.utf8.count
            }
        }
        return String(unsafeUninitializedCapacity: length) { buffer in
            var count = 0
            func write(_ text: String) {
                for digit in text.utf8 {
                    buffer[count] = digit
                    count += 1
                }
            }
            for piece in pieces {
                switch piece {
                case .text(let digits): write(digits)
                case .extension: write(number)
                case .line: write(line ?? "")
                }
            }
            return count
        }
    }
}
