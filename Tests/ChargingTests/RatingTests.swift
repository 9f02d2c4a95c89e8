import Charging
import TestSupport
import Testing

@Suite struct RatingTests {
    /// Local as in the city: the first three minutes, then every minute.
    private static let local = Rating(row("2", "0.22/180 0.11/60"))
    private static let national = Rating(row("0", "0.07/6"))
    private static let withFee = Rating(row("9", "0.30/60", fee: "0.50"))
    private static let feeOnly = Rating(row("9", "", fee: "0.50"))
    private static let free = Rating(row("9", ""))
    private static let flat = Rating(row("9", "1/60 0/60"))
    private static let three = Rating(row("9", "0.30/30 0.20/10 0.01/1", fee: "0.05"))

    @Test(arguments: [
        (0, 1, "0.22"), (1, 1, "0.22"), (179_999, 1, "0.22"), (180_000, 1, "0.22"),
        (180_001, 2, "0.33"), (239_999, 2, "0.33"), (240_000, 2, "0.33"), (240_001, 3, "0.44"),
        (3_600_000, 58, "6.49"), (3_600_001, 59, "6.60"),
    ])
    func aBegunStepIsPaidWhole(milliseconds: Int64, steps: Int, price: String) {
        #expect(Self.local.begunSteps(milliseconds: milliseconds) == steps)
        #expect(Self.local.price(milliseconds: milliseconds) == yuan(price))
    }

    @Test(arguments: [
        (0, "0.35"), (30_000, "0.35"), (30_001, "0.55"), (40_000, "0.55"), (40_001, "0.56"),
        (41_000, "0.56"), (41_001, "0.57"), (100_000, "1.15"),
    ])
    func everyStepOfARowIsTakenInOrderAndTheLastRepeats(milliseconds: Int64, price: String) {
        #expect(Self.three.price(milliseconds: milliseconds) == yuan(price))
    }

    @Test func anAnswerCostsTheConnectFeeAndTheFirstStep() {
        #expect(Self.withFee.price(milliseconds: 0) == yuan("0.80"))
        #expect(Self.withFee.cost(ofSteps: 0) == .zero)
    }

    @Test func withoutStepsTheTimeIsFreeAndHasNoEnd() {
        #expect(Self.feeOnly.price(milliseconds: 86_400_000) == yuan("0.50"))
        #expect(Self.feeOnly.milliseconds(ofSteps: 1) == Rating.unlimited)
        #expect(Self.feeOnly.prepaidMilliseconds(for: yuan("0.499999")) == 0)
        #expect(Self.feeOnly.prepaidMilliseconds(for: yuan("0.50")) == Rating.unlimited)
        #expect(Self.free.price(milliseconds: 1) == .zero)
        #expect(Self.free.prepaidMilliseconds(for: .zero) == Rating.unlimited)
    }

    @Test func aLastStepForNothingNeverEndsOnceItsForerunnersArePaid() {
        #expect(Self.flat.prepaidMilliseconds(for: yuan("0.99")) == 0)
        #expect(Self.flat.prepaidMilliseconds(for: yuan("1")) == Rating.unlimited)
        #expect(Self.flat.price(milliseconds: 600_000) == yuan("1"))
    }

    @Test(arguments: [
        ("0", 0), ("0.219999", 0), ("0.22", 180_000), ("0.329999", 180_000), ("0.33", 240_000),
        ("6.49", 3_600_000), ("-1", 0),
    ])
    func moneyLastsForWholeStepsOnly(amount: String, milliseconds: Int64) {
        #expect(Self.local.prepaidMilliseconds(for: yuan(amount)) == milliseconds)
    }

    @Test func moneyForLongerThanCanBeCountedIsUnlimited() {
        let cheap = Rating(row("1", "0.000001/86400"))
        #expect(cheap.prepaidMilliseconds(for: Ledger.largestBalance) == Rating.unlimited)
        #expect(cheap.milliseconds(ofSteps: Int.max) == Rating.unlimited)
    }

    @Test func theDearestRowStaysInsideAnAmountForTwentyYears() {
        let dearest = Rating(row("1", "10000/1", fee: "10000"))
        let years: Int64 = 20 * 366 * 86_400_000
        #expect(dearest.price(milliseconds: years) == yuan("10000") * Int(years / 1000 + 1))
    }

    /// The switch relies on all of this: it holds the cost of n steps and cuts at their end.
    @Test func stepsCostsAndTimesAgreeWithEachOther() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            let steps = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                TariffRow.Step(
                    seconds: Int.random(in: 1...200, using: &generator),
                    price: Amount(micros: Int64.random(in: 1...500_000, using: &generator)))
            }
            let fee = Amount(micros: Int64.random(in: 0...300_000, using: &generator))
            let rating = Rating(
                TariffRow(prefix: "1", name: "n", connectFee: fee, steps: steps))
            for count in 1...12 {
                let end = rating.milliseconds(ofSteps: count)
                #expect(rating.begunSteps(milliseconds: end) == count)
                #expect(rating.begunSteps(milliseconds: end + 1) == count + 1)
                #expect(rating.price(milliseconds: end) == rating.cost(ofSteps: count))
                let cost = rating.cost(ofSteps: count)
                #expect(rating.steps(coveredBy: cost) == count)
                #expect(rating.steps(coveredBy: cost - Amount(micros: 1)) == count - 1)
                #expect(rating.prepaidMilliseconds(for: cost) == end)
                let receipt = rating.receipt(ofSteps: count)
                #expect(receipt.reduce(.zero) { $0 + $1.sum } == cost)
                #expect(
                    receipt.reduce(0) { $0 + $1.count * ($1.seconds ?? 0) } * 1000 == Int(end))
            }
        }
    }

    /// Second by second, with no division: what the formulas must come to.
    @Test func thePriceIsWhatAMeterWouldCount() {
        for rating in [Self.local, Self.national, Self.withFee, Self.three] {
            var metered = rating.row.connectFee
            var steps = 0
            var paidUntil: Int64 = 0
            for milliseconds in stride(from: Int64(0), through: 700_000, by: 250) {
                while steps == 0 || milliseconds > paidUntil {
                    let step = rating.row.steps[min(steps, rating.row.steps.count - 1)]
                    metered += step.price
                    paidUntil += Int64(step.seconds) * 1000
                    steps += 1
                }
                #expect(rating.price(milliseconds: milliseconds) == metered)
            }
        }
    }

    @Test func theReceiptSaysWhatEachPartCost() {
        let lines = Self.withFee.receipt(ofSteps: 3).map(\.description)
        #expect(lines == ["connect fee 0.500000", "3 x 60 s at 0.300000 = 0.900000"])
        #expect(
            Self.local.receipt(ofSteps: 3).map(\.description) == [
                "1 x 180 s at 0.220000 = 0.220000", "2 x 60 s at 0.110000 = 0.220000",
            ])
        #expect(Self.local.receipt(ofSteps: 0) == [])
        #expect(Self.free.receipt(ofSteps: 1) == [])
    }

    @Test func aNegativeLengthTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = Rating(row("2", "0.22/180")).price(milliseconds: -1)
        }
    }
}
