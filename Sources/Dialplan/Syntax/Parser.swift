/// Reads the tokens of a plan into its syntax tree.
///
/// A statement that cannot be read is reported and left out; reading goes on with the next line, so
/// that one check shows every mistake.
struct Parser {
    private let tokens: [Token]
    private var index = 0
    private(set) var tree = SyntaxTree()
    var remarks: Remarks

    init(_ source: SourceText, file: Int, remarks: Remarks) {
        let lexer = Lexer(source, file: file, remarks: remarks)
        tokens = lexer.tokens
        tree.comments = lexer.comments
        self.remarks = lexer.remarks
    }

    /// Reads the whole file.
    mutating func run() {
        while true {
            skipNewlines()
            guard token.kind != .end else { return }
            let start = token.range
            do throws(SyntaxError) {
                let kind = try statement()
                tree.statements.append(
                    Statement(kind: kind, range: start.through(tokens[index - 1].range)))
                try endOfStatement()
            } catch {
                remarks.error(error)
                skipStatement()
            }
        }
    }

    private mutating func statement() throws(SyntaxError) -> Statement.Kind {
        guard token.kind == .word else {
            throw SyntaxError("a statement begins with a word, not with \(described)", at: range)
        }
        guard let keyword = Keyword(rawValue: token.text) else { throw unknownStatement() }
        advance()
        switch keyword {
        case .site: return .site(try site())
        case .extensions: return .extensions(try words("a range of extensions such as 8000-8799"))
        case .normalise: return .normalise(try normalise())
        case .class: return .numberClass(try numberClass())
        case .level: return .level(try level())
        case .route: return .route(try route())
        case .line: return .line(try line())
        case .group: return .group(try group())
        case .hours: return .hours(try hours())
        case .rule: return .rule(try rule())
        case .expect: return .expect(try expect())
        case .include: return .include(try string("the name of a file"))
        case .incoming: return .incoming(try incoming())
        case .trunks: return .trunks(try trunks())
        case .lines: return .lines(try lines())
        case .inbound: return .inbound(try inbound())
        case .forward: return .forward(try forward())
        case .short: return .short(try short())
        case .feature: return .feature(try feature())
        case .pin: return .pin(try pin())
        case .phones: return .phones(try phones())
        }
    }

    private func unknownStatement() -> SyntaxError {
        let known = Keyword.allCases.map(\.rawValue)
        if token.text.hasPrefix("#") || token.text.hasPrefix(";") {
            return SyntaxError(
                "a statement begins with a word, not with \(described)", at: range,
                help: "a comment begins with //")
        }
        return SyntaxError(
            "there is no statement \"\(token.text)\"", at: range,
            help: help(for: token.text, among: known))
    }

    private mutating func endOfStatement() throws(SyntaxError) {
        guard token.kind != .newline, token.kind != .end else { return }
        let keyword =
            token.kind == .word
            ? nearest(token.text, among: Keyword.allCases.map(\.rawValue)) : nil
        throw SyntaxError(
            "\(described) was not expected here; the statement is complete before it", at: range,
            help: keyword.map { "if a statement begins here, did you mean \"\($0)\"?" })
    }

    /// To the end of the line, past a block that begins on it.
    private mutating func skipStatement() {
        var depth = 0
        while token.kind != .end {
            switch token.kind {
            case .newline where depth == 0 || nextLineBeginsStatement: return
            case .leftBrace: depth += 1
            case .rightBrace: depth = max(0, depth - 1)
            case .word, .string, .leftParenthesis, .rightParenthesis, .comma, .arrow, .newline,
                .end:
                break
            }
            advance()
        }
    }
}

// MARK: - What the statements are read with

extension Parser {
    var token: Token { tokens[index] }
    var range: SourceRange { token.range }
    /// The token behind this one.
    var following: Token { tokens[min(index + 1, tokens.count - 1)] }

    /// The token as a reader knows it.
    var described: String {
        switch token.kind {
        case .word: "\"\(token.text)\""
        case .string: "the text \"\(token.text)\""
        case .leftBrace: "{"
        case .rightBrace: "}"
        case .leftParenthesis: "("
        case .rightParenthesis: ")"
        case .comma: "a comma"
        case .arrow: "->"
        case .newline: "the end of the line"
        case .end: "the end of the file"
        }
    }

    mutating func advance() {
        if token.kind != .end { index += 1 }
    }

    mutating func skipNewlines() {
        while token.kind == .newline { advance() }
    }

    /// Takes the token if it is of this kind.
    mutating func take(_ kind: Token.Kind) -> Bool {
        guard token.kind == kind else { return false }
        advance()
        return true
    }

    /// Takes the word if it is this one.
    mutating func take(_ word: String) -> Bool {
        guard token.kind == .word, token.text == word else { return false }
        advance()
        return true
    }

    mutating func require(_ kind: Token.Kind, _ what: String) throws(SyntaxError) {
        guard take(kind) else {
            throw SyntaxError("\(what) is expected here, not \(described)", at: range)
        }
    }

    mutating func require(_ word: String, help: String? = nil) throws(SyntaxError) {
        guard take(word) else {
            throw SyntaxError(
                "\"\(word)\" is expected here, not \(described)", at: range, help: help)
        }
    }

    /// The next word, whatever it is.
    mutating func word(_ what: String) throws(SyntaxError) -> Word {
        guard token.kind == .word else {
            throw SyntaxError("\(what) is expected here, not \(described)", at: range)
        }
        defer { advance() }
        return Word(text: token.text, range: range)
    }

    mutating func string(_ what: String) throws(SyntaxError) -> Word {
        guard token.kind == .string else {
            throw SyntaxError(
                "\(what) in quotes is expected here, not \(described)", at: range)
        }
        defer { advance() }
        return Word(text: token.text, range: range)
    }

    /// One word or more, with or without commas between them, up to the end of the line.
    mutating func words(_ what: String) throws(SyntaxError) -> [Word] {
        var words = [try word(what)]
        while token.kind == .word || token.kind == .comma {
            _ = take(.comma)
            words.append(try word(what))
        }
        return words
    }

    /// Whether a new line begins here with a statement at its very start: then a brace that is still
    /// open was forgotten.
    var nextLineBeginsStatement: Bool {
        guard token.kind == .newline, index + 1 < tokens.count else { return false }
        let next = tokens[index + 1]
        return next.kind == .word && next.range.start == token.range.start + 1
            && Keyword(rawValue: next.text) != nil
    }

    /// Reads `{ item item ... }` over any number of lines.
    ///
    /// - Parameter item: reads one item; the token is no line end when it is called.
    mutating func block(
        _ item: (inout Parser) throws(SyntaxError) -> Void
    ) throws(SyntaxError) {
        let open = range
        try require(.leftBrace, "{")
        while true {
            if token.kind == .end || nextLineBeginsStatement {
                remarks.error("this { is never closed", at: open, help: "write } after its items")
                return
            }
            if take(.newline) { continue }
            if take(.rightBrace) { return }
            do throws(SyntaxError) {
                try item(&self)
            } catch {
                remarks.error(error)
                while token.kind != .newline, token.kind != .rightBrace, token.kind != .end {
                    advance()
                }
            }
        }
    }
}
