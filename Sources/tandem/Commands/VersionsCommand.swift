import ArgumentParser
import Control

struct VersionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "versions",
        abstract: "The dialplans that were in force: when, by what and whom, and which is now.",
        discussion: """
            Every record names the version that decided its call. The texts of the last 50 are kept \
            to go back to.
            """)

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let site = try Site(options)
        try site.print(try site.ask(.versions))
    }
}

struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Put an earlier dialplan in force, by the same checks as a reload.",
        discussion: """
            Without a version it is the one before. The files stay as they are, for you to mend; \
            a reload takes them again. Until then, or until they are changed, the earlier dialplan \
            stays in force, also over a restart.
            """)

    @OptionGroup var options: GlobalOptions
    @Argument(help: "The number of the version in the list, or the beginning of its name.")
    var version: String?

    func run() throws {
        let site = try Site(options)
        let request = Request.rolledBack(to: version, by: ReloadCommand.user)
        try site.print(try site.askDaemon(request))
    }
}
