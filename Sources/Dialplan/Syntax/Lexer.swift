/// Cuts a file into tokens and comments.
///
/// Numbers are words like any other: `8000-8799`, `[2-8]XXXXXXX` and `+86311{line}` each are one.
/// A line end ends nothing after a comma, a `+` or an arrow, nor where the next line is indented and
/// begins with no statement's word: so a long statement goes on in the next line.
struct Lexer {
    private(set) var tokens: [Token] = []
    private(set) var comments: [Comment] = []
    private(set) var remarks: Remarks

    private let source: SourceText
    private let file: Int
    private var position = 0
    private var depth = 0
    private let linesGoOn: Bool

    /// - Parameters:
    ///   - file: the number of the file in the list of sources.
    ///   - linesGoOn: whether an indented line may go on with the one before, as it does in a plan.
    init(_ source: SourceText, file: Int, remarks: Remarks, linesGoOn: Bool = true) {
        self.source = source
        self.linesGoOn = linesGoOn
        self.file = file
        self.remarks = remarks
        run()
    }

    private mutating func run() {
        if source.bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
        while position < source.bytes.count {
            let start = position
            switch source.bytes[position] {
            case UInt8(ascii: "\n"):
                position += 1
                endLine(at: start)
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                position += 1
            case UInt8(ascii: "}"): punctuation(.rightBrace)
            case UInt8(ascii: "("): punctuation(.leftParenthesis)
            case UInt8(ascii: ")"): punctuation(.rightParenthesis)
            case UInt8(ascii: ","): punctuation(.comma)
            case UInt8(ascii: "\""): string()
            case UInt8(ascii: "{") where placeholderLength(at: position) == 0:
                punctuation(.leftBrace)
            case UInt8(ascii: "/") where byte(after: 1) == UInt8(ascii: "/"): comment()
            case UInt8(ascii: "-") where byte(after: 1) == UInt8(ascii: ">"):
                punctuation(.arrow, length: 2)
            default:
                if let mistake = Self.fullWidth(source.bytes[position...]) {
                    fullWidthMark(mistake)
                } else {
                    word()
                }
            }
        }
        append(.newline, from: position, to: position)
        append(.end, from: position, to: position)
    }

    private func byte(after distance: Int) -> UInt8? {
        position + distance < source.bytes.count ? source.bytes[position + distance] : nil
    }

    private mutating func append(_ kind: Token.Kind, from start: Int, to end: Int) {
        tokens.append(
            Token(kind: kind, text: "", range: SourceRange(file: file, start: start, end: end)))
    }

    private mutating func punctuation(_ kind: Token.Kind, length: Int = 1) {
        append(kind, from: position, to: position + length)
        position += length
        if kind == .leftBrace { depth += 1 }
        if kind == .rightBrace { depth = max(0, depth - 1) }
    }

    private mutating func endLine(at start: Int) {
        guard let last = tokens.last else { return }
        switch last.kind {
        case .newline, .comma, .arrow: return
        case .word where last.text == "+": return
        case .word, .string, .leftBrace, .rightBrace, .leftParenthesis, .rightParenthesis, .end:
            if linesGoOn, depth == 0, continues(at: position) { return }
            append(.newline, from: start, to: start)
        }
    }

    /// Whether the line at an offset goes on with the statement before it. Lines that hold only a
    /// comment are looked past.
    private func continues(at offset: Int) -> Bool {
        var start = offset
        while start < source.bytes.count {
            var index = start
            while index < source.bytes.count,
                source.bytes[index] == UInt8(ascii: " ")
                    || source.bytes[index] == UInt8(ascii: "\t")
            {
                index += 1
            }
            guard index < source.bytes.count else { return false }
            if source.bytes[index...].starts(with: [0x2f, 0x2f]) {
                guard let end = source.bytes[index...].firstIndex(of: UInt8(ascii: "\n")) else {
                    return false
                }
                start = end + 1
                continue
            }
            guard index > start else { return false }
            var end = index
            while end < source.bytes.count, (0x61...0x7a).contains(source.bytes[end]) { end += 1 }
            return source.bytes[index] > UInt8(ascii: " ")
                && Keyword(rawValue: source.text(index, end)) == nil
        }
        return false
    }

    private mutating func comment() {
        let start = position
        while position < source.bytes.count, source.bytes[position] != UInt8(ascii: "\n") {
            position += 1
        }
        var end = position
        if source.bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        comments.append(
            Comment(
                text: source.text(start, end),
                range: SourceRange(file: file, start: start, end: end)))
    }

    private mutating func string() {
        let start = position
        position += 1
        while position < source.bytes.count, source.bytes[position] != UInt8(ascii: "\""),
            source.bytes[position] != UInt8(ascii: "\n")
        {
            position += 1
        }
        let end = position
        if position < source.bytes.count, source.bytes[position] == UInt8(ascii: "\"") {
            position += 1
        } else {
            remarks.error(
                "this quote is not closed on its line",
                at: SourceRange(file: file, start: start, end: start + 1),
                help: "write another \" where it ends")
        }
        tokens.append(
            Token(
                kind: .string, text: source.text(start + 1, end),
                range: SourceRange(file: file, start: start, end: position)))
    }

    private mutating func word() {
        let start = position
        scan: while position < source.bytes.count {
            switch source.bytes[position] {
            case UInt8(ascii: "\n"), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"),
                UInt8(ascii: "}"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ","),
                UInt8(ascii: "\""):
                break scan
            case UInt8(ascii: "/") where byte(after: 1) == UInt8(ascii: "/"): break scan
            case UInt8(ascii: "-") where byte(after: 1) == UInt8(ascii: ">"): break scan
            case UInt8(ascii: "{"):
                let length = placeholderLength(at: position)
                guard length > 0 else { break scan }
                position += length
            case 0xe2, 0xe3, 0xef:
                if Self.fullWidth(source.bytes[position...]) != nil { break scan }
                position += 1
            default:
                position += 1
            }
        }
        tokens.append(
            Token(
                kind: .word, text: source.text(start, position),
                range: SourceRange(file: file, start: start, end: position)))
    }

    /// Bytes of a placeholder such as `{line}` at an offset; 0 where none stands.
    private func placeholderLength(at offset: Int) -> Int {
        var end = offset + 1
        while end < source.bytes.count, (0x61...0x7a).contains(source.bytes[end]) { end += 1 }
        guard end > offset + 1, end < source.bytes.count,
            source.bytes[end] == UInt8(ascii: "}")
        else { return 0 }
        return end + 1 - offset
    }
}

extension Lexer {
    /// A mark as Chinese keyboards make it, and the one the language knows.
    private struct FullWidthMark {
        var length: Int
        var meant: String
        var kind: Token.Kind?
    }

    private mutating func fullWidthMark(_ mark: FullWidthMark) {
        let range = SourceRange(file: file, start: position, end: position + mark.length)
        if mark.meant == " " {
            remarks.error(
                "this is a full-width blank", at: range, help: "write an ordinary blank")
        } else {
            remarks.error(
                "this is a full-width mark", at: range, help: "write \(mark.meant) instead")
        }
        if let kind = mark.kind { append(kind, from: range.start, to: range.end) }
        position += mark.length
    }

    private static func fullWidth(_ bytes: ArraySlice<UInt8>) -> FullWidthMark? {
        guard bytes.first.map({ $0 == 0xe2 || $0 == 0xe3 || $0 == 0xef }) == true else {
            return nil
        }
        let table: [(bytes: [UInt8], meant: String, kind: Token.Kind?)] = [
            ([0xef, 0xbc, 0x8c], ",", .comma), ([0xe3, 0x80, 0x81], ",", .comma),
            ([0xef, 0xbc, 0x88], "(", .leftParenthesis),
            ([0xef, 0xbc, 0x89], ")", .rightParenthesis),
            ([0xef, 0xbd, 0x9b], "{", .leftBrace), ([0xef, 0xbd, 0x9d], "}", .rightBrace),
            ([0xe2, 0x86, 0x92], "->", .arrow), ([0xe2, 0x80, 0x9c], "\"", nil),
            ([0xe2, 0x80, 0x9d], "\"", nil), ([0xe3, 0x80, 0x80], " ", nil),
            ([0xef, 0xbc, 0x8b], "+", nil),
        ]
        for entry in table where bytes.starts(with: entry.bytes) {
            return FullWidthMark(length: 3, meant: entry.meant, kind: entry.kind)
        }
        return nil
    }
}
