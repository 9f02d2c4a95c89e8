import Charging
import Testing

@Suite struct RoundingTests {
    private static func rounding(_ text: String) -> Rounding {
        guard let rounding = Rounding(text) else { preconditionFailure("\(text) is no rounding") }
        return rounding
    }

    @Test(arguments: [
        ("exact", "0.123456", "0.123456"), ("up/0.01", "0.12", "0.12"),
        ("up/0.01", "0.120001", "0.13"), ("down/0.01", "0.129999", "0.12"),
        ("half-up/0.01", "0.125", "0.13"), ("half-up/0.01", "0.124999", "0.12"),
        ("half-even/0.01", "0.125", "0.12"), ("half-even/0.01", "0.135", "0.14"),
        ("half-even/0.01", "0.125001", "0.13"), ("up/1", "0.000001", "1"), ("up/0.05", "0", "0"),
        ("half-up/0.000003", "0.000004", "0.000003"),
        ("half-up/0.000003", "0.000005", "0.000006"),
    ])
    func aSumIsRoundedByItsName(rounding: String, sum: String, rounded: String) {
        #expect(Self.rounding(rounding).rounded(yuan(sum)) == yuan(rounded))
    }

    @Test(arguments: [
        "", "up", "up/", "up/0", "up/-1", "up/101", "sideways/1", "up/1/1", "exact/1", "UP/1",
    ])
    func whatIsNoRoundingIsRefused(text: String) {
        #expect(Rounding(text) == nil)
    }

    @Test(arguments: ["exact", "up/0.01", "down/0.5", "half-up/0.0001", "half-even/100"])
    func aRoundingIsReadAsItIsWritten(text: String) {
        #expect(Rounding(text)?.text == text)
    }

    /// Money of some amount pays for a sum exactly when the rounded sum is not above it.
    @Test func whatMoneyCoversAndWhatIsChargedAgree() throws {
        for text in ["up/0.000007", "down/0.000007", "half-up/0.000007", "half-even/0.000008"] {
            let row = TariffRow(
                prefix: "1", name: "n", connectFee: .zero,
                steps: [.init(seconds: 1, price: Amount(micros: 1))],
                rounding: Self.rounding(text))
            let rating = Rating(row)
            for micros in 0..<200 as Range<Int64> {
                let money = Amount(micros: micros)
                let covered = try #require(rating.steps(coveredBy: money))
                #expect(rating.cost(ofSteps: covered) <= money, "\(text) \(micros)")
                #expect(rating.cost(ofSteps: covered + 1) > money, "\(text) \(micros)")
            }
        }
    }
}
