// How each statement is read. The grammar stands in Dialplan.docc/Language.md.

extension Parser {
    mutating func site() throws(SyntaxError) -> SiteSyntax {
        SiteSyntax(
            name: try word("the site's name"), settings: try settings("a setting such as country"))
    }

    /// Reads `{ country 86  area 0311 }`.
    mutating func settings(
        _ what: String
    ) throws(SyntaxError) -> [(key: Word, value: Word)] {
        var settings: [(key: Word, value: Word)] = []
        try block { parser throws(SyntaxError) in
            let key = try parser.word(what)
            guard parser.token.kind == .word || parser.token.kind == .string else {
                throw SyntaxError(
                    "the value of \"\(key.text)\" is expected here, not \(parser.described)",
                    at: parser.range)
            }
            settings.append((key, Word(text: parser.token.text, range: parser.range)))
            parser.advance()
            _ = parser.take(.comma)
        }
        return settings
    }

    mutating func normalise() throws(SyntaxError) -> [RewriteSyntax] {
        var rewrites: [RewriteSyntax] = []
        if token.kind != .leftBrace { return [try rewrite()] }
        try block { parser throws(SyntaxError) in
            rewrites.append(try parser.rewrite())
            _ = parser.take(.comma)
        }
        return rewrites
    }

    private mutating func rewrite() throws(SyntaxError) -> RewriteSyntax {
        let pattern = try word("a pattern")
        try require(.arrow, "->")
        guard let form = try digitsForm() else {
            throw SyntaxError(
                "what becomes of the number is expected here, not \(described)", at: range,
                help: "write \"drop 4\", \"prefix 00\" or \"drop 1 prefix 00\"")
        }
        return RewriteSyntax(pattern: pattern, form: form)
    }

    private mutating func digitsForm() throws(SyntaxError) -> DigitsFormSyntax? {
        var form = DigitsFormSyntax(range: range)
        if take("drop") { form.drop = try word("how many digits to drop") }
        if take("prefix") { form.prefix = try word("the digits to put in front") }
        guard let last = form.prefix ?? form.drop else { return nil }
        form.range = form.range.through(last.range)
        return form
    }

    mutating func numberClass() throws(SyntaxError) -> ClassSyntax {
        var items = ClassSyntax(name: try word("the class's name"), items: [])
        if token.kind == .leftBrace {
            try block { parser throws(SyntaxError) in
                items.items.append(try parser.classItem())
                _ = parser.take(.comma)
            }
            return items
        }
        while token.kind == .word || token.kind == .comma {
            _ = take(.comma)
            items.items.append(try classItem())
        }
        return items
    }

    private mutating func classItem() throws(SyntaxError) -> ClassSyntax.Item {
        let word = try word("a pattern or from \"FILE\"")
        guard word.text == "from" else { return .pattern(word) }
        return .file(try string("the name of a file"))
    }

    mutating func level() throws(SyntaxError) -> LevelSyntax {
        let name = try word("the level's name")
        try require("may", help: "write: level \(name.text) may internal + local")
        var may: [Word] = []
        while token.kind == .word || token.kind == .comma {
            if take(.comma) { continue }
            let item = try word("a class or a level")
            may += pieces(of: item)
        }
        if may.isEmpty {
            throw SyntaxError("a class or a level is expected here, not \(described)", at: range)
        }
        return LevelSyntax(name: name, may: may)
    }

    /// `city+suburban` is two words with a sign between them.
    func pieces(of word: Word) -> [Word] {
        var offset = 0
        var pieces: [Word] = []
        for piece in word.text.split(separator: "+", omittingEmptySubsequences: false) {
            let length = piece.utf8.count
            if length > 0 {
                pieces.append(Word(text: String(piece), range: word.range.part(offset, length)))
            }
            offset += length + 1
        }
        return pieces
    }

    mutating func line() throws(SyntaxError) -> LineSyntax {
        let lines = try word("a line's number or a range of them")
        try require("rings", help: "write: line 66778000-66778799 rings 8000-8799")
        let targets = try timedTargets()
        if targets.count == 1, targets[0].time == nil,
            case .word(let word, as: nil) = targets[0].target.kind
        {
            return LineSyntax(lines: lines, rings: .range(word))
        }
        return LineSyntax(lines: lines, rings: .targets(targets))
    }
}

// MARK: - Routes

extension Parser {
    mutating func route() throws(SyntaxError) -> RouteSyntax {
        var classes: [Word] = []
        while token.kind == .word, token.text != "via" {
            classes.append(try word("a class"))
            _ = take(.comma)
        }
        if classes.isEmpty {
            throw SyntaxError("a class is expected here, not \(described)", at: range)
        }
        try require("via", help: "write: route local via line, pstn")
        let alternatives = try alternatives()
        return RouteSyntax(
            classes: classes, alternatives: alternatives, options: try routeOptions())
    }

    /// Reads `ip-e1, pstn (send national)`.
    mutating func alternatives() throws(SyntaxError) -> [AlternativeSyntax] {
        var alternatives: [AlternativeSyntax] = []
        repeat {
            let name = try word("\"line\" or a trunk's name")
            var options = RouteOptionsSyntax()
            if take(.leftParenthesis) {
                while token.kind == .word { try option(into: &options, isOfOne: true) }
                try require(.rightParenthesis, ")")
            }
            alternatives.append(AlternativeSyntax(name: name, options: options))
        } while take(.comma)
        return alternatives
    }

    mutating func routeOptions() throws(SyntaxError) -> RouteOptionsSyntax {
        var options = RouteOptionsSyntax()
        while token.kind == .word { try option(into: &options, isOfOne: false) }
        return options
    }

    private mutating func option(
        into options: inout RouteOptionsSyntax, isOfOne: Bool
    ) throws(SyntaxError) {
        let start = range
        if take("present") {
            if !options.present.isEmpty {
                throw SyntaxError("the number to present is given twice", at: start)
            }
            repeat { options.present.append(try word("the number to present")) } while take("or")
        } else if take("send") {
            if options.send != nil {
                throw SyntaxError("the form to send is given twice", at: start)
            }
            if let digits = try digitsForm() {
                options.send = .digits(digits)
            } else if token.text == "as", following.text == "dialled" {
                options.send = .named(
                    Word(text: "as-dialled", range: range.through(following.range)))
                advance()
                advance()
            } else {
                options.send = .named(try word("the form to send, such as national"))
            }
        } else if isOfOne, take("share") {
            options.share = try word("a share such as 3")
        } else if isOfOne, token.text == "during" || token.text == "outside" {
            options.time = try time()
        } else if !isOfOne, token.text == "by" || token.text == "in" {
            if options.selection != nil {
                throw SyntaxError("the order of the ways out is given twice", at: start)
            }
            options.selection = (try selection(), start)
        } else {
            let known =
                isOfOne
                ? ["present", "send", "share", "during", "outside"]
                : ["present", "send", "by", "in"]
            throw SyntaxError(
                "\"present\" or \"send\" is expected here, not \(described)", at: start,
                help: help(for: token.text, among: known)
                    .map { $0.hasPrefix("did") ? $0 : "a comma parts one way out from the next" })
        }
    }

    /// Reads `by share`, `by cost` or `in order`.
    private mutating func selection() throws(SyntaxError) -> SelectionSyntax {
        if take("in") {
            try require("order")
            return .order
        }
        advance()
        if take("share") { return .share }
        if take("cost") { return .cost }
        throw SyntaxError(
            "\"share\" or \"cost\" is expected here, not \(described)", at: range,
            help: "write: by share, by cost, or in order")
    }

    /// Reads `during office` or `outside office`.
    mutating func time() throws(SyntaxError) -> TimeSyntax? {
        guard token.text == "during" || token.text == "outside", token.kind == .word else {
            return nil
        }
        let isDuring = token.text == "during"
        advance()
        return TimeSyntax(isDuring: isDuring, hours: try word("the name of hours"))
    }
}
