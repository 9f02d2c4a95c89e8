/// A file of a plan as it is written: every statement with its place, and the comments beside them.
struct SyntaxTree {
    var statements: [Statement] = []
    var comments: [Comment] = []
}

/// One statement and the stretch from its first word to its last.
struct Statement {
    var kind: Kind
    var range: SourceRange

    enum Kind {
        case site(SiteSyntax)
        case extensions([Word])
        case normalise([RewriteSyntax])
        case numberClass(ClassSyntax)
        case level(LevelSyntax)
        case route(RouteSyntax)
        case line(LineSyntax)
        case group(GroupSyntax)
        case hours(HoursSyntax)
        case rule(RuleSyntax)
        case expect(ExpectSyntax)
        case include(Word)
        case incoming(IncomingSyntax)
        case trunks(TrunksSyntax)
        case lines(LinesSyntax)
        case inbound(InboundSyntax)
        case forward(ForwardSyntax)
        case short([ShortSyntax])
        case feature(FeatureSyntax)
        case pin(PINSyntax)
        case phones(PhonesSyntax)
    }
}

/// Every word a statement may begin with.
enum Keyword: String, CaseIterable {
    case site, extensions, normalise, `class`, level, route, line, group, hours, rule, expect
    case include, incoming, trunks, lines, inbound, forward, short, feature, pin, phones
}

/// A word or a quoted text, with its place.
struct Word {
    var text: String
    var range: SourceRange
}

/// `site NAME { country 86  area 0311  timezone Asia/Shanghai }`
struct SiteSyntax {
    var name: Word
    var settings: [(key: Word, value: Word)]
}

/// `0311[2-8]XXXXXXX -> drop 4`
struct RewriteSyntax {
    var pattern: Word
    var form: DigitsFormSyntax
}

/// `drop 4`, `prefix 00`, or one after the other.
struct DigitsFormSyntax {
    var drop: Word?
    var prefix: Word?
    var range: SourceRange
}

/// `class NAME PATTERN... from "FILE"`
struct ClassSyntax {
    var name: Word
    var items: [Item]

    enum Item {
        case pattern(Word)
        case file(Word)
    }
}

/// `level NAME may LEVEL-OR-CLASS + ...`
struct LevelSyntax {
    var name: Word
    var may: [Word]
}

/// `route CLASS... via ALTERNATIVE, ... by share present NUMBER send FORM`
struct RouteSyntax {
    var classes: [Word]
    var alternatives: [AlternativeSyntax]
    var options: RouteOptionsSyntax
}

/// `trunks NAME ALTERNATIVE, ... by share`
struct TrunksSyntax {
    var name: Word
    var alternatives: [AlternativeSyntax]
    var options: RouteOptionsSyntax
}

/// `ip-e1`, or `pstn (send as-dialled)`
struct AlternativeSyntax {
    var name: Word
    var options: RouteOptionsSyntax
}

/// What may be said of a whole route, and in parentheses of one of its alternatives.
struct RouteOptionsSyntax {
    /// `present A or B`; empty where it is not said.
    var present: [Word] = []
    var send: SendSyntax?
    /// `share 3`, in parentheses only.
    var share: Word?
    /// `during night`, in parentheses only.
    var time: TimeSyntax?
    /// `by share`, `by cost`, `in order`, of a whole route only.
    var selection: (selection: SelectionSyntax, range: SourceRange)?
}

enum SelectionSyntax {
    case order, share, cost
}

/// `during office`, `outside office`
struct TimeSyntax {
    var isDuring: Bool
    var hours: Word
}

/// `send national`, `send drop 1 prefix 86`
enum SendSyntax {
    case named(Word)
    case digits(DigitsFormSyntax)
}

/// `line 66778000-66778799 rings 8000-8799`, or a list of targets with their hours.
struct LineSyntax {
    var lines: Word
    var rings: Rings

    enum Rings {
        case range(Word)
        case targets([TimedTargetSyntax])
    }
}

/// `inbound ip-e1 4001234567 rings group reception during office, 8003`
struct InboundSyntax {
    var trunk: Word
    /// Empty for whatever no other route takes.
    var patterns: [Word]
    var targets: [TimedTargetSyntax]
}

/// One target of a list; the first whose hours hold is taken.
struct TimedTargetSyntax {
    var target: TargetSyntax
    var time: TimeSyntax?
}

/// `8003`, `group reception`, `02088886666 as 8000`, `voicemail`, `busy`
struct TargetSyntax {
    enum Kind {
        /// An extension, a trunk by its name, or a number with who pays for it.
        case word(Word, as: Word?)
        case group(Word)
        case busy
    }

    var kind: Kind
    var range: SourceRange
}

/// `forward 8000-8099 when unanswered 25s to group reception`
struct ForwardSyntax {
    /// Extensions and groups.
    var whose: [CallerItem]
    var occasion: Step.Occasion
    var after: Word?
    var target: TargetSyntax
}

/// `lines front 66770000-66770009`
struct LinesSyntax {
    var name: Word
    var members: [Word]
}

/// `short *701 -> 02088886666`
struct ShortSyntax {
    var code: Word
    var number: Word
}

/// `feature forward-busy on *40*{number} off #40`
struct FeatureSyntax {
    var name: Word
    var codes: [(action: FeatureCall.Action, code: Word)]
}

/// `pin { digits 4-8  attempts 3  lockout 15m }`
struct PINSyntax {
    var settings: [(key: Word, value: Word)]
}

/// `phones 8001, 8010-8019 presents 4001234567, +8631166770000-+8631166770009`
struct PhonesSyntax {
    var whose: [Word]
    var presents: [Word]
}

/// `incoming office from inside + group partners`
struct IncomingSyntax {
    var name: Word
    var from: [CallerItem]
}

/// Some callers, as rules and incoming levels name them.
enum CallerItem {
    /// An extension, a range of them, or in an incoming level the name of another.
    case word(Word)
    case group(Word)
    case level(Word)
    case inside
    case outside
    case nobody
    case trunk(Word)
    /// A pattern of the numbers that outside callers have.
    case number(Word)
    /// A file of such patterns.
    case file(Word)
    /// Outside callers whose number is of a class.
    case numberClass(Word)
}

/// `group canteen 8600-8619 8650 together 20s, then 8003, then busy`, with `calls`, `picks-up`,
/// `uses` and `presents` in it or in braces.
struct GroupSyntax {
    var name: Word
    var members: [Word] = []
    var ringing = RingingSyntax()
    var stages: [StageSyntax] = []
    var overflow: TargetSyntax?
    /// Nil where they are not said.
    var calls: [Word]?
    var picksUp: [Word]?
    var uses: [Word]?
    var presents: [Word]?

    struct RingingSyntax {
        var strategy: (strategy: RingGroup.Strategy, word: Word)?
        var time: Word?
    }

    struct StageSyntax {
        var members: [Word]
        var ringing = RingingSyntax()
    }
}

/// `hours office mon-fri 08:00-12:00 14:00-18:00, sat 09:00-12:00, except dates "holidays.dates"`
struct HoursSyntax {
    var name: Word
    var items: [Item]

    enum Item {
        /// No days mean every day.
        case week(days: [Word], times: [Word])
        case exceptFile(Word)
        case exceptDates([Word])
    }
}

/// `rule canteen { from group canteen  to national  outside office  refuse "call from your desk" }`
struct RuleSyntax {
    var name: Word
    var from: [CallerItem] = []
    /// Empty for every number.
    var to: [NumberItem] = []
    var except: [NumberItem] = []
    var time: TimeSyntax?
    /// The text, or nil without one.
    var refuse: (word: Word, text: Word?)?
    var limit: Word?
    var allow: Word?
    /// `ask pin`
    var ask: Word?
    /// Whether every part could be read.
    var isWhole = true

    enum NumberItem {
        /// A class, a pattern or a range.
        case word(Word)
        case group(Word)
        case file(Word)
    }
}

/// `expect CALLER (LEVEL) dials NUMBER at "TIME" when TRUNK down with pin -> RESULT ...`
struct ExpectSyntax {
    var caller: CallerSyntax
    /// Nil only for a call from a line.
    var dialled: Word?
    /// `dials 8200 (quiet)`: the incoming level of whom is called.
    var incoming: Word?
    /// `from 13812345678`: the number of an outside caller, or the one that the phone of an extension
    /// asks to present.
    var number: Word?
    var time: Word?
    var down: [Word] = []
    var pin: GivenPIN?
    /// The level of whose PIN it is, where that is another than the caller.
    var pinLevel: Word?
    var isLocked = false
    var balance: Word?
    var results: [ResultSyntax] = []

    enum CallerSyntax {
        case `extension`(Word, level: Word?)
        case line(Word)
        case trunk(Word)
    }

    enum GivenPIN {
        case right, wrong
    }

    enum ResultSyntax {
        /// `via A then B`
        case via([Word])
        case presents(Word)
        case sends(Word)
        case rings(Word)
        case ringsGroup(Word)
        case emergency(Word)
        case numberClass(Word)
        /// `limit 3m`, or `limit none`
        case limit(Word)
        case asksPIN(Word)
        /// `feature forward-busy on`
        case feature(Word, FeatureCall.Action?)
        /// `as 8100`: on whose rights the call is made.
        case rights(Word)
        /// `costs up to 0.22 for 3m`
        case costs(Word, duration: Word?)
        /// `refused`, `refused by level`
        case refused(Word, by: Refusal.Code?)
    }
}
