import Charging
import SIP
import Testing

@testable import Switching

/// Calls that end while their answer is on the way to the disk: the caller hears of the end when that
/// is there too, since until then a new process would connect it.
@Suite struct WithheldTests {
    /// A paid call whose callee has answered; the disk has said nothing yet.
    private func answering() throws -> (site: Site, phone: Party, gateway: Party) {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        site.diskIsQuick = false
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phone.endpoint) == "100")
        return (site, phone, gateway)
    }

    private func hangUpByOperator(_ site: inout Site) throws {
        let call = try #require(site.sw.callHandles.keys.first)
        _ = site.request(.hungUp(call: call.description))
    }

    @Test func whoIsHungUpByTheOperatorHearsItWhenItIsOnTheDisk() throws {
        var (site, phone, _) = try answering()
        try hangUpByOperator(&site)
        #expect(site.said(phone.endpoint) == "" && site.said(Site.e1) == "ACK BYE")
        site.settle()
        #expect(site.said(phone.endpoint) == "480" && site.isIdle)
        #expect(site.records.count == 1 && site.records[0].charge == .zero)
    }

    @Test func whoseCalleeHangsUpAtOnceHearsItWhenItIsOnTheDisk() throws {
        var (site, phone, gateway) = try answering()
        gateway.send("BYE", at: &site)
        #expect(site.said(phone.endpoint) == "" && site.said(Site.e1) == "200")
        site.settle()
        #expect(site.said(phone.endpoint) == "480" && site.isIdle)
    }

    @Test func whoGivesUpHearsItWhenItIsOnTheDisk() throws {
        var (site, phone, _) = try answering()
        try phone.cancel(at: &site)
        #expect(site.said(phone.endpoint) == "200" && site.said(Site.e1) == "ACK BYE")
        site.settle()
        #expect(site.said(phone.endpoint) == "487" && site.isIdle)
    }

    @Test func aKillBeforeTheEndIsOnTheDiskAnswersACallerThatWasToldNothing() throws {
        var (site, phone, gateway) = try answering()
        let answer = try #require(site.commits.last?.ticket)
        try hangUpByOperator(&site)
        site.lastDurable = answer.rawValue
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        #expect(site.said(phone.endpoint) == "200" && site.sw.calls.count == 1)
        gateway.send("BYE", at: &site)
        #expect(site.said(phone.endpoint) == "BYE")
        #expect(site.records.count == 1 && site.isIdle)
    }

    @Test func aDiskThatRefusesKeepsNobodyWaiting() throws {
        var (site, phone, _) = try answering()
        let last = try #require(site.commits.last?.ticket)
        try hangUpByOperator(&site)
        site.handle(.commitFailed(through: last, reason: "full"))
        #expect(site.said(phone.endpoint) == "480")
    }

    @Test func aDiskThatSaysNothingKeepsTheCallerForSecondsOnly() throws {
        var (site, phone, _) = try answering()
        try hangUpByOperator(&site)
        site.pass(.milliseconds(2900))
        #expect(site.said(phone.endpoint) == "")
        site.pass(.milliseconds(200))
        let refusal = try site.next(phone.endpoint)
        #expect(refusal.status == 503 && refusal.value(.retryAfter) != nil)
        // The word of the disk comes too late to say anything else.
        site.settle()
        #expect(!site.said(phone.endpoint).contains("480") && site.records.count == 1)
    }

    /// The CSeq of another BYE would be far ahead of what a new process goes on with.
    @Test func aReinviteAnsweredAfterTheEndIsAcknowledgedAndNotHungUpAgain() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        phone.send("INVITE", at: &site, body: Party.offer)
        let again = try site.next(Site.e1)
        #expect(again.method == .invite)
        try hangUpByOperator(&site)
        #expect(site.said(Site.e1) == "BYE")
        gateway.answer(again, 200, at: &site, body: Party.offer)
        #expect(site.said(Site.e1) == "ACK" && site.isIdle)
    }
}
