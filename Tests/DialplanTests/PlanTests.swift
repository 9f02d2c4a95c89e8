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
