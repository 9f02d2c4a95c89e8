import Charging
import SIP
import Testing

@testable import Switching

/// Calls between the sites of one switch.
@Suite struct SeveralSitesTests {
    /// 9001 of the branch, whose account is `b`, beside the subscribers of the main site.
    private func site() throws -> Site {
        let night = "group night { 8005 picks-up 9000-9009 }"
        return try Site(plan: Site.featurePlan + "\n\(night)\ninclude \"branch.dialplan\"\n") {
            $0.accounts.append(Account(id: "b", name: "B", balance: Amount(micros: 5_000_000)))
            $0.extensions.append(Site.subscriber("9001", level: "desk", account: "b"))
            var settings = UserSettings()
            settings.pin = Site.pin("4711", of: "9001")
            $0.userSettings["9001"] = settings
        }
    }

    @Test func aDirectLineOfAnotherSiteIsCalledInsideAndCostsNothing() throws {
        var site = try site()
        // 8009 may call inside only, and has no money.
        var phones = try site.registered("8009", "9001")
        try phones[0].call("075526778001", at: &site)
        phones[1].answer(try site.invite(phones[1]), 200, at: &site)
        #expect(site.sw.ledger.reservationCount == 0)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        phones[0].send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.direction == .internal && record.disposition == .answered)
        #expect(record.numberClass == "internal" && record.charge == .zero)
        #expect(record.attempts.map(\.route) == ["9001"])
    }

    @Test func aCallThatRingsAtAnotherSiteIsPickedUp() throws {
        var site = try site()
        var phones = try site.registered("8001", "9001", "8005")
        try phones[0].call("9001", at: &site)
        let invite = try site.invite(phones[1])
        phones[1].answer(invite, 180, at: &site)
        _ = site.all(phones[0].endpoint)
        try phones[2].call("*8*9001", at: &site, body: Party.offer)
        #expect(try site.next(phones[1].endpoint).method == .cancel)
        #expect(site.all(phones[2].endpoint).map(\.status) == [100, 200])
        #expect(site.all(phones[0].endpoint).last?.status == 200)
    }

    @Test func aCallByPINOfAnotherSiteIsMadeWithItsLevelAndOnItsAccount() throws {
        var site = try site()
        var phone = try site.registered("8009")[0]
        try phone.call("*31*9001*4711*02088886666", at: &site)
        let invite = try site.next(Site.pstn)
        #expect(invite.text(.from)?.contains("+8675526778001") == true)
        #expect(site.sw.ledger.reservationCount == 1)
        var gateway = Party.pstn
        gateway.answer(invite, 486, at: &site)
        let record = try #require(site.records.first)
        #expect(record.chargedExtension == "9001" && record.callerAccount == "b")
        #expect(record.dialled == "*31*9001******02088886666")
        #expect(record.words.contains { $0.contains("rights of 9001, level desk") })
        #expect(!record.explanation.joined().contains("4711"))
    }

    @Test func aWrongPINOfAnotherSiteIsCountedThere() throws {
        var site = try site()
        var phone = try site.registered("8009")[0]
        for attempt in 1...3 {
            let answer = try site.code(
                "*31*9001*0000*02088886666", by: &phone, id: "\(attempt)")
            #expect(answer.status == 403)
        }
        #expect(site.sw.userSettings["9001"]?.lockedOutUntil != nil)
        let answer = try site.code("*31*9001*4711*02088886666", by: &phone, id: "right")
        #expect(answer.status == 403 && site.said(Site.pstn) == "")
    }
}
