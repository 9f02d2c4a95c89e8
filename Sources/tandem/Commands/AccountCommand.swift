import ArgumentParser
import Charging
import Control
import Foundation
import Switching

struct AccountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Accounts: who pays.",
        subcommands: [
            Open.self, Set.self, Show.self, List.self, TopUp.self, Refund.self, Adjust.self,
            Statement.self, Hold.self, Release.self, Archive.self,
        ])

    struct Open: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Open an account: prepaid and empty unless options say otherwise.",
            discussion: """
                A chain of up to four pays together, each of them the whole call: an extension's
                allowance, its department, the enterprise.
                """)
        @OptionGroup var options: GlobalOptions
        @Argument(help: "Its id.") var account: String
        @Option(help: "What people call it.") var name: String?
        @Option(help: "The account that pays along: a department, the enterprise.")
        var parent: String?
        @Flag(help: "Pays afterwards, up to its credit limit.") var postpaid = false
        @Option(help: "How far below zero it may go; for --postpaid.") var creditLimit: String?
        @Option(help: "What it may spend in each day or month; see --per.")
        var allowance: String?
        @Option(help: "What the allowance is for: day or month.") var per: Account.Renewal?
        @Option(help: "ISO 4217; the parent's or the site's if missing.") var currency: String?
        @OptionGroup var terms: Terms

        func validate() throws {
            if creditLimit != nil && !postpaid {
                throw ValidationError("--credit-limit is for --postpaid; prepaid ends at zero")
            }
            if (allowance == nil) != (per == nil) || allowance != nil && postpaid {
                throw ValidationError("write --allowance 50 --per month, without --postpaid")
            }
        }

        func run() throws {
            let limit =
                try creditLimit.map { try Money.amount($0, "--credit-limit") }
                ?? allowance.map { try Money.amount($0, "--allowance") } ?? .zero
            let site = try Site(options)
            let opening = AccountOpening(
                id: account, name: name ?? account, parent: parent, creditLimit: limit,
                isPostpaid: postpaid, renewal: per, currency: currency,
                plan: terms.plan.flatMap { Terms.setting($0) { $0 } }?.value,
                lowMark: try terms.lowMark.flatMap { try Terms.amount($0, "--low-mark") }?.value,
                expiresAt: try terms.expiry(site)?.value, limits: try terms.limits())
            try site.print(try site.ask(.perform(.accountOpened(opening))))
        }
    }

    /// What can be changed of an account later.
    struct Terms: ParsableArguments {
        @Option(help: "The tariff plan of its calls and of those below it; \"none\" clears it.")
        var plan: String?
        @Option(help: "Below this it is shown and logged as low; \"none\" clears it.")
        var lowMark: String?
        @Option(help: "From this time it pays for no call; \"none\" clears it.")
        var expires: String?
        @Option(help: "The most one call may cost; \"none\" is the configured limit.")
        var limitCall: String?
        @Option(help: "The most it may spend in any 60 minutes; \"none\" is the configured limit.")
        var limitHour: String?
        @Option(help: "The most it may spend on a day; \"none\" is the configured limit.")
        var limitDay: String?

        static func setting<Value>(
            _ text: String, _ read: (String) throws -> Value
        ) rethrows -> Setting<Value>? { text == "none" ? .cleared : .set(try read(text)) }

        static func amount(_ text: String, _ name: String) throws -> Setting<Amount>? {
            try setting(text) { try Money.amount($0, name) }
        }

        func expiry(_ site: Site) throws -> Setting<Int64>? {
            guard let expires, expires != "none" else { return expires.map { _ in .cleared } }
            return try site.time(expires, option: "--expires").map { .set($0) }
        }

        func limits() throws -> SpendingLimits {
            SpendingLimits(
                call: try limitCall.flatMap { try Self.amount($0, "--limit-call") }?.value,
                hour: try limitHour.flatMap { try Self.amount($0, "--limit-hour") }?.value,
                day: try limitDay.flatMap { try Self.amount($0, "--limit-day") }?.value)
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change an account; what is not named stays.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "The account.") var account: String
        @Option(help: "What people call it.") var name: String?
        @Option(help: "How far below zero it may go, or the allowance.")
        var creditLimit: String?
        @Option(help: "Whether it pays for no call: yes or no.") var blocked: YesOrNo?
        @OptionGroup var terms: Terms

        func run() throws {
            let site = try Site(options)
            var change = AccountChange(id: account)
            change.name = name
            change.creditLimit = try creditLimit.map { try Money.amount($0, "--credit-limit") }
            change.isBlocked = blocked.map { $0 == .yes }
            change.expiresAt = try terms.expiry(site)
            change.lowMark = try terms.lowMark.flatMap { try Terms.amount($0, "--low-mark") }
            change.plan = terms.plan.flatMap { Terms.setting($0) { $0 } }
            change.callLimit = try terms.limitCall.flatMap { try Terms.amount($0, "--limit-call") }
            change.hourLimit = try terms.limitHour.flatMap { try Terms.amount($0, "--limit-hour") }
            change.dayLimit = try terms.limitDay.flatMap { try Terms.amount($0, "--limit-day") }
            guard change != AccountChange(id: account) else {
                throw ValidationError("nothing to change was named")
            }
            try site.print(try site.ask(.perform(.accountChanged(change))))
        }
    }

    enum YesOrNo: String, ExpressibleByArgument, CaseIterable { case yes, no }

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

    // MARK: Limits against theft

    /// An account, or an extension that may share one.
    struct Subject: ParsableArguments {
        @Argument(help: "The account, or with --extension the extension.") var name: String
        @Flag(help: "It is an extension.") var `extension` = false
        @Option(help: "Who does it.") var by = Money.operatorName

        var subject: SpendingSubject { self.extension ? .extension(name) : .account(name) }
    }

    struct Hold: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop the calls of an account or an extension until it is released.",
            discussion: """
                Running calls talk out what is paid. Tandem does it by itself when more is spent in an
                hour or on a day than the limits allow.
                """)
        @OptionGroup var options: GlobalOptions
        @OptionGroup var subject: Subject
        @Option(help: "Why.") var reason: String

        func run() throws {
            let site = try Site(options)
            try site.print(
                try site.ask(
                    .perform(
                        .spendingHeld(subject.subject, reason: reason, by: subject.by))))
        }
    }

    struct Release: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let calls go on that were on hold; the hour and the day count anew.")
        @OptionGroup var options: GlobalOptions
        @OptionGroup var subject: Subject

        func run() throws {
            let site = try Site(options)
            try site.print(
                try site.ask(.perform(.spendingReleased(subject.subject, by: subject.by))))
        }
    }
}

extension Account.Renewal: ExpressibleByArgument {}
