import ArgumentParser
import Control
import Runtime
import Switching

struct ExtensionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extension", abstract: "Extensions: subscribers and their settings.",
        subcommands: [Import.self, List.self, Show.self, Set.self, Remove.self])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add and change extensions by a CSV file: all rows or none.",
            discussion: """
                The header names the columns, extension and any of name,password,level,account,
                call_limit,call_limit_in,call_limit_out,call_waiting,pin,incoming_level,forward_always,forward_busy,forward_no_answer,
                forward_unregistered,presents. An empty field changes nothing; a new extension without a password gets
                a generated one, written to passwords.csv in the data folder. Accounts that are not
                there are opened, prepaid and empty.
                """)
        @OptionGroup var options: GlobalOptions
        @Argument(help: "The CSV file.") var file: String

        func run() throws {
            let site = try Site(options)
            let text = try site.read(file, called: "the list of extensions")
            // The switch checks levels and ranges by the plan that runs.
            let list = ExtensionFile(text: text, file: file, plan: nil)
            guard list.diagnostics.isEmpty else {
                Output.diagnostics(list.diagnostics, options)
                throw Refusal(options.json ? "" : "\(file): nothing was imported")
            }
            let plan = ExtensionImport(
                rows: list.rows, extensions: try numbers(site), accounts: try accounts(site))
            try store(plan, site)
        }

        private func store(_ plan: ExtensionImport, _ site: Site) throws {
            // The passwords go to the disk first: an extension whose password nobody knows is
            // harder to mend than a password without its extension.
            var path: String?
            if !plan.generated.isEmpty {
                do {
                    path = try Password.append(plan.generated, folder: site.places.dataFolder)
                } catch {
                    throw Refusal(
                        "generated passwords cannot be written to \(site.places.dataFolder):"
                            + " \(error.localizedDescription)")
                }
            }
            let requests =
                plan.openings.map { Request.perform(.accountOpened($0)) }
                + [.perform(.extensionsChanged(plan.changes))]
            for response in try site.ask(requests) {
                _ = try site.reply(response)
            }
            var message = "\(plan.changes.count) extensions imported"
            if !plan.openings.isEmpty { message += ", \(plan.openings.count) accounts opened" }
            if let path { message += ", \(plan.generated.count) passwords written to \(path)" }
            Output.done(message, options)
        }

        private func numbers(_ site: Site) throws -> Swift.Set<String> {
            guard case .extensions(let rows) = try site.reply(try site.ask(.perform(.extensions)))
            else { throw Refusal("the extensions were answered by something else") }
            return Swift.Set(rows.map(\.number))
        }

        private func accounts(_ site: Site) throws -> Swift.Set<String> {
            guard case .accounts(let rows) = try site.reply(try site.ask(.perform(.accounts)))
            else { throw Refusal("the accounts were answered by something else") }
            return Swift.Set(rows.map(\.id))
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "All extensions.")
        @OptionGroup var options: GlobalOptions

        func run() throws {
            let site = try Site(options)
            try site.print(try site.ask(.perform(.extensions)))
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "One extension.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "Its number.") var number: String

        func run() throws {
            let site = try Site(options)
            let request = ControlRequest.extensionShown(number: number)
            try site.print(try site.ask(.perform(request)), asCard: true)
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add an extension or change one; what is not named stays.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "Its number.") var number: String
        @Option(help: "What people call it.") var name: String?
        @Option(help: "Its SIP password.") var password: String?
        @Flag(help: "Make a new password and print it.") var newPassword = false
        @Option(help: "A level of the dialplan.") var level: String?
        @Option(help: "Who pays; \"-\" for nobody.") var account: String?
        @Option(help: "How many calls at once, in and out together.") var callLimit: Int?
        @Option(help: "How many of them in; \"-\" for as many as together.")
        var callLimitIn: CallLimitOption?
        @Option(help: "How many of them out; \"-\" for as many as together.")
        var callLimitOut: CallLimitOption?
        @OptionGroup(title: "What its user can set too (\"-\" takes a value away)")
        var settings: SettingsOptions

        func validate() throws {
            guard
                [name, password, level, account].contains(where: { $0 != nil })
                    || newPassword || callLimit != nil || callLimitIn != nil
                    || callLimitOut != nil || !settings.isEmpty
            else { throw ValidationError("nothing is to be changed; name at least one option") }
            guard !(newPassword && password != nil) else {
                throw ValidationError("--password or --new-password, not both")
            }
            let lengths = ExtensionFile.passwordLengths
            if let password, !lengths.contains(password.count) {
                throw ValidationError(
                    "a password has \(lengths.lowerBound) to \(lengths.upperBound) characters")
            }
        }

        func run() throws {
            let site = try Site(options)
            let generated = newPassword ? Password.generated() : nil
            let change = ExtensionChange(
                number: number, name: name, password: password ?? generated, level: level,
                account: account == "-" ? "" : account, callLimit: callLimit,
                callLimitIn: callLimitIn?.setting, callLimitOut: callLimitOut?.setting,
                settings: try settings.change())
            try site.print(try site.ask(.perform(.extensionsChanged([change]))))
            if let generated {
                Output.text(
                    options.json
                        ? Cell.object([.init("password", .text(generated))]).json + "\n"
                        : "its password: \(generated)\n")
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an extension; its account and its records stay.")
        @OptionGroup var options: GlobalOptions
        @Argument(help: "Its number.") var number: String

        func run() throws {
            let site = try Site(options)
            try site.print(try site.ask(.perform(.extensionRemoved(number: number))))
        }
    }
}
