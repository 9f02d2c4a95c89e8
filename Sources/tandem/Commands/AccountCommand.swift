import ArgumentParser
import Charging
import Control
import Foundation
import Switching

struct AccountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Accounts: who pays.",
        subcommands: [
            Open.self, TopUp.self, Adjust.self, Show.self, List.self, Statement.self,
        ])

    struct Open: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Open an account: prepaid and empty unless options say otherwise.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "Its id.") var account: String
        @Option(help: "What people call it.") var name: String?
        @Option(help: "The account that pays along: a department, the enterprise.")
        var parent: String?
        @Flag(help: "Pays afterwards, up to its credit limit.") var postpaid = false
        @Option(help: "How far below zero it may go; for --postpaid.") var creditLimit: String?

        func validate() throws {
            if creditLimit != nil && !postpaid {
                throw ValidationError("--credit-limit is for --postpaid; prepaid ends at zero")
            }
        }

        func run() throws {
            let limit = try creditLimit.map { try amount($0, "--credit-limit") } ?? .zero
            let opening = AccountOpening(
                id: account, name: name ?? account, parent: parent, creditLimit: limit,
                isPostpaid: postpaid)
            let site = try Site(options)
            try site.print(try site.ask(.perform(.accountOpened(opening))))
        }
    }

    struct TopUp: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "topup", abstract: "Pay money in.",
            discussion: "The same --id never pays twice, so an unanswered top-up can be repeated.")
        @OptionGroup var options: GlobalOptions
        @OptionGroup var change: Change

        func run() throws {
            let amount = try amount(change.amount, "the amount")
            guard amount > .zero else {
                throw ValidationError("a top-up is above zero; use \"account adjust\" otherwise")
            }
            try post(change, amount, options) { .accountToppedUp($0) }
        }
    }

    struct Adjust: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Correct a balance, up or down (write -- before a negative amount).",
            discussion: "The same --id never corrects twice.")
        @OptionGroup var options: GlobalOptions
        @OptionGroup var change: Change

        func validate() throws {
            if change.note.isEmpty { throw ValidationError("an adjustment needs --note: why") }
        }

        func run() throws {
            let amount = try amount(change.amount, "the amount")
            try post(change, amount, options) { .accountAdjusted($0) }
        }
    }

    /// What moves money.
    struct Change: ParsableArguments {
        @Argument(help: "The account.") var account: String
        @Argument(help: "The amount in the site's currency: 50 or 0.22.") var amount: String
        @Option(help: "What makes it unique, such as a receipt's number; made up if missing.")
        var id: String?
        @Option(help: "Why and by whom.") var note = ""
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One account.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "The account.") var account: String

        func run() throws {
            let site = try Site(options)
            try site.print(try site.ask(.perform(.accountShown(id: account))), asCard: true)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All accounts.")
        @OptionGroup var options: GlobalOptions

        func run() throws {
            let site = try Site(options)
            try site.print(try site.ask(.perform(.accounts)))
        }
    }

    struct Statement: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What was posted to an account, the newest first.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "The account.") var account: String
        @Option(help: "Postings at this time or later.") var since: String?
        @Option(help: "Postings before this time.") var until: String?
        @Option(help: "Postings at most.") var limit = 100

        func validate() throws {
            guard 1...RecordQuery.limitMaximum ~= limit else {
                throw ValidationError("--limit must be 1 to \(RecordQuery.limitMaximum)")
            }
        }

        func run() throws {
            let site = try Site(options)
            let query = StatementQuery(
                account: account, since: try site.time(since, option: "--since"),
                until: try site.time(until, option: "--until"), limit: limit)
            try site.print(try site.ask(.statement(query)))
        }
    }

    /// - Throws: a usage error that says what is wrong with the text.
    private static func amount(_ text: String, _ name: String) throws -> Amount {
        do throws(Amount.ParseError) {
            return try Amount(parsing: text.utf8)
        } catch {
            switch error {
            case .malformed:
                throw ValidationError("\(name) \"\(text)\" is no amount; write it as 50 or 0.22")
            case .tooPrecise:
                throw ValidationError(
                    "\(name) \"\(text)\" has more than \(Amount.decimals) decimals")
            case .tooLarge: throw ValidationError("\(name) \"\(text)\" is too large")
            }
        }
    }

    private static func post(
        _ change: Change, _ amount: Amount, _ options: GlobalOptions,
        _ request: (MoneyChange) -> ControlRequest
    ) throws {
        let id = change.id ?? "cli-\(UUID().uuidString.lowercased())"
        let site = try Site(options)
        let change = MoneyChange(
            id: id, account: change.account, amount: amount, note: change.note)
        let response: Response
        do {
            response = try site.ask(.perform(request(change)))
        } catch let refusal as Refusal {
            // It may have been done before the answer was lost; the id makes asking again harmless.
            throw Refusal("\(refusal.message)\nto repeat it without paying twice: --id \(id)")
        }
        try site.print(response)
    }
}
