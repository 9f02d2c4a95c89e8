import ArgumentParser
import Control
import Switching

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "What the running switch sees now.",
        subcommands: [
            Calls.self, Trunks.self, Lines.self, Registrations.self, Bans.self, Limits.self,
            Status.self,
        ])

    struct Calls: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Calls under way.")
        @OptionGroup var options: GlobalOptions
        func run() throws { try show(.calls, options) }
    }

    struct Trunks: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Trunks: up or down, since when and why.")
        @Argument(help: "All of one trunk: each signal and target, since when and why.")
        var name: String?
        @OptionGroup var options: GlobalOptions

        func run() throws {
            guard let name else { return try show(.trunks, options) }
            let site = try Site(options)
            guard case .trunks(let rows) = try site.reply(try site.askDaemon(.perform(.trunks)))
            else { throw Refusal("the daemon answered something else; is it of another version?") }
            guard let row = rows.first(where: { $0.name == name }) else {
                let names = rows.map(\.name).joined(separator: ", ")
                throw Output.refusal(["there is no trunk \(name); there are \(names)"], options)
            }
            try site.print(.reply(.trunks([row])), asCard: true)
        }
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

    struct Bans: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Addresses that are banned for scanning and guessing.")
        @OptionGroup var options: GlobalOptions
        func run() throws { try show(.bans, options) }
    }

    struct Limits: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every limit: what is in use, what may be, and the key that sets it.")
        @OptionGroup var options: GlobalOptions

        func run() throws {
            let site = try Site(options)
            guard case .status(let row) = try site.reply(try site.askDaemon(.perform(.status)))
            else { throw Refusal("the daemon answered something else; is it of another version?") }
            site.print(Listing(limits: row.tables), false)
        }
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
