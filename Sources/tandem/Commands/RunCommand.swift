import ArgumentParser
import Runtime

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The daemon: serves until SIGTERM or SIGINT.",
        discussion: """
            Logs to standard error. SIGHUP reads the files again, as "tandem reload" does. A first
            run imports the lists that the configuration names and makes passwords, which it writes
            to passwords.csv in the data folder.
            """)

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The configuration file.",
            discussion: "/etc/tandem/tandem.yaml, or Config/tandem.yaml where that exists.",
            valueName: "path"))
    var config: String?

    func run() throws {
        let path = try GlobalOptions.path(config)
        let daemon: Daemon
        let log = DaemonLog()
        do {
            daemon = try Daemon(configuration: path, log: log)
        } catch {
            log.close()
            throw Refusal("\(error)")
        }
        daemon.run()
    }
}
