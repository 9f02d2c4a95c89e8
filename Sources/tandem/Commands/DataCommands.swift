import ArgumentParser
import Charging
import Control
import Foundation
import Runtime
import Switching

/// An hour: a large site's data takes minutes.
private let longPatience = 3600

/// A path of the command line, as another process has to know it.
private func absolute(_ file: String) -> String {
    URL(fileURLWithPath: file).standardizedFileURL.path
}

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy everything into a new file, while calls go on.",
        discussion: """
            Accounts, postings, records, extensions, the tariff and running calls, as they are at one
            moment. The daemon writes the file, so it must be somewhere the daemon may write to, with
            room for all of it. It appears when it is whole and synced, and is its owner's alone.
            """)

    @OptionGroup var options: GlobalOptions
    @Argument(help: "The new file.") var file: String

    func run() throws {
        let site = try Site(options)
        try site.print(try site.ask(.backup(file: absolute(file)), patience: longPatience))
    }
}

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup in the place of what the data folder holds.",
        discussion: """
            The daemon must be stopped. The backup is audited first, and what was there is kept
            beside it. Calls that ran when the backup was made are ended at the next start.

            A backup that does not fit in itself is not taken. Where there is no better one, \
            --despite-findings takes it as it is.
            """)

    @OptionGroup var options: GlobalOptions
    @Argument(help: "The backup.") var file: String
    @Flag(help: "Take a backup too that the audit finds fault with.") var despiteFindings = false

    func run() throws {
        let site = try Site(options)
        let report: AuditReport
        let replaced: String?
        do {
            (report, replaced) = try DataFiles.restore(
                absolute(file), folder: site.places.dataFolder, despiteFindings: despiteFindings)
        } catch {
            throw Output.refusal(["\(error)"], options)
        }
        var text =
            "restored \(report.accounts) accounts, \(report.postings) postings, "
            + "\(report.records) records and \(report.runningCalls) running calls"
        let findings = report.findings.count + report.moreFindings
        if findings > 0 { text += "; \(findings) things in it do not fit, see tandem audit" }
        if let replaced { text += "; what was there before is in \(replaced)" }
        Output.done(text, options)
    }
}

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Read all data once more and say what does not fit.",
        discussion: """
            Each account against its postings, each charged call against its record, sequences without
            a gap, money held for running calls, the hash chain over everything that is never
            changed, and the file itself. Calls go on meanwhile. Exit code 1 when anything does not
            fit.

            Whoever can write the file can also cut off the end of the chain, or write all of it anew, \
            and everything fits again. So keep the chain's head elsewhere, as each audit and each \
            backup prints it, and give it to a later audit: with --head, a chain that does not come by \
            it is a finding.
            """)

    @OptionGroup var options: GlobalOptions
    @Option(help: "Audit a backup instead of the data folder.") var file: String?
    @Option(help: "A head that was kept elsewhere: 64 hexadecimal digits.") var head: String?

    func validate() throws {
        guard let head else { return }
        guard head.utf8.count == 64, head.allSatisfy(\.isHexDigit) else {
            throw ValidationError(
                "--head \"\(head)\" is no end of a hash chain; it is the 64 hexadecimal digits that "
                    + "an audit or a backup printed")
        }
    }

    func run() throws {
        let head = head?.lowercased()
        let report: AuditReport
        if let file {
            do {
                report = try DataFiles.audit(absolute(file), head: head)
            } catch {
                throw Output.refusal(["\(error)"], options)
            }
        } else {
            let site = try Site(options)
            switch try site.ask(.audit(head: head), patience: longPatience) {
            case .audit(let made): report = made
            case .refused(let reasons): throw Output.refusal(reasons, options)
            case .reply, .records, .statement, .tariff, .tariffReview, .tariffDecks, .versions,
                .done:
                throw Refusal("the daemon answered something else; is it of another version?")
            }
        }
        Output.text(options.json ? json(report) + "\n" : text(report))
        guard report.isGood else { throw Refusal("") }
    }

    private func text(_ report: AuditReport) -> String {
        var lines = report.findings
        if report.moreFindings > 0 { lines.append("and \(report.moreFindings) more") }
        let looked =
            "\(report.accounts) accounts, \(report.postings) postings, \(report.records) records "
            + "and \(report.runningCalls) running calls"
        lines.append(report.isGood ? "\(looked): everything fits" : "\(looked) were looked at")
        lines.append("\(report.sealed) in the hash chain, head \(report.head)")
        return lines.joined(separator: "\n") + "\n"
    }

    private func json(_ report: AuditReport) -> String {
        Cell.object([
            .init("good", .flag(report.isGood)), .init("accounts", .number(report.accounts)),
            .init("postings", .number(report.postings)), .init("records", .number(report.records)),
            .init("running_calls", .number(report.runningCalls)),
            .init("sealed", .number(report.sealed)), .init("head", .text(report.head)),
            .init("findings", .texts(report.findings)),
            .init("more_findings", .number(report.moreFindings)),
        ]).json
    }
}
