import Charging
import SIP
import Testing

@testable import Switching

/// What calls cost, who pays, and when they are cut. National calls cost 0.07 for each begun 6 s.
@Suite struct MoneyTests {
    @Test(arguments: [
        (0, "0.070000"), (6_000, "0.070000"), (6_001, "0.140000"), (60_000, "0.700000"),
        (61_500, "0.770000"),
    ])
    func theChargeIsTheTariffs(milliseconds: Int, charge: String) throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.milliseconds(milliseconds))
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.charge.description == charge)
        #expect(record.tariffPrefix == "0" && record.callerAccount == "a")
        let paid = try #require(Amount(charge))
        #expect(site.postings.map(\.amount) == [-paid])
        #expect(record.receipt.reduce(.zero) { $0 + $1.sum } == paid)
        let balance = try #require(Amount("100")) - paid
        #expect(record.accountBalances == [AccountBalance(account: "a", balance: balance)])
        #expect(site.isIdle)
    }

    @Test func aCallThatIsNotAnsweredCostsNothing() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("13812345678", at: &site)
        #expect(site.sw.ledger.reserved(account: "a") == Amount("0.45"))
        gateway.answer(try site.next(Site.e1), 486, at: &site)
        #expect(site.records.first?.charge == .zero && site.postings.isEmpty && site.isIdle)
    }

    @Test func theCallIsCutInTheSecondToWhichItIsPaid() throws {
        var site = try Site(balance: "0.21")
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.milliseconds(17_999))
        #expect(site.said(phone.endpoint) == "" && site.said(Site.e1) == "")
        site.pass(.milliseconds(2))
        for endpoint in [phone.endpoint, Site.e1] {
            let bye = try site.next(endpoint)
            #expect(bye.method == .bye)
            let reason = String(decoding: bye.value(.reason) ?? [], as: UTF8.self)
            #expect(reason.contains("Balance used up") && reason.contains("Q.850;cause=16"))
        }
        let record = try #require(site.records.first)
        #expect(record.charge == Amount("0.21") && record.billedMs == 18_000)
        #expect(record.releasedBy == .switch && record.endReason == "Balance used up")
        #expect(site.sw.ledger.account("a")?.balance == .zero)
    }

    @Test func aTopUpInMidCallLengthensIt() throws {
        var site = try Site(balance: "0.21")
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.milliseconds(17_500))
        let change = MoneyChange(
            id: "t1", account: "a", amount: try #require(Amount("0.14")), note: "")
        guard case .done = site.request(.accountToppedUp(change)) else {
            Issue.record("the top-up was refused")
            return
        }
        site.pass(.milliseconds(12_400))
        #expect(site.said(phone.endpoint) == "")
        site.pass(.milliseconds(200))
        #expect(site.said(phone.endpoint).hasPrefix("BYE"))
        #expect(site.records.first?.charge == Amount("0.35"))
        #expect(site.records.first?.billedMs == 30_000)
    }

    @Test func longCallsHoldMoneyAheadAllTheWay() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        for second in 1...600 {
            site.pass(.seconds(1))
            let used = Rating(try #require(site.sw.tariff.row(for: "02088886666"))).price(
                milliseconds: Int64(second) * 1000)
            let held = try #require(site.sw.ledger.reserved(account: "a"))
            #expect(held >= used)
        }
        // The journal knows what is held, so that a crash charges no more.
        #expect(site.journals.last?.reserved == site.sw.ledger.reserved(account: "a"))
        phone.send("BYE", at: &site)
        #expect(site.records.first?.charge == Amount("7"))
    }

    @Test func tenCallsOnOneAccountNeverExceedIt() throws {
        var site = try Site(balance: "1.00") { stored in
            for index in stored.extensions.indices { stored.extensions[index].callLimit = 10 }
        }
        var phone = try site.registered("8001")[0]
        var refused = 0
        var gateway = Party.e1
        for id in 1...10 {
            try phone.call("02088886666", at: &site, id: "\(id)")
            if let invite = site.all(Site.e1).first(where: { $0.method == .invite }) {
                gateway.answer(invite, 200, at: &site, body: Party.offer)
            }
            let last = try #require(site.all(phone.endpoint).last)
            if last.status == 402 { refused += 1 }
            if last.status == 200 { phone.acknowledge(last, at: &site) }
            let account = try #require(site.sw.ledger.account("a"))
            #expect(try #require(site.sw.ledger.reserved(account: "a")) <= account.balance)
        }
        site.pass(.seconds(120))
        let charged = site.records.reduce(Amount.zero) { $0 + $1.charge }
        let balance = try #require(site.sw.ledger.account("a")?.balance)
        #expect(charged + balance == Amount("1.00") && balance >= .zero)
        #expect(balance < (try #require(Amount("0.07"))))
        #expect(refused > 0 && site.isIdle)
    }

    @Test func notEnoughForTheFirstStepIs402() throws {
        var site = try Site(balance: "0.069999")
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(site.said(phone.endpoint) == "100 402")
        #expect(site.said(Site.e1) == "" && site.said(Site.pstn) == "")
        #expect(site.records.first?.sipStatus == 402 && site.isIdle)
    }

    @Test func emergencyGoesThroughWithNoMoneyAndTheLowestLevel() throws {
        var site = try Site()
        var phone = try site.registered("8009")[0]
        try phone.call("110", at: &site)
        let invite = try site.next(Site.pstn)
        #expect(invite.method == .invite)
        #expect(URI(parsing: invite.requestURI)?.userUnescaped == "110")
        var gateway = Party.pstn
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phone.endpoint) == "100 200")
        gateway.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.direction == .emergency && record.charge == .zero)
    }

    @Test func emergencyPassesTheCallLimit() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        try phones[0].call("119", at: &site, id: "2")
        #expect(site.said(phones[0].endpoint) == "100")
        #expect(try site.next(Site.pstn).method == .invite)
    }

    @Test func theCallerIsToldOnlyWhenTheAnswerIsDurable() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        site.diskIsQuick = false
        try phone.call("02088886666", at: &site)
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        #expect(site.said(phone.endpoint) == "100")
        #expect(site.journals.count == 1)
        site.settle()
        #expect(site.said(phone.endpoint) == "200")
    }

    @Test func anAnswerThatCannotBeWrittenIsRefused() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        site.diskIsQuick = false
        try phone.call("02088886666", at: &site)
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        site.handle(.commitFailed(through: site.sw.lastTicket, reason: "disk full"))
        #expect(site.said(phone.endpoint) == "100 503")
        #expect(site.said(Site.e1) == "ACK BYE")
        #expect(site.sw.ledger.reservationCount == 0 && site.postings.isEmpty)
        // The next paid call is refused at once.
        phone.send("ACK", at: &site, cseq: phone.cseq)
        try phone.call("02088886666", at: &site, id: "2")
        #expect(site.said(phone.endpoint) == "100 503")
        // All that was decided is in the store's line without a gap, and the disk comes back.
        #expect(site.commits.map(\.ticket.rawValue) == Array(1...site.sw.lastTicket.rawValue))
        site.handle(.committed(through: site.sw.lastTicket))
        _ = site.all(phone.endpoint)
        try phone.call("02088886666", at: &site, id: "3")
        #expect(site.said(phone.endpoint) == "100")
    }

    /// Nobody would be answered before the disk has it, and nobody knows when that is.
    @Test func whileTheDiskFailsTheBooksStayAsTheyAre() throws {
        var site = try Site()
        let change = MoneyChange(id: "1", account: "a", amount: Amount("5")!, note: "")
        site.handle(.commitFailed(through: site.sw.lastTicket, reason: "disk full"))
        let (last, balance) = (site.sw.lastTicket, site.sw.ledger.account("a")?.balance)
        for request in [
            .accountToppedUp(change), .accountAdjusted(change), .accountRefunded(change),
            .accountOpened(AccountOpening(id: "new", name: "")),
            .accountChanged(AccountChange(id: "a")), .spendingReleased(.account("a"), by: ""),
            .voucherRedeemed(code: "1", account: "a", by: ""),
            .vouchersMade(VoucherOrder(batch: "b", count: 1, amount: Amount("5")!)),
        ] as [ControlRequest] {
            guard case .refused(let reason)? = site.request(request) else {
                Issue.record("\(request) was not refused")
                continue
            }
            #expect(reason == "not done, ask again later: the store fails: disk full")
        }
        #expect(site.sw.lastTicket == last && site.sw.ledger.account("a")?.balance == balance)
        guard case .accounts? = site.request(.accountShown(id: "a")) else {
            Issue.record("nothing can be looked at")
            return
        }
        site.handle(.committed(through: site.sw.lastTicket))
        guard case .done? = site.request(.accountToppedUp(change)) else {
            Issue.record("the same top-up is not taken later")
            return
        }
    }

    @Test func anExtensionWithoutAccountPaysNothingAndCallsNobodyOutside() throws {
        var site = try Site { stored in stored.extensions[0].account = nil }
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(site.said(phone.endpoint) == "100 402")
    }

    @Test func aWallClockThatIsSteppedChangesNoCharge() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.seconds(10))
        site.handle(
            .wallClockRead(
                WallClock(instant: site.now, unixMicroseconds: 1, utcOffset: 0)))
        site.pass(.seconds(2))
        phone.send("BYE", at: &site)
        #expect(site.records.first?.billedMs == 12_000)
        #expect(site.records.first?.charge == Amount("0.14"))
    }

    @Test func dataCommandsWhileNoDaemonRunsLeaveItsCallsAlone() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        var stored = try Site.stored()
        stored.runningCalls = [try #require(site.journals.last)]
        var actions = ActionList()
        let offline = ObservedSwitch(
            try Switch(
                configuration: Configuration(
                    settings: Site.settings(), plan: try Site.compiledPlan()),
                stored: stored, hashes: Site.hashes, seed: Array(repeating: 1, count: 32),
                wallClock: site.sw.wallClock, now: site.now, resumesCalls: false, into: &actions))
        #expect(actions.commits.isEmpty && actions.sends.isEmpty)
        #expect(offline.ledger.reserved(account: "a") == Amount("0.35"))
    }
}
