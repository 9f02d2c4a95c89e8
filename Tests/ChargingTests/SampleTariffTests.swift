import Charging
import Foundation
import Testing

/// `Dialplans/tariff.csv`: the price list of the reference site.
@Suite struct SampleTariffTests {
    private func sample() throws -> (text: String, tariff: Tariff) {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let file = folder.appending(path: "../../Dialplans/tariff.csv").standardized
        let text = try String(contentsOf: file, encoding: .utf8)
        let (tariff, diagnostics) = Tariff.parse(csv: text, file: "tariff.csv")
        #expect(diagnostics == [])
        return (text, try #require(tariff))
    }

    @Test(arguments: [
        ("86035566", "local", "0.22"), ("66778000", "local", "0.22"),
        ("82291234", "suburban", "0.30"), ("84911234", "suburban", "0.30"),
        ("13800138000", "mobile", "0.07"), ("02088886666", "national", "0.07"),
        ("0085212345678", "Hong Kong", "1.5"), ("0012125550100", "United States and Canada", "2.4"),
        ("0018765550100", "Jamaica", "4.6"), ("0081312345678", "Japan", "2.4"),
        ("00881612345678", "Global satellite", "45"), ("0099912345678", "international", "8"),
        ("12345", "service", "0.22"), ("95588", "service", "0.22"),
        ("114", "service", "0.22"), ("116114", "service", "0.22"), ("4006001234", "local", "0.22"),
        ("10086", "operator service", "0"),
    ])
    func theCallsOfTheSiteHaveTheirPrices(digits: String, name: String, firstStep: String) throws {
        let row = try #require(try sample().tariff.row(for: digits))
        #expect(row.name == name)
        #expect(Rating(row).price(milliseconds: 1000) == yuan(firstStep))
    }

    @Test func noNumberAbroadIsSoldAtTheNationalPrice() throws {
        let tariff = try sample().tariff
        for code in 0..<1000 {
            let digits = "00" + String(code + 1000).dropFirst() + "12345678"
            let row = try #require(tariff.row(for: digits))
            #expect(row.prefix.hasPrefix("00") && row.name != "national")
        }
    }

    @Test func theFileIsSortedAndWrittenAsTandemWritesIt() throws {
        let (text, tariff) = try sample()
        #expect(tariff.csv == text)
    }
}
