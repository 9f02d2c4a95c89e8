import Charging
import Testing

/// What is remarked on before a price list is put in force.
@Suite struct TariffReviewTests {
    private static let header = "prefix,name,connect_fee,steps\n"

    private func review(_ csv: String, against old: String? = nil) -> TariffReview {
        let current = old.flatMap { Tariff.parse(csv: Self.header + $0, file: "old.csv").tariff }
        let text = csv.contains("prefix,") ? csv : Self.header + csv
        return Tariff.review(csv: Array(text.utf8), file: "t.csv", against: current).review
    }

    private func findings(_ csv: String, against old: String? = nil) -> [String] {
        review(csv, against: old).findings.map(\.description)
    }

    @Test func aSoundListGetsNoRemark() {
        #expect(
            findings("0,national,0,0.07/6\n2,local,0,0.22/180 0.11/60\n20,near,0,0.3/60\n") == [])
    }

    @Test func everyKindOfSuspicionIsToldWithItsLine() {
        #expect(
            findings(
                "00852,Hong Kong,0,1.5/60\n02,national,0,0.07/6\n0208,national,0,0.07/6\n"
                    + "0209,national,0,0.08/6\n021,premium,0,7/6\n022,gift,0,\n") == [
                    "t.csv:2:1: warning: missing parent: no shorter prefix covers 00852, so "
                        + "other numbers that begin with 0085 have no price",
                    "t.csv:4:1: warning: overlapping: prefix 0208 lies inside 02 (line 3) and "
                        + "costs the same: it changes nothing",
                    "t.csv:5:1: warning: overlapping: prefix 0209 lies inside 02 (line 3), has "
                        + "its name and another price",
                    "t.csv:6:1: warning: suspicious jump: ten minutes to 021 cost 700, 100 "
                        + "times what 02 (line 3) costs, 7",
                    "t.csv:7:1: warning: suspicious jump: ten minutes to 022 cost 0, nothing "
                        + "of what 02 (line 3) costs, 7",
                ])
    }

    @Test func aPriceThatJumpsAgainstTheListInForceIsRemarkedOn() {
        #expect(
            findings("0,national,0,0.70/6\n", against: "0,national,0,0.07/6\n") == [
                "t.csv:2:1: warning: suspicious jump: ten minutes to 0 cost 70, 10 times what they "
                    + "cost now, 7"
            ])
        #expect(findings("0,national,0,0.08/6\n", against: "0,national,0,0.07/6\n") == [])
    }

    /// A point that slid by one digit makes exactly ten times the price.
    @Test func tenTimesIsAJumpAndNineTimesIsNone() {
        #expect(
            findings("02,national,0,0.07/6\n021,a,0,0.7/6\n022,b,0,0.007/6\n023,c,0,0.63/6\n") == [
                "t.csv:3:1: warning: suspicious jump: ten minutes to 021 cost 70, 10 times what 02 "
                    + "(line 2) costs, 7",
                "t.csv:4:1: warning: suspicious jump: ten minutes to 022 cost 0.7, one part in 10 of "
                    + "what 02 (line 2) costs, 7",
            ])
    }

    private static let night =
        "band,night,daily 21:00-07:00\nprefix,name,connect_fee,steps,band\n"

    @Test func aJumpInABandIsRemarkedOnAtTheLineOfTheBand() throws {
        let csv = Self.night + "02,national,0,0.07/6,\n03,b,0,1/60,\n02,national,0,7/6,night\n"
        #expect(
            findings(csv) == [
                "t.csv:5:1: warning: suspicious jump: ten minutes to 02 in band night cost 700, 100 "
                    + "times what they cost at other hours, 7"
            ])
        // A free night is no mistake, and a night of the list in force is compared with that night.
        #expect(findings(Self.night + "02,a,0,0.07/6,\n02,a,0,,night\n") == [])
        let old = Self.night + "02,a,0,0.07/6,\n02,a,0,0.01/6,night\n"
        let current = try #require(Tariff.parse(csv: old, file: "old.csv").tariff)
        let new = Self.night + "02,a,0,0.07/6,\n02,a,0,0.04/6,night\n"
        #expect(
            Tariff.review(csv: Array(new.utf8), file: "t.csv", against: current).review.findings
                .map(\.description) == [
                    "t.csv:4:1: warning: suspicious jump: ten minutes to 02 in band night cost 4, 4 "
                        + "times what they cost now, 1"
                ])
    }

    @Test func aStepThatIsManyTimesTheOneBeforeIsRemarkedOn() {
        #expect(
            findings("02,national,0,0.07/6 7/60\n") == [
                "t.csv:2:1: warning: suspicious jump: a second of step 7/60 of 02 costs 10 times one "
                    + "of the step before, 0.07/6"
            ])
        // A dear first step is how many lists write a connect fee; a free one is free seconds.
        #expect(findings("02,national,0,1/1 0.05/60\n03,b,0,0/30 1/6\n") == [])
    }

    /// Hundreds of harmless remarks must not hide the one that costs money.
    @Test func aThousandRemarksOfOneKindHideNoneOfAnother() throws {
        let orphans = (0..<1000).map { "\(9_000_000 + $0 * 10),a,0,1/60\n" }.joined()
        let csv = orphans + "0,b,0,1/60\n00,c,0,100/60\n"
        let told = findings(csv)
        #expect(told.count == 102)
        #expect(told.filter { $0.contains("missing parent: ") }.count == 100)
        #expect(
            told.contains { $0.hasPrefix("t.csv:1003:1: warning: suspicious jump: ten minutes") })
        #expect(
            told.last
                == "t.csv:1003:1: warning: and 900 more of \"missing parent\"; --all tells them")
        let all = Tariff.review(
            csv: Array((Self.header + csv).utf8), file: "t.csv", against: nil, telling: .all)
        #expect(all.review.findings.count == 1001)
        #expect(all.review.findings.filter { $0.message.contains("more of") } == [])
    }

    @Test func aListWithoutARowIsNone() {
        let (tariff, review) = Tariff.review(
            csv: Array((Self.header + "\n").utf8), file: "t.csv", against: nil)
        #expect(tariff == nil && review.hasErrors)
        #expect(
            review.findings.map(\.description) == [
                "t.csv:2:1: error: there is no row behind the header, so no number would have a "
                    + "price; \"tandem tariff remove\" takes a price list out"
            ])
    }

    @Test func anotherCurrencyThanBeforeIsRemarkedOn() {
        #expect(
            findings("\ncurrency,USD\n" + Self.header + "0,a,0,1/60\n", against: "0,a,0,1/60\n")
                == [
                    "t.csv:2:1: warning: another currency: prices in USD take the place of prices in the "
                        + "site's currency; an account pays for calls in its own currency alone"
                ])
    }

    @Test func duplicatesAreErrorsAndStopTheImport() {
        let review = review("1,a,0,1/60\n1,b,0,2/60\n")
        #expect(review.hasErrors)
        #expect(
            review.findings.map(\.description)
                == ["t.csv:3:1: error: prefix 1 has a row already, at line 2"])
    }

    @Test func bandsThatHoldAtTheSameHoursAreRemarkedOnOnce() {
        let csv = """
            band,night,daily 21:00-07:00
            band,weekend,sat sun 00:00-24:00
            prefix,name,connect_fee,steps,band
            1,a,0,1/60,
            1,a,0,0.5/60,night
            1,a,0,0.4/60,weekend
            2,b,0,1/60,
            2,b,0,0.5/60,night
            2,b,0,0.4/60,weekend
            """
        #expect(
            findings(csv) == [
                "t.csv:4:1: warning: overlapping: bands night and weekend hold at the same hours; "
                    + "night goes first, as it stands first"
            ])
    }

    @Test(arguments: [
        (
            "band,Night,daily 21:00-07:00",
            "t.csv:1:12: error: a band's name is 1 to 32 of a-z 0-9 -, a letter first"
        ),
        (
            "band,night,weekdays 21:00-07:00",
            "t.csv:1:12: error: \"weekdays\" is no day: mon to sun, mon-fri, holiday or daily"
        ),
        (
            "band,night,daily 25:00-07:00",
            "t.csv:1:12: error: \"daily 25:00-07:00\" is no hours like mon-fri 21:00-07:00"
        ),
        ("band,night", "t.csv:1:6: error: band night has no hours"),
        (
            "holiday,2026-02-30",
            "t.csv:1:9: error: \"2026-02-30\" is no date like 2026-10-01, nor dates like 2026-10-01..2026-10-07"
        ),
        ("currency,yuan", "t.csv:1:10: error: there is one currency, three letters like CNY"),
    ])
    func whatIsWrongBeforeTheHeaderIsToldWithItsPlace(line: String, message: String) {
        #expect(findings(line + "\n" + Self.header + "1,a,0,1/60\n") == [message])
    }

    @Test(arguments: [
        ("1,a,0,1/60,day,,,", "t.csv:3:12: error: there is no band \"day\"; there are night"),
        ("1,a,0,1/60,,x,,", "t.csv:3:13: error: free seconds are 0 to 86400"),
        ("1,a,0,1/60,,,-1,", "t.csv:3:14: error: a minimum charge is 0 to 10000"),
        (
            "1,a,0,1/60,,,,cent",
            "t.csv:3:15: error: \"cent\" is no rounding: up/0.01, down/0.01, half-up/0.01, "
                + "half-even/0.01 or exact"
        ),
        (
            "1,a,0,1/60,night,5,,",
            "t.csv:3:12: error: free seconds, minimum and rounding stand in the row without a band"
        ),
        (
            "1,a,0,1/60,night,,,",
            "t.csv:3:1: error: prefix 1 has no row without a band, so it has no price at other "
                + "hours"
        ),
    ])
    func whatIsWrongInTheColumnsBehindTheFourIsTold(line: String, message: String) {
        let head =
            "band,night,daily 21:00-07:00\n"
            + "prefix,name,connect_fee,steps,band,free_seconds,minimum,rounding\n"
        #expect(findings(head + line + "\n") == [message])
    }

    @Test func theDifferenceNamesWhatIsNewGoneAndChanged() {
        let review = review(
            "1,a,0,1/60\n3,c,0,2/60\n4,d,0,1/60\n",
            against: "1,a,0,1/60\n2,b,0,1/60\n3,c,0,1/60\n")
        #expect((review.added, review.removed, review.changed) == (1, 1, 1))
        #expect(review.differences.map(\.prefix) == ["2", "3", "4"])
        #expect(review.differences[0].new == nil && review.differences[2].old == nil)
        #expect(review.differences[1].new?.steps == row("3", "2/60").steps)
        #expect(self.review("1,a,0,1/60\n", against: "1,a,0,1/60\n").isUnchanged)
    }

    @Test func aTariffWithEverythingIsReadAsItIsWritten() throws {
        let tariff = try TimeBandTests.tariff()
        let again = try #require(Tariff.parse(csv: tariff.csv, file: "again.csv").tariff)
        #expect(again == tariff && again.csv == tariff.csv)
        #expect(tariff.row(for: "021")?.inBands.map(\.band) == ["night", "rest"])
        #expect(try Tariff(rows: tariff.rows, calendar: tariff.calendar) == tariff)
    }

    // MARK: Several lists

    private func deck(
        _ price: String, plan: String = "standard", via: String? = nil, from: Int64 = 0
    ) throws -> TariffDeck {
        TariffDeck(
            id: from + 1, plan: plan, via: via, validFrom: from,
            tariff: try Tariff(rows: [row("0", "\(price)/60")]))
    }

    @Test func theDeckThatBeganLastIsInForceAndAWayOutHasItsOwn() throws {
        let book = TariffBook(decks: [
            try deck("2", from: 100), try deck("1"), try deck("3", via: "line"),
            try deck("4", plan: "gold"),
        ])
        func price(_ plan: String, _ via: String?, _ at: Int64) -> Amount? {
            book.price(of: "02", plan: plan, via: via, at: at).map {
                Rating($0.row).price(milliseconds: 1)
            }
        }
        #expect(price("standard", nil, 99) == yuan("1"))
        #expect(price("standard", nil, 100) == yuan("2"))
        #expect(price("standard", "line", 100) == yuan("3"))
        #expect(price("standard", "ip-e1", 100) == yuan("2"))
        #expect(price("gold", "line", 100) == yuan("4"))
        #expect(price("silver", nil, 100) == nil)
        #expect(book.outdated(at: 99) == [] && book.outdated(at: 100) == [1])
        #expect(book.plans == ["gold", "standard"] && book.count == 4)
        #expect(book.price(of: "1", plan: "standard", via: "line", at: 0) == nil)
    }

    @Test func aDeckTakesThePlaceOfOneWithTheSameBeginning() throws {
        var book = TariffBook(decks: [try deck("1"), try deck("2", from: 100)])
        var other = try deck("5")
        other.id = 9
        book.put(other)
        #expect(book.count == 2 && book.deck(plan: "standard", at: 50)?.id == 9)
        #expect(book.remove(id: 9)?.id == 9 && book.remove(id: 9) == nil)
        #expect(book.deck(plan: "standard", at: 50) == nil)
    }
}
