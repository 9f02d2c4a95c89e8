import ArgumentParser
import Charging
import Control
import Runtime
import Switching

struct TariffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tariff", abstract: "The price lists.",
        subcommands: [Import.self, List.self, Decks.self, Remove.self, Price.self])

    /// Which price list of a plan.
    struct Plan: ParsableArguments {
        @Option(help: "The tariff plan; accounts name theirs.")
        var plan = TariffBook.standardPlan
        @Option(help: "Only for calls by this trunk, or by \"line\", the direct lines.")
        var via: String?

        func validate() throws {
            guard TariffBook.isValidPlan(plan) else {
                throw ValidationError("--plan: \(Ledger.Refusal.invalidPlan(plan))")
            }
        }

        /// A misspelled way out would make a list that never prices a call.
        func lookUp(_ site: Site) throws {
            guard let via, via != TariffBook.lines else { return }
            // Without a daemon nobody knows the trunks; "tariff price --via" tells later.
            guard case .reply(.trunks(let rows)) = try site.ask(.perform(.trunks)) else { return }
            guard !rows.contains(where: { $0.name == via }) else { return }
            let names = (rows.map(\.name) + [TariffBook.lines]).joined(separator: ", ")
            throw Refusal("there is no trunk \(via); --via takes one of \(names)")
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a price list in force, now or later.",
            discussion: """
                CSV with the header prefix,name,connect_fee,steps; steps are price/seconds, the last
                one repeats:  2,local,0,0.22/180 0.11/60
                Columns that may follow: band,free_seconds,minimum,rounding. Lines before the header
                set bands, holidays and the currency:  band,night,daily 21:00-07:00
                Says what looks wrong and what changes against the list in force, the first 100
                remarks of each kind and 1000 changes without --all. Calls under way keep their price.
                """)
        @OptionGroup var options: GlobalOptions
        @OptionGroup var plan: Plan
        @Argument(help: "The CSV file.") var file: String
        @Option(
            help: "When it begins: \"tomorrow 00:00\", \"2026-12-01 00:00\", by the site's clock.")
        var from: String?
        @Flag(help: "Say what is wrong and what would change, and change nothing.")
        var dryRun = false
        @Flag(help: "Tell every remark and every price that changes, however many.")
        var all = false

        func run() throws {
            let site = try Site(options)
            try plan.lookUp(site)
            let text = try site.read(file, called: "the tariff")
            let order = TariffImport(
                csv: text, file: file, plan: plan.plan, via: plan.via,
                validFrom: try site.time(from, option: "--from"), isDryRun: dryRun, tellsAll: all)
            try site.print(try site.ask(.tariffImported(order)))
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The rows of a price list in force.")
        @OptionGroup var options: GlobalOptions
        @OptionGroup var plan: Plan
        @Argument(help: "Only rows whose prefix begins with this.") var prefix: String?
        @Option(help: "Rows at most; 1000 if missing, all with --csv.") var limit: Int?
        @Flag(help: "As a file that \"tariff import\" reads, with its bands and holidays.")
        var csv = false

        func validate() throws {
            guard limit ?? 1 > 0 else { throw ValidationError("--limit must be above zero") }
            guard !(csv && options.json) else {
                throw ValidationError("--csv or --json, not both")
            }
        }

        func run() throws {
            let site = try Site(options)
            let query = TariffQuery(
                prefix: prefix, limit: limit ?? (csv ? Tariff.mostRows : 1000), plan: plan.plan,
                via: plan.via, asCSV: csv)
            let response = try site.ask(.tariffRows(query))
            guard csv, case .tariff(let tariff) = response else { return try site.print(response) }
            guard let text = tariff.csv else {
                throw Refusal("there is no price list in force to print")
            }
            Output.text(text)
        }
    }

    struct Decks: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "All price lists: of every plan, in force and to come.")
        @OptionGroup var options: GlobalOptions

        func run() throws {
            let site = try Site(options)
            try site.print(try site.ask(.tariffDecks))
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a price list out; see \"tariff decks\" for its number.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "Its number.") var deck: Int64

        func run() throws {
            let site = try Site(options)
            try site.print(try site.ask(.tariffDeckRemoved(deck)))
        }
    }

    struct Price: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What a call to a number costs, and how it is made up.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "The number, as dialled.") var number: String
        @Option(help: "How long it lasts: 90s, 3m, 1h.") var duration = "1m"
        @Option(name: .customLong("for"), help: "The extension or the account that pays.")
        var payer: String?
        @Option(help: "When it is answered: \"mon 10:00\", \"2026-12-01 08:00\".")
        var at: String?
        @Option(help: "The trunk it takes, or \"line\"; the dialplan's first way if missing.")
        var via: String?

        func run() throws {
            guard let milliseconds = WrittenLength.milliseconds(duration) else {
                throw ValidationError(
                    "--duration \"\(duration)\" is no length of time; write it as 90s, 3m or 1h")
            }
            let site = try Site(options)
            let question = PriceQuestion(
                number: number, milliseconds: milliseconds, payer: payer,
                at: try site.time(at, option: "--at"), via: via)
            try site.print(try site.ask(.perform(.priced(question))), asCard: true)
        }
    }
}
