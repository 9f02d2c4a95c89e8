/// Remarks collected while a plan is read and checked, still in bytes.
struct Remarks {
    struct Remark {
        var severity: Diagnostic.Severity
        var range: SourceRange
        var message: String
        var help: String?
    }

    private(set) var items: [Remark] = []
    private(set) var errorCount = 0

    mutating func error(_ message: String, at range: SourceRange, help: String? = nil) {
        items.append(Remark(severity: .error, range: range, message: message, help: help))
        errorCount += 1
    }

    mutating func warning(_ message: String, at range: SourceRange, help: String? = nil) {
        items.append(Remark(severity: .warning, range: range, message: message, help: help))
    }

    mutating func error(_ error: SyntaxError) {
        self.error(error.message, at: error.range, help: error.help)
    }

    /// In the order of the files and their lines; at most `PlanLimits.diagnostics` of them and one
    /// that counts the rest. Warnings are left out before any error is.
    func diagnostics(in sources: [SourceText]) -> [Diagnostic] {
        func isEarlier(_ a: Int, _ b: Int) -> Bool {
            let (left, right) = (items[a].range, items[b].range)
            return (left.file, left.start, a) < (right.file, right.start, b)
        }
        let errors = items.indices.filter { items[$0].severity == .error }.sorted(by: isEarlier)
        let warnings = items.indices.filter { items[$0].severity != .error }.sorted(by: isEarlier)
        let order = errors + warnings
        let shown = order.prefix(PlanLimits.diagnostics).sorted(by: isEarlier)
        var diagnostics = shown.map { diagnostic(items[$0], in: sources) }
        if let next = order.dropFirst(PlanLimits.diagnostics).first {
            var rest = diagnostic(items[next], in: sources)
            rest.message = "and \(order.count - PlanLimits.diagnostics) more from here on"
            rest.suggestion = nil
            diagnostics.append(rest)
        }
        return diagnostics
    }

    private func diagnostic(_ remark: Remark, in sources: [SourceText]) -> Diagnostic {
        let source = sources[remark.range.file]
        let line = source.line(at: remark.range.start)
        return Diagnostic(
            severity: remark.severity, file: source.path, line: line,
            column: source.column(at: remark.range.start), length: source.text(remark.range).count,
            message: remark.message, suggestion: remark.help, sourceLine: source.lineText(line))
    }
}

/// What keeps one statement from being read.
struct SyntaxError: Error {
    var message: String
    var range: SourceRange
    var help: String?

    init(_ message: String, at range: SourceRange, help: String? = nil) {
        self.message = message
        self.range = range
        self.help = help
    }
}
