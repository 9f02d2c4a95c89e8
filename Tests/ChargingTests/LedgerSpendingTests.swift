import Charging
import TestSupport
import Testing

/// Expiry, allowances, marks, vouchers, and limits against theft: one ledger, one step after the other,
/// each with what is said.
@Suite struct LedgerSpendingTests {
    private static let wednesday = CivilDay(number: 20_782)

    private static func moment(_ seconds: Int64, day: Int32 = 0) -> LedgerMoment {
        LedgerMoment(
            at: (1_795_000_000 + seconds) * 1_000_000, uptime: seconds * 1000,
            day: CivilDay(number: wednesday.number + day))
    }

    private func ledger(_ accounts: [Account], _ money: [(String, String)] = []) -> Ledger {
        var ledger = Ledger()
        for account in accounts {
            #expect(ledger.open(account, at: Self.moment(0)) == nil)
        }
        for (id, amount) in money {
            _ = ledger.topUp(id: id, account: id, amount: yuan(amount), at: 0)
        }
        return ledger
    }

    private func spend(
        _ amount: String, _ ledger: inout Ledger, call: UInt64, account: String = "a",
        extension number: String? = nil, at moment: LedgerMoment
    ) -> Ledger.Refusal? {
        let refusal = ledger.reserve(
            call: call, account: account, extension: number, amount: yuan(amount), at: moment)
        if refusal == nil { _ = ledger.settle(call: call, used: yuan(amount), at: moment) }
        return refusal
    }

    // MARK: Expiry and marks

    @Test func anExpiredAccountStartsAndLengthensNothing() {
        let end = Self.moment(100).at
        var ledger = ledger(
            [
                Account(id: "top", name: "", expiresAt: end),
                Account(id: "a", name: "", parent: "top"),
            ],
            [("top", "10"), ("a", "10")])
        #expect(
            ledger.reserve(call: 1, account: "a", amount: yuan("1"), at: Self.moment(99)) == nil)
        #expect(
            ledger.extend(call: 1, by: yuan("1"), at: Self.moment(100)) == .expired(account: "top"))
        #expect(
            ledger.reserve(call: 2, account: "a", amount: .zero, at: Self.moment(100))
                == .expired(account: "top"))
        // What it holds is still charged.
        #expect(ledger.settle(call: 1, used: yuan("1"), at: Self.moment(200)).charged == yuan("1"))
        var account = ledger.account("top")!
        account.expiresAt = nil
        #expect(ledger.update(account) == nil)
        #expect(ledger.reserve(call: 2, account: "a", amount: .zero, at: Self.moment(200)) == nil)
    }

    @Test func fallingBelowTheMarkIsToldOnceForEachFall() {
        var ledger = ledger([Account(id: "a", name: "", lowMark: yuan("5"))], [("a", "6")])
        func low(_ call: UInt64, _ amount: String) -> [String] {
            #expect(ledger.reserve(call: call, account: "a", amount: yuan(amount)) == nil)
            return ledger.settle(call: call, used: yuan(amount), at: 0).low.map(\.account)
        }
        #expect(low(1, "1") == [] && ledger.account("a")?.isLow == false)
        #expect(low(2, "0.5") == ["a"] && ledger.account("a")?.isLow == true)
        #expect(low(3, "0.5") == [])
        _ = ledger.topUp(id: "2", account: "a", amount: yuan("3"), at: 0)
        #expect(low(4, "1") == [] && low(5, "2") == ["a"])
    }

    @Test func whatWasSetAtTheOpeningStaysAndTheRestIsChecked() {
        var ledger = ledger([Account(id: "a", name: "")])
        func refused(_ change: (inout Account) -> Void) -> Ledger.Refusal? {
            var account = ledger.account("a")!
            change(&account)
            return ledger.update(account)
        }
        #expect(refused { $0.plan = "No Plan" } == .invalidPlan("No Plan"))
        #expect(refused { $0.limits.hour = .zero } == .invalidSpendingLimit(account: "a"))
        #expect(refused { $0.lowMark = yuan("-1") } == .amountOutOfRange(yuan("-1")))
        #expect(refused { $0.plan = "gold" } == nil)
        #expect(ledger.tariffPlan(of: "a") == "gold" && ledger.tariffPlan(of: "b") == "standard")
        #expect(
            ledger.update(Account(id: "a", name: "", currency: "USD"))
                == .fixed(account: "a", what: "currency"))
        #expect(ledger.update(Account(id: "b", name: "")) == .unknownAccount("b"))
        #expect(
            ledger.open(Account(id: "c", name: "", renewal: .day))
                == .allowanceOfPrepaid(account: "c"))
    }

    @Test func theNearestPlanAboveIsTheOneThatPrices() {
        let ledger = ledger([
            Account(id: "e", name: "", plan: "bulk"), Account(id: "d", name: "", parent: "e"),
            Account(id: "x", name: "", parent: "d", plan: "gold"),
            Account(id: "y", name: "", parent: "d"),
        ])
        #expect(
            ["e", "d", "x", "y"].map { ledger.tariffPlan(of: $0) } == [
                "bulk", "bulk", "gold", "bulk",
            ])
    }

    // MARK: Allowances

    @Test(arguments: [Account.Renewal.day, .month])
    func anAllowanceBeginsAnewWithItsPeriodAndOnlyForwards(renewal: Account.Renewal) throws {
        var ledger = ledger(
            [
                Account(id: "d", name: ""),
                Account(
                    id: "a", name: "", parent: "d", kind: .postpaid, creditLimit: yuan("3"),
                    renewal: renewal),
            ], [("d", "100")])
        let next: Int32 = renewal == .day ? 1 : 6
        #expect(spend("2", &ledger, call: 1, at: Self.moment(0)) == nil)
        #expect(
            spend("2", &ledger, call: 2, at: Self.moment(1))
                == .insufficient(account: "a", available: yuan("1"), needed: yuan("2")))
        #expect(ledger.renew(chainOf: "a", at: Self.moment(2)) == [])
        // A call that holds money when the period ends goes on holding it, in the next one.
        #expect(ledger.reserve(call: 3, account: "a", amount: yuan("1"), at: Self.moment(3)) == nil)
        let renewed = ledger.renew(chainOf: "a", at: Self.moment(4, day: next))
        let posting = try #require(renewed.first?.posting)
        #expect(renewed.count == 1 && posting.kind == .renewal && posting.amount == yuan("2"))
        #expect(posting.balanceAfter == .zero)
        #expect(posting.id == "renewal:a:" + (renewal == .day ? "2026-11-26" : "2026-12"))
        #expect(ledger.available("a") == yuan("2"))
        #expect(
            ledger.settle(call: 3, used: yuan("1"), at: Self.moment(5, day: next)).charged
                == yuan("1"))
        #expect(ledger.available("a") == yuan("2") && ledger.available("d") == yuan("97"))
        // Clocks that are set back renew nothing, and the same period comes once.
        for day in [0, next, -1] {
            #expect(ledger.renew(chainOf: "a", at: Self.moment(6, day: day)) == [])
        }
        #expect(ledger.audit() == [])
    }

    @Test func aPeriodInWhichNothingWasSpentIsRenewedWithoutAPosting() {
        var ledger = ledger([
            Account(id: "a", name: "", kind: .postpaid, creditLimit: yuan("3"), renewal: .day)
        ])
        let renewed = ledger.renew(chainOf: "a", at: Self.moment(0, day: 5))
        #expect(renewed.map(\.posting) == [nil])
        #expect(renewed.first?.account.version == 2)
    }

    // MARK: Vouchers

    private static func batch(_ name: String, _ keys: [String], currency: String = "CNY")
        -> [Voucher]
    {
        keys.enumerated().map { place, key in
            Voucher(
                key: key, batch: name, serial: place + 1, amount: yuan("50"), currency: currency,
                expiresAt: name == "old" ? moment(10).at : nil)
        }
    }

    @Test func aVoucherIsRedeemedOnceByOneAccount() throws {
        var ledger = ledger([Account(id: "a", name: ""), Account(id: "b", name: "")])
        #expect(ledger.add(Self.batch("spring", ["k1", "k2"])) == nil)
        #expect(ledger.add(Self.batch("old", ["k3"])) == nil)
        #expect(ledger.add(Self.batch("usd", ["k4"], currency: "USD")) == nil)
        let late = Self.moment(10)
        guard case .posted(let posting) = ledger.redeem(key: "k1", account: "a", at: late, by: "Li")
        else {
            Issue.record("not redeemed")
            return
        }
        #expect(
            posting.id == "voucher:spring:1" && posting.amount == yuan("50") && posting.by == "Li")
        #expect(ledger.redeem(key: "k1", account: "a", at: late) == .alreadyDone(posting))
        let table: [(String, String, Ledger.Refusal)] = [
            ("k1", "b", .voucherUsed(batch: "spring", serial: 1)), ("k9", "a", .unknownVoucher),
            ("k3", "a", .voucherExpired(batch: "old", serial: 1)),
            ("k4", "a", .voucherCurrencyDiffers(account: "a", currency: "USD")),
            ("k2", "nobody", .unknownAccount("nobody")),
        ]
        for (key, account, refusal) in table {
            #expect(ledger.redeem(key: key, account: account, at: late) == .refused(refusal))
        }
        #expect(ledger.account("a")?.balance == yuan("50") && ledger.account("b")?.balance == .zero)
        #expect(ledger.voucherBatches.map(\.redeemed) == [0, 1, 0])

        var after = try Ledger(
            accounts: ledger.accounts, postings: [posting],
            vouchers: Self.batch("spring", ["k1", "k2"]))
        #expect(after.redeem(key: "k1", account: "a", at: late) == .alreadyDone(posting))
        #expect(throws: Ledger.RestoreError.duplicateVoucher(batch: "spring", serial: 1)) {
            try Ledger(
                accounts: [],
                vouchers: Self.batch("spring", ["k1", "k2"]) + Self.batch("spring", ["k1"]))
        }
    }

    @Test func aBatchIsTakenInWholeOrNotAtAll() {
        var limits = Ledger.Limits()
        limits.vouchers = 3
        var ledger = Ledger(limits: limits)
        func isInvalid(_ refusal: Ledger.Refusal?) -> Bool {
            if case .invalidBatch = refusal { true } else { false }
        }
        #expect(isInvalid(ledger.add([])))
        #expect(isInvalid(ledger.add(Self.batch("no spaces", ["k"]))))
        #expect(isInvalid(ledger.add(Self.batch("b", ["k", "k"]))))
        #expect(ledger.add(Self.batch("b", ["k1", "k2"])) == nil)
        #expect(isInvalid(ledger.add(Self.batch("b", ["k3"]))))
        #expect(isInvalid(ledger.add(Self.batch("c", ["k2"]))))
        #expect(ledger.add(Self.batch("c", ["k3", "k4"])) == .tableFull("vouchers"))
        #expect(ledger.voucherBatches.map(\.count) == [2])
    }

    // MARK: Limits

    private func watched() -> Ledger {
        var ledger = ledger(
            [Account(id: "top", name: ""), Account(id: "a", name: "", parent: "top")],
            [("top", "1000"), ("a", "1000")])
        ledger.accountLimits = SpendingLimits(call: yuan("5"), hour: yuan("10"), day: yuan("15"))
        ledger.extensionLimits = SpendingLimits(call: yuan("4"), hour: yuan("8"), day: yuan("12"))
        return ledger
    }

    private static func met(
        _ subject: SpendingSubject, _ period: SpendingPeriod, _ limit: String
    ) -> Ledger.Refusal { .limitMet(subject, period, limit: yuan(limit)) }

    @Test func oneCallMayCostSoMuch() {
        var ledger = watched()
        let now = Self.moment(0)
        #expect(
            ledger.reserve(call: 1, account: "a", amount: yuan("5.01"), at: now)
                == Self.met(.account("a"), .call, "5"))
        #expect(ledger.reserve(call: 1, account: "a", amount: yuan("3"), at: now) == nil)
        #expect(ledger.coverable(call: 1, account: "a", at: now) == yuan("2"))
        #expect(
            ledger.extend(call: 1, by: yuan("2.01"), at: now) == Self.met(.account("a"), .call, "5")
        )
        #expect(ledger.extend(call: 1, by: yuan("2"), at: now) == nil)
        #expect(
            ledger.reprice(call: 1, to: yuan("6"), at: now) == Self.met(.account("a"), .call, "5"))
        #expect(
            ledger.reserve(call: 2, account: "a", extension: "8001", amount: yuan("4.5"), at: now)
                == Self.met(.extension("8001"), .call, "4"))
    }

    @Test func anHourCountsCallsThatEndedAndCallsThatRun() {
        var ledger = watched()
        #expect(spend("4", &ledger, call: 1, at: Self.moment(0)) == nil)
        #expect(
            ledger.reserve(call: 2, account: "a", amount: yuan("4"), at: Self.moment(60)) == nil)
        #expect(ledger.coverable(account: "a", at: Self.moment(60)) == yuan("2"))
        #expect(
            ledger.reserve(call: 3, account: "a", amount: yuan("2.01"), at: Self.moment(60))
                == Self.met(.account("a"), .hour, "10"))
        #expect(ledger.spent(.account("top"), at: Self.moment(60)).hour == yuan("4"))
        // The hour is over for what was spent, and not for what is still held.
        #expect(ledger.coverable(account: "a", at: Self.moment(3600)) == yuan("2"))
        #expect(ledger.coverable(account: "a", at: Self.moment(3900)) == yuan("5"))
        #expect(
            ledger.reserve(call: 3, account: "a", amount: yuan("5"), at: Self.moment(3900)) == nil)
        #expect(
            ledger.reserve(call: 4, account: "a", amount: yuan("2.01"), at: Self.moment(3900))
                == Self.met(.account("a"), .hour, "10"))
    }

    @Test func theTurnOfAnHourDoublesNothing() {
        var ledger = watched()
        // All of the limit in the last minute of what might be an hour.
        #expect(spend("0.01", &ledger, call: 1, at: Self.moment(0)) == nil)
        #expect(spend("5", &ledger, call: 2, at: Self.moment(3590)) == nil)
        #expect(spend("4.99", &ledger, call: 3, at: Self.moment(3595)) == nil)
        for later in [3600, 3605, 5400, 7195] as [Int64] {
            #expect(
                spend("0.02", &ledger, call: 4, at: Self.moment(later))
                    == Self.met(.account("a"), .hour, "10"))
        }
        #expect(ledger.spent(.account("a"), at: Self.moment(7195)).hour == yuan("9.99"))
        #expect(ledger.spent(.account("a"), at: Self.moment(7500)).hour == .zero)
        #expect(spend("5", &ledger, call: 4, at: Self.moment(7500)) == nil)
    }

    /// Whenever 60 minutes begin: somebody who spends all that is allowed at random moments.
    @Test(arguments: UInt64(1)...5) func noSixtyMinutesPassTheLimitOfAnHour(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ledger = ledger([Account(id: "a", name: "")], [("a", "1000000")])
        ledger.accountLimits = SpendingLimits(hour: yuan("10"))
        var spent: [(at: Int64, amount: Amount)] = []
        var clock: Int64 = -20_000_000
        var stretch: Int64 = 0
        for call in UInt64(1)...3000 {
            if call % 100 == 1 {
                stretch = [1000, 60_000, 600_000, 9_000_000].randomElement(using: &random)!
            }
            clock += Int64.random(in: 0...stretch, using: &random)
            let moment = LedgerMoment(at: 0, uptime: clock, day: Self.wednesday)
            let room = ledger.coverable(account: "a", at: moment) ?? .zero
            let amount = min(room, Amount(micros: .random(in: 1...6_000_000, using: &random)))
            let recent = spent.filter { clock - $0.at < 3_600_000 }.reduce(.zero) { $0 + $1.amount }
            let old = spent.filter { clock - $0.at < 3_900_000 }.reduce(.zero) { $0 + $1.amount }
            let counted = ledger.spent(.account("a"), at: moment).hour
            #expect(recent <= counted && counted <= old)
            guard amount.isPositive else { continue }
            #expect(ledger.reserve(call: call, account: "a", amount: amount, at: moment) == nil)
            _ = ledger.settle(call: call, used: amount, at: moment)
            spent.append((clock, amount))
            #expect(recent + amount <= yuan("10"))
        }
        #expect(spent.count > 300)
    }

    @Test func aDayCountsByTheDateAndAClockThatIsSetBackForgetsNothing() {
        var ledger = watched()
        for (call, hour) in [(1, 0), (2, 1), (3, 2)] as [(UInt64, Int64)] {
            #expect(spend("5", &ledger, call: call, at: Self.moment(hour * 3600)) == nil)
        }
        let late = Self.met(.account("a"), .day, "15")
        #expect(spend("0.01", &ledger, call: 4, at: Self.moment(4 * 3600)) == late)
        #expect(spend("0.01", &ledger, call: 4, at: Self.moment(4 * 3600, day: -1)) == late)
        #expect(spend("5", &ledger, call: 4, at: Self.moment(5 * 3600, day: 1)) == nil)
        #expect(ledger.spent(.account("a"), at: Self.moment(5 * 3600, day: 1)).day == yuan("5"))
    }

    @Test func aClockThatWasAMonthAheadAndIsSetBackCountsADayAndNoMonth() {
        var ledger = watched()
        for (call, hour) in [(1, 0), (2, 1), (3, 2)] as [(UInt64, Int64)] {
            #expect(spend("5", &ledger, call: call, at: Self.moment(hour * 3600, day: 30)) == nil)
        }
        let late = Self.met(.account("a"), .day, "15")
        #expect(spend("0.01", &ledger, call: 4, at: Self.moment(20 * 3600)) == late)
        #expect(spend("0.01", &ledger, call: 4, at: Self.moment(86_399, day: 1)) == late)
        #expect(spend("5", &ledger, call: 4, at: Self.moment(86_400, day: 1)) == nil)
        #expect(ledger.spent(.account("a"), at: Self.moment(86_400, day: 1)).day == yuan("5"))
        #expect(ledger.spent(.account("a"), at: Self.moment(90_000, day: 2)).day == .zero)
    }

    @Test func extensionsThatShareAnAccountAreWatchedOneByOne() {
        var ledger = watched()
        let now = Self.moment(0)
        #expect(spend("4", &ledger, call: 1, extension: "8001", at: now) == nil)
        #expect(spend("4", &ledger, call: 2, extension: "8001", at: now) == nil)
        #expect(
            spend("0.01", &ledger, call: 3, extension: "8001", at: now)
                == Self.met(.extension("8001"), .hour, "8"))
        #expect(spend("2", &ledger, call: 3, extension: "8002", at: now) == nil)
        #expect(
            spend("0.01", &ledger, call: 4, extension: "8002", at: now)
                == Self.met(.account("a"), .hour, "10"))
        #expect(ledger.coverable(account: "a", extension: "8003", at: now) == .zero)
    }

    @Test func anAccountsOwnLimitsGoBeforeTheConfiguredOnes() {
        var ledger = watched()
        var account = ledger.account("a")!
        account.limits = SpendingLimits(hour: yuan("1"))
        #expect(ledger.update(account) == nil)
        let now = Self.moment(0)
        #expect(spend("1.01", &ledger, call: 1, at: now) == Self.met(.account("a"), .hour, "1"))
        #expect(ledger.coverable(account: "a", at: now) == yuan("1"))
        #expect(spend("1", &ledger, call: 1, at: now) == nil)
    }

    @Test func whoIsOnHoldWaitsForTheReleaseAndThenCountsAnew() {
        var ledger = watched()
        let now = Self.moment(0)
        #expect(
            ledger.reserve(call: 1, account: "a", extension: "8001", amount: yuan("1"), at: now)
                == nil)
        let subject = SpendingSubject.extension("8001")
        #expect(ledger.hold(subject, reason: "odd", by: "Li", at: now)?.since == now.at)
        #expect(ledger.hold(subject, reason: "again", at: now) == nil)
        let refusal = Ledger.Refusal.held(subject, reason: "odd")
        #expect(ledger.extend(call: 1, by: yuan("1"), at: now) == refusal)
        #expect(spend("1", &ledger, call: 2, extension: "8001", at: now) == refusal)
        #expect(spend("1", &ledger, call: 2, extension: "8002", at: now) == nil)
        #expect(ledger.settle(call: 1, used: yuan("1"), at: now).charged == yuan("1"))
        #expect(ledger.spendingHolds.map(\.subject) == [subject])
        #expect(
            ledger.release(subject, by: "Wu", at: Self.moment(9))?.releasedAt == Self.moment(9).at)
        #expect(ledger.release(subject, at: Self.moment(9)) == nil)
        #expect(ledger.spent(subject, at: Self.moment(9)).day == .zero)
        #expect(spend("4", &ledger, call: 3, extension: "8001", at: Self.moment(9)) == nil)
        #expect(ledger.hold(.account("nobody"), reason: "", at: now) == nil)
    }

    @Test func limitsGoOnCountingAfterARestart() throws {
        var before = watched()
        let now = Self.moment(7200)
        let hold = before.hold(.account("a"), reason: "odd", at: now)
        let held = try #require(hold)
        let released = SpendingHold(
            subject: .extension("8002"), reason: "odd", since: 0, releasedAt: Self.moment(7000).at)
        var after = try Ledger(accounts: before.accounts)
        after.accountLimits = SpendingLimits(hour: yuan("10"), day: yuan("15"))
        after.restoreSpending(
            [
                RecentCharge(
                    extension: "8001", account: "a", amount: yuan("2"), at: Self.moment(0).at),
                RecentCharge(
                    extension: "8001", account: "a", amount: yuan("3"), at: Self.moment(5400).at),
                RecentCharge(
                    extension: "8002", account: "a", amount: yuan("4"), at: Self.moment(6900).at),
                // Yesterday, and from a clock that was far ahead.
                RecentCharge(extension: "8001", account: "a", amount: yuan("7"), at: 0),
                RecentCharge(
                    extension: "8001", account: "a", amount: yuan("7"),
                    at: Self.moment(7201 + 86_400).at),
            ], holds: [held, released], at: now
        ) { $0 == 0 ? CivilDay(number: 0) : Self.wednesday }
        #expect(after.spent(.extension("8001"), at: now) == (yuan("3"), yuan("5")))
        #expect(after.spent(.extension("8002"), at: now) == (.zero, .zero))
        #expect(after.spent(.account("a"), at: now) == (yuan("7"), yuan("9")))
        #expect(after.spent(.account("top"), at: now) == (yuan("7"), yuan("9")))
        // Each charge goes when it is an hour old itself.
        #expect(after.spent(.account("a"), at: Self.moment(9300)) == (yuan("4"), yuan("9")))
        #expect(after.spent(.account("a"), at: Self.moment(10_800)) == (.zero, yuan("9")))
        #expect(spend("1", &after, call: 1, at: now) == .held(.account("a"), reason: "odd"))
    }

    /// Charges of an hour that is still to come by the clock that was set back.
    @Test func aClockThatIsSetBackBeforeARestartMakesNoLimitForget() throws {
        let before = watched()
        let now = Self.moment(7200)
        var after = try Ledger(accounts: before.accounts)
        after.restoreSpending(
            [
                RecentCharge(
                    extension: "8001", account: "a", amount: yuan("3"), at: Self.moment(10_800).at)
            ], holds: [], at: now
        ) { _ in CivilDay(number: 0) }
        #expect(after.spent(.extension("8001"), at: now) == (yuan("3"), yuan("3")))
        #expect(after.spent(.account("a"), at: Self.moment(9300)) == (yuan("3"), yuan("3")))
        #expect(after.spent(.account("a"), at: Self.moment(11_400)) == (.zero, yuan("3")))
    }
}
