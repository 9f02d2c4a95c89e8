import Control
import Dialplan
import Testing

@testable import Runtime

@Suite struct PlanPricesTests {
    static let tariff = """
        prefix,name,connect_fee,steps
        02,national,0.1,0.3/60

        """

    private func remarks(_ expectation: String, tariff: String?) throws -> [Diagnostic] {
        let site = try Site(tariff: tariff)
        try site.write("site.dialplan", Site.dialplan + expectation + "\n")
        return ConfigurationLoader.check(path: site.configuration)
    }

    @Test(
        "an expect line knows what a call costs",
        arguments: [
            ("-> costs up to 0.40", true), ("-> costs up to 0.39", false),
            ("-> costs up to 1.00 for 3m", true), ("-> costs up to 0.99 for 3m", false),
            ("with balance 0.40 -> via ip-e1", true),
            ("with balance 0.39 -> via ip-e1", false),
            ("with balance 0.39 -> refused by balance", true),
        ])
    func prices(line: String, holds: Bool) throws {
        let found = try remarks(
            "expect 8100 (country) dials 020888866667 \(line)", tariff: Self.tariff)
        #expect(found.contains { $0.severity == .error } == !holds)
    }

    @Test func aNumberWithoutPriceCostsMoreThanAnything() throws {
        let line = "expect 8100 (country) dials 0108888666666 -> costs up to 99"
        #expect(try remarks(line, tariff: Self.tariff).contains { $0.severity == .error })
    }

    @Test func storedPriceListsGoBeforeTheFileAndEachWayHasItsOwn() throws {
        let site = try Site(tariff: Self.tariff)
        func importTariff(_ steps: String, via: String? = nil) throws {
            try site.write("site.dialplan", Site.dialplan)
            let offline = try OfflineSwitch(try ConfigurationLoader.load(path: site.configuration))
            defer { offline.close() }
            let head = "band,rest,sun 00:00-24:00\nprefix,name,connect_fee,steps,band\n"
            let csv = head + "02,national,0,\(steps)/60,\n02,national,0,0.01/60,rest\n"
            _ = offline.perform(
                .tariffImported(TariffImport(csv: csv, file: "new.csv", via: via)))
        }
        func holds(_ line: String) throws -> Bool {
            try site.write(
                "site.dialplan",
                Site.dialplan + "expect 8100 (country) dials 020888866667 \(line)\n")
            return !ConfigurationLoader.check(path: site.configuration).contains {
                $0.severity == .error
            }
        }
        try importTariff("0.5")
        #expect(try holds("-> costs up to 0.50"))
        #expect(try !holds("-> costs up to 0.49"))
        #expect(try holds("at \"sun 10:00\" -> costs up to 0.01"))
        try importTariff("0.2", via: "ip-e1")
        #expect(try holds("-> via ip-e1 costs up to 0.20"))
    }

    @Test func withoutATariffAPriceIsNotCheckedAndThatIsSaid() throws {
        let line = "expect 8100 (country) dials 020888866667 -> costs up to 0"
        let found = try remarks(line, tariff: nil)
        #expect(found.map(\.severity) == [.warning])
        #expect(found.first?.message == "there is no tariff to check the price by")
    }
}
