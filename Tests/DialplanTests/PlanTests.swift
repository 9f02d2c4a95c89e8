import Dialplan
import Testing

@Suite struct PlanTests {
    @Test func theVersionStandsForTheTextAndItsFiles() throws {
        let text = sample + "\nclass extra from \"more.numbers\"\nlevel all may extra"
        let one = try compiled(text, included: ["more.numbers": "9XX"])
        let same = try compiled(text, included: ["more.numbers": "9XX"])
        let other = try compiled(text, included: ["more.numbers": "9XX "])
        #expect(one.version == same.version)
        #expect(one.version != other.version)
        #expect(one.version.count == 16)
    }

    @Test func aPlanTellsWhatItHolds() throws {
        let plan = try compiled(sample)
        #expect(
            plan.site
                == Plan.Site(
                    name: "headquarters", country: "86", area: "0311", timezone: "Asia/Shanghai"))
        #expect(plan.levels == ["house", "city", "county", "country", "world"])
        #expect(
            plan.classes == [
                "service", "local", "suburban", "mobile", "national", "international",
            ])
        #expect(plan.extensions.map(\.description) == ["8000-8799"])
        #expect(plan.lines.map(\.lines.description) == ["66778000-66778699"])
        #expect(plan.lines.map(\.extensions.description) == ["8000-8699"])
    }

    @Test func expectLinesAreSummarised() throws {
        let text =
            sample + """

                expect 8100 dials 8200 -> rings 8200
                expect 8100 (city) dials 86035566 -> via pstn
                expect 8100 (house) dials 86035566 -> refused by level
                """
        let (expectations, diagnostics) = Plan.test(
            PlanSources(main: SourceFile(path: "t.dialplan", text: text)), context: context)
        #expect(expectations.map(\.holds) == [true, false, true])
        #expect(expectations.map(\.place.line) == [26, 27, 28])
        #expect(expectations[1].text == "expect 8100 (city) dials 86035566 -> via pstn")
        #expect(expectations[1].decided == "via line presents 66778100 sends 86035566")
        #expect(diagnostics.filter { $0.severity == .error }.count == 1)
    }

    @Test func anExpectLineWithoutLevelHoldsAtEveryLevel() throws {
        #expect(throws: Refused.self) {
            try compiled(sample + "\nexpect 8100 dials 86035566 -> via line")
        }
        #expect(throws: Never.self) {
            try compiled(sample + "\nexpect 8100 dials 110 -> emergency")
        }
    }

    @Test func tooManyRemarksAreCounted() {
        let text = sample + String(repeating: "\nnonsense", count: 300)
        let (_, diagnostics) = Plan.compile(
            PlanSources(main: SourceFile(path: "t", text: text)), context: context)
        #expect(diagnostics.count == 201)
        #expect(diagnostics.last?.message == "and 100 more from here on")
    }

    @Test func noWarningHidesAnError() {
        let classes = (100..<400).map { "class c\($0) 2\($0)XXXX" }.joined(separator: "\n")
        let text = sample + "\n\(classes)\nexpect 8100 (city) dials 110 -> refused"
        let (plan, diagnostics) = Plan.compile(
            PlanSources(main: SourceFile(path: "t", text: text)), context: context)
        #expect(plan == nil && diagnostics.count == 201)
        let errors = diagnostics.filter { $0.severity == .error }
        #expect(errors.count == 1)
        #expect(errors.first?.message.hasPrefix("decided otherwise: emergency") == true)
    }

    @Test func aTimeZoneThatTheMachineDoesNotKnowIsShownWhereItStands() throws {
        let (_, diagnostics) = Plan.compile(
            PlanSources(
                main: SourceFile(
                    path: "t",
                    text: sample.replacing("Asia/Shanghai", with: "Asia/Shangha")
                        + "\nlevel q may hous")),
            context: PlanContext(
                trunks: context.trunks, knowsTimezone: { $0 == "Asia/Shanghai" }))
        #expect(
            diagnostics.filter { $0.severity == .error }.map(\.message) == [
                "this machine knows no time zone \"Asia/Shangha\"",
                "there is no class or level \"hous\"",
            ])
        #expect(diagnostics.first?.line == 1 && diagnostics.first?.length == 12)
    }

    @Test func aFileThatCannotBeReadIsNotCalledMissing() {
        let sources = PlanSources(
            main: SourceFile(path: "t", text: sample + "\nclass far from \"far.numbers\""),
            included: { _ in nil },
            unreadable: { _ in "far.numbers:2: far.numbers is not UTF-8" })
        let (_, diagnostics) = Plan.compile(sources, context: context)
        #expect(
            diagnostics.contains {
                $0.message
                    == "\"far.numbers\" cannot be used: far.numbers:2: far.numbers is not UTF-8"
            })
    }

    @Test func gapsBehindAWholeNumberAreListed() throws {
        let plan = try compiled(sample + "\nshort 9 -> 8100")
        #expect(plan.gaps().map(\.pattern).contains("9[0-47-9]"))
    }

    @Test func expectLinesFollowTheOrderByCost() throws {
        let text =
            sample + "\nclass cheap 0[1-9]99XXXX.\nlevel dear may cheap\n"
            + "route cheap via ip-e1, pstn by cost\n"
        func errors(_ line: String) -> Int {
            let prices = ["ip-e1": Int64(9), "pstn": 1]
            let (_, diagnostics) = Plan.compile(
                PlanSources(main: SourceFile(path: "t", text: text + line)),
                context: PlanContext(
                    trunks: context.trunks,
                    cost: { _, via, _ in
                        if case .trunk(let name) = via { return prices[name] }
                        return nil
                    }))
            return diagnostics.count { $0.severity == .error }
        }
        #expect(errors("expect 8100 (dear) dials 029912345 -> via pstn then ip-e1") == 0)
        #expect(errors("expect 8100 (dear) dials 029912345 -> via ip-e1") == 1)
    }

    @Test func pricesOfExpectLinesAreThoseOfTheWayAndTheHour() throws {
        let text =
            sample + "\nexpect 8100 (country) dials 02088886666 at \"sun 10:00\" "
            + "-> costs up to 0.000003 for 2m"
        let asked = PlanContext(
            trunks: context.trunks,
            prices: {
                { number, way, time, milliseconds in
                    number == "02088886666" && way == "ip-e1" && time.weekday == .sunday
                        && milliseconds == 120_000 ? 3 : 4
                }
            })
        let (plan, _) = Plan.compile(
            PlanSources(main: SourceFile(path: "t", text: text)), context: asked)
        #expect(plan != nil)
    }

    /// Price lists are imported without the plan, and a switch has to start with both.
    @Test func pricesThatHaveChangedAreAWarningWhereTheyDoNotBind() throws {
        let sources = PlanSources(
            main: SourceFile(
                path: "t",
                text: sample + "\nexpect 8100 (country) dials 02088886666 -> costs up to 0.000003"))
        var asked = PlanContext(trunks: context.trunks, prices: { { _, _, _, _ in 4 } })
        #expect(Plan.compile(sources, context: asked).0 == nil)
        asked.arePricesBinding = false
        let (plan, diagnostics) = Plan.compile(sources, context: asked)
        #expect(plan != nil)
        let told = try #require(diagnostics.first { $0.message.hasPrefix("decided otherwise") })
        #expect(told.severity == .warning && told.suggestion?.contains("prices") == true)
        // What is not about prices is an error all the same.
        let wrong = PlanSources(
            main: SourceFile(
                path: "t", text: sample + "\nexpect 8100 (country) dials 02088886666 -> emergency"))
        #expect(Plan.compile(wrong, context: asked).0 == nil)
    }

    @Test func aFileBeyondTheLimitIsRefused() {
        let text = String(repeating: " ", count: PlanLimits.fileBytes + 1)
        let (plan, diagnostics) = Plan.compile(
            PlanSources(main: SourceFile(path: "t", text: text)), context: context)
        #expect(plan == nil)
        #expect(diagnostics.count == 1)
    }

    @Test func aDiagnosticIsRenderedWithACaretUnderWideLetters() {
        let diagnostic = Diagnostic(
            severity: .error, file: "a", line: 3, column: 4, length: 2, message: "no",
            suggestion: "yes", sourceLine: "\t国内外x")
        #expect(diagnostic.rendered == "a:3:4: error: no\n  \t国内外x\n  \t    ^~~\n  help: yes")
    }

    @Test func rangesOfNumbersCountAndCompare() throws {
        let range = try #require(NumberRange(first: "0080", last: "0119"))
        #expect(range.count == 40)
        #expect(range[0] == "0080")
        #expect(range[39] == "0119")
        #expect(range.offset(of: "0100") == 20)
        #expect(range.offset(of: "100") == nil)
        #expect(NumberRange(first: "9", last: "10") == nil)
        #expect(NumberRange(first: "9", last: "1") == nil)
        #expect(NumberRange(first: "", last: "") == nil)
        #expect(NumberRange(first: "1a", last: "2a") == nil)
    }
}
