/// Where the files and the socket are that `tandem.yaml` names, absolute, and what else a command
/// must know to ask a daemon and print its answer.
public struct ConfigurationPlaces: Sendable, Hashable {
    /// The folder of the database, its lock and generated passwords.
    public var dataFolder: String
    /// The unix socket of the CLI.
    public var controlSocket: String
    /// The main file of the dialplan.
    public var dialplan: String
    /// Extensions to import when the store has none.
    public var extensionsCSV: String?
    /// The price list to import when the store has none.
    public var tariffCSV: String?
    /// ISO 4217 code of the amounts.
    public var currency: String
}
