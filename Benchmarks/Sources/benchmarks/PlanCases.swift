import Dialplan

/// What a big plan costs: 100,000 prefixes, 10,000 extensions with their lines, 1,000 rules, 100 groups
/// and 200 expect lines; and 10,000 extensions with their lines that lie nowhere side by side.
enum PlanCases {
    static let all = [
        Benchmark("check and load a big plan", budget: 1_000_000_000) {
            let sources = Self.sources
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    sum &+= DecisionCases.compile(sources).expectations.count
                }
                return sum
            }
        },
        Benchmark("check 10,000 extensions, each written alone", budget: 1_000_000_000) {
            let sources = Self.scattered
            return { operations in
                var sum = 0
                for _ in 0..<operations { sum &+= DecisionCases.compile(sources).extensions.count }
                return sum
            }
        },
        Benchmark("decide, big plan, with settings", budget: 2000) {
            let plan = DecisionCases.compile(Self.sources)
            let settings = Dictionary(
                uniqueKeysWithValues: (10_000...19_999).map {
                    ("\($0)", ExtensionSettings(level: "world"))
                })
            var numbers = Numbers(seed: 4)
            let dialled = (0..<4096).map { _ in "012345" + numbers.digits(5) }
            return { operations in
                var sum = 0
                for operation in 0..<operations {
                    let query = Query(
                        caller: .extension("\(10_000 + operation % 10_000)", level: "world"),
                        dialled: dialled[operation % dialled.count], time: monday
                    ) { settings[$0] }
                    sum &+= plan.decide(query).explanation.count
                }
                return sum
            }
        },
    ]

    private static let monday = CivilTime(year: 2026, month: 11, day: 23, minuteOfDay: 600)

    /// Numbers that lie nowhere side by side, as they are where a site has grown.
    private static var scattered: PlanSources {
        var text = """
            site headquarters { country 86  area 0311  timezone Asia/Shanghai }
            class local [2-7]XXXXXXX
            level city  may internal + local
            route local via line, pstn

            """
        for number in 0..<10_000 {
            text += "extensions \(80_000 + number * 2 % 19_999)\n"
            text += "line \(20_000_000 + number * 3) rings \(80_000 + number * 2 % 19_999)\n"
        }
        for group in 0..<1000 {
            let members = (0..<10).map { "\(80_000 + (group * 10 + $0) * 2 % 19_999)" }
            text += "group g\(group) \(members.joined(separator: " ")) together 20s\n"
        }
        return PlanSources(main: SourceFile(path: "scattered.dialplan", text: text), included: [:])
    }

    private static var sources: PlanSources {
        var text = """
            site headquarters { country 86  area 0311  timezone Asia/Shanghai }
            extensions 10000-19999
            normalise {
                0311[2-8]XXXXXXX -> drop 4
                01[3-9]XXXXXXXXX -> drop 1
                179XX.           -> drop 5
            }
            class local  [2-8]XXXXXXX
            class mobile 1[3-9]XXXXXXXXX
            class far    from "far.numbers"
            class abroad 00[1-9]XXXXXX.
            level city   may internal + local + mobile
            level world  may city + far + abroad
            route local mobile far abroad via ip-e1, line, pstn  present +86311{line}  send e164
            line 66700000-66709999 rings 10000-19999
            hours office mon-fri 08:00-18:00

            """
        for group in 0..<100 {
            text += "group g\(group) \(10_000 + group * 100)-\(10_099 + group * 100)\n"
        }
        for rule in 0..<1000 {
            let first = 10_000 + rule * 37 % 9900
            let from = rule % 10 == 0 ? "group g\(rule / 10)" : "\(first)-\(first + rule % 50)"
            text += "rule r\(rule) { from \(from) to 0\(10 + rule % 90)XXXXX. "
            text += "outside office refuse }\n"
        }
        for number in 0..<200 {
            text += "expect \(10_000 + number) (world) dials 86035566 -> via ip-e1\n"
        }
        var far = ""
        for prefix in 0..<100_000 {
            let last = String(prefix % 10_000)
            let zeros = String(repeating: "0", count: 4 - last.utf8.count)
            far += "0\(10 + prefix / 10_000)\(zeros)\(last)!\n"
        }
        return PlanSources(
            main: SourceFile(path: "big.dialplan", text: text), included: ["far.numbers": far])
    }
}
