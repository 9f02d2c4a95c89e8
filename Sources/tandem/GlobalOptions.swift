import ArgumentParser
import Foundation

/// The options of every command.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The configuration file.",
            discussion: "/etc/tandem/tandem.yaml, or Config/tandem.yaml where that exists.",
            valueName: "path"))
    var config: String?

    @Flag(name: .long, help: "Print one JSON object a line.")
    var json = false

    private static let installed = "/etc/tandem/tandem.yaml"
    private static let inTree = "Config/tandem.yaml"

    /// The configuration file to use.
    var path: String {
        get throws { try Self.path(config) }
    }

    /// - Parameter named: what the command line names.
    static func path(_ named: String?) throws -> String {
        if let named { return named }
        for path in [installed, inTree] where FileManager.default.fileExists(atPath: path) {
            return path
        }
        throw Refusal(
            "there is no configuration: neither \(installed) nor \(inTree); name one with"
                + " --config PATH")
    }
}
