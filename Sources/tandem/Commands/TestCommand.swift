import ArgumentParser
import Control
import Dialplan
import Runtime

struct TestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run the expect lines of the dialplan, and tell which hold.",
        discussion: "They run at every check and load too. Exit code 1 when one does not hold.")

    @OptionGroup var options: GlobalOptions
    @Flag(help: "Name also the lines that hold.") var verbose = false

    func run() throws {
        let path = try options.path
        let (expectations, diagnostics) = ConfigurationLoader.test(path: path)
        let failed = expectations.count { !$0.holds }
        if options.json {
            for expectation in expectations {
                let object = Cell.object([
                    .init("file", .text(expectation.place.file)),
                    .init("line", .number(expectation.place.line)),
                    .init("expect", .text(expectation.text)),
                    .init("holds", .flag(expectation.holds)),
                    .init("decided", .text(expectation.decided)),
                ])
                Output.text(object.json + "\n")
            }
        } else if verbose {
            for expectation in expectations {
                let verdict = expectation.holds ? "holds" : "FAILS"
                Output.text("\(verdict)  \(expectation.place)  \(expectation.text)\n")
            }
        }
        Output.diagnostics(diagnostics, options)
        let isWrong = diagnostics.contains { $0.severity == .error }
        guard !isWrong else {
            throw Refusal(
                options.json
                    ? ""
                    : expectations.isEmpty
                        ? "\(path): no expect line was run, since the plan is wrong"
                        : "\(path): \(failed) of \(expectations.count) do not hold")
        }
        if !options.json {
            Output.text("\(path): all of \(expectations.count) expect lines hold\n")
        }
    }
}
