import Dialplan
import Testing

/// Several sites in one switch.
@Suite struct SitesTests {
    static let branch = """
        site branch { country 86  area 0755  timezone Asia/Shanghai }
        extensions 9000-9099
        normalise 0755[2-8]XXXXXXX -> drop 4
        class local [2-8]XXXXXXX
        class far   0[1-9]XXXXXXXX.
        level desk  may internal + local
        level boss  may desk + far
        incoming quiet from nobody
        route local via line, pstn
        route far   via pstn present +86755{line} send e164
        line 26778000-26778099 rings 9000-9099
        group front 9001 9002 together 20s
        forward 9000 when busy to group front
        expect 9001 (desk) dials 86035566 -> via line
        """

    static func plan(_ main: String = "", _ branch: String = branch) throws -> Plan {
        try compiled(
            sample + "\ninclude \"branch.dialplan\"\n" + main, included: ["branch.dialplan": branch]
        )
    }

    @Test func everySiteDecidesByItsOwnPlan() throws {
        let plan = try Self.plan()
        let far = plan.dialled("02088886666", from: "9000", level: "boss")
        #expect(far.routes.map(\.presented) == ["+8675526778000"])
        #expect(plan.dialled("02088886666", from: "9000", level: "desk").refusal == .level)
        #expect(plan.dialled("075586035566", from: "9000", level: "desk").normalised == "86035566")
        #expect(plan.dialled("075586035566", level: "city").refusal == .level)
        #expect(plan.dialled("02088886666", level: "boss").refusal == .level)
        #expect(far.planVersion == plan.version)
    }

    @Test(arguments: [
        "expect 9001 (boss) dials 02088886666 -> class far via gates",
        "expect 9001 (boss) dials 02088886666 when front-lines down -> via gates",
        "expect line 26770000 -> rings group front",
        "expect 8100 dials 9001 (quiet) -> refused by incoming",
    ])
    func theMainFileExpectsThingsOfEverySite(line: String) throws {
        let branch =
            Self.branch.replacing("route far   via pstn", with: "route far   via gates")
            + "\ntrunks gates pstn\nlines front-lines 26778000-26778009\n"
            + "line 26770000 rings group front\nlevel lines-level may local\n"
        #expect(throws: Never.self) { try Self.plan(line, branch) }
    }

    @Test func aWrongSiteMakesNoLineOfTheMainFileWrong() {
        let sources = PlanSources(
            main: SourceFile(
                path: "main",
                text: sample + "\ninclude \"branch.dialplan\"\n"
                    + "expect 8100 dials 9001 -> rings 9001\n"),
            included: ["branch.dialplan": Self.branch + "\nexpect 9001 dials 110 -> refused"])
        let (plan, diagnostics) = Plan.compile(sources, context: context)
        #expect(plan == nil)
        #expect(diagnostics.filter { $0.severity == .error }.map(\.file) == ["branch.dialplan"])
    }

    @Test func theSitesCallEachOther() throws {
        let plan = try Self.plan()
        let decision = plan.dialled("9000", level: "house")
        #expect(decision.outcome == .ring(extension: "9000"))
        // What follows is the called site's to say.
        #expect(decision.fallbacks.busy?.target == .group("front"))
        #expect(
            plan.dialled("8100", from: "9000", level: "desk").outcome == .ring(extension: "8100"))
        let overflow = plan.decide(
            Query(caller: .extension("8100", level: "house"), dialled: "9000", time: monday)
                .diverted(to: .group("front")))
        guard case .ringGroup(let group) = overflow.outcome else {
            Issue.record("\(overflow.outcome)")
            return
        }
        #expect(group.stages.map(\.members) == [["9001", "9002"]])
    }

    @Test func whatAPlanSendsOnMayGoToAnotherSite() throws {
        let branch =
            Self.branch + """

                forward 9010 when busy to 8001
                forward 9011 when busy to group desk
                group late 9020 9021 then group desk
                line 26770000 rings group front
                """
        let plan = try Self.plan(
            """
            hours office mon-fri 08:00-18:00
            group desk 8001 8002 then 9001
            group far  8003 8004 then group front
            line 66770000 rings 8001 during office, group front
            line 66770001 rings 9001
            inbound ip-e1 4001234567 rings group front
            inbound ip-e1            rings group desk
            forward 8005 when busy to 9005
            expect line 66770000 at "sun 10:00"       -> rings group front
            expect line 66770001                      -> rings 9001
            expect trunk ip-e1 dials 4001234567       -> rings group front
            expect trunk ip-e1 dials 26778003         -> rings 9003
            expect trunk ip-e1 dials 26770000         -> rings group front
            expect trunk ip-e1 dials 123              -> rings group desk
            expect trunk pstn dials 26778003 (quiet)  -> refused by incoming
            expect 9001 (boss) dials 02088886666      -> class far
            expect 8001 dials 075526770000            -> rings group front
            """, branch)
        func ask(_ number: String) -> Query {
            Query(caller: .extension("8100", level: "house"), dialled: number, time: monday)
        }
        #expect(plan.decide(ask("9010")).fallbacks.busy?.target == .extension("8001"))
        #expect(plan.decide(ask("9011")).fallbacks.busy?.target == .group("desk"))
        let overflow = ask("66770000").diverted(to: .group("late"), from: "9011")
        guard case .ringGroup(let late) = plan.decide(overflow).outcome else {
            Issue.record("\(plan.decide(overflow).outcome)")
            return
        }
        #expect(late.overflow == .group("desk"))
        let on = plan.decide(overflow.diverted(to: .group("desk"), from: "late"))
        guard case .ringGroup(let desk) = on.outcome else {
            Issue.record("\(on.outcome)")
            return
        }
        #expect(desk.overflow == .extension("9001"))
        let last = overflow.diverted(to: .extension("9001"), from: "desk")
        #expect(plan.decide(last).outcome == .ring(extension: "9001"))
        // Nobody of it wants to be rung: it goes on to the other site at once.
        let quiet = Query(caller: .line("26770000"), dialled: "", time: monday) {
            var settings = ExtensionSettings(level: "desk")
            settings.doNotDisturb = $0.hasPrefix("80")
            return settings
        }
        #expect(
            plan.decide(quiet.diverted(to: .group("desk"), from: "late")).outcome
                == .ring(extension: "9001"))
    }

    /// Calls of a trunk that all sites share.
    @Test func whoseNumberIsCalledLooksAtItsOwnRules() throws {
        _ = try Self.plan(
            """
            inbound ip-e1 9001 rings 8001
            inbound ip-e1      rings 8002
            expect trunk pstn dials 9000                    -> rings 9000
            expect trunk pstn from 13800138000 dials 9000   -> refused by rule
            expect trunk ip-e1 from 13800138000 dials 9000  -> refused by rule
            expect trunk ip-e1 from 13800138000 dials 9001  -> rings 8001
            expect trunk ip-e1 from 13800138000 dials 26778000 -> refused by rule
            expect trunk ip-e1 from 13800138000 dials 12    -> rings 8002
            """, Self.branch + "\nrule spam { from number 13800138000  refuse }\n")
    }

    @Test func aWayOutThroughAnotherSiteIsFound() throws {
        let text = sample + "\nline 66770000 rings group late\ninclude \"branch.dialplan\"\n"
        let late = "\ngroup late 9020 9021 then 02088886666 as 9020\n"
        let (plan, diagnostics) = Plan.compile(
            PlanSources(
                main: SourceFile(path: "test.dialplan", text: text),
                included: ["branch.dialplan": Self.branch + late]), context: context)
        #expect(plan != nil)
        #expect(
            diagnostics.contains { diagnostic in
                diagnostic.message.contains("somebody outside who calls 66770000 on line 66770000")
                    && diagnostic.message.contains("and 9020 pays")
            })
    }

    /// A group of one site rings its own extensions; only the last target may be elsewhere.
    @Test func aGroupRingsItsOwnSite() {
        let refused = #expect(throws: Refused.self) {
            try Self.plan("group desk 8001 8002 then 8003 9001\n")
        }
        #expect(refused?.description.contains("9001 is an extension of another site") == true)
    }

    @Test func theCalledSiteLetsIn() throws {
        let plan = try Self.plan()
        let query = Query(caller: .extension("8100", level: "house"), dialled: "9000", time: monday)
        {
            $0 == "9000" ? ExtensionSettings(level: "desk", incomingLevel: "quiet") : nil
        }
        #expect(plan.decide(query).refusal == .incoming)
    }

    @Test func aForwardingIsDecidedBySiteOfWhoForwards() throws {
        let plan = try Self.plan()
        var forwarding = ExtensionSettings(level: "boss")
        forwarding.forwardAlways = "02088886666"
        let settings = ["9000": forwarding]
        let query = Query(caller: .extension("8100", level: "house"), dialled: "9000", time: monday)
        { settings[$0] }
        let decision = plan.decide(query)
        #expect(decision.routes.map(\.presented) == ["+8675526778000"])
        #expect(decision.rights == "9000")
    }

    @Test func forwardingBetweenSitesInACircleEnds() throws {
        let plan = try Self.plan()
        let query = Query(caller: .extension("8101", level: "house"), dialled: "9000", time: monday)
        { number in
            var settings = ExtensionSettings(level: number.hasPrefix("9") ? "boss" : "world")
            settings.forwardAlways = number == "9000" ? "8100" : number == "8100" ? "9000" : nil
            return settings
        }
        #expect(plan.decide(query).refusal == .forwarding)
    }

    @Test func callsFromOutsideReachEverySite() throws {
        let plan = try Self.plan()
        for (line, rings) in [("66778100", "8100"), ("26778001", "9001")] {
            let decision = plan.decide(Query(caller: .line(line), dialled: "", time: monday))
            #expect(decision.outcome == .ring(extension: rings))
        }
        for (dialled, rings) in [("8100", "8100"), ("9001", "9001"), ("26778001", "9001")] {
            let decision = plan.decide(
                Query(caller: .trunk("pstn"), dialled: dialled, time: monday))
            #expect(decision.outcome == .ring(extension: rings))
        }
        let stranger = plan.decide(Query(caller: .trunk("pstn"), dialled: "777", time: monday))
        #expect(stranger.refusal == .unknownNumber)
    }

    /// The branch with lines that ring something else, and codes of both sites.
    private static func joined(_ more: String = "") throws -> Plan {
        try plan(
            """
            feature call-by-pin *88*{extension}*{pin}*{number}
            feature pickup-extension *8{extension}
            group night { 8100 picks-up 9000-9009 }
            """,
            west + "\nline 26771111 rings group front\nfeature call-by-pin *{pin}*{number}\n"
                + "feature call-by-pin *99*{extension}*{pin}*{number}\n" + more)
    }

    @Test(
        "a direct line of another site is a number inside, in every spelling",
        arguments: [
            ("075526778001", "8100", "house", "9001"), ("+8675526778001", "8100", "house", "9001"),
            ("0755-2677 8099", "8100", "house", "9099"), ("66778001", "8100", "house", "8001"),
            ("031166778100", "9001", "desk", "8100"),
        ])
    func linesOfAnotherSite(dialled: String, from: String, level: String, rings: String) throws {
        let decision = try Self.plan().dialled(dialled, from: from, level: level)
        #expect(decision.outcome == .ring(extension: rings))
        #expect(decision.numberClass == "internal")
    }

    @Test func aLineOfAnotherSiteIsNoneInTheOwnArea() throws {
        let decision = try Self.plan().dialled("26778001", level: "city")
        #expect(decision.numberClass == "local" && decision.routes.count == 2)
        let stranger = try Self.plan().dialled("075526778100", level: "country")
        #expect(stranger.numberClass == "national")
    }

    @Test func aLineOfAnotherCountryIsInsideToo() throws {
        let abroad = Self.branch.replacing("country 86  area 0755", with: "country 49  area 030")
        let plan = try Self.plan("", abroad)
        #expect(
            plan.dialled("00493026778001", level: "house").outcome == .ring(extension: "9001"))
        #expect(
            plan.dialled("008631166778100", from: "9001", level: "desk").outcome
                == .ring(extension: "8100"))
    }

    @Test func aLineOfAnotherSiteRingsWhatThatSiteSays() throws {
        let plan = try Self.joined()
        func asked(_ caller: Caller, _ dialled: String, at hour: Int = 11) -> Decision {
            var query = Query(caller: caller, dialled: dialled, time: monday)
            query.time.minuteOfDay = hour * 60
            var west = query.time
            west.minuteOfDay -= 120
            query.timesElsewhere = ["Asia/Urumqi": west]
            return plan.decide(query)
        }
        let house = Caller.extension("8100", level: "house")
        guard case .ringGroup(let group) = asked(house, "075526771111").outcome else {
            Issue.record("\(asked(house, "075526771111"))")
            return
        }
        #expect(group.name == "front")
        // By the clock of its own site, for callers inside and on a trunk.
        for caller in [house, .trunk("pstn")] {
            #expect(asked(caller, "075526770000").outcome == .ring(extension: "9002"))
            #expect(asked(caller, "075526770000", at: 9).outcome == .ring(extension: "9003"))
        }
    }

    @Test func theDigitMapKnowsTheNumbersOfAllSites() throws {
        let map = try Self.plan().digitMap().text(.mgcp)
        #expect(map.contains("90xx"), "\(map)")
    }

    @Test func aCallAtAnotherSiteIsPickedUp() throws {
        guard case .feature(let call) = try Self.joined().dialled("*89001", level: "house").outcome
        else {
            Issue.record("no feature")
            return
        }
        #expect(call.feature == .pickupExtension && call.number == "9001")
        #expect(try Self.joined().dialled("*89011", level: "house").refusal == .group)
        #expect(try Self.joined().dialled("*89100", level: "house").refusal == .unknownNumber)
    }

    @Test func aCallByPINOfAnotherSiteIsMadeAsIfItWereDialledThere() throws {
        let plan = try Self.joined()
        func asked(_ dialled: String, from: String = "8100", _ pin: PINAnswer) -> Decision {
            var query = Query(
                caller: .extension(from, level: "house"), dialled: dialled, time: monday
            ) { number in
                var settings = ExtensionSettings(level: number.hasPrefix("9") ? "boss" : "house")
                settings.hasPIN = number != "9002"
                return settings
            }
            query.pin = pin
            query.time.minuteOfDay = 570
            return plan.decide(query)
        }
        let code = "*88*9001*1234*02088886666"
        #expect(plan.secrets(in: code, by: .extension("8100", level: "house")) == ["1234"])
        #expect(
            asked(code, .notAsked).outcome
                == .askPIN(
                    PINRequest(
                        extension: "9001", digits: "1234", reason: "feature call-by-pin")))
        let call = asked(code, .verified(extension: "9001"))
        #expect(call.routes.map(\.presented) == ["+8675526778001"])
        #expect(call.rights == "9001" && call.planVersion == plan.version)
        #expect(asked(code, .wrong(extension: "9001")).refusal == .pin)
        #expect(asked("*88*9002*1234*02088886666", .notAsked).refusal == .pin)
        // What is local there is local, and an extension is one wherever it is.
        let local = asked("*88*9001*1234*86035566", .verified(extension: "9001"))
        #expect(local.routes.first?.via == .line("26778001"))
        #expect(
            asked("*88*9001*1234*8200", .verified(extension: "9001")).outcome
                == .ring(extension: "8200"))
        #expect(asked("*88*9001*1234*110", .notAsked).emergencyRoutes != nil)
        // The other way about, by the level of the main site.
        let back = asked("*99*8100*1234*86035566", from: "9001", .verified(extension: "8100"))
        #expect(back.refusal == .level && back.rights == "8100")
    }

    @Test func emergencyCallsLeaveFromEverySite() throws {
        let ways = try Self.plan().dialled("110", from: "9000", level: "desk").emergencyRoutes
        #expect(ways?.first?.via == .line("26778000"))
    }

    @Test func thePlanTellsOfAllSites() throws {
        let plan = try Self.plan()
        #expect(plan.hasExtension("8100") && plan.hasExtension("9001"))
        #expect(plan.levels.contains("desk") && plan.levels.contains("world"))
        #expect(plan.line(of: "9001") == "26778001")
        #expect(plan.target(ofLine: "26778001") == "9001")
        #expect(plan.extensions.map(\.description) == ["8000-8799", "9000-9099"])
        #expect(plan.groups(of: "9001") == ["front"])
        #expect(plan.expectations.map(\.holds) == [true])
        let other = try Self.plan("", Self.branch.replacing("0755", with: "0756"))
        #expect(plan.version != other.version)
    }

    /// Urumqi lies two hours behind Shanghai.
    static let west =
        branch.replacing("Asia/Shanghai", with: "Asia/Urumqi") + """

            hours morning 09:00-10:00
            rule late { from 9001  to far  outside morning  refuse "mornings only" }
            line 26770000 rings 9002 during morning, 9003
            """

    @Test func everySiteDecidesByItsOwnClock() throws {
        let plan = try Self.plan(
            """
            hours eleven 11:00-12:00
            rule lunch { from 8100  to 9002  outside eleven  refuse }
            """, Self.west)
        #expect(plan.otherTimezones == ["Asia/Urumqi"])
        func asked(_ caller: Caller, _ dialled: String, at hour: Int) -> Decision {
            var query = Query(caller: caller, dialled: dialled, time: monday)
            query.time.minuteOfDay = hour * 60
            var west = query.time
            west.minuteOfDay -= 120
            query.timesElsewhere = ["Asia/Urumqi": west]
            return plan.decide(query)
        }
        let boss = Caller.extension("9001", level: "boss")
        #expect(asked(boss, "02088886666", at: 11).routes.count == 1)
        #expect(asked(boss, "02088886666", at: 9).refusal == .rule)
        // The caller's site looks at its own clock, whoever is called.
        let house = Caller.extension("8100", level: "house")
        #expect(asked(house, "9002", at: 11).outcome == .ring(extension: "9002"))
        #expect(asked(house, "9002", at: 9).refusal == .rule)
        // A line looks at the clock of its own site.
        let line = Caller.line("26770000")
        #expect(asked(line, "", at: 11).outcome == .ring(extension: "9002"))
        #expect(asked(line, "", at: 9).outcome == .ring(extension: "9003"))
    }

    @Test func aSiteWithoutATimeOfItsOwnHasThatOfTheMainSite() throws {
        let plan = try Self.plan("", Self.west)
        var query = Query(caller: .line("26770000"), dialled: "", time: monday)
        query.time.minuteOfDay = 9 * 60 + 30
        #expect(plan.decide(query).outcome == .ring(extension: "9002"))
    }

    @Test func expectLinesOfTheMainFileMayBeAboutEverySite() throws {
        #expect(throws: Never.self) {
            try Self.plan(
                """
                expect 8100 (house) dials 9000 -> rings 9000
                expect 9000 (desk) dials 8100 -> rings 8100
                expect 9000 dials 110 -> emergency
                """)
        }
        #expect(throws: Refused.self) {
            try Self.plan("expect 9000 (desk) dials 8100 -> rings 8101")
        }
    }

    @Test(
        "sites that get in each other's way are refused",
        arguments: [
            ("extensions 9000-9099", "extensions 8700-8799"),
            ("rings 9000-9099", "rings 9000-9098"), ("site branch", "site headquarters"),
            ("line 26778000-26778099", "line 66778000-66778099"),
            ("class far ", "include \"branch.dialplan\"\nclass far "),
            ("-> via line", "-> via pstn"),
        ])
    func clashes(old: String, new: String) {
        #expect(throws: Refused.self) {
            try Self.plan("", Self.branch.replacing(old, with: new))
        }
    }
}
