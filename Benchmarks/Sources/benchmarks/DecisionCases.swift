import Dialplan
import Foundation

/// What the dialplan takes to decide a call.
enum DecisionCases {
    static let all = [
        Benchmark("decide, 100,000 prefixes, found in them", budget: 2000) {
            let (plan, segments) = try nearbyPlan()
            var numbers = Numbers(seed: 2)
            let dialled = (0..<4096).map { _ in
                (segments.randomElement(using: &numbers) ?? "") + numbers.digits(4)
            }
            return decide(plan, dialled)
        },
        Benchmark("decide, 100,000 prefixes, not among them", budget: 2000) {
            let (plan, _) = try nearbyPlan()
            var numbers = Numbers(seed: 3)
            let dialled = (0..<4096).map { _ in "0208" + numbers.digits(7) }
            return decide(plan, dialled)
        },
        Benchmark("decide, headquarters.dialplan, local", budget: 2000) {
            decide(try headquarters(), ["86035566", "66035566", "82035566"])
        },
        Benchmark("decide, headquarters.dialplan, national", budget: 2000) {
            decide(try headquarters(), ["02088886666", "01062345678"])
        },
        Benchmark("decide, headquarters.dialplan, carrier prefix", budget: 2000) {
            decide(try headquarters(), ["1790902088886666"])
        },
        Benchmark("decide, headquarters.dialplan, colleague", budget: 2000) {
            decide(try headquarters(), ["8200", "8300"])
        },
    ]

    private static let monday = CivilTime(year: 2026, month: 11, day: 23, minuteOfDay: 600)

    private static func decide(_ plan: Plan, _ dialled: [String]) -> Benchmark.Body {
        { operations in
            var sum = 0
            for operation in 0..<operations {
                let decision = plan.decide(
                    Query(
                        caller: .extension("8100", level: "country"),
                        dialled: dialled[operation % dialled.count], time: monday))
                switch decision.outcome {
                case .ring, .ringGroup, .feature, .askPIN: sum &+= 1
                case .routes(let choices), .emergency(let choices): sum &+= choices.count
                case .refuse(let refusal): fatalError("\(decision.dialled): \(refusal.reason)")
                }
            }
            return sum
        }
    }

    // MARK: Plans

    private static let context = PlanContext(trunks: [
        .init(name: "ip-e1", isE1: true), .init(name: "pstn", isE1: false),
    ])

    static func compile(_ sources: PlanSources) -> Plan {
        let compiled = Plan.compile(sources, context: context)
        guard let plan = compiled.plan else {
            fatalError(compiled.diagnostics.map(\.rendered).joined(separator: "\n"))
        }
        return plan
    }

    private static func headquarters() throws -> Plan {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../Dialplans")
        func text(_ name: String) throws -> String {
            try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        }
        return compile(
            PlanSources(
                main: SourceFile(
                    path: "headquarters.dialplan", text: try text("headquarters.dialplan")),
                included: ["suburban.numbers": try text("suburban.numbers")]))
    }

    /// The seven-digit segments of mobile numbers that are near by, 100,000 of them.
    private static func nearbyPlan() throws -> (plan: Plan, segments: [String]) {
        var numbers = Numbers(seed: 1)
        var segments: Set<String> = []
        while segments.count < 100_000 {
            let second = Int.random(in: 3...9, using: &numbers)
            segments.insert("1\(second)" + numbers.digits(5))
        }
        let sorted = segments.sorted()
        let plan = compile(
            PlanSources(
                main: SourceFile(path: "nearby.dialplan", text: nearby),
                included: [
                    "nearby.numbers": sorted.map { "\($0)XXXX" }.joined(separator: "\n") + "\n"
                ]))
        return (plan, sorted)
    }

    private static let nearby = """
        site headquarters { country 86  area 0311  timezone Asia/Shanghai }
        extensions 8000-8799
        normalise {
            0311[2-8]XXXXXXX -> drop 4
            01[3-9]XXXXXXXXX -> drop 1
        }
        class nearby    from "nearby.numbers"
        class mobile    1[3-9]XXXXXXXXX
        class national  0[1-9]XXXXXXXX.
        level house    may internal
        level city     may house + nearby
        level country  may city + mobile + national
        route nearby           via line, pstn
        route mobile national  via ip-e1, line, pstn  present +86311{line}  send e164
        line 66778000-66778799 rings 8000-8799
        """
}
