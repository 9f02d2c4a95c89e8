import Charging
import TestSupport
import Testing

@Suite struct TariffTests {
    @Test(arguments: [
        ("86035566", "8"), ("82291234", "8229"), ("82281234", "8"), ("8229", "8229"),
        ("822", "8"), ("02088886666", "02"), ("0085212345678", "00852"), ("0085112345678", "00"),
        ("00", "00"), ("0", nil), ("12345", nil), ("", nil), ("8a", "8"), ("a8", nil),
        ("*8", "*"), ("+8613800138000", "+86"), ("+1", nil),
    ])
    func theLongestPrefixWins(digits: String, prefix: String?) throws {
        let tariff = try Tariff(
            rows: ["8", "8229", "02", "00", "00852", "*", "+86"].map { row($0) })
        #expect(tariff.row(for: digits)?.prefix == prefix)
    }

    @Test func theParentOfANeighbourIsFoundThroughSeveralLevels() throws {
        let tariff = try Tariff(rows: ["1", "12", "123", "1234", "12345", "2"].map { row($0) })
        #expect(tariff.row(for: "12349")?.prefix == "1234")
        #expect(tariff.row(for: "1239")?.prefix == "123")
        #expect(tariff.row(for: "129")?.prefix == "12")
        #expect(tariff.row(for: "19")?.prefix == "1")
        #expect(tariff.row(for: "3") == nil)
    }

    @Test func rowsComeBackWholeAndSortedByPrefix() throws {
        let rows = [
            row("2", "0.22/180 0.11/60", name: "local"), row("00", "", fee: "1", name: "free"),
            row("010", "0.07/6"),
        ]
        let tariff = try Tariff(rows: rows)
        #expect(tariff.rows == [rows[1], rows[2], rows[0]])
        #expect(tariff.count == 3)
        #expect(tariff.row(for: "23456789") == rows[0])
    }

    @Test func numbersLongerThanAnyPrefixAreLookedUpByTheirBeginning() throws {
        let tariff = try Tariff(rows: [row("123456789012345"), row("12345678901234")])
        #expect(tariff.row(for: "12345678901234567890")?.prefix == "123456789012345")
        #expect(tariff.row(for: "12345678901234967890")?.prefix == "12345678901234")
    }

    @Test func anEmptyTariffSellsNothing() {
        #expect(Tariff().isEmpty)
        #expect(Tariff().row(for: "86035566") == nil)
    }

    @Test(arguments: [
        (row(""), TariffError.Reason.invalidPrefix),
        (row("12a"), .invalidPrefix),
        (row("1234567890123456"), .invalidPrefix),
        (row("1", name: ""), .invalidName),
        (row("1", name: String(repeating: "长", count: 22)), .invalidName),
        (row("1", fee: "-0.01"), .connectFeeOutOfRange),
        (row("1", fee: "10000.000001"), .connectFeeOutOfRange),
        (row("1", "-0.01/60"), .priceOutOfRange),
        (row("1", "0.1/60 10000.000001/60"), .priceOutOfRange),
        (row("1", "0.1/0"), .stepOutOfRange),
        (row("1", "0.1/86401"), .stepOutOfRange),
        (row("1", String(repeating: "0.1/60 ", count: 17)), .tooManySteps),
    ])
    func aRowOutsideTheLimitsIsRefusedWithItsPlace(bad: TariffRow, reason: TariffError.Reason) {
        #expect(throws: TariffError(reason: reason, row: 1, prefix: bad.prefix)) {
            try Tariff(rows: [row("99"), bad])
        }
    }

    @Test func rowsAtTheLimitsAreTaken() throws {
        let rows = [
            row("123456789012345", name: String(repeating: "n", count: 64)),
            row("2", "10000/86400", fee: "10000"),
            row("3", String(repeating: "0.1/1 ", count: 16)),
        ]
        #expect(try Tariff(rows: rows).rows == rows)
    }

    @Test func theSecondRowOfAPrefixIsRefused() {
        #expect(throws: TariffError(reason: .duplicatePrefix, row: 2, prefix: "12")) {
            try Tariff(rows: [row("12"), row("1"), row("12"), row("12")])
        }
    }

    @Test func tariffsWithTheSameRowsAreEqualWhateverTheirOrder() throws {
        let rows = [row("1"), row("2", "1/60"), row("3")]
        #expect(try Tariff(rows: rows) == Tariff(rows: rows.reversed()))
        #expect(try Tariff(rows: rows) != Tariff(rows: Array(rows.dropLast())))
        #expect(try Tariff(rows: [row("1")]) != Tariff(rows: [row("1", "1/60")]))
    }

    /// Against a table of all prefixes that is asked from the longest to the shortest.
    @Test func aMillionPrefixesGiveWhatANaiveLookUpGives() throws {
        var generator = SeededGenerator(seed: 4)
        // A number is the digits behind a leading 1, so that 07 and 7 differ.
        var naive: Set<UInt64> = []
        naive.reserveCapacity(1_000_000)
        while naive.count < 1_000_000 {
            // Of 1 to 9 digits, half of them in a crowded corner: many are prefixes of others.
            let power = [10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]
                .randomElement(using: &generator)!
            let corner = generator.next() & 1 == 0 ? power : power / 10 + 1
            naive.insert(UInt64(power) + generator.next() % UInt64(corner))
        }
        var csv = Array("prefix,name,connect_fee,steps\n".utf8)
        csv.reserveCapacity(24_000_000)
        for number in naive {
            csv += String(number).utf8.dropFirst()
            csv += number % 2 == 0 ? ",even,0,0.02/6\n".utf8 : ",odd,0,0.01/6\n".utf8
        }
        let (parsed, diagnostics) = Tariff.parse(csv: csv, file: "million.csv")
        #expect(diagnostics == [])
        let tariff = try #require(parsed)
        #expect(tariff.count == 1_000_000)

        var differences = 0
        for _ in 0..<20_000 {
            let number = 1_000_000_000_000 + generator.next() % 1_000_000_000_000
            var rest = number
            while rest > 1, !naive.contains(rest) { rest /= 10 }
            let found = tariff.row(for: String(String(number).dropFirst()))
            let expected = rest > 1 ? String(String(rest).dropFirst()) : nil
            let name = rest % 2 == 0 ? "even" : "odd"
            if found?.prefix != expected || (found != nil && found?.name != name) {
                differences += 1
            }
        }
        #expect(differences == 0)
    }
}
