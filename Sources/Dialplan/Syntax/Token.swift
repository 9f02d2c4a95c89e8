/// The smallest piece of a plan that means something.
struct Token {
    enum Kind: Hashable {
        /// A name, a keyword, a number, a pattern: whatever stands between blanks.
        case word
        /// `"..."`; the range is with the quotes.
        case string
        case leftBrace, rightBrace, leftParenthesis, rightParenthesis, comma, arrow
        /// The end of a line that ends a statement.
        case newline
        /// The end of the file.
        case end
    }

    var kind: Kind
    /// The word, or what stands between the quotes; empty for the rest.
    var text: String
    var range: SourceRange
}

/// `// ...` to the end of its line. Comments mean nothing and are kept, for the formatter.
struct Comment {
    var text: String
    var range: SourceRange
}
