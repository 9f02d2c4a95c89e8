import Dialplan
import Streams
import Switching

/// What `tandem.yaml` and the files it names say, read and checked as a whole.
public struct LoadedConfiguration: Sendable {
    /// The file it was read from, absolute.
    public var path: String
    /// What the switch works by.
    public var configuration: Configuration
    /// Where the database, its lock and generated passwords are, absolute.
    public var dataFolder: String
    /// The unix socket of the CLI, absolute.
    public var controlSocket: String
    /// Extensions to import when the store has none, absolute.
    public var extensionsCSV: String?
    /// The price list to import when the store has none, absolute.
    public var tariffCSV: String?
    /// The texts that the plan was compiled from.
    public var dialplan: DialplanTexts
    /// Our certificate, where there is one.
    public var tls: StreamTLS?
    /// Warnings; with an error among them there is no `LoadedConfiguration`.
    public var diagnostics: [Diagnostic]

    public init(
        path: String, configuration: Configuration, dataFolder: String, controlSocket: String,
        extensionsCSV: String? = nil, tariffCSV: String? = nil,
        dialplan: DialplanTexts = DialplanTexts(main: ""), tls: StreamTLS? = nil,
        diagnostics: [Diagnostic] = []
    ) {
        self.path = path
        self.configuration = configuration
        self.dataFolder = dataFolder
        self.controlSocket = controlSocket
        self.extensionsCSV = extensionsCSV
        self.tariffCSV = tariffCSV
        self.dialplan = dialplan
        self.tls = tls
        self.diagnostics = diagnostics
    }
}

/// Everything that is wrong with a configuration; none of it was used.
public struct ConfigurationFailure: Error, Sendable, CustomStringConvertible {
    /// In the order of the files; at least one error.
    public var diagnostics: [Diagnostic]

    public init(diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }

    public var description: String { diagnostics.map(\.rendered).joined(separator: "\n") }
}
