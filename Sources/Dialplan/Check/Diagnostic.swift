/// One remark of the check about a plan, with the place it is about.
public struct Diagnostic: Hashable, Sendable {
    public enum Severity: String, Hashable, Sendable {
        /// The plan is not used.
        case error
        /// The plan is used; somebody should look.
        case warning
    }

    public var severity: Severity
    public var file: String
    /// Counted from one.
    public var line: Int
    /// Counted from one, in characters.
    public var column: Int
    /// How many characters the remark is about; at least one.
    public var length: Int
    public var message: String
    /// What to write or do instead.
    public var suggestion: String?
    /// The text of the line.
    public var sourceLine: String

    public init(
        severity: Severity, file: String, line: Int, column: Int, length: Int = 1,
        message: String, suggestion: String? = nil, sourceLine: String
    ) {
        self.severity = severity
        self.file = file
        self.line = line
        self.column = column
        self.length = max(1, length)
        self.message = message
        self.suggestion = suggestion
        self.sourceLine = sourceLine
    }

    /// Three or four lines without a newline at the end:
    ///
    ///     hq.dialplan:3:12: error: there is no class "locl"
    ///       level city may locl
    ///                      ^~~~
    ///       help: did you mean "local"?
    public var rendered: String {
        var text = "\(file):\(line):\(column): \(severity.rawValue): \(message)"
        if !sourceLine.isEmpty {
            text += "\n  \(sourceLine)\n  \(margin)^"
            text += String(repeating: "~", count: underline - 1)
        }
        if let suggestion { text += "\n  help: \(suggestion)" }
        return text
    }

    /// Blanks as wide as what stands before the column; tabs stay tabs so that they line up.
    private var margin: String {
        var margin = ""
        for character in sourceLine.prefix(column - 1) {
            if character == "\t" {
                margin += "\t"
            } else {
                margin += String(repeating: " ", count: character.cells)
            }
        }
        return margin
    }

    private var underline: Int {
        let marked = sourceLine.dropFirst(column - 1).prefix(length)
        return max(1, marked.reduce(0) { $0 + $1.cells })
    }
}

extension Character {
    /// Cells of a terminal: two for the scripts of East Asia, else one.
    fileprivate var cells: Int {
        guard let scalar = unicodeScalars.first?.value else { return 1 }
        let isWide =
            0x1100...0x115f ~= scalar || 0x2e80...0x303e ~= scalar || 0x3041...0xa4cf ~= scalar
            || 0xac00...0xd7a3 ~= scalar || 0xf900...0xfaff ~= scalar
            || 0xfe30...0xfe6f ~= scalar || 0xff00...0xff60 ~= scalar
            || 0xffe0...0xffe6 ~= scalar || 0x20000...0x3fffd ~= scalar
        return isWide ? 2 : 1
    }
}
