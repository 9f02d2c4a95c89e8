import Charging
import Switching
import Testing

@testable import Store

@Suite struct TariffStoreTests {
    private func rows(_ count: Int, name: String) -> [TariffRow] {
        (0..<count).map { index in
            TariffRow(
                prefix: String(index + 100_000), name: name, connectFee: Amount(micros: 5),
                steps: [
                    TariffRow.Step(seconds: 180, price: Amount(micros: 220_000)),
                    TariffRow.Step(seconds: 60, price: Amount(micros: Int64(index))),
                ])
        }
    }

    @Test func aTariffIsReplacedAsAWholeAndSurvivesReopening() throws {
        let folder = TemporaryFolder()
        do {
            let bench = try Bench(folder)
            #expect(try bench.state().tariff.count == 0)
            try bench.store.replace(rows(12_000, name: "old"))
            #expect(try bench.state().tariff.count == 12_000)
            try bench.store.replace(rows(7, name: "new"))
            #expect(try bench.store.texts("SELECT count(*) FROM tariff") == ["7"])
            bench.store.close()
        }
        let bench = try Bench(folder)
        let tariff = try bench.state().tariff
        #expect(tariff.count == 7)
        #expect(tariff.row(for: "1000039999") == rows(7, name: "new")[3])
        try bench.store.replace([])
        #expect(try bench.state().tariff.count == 0)
        bench.store.close()
    }

    @Test func anImportThatDidNotEndLeavesTheOldTariff() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.store.replace(rows(3, name: "old"))
        // What a crash leaves in the middle of the next import.
        try bench.store.execute(
            "INSERT INTO tariff SELECT deck + 1, prefix, 'half', 0, '[]', '' FROM tariff LIMIT 2")
        let crashed = try folder.copy()
        bench.store.close()
        let recovered = try Bench(crashed)
        #expect(try recovered.state().tariff.row(for: "100001")?.name == "old")
        #expect(try recovered.store.texts("SELECT count(*) FROM tariff") == ["3"])
        recovered.store.close()
    }

    @Test func aFailedImportLeavesTheOldTariffAndTheNextOneWorks() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.store.replace(rows(3, name: "old"))
        let doubled = rows(2, name: "new") + rows(1, name: "again")
        #expect(throws: Store.Failure.self) { try bench.store.replace(doubled) }
        #expect(try bench.state().tariff.row(for: "100001")?.name == "old")
        try bench.store.replace(rows(2, name: "new"))
        #expect(try bench.state().tariff.row(for: "100001")?.name == "new")
        bench.store.close()
    }
}
