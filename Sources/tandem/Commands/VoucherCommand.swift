import ArgumentParser
import Charging
import Control
import Switching

struct VoucherCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "voucher", abstract: "Vouchers: sums for whoever knows their code.",
        subcommands: [Make.self, Redeem.self, List.self])

    struct Make: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a batch and print it as CSV.",
            discussion: """
                The codes are printed this once; Tandem keeps only what they hash to. Send the output
                to a file that nobody else reads.
                """)
        @OptionGroup var options: GlobalOptions
        @Argument(help: "A name for the batch.") var batch: String
        @Option(help: "How many.") var count: Int
        @Option(help: "The amount of each.") var amount: String
        @Option(help: "ISO 4217; the site's if missing.") var currency: String?
        @Option(help: "When they expire: \"2027-01-01\".") var expires: String?

        func validate() throws {
            guard 1...Voucher.mostInBatch ~= count else {
                throw ValidationError("--count must be 1 to \(Voucher.mostInBatch)")
            }
        }

        func run() throws {
            let site = try Site(options)
            let order = VoucherOrder(
                batch: batch, count: count, amount: try Money.amount(amount, "--amount"),
                currency: currency, expiresAt: try site.time(expires, option: "--expires"))
            let reply = try site.reply(try site.ask(.perform(.vouchersMade(order))))
            guard let listing = Listing(reply) else {
                throw Refusal("the batch was answered by \(reply)")
            }
            Output.text(options.json ? listing.jsonLines : listing.csv())
        }
    }

    struct Redeem: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a voucher on an account; it can be done once.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "The code; spaces and dashes do not matter.") var code: String
        @Argument(help: "The account.") var account: String
        @Option(help: "Who does it.") var by = Money.operatorName

        func run() throws {
            let site = try Site(options)
            let request = ControlRequest.voucherRedeemed(code: code, account: account, by: by)
            try site.print(try site.ask(.perform(request)))
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "All batches, and how many of each were redeemed.")
        @OptionGroup var options: GlobalOptions

        func run() throws {
            let site = try Site(options)
            try site.print(try site.ask(.perform(.voucherBatches)))
        }
    }
}
