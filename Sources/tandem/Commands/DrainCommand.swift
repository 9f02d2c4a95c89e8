import ArgumentParser
import Control
import Foundation
import Runtime
import Switching

/// Empties the switch before an upgrade.
struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Take no new calls and wait until none is under way.",
        discussion: """
            New calls and OPTIONS get 503 with Retry-After, so that gateways take the direct lines
            back; calls to emergency numbers are still made, and running calls go on. Exit code 0: no
            call is left, the daemon can be stopped. Exit code 1: some are left after --timeout; it
            stays drained until it ends, or until "tandem undrain". A daemon that is stopped before
            goes on with its calls when it starts again.
            """)

    @OptionGroup var options: GlobalOptions
    @Option(help: "How long to wait at most: 90s, 10m, 2h; 0s does not wait.")
    var timeout = "10m"

    /// Between two looks at the number of calls.
    private static let pause = 0.5

    func run() throws {
        guard let patience = timeout == "0s" ? 0 : WrittenLength.milliseconds(timeout) else {
            throw ValidationError(
                "--timeout \"\(timeout)\" is no length of time; write it as 90s, 10m or 2h")
        }
        let site = try Site(options)
        _ = try site.reply(
            try site.askDaemon(.perform(.drainChanged(isDraining: true))))
        let end = Date(timeIntervalSinceNow: Double(patience) / 1000)
        var left = try callsLeft(site)
        while left > 0, Date() < end {
            Thread.sleep(forTimeInterval: Self.pause)
            left = try callsLeft(site)
        }
        guard left == 0 else {
            throw Output.refusal(
                ["\(left) calls are still under way; no new ones are taken"], options)
        }
        Output.done("no call is under way, and no new ones are taken", options)
    }

    private func callsLeft(_ site: Site) throws -> Int {
        guard case .status(let status) = try site.reply(try site.askDaemon(.perform(.status)))
        else { throw Refusal("the daemon answered something else; is it of another version?") }
        return status.calls
    }
}

struct UndrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain", abstract: "Take new calls again after \"tandem drain\".")

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let site = try Site(options)
        try site.print(try site.askDaemon(.perform(.drainChanged(isDraining: false))))
    }
}
