import Testing

@testable import Control

@Suite struct ListingTests {
    private let clock = SiteClock(identifier: "UTC")
    private var sample: Listing {
        var listing = Listing(
            [
                .init("name", "name"), .init("count", "count"), .init("hidden", nil),
                .init("steps", nil, isDetail: true),
            ], nothing: "no rows")
        listing.append([.text("a"), .number(5), .text("x"), .texts(["1", "2"])])
        listing.append([.text("總機"), .number(1000), .absent, .list([])])
        return listing
    }

    @Test func aTableAlignsNumbersRightAndCountsWideCharactersTwice() {
        #expect(
            sample.table(clock) == """
                name  count
                a         5
                總機   1000

                """)
    }

    @Test func anObjectInAnObjectIsShortInATableAndWholeOnACard() {
        var listing = Listing([.init("signals", "signals")], nothing: "")
        let down = Cell.object([
            .init("state", .text("down")), .init("since", .time(0)), .init("reason", .absent),
        ])
        listing.append([.object([.init("options", down), .init("calls", down)])])
        #expect(listing.table(clock) == "signals\noptions down, calls down\n")
        let whole = "down since 1970-01-01 00:00:00"
        #expect(listing.card(clock) == "signals  options \(whole), calls \(whole)\n")
        #expect(listing.jsonLines.contains("\"options\":{\"state\":\"down\""))
    }

    @Test func anEmptyTableSaysSo() {
        #expect(Listing([.init("a", "a")], nothing: "no calls").table(clock) == "no calls\n")
    }

    @Test func jsonIsOneObjectARowWithEveryColumn() {
        #expect(
            sample.jsonLines == """
                {"name":"a","count":5,"hidden":"x","steps":["1","2"]}
                {"name":"總機","count":1000,"hidden":null,"steps":[]}

                """)
    }

    @Test func csvLeavesDetailsOut() {
        #expect(sample.csv() == "name,count,hidden\na,5,x\n總機,1000,\n")
        #expect(sample.csv(hasHeader: false).hasPrefix("a,5,x\n"))
    }

    @Test(arguments: [
        ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("a\nb", "\"a\nb\""), ("=1+1", "'=1+1"),
        ("@sum", "'@sum"), ("+cmd|x", "'+cmd|x"), ("+8631166778100", "+8631166778100"),
        ("-3.5", "-3.5"), ("plain", "plain"),
        // One `Character` each with what follows.
        ("a,\u{301}b", "\"a,\u{301}b\""), ("a\"\u{301}b", "\"a\"\"\u{301}b\""),
        ("a\r\nb", "\"a\r\nb\""), ("=\u{301}cmd()", "'=\u{301}cmd()"),
    ])
    func csvFieldsAreQuotedAndNeverFormulas(text: String, field: String) {
        var listing = Listing([.init("a", "a")], nothing: "")
        listing.append([.text(text)])
        #expect(listing.csv(hasHeader: false) == field + "\n")
    }

    @Test func aCardLeavesOutWhatIsAbsentAndPutsTheCurrencyBehindItsSum() {
        var listing = Listing(
            [.init("a", "long title"), .init("b", "b"), .init("c", "c"), .init("d", "")],
            nothing: "")
        listing.append([.flag(true), .absent, .number(3), .text("CNY")])
        #expect(listing.card(clock) == "long title  yes\nc           3 CNY\n")
    }
}
