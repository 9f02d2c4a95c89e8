import ArgumentParser
import Switching

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "What the running switch sees now.",
        subcommands: [
            Calls.self, Trunks.self, Lines.self, Registrations.self, Status.self,
        ])

    struct Calls: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Calls under way.")
        @OptionGroup var options: GlobalOptions
        func run() throws { try show(.calls, options) }
    }

    struct Trunks: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Trunks: up or down, since when and why.")
        @OptionGroup var options: GlobalOptions
        func run() throws { try show(.trunks, options) }
    }

    struct Lines: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Direct lines: idle or busy.")
        @OptionGroup var options: GlobalOptions
        func run() throws { try show(.lines, options) }
    }

    struct Registrations: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Phones that are registered.")
        @OptionGroup var options: GlobalOptions
        func run() throws { try show(.registrations, options) }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Whether calls are taken, and what was counted.")
        @OptionGroup var options: GlobalOptions
        func run() throws { try show(.status, options, asCard: true) }
    }

    private static func show(
        _ request: ControlRequest, _ options: GlobalOptions, asCard: Bool = false
    ) throws {
        let site = try Site(options)
        try site.print(try site.askDaemon(.perform(request)), asCard: asCard)
    }
}
