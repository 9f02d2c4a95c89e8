/// What is wrong at one place of a tariff file.
public struct TariffDiagnostic: Hashable, Sendable, Codable, CustomStringConvertible {
    public enum Severity: String, Hashable, Sendable, Codable {
        /// The file cannot be used.
        case error
        /// It can, and somebody should look at this.
        case warning
    }

    public var file: String
    /// Counted from 1.
    public var line: Int
    /// In characters, counted from 1.
    public var column: Int
    public var message: String
    public var severity: Severity

    public init(
        file: String, line: Int, column: Int, message: String, severity: Severity = .error
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.severity = severity
    }

    /// `tariff.csv:12:4: error: ...`, as compilers write it, so that editors can jump there.
    public var description: String { "\(file):\(line):\(column): \(severity.rawValue): \(message)" }
}
