import ArgumentParser
import Charging
import Control
import Foundation
import Switching

/// Amounts and operators as commands write them.
enum Money {
    /// - Throws: a usage error that says what is wrong with the text.
    static func amount(_ text: String, _ name: String) throws -> Amount {
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

    /// Whoever runs the command, also behind sudo.
    static var operatorName: String {
        ProcessInfo.processInfo.environment["SUDO_USER"] ?? NSUserName()
    }
}

extension AccountCommand {
    /// What moves money.
    struct Change: ParsableArguments {
        @Argument(help: "The account.") var account: String
        @Argument(help: "The amount in the account's currency: 50 or 0.22.") var amount: String
        @Option(help: "What makes it unique, such as a receipt's number; made up if missing.")
        var id: String?
        @Option(help: "Why.") var note = ""
        @Option(help: "Who does it.") var by = Money.operatorName
    }

    struct TopUp: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "topup", abstract: "Pay money in.",
            discussion: "The same --id never pays twice, so an unanswered top-up can be repeated.")
        @OptionGroup var options: GlobalOptions
        @OptionGroup var change: Change

        func run() throws {
            let amount = try Money.amount(change.amount, "the amount")
            guard amount > .zero else {
                throw ValidationError("a top-up is above zero; use \"account adjust\" otherwise")
            }
            try post(change, amount, options) { .accountToppedUp($0) }
        }
    }

    struct Refund: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give money back, for a call or for something else.",
            discussion: "The same --id never refunds twice.")
        @OptionGroup var options: GlobalOptions
        @OptionGroup var change: Change
        @Option(help: "The call it is for: 3-1042.") var call: String?

        func validate() throws {
            if change.note.isEmpty { throw ValidationError("a refund needs --note: why") }
            if let call, CallID(call) == nil {
                throw ValidationError("--call \"\(call)\" is no call id; write it as 3-1042")
            }
        }

        func run() throws {
            let amount = try Money.amount(change.amount, "the amount")
            guard amount > .zero else { throw ValidationError("a refund is above zero") }
            try post(change, amount, options) { change in
                var change = change
                change.call = call
                return .accountRefunded(change)
            }
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
            let amount = try Money.amount(change.amount, "the amount")
            try post(change, amount, options) { .accountAdjusted($0) }
        }
    }

    struct Statement: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What was posted to an account, the newest first, and that it adds up.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "The account.") var account: String
        @Option(help: "Postings at this time or later.") var since: String?
        @Option(help: "Postings before this time.") var until: String?
        @Option(help: "Postings at most; the sums are of all.") var limit = 100

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
            if let since = query.since, let until = query.until, since > until {
                throw ValidationError("--until is before --since, and no posting is in between")
            }
            try site.print(try site.ask(.statement(query)))
        }
    }

    struct Archive: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Move old postings of all accounts out of the way; statements still have them.")
        @OptionGroup var options: GlobalOptions
        @Option(help: "Postings before this time, a month ago at least: \"2026-01-01\".")
        var before: String

        func run() throws {
            let site = try Site(options)
            guard let moment = try site.time(before, option: "--before"),
                moment <= Wall.now - 30 * 86_400_000_000
            else { throw ValidationError("--before must be 30 days ago at least") }
            try site.print(try site.ask(.postingsArchived(before: moment)))
        }
    }

    private static func post(
        _ change: Change, _ amount: Amount, _ options: GlobalOptions,
        _ request: (MoneyChange) -> ControlRequest
    ) throws {
        let id = change.id ?? "cli-\(UUID().uuidString.lowercased())"
        let site = try Site(options)
        let change = MoneyChange(
            id: id, account: change.account, amount: amount, note: change.note, by: change.by)
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
