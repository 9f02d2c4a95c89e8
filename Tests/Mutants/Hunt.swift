import Glibc
import Simulation

// Hunt SEEDS: looks for a seed that breaks a rule, from the first on, and says which rule. The seed
// under way is printed before it runs, so that it is known of a process that traps.

@main
enum Hunt {
    static func main() {
        guard CommandLine.arguments.count == 2, let seeds = UInt64(CommandLine.arguments[1]) else {
            print("usage: Hunt SEEDS")
            exit(2)
        }
        for seed in 1...seeds {
            print("seed \(seed)")
            fflush(nil)
            var simulation = Simulation(
                seed: seed, minutes: 2, faults: Faults(drawnFrom: seed))
            if let finding = simulation.run().findings.first {
                print("found \(finding.rule): \(finding.detail)")
                exit(1)
            }
        }
    }
}
