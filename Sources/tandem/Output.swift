import Control
import Dialplan
import Foundation
import Switching

/// Writes what commands have to say.
enum Output {
    /// To standard output. What phones and gateways have written into it steers no terminal.
    static func text(_ text: String) {
        write(TerminalText.harmless(text, keepsLayout: true), to: STDOUT_FILENO)
    }

    /// A file of the admin's own, to standard output as it is.
    static func file(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// To standard error, after the program's name.
    static func error(_ message: String, named: Bool = true) {
        let text = TerminalText.harmless(message, keepsLayout: true)
        write((named ? "tandem: " : "") + text + "\n", to: STDERR_FILENO)
    }

    /// A listing in the form that was asked for.
    static func listing(_ listing: Listing, _ options: GlobalOptions, _ clock: SiteClock) {
        text(options.json ? listing.jsonLines : listing.table(clock))
    }

    /// A listing of one row.
    static func card(_ listing: Listing, _ options: GlobalOptions, _ clock: SiteClock) {
        text(options.json ? listing.jsonLines : listing.card(clock))
    }

    static func done(_ message: String, _ options: GlobalOptions) {
        text(
            options.json ? Cell.object([.init("done", .text(message))]).json + "\n" : message + "\n"
        )
    }

    /// Warnings first, so that errors are what is seen last; each in the order of the files.
    static func diagnostics(_ diagnostics: [Diagnostic], _ options: GlobalOptions) {
        let warnings = diagnostics.filter { $0.severity == .warning }
        let errors = diagnostics.filter { $0.severity == .error }
        for diagnostic in options.json ? diagnostics : warnings + errors {
            guard options.json else {
                text(diagnostic.rendered + "\n")
                continue
            }
            let object = Cell.object([
                .init("file", .text(diagnostic.file)), .init("line", .number(diagnostic.line)),
                .init("column", .number(diagnostic.column)),
                .init("length", .number(diagnostic.length)),
                .init("severity", .text(diagnostic.severity.rawValue)),
                .init("message", .text(diagnostic.message)),
                .init("help", .text(diagnostic.suggestion)),
            ])
            text(object.json + "\n")
        }
    }

    /// What was refused, and the exit code for it.
    static func refusal(_ reasons: [String], _ options: GlobalOptions) -> Refusal {
        guard options.json else { return Refusal(reasons.joined(separator: "\n")) }
        text(Cell.object([.init("refused", .texts(reasons))]).json + "\n")
        return Refusal("")
    }

    /// A reader that went away (`tandem cdr | head`) ends the command quietly.
    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Foundation.write(descriptor, $0.baseAddress, $0.count)
            }
            if count >= 0 {
                bytes = bytes.dropFirst(count)
            } else if errno != EINTR {
                exit(1)
            }
        }
    }
}
