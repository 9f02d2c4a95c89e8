import Charging
import SIP
import Testing

@testable import Switching

/// Feature codes: what they do, how they say so, and that they are no calls.
@Suite struct FeatureCodeTests {
    @Test(arguments: [
        ("*21*8002", "#21", "every call to 8002", "every call: not forwarded"),
        (
            "*67*02088886666", "#67", "calls while busy to 02088886666",
            "calls while busy: not forwarded"
        ),
        ("*61*8002", "#61", "unanswered calls to 8002", "unanswered calls: not forwarded"),
        (
            "*62*8002", "#62", "calls while no phone is registered to 8002",
            "calls while no phone is registered: not forwarded"
        ),
    ])
    func forwardingIsSwitchedAndSaidSo(on: String, off: String, said: String, undone: String) throws
    {
        var site = try Site.withFeatures()
        var phone = try site.registered("8001")[0]
        let answer = try site.code(on, by: &phone, id: "1")
        #expect(answer.status == 487 && answer.phrase == said && answer.text == said)
        #expect(answer.text(.contentType) == "text/plain;charset=utf-8")
        #expect(answer.text(.reason) == "Q.850;cause=16;text=\"\(said)\"")
        #expect(site.sw.userSettings["8001"] != nil)
        #expect(try site.code(off, by: &phone, id: "2").phrase == undone)
        #expect(site.sw.userSettings["8001"] == nil)
        let saved = site.commits.flatMap(\.changes).filter { change in
            if case .settingsSaved("8001", _) = change { true } else { false }
        }
        #expect(saved.count == 2)
        #expect(site.records.map(\.direction) == [.feature, .feature])
        #expect(site.records.allSatisfy { $0.charge == .zero && $0.disposition == .noAnswer })
        #expect(site.records[0].endReason == said && site.isIdle)
    }

    @Test func whatIsDoneIsToldWhenItIsOnTheDisk() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8001")[0]
        site.diskIsQuick = false
        try phone.call("*78", at: &site)
        #expect(site.said(phone.endpoint) == "100")
        site.handle(.commitFailed(through: try #require(site.commits.last?.ticket), reason: "full"))
        #expect(site.said(phone.endpoint) == "")
        site.settle()
        #expect(site.said(phone.endpoint) == "487" && site.isIdle)
        // What changes nothing waits for nothing.
        try phone.call("*100", at: &site, id: "2")
        #expect(site.said(phone.endpoint) == "100 487")
    }

    @Test func aPhoneHearsInTenSecondsThatTheDiskSaysNothing() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8001")[0]
        site.diskIsQuick = false
        try phone.call("*78", at: &site)
        site.pass(.milliseconds(9900))
        #expect(site.said(phone.endpoint) == "100")
        site.pass(.milliseconds(200))
        #expect(site.said(phone.endpoint).hasPrefix("503"))
    }

    @Test func aVoucherIsRedeemedOnceAndNotWhileTheDiskRefuses() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8002")
        let order = VoucherOrder(batch: "spring", count: 1, amount: try #require(Amount("5")))
        guard case .vouchers(let rows)? = site.request(.vouchersMade(order)) else {
            Issue.record("no vouchers")
            return
        }
        let code = "*99*" + rows[0].code
        site.handle(.commitFailed(through: CommitTicket(rawValue: 99), reason: "full"))
        #expect(try site.code(code, by: &phones[0], id: "1").status == 503)
        #expect(site.postings.isEmpty)
        site.handle(.committed(through: try #require(site.commits.last?.ticket)))
        #expect(try site.code(code, by: &phones[0], id: "2").phrase.hasPrefix("Voucher 5.00"))
        #expect(try site.code(code, by: &phones[1], id: "3").status == 403)
        #expect(site.postings.map(\.amount) == [order.amount])
    }

    @Test func whoMayNotCallANumberMayNotForwardToIt() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8009")[0]
        #expect(try site.code("*21*02088886666", by: &phone).status == 403)
        #expect(site.sw.userSettings.isEmpty && site.records.first?.sipStatus == 403)
    }

    @Test func doNotDisturbIsSwitched() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8001")[0]
        #expect(try site.code("*78", by: &phone, id: "1").phrase == "Do not disturb is on")
        #expect(site.sw.userSettings["8001"]?.doNotDisturb == true)
        #expect(try site.code("*79", by: &phone, id: "2").phrase == "Do not disturb is off")
        #expect(site.sw.userSettings.isEmpty)
    }

    @Test func speedDialIsStoredCalledAndErased() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8001")[0]
        #expect(
            try site.code("*75*7*02088886666", by: &phone, id: "1").phrase
                == "Speed dial 7 is 02088886666")
        try phone.call("**7", at: &site, id: "2")
        #expect(try site.next(Site.e1).method == .invite)
        try phone.cancel(at: &site)
        _ = site.all(phone.endpoint)
        #expect(try site.code("#75*7", by: &phone, id: "3").phrase == "Speed dial 7 is empty")
        #expect(try site.code("**7", by: &phone, id: "4").status == 404)
    }

    /// It would be found out only when it is needed. What may be called is decided then.
    @Test func speedDialStoresNumbersAndNoCodes() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8001")[0]
        for (id, code) in ["*78", "**7", "12"].enumerated() {
            let answer = try site.code("*75*7*\(code)", by: &phone, id: "\(id)")
            #expect(answer.status == 404)
        }
        #expect(site.records.last?.endReason == "12 is no number that can be called")
        #expect(site.sw.userSettings.isEmpty)
        // Its level is too low for this one today.
        var low = try site.registered("8009")[0]
        #expect(
            try site.code("*75*7*02088886666", by: &low).phrase == "Speed dial 7 is 02088886666")
    }

    @Test func redialCallsTheLastNumberAndNoCodeIsOne() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site, id: "1")
        try phone.cancel(at: &site)
        _ = site.all(Site.e1)
        _ = site.all(phone.endpoint)
        _ = try site.code("*78", by: &phone, id: "2")
        for id in ["3", "4"] {
            try phone.call("*66", at: &site, id: id)
            #expect(try site.next(Site.e1).requestURI.starts(with: "sip:+862088886666@".utf8))
            try phone.cancel(at: &site)
            _ = site.all(Site.e1)
            _ = site.all(phone.endpoint)
        }
        #expect(site.sw.userSettings["8001"]?.lastDialled == "02088886666")
    }

    @Test func theBalanceIsSaidInTheResponseAndSentToAPhoneThatTakesTexts() throws {
        var site = try Site.withFeatures(balance: "12.5")
        var phone = try site.registered("8001")[0]
        #expect(try site.code("*100", by: &phone, id: "1").phrase == "Balance 12.50 CNY")
        try phone.call("*100", at: &site, id: "2", extra: "Allow: INVITE, MESSAGE\n")
        let messages = site.all(phone.endpoint)
        let message = try #require(messages.first { $0.isRequest })
        #expect(message.method == .message && message.text == "Balance 12.50 CNY")
        #expect(message.text(.contentType) == "text/plain;charset=utf-8")
        #expect(messages.last?.status == 487)
        #expect(site.postings.isEmpty && site.isIdle)
    }

    /// Yesterday's debts are written off before anybody is told of them.
    @Test func theBalanceOfAnAllowanceIsThatOfTheDayAtHand() throws {
        var site = try Site(settings: Site.settings(), plan: Site.featurePlan) { stored in
            stored.accounts.append(
                Account(
                    id: "8001", name: "", kind: .postpaid, creditLimit: Amount("10")!,
                    balance: Amount("-10")!, renewal: .day, renewedIn: 0))
            stored.extensions[0].account = "8001"
        }
        var phone = try site.registered("8001")[0]
        #expect(
            try site.code("*100", by: &phone).phrase == "Balance 0.00 CNY, 10.00 can be used")
    }

    @Test func whoHasNoAccountHasNoBalance() throws {
        var site = try Site(settings: Site.settings(), plan: Site.featurePlan) { stored in
            stored.extensions.append(Site.subscriber("8010", level: "house", account: nil))
        }
        var phone = try site.registered("8010")[0]
        #expect(try site.code("*100", by: &phone).status == 403)
    }

    @Test func aVoucherIsRedeemedByItsCodeWhichStandsNowhere() throws {
        var site = try Site.withFeatures(balance: "1")
        let amount = try #require(Amount("50"))
        let order = VoucherOrder(batch: "spring", count: 1, amount: amount)
        guard case .vouchers(let rows)? = site.request(.vouchersMade(order)) else {
            throw Unexpected(nil)
        }
        let digits = rows[0].code
        var phone = try site.registered("8001")[0]
        let answer = try site.code("*99*\(digits)", by: &phone, id: "1")
        #expect(answer.status == 487 && answer.phrase == "Voucher 50.00 CNY, balance 51.00")
        #expect(site.postings.map(\.amount) == [amount])
        #expect(try site.code("*99*\(digits)", by: &phone, id: "2").status == 403)
        #expect(site.sw.ledger.account("a")?.balance == Amount("51"))
        #expect(site.records.map(\.dialled) == ["*99*****", "*99*****"])
        #expect(!"\(site.records) \(site.logs)".contains(digits))
    }

    @Test func whileTheDiskFailsAVoucherIsNotUsedUp() throws {
        var site = try Site.withFeatures(balance: "1")
        let order = VoucherOrder(batch: "spring", count: 1, amount: try #require(Amount("50")))
        guard case .vouchers(let rows)? = site.request(.vouchersMade(order)) else {
            throw Unexpected(nil)
        }
        var phone = try site.registered("8001")[0]
        site.handle(.commitFailed(through: site.sw.lastTicket, reason: "disk full"))
        #expect(try site.code("*99*\(rows[0].code)", by: &phone, id: "1").status == 503)
        #expect(site.postings.isEmpty)
        site.handle(.committed(through: site.sw.lastTicket))
        #expect(try site.code("*99*\(rows[0].code)", by: &phone, id: "2").status == 487)
        #expect(site.sw.ledger.account("a")?.balance == Amount("51"))
    }

    @Test func wrongVouchersLockOut() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8001")[0]
        for attempt in 1...3 {
            let answer = try site.code(
                "*99*123456789012345\(attempt)", by: &phone, id: "\(attempt)")
            #expect(answer.status == 403)
        }
        let locked = try site.code("*99*1234567890123456", by: &phone, id: "locked")
        #expect(locked.text(.reason)?.contains("too many wrong vouchers") == true)
        site.pass(.seconds(901))
        site.inbox = [:]
        let after = try site.code("*99*1234567890123456", by: &phone, id: "after")
        #expect(after.text(.reason)?.contains("too many") == false)
        #expect(site.postings.isEmpty)
    }

    @Test func aCodeIsNoCallAndWorksWhileOneIsOn() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        var again = phones[0]
        #expect(try site.code("*78", by: &again, id: "dnd").status == 487)
        #expect(site.sw.callsOfExtension == ["8001": 1, "8002": 1])
    }

    @Test func nobodyOutsideHasFeatures() throws {
        var site = try Site.withFeatures()
        var gateway = Party.pstn
        try gateway.callUnasked("*78", from: "13900001111", at: &site)
        #expect(site.said(Site.pstn).hasPrefix("100 4") && site.sw.userSettings.isEmpty)
    }
}
