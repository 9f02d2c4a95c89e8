import ArgumentParser
import Runtime

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the configuration, the dialplan with its expectations, and the lists.",
        discussion: "A full load without the sockets. Nothing is changed, no daemon is asked.")

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let path = try options.path
        let diagnostics = ConfigurationLoader.check(path: path)
        Output.diagnostics(diagnostics, options)
        let errors = diagnostics.count { $0.severity == .error }
        let warnings = diagnostics.count - errors
        guard errors == 0 else {
            throw Refusal(options.json ? "" : "\(path): \(count(errors, "error"))\(and(warnings))")
        }
        // An editor gets nothing but diagnostics.
        if !options.json { Output.text("\(path): good\(and(warnings))\n") }
    }

    private func and(_ warnings: Int) -> String {
        warnings == 0 ? "" : ", \(count(warnings, "warning"))"
    }

    private func count(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
