import Charging
import SIP
import Testing

@testable import Switching

/// How many calls an extension may have in, out and together, and whether a second one knocks.
@Suite struct CallLimitTests {
    /// 8004 may have so many; all others three.
    private func site(
        _ together: Int, in limitIn: Int? = nil, out limitOut: Int? = nil,
        _ change: @escaping (inout UserSettings) -> Void = { _ in }
    ) throws -> Site {
        try Site(plan: Site.featurePlan) { stored in
            for place in stored.extensions.indices {
                let isLimited = stored.extensions[place].number == "8004"
                stored.extensions[place].callLimit = isLimited ? together : 3
                stored.extensions[place].callLimitIn = isLimited ? limitIn : nil
                stored.extensions[place].callLimitOut = isLimited ? limitOut : nil
            }
            var settings = UserSettings()
            change(&settings)
            stored.userSettings["8004"] = settings
        }
    }

    /// 8001 talks with 8004, then 8002 calls it.
    private func second(_ site: inout Site) throws -> (phones: [Party], answer: Message) {
        var phones = try site.registered("8001", "8004", "8002", "8003")
        try site.connected(&phones)
        try phones[2].call("8004", at: &site)
        return (phones, try #require(site.all(phones[2].endpoint).last))
    }

    @Test func aSecondCallKnocksUpToTheLimit() throws {
        var site = try site(2)
        var (phones, answer) = try second(&site)
        #expect(answer.status == 100)
        var waiting = phones[1]
        let invite = try site.invite(waiting)
        waiting.answer(invite, 180, at: &site)
        #expect(try site.next(phones[2].endpoint).status == 180)
        // A third one is too much.
        try phones[3].call("8004", at: &site)
        let refusal = try #require(site.all(phones[3].endpoint).last)
        #expect(refusal.status == 486)
        #expect(refusal.text(.reason)?.contains("Q.850;cause=17") == true)
        let record = try #require(site.records.last)
        #expect(record.disposition == .busy && record.q850Cause == 17)
        #expect(record.endReason == "8004 is busy")
    }

    @Test func whoWantsNoWaitingCallsIsBusyWhileItTalks() throws {
        var site = try site(2) { $0.refusesWaiting = true }
        var (phones, answer) = try second(&site)
        #expect(answer.status == 486)
        #expect(site.records.last?.endReason == "8004 is busy and takes no waiting calls")
        phones[0].send("BYE", at: &site)
        _ = site.all(phones[1].endpoint)
        try phones[2].call("8004", at: &site, id: "again")
        #expect(try site.invite(phones[1]).method == .invite)
    }

    @Test func whoWantsNoWaitingCallsMayStillMakeASecondOne() throws {
        var site = try site(2) { $0.refusesWaiting = true }
        var phones = try site.registered("8004", "8001", "8002")
        try site.connected(&phones)
        try phones[0].call("8002", at: &site, id: "second")
        #expect(try site.invite(phones[2]).method == .invite)
    }

    @Test func aCallThatDoesNotKnockGoesWhereBusyCallsGo() throws {
        var site = try site(2) {
            $0.refusesWaiting = true
            $0.forwardBusy = "8003"
        }
        let (phones, answer) = try second(&site)
        #expect(answer.status == 100)
        let invite = try site.invite(phones[3])
        #expect(invite.text(.diversion)?.contains("<sip:8004@") == true)
        #expect(invite.text(.diversion)?.contains("reason=user-busy") == true)
    }

    @Test func callsInHaveALimitOfTheirOwn() throws {
        var site = try site(3, in: 1)
        var (phones, answer) = try second(&site)
        #expect(answer.status == 486)
        #expect(site.records.last?.endReason == "8004 has 1 of 1 calls in already")
        // It may still call.
        var limited = phones[1]
        try limited.call("8003", at: &site, id: "out")
        #expect(try site.invite(phones[3]).method == .invite)
        phones[0].send("BYE", at: &site)
        #expect(site.sw.callsOfExtension["8004"] == 1)
    }

    @Test func callsOutHaveALimitOfTheirOwn() throws {
        var site = try site(3, out: 1)
        var phones = try site.registered("8004", "8001", "8002")
        try site.connected(&phones)
        try phones[0].call("8003", at: &site, id: "second")
        let refusal = try #require(site.all(phones[0].endpoint).last)
        #expect(refusal.status == 486)
        #expect(site.records.last?.endReason == "8004 has 1 of 1 calls out already")
        // A call in is another thing, and an emergency call is never too much.
        try phones[2].call("8004", at: &site)
        #expect(try site.invite(phones[0]).method == .invite)
        var pstn = Party.pstn
        try phones[0].call("110", at: &site, id: "help")
        pstn.answer(try site.next(pstn.endpoint), 200, at: &site, body: Party.offer)
        #expect(try #require(site.all(phones[0].endpoint).last).status == 200)
    }

    @Test func whoHasItsCallsInFetchesNoOther() throws {
        var site = try site(3, in: 1)
        var phones = try site.registered("8001", "8004", "8002", "8005")
        try site.connected(&phones)
        try phones[2].call("8005", at: &site)
        _ = try site.invite(phones[3])
        var limited = phones[1]
        try limited.call("*8*8005", at: &site, id: "pickup")
        #expect(try #require(site.all(limited.endpoint).last).status == 486)
    }

    @Test func theCountsAreThereAfterACrash() throws {
        var site = try site(3, in: 1)
        var phones = try site.registered("8001", "8004")
        try site.connected(&phones)
        try site.crash(.process(.seconds(1)))
        guard case .extensions(let rows) = site.request(.extensionShown(number: "8004")) else {
            throw Unexpected(nil)
        }
        #expect(rows[0].callsIn == 1 && rows[0].callsOut == 0 && rows[0].callLimitIn == 1)
        var other = try site.registered("8002")[0]
        try other.call("8004", at: &site)
        #expect(try #require(site.all(other.endpoint).last).status == 486)
    }

    @Test func theUserSwitchesItByACode() throws {
        var site = try site(2)
        var phone = try site.registered("8004")[0]
        #expect(try site.code("#43", by: &phone).phrase == "Call waiting is off")
        #expect(site.sw.userSettings["8004"]?.refusesWaiting == true)
        #expect(try site.code("*43", by: &phone, id: "on").phrase == "Call waiting is on")
        #expect(site.sw.userSettings["8004"] == nil)
        var other = try site.registered("8009")[0]
        _ = site.request(.extensionsChanged([ExtensionChange(number: "8009", callLimit: 1)]))
        #expect(
            try site.code("*43", by: &other).phrase
                == "Call waiting is on, but the limit is one call")
    }

    @Test func theAdminSetsAndTakesAwayLimits() throws {
        var site = try Site()
        func set(_ limit: Setting<Int>) -> ControlReply? {
            site.request(
                .extensionsChanged([ExtensionChange(number: "8001", callLimitOut: limit)]))
        }
        guard case .refused(let why) = set(.set(0)) else { throw Unexpected(nil) }
        #expect(why == "8001: a limit of calls out is 1 to 1000, not 0")
        guard case .done = set(.set(2)) else { throw Unexpected(nil) }
        #expect(site.sw.extensions["8001"]?.callLimitOut == 2)
        guard case .done = set(.cleared) else { throw Unexpected(nil) }
        #expect(site.sw.extensions["8001"]?.callLimitOut == nil)
    }
}
