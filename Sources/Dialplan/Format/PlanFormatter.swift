/// Writes a plan in its canonical form: one blank between words, statements at the margin, four
/// blanks in a block and before a line that goes on, the parts of neighbouring statements under one
/// another, at most one empty line. Comments stay where they are, and so do the ends of lines.
///
/// It works on tokens and knows no statement but by the words that begin its parts, so that what the
/// grammar learns is formatted too. Formatting again changes nothing, and the tokens are the same
/// before and after.
struct PlanFormatter {
    private let source: SourceText
    private let tokens: [Token]
    private let comments: [Comment]

    init(_ source: SourceText, _ lexer: Lexer) {
        self.source = source
        tokens = lexer.tokens
        comments = lexer.comments
    }

    /// The whole file.
    var text: String {
        var lines = brokenIntoLines
        align(&lines)
        alignComments(&lines)
        var text = ""
        for line in lines { text += line.text + "\n" }
        return text
    }

    // MARK: Lines

    /// One line of the file.
    private struct Line {
        /// Blanks at its beginning.
        var indentation = 0
        /// Parts that stand under those of its neighbours.
        var cells: [String] = []
        var comment: String?
        /// Two lines with the same one are neighbours; nil for a line that has none.
        var kind: String?
        /// How far the cells reach, with the blanks that alignment puts between them.
        var code = ""
        var commentColumn = 0

        var isEmpty: Bool { cells.isEmpty && comment == nil }

        var text: String {
            let margin = String(repeating: " ", count: code.isEmpty ? 0 : indentation)
            guard let comment else { return margin + code }
            if code.isEmpty { return String(repeating: " ", count: indentation) + comment }
            let width = indentation + code.count
            return margin + code + String(repeating: " ", count: commentColumn - width) + comment
        }
    }

    private var brokenIntoLines: [Line] {
        var lines: [Line] = []
        var state = State()
        var next = 0
        var nextComment = 0
        let last = source.line(at: source.bytes.count)
        for number in 1...last {
            let end = source.extent(ofLine: number).end
            var line = Line()
            var here: [Token] = []
            while next < tokens.count, tokens[next].range.start <= end {
                let token = tokens[next]
                if token.kind == .end { break }
                if token.kind == .newline {
                    // The end of a line belongs to it; the break itself stands behind its text.
                    next += 1
                    state.endsStatement = true
                    if here.isEmpty { state.beginStatement() }
                    continue
                }
                here.append(token)
                next += 1
            }
            if nextComment < comments.count, comments[nextComment].range.start <= end {
                var comment = comments[nextComment].text
                while comment.last == " " || comment.last == "\t" { comment.removeLast() }
                line.comment = comment
                nextComment += 1
            }
            write(here, into: &line, &state)
            append(line, to: &lines)
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// What the lines before say about the next.
    private struct State {
        var depth = 0
        var isInParentheses = false
        /// Whether the next word begins a statement.
        var isAtStart = true
        var endsStatement = false
        /// The word that began the statement.
        var statement = ""

        mutating func beginStatement() {
            isAtStart = depth == 0
            endsStatement = false
        }
    }

    /// Puts an empty line only between others, and never inside the edge of a block.
    private func append(_ line: Line, to lines: inout [Line]) {
        if line.isEmpty {
            guard let last = lines.last, !last.isEmpty, last.cells.last?.hasSuffix("{") != true
            else { return }
        } else if line.cells.first?.hasPrefix("}") == true, lines.last?.isEmpty == true {
            lines.removeLast()
        }
        lines.append(line)
    }

    private func write(_ tokens: [Token], into line: inout Line, _ state: inout State) {
        guard let first = tokens.first else {
            // A comment alone stands where the statement or the block goes on.
            line.indentation = 4 * state.depth
            return
        }
        let begins = state.depth == 0 && state.isAtStart
        let closes = first.kind == .rightBrace
        line.indentation = begins ? 0 : 4 * max(1, state.depth) - (closes ? 4 : 0)
        if begins { state.statement = first.text }
        line.kind = state.depth == 0 && !begins ? nil : "\(state.statement) \(state.depth)"
        var cells = [""]
        var previous: Token?
        for (index, token) in tokens.enumerated() {
            let startsCell = startsCell(token, at: index, begins, previous, state)
            if startsCell, !cells[cells.count - 1].isEmpty {
                cells.append("")
            } else if let previous, hasBlank(between: previous, and: token) {
                let isWide = startsClause(token, after: previous, state)
                cells[cells.count - 1] += isWide ? "  " : " "
            }
            cells[cells.count - 1] += source.text(token.range)
            switch token.kind {
            case .leftBrace: state.depth += 1
            case .rightBrace: state.depth = max(0, state.depth - 1)
            case .leftParenthesis: state.isInParentheses = true
            case .rightParenthesis: state.isInParentheses = false
            case .word, .string, .comma, .arrow, .newline, .end: break
            }
            previous = token
        }
        line.cells = cells
        state.isAtStart = false
        if state.endsStatement { state.beginStatement() }
    }

    private func hasBlank(between left: Token, and right: Token) -> Bool {
        switch (left.kind, right.kind) {
        case (.leftParenthesis, _), (_, .comma), (_, .rightParenthesis): false
        default: true
        }
    }

    // MARK: Parts

    /// Statements of which the name stands in a column of its own.
    private static let named: Set<String> = [
        "class", "level", "incoming", "hours", "group", "rule", "trunks", "lines", "feature",
    ]
    /// Words that begin a column in a statement without braces.
    private static let columns: [String: Set<String>] = [
        "route": ["via", "present", "send", "by", "in"], "trunks": ["by", "in", "send", "present"],
        "line": ["rings"], "inbound": ["rings"], "level": ["may"], "incoming": ["from"],
        "forward": ["when", "to"], "feature": ["on", "off"], "phones": ["presents"],
    ]
    /// Words that begin a part inside braces.
    private static let clauses: Set<String> = [
        "country", "area", "timezone", "from", "to", "except", "during", "outside", "refuse",
        "limit", "ask", "allow", "calls", "picks-up", "uses", "presents", "digits", "attempts",
        "lockout",
    ]

    private func startsCell(
        _ token: Token, at index: Int, _ begins: Bool, _ previous: Token?, _ state: State
    ) -> Bool {
        if state.isInParentheses { return false }
        if token.kind == .arrow {
            return ["expect", "short"].contains(state.statement) || state.depth == 1
        }
        guard begins, state.depth == 0, index >= 2, token.kind != .comma else { return false }
        if index == 2, Self.named.contains(state.statement) { return true }
        return token.kind == .word && previous?.kind != .arrow
            && Self.columns[state.statement]?.contains(token.text) == true
    }

    private func startsClause(_ token: Token, after previous: Token, _ state: State) -> Bool {
        state.depth > 0 && token.kind == .word && previous.kind != .leftBrace
            && previous.kind != .comma && Self.clauses.contains(token.text)
    }

    /// Puts the parts of neighbours under one another.
    private func align(_ lines: inout [Line]) {
        var start = 0
        while start < lines.count {
            var end = start + 1
            // Lines that go on with a statement part no neighbours.
            while end < lines.count, !lines[end].isEmpty, !lines[end].cells.isEmpty,
                lines[end].kind == lines[start].kind
                    || lines[end].kind == nil && lines[start].kind != nil
            {
                end += 1
            }
            var widths: [Int] = []
            for line in lines[start..<end] where line.kind != nil {
                for (column, cell) in line.cells.dropLast().enumerated() {
                    if column == widths.count { widths.append(0) }
                    widths[column] = max(widths[column], cell.count)
                }
            }
            for index in start..<end {
                var code = ""
                for (column, cell) in lines[index].cells.enumerated() {
                    let isLast = column == lines[index].cells.count - 1
                    let width = lines[index].kind == nil || isLast ? 0 : widths[column] + 2
                    code += cell + String(repeating: " ", count: max(0, width - cell.count))
                }
                lines[index].code = code
            }
            start = end
        }
    }

    private func alignComments(_ lines: inout [Line]) {
        var start = 0
        while start < lines.count {
            guard lines[start].comment != nil, !lines[start].code.isEmpty else {
                start += 1
                continue
            }
            var end = start
            var column = 0
            while end < lines.count, lines[end].comment != nil, !lines[end].code.isEmpty {
                column = max(column, lines[end].indentation + lines[end].code.count + 2)
                end += 1
            }
            for index in start..<end { lines[index].commentColumn = column }
            start = end
        }
    }
}

extension Plan {
    /// The files that the text of a plan includes, by the names it writes, each once and in its order.
    /// A text that is wrong elsewhere has them too.
    public static func includes(_ file: SourceFile) -> [String] {
        guard file.text.utf8.count <= PlanLimits.fileBytes else { return [] }
        var parser = Parser(
            SourceText(path: file.path, text: file.text), file: 0, remarks: Remarks())
        parser.run()
        var names: [String] = []
        for statement in parser.tree.statements {
            guard case .include(let word) = statement.kind, !names.contains(word.text) else {
                continue
            }
            names.append(word.text)
        }
        return names
    }

    /// The canonical form of a plan's text, or of a file that it includes.
    ///
    /// - Returns: nil when the text cannot be read; then the diagnostics say why.
    public static func formatted(
        _ file: SourceFile
    ) -> (text: String?, diagnostics: [Diagnostic]) {
        var text = SourceText(path: file.path, text: file.text)
        var remarks = Remarks()
        guard file.text.utf8.count <= PlanLimits.fileBytes else {
            text = SourceText(path: file.path, text: "")
            remarks.error(
                "this file has \(file.text.utf8.count) bytes; at most "
                    + "\(PlanLimits.fileBytes) are read",
                at: SourceRange(file: 0, start: 0, end: 0))
            return (nil, remarks.diagnostics(in: [text]))
        }
        var parser = Parser(text, file: 0, remarks: remarks)
        parser.run()
        guard parser.remarks.errorCount == 0 else {
            return (nil, parser.remarks.diagnostics(in: [text]))
        }
        let lexer = Lexer(text, file: 0, remarks: remarks)
        return (PlanFormatter(text, lexer).text, [])
    }
}
