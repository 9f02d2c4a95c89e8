import Dialplan
import Testing

/// What users have set and what the plan does about it: forwarding, groups, PINs, features.
@Suite struct CallsTests {
    static let text =
        sample + """

            level locked may internal + local
            incoming quiet from inside
            incoming alone from nobody
            hours office mon-fri 08:00-18:00
            group reception 8001 8002 together 20s, then 8003 8004 in-order 15s, then 8005
            group guards 8010-8012 round-robin 10s, then 13800138000 as 8000
            group sales { 8100-8109  presents +8631166770000-+8631166770009 4001234567 }
            line 66770000 rings group reception during office, group guards
            forward 8000-8099 when unanswered 25s to group reception
            forward 8000-8099 when busy to pstn
            forward 8020 when unregistered to busy
            short *901 -> 02088886666
            feature forward-always on *57*{number} off #57
            feature lock on *33 off #33*{pin}
            feature pickup *8
            feature pickup-extension *8{extension}
            feature call-by-pin *{pin}*{number}
            feature call-by-pin *88*{extension}*{pin}*{number}
            feature redial *66
            feature speed-dial *7{code} on *75*{code}*{number} off #75*{code}
            rule far { from 8200-8299  to international  ask pin }
            """

    let plan: Plan

    init() throws { plan = try compiled(Self.text) }

    /// A question with what some extensions have set.
    private func query(
        _ dialled: String, from caller: String = "8100", level: String = "country",
        _ settings: [String: ExtensionSettings] = [:]
    ) -> Query {
        Query(
            caller: .extension(caller, level: level), dialled: dialled, time: monday
        ) { settings[$0] }
    }

    private func settings(
        _ level: String = "country", _ change: (inout ExtensionSettings) -> Void
    ) -> ExtensionSettings {
        var settings = ExtensionSettings(level: level)
        settings.hasPIN = true
        change(&settings)
        return settings
    }

    // MARK: Forwarding

    @Test func aForwardedCallIsMadeWithTheRightsOfWhoForwards() {
        let to = settings("world") { $0.forwardAlways = "0085221234567" }
        let decision = plan.decide(query("8300", level: "house", ["8300": to]))
        #expect(decision.routes.map(\.number) == ["+85221234567"])
        #expect(decision.routes.map(\.presented) == ["+8631166778300"])
        #expect(decision.rights == "8300")
        #expect(decision.normalised == "0085221234567")
        #expect(decision.dialled == "8300")

        let low = settings("city") { $0.forwardAlways = "0085221234567" }
        let refused = plan.decide(query("8300", level: "world", ["8300": low]))
        #expect(refused.refusal == .level)
        #expect(refused.explanation.contains { $0.code == "on-rights-of" })
    }

    @Test func aCallFromOutsideFollowsTheForwardingOfItsExtension() {
        let to = settings { $0.forwardAlways = "02088886666" }
        var query = Query(caller: .line("66778200"), dialled: "", time: monday) { number in
            number == "8200" ? to : nil
        }
        query.callerNumber = "13800138000"
        let decision = plan.decide(query)
        #expect(decision.routes.map(\.via).first == .trunk("ip-e1"))
        #expect(decision.rights == "8200")
        let plain = Query(caller: .line("66778201"), dialled: "", time: monday)
        #expect(plan.decide(plain).rights == nil)
    }

    @Test func forwardingInACircleEnds() {
        let settings = [
            "8200": settings { $0.forwardAlways = "8201" },
            "8201": settings { $0.forwardAlways = "8202" },
            "8202": settings { $0.forwardAlways = "8200" },
        ]
        let decision = plan.decide(query("8200", settings))
        #expect(decision.refusal == .forwarding)
        #expect(decision.explanation.last?.code == "forwarded-too-often")
    }

    @Test func aCallIsSentOnOnlySoOften() {
        var query = query("8200")
        for _ in 0..<PlanLimits.diversions { query = query.diverted(to: .extension("8300")) }
        #expect(plan.decide(query).outcome == .ring(extension: "8300"))
        query = query.diverted(to: .extension("8300"))
        #expect(plan.decide(query).refusal == .forwarding)
    }

    /// Two who stand in for each other: whoever calls while both are busy hears the busy tone.
    @Test func thePlanSendsNoCallToWhereItComesFrom() throws {
        let plan = try compiled(
            sample + """

                forward 8200 when busy to 8201
                forward 8201 when busy to 8200
                forward 8201 when unanswered to group desk
                group desk 8202 8203 then 8201
                """)
        let first = query("8200")
        #expect(plan.decide(first).fallbacks.busy?.target == .extension("8201"))
        let second = plan.decide(first.diverted(to: .extension("8201"), from: "8200"))
        #expect(second.outcome == .ring(extension: "8201"))
        #expect(second.fallbacks.busy == nil)
        #expect(second.fallbacks.noAnswer?.target == .group("desk"))
        let third = first.diverted(to: .extension("8201"), from: "8200")
            .diverted(to: .group("desk"), from: "8201")
        guard case .ringGroup(let group) = plan.decide(third).outcome else {
            Issue.record("\(plan.decide(third).outcome)")
            return
        }
        #expect(group.overflow == nil)
        let quiet = settings { $0.doNotDisturb = true }
        let both = plan.decide(query("8200", ["8200": quiet, "8201": quiet]))
        #expect(both.refusal == .busy)
    }

    @Test func theForwardForFewerExtensionsCountsWhereverItStands() throws {
        let forwards = ["forward 8200-8299 when busy to 8300", "forward 8205 when busy to 8301"]
        for text in [forwards, forwards.reversed()] {
            let plan = try compiled(sample + "\n" + text.joined(separator: "\n"))
            let targets = ["8204", "8205"].map { plan.decide(query($0)).fallbacks.busy?.target }
            #expect(targets == [.extension("8300"), .extension("8301")])
        }
    }

    @Test func theShortestLimitOfAllWhoHaveAPartCounts() throws {
        let plan = try compiled(
            sample + """

                rule brief   { from 8200       limit 2m }
                rule briefer { from 8201       limit 1m }
                rule longer  { from outside    limit 3m }
                """)
        let to = settings("world") { $0.forwardAlways = "02088886666" }
        let users = ["8201": to, "8202": to]
        func limit(_ dialled: String, from caller: String) -> Int64? {
            plan.decide(query(dialled, from: caller, users)).limitMilliseconds
        }
        #expect(limit("8202", from: "8200") == 120_000)
        #expect(limit("8201", from: "8200") == 60_000)
        #expect(limit("8202", from: "8203") == nil)
        let line = Query(caller: .line("66778202"), dialled: "", time: monday) { users[$0] }
        #expect(plan.decide(line).limitMilliseconds == 180_000)
    }

    @Test func aCodeSaysWhatIsCalled() {
        let user = settings {
            $0.speedDial = ["1": "8300"]
            $0.lastDialled = "8301"
        }
        func called(_ dialled: String, _ pin: PINAnswer = .notAsked) -> String? {
            var query = query(dialled, ["8100": user, "8102": user])
            query.pin = pin
            return plan.decide(query).called
        }
        #expect(called("*71") == "8300")
        #expect(called("*66") == "8301")
        #expect(called("*88*8102*1234*8302", .verified(extension: "8102")) == "8302")
        #expect(called("*88*8102*1234*8302", .wrong(extension: "8102")) == nil)
        #expect(called("8302") == nil)
    }

    @Test func noCallIsForwardedToAnEmergencyNumber() {
        let to = settings { $0.forwardAlways = "110" }
        #expect(plan.decide(query("8200", ["8200": to])).refusal == .forwarding)
    }

    @Test func aRuleThatAsksForAPINRefusesWhoIsForwarded() {
        let to = settings("world") { $0.forwardAlways = "0085221234567" }
        #expect(plan.decide(query("8250", ["8250": to])).refusal == .pin)
    }

    // MARK: When nobody takes the call

    @Test func theFallbacksAreTheUsersOwnAndElseThePlans() {
        let plain = plan.decide(query("8020"))
        #expect(plain.outcome == .ring(extension: "8020"))
        #expect(plain.fallbacks.ringMilliseconds == 25_000)
        #expect(plain.fallbacks.noAnswer == Fallback(target: .group("reception")))
        #expect(plain.fallbacks.busy == Fallback(target: .trunk("pstn")))
        #expect(plain.fallbacks.unregistered == Fallback(target: .busy))
        #expect(plan.decide(query("8300")).fallbacks == Fallbacks())

        let own = settings {
            $0.forwardBusy = "8301"
            $0.forwardNoAnswer = "02088886666"
        }
        let decision = plan.decide(query("8020", ["8020": own]))
        let fallbacks = decision.fallbacks
        #expect(
            fallbacks.busy == Fallback(target: .number("8301", as: "8020"), forwardedBy: "8020"))
        #expect(
            fallbacks.noAnswer
                == Fallback(target: .number("02088886666", as: "8020"), forwardedBy: "8020"))
        #expect(fallbacks.unregistered == Fallback(target: .busy))
        #expect(decision.explanation.filter { $0.code == "fallback" }.count == 3)
    }

    @Test func aFallbackIsDecidedByAskingAgain() throws {
        let own = settings { $0.forwardBusy = "02088886666" }
        let first = query("8020", level: "house", ["8020": own])
        let fallback = try #require(plan.decide(first).fallbacks.busy)
        let second = plan.decide(first.diverted(to: fallback.target, by: fallback.forwardedBy))
        #expect(second.routes.first?.via == .trunk("ip-e1"))
        #expect(second.rights == "8020")

        let plain = query("8020", level: "house")
        let overflow = plan.decide(plain.diverted(to: .group("reception")))
        guard case .ringGroup(let group) = overflow.outcome else {
            Issue.record("\(overflow.outcome)")
            return
        }
        #expect(group.name == "reception")
        let mail = plan.decide(plain.diverted(to: .trunk("pstn")))
        #expect(
            mail.routes
                == [
                    RouteChoice(
                        via: .trunk("pstn"), number: "8020", presented: "8100", down: false)
                ])
        #expect(mail.rights == nil)
        #expect(plan.decide(plain.diverted(to: .busy)).refusal == .busy)
    }

    @Test func whoDoesNotWantToBeDisturbedIsBusy() {
        let quiet = settings { $0.doNotDisturb = true }
        let decision = plan.decide(query("8200", ["8200": quiet]))
        #expect(decision.refusal == .busy)
        // Busy as ever: what follows a busy phone follows here.
        let forwarding = settings {
            $0.doNotDisturb = true
            $0.forwardBusy = "8300"
        }
        let forwarded = plan.decide(query("8200", ["8200": forwarding]))
        #expect(forwarded.outcome == .ring(extension: "8300"))
    }

    @Test func anEmergencyCallIsOneWhateverItsCallerHasSet() {
        let locked = settings("nonsense") {
            $0.isLocked = true
            $0.forwardAlways = "8300"
            $0.doNotDisturb = true
        }
        for dialled in ["110", "*1234*110", "*88*8100*1234*119"] {
            var query = query(dialled, level: "house", ["8100": locked])
            query.pin = .lockedOut(extension: "8100")
            #expect(plan.decide(query).emergencyRoutes != nil)
            #expect(
                plan.decide(query.diverted(to: .busy, by: "8200")).emergencyRoutes != nil
                    || dialled != "110")
        }
    }

    // MARK: Ring groups

    @Test func aRingGroupRingsInStagesWithoutThoseWhoDoNotWantTo() {
        let settings = [
            "8001": settings { $0.doNotDisturb = true },
            "8003": settings { $0.incomingLevel = "quiet" },
            "8005": settings { $0.incomingLevel = "alone" },
        ]
        let query = Query(caller: .line("66770000"), dialled: "", time: monday) { settings[$0] }
        #expect(
            plan.decide(query).outcome
                == .ringGroup(
                    RingGroup(
                        name: "reception",
                        stages: [
                            RingGroup.Stage(
                                members: ["8002"], strategy: .together, milliseconds: 20_000),
                            RingGroup.Stage(
                                members: ["8004"], strategy: .inOrder, milliseconds: 15_000),
                        ])))
        #expect(plan.decide(query).explanation.filter { $0.code == "member-passed" }.count == 3)
    }

    @Test func aGroupWithNobodyToRingOverflowsAtOnce() {
        let quiet = settings { $0.doNotDisturb = true }
        var evening = Query(caller: .line("66770000"), dialled: "", time: monday) { number in
            number.hasPrefix("801") ? quiet : ExtensionSettings(level: "country")
        }
        evening.time.minuteOfDay = 1200
        let decision = plan.decide(evening)
        #expect(decision.routes.first?.number == "+8613800138000")
        #expect(decision.rights == "8000")

        let nobody = Query(caller: .line("66770000"), dialled: "", time: monday) { _ in quiet }
        #expect(plan.decide(nobody).refusal == .busy)
    }

    @Test func whoCallsAGroupIsNotRungItself() throws {
        let decision = plan.decide(query("66770000", from: "8001"))
        guard case .ringGroup(let group) = decision.outcome else {
            Issue.record("\(decision.outcome)")
            return
        }
        #expect(group.stages.first?.members == ["8002"])
    }

    // MARK: PINs

    @Test func aPINIsAskedForAndItsAnswerDecides() {
        let owner = settings("world") { _ in }
        var query = query("0085221234567", from: "8200", level: "world", ["8200": owner])
        #expect(
            plan.decide(query).outcome
                == .askPIN(PINRequest(extension: "8200", digits: nil, reason: "rule far")))
        query.pin = .verified(extension: "8200")
        #expect(plan.decide(query).routes.count == 1)
        query.pin = .wrong(extension: "8200")
        #expect(plan.decide(query).refusal == .pin)
        query.pin = .lockedOut(extension: "8200")
        #expect(plan.decide(query).refusal == .pin)
        // The PIN of another is none.
        query.pin = .verified(extension: "8201")
        #expect(
            plan.decide(query).outcome
                == .askPIN(PINRequest(extension: "8200", digits: nil, reason: "rule far")))
    }

    @Test func whoHasNoPINIsRefusedWhereOneIsAsked() {
        let bare = ExtensionSettings(level: "world")
        let decision = plan.decide(
            query("0085221234567", from: "8200", level: "world", ["8200": bare]))
        #expect(decision.refusal == .pin)
        #expect(decision.explanation.last?.code == "pin-missing")
    }

    @Test func aPINDialledInOneStringIsAskedForWithItsDigitsAndSatisfiesTheRule() {
        let owner = settings("world") { _ in }
        var query = query(
            "*88*8200*1234*0085221234567", from: "8300", level: "house", ["8200": owner])
        #expect(
            plan.decide(query).outcome
                == .askPIN(
                    PINRequest(
                        extension: "8200", digits: "1234", reason: "feature call-by-pin")))
        query.pin = .verified(extension: "8200")
        let decision = plan.decide(query)
        #expect(decision.routes.map(\.presented) == ["+8631166778200"])
        #expect(decision.rights == "8200")
    }

    // MARK: Features

    @Test func aLockedPhoneMayWhatItsLevelAndTheLevelLockedMay() {
        let locked = settings { $0.isLocked = true }
        let low = plan.decide(query("86035566", level: "house", ["8100": locked]))
        #expect(low.refusal == .level)
        let far = plan.decide(query("02088886666", ["8100": locked]))
        #expect(far.refusal == .level)
        #expect(!plan.decide(query("86035566", ["8100": locked])).routes.isEmpty)
    }

    @Test func withoutALevelLockedALockedPhoneCallsInside() throws {
        let plan = try compiled(sample)
        let locked = settings { $0.isLocked = true }
        #expect(plan.decide(query("86035566", ["8100": locked])).refusal == .level)
        #expect(plan.decide(query("8200", ["8100": locked])).outcome == .ring(extension: "8200"))
    }

    @Test func redialAndSpeedDialAreCallsWithTheCallersRights() {
        let own = settings {
            $0.lastDialled = "02088886666"
            $0.speedDial = ["3": "86035566", "4": "0085221234567"]
        }
        func dial(_ number: String) -> Decision { plan.decide(query(number, ["8100": own])) }
        #expect(dial("*66").normalised == "02088886666")
        #expect(!dial("*66").routes.isEmpty)
        #expect(dial("*73").routes.map(\.number).first == "86035566")
        #expect(dial("*74").refusal == .level)
        #expect(dial("*79").refusal == .unknownNumber)
    }

    @Test func aFeatureCarriesWhatItsCodeHolds() {
        let table: [(String, FeatureCall)] = [
            (
                "*57*02088886666",
                FeatureCall(
                    feature: .forwardAlways, action: .on, extension: "8100",
                    number: "02088886666")
            ),
            ("#57", FeatureCall(feature: .forwardAlways, action: .off, extension: "8100")),
            (
                "*75*12*86035566",
                FeatureCall(
                    feature: .speedDial, action: .on, extension: "8100", number: "86035566",
                    code: "12")
            ),
            (
                "#75*12",
                FeatureCall(feature: .speedDial, action: .off, extension: "8100", code: "12")
            ),
            (
                "*8",
                FeatureCall(feature: .pickup, action: .use, extension: "8100", groups: ["sales"])
            ),
            ("*33", FeatureCall(feature: .lock, action: .on, extension: "8100")),
        ]
        for (dialled, call) in table {
            #expect(plan.decide(query(dialled)).outcome == .feature(call))
        }
    }

    @Test func whatRingsAtAnotherIsPickedUpInACommonGroupOrWhereThePlanSaysSo() throws {
        let plan = try compiled(
            Self.text.replacing(
                "group sales { 8100-8109", with: "group sales { 8100-8109 picks-up reception 8500"))
        func outcome(_ dialled: String, by caller: String) -> Decision {
            plan.decide(
                Query(
                    caller: .extension(caller, level: "city"), dialled: dialled, time: monday))
        }
        let table: [(dialled: String, caller: String, refusal: Refusal.Code?)] = [
            ("*88101", "8100", nil), ("*88001", "8100", nil), ("*88500", "8100", nil),
            ("*88100", "8001", .group), ("*88501", "8100", .group), ("*88100", "8500", .group),
            ("*88500", "8500", nil),
        ]
        for (dialled, caller, refusal) in table {
            let decision = outcome(dialled, by: caller)
            #expect(decision.refusal == refusal, "\(caller) dials \(dialled)")
            let isTold = decision.explanation.contains {
                if case .pickup = $0 { true } else { false }
            }
            #expect(isTold)
        }
        #expect(plan.pickup(at: "8001", by: "8002").isGiven)
        guard case .granted(let group, _) = plan.pickup(at: "8001", by: "8100") else {
            Issue.record("nothing is granted")
            return
        }
        #expect(group == "sales")
    }

    @Test func aShortCodeStandsForItsNumberAtEveryLevelAlike() {
        #expect(plan.dialled("*901", level: "country").normalised == "02088886666")
        #expect(plan.dialled("*901", level: "city").refusal == .level)
        #expect(
            plan.dialled("*901", level: "city").explanation.contains { $0.code == "short-code" })
    }

    @Test func aCallerFromOutsideHasNoFeatures() {
        let decision = plan.decide(Query(caller: .trunk("pstn"), dialled: "*57*110", time: monday))
        #expect(decision.refusal == .unknownNumber)
    }

    // MARK: Presented numbers

    @Test(
        "a phone presents what its group may",
        arguments: [
            ("4001234567", "8100", "4001234567"), ("+8631166770003", "8100", "+8631166770003"),
            ("031166770003", "8100", "+8631166770003"), ("+8631166770010", "8100", nil),
            ("4001234567", "8110", nil), ("nonsense", "8100", nil),
        ] as [(String, String, String?)])
    func wishes(wish: String, caller: String, shown: String?) {
        var query = query("02088886666", from: caller)
        query.wish = wish
        let usual = "+863116677\(caller)"
        let decision = plan.decide(query)
        #expect(decision.routes.first?.presented == shown ?? usual)
        // A line shows its own number whatever is asked.
        #expect(decision.routes.dropFirst().first?.presented == "6677\(caller)")
        #expect(decision.explanation.contains { $0.code == "wish" })
    }

    @Test(
        "a phone presents what the plan or its own settings let it",
        arguments: [
            ("4001234567", "8100", "4001234567", nil), ("4001234567", "8115", "4001234567", nil),
            ("031166770003", "8100", "+8631166770003", nil), ("4001234567", "8120", nil, nil),
            ("+8631166770010", "8100", nil, nil), ("nonsense", "8100", nil, nil),
            ("4008888888", "8120", "4008888888", "4008888888"),
            ("4008888885", "8120", "4008888885", "4008888880-4008888889"),
            ("4008888889", "8120", nil, "4008888880-4008888888"), ("4008", "8120", nil, "x-y-z"),
        ] as [(String, String, String?, String?)])
    func wishesOfPhones(wish: String, caller: String, shown: String?, set: String?) throws {
        let plan = try compiled(
            sample + "\nphones 8100, 8110-8119  presents 4001234567, +8631166770000-+8631166770009")
        let own = settings("world") { $0.presents = set.map { ["1", $0] } ?? [] }
        var query = query("02088886666", from: caller, level: "world", [caller: own])
        query.wish = wish
        let decision = plan.decide(query)
        #expect(decision.routes.first?.presented == shown ?? "+863116677\(caller)")
        let granted = decision.explanation.first { $0.code == "wish-granted" }
        #expect((granted != nil) == (shown != nil))
        if let granted { #expect(granted.text.contains("dialplan:") == (set == nil)) }
        // Who sends a call on shows what is its own.
        query.wish = nil
        #expect(plan.decide(query).routes.first?.presented == "+863116677\(caller)")
    }

    @Test(
        "an expect line says what a phone asks to present",
        arguments: [
            ("8100 (world) from 4001234567", "4001234567", true),
            ("8100 (world) from 4001234568", "+8631166778100", true),
            ("8101 (world) from 4001234567", "4001234567", false),
        ])
    func expectedWishes(caller: String, presents: String, holds: Bool) {
        let text =
            sample + """

                phones 8100 presents 4001234567
                expect \(caller) dials 02088886666 -> presents \(presents)
                """
        let (plan, diagnostics) = Plan.compile(
            PlanSources(main: SourceFile(path: "p", text: text)), context: context)
        #expect((plan != nil) == holds, "\(diagnostics.map(\.message))")
    }

    // MARK: Selection

    @Test func theDecisionCarriesHowItsWaysAreSelected() throws {
        let plan = try compiled(
            """
            site s { country 86 area 0311 timezone Asia/Shanghai }
            extensions 8000-8799
            class a 1X
            class b 2X
            class c 3X
            level all may a + b + c
            trunks far ip-e1 (share 3), pstn (share 1) by share
            route a via far, line
            route b via ip-e1, pstn by cost
            route c via line, ip-e1, pstn in order
            line 66778000-66778799 rings 8000-8799
            """)
        func ways(_ dialled: String) -> [String] {
            plan.dialled(dialled, level: "all").routes.map {
                "\($0.via.description) \($0.stage) \($0.selection)"
            }
        }
        #expect(
            ways("11") == [
                "ip-e1 0 share(weight: 3)", "pstn 0 share(weight: 1)",
                "line 66778100 1 inOrder",
            ])
        #expect(ways("21") == ["ip-e1 0 leastCost", "pstn 0 leastCost"])
        #expect(ways("31") == ["line 66778100 0 inOrder", "ip-e1 0 inOrder", "pstn 0 inOrder"])
    }

    @Test(
        "an expect line may name a group of trunks",
        arguments: [
            ("via far", true), ("via far then line", true), ("via ip-e1 then pstn then line", true),
            ("via line", false), ("via far then pstn", false), ("via far then far", false),
            ("when ip-e1 down -> via far then line", true),
        ])
    func expectedGroupsOfTrunks(result: String, holds: Bool) {
        let line = result.contains("->") ? result : "-> " + result
        let text = """
            site s { country 86 area 0311 timezone Asia/Shanghai }
            extensions 8000-8799
            class a 7X
            level all may a
            trunks far ip-e1, pstn
            route a via far, line
            line 66778000-66778799 rings 8000-8799
            expect 8100 (all) dials 71 \(line)
            """
        let (plan, diagnostics) = Plan.compile(
            PlanSources(main: SourceFile(path: "p", text: text)), context: context)
        #expect((plan != nil) == holds, "\(diagnostics.map(\.message))")
    }

    // MARK: Explanations

    @Test func aThoroughExplanationNamesEveryRuleAndDecidesTheSame() {
        var query = query("0085221234567", level: "world")
        let short = plan.decide(query)
        query.isThorough = true
        let long = plan.decide(query)
        #expect(short.outcome == long.outcome)
        #expect(
            long.explanation.filter {
                if case .rulePassed(_, .caller, _) = $0 { return true }
                return false
            }.count == 1)
        #expect(long.explanation.count == short.explanation.count + 1)
    }
}
