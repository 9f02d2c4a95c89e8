import Dialplan
import Testing

@Suite struct DecideTests {
    let plan: Plan

    init() throws { plan = try compiled(sample) }

    /// Every way to write a number that a level must see through.
    static let spellings: [(dialled: String, normalised: String, numberClass: String)] = [
        ("86035566", "86035566", "local"),
        ("8603-5566", "86035566", "local"),
        ("(8603) 5566", "86035566", "local"),
        ("031186035566", "86035566", "local"),
        ("1790986035566", "86035566", "local"),
        ("17909031186035566", "86035566", "local"),
        ("1790117909031186035566", "86035566", "local"),
        ("+8631186035566", "86035566", "local"),
        ("+86031186035566", "86035566", "local"),
        ("008631186035566", "86035566", "local"),
        ("17951008631186035566", "86035566", "local"),
        ("82291234", "82291234", "suburban"),
        ("031182291234", "82291234", "suburban"),
        ("+86-311-8229-1234", "82291234", "suburban"),
        ("13812345678", "13812345678", "mobile"),
        ("013812345678", "13812345678", "mobile"),
        ("17909013812345678", "13812345678", "mobile"),
        ("+8613812345678", "13812345678", "mobile"),
        ("02088886666", "02088886666", "national"),
        ("1790902088886666", "02088886666", "national"),
        ("179091790902088886666", "02088886666", "national"),
        ("+862088886666", "02088886666", "national"),
        ("008602088886666", "02088886666", "national"),
        ("17909+862088886666", "17909+862088886666", "-"),
        ("0085221234567", "0085221234567", "international"),
        ("+852 2123 4567", "0085221234567", "international"),
        ("179090085221234567", "0085221234567", "international"),
        ("10086", "10086", "service"),
        ("031195588", "95588", "service"),
    ]

    @Test("every spelling is brought to one form", arguments: spellings)
    func spelling(dialled: String, normalised: String, numberClass: String) {
        let decision = plan.dialled(dialled, level: "world")
        #expect(decision.normalised == normalised)
        #expect(decision.numberClass ?? "-" == numberClass)
        #expect(decision.dialled == dialled)
    }

    @Test("no spelling gets around a level", arguments: spellings)
    func level(dialled: String, normalised: String, numberClass: String) {
        let may: [String: Set<String>] = [
            "house": [], "city": ["service", "local", "mobile"],
            "county": ["service", "local", "mobile", "suburban"],
            "country": ["service", "local", "mobile", "suburban", "national"],
            "world": ["service", "local", "mobile", "suburban", "national", "international"],
        ]
        for (level, classes) in may {
            let decision = plan.dialled(dialled, level: level)
            if numberClass == "-" {
                #expect(decision.refusal == .invalid)
            } else if classes.contains(numberClass) {
                #expect(!decision.routes.isEmpty, "\(level) may dial \(dialled)")
            } else {
                #expect(decision.refusal == .level, "\(level) may not dial \(dialled)")
            }
        }
    }

    @Test(
        "an emergency number is reached in every spelling, at every level, from everywhere inside",
        arguments: [
            "110", "119", "120", "122", "1-1-0", "0311110", "17909110", "17909 0311 120",
            "1790917951119",
        ])
    func emergency(dialled: String) {
        for level in plan.levels + ["nonsense", ""] {
            for caller in ["8000", "8100", "8750", "9999", ""] {
                let decision = plan.dialled(dialled, from: caller, level: level)
                let ways = decision.emergencyRoutes
                #expect(ways?.contains { $0.via == .trunk("pstn") } == true)
                #expect(ways?.contains { $0.via == .trunk("ip-e1") } == true)
                #expect(
                    ways?.allSatisfy { ["110", "119", "120", "122"].contains($0.number) } == true)
                #expect(decision.numberClass == "emergency")
            }
        }
    }

    @Test func anEmergencyCallLeavesOnTheOwnLineFirst() {
        let ways = plan.dialled("110", level: "house").emergencyRoutes
        #expect(
            ways?.map(\.via) == [.line("66778100"), .trunk("ip-e1"), .trunk("pstn")])
        #expect(ways?.map(\.presented) == ["66778100", "031166778100", "031166778100"])
    }

    @Test func anEmergencyRouteOfThePlanIsTriedFirstAndHidesNoOtherWay() throws {
        let plan = try compiled(sample + "\nroute emergency via pstn, line")
        let ways = plan.dialled("119", level: "house", down: ["pstn"]).emergencyRoutes
        #expect(ways?.map(\.via) == [.trunk("pstn"), .line("66778100"), .trunk("ip-e1")])
        #expect(ways?.map(\.down) == [true, false, false])
    }

    @Test func aRuleOfThePlanCannotTakeAnEmergencyNumberAway() throws {
        let plan = try compiled(sample + "\nnormalise 110 -> prefix 9\nclass trap 1[12]X")
        #expect(plan.dialled("110", level: "house").emergencyRoutes != nil)
        #expect(plan.dialled("122", level: "house").emergencyRoutes != nil)
    }

    @Test func extensionsAreCalledInside() {
        let decision = plan.dialled("8200", level: "house")
        #expect(decision.outcome == .ring(extension: "8200"))
        #expect(decision.numberClass == "internal")
    }

    @Test(
        "a direct line dialled inside rings its extension", arguments: ["66778200", "031166778200"])
    func ownLine(number: String) {
        #expect(plan.dialled(number, level: "house").outcome == .ring(extension: "8200"))
    }

    @Test func aRouteGivesItsWaysInOrderWithTheirForms() {
        let routes = plan.dialled("02088886666", level: "country", down: ["ip-e1"]).routes
        #expect(
            routes == [
                RouteChoice(
                    via: .trunk("ip-e1"), number: "+862088886666", presented: "+8631166778100",
                    down: true),
                RouteChoice(
                    via: .line("66778100"), number: "02088886666", presented: "66778100",
                    down: false),
                RouteChoice(
                    via: .trunk("pstn"), number: "+862088886666", presented: "+8631166778100",
                    down: false),
            ])
    }

    @Test func aLineIsDownByItsNumberAndByTheWord() {
        for name in ["line", "66778100"] {
            let routes = plan.dialled("86035566", level: "city", down: [name]).routes
            #expect(routes.map(\.down) == [true, false])
        }
    }

    @Test func anExtensionWithoutALineGoesTheOtherWays() {
        let decision = plan.dialled("86035566", from: "8750", level: "city")
        #expect(decision.routes.map(\.via) == [.trunk("pstn")])
        #expect(decision.explanation.contains { $0.code == "without-line" })
    }

    @Test func aNumberThatCannotBePresentedIsLeftToTheTrunk() {
        let routes = plan.dialled("02088886666", from: "8750", level: "country").routes
        #expect(routes.map(\.presented) == [nil, nil])
    }

    @Test(
        "a number is sent in the form the way wants",
        arguments: [
            ("as-dialled", "0311-8603-5566", "031186035566"),
            ("as-dialled", "+86311 86035566", "+8631186035566"),
            ("normalised", "031186035566", "86035566"), ("national", "86035566", "031186035566"),
            ("e164", "86035566", "+8631186035566"), ("drop 1 prefix 99", "86035566", "996035566"),
            ("prefix 9", "86035566", "986035566"), ("national", "10086", "10086"),
            ("e164", "10086", "10086"),
        ])
    func forms(form: String, dialled: String, sent: String) throws {
        let plan = try compiled(
            """
            site s { country 86 area 0311 timezone Asia/Shanghai }
            extensions 8000-8799
            normalise { 0311[2-8]XXXXXXX -> drop 4   0086311. -> drop 4 prefix 0 }
            class local [2-8]XXXXXXX 10XXX
            level city may local
            route local via pstn send \(form)
            """)
        #expect(plan.dialled(dialled, level: "city").routes.map(\.number) == [sent])
    }

    @Test(
        "what is no number is refused as such",
        arguments: [
            "", "   ", "abc", "8100;ext=1", "86035566\r\nX: y", "国内", "1+1", "-",
            String(repeating: "1", count: 41), String(repeating: "+", count: 5),
        ])
    func invalid(dialled: String) {
        let decision = plan.dialled(dialled, level: "world")
        #expect(decision.refusal == .invalid)
        #expect(decision.explanation.last?.code == "unreadable")
    }

    @Test(
        "an unknown number is refused as such",
        arguments: ["16812345", "9000", "800", "*98", "8100#"])
    func unknown(dialled: String) {
        let decision = plan.dialled(dialled, level: "world")
        #expect(decision.refusal == .unknownNumber)
        #expect(decision.numberClass == nil)
    }

    @Test func aRefusalCarriesItsStatusAndCause() {
        let table: [(Refusal.Code, Int, Int)] = [
            (.level, 403, 21), (.rule, 403, 21), (.unknownNumber, 404, 1), (.noRoute, 404, 3),
            (.invalid, 484, 28), (.group, 403, 21), (.incoming, 403, 21), (.pin, 403, 21),
            (.busy, 486, 17), (.forwarding, 480, 25), (.balance, 402, 21),
        ]
        for (code, status, cause) in table {
            let refusal = Refusal(code: code, reason: "")
            #expect(refusal.sipStatus == status)
            #expect(refusal.q850 == cause)
        }
        #expect(table.count == Refusal.Code.allCases.count)
    }

    @Test func anUnknownLevelMayNothing() {
        #expect(plan.dialled("8200", level: "king").refusal == .level)
        #expect(plan.dialled("86035566", level: "").refusal == .level)
    }

    @Test func aClassWithoutRouteIsRefused() throws {
        let plan = try compiled(sample + "\nclass other 9XX\nlevel all may other")
        #expect(plan.dialled("911", level: "all").refusal == .noRoute)
    }

    @Test(
        "a caller from outside reaches lines and extensions only",
        arguments: [
            ("66778100", "8100"), ("031166778100", "8100"), ("+8631166778100", "8100"),
            ("8100", "8100"), ("110", nil), ("02088886666", nil), ("0085221234567", nil),
            ("86035566", nil), ("66778700", nil), ("", nil),
        ] as [(String, String?)])
    func fromTrunk(dialled: String, rings: String?) {
        for trunk in ["ip-e1", "pstn", "unheard-of"] {
            let decision = plan.decide(
                Query(caller: .trunk(trunk), dialled: dialled, time: monday))
            if let rings {
                #expect(decision.outcome == .ring(extension: rings))
            } else {
                #expect(decision.refusal != nil)
            }
        }
    }

    @Test func aCallOnALineRingsItsExtension() {
        for (line, rings) in [
            ("66778000", "8000"), ("66778699", "8699"), ("+8631166778100", "8100"),
        ] {
            let decision = plan.decide(Query(caller: .line(line), dialled: "", time: monday))
            #expect(decision.outcome == .ring(extension: rings))
        }
        let decision = plan.decide(Query(caller: .line("66778700"), dialled: "110", time: monday))
        #expect(decision.refusal == .unknownNumber)
    }

    @Test func linesAndExtensionsFindEachOther() {
        #expect(plan.line(of: "8100") == "66778100")
        #expect(plan.line(of: "8750") == nil)
        #expect(plan.target(ofLine: "66778100") == "8100")
        #expect(plan.target(ofLine: "031166778100") == "8100")
        #expect(plan.target(ofLine: "86035566") == nil)
        #expect(plan.hasExtension("8799"))
        #expect(!plan.hasExtension("8800"))
    }

    @Test func theExplanationTellsEveryStepInOrder() {
        let decision = plan.dialled("1790902088886666", level: "city")
        #expect(
            decision.explanation.map(\.text) == [
                "8100 with level city dialled 1790902088886666",
                "1790902088886666 is brought to 02088886666 by the normalise rule 179XX. "
                    + "(test.dialplan:7)",
                "02088886666 is of class national: the most specific pattern that covers it is "
                    + "0[1-9]XXXXXXXX. (test.dialplan:15)",
                "level city may not call national (test.dialplan:18)",
            ])
        #expect(
            decision.outcome
                == .refuse(
                    Refusal(code: .level, reason: "level city may not call national")))
        #expect(decision.planVersion == plan.version)
    }
}
