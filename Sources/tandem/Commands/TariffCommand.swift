import ArgumentParser
import Control
import Runtime
import Switching

struct TariffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tariff", abstract: "The price list.",
        subcommands: [Import.self, List.self, Price.self])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a price list in place of the old one.",
            discussion: """
                CSV with the header prefix,name,connect_fee,steps; steps are price/seconds, the last
                one repeats:  2,local,0,0.22/180 0.11/60
                Calls under way keep their price.
                """)
        @OptionGroup var options: GlobalOptions
        @Argument(help: "The CSV file.") var file: String

        func run() throws {
            let site = try Site(options)
            let text = try site.read(file, called: "the tariff")
            try site.print(try site.ask(.tariffImported(csv: text, file: file)))
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The rows of the price list.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "Only rows whose prefix begins with this.") var prefix: String?
        @Option(help: "Rows at most.") var limit = 1000

        func validate() throws {
            guard limit > 0 else { throw ValidationError("--limit must be above zero") }
        }

        func run() throws {
            let site = try Site(options)
            try site.print(try site.ask(.tariffRows(prefix: prefix, limit: limit)))
        }
    }

    struct Price: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What a call to a number costs, and how it is made up.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "The number in the form the dialplan brings it to.") var number: String
        @Option(help: "How long it lasts: 90s, 3m, 1h.") var duration = "1m"

        func run() throws {
            guard let milliseconds = WrittenLength.milliseconds(duration) else {
                throw ValidationError(
                    "--duration \"\(duration)\" is no length of time; write it as 90s, 3m or 1h")
            }
            let site = try Site(options)
            let request = ControlRequest.priced(number: number, milliseconds: milliseconds)
            try site.print(try site.ask(.perform(request)), asCard: true)
        }
    }
}
