import Charging
import Foundation
import TestSupport
import Testing

@Suite struct AmountTests {
    @Test(arguments: [
        ("0", 0), ("0.22", 220_000), ("1", 1_000_000), ("-3", -3_000_000), ("+5.5", 5_500_000),
        ("0.000001", 1), ("-0.000001", -1), ("007", 7_000_000), ("1000.100000", 1_000_100_000),
        ("9223372036854.775807", Int64.max), ("-9223372036854.775807", -Int64.max),
    ])
    func decimalTextIsReadExactly(text: String, micros: Int64) {
        #expect(Amount(text)?.micros == micros)
    }

    @Test(arguments: [
        "", ".", "-", "+", ".5", "5.", "1..2", "1.2.3", "1,5", " 1", "1 ", "1e3", "0x1", "--1",
        "1-", "١", "１", "NaN",
    ])
    func whatIsNoDecimalIsMalformed(text: String) {
        #expect(throws: Amount.ParseError.malformed) { try Amount(parsing: text.utf8) }
        #expect(Amount(text) == nil)
    }

    @Test func aSeventhDecimalIsRefusedEvenWhenItIsZero() {
        #expect(throws: Amount.ParseError.tooPrecise) { try Amount(parsing: "0.0000001".utf8) }
        #expect(throws: Amount.ParseError.tooPrecise) { try Amount(parsing: "0.2200000".utf8) }
    }

    @Test(arguments: [
        "9223372036854.775808", "-9223372036854.775808", "9223372036855", "18446744073709.551616",
        "18446744073709551616", "100000000000000000000000000000000",
    ])
    func moreThanAnAmountHoldsIsTooLarge(text: String) {
        #expect(throws: Amount.ParseError.tooLarge) { try Amount(parsing: text.utf8) }
    }

    @Test(arguments: [
        (220_000, "0.220000", "0.22"), (-3_000_000, "-3.000000", "-3"), (0, "0.000000", "0"),
        (1, "0.000001", "0.000001"), (-1, "-0.000001", "-0.000001"),
        (1_000_010, "1.000010", "1.00001"),
        (Int64.max, "9223372036854.775807", "9223372036854.775807"),
        (Int64.min, "-9223372036854.775808", "-9223372036854.775808"),
    ])
    func theDescriptionHasSixDecimalsAndTheShortOneAsFewAsItCan(
        micros: Int64, long: String, short: String
    ) {
        #expect(Amount(micros: micros).description == long)
        #expect(Amount(micros: micros).shortDescription == short)
    }

    @Test func bothDescriptionsReadBackAsTheSameAmount() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            let shift = Int.random(in: 1...62, using: &generator)
            let amount = Amount(micros: Int64(bitPattern: generator.next()) >> shift)
            #expect(Amount(amount.description) == amount)
            #expect(Amount(amount.shortDescription) == amount)
        }
    }

    @Test func sumsAreExactWhereBinaryFractionsAreNot() {
        #expect(yuan("0.1") + yuan("0.2") == yuan("0.3"))
        #expect(yuan("0.07") * 3 == yuan("0.21"))
        #expect(yuan("1") - yuan("0.9") - yuan("0.1") == .zero)
        #expect(-yuan("0.07") < .zero)
    }

    @Test func jsonHoldsAmountsAsDecimalStrings() throws {
        let text = String(decoding: try JSONEncoder().encode([yuan("0.22")]), as: UTF8.self)
        #expect(text == #"["0.220000"]"#)
        #expect(try JSONDecoder().decode([Amount].self, from: Data(text.utf8)) == [yuan("0.22")])
    }

    @Test(arguments: ["[0.22]", #"["0.2200000"]"#, #"["money"]"#, "[null]"])
    func jsonOfAnythingElseIsNoAmount(json: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Amount].self, from: Data(json.utf8))
        }
    }

    @Test func anOverflowingSumTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = Amount(micros: .max) + Amount(micros: 1)
        }
    }
}
