@testable import Dialplan
import TestSupport
import Testing

/// Each way around a plan, told with a number that shows it, and plans that leave none.
@Suite struct FraudTests {
    private static func remarks(
        _ text: String, _ context: PlanContext = context, included: [String: String] = [:]
    ) -> [Diagnostic] {
        let sources = PlanSources(
            main: SourceFile(path: "p.dialplan", text: text), included: { included[$0] })
        return Plan.compile(sources, context: context).diagnostics
    }

    private static func replaced(_ old: String, _ new: String) -> String {
        let parts = sample.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
        return parts.joined(separator: new)
    }

    @Test func theSampleLeavesNoWayAround() {
        #expect(Self.remarks(sample) == [])
    }

    @Test func carrierPrefixBeforeAnythingIsFound() throws {
        let plan = Self.replaced("    179XX.           -> drop 5\n", "")
        let open = plan.replacing("95XXX 96XXX", with: "95XXX 96XXX 179XX.")
        let remarks = Self.remarks(open)
        #expect(remarks.count == 3)
        for (remark, name) in zip(remarks, ["suburban", "national", "international"]) {
            #expect(remark.severity == .warning && remark.line == 10 && remark.column == 46)
            #expect(remark.message.contains("reaches class \"\(name)\""))
            #expect(remark.suggestion == "write in normalise: 179XX. -> drop 5")
        }
        #expect(
            remarks.last?.message
                == "level \"city\" reaches class \"international\", which it may not call: 8000 "
                + "dials 179000010000000, which goes out via line as 179000010000000 and is "
                + "0010000000 to the network; so does \"county\", \"country\"")
    }

    @Test func ownAreaCodeAroundABarIsFound() {
        let plan = Self.replaced("    0311[2-8]XXXXXXX -> drop 4\n", "")
            .replacing("level country  may county + national", with: "level far may house national")
            .replacing("may country", with: "may county + far")
        let remarks = Self.remarks(plan)
        #expect(remarks.contains { $0.message.contains("level \"far\" reaches class \"local\"") })
        #expect(remarks.contains { $0.message.contains("8000 dials 0311") })
    }

    @Test func ownCountryCodeIsFound() {
        let plan = Self.replaced("    0086[1-9].       -> drop 4 prefix 0\n", "")
            .replacing("00[1-9]XXXXXX.", with: "00[1-9]XXXXXX.")
            .replacing("level world    may country +", with: "level world may house +")
        let remarks = Self.remarks(plan)
        #expect(
            remarks.contains {
                $0.message.contains("level \"world\" reaches class \"national\"")
                    && $0.message.contains("dials 0086")
            })
    }

    @Test func zeroBeforeAMobileNumberIsFound() {
        let plan = Self.replaced("    01[3-9]XXXXXXXXX -> drop 1\n", "")
            .replacing(
                "level country  may county + national",
                with: "level country may house + suburban national")
        let remarks = Self.remarks(plan)
        #expect(
            remarks.contains {
                $0.message.contains("level \"country\" reaches class \"mobile\"")
                    && $0.message.contains("dials 013")
            })
    }

    @Test func aRouteThatDropsDigitsIsFound() {
        let plan =
            sample.replacing("10XXX", with: "10XXX *9.")
            .replacing("route service local", with: "route local")
            + "\nroute service via pstn  send drop 2"
        let remarks = Self.remarks(plan)
        #expect(
            remarks.contains {
                $0.message
                    == "level \"city\" reaches class \"international\", which it may not call: "
                    + "8000 dials *90010000000, which goes out via pstn as 0010000000"
            })
        #expect(remarks.allSatisfy { $0.severity == .warning })
    }

    @Test func aRuleThatASpellingGetsAroundIsFound() {
        let plan =
            Self.replaced("    179XX.           -> drop 5\n", "")
            .replacing("95XXX 96XXX", with: "95XXX 96XXX 179XX.")
            + "\nrule sea { from 8000-8009  to 00[1-9]X.  refuse }"
        let remarks = Self.remarks(plan)
        let remark = remarks.first { $0.message.hasPrefix("rule \"sea\"") }
        #expect(
            remark?.message
                == "rule \"sea\" does not see 00100 in every spelling: 8000 (city) dials "
                + "1790000100, which goes out via line as 1790000100 and is 00100 to the network")
        #expect(remark?.column == 6)
    }

    @Test func aPINRuleThatASpellingGetsAroundIsFound() {
        let plan =
            Self.replaced("    179XX.           -> drop 5\n", "")
            .replacing("95XXX 96XXX", with: "95XXX 96XXX 179XX.")
            + "\nrule front { from 8000-8009  to international  ask pin }"
        let remark = Self.remarks(plan).first { $0.message.hasPrefix("rule \"front\"") }
        #expect(
            remark?.message
                == "rule \"front\" does not see 0010000000 in every spelling: 8000 (world) dials "
                + "179000010000000, which goes out via line as 179000010000000 and is 0010000000 "
                + "to the network")
        #expect(Self.remarks(sample + "\nrule front { to international  ask pin }") == [])
    }

    @Test func aShortCodeGetsAroundNoLevel() {
        #expect(Self.remarks(sample + "\nshort *901 -> 0085221234567") == [])
    }

    @Test func aCallFromOutsideThatGoesOutAgainIsFound() {
        let remarks = Self.remarks(
            sample + """

                hours office mon-fri 08:00-18:00
                inbound ip-e1 4001234567  rings 8100 during office, 02088886666 as 8000
                line 66770000 rings 0085221234567 as 8001
                forward 8650 when unregistered to 13800138000 as 8002
                line 66770001 rings 8650
                """)
        #expect(
            remarks.map(\.message) == [
                "somebody outside who calls 4001234567 over trunk ip-e1 goes out again via ip-e1 "
                    + "to +862088886666, and 8000 pays",
                "somebody outside who calls 66770000 on line 66770000 goes out again via ip-e1 to "
                    + "+85221234567, and 8001 pays",
                "somebody outside who calls 66770001 on line 66770001 goes out again via ip-e1 to "
                    + "+8613800138000, and 8002 pays",
            ])
        #expect(remarks.allSatisfy { $0.severity == .warning && $0.line > 1 })
    }

    @Test func aPlanThatSendsALevelOnToWhereItMayNotCallIsFound() throws {
        let forward = "\nforward 8601 when busy to 13800138000 as 8700"
        let remarks = Self.remarks(
            Self.inside + "\nrule callers { from outside  refuse }" + forward)
        #expect(
            remarks.map(\.message) == [
                "level \"house\" reaches class \"mobile\", which it may not call: 8000 dials 8601, "
                    + "which is sent on via pstn to 13800138000, and 8700 pays"
            ])
        #expect(remarks.allSatisfy { $0.sourceLine.contains("forward 8601") })
        // Where somebody outside gets there too, that is what is told.
        let open = Self.remarks(Self.inside + forward).map(\.message)
        #expect(
            open == [
                "somebody outside who calls 8601 over trunk ip-e1 goes out again via pstn to "
                    + "13800138000, and 8700 pays"
            ])
        // A target that every level may call is none.
        #expect(Self.remarks(Self.inside + "\nforward 8601 when busy to 8600") == [])
    }

    @Test func aSiteThatSendsCallersOfAnotherOnToWhereTheyMayNotCallIsFound() {
        func found(_ branch: String, _ main: String = "") -> [Diagnostic] {
            Self.remarks(
                Self.inside + main + "\ninclude \"branch.dialplan\"",
                included: [
                    "branch.dialplan": """
                    site branch { country 86  area 0755  timezone Asia/Shanghai }
                    extensions 9000-9001
                    class mobile 1[3-9]XXXXXXXXX
                    class local [2-8]XXXXXXX
                    level desk may internal + local
                    level boss may desk + mobile
                    route local mobile via pstn
                    rule strangers { from outside  refuse }
                    """ + branch
                ])
        }
        let own = Set(found("").map(\.message))
        let forward = "\nforward 9001 when busy to 26778000 as 9000"
        // Everybody at the branch may call there, and nobody at the main site.
        let told = found(forward).filter { !own.contains($0.message) }
        #expect(
            told.map(\.message) == [
                "level \"house\" of site \"headquarters\" reaches 26778000, which it may not call: "
                    + "8000 dials 9001, which site \"branch\" sends on via pstn to 26778000, and "
                    + "9000 pays; so does \"world\""
            ])
        #expect(told.allSatisfy { $0.severity == .warning && $0.sourceLine.contains("include") })
    }

    private static let inside = """
        site headquarters { country 86  area 0311  timezone Asia/Shanghai }
        extensions 8000, 8600-8601, 8700
        normalise { 01[3-9]XXXXXXXXX -> drop 1, 179XX. -> drop 5, 0086[1-9]. -> drop 4 }
        class mobile  1[3-9]XXXXXXXXX
        level house  may internal
        level world  may house + mobile
        route mobile via pstn
        """

    @Test func howeverAUserForwardsItsLevelBoundsTheCall() throws {
        let plan = try compiled(sample)
        for level in plan.levels {
            for number in ["86035566", "13812345678", "02088886666", "0085221234567"] {
                var forwarding = ExtensionSettings(level: level)
                forwarding.forwardAlways = number
                let settings = forwarding
                let query = Query(
                    caller: .extension("8100", level: "world"), dialled: "8200", time: monday
                ) { $0 == "8200" ? settings : nil }
                let own = plan.dialled(number, from: "8200", level: level)
                let sent = plan.decide(query)
                #expect(own.routes.map(\.number) == sent.routes.map(\.number), "\(level) \(number)")
                #expect((own.refusal == nil) == (sent.refusal == nil))
            }
        }
    }

    @Test func aNumberSentAsDialledThatTheNetworkReadsOtherwiseIsFound() throws {
        let plan = """
            site headquarters { country 86  area 0311  timezone Asia/Shanghai }
            extensions 8000-8010
            normalise { 0085[2-8]XXXXXXX -> drop 4, 01[3-9]XXXXXXXXX -> drop 1, 179XX. -> drop 5
                0086[1-9]. -> drop 4 prefix 0, 00860. -> drop 4, 0311[2-8]XXXXXXX -> drop 4 }
            class local          [2-8]XXXXXXX
            class international  00[1-9]XXXXXX.
            level city   may internal + local
            level world  may city + international
            route local          via pstn  send as dialled
            route international  via pstn
            """
        let found = Self.remarks(plan).filter { $0.message.contains("reaches class") }
        #expect(found.count == 1)
        #expect(
            found.first?.message.hasPrefix(
                "level \"city\" reaches class \"international\", which it may not call: 8000 dials "
                    + "008520000000, which goes out via pstn as 008520000000") == true,
            "\(found.map(\.message))")
        let sentNormalised = plan.replacing("send as dialled", with: "send normalised")
        #expect(!Self.remarks(sentNormalised).contains { $0.message.contains("reaches class") })
    }

    @Test func whatTheAnalysisDoesNotLookAtIsSaid() {
        var plan = Self.inside.replacing("8600-8601, 8700", with: "9000-9899, 8700")
        for number in 0..<300 {
            plan += "\nforward \(9000 + 2 * number) when busy to 8700"
        }
        let remarks = Self.remarks(plan)
        #expect(
            remarks.map(\.message) == [
                "not every way around the plan was looked for: more than 256 extensions and lines "
                    + "send calls on"
            ])
    }

    @Test func aTrunkHandedOnToOneThatIsCalledOutOnIsFound() throws {
        let remarks = Self.remarks(sample + "\ninbound pstn  rings ip-e1")
        let remark = try #require(remarks.first)
        #expect(remarks.count == 1 && remark.severity == .warning && remark.line == 26)
        #expect(remark.message.hasPrefix("somebody outside who calls "))
        #expect(
            remark.message.contains("over trunk pstn goes out again via ip-e1")
                && remark.message.hasSuffix("and nobody here pays for it"))
        let some = Self.remarks(sample + "\ninbound pstn 00.  rings ip-e1")
        #expect(some.map(\.message).count == 1)
        // One number of our own, as for a voice mail that lies behind it.
        #expect(Self.remarks(sample + "\ninbound pstn 4001234567  rings ip-e1") == [])
    }

    @Test(arguments: ["to international", "to 00[1-9]X."])
    func aRuleThatARouteWithOtherDigitsGetsAroundIsFound(numbers: String) throws {
        let plan =
            sample.replacing("10XXX", with: "10XXX *9.")
            .replacing("route service local", with: "route local")
            .replacing("may country + international", with: "may country + service international")
            + "\nroute service via pstn  send drop 2\nrule sea { \(numbers)  ask pin }"
        let remark = try #require(
            Self.remarks(plan).first { $0.message.hasPrefix("rule \"sea\"") })
        #expect(remark.message.contains("dials *900"))
        #expect(remark.message.contains("which goes out via pstn as 00"))
        #expect(
            remark.suggestion
                == "write narrower patterns in class \"service\", or another form in its route")
    }

    @Test func aTrunkToAVoiceMailIsNoWayOut() {
        #expect(Self.remarks(sample + "\nforward 8100 when busy to pstn") == [])
    }

    @Test func rulesOfACleanPlanAreNotRemarked() {
        let plan =
            sample + """

                hours office mon-fri 08:00-18:00
                rule sea  { from 8000-8009  to international       outside office refuse }
                rule far  { to national 00[1-9]X. during office    limit 3m }
                rule kind { from level city to 1[3-9]XXXXXXXXX     limit 1h }
                """
        #expect(Self.remarks(plan) == [])
    }

    @Test func anExtensionWithoutAnyWayOutCannotCallForHelp() {
        let plan = """
            site small { country 86  area 0311  timezone Asia/Shanghai }
            extensions 800-809
            class local [2-8]XXXXXXX
            level city may internal local
            route local via line
            line 66778001-66778008 rings 801-808
            """
        let remarks = Self.remarks(plan, PlanContext(trunks: []))
        #expect(remarks.map(\.severity) == [.error, .error])
        #expect(
            remarks.first?.message
                == "800 cannot reach the emergency number 110: it has no line and there is no trunk"
        )
        #expect(remarks.last?.message.hasPrefix("809 cannot reach") == true)
    }

    @Test("every number that a remark gives is decided as the remark says", arguments: 0..<24)
    func numbersAreTrue(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        var lines = sample.split(separator: "\n").map(String.init)
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            lines.remove(at: Int.random(in: 3...8, using: &generator))
        }
        let services = ["179XX.", "0311XX.", "0086X.", "01XX.", "1!", "[0-1]X.", "0!", "*9!"]
        let more = services.randomElement(using: &generator)!
        let text = lines.joined(separator: "\n").replacing("10XXX", with: "10XXX \(more)")
        let (plan, diagnostics) = Plan.compile(
            PlanSources(main: SourceFile(path: "p", text: text)), context: context)
        guard let plan else { return }
        for remark in diagnostics {
            let words = remark.message.split(separator: " ").map {
                $0.trimming { "\",;:".contains($0) }
            }
            guard words[0] == "level", let dials = words.firstIndex(of: "dials") else { continue }
            let decision = plan.dialled(words[dials + 1], from: words[dials - 1], level: words[1])
            #expect(!decision.routes.isEmpty, "\(remark.message)")
            let sent = words[words.firstIndex(of: "as")! + 1]
            #expect(decision.routes.contains { $0.number == sent })
            let meant = words.lastIndex(of: "is").map { words[$0 + 1] } ?? sent
            let plain = plan.dialled(meant, from: words[dials - 1], level: words[1])
            #expect(plain.refusal == .level, "\(remark.message)")
            #expect(plain.numberClass == words[4])
        }
    }
}

extension String {
    fileprivate func replacing(_ old: String, with new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}

extension Substring {
    fileprivate func trimming(_ isLeftOut: (Character) -> Bool) -> String {
        var rest = self
        while let first = rest.first, isLeftOut(first) { rest.removeFirst() }
        while let last = rest.last, isLeftOut(last) { rest.removeLast() }
        return String(rest)
    }
}
