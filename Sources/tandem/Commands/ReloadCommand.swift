import ArgumentParser
import Foundation

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Read all files again and swap them in, or keep the old ones and say why.",
        discussion: """
            Calls under way keep their decision. Listeners, the data folder and the control socket
            change with a restart only.
            """)

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let site = try Site(options)
        try site.print(try site.askDaemon(.reload(by: Self.user)))
    }

    /// Who gives the command, also behind sudo: for the list of versions.
    static var user: String {
        ProcessInfo.processInfo.environment["SUDO_USER"] ?? NSUserName()
    }
}
