import ArgumentParser
import Foundation

/// The one executable: `tandem run` is the daemon, everything else asks it or its data.
struct Tandem: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tandem",
        abstract: "A softswitch: routes calls, charges them while they run, records them.",
        discussion: """
            Exit codes: 0 good, 1 refused or failed, 2 wrong usage.
            With --json every command prints one JSON object a line; amounts are decimal strings,
            times are RFC 3339 in UTC.
            """,
        subcommands: [
            RunCommand.self, CheckCommand.self, TestCommand.self, FormatCommand.self,
            DialplanCommand.self, ReloadCommand.self, VersionsCommand.self, RollbackCommand.self,
            ExplainCommand.self,
            ShowCommand.self, ExtensionCommand.self, TariffCommand.self, AccountCommand.self,
            VoucherCommand.self, HangupCommand.self, UnbanCommand.self, CDRCommand.self,
            DrainCommand.self, UndrainCommand.self, SimulateCommand.self, BackupCommand.self,
            RestoreCommand.self, AuditCommand.self,
        ])
}

@main
enum Main {
    static func main() {
        do {
            var command = try Tandem.parseAsRoot()
            try command.run()
        } catch let refusal as Refusal {
            if !refusal.message.isEmpty { Output.error(refusal.message) }
            exit(1)
        } catch {
            let code = Tandem.exitCode(for: error)
            let message = Tandem.fullMessage(for: error)
            if code.isSuccess {
                Output.text(message + "\n")
                exit(0)
            }
            if !message.isEmpty { Output.error(message, named: false) }
            exit(code == .validationFailure ? 2 : 1)
        }
    }
}

/// A command that was understood and not done: exit code 1.
struct Refusal: Error {
    /// Empty when everything is said already.
    var message: String

    init(_ message: String) { self.message = message }
}
