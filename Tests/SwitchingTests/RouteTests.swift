import Charging
import SIP
import Testing

@testable import Switching

/// Lines and trunks: which way a call takes, and what happens when that way fails.
@Suite struct RouteTests {
    @Test func aNationalCallLeavesByTheE1AndShowsTheLine() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        #expect(invite.requestURI.elementsEqual("sip:+862088886666@127.0.0.1:5070".utf8))
        for name in [HeaderName.from, .pAssertedIdentity] {
            #expect(invite.address(name)?.uriView?.userUnescaped == "+8631166778001")
        }
        #expect(site.sw.trunks["ip-e1"]?.channelsInUse == 1)
    }

    @Test func aLocalCallLeavesOnTheCallersOwnLine() throws {
        var site = try Site()
        var phone = try site.registered("8003")[0]
        try phone.call("86035566", at: &site)
        let invite = try site.next(Site.pstn)
        #expect(invite.address(.from)?.uriView?.userUnescaped == "66778003")
        #expect(site.sw.linesInUse["66778003"] != nil)
    }

    @Test(arguments: ["503", "500 with cause 34", "silence", "transport error", "408"])
    func aDeadE1SendsTheCallToThePSTN(death: String) throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        let invite = try site.next(Site.e1)
        switch death {
        case "503": gateway.answer(invite, 503, at: &site)
        case "408": gateway.answer(invite, 408, at: &site)
        case "500 with cause 34":
            gateway.answer(invite, 500, at: &site, extra: "Reason: Q.850;cause=34\n")
        case "transport error":
            site.handle(
                .transportFailed(Flow(transport: .udp, listener: 0, remote: Site.e1)))
        default: site.pass(.milliseconds(3001))
        }
        let second = try site.next(Site.pstn)
        #expect(
            second.requestURI.elementsEqual("sip:02088886666@127.0.0.1:5080".utf8)
                || second.requestURI.elementsEqual("sip:+862088886666@127.0.0.1:5080".utf8))
        var pstn = Party.pstn
        pstn.answer(second, 200, at: &site, body: Party.offer)
        let answers = site.all(phone.endpoint)
        #expect(answers.map(\.status) == [100, 200])
        phone.acknowledge(try #require(answers.last), at: &site)
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.route) == ["ip-e1", "66778001"])
        #expect(record.attempts.map(\.outcome) == [.failed, .answered])
        let cause: Int? = death == "500 with cause 34" ? 34 : nil
        if let cause { #expect(record.attempts[0].q850 == cause) }
        #expect(record.attempts[0].sipStatus != nil && record.attempts[0].q850 != nil)
        #expect(record.route == "66778001" && record.charge == Amount("0.07"))
        #expect(site.isIdle)
    }

    @Test(arguments: [486, 404, 603, 480, 484])
    func whatTheCalleeSaysIsNeverTriedElsewhere(status: Int) throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), status, at: &site)
        #expect(site.said(phone.endpoint) == "100 \(status)")
        #expect(site.said(Site.pstn) == "")
        #expect(site.records.first?.attempts.count == 1 && site.isIdle)
    }

    @Test func aReasonOfBusyWinsOverThe500ItComesWith() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        gateway.answer(
            try site.next(Site.e1), 500, at: &site, extra: "Reason: Q.850;cause=17\n")
        #expect(site.said(phone.endpoint) == "100 486")
        #expect(site.records.first?.q850Cause == 17)
    }

    @Test func anAnswerFromAnAbandonedRouteIsHungUp() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        site.pass(.milliseconds(3001))
        #expect(try site.next(Site.pstn).method == .invite)
        _ = site.all(Site.e1)
        var gateway = Party.e1
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(Site.e1) == "ACK BYE")
        #expect(site.sw.calls.count == 1)
    }

    @Test func anAbandonedRouteIsSentNothingMore() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        site.pass(.milliseconds(3001))
        _ = site.all(Site.e1)
        site.pass(.seconds(20))
        #expect(site.said(Site.e1) == "")
    }

    @Test func aFullE1IsSkipped() throws {
        var settings = Site.settings()
        settings.trunks[0].channels = 1
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002")
        var gateway = Party.e1
        try site.connected(&phones[0], dials: "02088886666", through: &gateway)
        try phones[1].call("02088886666", at: &site)
        #expect(site.said(Site.e1) == "")
        #expect(try site.next(Site.pstn).method == .invite)
    }

    @Test func aTrunkKnownDownCostsNoTime() throws {
        var settings = Site.settings()
        settings.trunks[0].optionsInterval = .seconds(10)
        var site = try Site(settings: settings)
        site.pass(.seconds(25))
        #expect(site.sw.trunks["ip-e1"]?.isDown == true)
        var phone = try site.registered("8001")[0]
        _ = site.all(Site.e1)
        try phone.call("02088886666", at: &site)
        #expect(site.said(Site.e1) == "")
        #expect(try site.next(Site.pstn).method == .invite)
        #expect(site.sw.calls.handles.count == 1)
    }

    @Test func aTrunkComesBackWhenItAnswersTwice() throws {
        var settings = Site.settings()
        settings.trunks[0].optionsInterval = .seconds(10)
        var site = try Site(settings: settings)
        site.pass(.seconds(25))
        _ = site.all(Site.e1)
        var gateway = Party.e1
        for isDownAfter in [true, false] {
            while site.inbox[Site.e1, default: []].isEmpty { site.pass(.milliseconds(100)) }
            gateway.answer(try site.next(Site.e1), 200, at: &site)
            #expect(site.sw.trunks["ip-e1"]?.isDown == isDownAfter)
        }
        guard case .trunks(let rows) = site.request(.trunks) else {
            Issue.record("no trunks")
            return
        }
        #expect(rows.first?.state == "up" && rows.first?.reason == "answers OPTIONS again")
    }

    @Test func emergencyTriesEvenWhatIsKnownToBeDown() throws {
        var settings = Site.settings()
        settings.trunks[0].optionsInterval = .seconds(10)
        settings.trunks[1].optionsInterval = .seconds(10)
        var site = try Site(settings: settings)
        site.pass(.seconds(25))
        #expect(site.sw.trunks.values.allSatisfy { $0.isDown })
        var phone = try site.registered("8001")[0]
        _ = site.all(Site.pstn)
        _ = site.all(Site.e1)
        try phone.call("120", at: &site)
        #expect(try site.next(Site.pstn).method == .invite)
    }

    @Test(arguments: ["02088886666", "031102088886666", "1790902088886666"])
    func aLevelIsNotPassedByAnySpelling(dialled: String) throws {
        var site = try Site()
        var phone = try site.registered("8009")[0]
        try phone.call(dialled, at: &site)
        let answer = try #require(site.all(phone.endpoint).last)
        #expect((400..<500).contains(answer.status) && answer.status != 402)
        #expect(String(decoding: answer.value(.reason) ?? [], as: UTF8.self).contains("text="))
        #expect(site.records.first?.explanation.isEmpty == false)
    }

    @Test func aCallOnADirectLineRingsItsExtension() throws {
        var site = try Site()
        var phone = try site.registered("8002")[0]
        var gateway = Party.pstn
        try gateway.callUnasked("66778002", from: "13900001111", at: &site)
        let invite = try site.next(phone.endpoint)
        #expect(invite.address(.from)?.uriView?.userUnescaped == "13900001111")
        #expect(site.sw.linesInUse["66778002"] != nil)
        phone.answer(invite, 200, at: &site, body: Party.offer)
        let answers = site.all(Site.pstn)
        #expect(answers.map(\.status) == [100, 200])
        gateway.acknowledge(try #require(answers.last), at: &site)
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.direction == .inbound && record.caller == "13900001111")
        #expect(record.charge == .zero && site.isIdle)
    }

    @Test(arguments: [("pstn", "pstn"), ("anonymous", "anonymous"), ("%00a", "%EF%BF%BDa")])
    func aCallerWithoutNumberIsShownAsItSaysItIs(user: String, shown: String) throws {
        var site = try Site()
        var phone = try site.registered("8002")[0]
        var gateway = Party.pstn
        try gateway.callUnasked("66778002", from: user, at: &site)
        let invite = try site.next(phone.endpoint)
        #expect(invite.address(.from)?.uriView?.user?.elementsEqual(shown.utf8) == true)
        phone.answer(invite, 486, at: &site)
        #expect(site.isIdle)
    }

    @Test func aBusyExtensionMakesItsLineBusy() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        var gateway = Party.pstn
        try gateway.callUnasked("66778002", from: "13900001111", at: &site)
        let answer = try #require(site.all(Site.pstn).last)
        #expect(answer.status == 486)
        #expect(
            String(decoding: answer.value(.reason) ?? [], as: UTF8.self)
                .hasPrefix("Q.850;cause=17"))
    }

    @Test func aCallerOutsideNeverGetsOutAgain() throws {
        var site = try Site()
        var gateway = Party.pstn
        try gateway.callUnasked("02088886666", from: "13900001111", at: &site)
        let last = try #require(site.all(Site.pstn).last)
        #expect((400..<500).contains(last.status))
        #expect(site.said(Site.e1) == "" && site.isIdle)
    }
}
