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
    }
}

/// Every word a statement may begin with.
enum Keyword: String, CaseIterable {
    case site, extensions, normalise, `class`, level, route, line, group, hours, rule, expect
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

/// `route CLASS... via ALTERNATIVE, ... present NUMBER send FORM`
struct RouteSyntax {
    var classes: [Word]
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
}

/// `send national`, `send drop 1 prefix 86`
enum SendSyntax {
    case named(Word)
    case digits(DigitsFormSyntax)
}

/// `line 66778000-66778799 rings 8000-8799`
struct LineSyntax {
    var lines: Word
    var rings: Word
}

/// `group canteen 8600-8619 8650`
struct GroupSyntax {
    var name: Word
    var members: [Word]
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
    /// Classes and patterns; empty for every number.
    var to: [Word] = []
    var except: [Word] = []
    var time: (isDuring: Bool, hours: Word)?
    /// The text, or nil without one.
    var refuse: (word: Word, text: Word?)?
    var limit: Word?
    /// Whether every part could be read.
    var isWhole = true

    enum CallerItem {
        case range(Word)
        case group(Word)
        case level(Word)
    }
}

/// `expect CALLER (LEVEL) dials NUMBER at "TIME" when TRUNK down -> RESULT ...`
struct ExpectSyntax {
    var caller: CallerSyntax
    /// Nil only for a call from a line.
    var dialled: Word?
    var time: Word?
    var down: [Word]
    var results: [ResultSyntax]

    enum CallerSyntax {
        case `extension`(Word, level: Word?)
        case line(Word)
        case trunk(Word)
    }

    enum ResultSyntax {
        /// `via A then B`
        case via([Word])
        case presents(Word)
        case sends(Word)
        case rings(Word)
        case emergency(Word)
        case numberClass(Word)
        /// `limit 3m`, or `limit none`
        case limit(Word)
        /// `refused`, `refused by level`
        case refused(Word, by: Refusal.Code?)
    }
}
