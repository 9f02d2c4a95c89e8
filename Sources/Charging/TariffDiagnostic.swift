/// What is wrong at one place of a tariff file.
public struct TariffDiagnostic: Hashable, Sendable, CustomStringConvertible {
    public var file: String
    /// Counted from 1.
    public var line: Int
    /// In characters, counted from 1.
    public var column: Int
    public var message: String

    public init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// `tariff.csv:12:4: error: ...`, as compilers write it, so that editors can jump there.
    public var description: String { "\(file):\(line):\(column): error: \(message)" }
}
