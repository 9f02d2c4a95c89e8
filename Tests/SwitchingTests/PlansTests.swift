import Charging
import SIP
import Testing

@testable import Switching

/// Prices by plan, route and hour; allowances, limits and vouchers, as calls meet them.
@Suite struct PlansTests {
    private static func tariff(_ csv: String) throws -> Tariff {
        let (tariff, diagnostics) = Tariff.parse(csv: csv, file: "t.csv")
        return try #require(tariff, "\(diagnostics)")
    }

    private static func deck(
        _ csv: String, plan: String = "standard", via: String? = nil, from: Int64 = 0
    ) throws -> TariffDeck {
        TariffDeck(plan: plan, via: via, validFrom: from, tariff: try tariff(csv))
    }

    private static let head = "prefix,name,connect_fee,steps\n"

    /// Answers the INVITE that went to a gateway, and acknowledges.
    private func answer(_ gateway: inout Party, _ phone: inout Party, _ site: inout Site) throws {
        gateway.answer(try site.next(gateway.endpoint), 200, at: &site, body: Party.offer)
        let last = try #require(site.all(phone.endpoint).last)
        #expect(last.status == 200)
        phone.acknowledge(last, at: &site)
    }

    // MARK: Plans and routes

    @Test func theAccountsPlanPricesTheCallAndTheRecordSaysByWhat() throws {
        var site = try Site { stored in
            stored.tariffs.put(try! Self.deck(Self.head + "0,gold,0.05,0.03/6\n", plan: "gold"))
            stored.accounts[0].plan = "gold"
        }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.seconds(10))
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.charge == Amount("0.11") && record.chargedExtension == "8001")
        let basis = try #require(record.basis)
        #expect(basis.plan == "gold" && basis.via == nil && basis.currency == "CNY")
        let again = try Rating(basis)
        #expect(again.cost(ofSteps: record.steps) == record.charge)
        #expect(again.receipt(ofSteps: record.steps) == record.receipt)
        #expect(try #require(site.journals.first).record.basis == basis)
    }

    @Test func aFailoverIsPricedAgainByTheRouteThatCarriesTheCall() throws {
        var site = try Site { stored in
            stored.tariffs.put(try! Self.deck(Self.head + "0,pstn,0,0.70/60\n", via: "line"))
        }
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(site.sw.ledger.reserved(account: "a") == Amount("0.35"))
        var e1 = Party.e1
        e1.answer(try site.next(Site.e1), 503, at: &site)
        // The line costs more, and so much is held now.
        #expect(site.sw.ledger.reserved(account: "a") == Amount("0.70"))
        #expect(site.sw.ledger.reservationCount == 1)
        var pstn = Party.pstn
        try answer(&pstn, &phone, &site)
        site.pass(.seconds(3))
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.charge == Amount("0.70") && record.basis?.via == "line" && site.isIdle)
    }

    @Test func aRouteThatCannotBePaidIsPassedOverForACheaperOne() throws {
        var site = try Site(balance: "0.50") { stored in
            stored.tariffs.put(try! Self.deck(Self.head + "0,e1,0,0.70/60\n", via: "ip-e1"))
        }
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(site.said(Site.e1) == "")
        var pstn = Party.pstn
        try answer(&pstn, &phone, &site)
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.outcome) == [.skipped, .answered])
        #expect(record.attempts.first?.sipStatus == 402 && record.charge == Amount("0.07"))
    }

    @Test func aDeckThatBeginsTomorrowPricesTomorrowsCalls() throws {
        var site = try Site()
        let midnight = site.sw.wallTime + 3_600_000_000
        site.sw.tariffs.put(try Self.deck(Self.head + "0,new,0,0.10/6\n", from: midnight))
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        phone.send("BYE", at: &site)
        site.pass(.seconds(3500))
        _ = site.all(phone.endpoint)
        _ = site.all(Site.e1)
        try site.connected(&phone, dials: "02088886666", through: &gateway, id: "2")
        // It begins in the middle of this call, which keeps its price.
        site.pass(.seconds(120))
        phone.send("BYE", at: &site)
        _ = site.all(phone.endpoint)
        _ = site.all(Site.e1)
        try site.connected(&phone, dials: "02088886666", through: &gateway, id: "3")
        phone.send("BYE", at: &site)
        #expect(site.records.map(\.charge) == ["0.07", "1.40", "0.10"].map { Amount($0)! })
    }

    @Test func aPlanInAnotherCurrencyThanTheAccountsSellsNothing() throws {
        var site = try Site { stored in
            stored.tariffs.put(
                try! Self.deck("currency,USD\n" + Self.head + "0,gold,0,0.03/6\n", plan: "gold"))
            stored.accounts[0].plan = "gold"
        }
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(site.said(phone.endpoint) == "100 403")
        #expect(site.records.first?.endReason.contains("prices in USD") == true)
    }

    @Test func aFreeNumberHoldsNothingAndNeedsNoMoney() throws {
        var site = try Site(balance: "0") { stored in
            stored.tariffs = TariffBook(try! Self.tariff(Self.head + "0,free,0,\n"))
        }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.charge == .zero && record.callerAccount == nil && record.basis == nil)
    }

    // MARK: Hours

    private static let hours = """
        band,night,daily 21:00-07:00
        prefix,name,connect_fee,steps,band
        0,national,0,0.60/60,
        0,national,0,0.20/60,night
        """

    /// A site whose wall clock shows some time of a Wednesday in Shanghai.
    private func site(at clock: Int64, balance: String = "100") throws -> Site {
        let tariffs = TariffBook(try Self.tariff(Self.hours))
        var site = try Site(balance: balance) { stored in
            stored.tariffs = tariffs
        }
        let midnight: Int64 = 20_782 * 86_400 - 28_800
        site.handle(
            .wallClockRead(
                WallClock(
                    instant: site.now, unixMicroseconds: (midnight + clock) * 1_000_000,
                    utcOffset: 28_800)))
        return site
    }

    @Test func whatIsHeldIsEnoughForTheHourInWhichItIsAnswered() throws {
        // 06:59:30: the night's price, unless it rings for half a minute.
        var site = try site(at: 25_170)
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        #expect(site.sw.ledger.reserved(account: "a") == Amount("0.60"))
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 180, at: &site)
        site.pass(.seconds(40))
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        site.pass(.seconds(5))
        phone.send("BYE", at: &site)
        #expect(site.records.first?.charge == Amount("0.60"))
        #expect(site.records.first?.receipt.map(\.band) == [nil])
    }

    @Test func whatIsHeldForADearerHourIsGivenBackAtTheAnswer() throws {
        var site = try site(at: 25_170)
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        #expect(site.sw.ledger.reserved(account: "a") == Amount("0.20"))
        // From the second minute on it is day.
        site.pass(.seconds(61))
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.charge == Amount("0.80"))
        #expect(record.receipt.map(\.band) == ["night", nil])
        let again = try Rating(try #require(record.basis))
        #expect(again.receipt(ofSteps: record.steps) == record.receipt)
    }

    @Test func aCallIsCutWhereTheMoneyEndsAcrossTheBands() throws {
        // Two minutes of night, then one of day, and 0.10 left over.
        var site = try site(at: 25_080, balance: "1.10")
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.milliseconds(179_999))
        #expect(site.said(phone.endpoint) == "")
        site.pass(.milliseconds(2))
        #expect(site.said(phone.endpoint).hasPrefix("BYE"))
        #expect(site.records.first?.charge == Amount("1") && site.isIdle)
    }

    @Test func aClockThatIsSetInMidCallChangesNoPrice() throws {
        var site = try site(at: 12 * 3600)
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.handle(
            .wallClockRead(
                WallClock(
                    instant: site.now,
                    unixMicroseconds: site.sw.wallTime + 10 * 3_600_000_000, utcOffset: 28_800)))
        site.pass(.seconds(150))
        phone.send("BYE", at: &site)
        #expect(site.records.first?.charge == Amount("1.80"))
    }

    @Test func aCallThatACrashInterruptedGoesOnAtItsOwnPrices() throws {
        var site = try site(at: 25_170)
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.seconds(45))
        // Another price list by the time the switch is back.
        site.disk.tariffs = TariffBook(try Self.tariff(Self.head + "0,dear,0,9/60\n"))
        try site.crash(.process(.seconds(5)))
        site.pass(.seconds(12))
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.charge == Amount("0.80"))
        #expect(record.basis?.plan == "standard")
    }

    // MARK: Allowances

    @Test func anAllowanceEndsTheCallAndBeginsAnewAtMidnight() throws {
        // 23:59:00, an allowance of four steps a day under a department with plenty.
        var site = try Site { stored in
            stored.accounts.append(
                Account(
                    id: "8001", name: "", parent: "a", kind: .postpaid,
                    creditLimit: Amount("0.28")!, renewal: .day, renewedIn: 20_782))
            stored.extensions[0].account = "8001"
        }
        let midnight: Int64 = 20_783 * 86_400 - 28_800
        site.handle(
            .wallClockRead(
                WallClock(
                    instant: site.now, unixMicroseconds: (midnight - 60) * 1_000_000,
                    utcOffset: 28_800)))
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.seconds(30))
        #expect(site.records.map(\.charge) == [Amount("0.28")!])
        _ = site.all(phone.endpoint)
        _ = site.all(Site.e1)
        try phone.call("02088886666", at: &site, id: "2")
        #expect(site.said(phone.endpoint) == "100 402")
        let question = ControlRequest.explained(
            Explanation.Question(from: "8001", dial: "02088886666"))
        func outcome() -> String? {
            guard case .explanation(let said)? = site.request(question) else { return nil }
            return said.outcome
        }
        #expect(outcome() == "refuse")
        site.pass(.seconds(31))
        #expect(outcome() == "route")
        _ = site.all(phone.endpoint)
        _ = site.all(Site.e1)
        try site.connected(&phone, dials: "02088886666", through: &gateway, id: "3")
        phone.send("BYE", at: &site)
        #expect(site.postings.map(\.kind) == [.charge, .charge, .renewal, .charge, .charge])
        #expect(site.sw.ledger.account("8001")?.balance == Amount("-0.07"))
        #expect(site.sw.ledger.account("a")?.balance == Amount("99.65"))
        // And the disk holds the same, by the store's own rules.
        try site.crash(.process(.seconds(1)))
        #expect(site.sw.ledger.account("8001")?.renewedIn == 20_783)
        #expect(site.sw.ledger.available("8001") == Amount("0.21"))
    }

    /// What came in on the morning of a new day, before anybody had called, paid the debts that were
    /// about to be written off: the customer's money was gone.
    @Test(arguments: ["topup", "adjustment", "refund", "voucher", "nothing"])
    func whatIsPaidInOnANewDayPaysNoDebtOfTheLastOne(kind: String) throws {
        var site = try Site { stored in
            stored.accounts.append(
                Account(
                    id: "8001", name: "", kind: .postpaid, creditLimit: Amount("10")!,
                    balance: Amount("-10")!, renewal: .day, renewedIn: 20_782))
        }
        var code = ""
        let order = VoucherOrder(batch: "b", count: 1, amount: Amount("5")!)
        if case .vouchers(let rows)? = site.request(.vouchersMade(order)) { code = rows[0].code }
        let midnight: Int64 = 20_783 * 86_400 - 28_800
        site.handle(
            .wallClockRead(
                WallClock(
                    instant: site.now, unixMicroseconds: midnight * 1_000_000,
                    utcOffset: 28_800)))
        let change = MoneyChange(id: "1", account: "8001", amount: Amount("5")!, note: "n")
        var limit = AccountChange(id: "8001")
        limit.creditLimit = Amount("1")
        let request: ControlRequest =
            switch kind {
            case "topup": .accountToppedUp(change)
            case "adjustment": .accountAdjusted(change)
            case "refund": .accountRefunded(change)
            case "voucher": .voucherRedeemed(code: code, account: "8001", by: "Li")
            default: .accountChanged(limit)
            }
        guard case .done? = site.request(request) else {
            Issue.record("it was refused")
            return
        }
        #expect(site.postings.first?.kind == .renewal)
        #expect(
            site.sw.ledger.available("8001") == (kind == "nothing" ? Amount("1") : Amount("15")))
        try site.crash(.process(.seconds(1)))
        #expect(
            site.sw.ledger.account("8001")?.balance == (kind == "nothing" ? .zero : Amount("5")))
    }

    // MARK: Limits

    private func limited(
        _ limits: SpendingLimits, balance: String = "100"
    ) throws -> Site {
        var settings = Site.settings()
        settings.spending.ofExtension = limits
        return try Site(balance: balance, settings: settings)
    }

    @Test func aCallIsCutAtTheMostThatOneCallMayCost() throws {
        var site = try limited(SpendingLimits(call: Amount("0.21")))
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.milliseconds(18_001))
        #expect(site.said(phone.endpoint).hasPrefix("BYE"))
        let record = try #require(site.records.first)
        #expect(record.charge == Amount("0.21") && record.endReason.contains("one call of"))
        #expect(site.sw.ledger.spendingHolds == [])
    }

    @Test func whoSpendsTooMuchInAnHourIsOnHoldUntilAnOperatorHasLooked() throws {
        var site = try limited(SpendingLimits(hour: Amount("0.30")))
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.seconds(60))
        #expect(site.records.first?.charge == Amount("0.28"))
        #expect(site.logs.contains { $0.contains("extension 8001 is on hold") })
        func refused(_ id: String) throws {
            _ = site.all(phone.endpoint)
            _ = site.all(Site.e1)
            try phone.call("02088886666", at: &site, id: id)
            #expect(site.said(phone.endpoint) == "100 403")
        }
        try refused("2")
        // Neither the next hour nor a restart lets it go.
        site.pass(.seconds(3700))
        try site.crash(.process(.seconds(1)))
        try refused("3")
        // Another extension of the same account goes on.
        var other = try site.registered("8002")[0]
        try site.connected(&other, dials: "02088886666", through: &gateway)
        other.send("BYE", at: &site)
        guard case .done? = site.request(.spendingReleased(.extension("8001"), by: "Li")) else {
            Issue.record("it was not released")
            return
        }
        _ = site.all(phone.endpoint)
        _ = site.all(Site.e1)
        try site.connected(&phone, dials: "02088886666", through: &gateway, id: "4")
        phone.send("BYE", at: &site)
        #expect(site.records.last?.charge == Amount("0.07"))
    }

    @Test func whatWasSpentBeforeARestartCounts() throws {
        var site = try limited(SpendingLimits(day: Amount("0.30")))
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.seconds(20))
        phone.send("BYE", at: &site)
        #expect(site.records.first?.charge == Amount("0.28"))
        try site.crash(.process(.seconds(1)))
        try phone.call("02088886666", at: &site, id: "2")
        #expect(site.said(phone.endpoint) == "100 402")
        #expect(site.sw.ledger.spendingHolds.map(\.subject) == [.extension("8001")])
    }

    // MARK: Who forwards pays

    @Test func aCallThatWasSentOnIsChargedToWhoSentIt() throws {
        var site = try Site { stored in
            stored.accounts.append(
                Account(id: "b", name: "", balance: Amount("5")!))
            stored.extensions[1].account = "b"
        }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let handle = try #require(site.sw.calls.handles.first)
        // What a feature does that forwards: it names the payer and prices again.
        site.sw.calls[handle].payingExtension = "8002"
        site.sw.calls[handle].record.link = .forwarded
        site.sw.calls[handle].record.linkedCall = 7
        site.sw.ledger.release(call: site.sw.calls[handle].id.rawValue)
        site.sw.calls[handle].money = nil
        #expect(site.sw.reserve(handle) == nil)
        try answer(&gateway, &phone, &site)
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.callerAccount == "b" && record.chargedExtension == "8002")
        #expect(record.caller == "8001" && record.linkedCall == 7 && record.link == .forwarded)
        #expect(site.sw.ledger.account("b")?.balance == Amount("4.93"))
        #expect(site.sw.ledger.account("a")?.balance == Amount("100"))
    }

    // MARK: Vouchers, changes, prices

    @Test func aBatchOfVouchersIsMadeOnceAndEachIsRedeemedOnce() throws {
        var site = try Site()
        let order = VoucherOrder(batch: "spring", count: 3, amount: Amount("50")!)
        guard case .vouchers(let rows)? = site.request(.vouchersMade(order)) else {
            Issue.record("no vouchers")
            return
        }
        #expect(Set(rows.map(\.code)).count == 3 && rows.allSatisfy { $0.code.utf8.count == 16 })
        guard case .refused? = site.request(.vouchersMade(order)) else {
            Issue.record("the batch was made twice")
            return
        }
        let code = rows[1].code
        let spaced = code.prefix(4) + " " + code.dropFirst(4)
        func redeem(_ code: String, _ account: String) -> ControlReply? {
            site.request(.voucherRedeemed(code: code, account: account, by: "Li"))
        }
        guard case .done? = redeem(String(spaced), "zero") else {
            Issue.record("not redeemed")
            return
        }
        #expect(site.sw.ledger.account("zero")?.balance == Amount("50"))
        // After a crash it is still redeemed, and nowhere is a code kept.
        try site.crash(.process(.seconds(1)))
        #expect(!"\(site.disk)".contains(code))
        guard case .refused(let text)? = redeem(code, "a"), case .done? = redeem(code, "zero"),
            case .refused? = redeem("1234567890123456", "a")
        else {
            Issue.record("redeemed twice")
            return
        }
        #expect(text == "voucher 2 of batch spring was redeemed already")
        #expect(site.sw.ledger.account("zero")?.balance == Amount("50"))
        guard case .voucherBatches(let batches)? = site.request(.voucherBatches) else {
            Issue.record("no batches")
            return
        }
        #expect(batches.map(\.redeemed) == [1] && batches.map(\.count) == [3])
    }

    @Test func anAccountIsChangedInWhatIsNamedAndShownAsItIs() throws {
        var site = try Site()
        var change = AccountChange(id: "a")
        change.lowMark = .set(Amount("200")!)
        change.isBlocked = true
        change.expiresAt = .set(1)
        guard case .done? = site.request(.accountChanged(change)) else {
            Issue.record("not changed")
            return
        }
        guard case .accounts(let rows)? = site.request(.accountShown(id: "a")) else {
            Issue.record("not shown")
            return
        }
        #expect(rows.first?.state == "blocked, expired, low" && rows.first?.name == "A")
        change = AccountChange(id: "a")
        change.plan = .set("silver")
        guard case .refused(let text)? = site.request(.accountChanged(change)) else {
            Issue.record("an unknown plan was taken")
            return
        }
        #expect(text == "there is no tariff plan silver; there are standard")
    }

    @Test func aRefundNamesItsCallAndItsOperator() throws {
        var site = try Site()
        var change = MoneyChange(
            id: "r1", account: "a", amount: Amount("0.07")!, note: "bad line", by: "Li",
            call: "1-7", charged: Amount("0.10")!)
        guard case .done? = site.request(.accountRefunded(change)) else {
            Issue.record("no refund")
            return
        }
        let posting = try #require(site.postings.first)
        #expect(posting.kind == .refund && posting.by == "Li" && posting.call == 1 << 32 | 7)
        change.id = "r2"
        guard case .refused(let tooMuch)? = site.request(.accountRefunded(change)) else {
            Issue.record("more than the charge was given back")
            return
        }
        #expect(
            tooMuch
                == "account a was charged 0.100000 for that call and 0.070000 of it was given back "
                + "before, so 0.030000 is the most")
        change.charged = nil
        guard case .refused(let unpaid)? = site.request(.accountRefunded(change)) else {
            Issue.record("what nobody paid was given back")
            return
        }
        #expect(unpaid == "nothing was charged to account a for that call")
        #expect(site.postings.count == 1)
    }

    /// What an operator is told of a change.
    private func told(_ request: ControlRequest, _ site: inout Site) -> String {
        switch site.request(request) {
        case .done(let text)?, .refused(let text)?: text
        default: "?"
        }
    }

    @Test func aPlanThatIsGoneKeepsNoAccountFromBeingBlocked() throws {
        var site = try Site { stored in stored.accounts[0].plan = "gone" }
        var change = AccountChange(id: "a")
        change.isBlocked = true
        let answer = told(.accountChanged(change), &site)
        #expect(answer == "account a changed")
        #expect(site.sw.ledger.account("a")?.isBlocked == true)
    }

    @Test func aPlanOfAnotherCurrencyIsNoPlanForAnAccountAndHasNoPriceForIt() throws {
        var site = try Site { stored in
            stored.tariffs.put(
                try! Self.deck("currency,USD\n" + Self.head + "0,gold,0,0.03/6\n", plan: "gold"))
            stored.accounts[1].plan = "gold"
        }
        let why = "plan gold has prices in USD, and account"
        var change = AccountChange(id: "a")
        change.plan = .set("gold")
        let first = told(.accountChanged(change), &site)
        #expect(first == "\(why) a is in CNY")
        let opening = AccountOpening(id: "new", name: "new", plan: "gold")
        let second = told(.accountOpened(opening), &site)
        #expect(second == "\(why) new is in CNY")
        // What a call would be refused for is not told as its price.
        let question = PriceQuestion(number: "02088886666", milliseconds: 1, payer: "zero")
        let third = told(.priced(question), &site)
        #expect(third == "\(why) zero is in CNY")
    }

    @Test func vouchersThatNoAccountCouldTakeAreNotMade() throws {
        var site = try Site()
        var order = VoucherOrder(batch: "b", count: 1, amount: Amount("5")!, currency: "usd")
        let first = told(.vouchersMade(order), &site)
        #expect(first == "\"usd\" is no currency code like CNY")
        order.currency = "USD"
        order.expiresAt = site.sw.wallTime
        let second = told(.vouchersMade(order), &site)
        #expect(second == "vouchers that expire before they are made pay for nothing")
        #expect(site.sw.ledger.voucherCount == 0)
    }

    @Test func aCorrectionThatTakesABalanceBelowItsMarkIsLoggedOnce() throws {
        var site = try Site { stored in stored.accounts[0].lowMark = Amount("50") }
        var change = MoneyChange(id: "1", account: "a", amount: Amount("-50")!, note: "n")
        _ = site.request(.accountAdjusted(change))
        #expect(site.logs.filter { "\($0)".contains("is low") }.isEmpty)
        change.id = "2"
        change.amount = Amount("-0.01")!
        _ = site.request(.accountAdjusted(change))
        change.id = "3"
        _ = site.request(.accountAdjusted(change))
        let told = site.logs.filter { "\($0)".contains("account a is low: its balance is 49.99") }
        #expect(told.count == 1)
    }

    @Test func aPriceSaysThatItsPayerMayNotCallThere() throws {
        var site = try Site { stored in
            stored.extensions.append(Site.subscriber("8010", level: "house", account: "a"))
        }
        let question = PriceQuestion(number: "02088886666", milliseconds: 1, payer: "8010")
        guard case .price(let row)? = site.request(.priced(question)) else {
            Issue.record("no price")
            return
        }
        #expect(row.amount == Amount("0.07") && row.refused == "level house may not call national")
    }

    /// The tariff has a row for 8: nobody pays for a call inside all the same.
    @Test(arguments: [("8002", "inside, free"), ("110", "emergency, free")])
    func whatNobodyPaysForHasThePriceZero(number: String, name: String) throws {
        var site = try Site { stored in
            stored.tariffs = TariffBook(
                try! Self.tariff(Self.head + "8,local,0,1/60\n1,a,0,1/60\n"))
        }
        let question = PriceQuestion(number: number, milliseconds: 60_000, payer: "8001")
        guard case .price(let row)? = site.request(.priced(question)) else {
            Issue.record("no price")
            return
        }
        #expect(row.amount == .zero && row.name == name && row.prefix == nil && row.receipt == [])
    }

    @Test func anExtensionShowsThatItIsOnHoldAndWhatItSpent() throws {
        var site = try limited(SpendingLimits(hour: Amount("0.07")))
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.milliseconds(6_001))
        guard case .extensions(let rows)? = site.request(.extensionShown(number: "8001")),
            let row = rows.first
        else {
            Issue.record("not shown")
            return
        }
        #expect(row.hold == "extension 8001 may spend 0.070000 an hour at most")
        #expect(row.spentInHour == Amount("0.07") && row.spentToday == Amount("0.07"))
        _ = site.request(.spendingReleased(.extension("8001"), by: "Li"))
        guard case .extensions(let after)? = site.request(.extensionShown(number: "8001")) else {
            Issue.record("not shown")
            return
        }
        #expect(after.first?.hold == nil && after.first?.spentInHour == .zero)
    }

    @Test func aPriceIsToldForAPayerAtATimeByItsFirstRoute() throws {
        var site = try Site { stored in
            stored.tariffs.put(try! Self.deck(Self.hours))
            stored.tariffs.put(try! Self.deck(Self.head + "0,e1,0,0.50/60\n", via: "ip-e1"))
            stored.tariffs.put(try! Self.deck(Self.head + "0,gold,0,0.01/1\n", plan: "gold"))
            stored.accounts[1].plan = "gold"
        }
        func price(_ question: PriceQuestion) -> String {
            switch site.request(.priced(question)) {
            case .price(let row)?:
                "\(row.plan ?? row.name) \(row.via ?? "-") \(row.amount.shortDescription)"
            case .refused(let reason)?: reason
            default: "?"
            }
        }
        var question = PriceQuestion(number: "02088886666", milliseconds: 185_000, payer: "8001")
        #expect(price(question) == "standard ip-e1 2")
        question.via = "line"
        question.at = (20_782 * 86_400 - 28_800 + 43_200) * 1_000_000
        #expect(price(question) == "standard line 2.4")
        question.at = (20_782 * 86_400 - 28_800) * 1_000_000
        #expect(price(question) == "standard line 0.8")
        question.payer = "zero"
        #expect(price(question) == "gold line 1.85")
        question.payer = "9999"
        #expect(price(question) == "there is no extension and no account 9999")
        // Berlin in winter is asked about the summer before: 19:30 UTC was the night there.
        site.handle(
            .wallClockRead(
                WallClock(
                    instant: site.now, unixMicroseconds: 1_795_000_000_000_000,
                    zone: UTCOffset(
                        seconds: 3600,
                        changes: [
                            .init(from: 1_774_746_000, seconds: 7200),
                            .init(from: 1_792_890_000, seconds: 3600),
                            .init(from: 1_806_195_600, seconds: 7200),
                        ]))))
        question.payer = "8001"
        for (at, amount) in [
            (1_782_847_800, "0.8"), (1_796_153_400, "2.4"), (1_812_310_200, "0.8"),
        ] as [(Int64, String)] {
            question.at = at * 1_000_000
            #expect(price(question) == "standard line \(amount)")
        }
    }
}
