import Testing

@testable import Control

@Suite struct CellTests {
    @Test func jsonKeepsTheOrderOfTheFields() {
        let cell = Cell.object([
            .init("b", .number(1)), .init("a", .list([.flag(true), .absent, .text("x")])),
        ])
        #expect(cell.json == #"{"b":1,"a":[true,null,"x"]}"#)
    }

    @Test func jsonStringsEscapeWhatWouldEndALineOrAString() {
        #expect(Cell.text("a\"b\\c\nd\r\t\u{1}\u{2028}é").json == #""a\"b\\c\nd\r\t\u0001\u2028é""#)
        // The terminal's guard would put U+FFFD in the place of a character that is not escaped.
        #expect(Cell.text("\u{9b}2J\u{202e}").json == #""\u009b2J\u202e""#)
    }

    @Test func jsonTimesAreRFC3339() {
        #expect(Cell.time(1_795_331_045_123_456).json == "\"2026-11-22T07:04:05.123456Z\"")
    }

    @Test func aTableShowsNoControlCharacterOfAPhone() {
        let clock = SiteClock(identifier: "UTC")
        #expect(Cell.text("a\u{1b}[31mb").shown(clock) == "a\u{fffd}[31mb")
    }
}
