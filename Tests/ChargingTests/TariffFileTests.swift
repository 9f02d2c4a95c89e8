import Charging
import Foundation
import TestSupport
import Testing

@Suite struct TariffFileTests {
    private static let header = "prefix,name,connect_fee,steps\n"

    private func messages(_ text: String) -> [String] {
        Tariff.parse(csv: text, file: "t.csv").diagnostics.map(\.description)
    }

    @Test func rowsAreReadAsTheyAreWritten() throws {
        let text =
            Self.header
            + "2,local,0,0.22/180 0.11/60\n00852,\"Hong Kong\",0.10,1.5/60\n10,free,0,\n"
        let tariff = try #require(Tariff.parse(csv: text, file: "t.csv").tariff)
        #expect(
            tariff.rows == [
                row("00852", "1.5/60", fee: "0.10", name: "Hong Kong"), row("10", "", name: "free"),
                row("2", "0.22/180 0.11/60", name: "local"),
            ])
    }

    @Test(arguments: [
        "\u{feff}prefix,name,connect_fee,steps\r\n1,a,0,1/60\r\n",
        "prefix,name,connect_fee,steps\n\n  \n1,a,0,1/60",
        " prefix , name,connect_fee,steps \n 1 , a , 0 ,  1/60  ",
        "\"prefix\",\"name\",\"connect_fee\",\"steps\"\n\"1\",\"a\",\"0\",\"1/60\"",
    ])
    func whatSpreadsheetsMakeOfAFileIsRead(text: String) {
        let (tariff, diagnostics) = Tariff.parse(csv: text, file: "t.csv")
        #expect(diagnostics == [])
        #expect(tariff?.rows == [row("1", "1/60", name: "a")])
    }

    @Test func quotedNamesMayHaveCommasAndQuotes() throws {
        let text = Self.header + "1,\"a, \"\"b\"\"\",0,1/60\n"
        let tariff = try #require(Tariff.parse(csv: text, file: "t.csv").tariff)
        #expect(tariff.rows[0].name == "a, \"b\"")
        #expect(tariff.csv == text)
    }

    @Test(arguments: [
        ("x1,a,0,1/60", "t.csv:2:1: error: a prefix is 1 to 15 of 0-9 * # +"),
        (",a,0,1/60", "t.csv:2:1: error: a prefix is 1 to 15 of 0-9 * # +"),
        ("1.23E+11,a,0,1/60", "t.csv:2:1: error: a prefix is 1 to 15 of 0-9 * # +"),
        ("1234567890123456,a,0,1/60", "t.csv:2:1: error: a prefix is 1 to 15 of 0-9 * # +"),
        ("1,,0,1/60", "t.csv:2:3: error: a name has 1 to 64 bytes"),
        ("1,a\u{7},0,1/60", "t.csv:2:3: error: a name has no control characters"),
        ("1,a,free,1/60", "t.csv:2:5: error: \"free\" is no price like 0.22"),
        ("1,a,,1/60", "t.csv:2:5: error: \"\" is no price like 0.22"),
        ("1,a,-1,1/60", "t.csv:2:5: error: a connect fee is 0 to 10000"),
        ("1,a,10000.000001,1/60", "t.csv:2:5: error: a connect fee is 0 to 10000"),
        ("1,a,99999999999999999999,1/60", "t.csv:2:5: error: a connect fee is 0 to 10000"),
        ("1,a,0.0000001,1/60", "t.csv:2:5: error: \"0.0000001\" has more than 6 decimals"),
        ("1,a,0,60", "t.csv:2:7: error: \"60\" is no step like 0.22/180"),
        ("1,a,0,1/60 0,5/60", "t.csv:2:14: error: a row has 4 fields, and this one 5"),
        ("1,a,0,1/60 x/60", "t.csv:2:12: error: \"x\" is no price like 0.22"),
        ("1,a,0,1/60 1/0", "t.csv:2:14: error: a step is 1 to 86400 seconds"),
        ("1,a,0,1/60 1/86401", "t.csv:2:14: error: a step is 1 to 86400 seconds"),
        ("1,a,0,1/", "t.csv:2:9: error: a step is 1 to 86400 seconds"),
        ("1,a,0,1/-60", "t.csv:2:9: error: a step is 1 to 86400 seconds"),
        ("1,a,0,1/6 0", "t.csv:2:11: error: \"0\" is no step like 0.22/180"),
        ("1,a,0,10001/6", "t.csv:2:7: error: a price is 0 to 10000"),
        (
            "1,a,0,1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1 1/1",
            "t.csv:2:7: error: a row has at most 16 steps"
        ),
        ("1,a,0", "t.csv:2:5: error: a row has 4 fields, and this one 3"),
        ("1,\"a,0,1/60", "t.csv:2:3: error: the quote is not closed on this line"),
        ("1,\"a\"b,0,1/60", "t.csv:2:6: error: a comma has to follow the closing quote"),
        ("1,长途电话,0,x/60", "t.csv:2:10: error: \"x\" is no price like 0.22"),
    ])
    func anErrorIsToldWithItsLineAndColumn(line: String, message: String) {
        #expect(messages(Self.header + line + "\n") == [message])
    }

    @Test func allErrorsAreToldAtOnceInTheOrderOfTheLines() {
        let text = Self.header + "1,a,0,1/60\nx,,-1,1/0 y\n1,b,0,2/60\n2,a,0,1/60\n1,c,0,3/60\n"
        #expect(
            messages(text) == [
                "t.csv:3:1: error: a prefix is 1 to 15 of 0-9 * # +",
                "t.csv:3:3: error: a name has 1 to 64 bytes",
                "t.csv:3:4: error: a connect fee is 0 to 10000",
                "t.csv:3:9: error: a step is 1 to 86400 seconds",
                "t.csv:3:11: error: \"y\" is no step like 0.22/180",
                "t.csv:4:1: error: prefix 1 has a row already, at line 2",
                "t.csv:6:1: error: prefix 1 has a row already, at line 2",
            ])
        #expect(Tariff.parse(csv: text, file: "t.csv").tariff == nil)
    }

    @Test(arguments: ["", "\n\n", "1,a,0,1/60\n2,a,0,1/60", "prefix,name,fee,steps\n1,a,0,1/60"])
    func withoutTheHeaderThereIsOneErrorAndNoTariff(text: String) {
        let (tariff, diagnostics) = Tariff.parse(csv: text, file: "t.csv")
        #expect(tariff == nil)
        #expect(diagnostics.count == 1)
    }

    @Test func aNameThatIsNotUTF8IsRefused() {
        let bytes =
            Array((Self.header + "1,").utf8) + [0xb1, 0xbe, 0xb5, 0xd8] + Array(",0,\n".utf8)
        let diagnostics = Tariff.parse(csv: bytes, file: "t.csv").diagnostics
        #expect(
            diagnostics.map(\.message) == ["the name is not UTF-8; save the file as UTF-8"])
    }

    @Test func aFileThatIsWrongOnEveryLineIsCutShortWithACount() {
        let text = Self.header + String(repeating: "x,a,0,1/60\n", count: 250)
        let diagnostics = Tariff.parse(csv: text, file: "t.csv").diagnostics
        #expect(diagnostics.count == Tariff.mostDiagnostics + 1)
        #expect(diagnostics.last?.message == "and 150 more errors")
    }

    @Test func whatIsWrittenIsReadAsTheSameTariff() throws {
        let rows = [
            row("00", "8/60", name: "international"), row("9", "", fee: "0.5", name: "a \"b\", c"),
            row("2", "0.22/180 0.11/60", name: "市话"),
        ]
        let tariff = try Tariff(rows: rows)
        #expect(Tariff.parse(csv: tariff.csv, file: "t.csv").tariff == tariff)
    }

    @Test func brokenFilesNeverTrap() throws {
        var generator = SeededGenerator(seed: 11)
        let sound = Array((Self.header + "1,\"a, \"\"b\"\"\",0.5,1/60 2/3\n2,b,0,\n").utf8)
        let odd = Array("\",\n\r /.-+0159x\u{7f}é".utf8)
        for _ in 0..<3000 {
            var bytes = sound
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: bytes.indices, using: &generator)
                switch generator.next() % 3 {
                case 0: bytes[index] = odd.randomElement(using: &generator)!
                case 1: bytes.insert(odd.randomElement(using: &generator)!, at: index)
                default: bytes.removeSubrange(index...)
                }
                if bytes.isEmpty { break }
            }
            let (tariff, diagnostics) = Tariff.parse(csv: bytes, file: "t.csv")
            #expect((tariff == nil) == !diagnostics.isEmpty)
        }
    }
}
