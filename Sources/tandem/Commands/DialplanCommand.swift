import ArgumentParser
import Control
import Dialplan
import Runtime

struct DialplanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dialplan", abstract: "What follows from the dialplan.",
        subcommands: [DigitMapCommand.self, GapsCommand.self])
}

struct DigitMapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digitmap",
        abstract: "The digit map for gateways of analog phones.",
        discussion: """
            When a number is dialled to its end (RFC 3435 §2.1.5). No number of the plan is cut short; \
            a number with T behind it goes out when nothing more is dialled for a while.
            """)

    @OptionGroup var options: GlobalOptions
    @OptionGroup var site: SiteOption
    @Option(help: "mgcp: in parentheses, as the RFC writes it; common: without them.")
    var form = DigitMap.Form.mgcp
    @Option(help: "The longest map in bytes that the gateway takes.")
    var limit = DigitMap.usualLimit

    func run() throws {
        let text = try site.plan(options).digitMap(limit: limit).text(form)
        Output.text(
            options.json ? Cell.object([.init("digitmap", .text(text))]).json + "\n" : text + "\n")
        if text.utf8.count > limit {
            throw Refusal("the map has \(text.utf8.count) bytes and cannot be shorter")
        }
    }
}

struct GapsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gaps",
        abstract: "The beginnings of numbers that belong to nothing, each with an example.")

    @OptionGroup var options: GlobalOptions
    @OptionGroup var site: SiteOption
    @Option(help: "How many keys from the left are looked at.") var depth = 3

    func validate() throws {
        guard (1...6).contains(depth) else { throw ValidationError("--depth is 1 to 6") }
    }

    func run() throws {
        for gap in try site.plan(options).gaps(depth: depth) {
            guard options.json else {
                Output.text("\(gap)\n")
                continue
            }
            let object = Cell.object([
                .init("pattern", .text(gap.pattern)), .init("example", .text(gap.example)),
            ])
            Output.text(object.json + "\n")
        }
    }
}

/// Where a switch serves several sites, each has numbers of its own.
struct SiteOption: ParsableArguments {
    @Option(help: "The name of the site that is meant, if not the main one.") var site: String?

    func plan(_ options: GlobalOptions) throws -> Plan {
        let plan = try Site.plan(options)
        guard let site else { return plan }
        guard let branch = plan.plan(ofSite: site) else {
            throw Refusal(
                "there is no site \"\(site)\"; the plan has "
                    + plan.siteNames.joined(separator: ", "))
        }
        return branch
    }
}

extension DigitMap.Form: ExpressibleByArgument {}

extension Site {
    /// The plan of the files, checked; a wrong one is refused with every diagnostic.
    static func plan(_ options: GlobalOptions) throws -> Plan {
        let path = try options.path
        do throws(ConfigurationFailure) {
            return try ConfigurationLoader.load(path: path).configuration.plan
        } catch {
            throw Refusal("\(error)")
        }
    }
}
