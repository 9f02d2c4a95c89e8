import Charging
import TestSupport
import Testing

/// Prices that change with the hour. 2026-11-25 is a Wednesday.
@Suite struct TimeBandTests {
    static let shanghai = UTCOffset(seconds: 28_800)

    /// Microseconds since 1970 of a time in a zone.
    static func time(_ day: String, _ clock: String, _ offset: Int = 28_800) -> Int64 {
        let parts = clock.split(separator: ":").compactMap { Int64($0) }
        guard let day = CivilDay(day), parts.count == 3 else {
            preconditionFailure("\(day) \(clock) is no time")
        }
        let local = Int64(day.number) * 86_400 + parts[0] * 3600 + parts[1] * 60 + parts[2]
        return (local - Int64(offset)) * 1_000_000
    }

    static let file = """
        holiday,2026-10-01..2026-10-07
        holiday,2027-01-01
        band,night,mon-sun 21:00-07:00
        band,rest,sat sun holiday 00:00-24:00
        prefix,name,connect_fee,steps,band,free_seconds,minimum,rounding
        02,national,0.10,0.60/60,,,,
        02,national,0.05,0.20/60,night,,,
        02,national,0,0.30/60,rest,,,
        03,flat,0,0.60/60,,,,
        03,flat,0,,night,,,
        04,stepped,0,1/180 0.50/60,,,,
        04,stepped,0,0.01/1,night,,,
        05,free,0.10,0.60/60,,10,0.75,up/0.1
        """

    static func tariff() throws -> Tariff {
        let (tariff, diagnostics) = Tariff.parse(csv: file, file: "t.csv")
        #expect(diagnostics == [])
        return try #require(tariff)
    }

    static func rating(_ number: String, at time: Int64, _ offset: UTCOffset = shanghai) throws
        -> Rating
    {
        let tariff = try tariff()
        let row = try #require(tariff.row(for: number))
        return Rating(row, calendar: tariff.calendar, from: time, offset: offset)
    }

    @Test(arguments: [
        ("2026-11-25", "12:00:00", "0.70"), ("2026-11-25", "20:59:59", "0.70"),
        ("2026-11-25", "21:00:00", "0.25"), ("2026-11-26", "06:59:59", "0.25"),
        ("2026-11-26", "07:00:00", "0.70"),
        // Saturday: the night stands first in the file and goes first.
        ("2026-11-28", "12:00:00", "0.30"), ("2026-11-28", "22:00:00", "0.25"),
        // A holiday on a Thursday is no weekday: the night before it still reaches into it.
        ("2026-10-01", "03:00:00", "0.25"), ("2026-10-01", "12:00:00", "0.30"),
        // The evening of a holiday is no mon-sun.
        ("2026-10-01", "22:00:00", "0.30"), ("2026-10-08", "03:00:00", "0.70"),
        ("2027-01-01", "12:00:00", "0.30"),
    ])
    func theFirstMinuteCostsWhatItsHourCosts(day: String, clock: String, price: String) throws {
        let rating = try Self.rating("021", at: Self.time(day, clock))
        #expect(rating.price(milliseconds: 60_000) == yuan(price))
    }

    @Test func aCallThatCrossesABandChangesItsPriceAtTheEndOfItsStep() throws {
        // 2 min 30 s before the night begins: three steps begin before it.
        let rating = try Self.rating("021", at: Self.time("2026-11-25", "20:57:30"))
        #expect(rating.price(milliseconds: 180_000) == yuan("1.90"))
        #expect(rating.price(milliseconds: 180_001) == yuan("2.10"))
        #expect(
            rating.receipt(ofSteps: 5).map(\.description) == [
                "connect fee 0.100000", "3 x 60 s at 0.600000 = 1.800000",
                "2 x 60 s at 0.200000 = 0.400000, night",
            ])
        // A whole night, and back into the day.
        let night = try Self.rating("021", at: Self.time("2026-11-25", "21:00:00"))
        #expect(night.price(milliseconds: 600 * 60_000) == yuan("0.05") + yuan("0.20") * 600)
        #expect(
            night.price(milliseconds: 601 * 60_000)
                == yuan("0.05") + yuan("0.20") * 600 + yuan("0.60"))
    }

    @Test func aStepTakesItsPlaceInThePricesThatAreInForce() throws {
        // The fourth step begins at night, whose prices have one step: seconds.
        let rating = try Self.rating("041", at: Self.time("2026-11-25", "20:55:00"))
        #expect(rating.price(milliseconds: 300_000) == yuan("2"))
        #expect(rating.price(milliseconds: 300_001) == yuan("2.01"))
        #expect(rating.price(milliseconds: 310_000) == yuan("2.10"))
        // And the other way: the night's seconds have used up the first step of the day.
        let morning = try Self.rating("041", at: Self.time("2026-11-26", "06:59:58"))
        #expect(morning.price(milliseconds: 2_000) == yuan("0.02"))
        #expect(morning.price(milliseconds: 2_001) == yuan("0.52"))
    }

    @Test func aBandWithoutStepsIsFreeWhileItLasts() throws {
        let rating = try Self.rating("031", at: Self.time("2026-11-26", "06:58:30"))
        #expect(rating.price(milliseconds: 120_000) == .zero)
        #expect(rating.price(milliseconds: 120_001) == yuan("0.60"))
        #expect(rating.prepaidMilliseconds(for: yuan("0.59")) == 120_000)
        #expect(rating.prepaidMilliseconds(for: yuan("0.60")) == 180_000)
    }

    @Test(arguments: [
        // The steps begin after ten seconds; from there on the minimum holds, rounded up.
        (0, "0.1"), (10_000, "0.1"), (10_001, "0.8"), (70_000, "0.8"), (70_001, "1.3"),
        (130_001, "1.9"),
    ])
    func freeSecondsMinimumAndRoundingAddUp(milliseconds: Int64, price: String) throws {
        let rating = try Self.rating("051", at: 0)
        #expect(rating.price(milliseconds: milliseconds) == yuan(price))
        let receipt = rating.receipt(ofSteps: rating.begunSteps(milliseconds: milliseconds))
        #expect(receipt.reduce(.zero) { $0 + $1.sum } == yuan(price))
    }

    @Test func theReceiptNamesEveryPart() throws {
        let rating = try Self.rating("051", at: 0)
        #expect(
            rating.receipt(ofSteps: 2).map(\.description) == [
                "connect fee 0.100000", "first 10 s free", "1 x 60 s at 0.600000 = 0.600000",
                "to the minimum charge 0.050000", "rounding 0.050000",
            ])
    }

    @Test func clocksThatAreSetInSpringAreFollowed() throws {
        // Berlin, 2026-03-29: at 02:00 the clock shows 03:00, so the night is an hour shorter.
        let change = UTCOffset.Change(from: 1_774_746_000, seconds: 7200)
        let berlin = UTCOffset(seconds: 3600, changes: [change])
        let rating = try Self.rating("021", at: Self.time("2026-03-30", "06:59:00", 7200), berlin)
        #expect(rating.price(milliseconds: 60_001) == yuan("0.85"))
        // A Sunday all day long, told by two offsets: 23 hours and then Monday's night.
        let sunday = try Self.rating("031", at: Self.time("2026-03-29", "00:00:00", 3600), berlin)
        let steps = sunday.begunSteps(milliseconds: 23 * 3_600_000)
        #expect(steps == 23 * 60)
    }

    /// Casablanca goes back by an hour for Ramadan and forward after it: two changes in 35 days.
    @Test func aCallOverTwoChangesOfOffsetFollowsBoth() throws {
        let (back, forward): (Int64, Int64) = (1_771_120_800, 1_774_144_800)
        let casablanca = UTCOffset(
            seconds: 3600,
            changes: [
                UTCOffset.Change(from: back, seconds: 0),
                UTCOffset.Change(from: forward, seconds: 3600),
            ])
        let start = back - 86_400
        let rating = try Self.rating("031", at: start * 1_000_000, casablanca)
        var expected = Amount.zero
        for minute in Int64(0)..<(38 * 1440) {
            let second = start + minute * 60
            let local = second + (second < back || second >= forward ? 3600 : 0)
            let hour = local % 86_400 / 3600
            if hour >= 7, hour < 21 { expected += yuan("0.60") }
            if minute % 331 == 0 {
                #expect(rating.price(milliseconds: minute * 60_000 + 1) == expected)
            }
        }
        #expect(rating.price(milliseconds: 38 * 86_400_000) == expected)
        // The record's basis computes to the same.
        let basis = rating.basis(plan: "standard", via: nil, currency: "CNY")
        #expect(basis.offset.changes.count == 2)
        #expect(try Rating(basis).price(milliseconds: 38 * 86_400_000) == expected)
    }

    @Test func aCallKeepsOfAZoneWhatCanMatterToIt() {
        let year: Int64 = 366 * 86_400
        let zone = UTCOffset(
            seconds: 1,
            changes: [(0, 2), (100, 3), (50 + year, 4), (51 + year, 5)].map {
                UTCOffset.Change(from: $0, seconds: $1)
            })
        #expect(
            [-1, 0, 99, 100, 50 + year, .max].map { zone.seconds(at: $0) } == [1, 2, 2, 3, 4, 5])
        let call = zone.ofCall(from: 50)
        #expect(call.seconds == 2 && call.changes.map(\.seconds) == [3, 4])
        let many = UTCOffset(
            seconds: 0, changes: (1...20).map { UTCOffset.Change(from: $0, seconds: 1) })
        #expect(many.ofCall(from: 0).changes.count == UTCOffset.mostChangesOfCall)
    }

    /// Against a meter that looks at the clock for every step and divides nothing.
    @Test func thePriceIsWhatAMeterWouldCount() throws {
        var generator = SeededGenerator(seed: 12)
        let tariff = try Self.tariff()
        for _ in 0..<300 {
            let number = ["021", "031", "041"].randomElement(using: &generator)!
            let start =
                Self.time("2026-09-28", "00:00:00")
                + Int64.random(in: 0..<(14 * 86_400_000), using: &generator) * 1000
            let row = try #require(tariff.row(for: number))
            let rating = Rating(
                row, calendar: tariff.calendar, from: start, offset: Self.shanghai)
            var cost = Self.prices(row, tariff, at: start).fee
            var end = start
            for count in 1...400 {
                let steps = Self.prices(row, tariff, at: end).steps
                let step =
                    steps.isEmpty
                    ? TariffRow.Step(seconds: 60, price: .zero)
                    : steps[min(count, steps.count) - 1]
                cost += step.price
                end += Int64(step.seconds) * 1_000_000
                let length = end / 1000 - start / 1000
                guard count % 7 == 0 else { continue }
                #expect(rating.cost(ofSteps: count) == cost)
                #expect(rating.milliseconds(ofSteps: count) == length)
                #expect(rating.begunSteps(milliseconds: length) == count)
                let covered = rating.steps(coveredBy: cost) ?? .max
                #expect(covered >= count && rating.cost(ofSteps: covered) == cost)
                let receipt = rating.receipt(ofSteps: count)
                #expect(receipt.reduce(.zero) { $0 + $1.sum } == cost)
                #expect(receipt.reduce(0) { $0 + ($1.kind == .step ? $1.count : 0) } == count)
            }
        }
    }

    /// The bands of `file`, told from the clock by hand.
    private static func prices(
        _ row: TariffRow, _ tariff: Tariff, at microseconds: Int64
    ) -> (fee: Amount, steps: [TariffRow.Step]) {
        // The bands are cut at whole minutes, and no step begins between them by less than a second.
        let local = microseconds / 1_000_000 + 28_800
        let day = CivilDay(localSeconds: local)
        let minute = Int(local - Int64(day.number) * 86_400) / 60
        func isHoliday(_ day: CivilDay) -> Bool { tariff.calendar.holidays.contains(day) }
        let before = CivilDay(number: day.number - 1)
        let isNight =
            minute >= 1260 && !isHoliday(day) || minute < 420 && !isHoliday(before)
        let isRest = isHoliday(day) || day.weekday >= 5
        for (name, holds) in [("night", isNight), ("rest", isRest)] where holds {
            if let band = row.inBands.first(where: { $0.band == name }) {
                return (band.connectFee, band.steps)
            }
        }
        return (row.connectFee, row.steps)
    }

    @Test func theDearestHourWhileItRingsIsWhatIsHeld() throws {
        let rating = try Self.rating("021", at: Self.time("2026-11-26", "06:59:30"))
        #expect(rating.cost(ofSteps: 1) == yuan("0.25"))
        #expect(rating.dearestFirstStep(answeredWithin: 29_000) == yuan("0.25"))
        #expect(rating.dearestFirstStep(answeredWithin: 60_000) == yuan("0.70"))
        #expect(
            rating.begun(later: 30_000).price(milliseconds: 1) == yuan("0.70"))
    }

    @Test func theBasisOfAPriceGivesThePriceAgain() throws {
        for (number, clock) in [("021", "20:57:30"), ("031", "06:58:30"), ("051", "12:00:00")] {
            let rating = try Self.rating(number, at: Self.time("2026-11-25", clock))
            let basis = rating.basis(plan: "standard", via: "line", currency: "CNY")
            let again = try Rating(basis)
            for milliseconds in stride(from: Int64(0), through: 1_000_000, by: 61_003) {
                let steps = rating.begunSteps(milliseconds: milliseconds)
                #expect(again.receipt(ofSteps: steps) == rating.receipt(ofSteps: steps))
                #expect(
                    again.price(milliseconds: milliseconds)
                        == rating.price(milliseconds: milliseconds))
            }
        }
        let plain = Rating(row("9", "0.22/180 0.11/60", fee: "0.5", name: "a, \"b\""))
        let basis = plain.basis(plan: "standard", via: nil, currency: "CNY")
        let file = try Tariff(rows: [plain.row]).csv
        #expect(basis.tariff == file)
        #expect(try Rating(basis) == plain)
        let broken = PriceBasis(plan: "p", currency: "CNY", tariff: "prefix,name\n")
        #expect(throws: PriceBasis.Unreadable.self) { try Rating(broken) }
    }

    @Test(
        arguments: [
            ("2026-02-29", nil), ("2024-02-29", 19_782), ("1970-01-01", 0), ("2026-11-25", 20_782),
            ("2026-11-31", nil), ("26-11-25", nil), ("2026-1-1", nil), ("", nil),
            ("9999-12-31", 2_932_896),
        ] as [(String, Int32?)])
    func datesAreReadAsTheCalendarHasThem(text: String, number: Int32?) {
        #expect(CivilDay(text)?.number == number)
        if let number { #expect(CivilDay(number: number).description == text) }
    }

    @Test func weekdaysAndMonthsFollowTheDate() throws {
        let day = try #require(CivilDay("2026-11-25"))
        #expect(day.weekday == 2)
        #expect(day.month == 56 * 12 + 10)
        #expect(CivilDay(number: -1).description == "1969-12-31")
        #expect(CivilDay(number: -4).weekday == 6)
    }
}
