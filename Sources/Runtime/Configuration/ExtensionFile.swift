import Dialplan
import Switching

/// A list of extensions as CSV, with the header
///
///     extension,name,password,level,account,call_limit
///     8001,Reception,,city,8001,1
///
/// in any order of columns, of which only `extension` must be there; `call_limit_in`, `call_limit_out`,
/// `call_waiting` (`on` or `off`), `pin`, `incoming_level` and `forward_always`, `_busy`, `_no_answer`,
/// `_unregistered` may be there too. An empty field leaves the value
/// as it is, or at its default where the extension is new; `-` as account takes the account away.
/// A new extension with an empty password gets a generated one.
public struct ExtensionFile: Sendable {
    /// In the order of the file; empty when there is an error.
    public let rows: [ExtensionChange]
    /// Everything that is wrong, up to `diagnosticLimit`, in the order of the file.
    public let diagnostics: [Diagnostic]

    /// More than that are not looked for: a wrong file has an error on every line.
    public static let diagnosticLimit = 100
    /// Of a row, in characters.
    public static let passwordLengths = 8...128

    static let columns =
        [
            "extension", "name", "password", "level", "account", "call_limit", "call_limit_in",
            "call_limit_out", "call_waiting", "pin",
        ]
        + settingColumns.map(\.name)

    /// What a user can set too; `-` takes a value away.
    static let settingColumns:
        [(name: String, path: WritableKeyPath<SettingsChange, String?> & Sendable)] = [
            ("incoming_level", \.incomingLevel), ("forward_always", \.forwardAlways),
            ("forward_busy", \.forwardBusy), ("forward_no_answer", \.forwardNoAnswer),
            ("forward_unregistered", \.forwardUnregistered), ("presents", \.presents),
        ]

    /// - Parameters:
    ///   - file: the file as people call it.
    ///   - plan: whose levels and extensions the rows must agree with; nil leaves that to the switch.
    public init(text: String, file: String, plan: Plan?) {
        var reader = Reader(text: text, file: file, plan: plan)
        let rows = reader.read()
        diagnostics = reader.diagnostics
        self.rows = diagnostics.isEmpty ? rows : []
    }

    private struct Reader {
        let file: String
        let lines: [Substring]
        let plan: Plan?
        var rows: CSVRows
        var columnOf: [String: Int] = [:]
        var seen: [String: Int] = [:]
        var diagnostics: [Diagnostic] = []

        init(text: String, file: String, plan: Plan?) {
            self.file = file
            self.plan = plan
            lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            rows = CSVRows(text)
        }

        mutating func read() -> [ExtensionChange] {
            guard let header = rows.next() else {
                report("the file is empty", line: 1, column: 1)
                return []
            }
            readHeader(header)
            guard diagnostics.isEmpty else { return [] }
            var changes: [ExtensionChange] = []
            while let row = rows.next(), diagnostics.count < ExtensionFile.diagnosticLimit {
                if let change = change(of: row) { changes.append(change) }
            }
            return changes
        }

        private mutating func readHeader(_ header: CSVRows.Row) {
            for (index, field) in header.fields.enumerated() {
                let name = field.text.lowercased()
                guard ExtensionFile.columns.contains(name) else {
                    report(
                        "there is no column \"\(field.text)\"", line: header.line,
                        column: field.column,
                        suggestion: Spelling.advice(for: name, among: ExtensionFile.columns))
                    continue
                }
                if columnOf.updateValue(index, forKey: name) != nil {
                    report(
                        "the column \"\(name)\" is there twice", line: header.line,
                        column: field.column)
                }
            }
            if diagnostics.isEmpty && columnOf["extension"] == nil {
                report("the first line must name the column \"extension\"", line: header.line)
            }
        }

        private mutating func change(of row: CSVRows.Row) -> ExtensionChange? {
            guard !row.isUnfinished else {
                report("a quote is opened and never closed", line: row.line)
                return nil
            }
            guard row.fields.count == columnOf.count else {
                report(
                    "there are \(row.fields.count) fields, and the first line names"
                        + " \(columnOf.count)", line: row.line)
                return nil
            }
            let before = diagnostics.count
            guard let number = field("extension", row) else {
                report("the extension is empty", line: row.line)
                return nil
            }
            checkNumber(number, line: row.line)
            let change = ExtensionChange(
                number: number.text, name: field("name", row)?.text, password: password(row),
                level: level(row), account: account(row), callLimit: callLimit(row),
                callLimitIn: callLimit("call_limit_in", row),
                callLimitOut: callLimit("call_limit_out", row), settings: settings(row))
            return diagnostics.count == before ? change : nil
        }

        /// nil where the column is missing or empty.
        private func field(_ name: String, _ row: CSVRows.Row) -> CSVRows.Field? {
            guard let index = columnOf[name], !row.fields[index].text.isEmpty else { return nil }
            return row.fields[index]
        }

        private mutating func checkNumber(_ number: CSVRows.Field, line: Int) {
            guard number.text.utf8.allSatisfy({ (48...57).contains($0) }),
                number.text.utf8.count <= 32
            else {
                report(
                    "an extension is digits, not \"\(number.text)\"", line: line,
                    column: number.column, length: number.text.count)
                return
            }
            if let first = seen.updateValue(line, forKey: number.text) {
                report(
                    "extension \(number.text) is on line \(first) already", line: line,
                    column: number.column, length: number.text.count)
            } else if let plan, !plan.hasExtension(number.text) {
                report(
                    "the dialplan has no extension \(number.text)", line: line,
                    column: number.column,
                    suggestion: "it must lie in one of the ranges after \"extensions\"",
                    length: number.text.count)
            }
        }

        private mutating func level(_ row: CSVRows.Row) -> String? {
            guard let level = field("level", row) else { return nil }
            if let plan, !plan.levels.contains(level.text) {
                report(
                    "the dialplan has no level \"\(level.text)\"", line: row.line,
                    column: level.column,
                    suggestion: Spelling.advice(for: level.text, among: plan.levels),
                    length: level.text.count)
            }
            return level.text
        }

        private mutating func password(_ row: CSVRows.Row) -> String? {
            guard let password = field("password", row) else { return nil }
            if !ExtensionFile.passwordLengths.contains(password.text.count) {
                report(
                    "a password has \(ExtensionFile.passwordLengths.lowerBound) to"
                        + " \(ExtensionFile.passwordLengths.upperBound) characters",
                    line: row.line, column: password.column,
                    suggestion: "leave it empty and one is generated", showsLine: false)
            }
            return password.text
        }

        private func account(_ row: CSVRows.Row) -> String? {
            guard let account = field("account", row) else { return nil }
            return account.text == "-" ? "" : account.text
        }

        private mutating func settings(_ row: CSVRows.Row) -> SettingsChange {
            var settings = SettingsChange()
            for column in ExtensionFile.settingColumns {
                guard let field = field(column.name, row) else { continue }
                settings[keyPath: column.path] = field.text == "-" ? "" : field.text
            }
            if let waiting = field("call_waiting", row) {
                if !["on", "off"].contains(waiting.text) {
                    report(
                        "call_waiting is on or off, not \"\(waiting.text)\"", line: row.line,
                        column: waiting.column, length: waiting.text.count)
                }
                settings.callWaiting = waiting.text == "on"
            }
            guard let pin = field("pin", row) else { return settings }
            settings.pin = pin.text == "-" ? "" : pin.text
            if pin.text != "-", !pin.text.utf8.allSatisfy({ (48...57).contains($0) }) {
                report(
                    "a PIN is digits", line: row.line, column: pin.column, showsLine: false)
            }
            return settings
        }

        private mutating func callLimit(_ row: CSVRows.Row) -> Int? {
            guard let field = field("call_limit", row) else { return nil }
            guard let limit = Int(field.text), 1...1000 ~= limit else {
                report(
                    "call_limit is 1 to 1000, not \"\(field.text)\"", line: row.line,
                    column: field.column, length: field.text.count)
                return nil
            }
            return limit
        }

        /// `-` takes a limit one way away.
        private mutating func callLimit(_ name: String, _ row: CSVRows.Row) -> Setting<Int>? {
            guard let field = field(name, row) else { return nil }
            if field.text == "-" { return .cleared }
            guard let limit = Int(field.text), 1...1000 ~= limit else {
                report(
                    "\(name) is 1 to 1000 or \"-\", not \"\(field.text)\"", line: row.line,
                    column: field.column, length: field.text.count)
                return nil
            }
            return .set(limit)
        }

        /// - Parameter showsLine: false keeps a password out of logs and terminals.
        private mutating func report(
            _ message: String, line: Int, column: Int = 1, suggestion: String? = nil,
            length: Int = 1, showsLine: Bool = true
        ) {
            let source =
                showsLine && columnOf["password"] == nil && columnOf["pin"] == nil
                    && lines.indices.contains(line - 1)
                ? lines[line - 1].filter { $0 != "\r" } : ""
            diagnostics.append(
                Diagnostic(
                    severity: .error, file: file, line: line, column: column, length: length,
                    message: message, suggestion: suggestion, sourceLine: source))
        }
    }
}
