// How each statement is read. The grammar stands in Dialplan.docc/Language.md.

extension Parser {
    mutating func site() throws(SyntaxError) -> SiteSyntax {
        var site = SiteSyntax(name: try word("the site's name"), settings: [])
        try block { parser throws(SyntaxError) in
            let key = try parser.word("a setting such as country")
            guard parser.token.kind == .word || parser.token.kind == .string else {
                throw SyntaxError(
                    "the value of \"\(key.text)\" is expected here, not \(parser.described)",
                    at: parser.range)
            }
            site.settings.append((key, Word(text: parser.token.text, range: parser.range)))
            parser.advance()
            _ = parser.take(.comma)
        }
        return site
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
    private func pieces(of word: Word) -> [Word] {
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
        return LineSyntax(lines: lines, rings: try word("an extension or a range of them"))
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
        var alternatives: [AlternativeSyntax] = []
        repeat {
            let name = try word("\"line\" or a trunk's name")
            var options = RouteOptionsSyntax()
            if take(.leftParenthesis) {
                while token.kind == .word { try option(into: &options) }
                try require(.rightParenthesis, ")")
            }
            alternatives.append(AlternativeSyntax(name: name, options: options))
        } while take(.comma)
        var options = RouteOptionsSyntax()
        while token.kind == .word { try option(into: &options) }
        return RouteSyntax(classes: classes, alternatives: alternatives, options: options)
    }

    private mutating func option(into options: inout RouteOptionsSyntax) throws(SyntaxError) {
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
            } else {
                options.send = .named(try word("the form to send, such as national"))
            }
        } else {
            throw SyntaxError(
                "\"present\" or \"send\" is expected here, not \(described)", at: start,
                help: help(for: token.text, among: ["present", "send"])
                    .map { $0.hasPrefix("did") ? $0 : "a comma parts one way out from the next" })
        }
    }
}

// MARK: - Expectations

extension Parser {
    mutating func expect() throws(SyntaxError) -> ExpectSyntax {
        let caller: ExpectSyntax.CallerSyntax
        if take("line") {
            caller = .line(try word("a line's number"))
        } else if take("trunk") {
            caller = .trunk(try word("a trunk's name"))
        } else {
            let number = try word("an extension, or \"line\" or \"trunk\"")
            var level: Word?
            if take(.leftParenthesis) {
                level = try word("a level")
                try require(.rightParenthesis, ")")
            }
            caller = .extension(number, level: level)
        }
        var expect = ExpectSyntax(caller: caller, down: [], results: [])
        switch caller {
        case .line:
            if take("dials") { expect.dialled = try word("a number") }
        case .extension, .trunk:
            try require("dials")
            expect.dialled = try word("a number")
        }
        try conditions(of: &expect)
        try require(.arrow, "->")
        repeat {
            expect.results.append(try result())
            _ = take(.comma)
        } while token.kind == .word
        return expect
    }

    private mutating func conditions(of expect: inout ExpectSyntax) throws(SyntaxError) {
        while token.kind == .word {
            if take("at") {
                expect.time = try string("a time such as \"mon 10:00\"")
            } else if take("when") {
                repeat {
                    expect.down.append(try word("a trunk or \"line\""))
                    if token.text != "and", token.kind != .comma { try require("down") }
                } while take(.comma) || take("and")
            } else {
                throw SyntaxError(
                    "\"at\", \"when\" or -> is expected here, not \(described)", at: range,
                    help: help(for: token.text, among: ["at", "when"])
                        .flatMap { $0.hasPrefix("did") ? $0 : nil })
            }
        }
    }

    private mutating func result() throws(SyntaxError) -> ExpectSyntax.ResultSyntax {
        let start = Word(text: token.text, range: range)
        if take("via") {
            var ways: [Word] = []
            repeat { ways.append(try word("\"line\" or a trunk's name")) } while take("then")
            return .via(ways)
        }
        if take("presents") { return .presents(try word("the number presented")) }
        if take("sends") { return .sends(try word("the number sent")) }
        if take("rings") { return .rings(try word("an extension")) }
        if take("class") { return .numberClass(try word("a class")) }
        if take("limit") { return .limit(try word("a length of time, or none")) }
        if take("emergency") { return .emergency(start) }
        if take("refused") { return .refused(start, by: try refusal()) }
        let known = ["via", "presents", "sends", "rings", "class", "limit", "emergency", "refused"]
        throw SyntaxError(
            "what is expected of the call comes here, not \(described)", at: range,
            help: token.kind == .word ? help(for: token.text, among: known) : nil)
    }

    private mutating func refusal() throws(SyntaxError) -> Refusal.Code? {
        if take("by") {
            if take("level") { return .level }
            if take("rule") { return .rule }
            throw SyntaxError("\"level\" or \"rule\" is expected here, not \(described)", at: range)
        }
        if take("as") {
            if take("unknown") { return .unknownNumber }
            if take("invalid") { return .invalid }
            throw SyntaxError(
                "\"unknown\" or \"invalid\" is expected here, not \(described)", at: range)
        }
        if take("without") {
            try require("route")
            return .noRoute
        }
        return nil
    }
}
