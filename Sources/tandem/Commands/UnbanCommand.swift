import ArgumentParser
import Switching

struct UnbanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unban", abstract: "Hear an address again that is banned.",
        discussion: """
            What it did until now is forgotten. To keep an address from being banned at all, name it
            under bans.allow in tandem.yaml.
            """)

    @OptionGroup var options: GlobalOptions
    @Argument(help: "The address, as \"tandem show bans\" names it: 192.0.2.7.")
    var address: String

    func run() throws {
        let site = try Site(options)
        try site.print(try site.askDaemon(.perform(.unbanned(address: address))))
    }
}
