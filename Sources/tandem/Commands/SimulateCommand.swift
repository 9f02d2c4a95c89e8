import ArgumentParser
import Control
import Foundation
import Simulation

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run the switch in a simulated world of faults, and audit it at every turn.",
        discussion: """
            Phones, gateways, a network, a disk and clocks come from the seed; the switch is the real \
            one. The same seed gives the same digest everywhere. A seed that breaks a rule is shown \
            with the command that repeats it, made smaller, and the exit code is 1.
            """)

    @Option(help: "The first seed.")
    var seed: UInt64 = 1

    @Option(help: "How many seeds, one after another.")
    var seeds: UInt64 = 1

    @Option(help: "Minutes of work in each world, before everything must drain.")
    var minutes: Int = 2

    @Flag(help: "Draw the faults of each world from its seed, instead of having them all.")
    var swarm = false

    @Option(
        help: ArgumentHelp(
            "Just these faults, with commas; \"none\" for a quiet world.",
            discussion: Fault.allCases.map(\.rawValue).joined(separator: ", ")))
    var faults: String?

    @Flag(help: "Print every datagram and log line; for one seed.")
    var trace = false

    @Flag(name: .long, help: "Print one JSON object a line.")
    var json = false

    /// What a process that trapped begins anew with: its world is made smaller in processes of their own.
    @Flag(help: ArgumentHelp("The switch traps in this world.", visibility: .hidden))
    var trapped = false

    /// What those are told.
    @Flag(help: ArgumentHelp("Make no smaller world.", visibility: .hidden))
    var unshrunk = false

    func validate() throws {
        guard (1...10_000).contains(minutes) else {
            throw ValidationError("--minutes is 1 to 10000")
        }
        guard seeds >= 1 else { throw ValidationError("--seeds is at least 1") }
        guard seed <= .max - seeds else {
            throw ValidationError("--seed and --seeds together are at most \(UInt64.max)")
        }
        if trace, seeds > 1 { throw ValidationError("--trace is for one seed") }
        if swarm, faults != nil { throw ValidationError("use --swarm or --faults, not both") }
        _ = try namedFaults()
    }

    private func namedFaults() throws -> Faults? {
        guard let faults else { return nil }
        if faults == "none" { return Faults.none }
        return Faults(
            try faults.split(separator: ",").map { name in
                guard let fault = Fault(rawValue: String(name)) else {
                    throw ValidationError("there is no fault \"\(name)\"; see --help")
                }
                return fault
            })
    }

    func run() throws {
        let named = try namedFaults()
        guard !trapped else { return try shrinkTrap(named ?? .all) }
        var total = Figures()
        var failed = 0
        for seed in seed..<seed + seeds {
            let chosen = named ?? (swarm ? Faults(drawnFrom: seed) : .all)
            LastWords.say(world: worldArguments(seed, chosen), isShrunk: !unshrunk, isJSON: json)
            var simulation = Simulation(seed: seed, minutes: minutes, faults: chosen)
            simulation.isTraced = trace
            let outcome = simulation.run()
            for line in simulation.trace { Output.text(line + "\n") }
            total += outcome.figures
            if json || seeds == 1 { show(outcome) }
            guard !outcome.isGood else { continue }
            failed += 1
            if !unshrunk { show(outcome.shrunk(), isShrunk: true) }
        }
        LastWords.end()
        if seeds > 1 { summarise(total, failed: failed) }
        guard failed == 0 else {
            throw Refusal(json ? "" : "\(failed) of \(seeds) seeds broke a rule")
        }
    }

    // MARK: Worlds that trap

    private func worldArguments(
        _ seed: UInt64, _ faults: Faults, minutes: Int? = nil
    ) -> [String] {
        [
            "simulate", "--seed", "\(seed)", "--minutes", "\(minutes ?? self.minutes)", "--faults",
            "\(faults)",
        ]
    }

    /// A broken rule of money traps, so that no auditor gets to say it.
    private func shrinkTrap(_ faults: Faults) throws {
        // The handler that began this process anew had blocked its signal.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        let first = Self.trap(seed, minutes, faults)
        let shrunk = first.shrunk { seed, minutes, faults in
            let child = Process()
            child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            child.arguments =
                worldArguments(seed, faults, minutes: minutes) + ["--unshrunk", "--json"]
            child.environment = ProcessInfo.processInfo.environment.merging(
                ["SWIFT_BACKTRACE": "enable=no"], uniquingKeysWith: { $1 })
            child.standardOutput = FileHandle.nullDevice
            child.standardError = FileHandle.nullDevice
            do {
                try child.run()
            } catch {
                Output.error("a smaller world cannot be tried: \(error.localizedDescription)")
                return Self.sound(seed, minutes, faults)
            }
            child.waitUntilExit()
            return child.terminationReason == .uncaughtSignal
                ? Self.trap(seed, minutes, faults) : Self.sound(seed, minutes, faults)
        }
        show(shrunk, isShrunk: true)
        throw Refusal(json ? "" : "the switch traps; seeds behind this one were not tried")
    }

    private static func trap(_ seed: UInt64, _ minutes: Int, _ faults: Faults) -> Outcome {
        var outcome = sound(seed, minutes, faults)
        outcome.findings = [
            Finding(
                rule: "the switch traps", detail: "a precondition does not hold", milliseconds: -1)
        ]
        return outcome
    }

    private static func sound(_ seed: UInt64, _ minutes: Int, _ faults: Faults) -> Outcome {
        Outcome(
            seed: seed, minutes: minutes, faults: faults, findings: [], digest: 0,
            figures: Figures())
    }

    // MARK: Showing

    private func show(_ outcome: Outcome, isShrunk: Bool = false) {
        if json {
            var fields: [Cell.Field] = [
                .init("seed", .number(outcome.seed)), .init("minutes", .number(outcome.minutes)),
                .init("faults", .texts(outcome.faults.list.map(\.rawValue))),
                .init("digest", .text(String(outcome.digest, radix: 16))),
                .init("shrunk", .flag(isShrunk)),
                .init("findings", .texts(outcome.findings.map(\.description))),
            ]
            fields += Self.fields(outcome.figures)
            Output.text(Cell.object(fields).json + "\n")
            return
        }
        if isShrunk { Output.text("repeat it, shrunk: \(outcome.command)\n") }
        for finding in outcome.findings { Output.text("  \(finding)\n") }
        if !isShrunk {
            let digest = String(outcome.digest, radix: 16)
            Output.text(
                "seed \(outcome.seed): digest \(digest), \(Self.text(outcome.figures))\n")
        }
    }

    private func summarise(_ total: Figures, failed: Int) {
        if json {
            let fields: [Cell.Field] =
                [.init("seeds", .number(seeds)), .init("failed", .number(failed))]
                + Self.fields(total)
            Output.text(Cell.object(fields).json + "\n")
        } else {
            Output.text("\(seeds) seeds, \(failed) failed: \(Self.text(total))\n")
        }
    }

    private static func fields(_ figures: Figures) -> [Cell.Field] {
        [
            .init("calls", .number(figures.calls)), .init("answered", .number(figures.answered)),
            .init("charged", .number(figures.charged)), .init("cut", .number(figures.cut)),
            .init("crashes", .number(figures.crashes)), .init("turns", .number(figures.turns)),
            .init("datagrams", .number(figures.datagrams)),
            .init("talk_seconds", .number(figures.talk / 1000)),
        ]
    }

    private static func text(_ figures: Figures) -> String {
        "\(figures.calls) calls, \(figures.answered) answered, \(figures.charged) charged, "
            + "\(figures.cut) cut, \(figures.crashes) crashes, \(figures.datagrams) datagrams, "
            + "\(figures.turns) turns, \(figures.talk / 3_600_000) hours of talk"
    }
}
