import ArgumentParser
import Switching

struct HangupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hangup", abstract: "End a call; it is charged up to now.")

    @OptionGroup var options: GlobalOptions
    @Argument(help: "The call, as \"tandem show calls\" names it: 3-1042.")
    var call: String

    func validate() throws {
        guard CallID(call) != nil else {
            throw ValidationError("\"\(call)\" is no call; \"tandem show calls\" lists them")
        }
    }

    func run() throws {
        let site = try Site(options)
        try site.print(try site.askDaemon(.perform(.hungUp(call: call))))
    }
}
