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

    @Test func withoutATariffAPriceIsNotCheckedAndThatIsSaid() throws {
        let line = "expect 8100 (country) dials 020888866667 -> costs up to 0"
        let found = try remarks(line, tariff: nil)
        #expect(found.map(\.severity) == [.warning])
        #expect(found.first?.message == "there is no tariff to check the price by")
    }
}
