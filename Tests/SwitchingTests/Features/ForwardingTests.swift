import Charging
import SIP
import Testing

@testable import Switching

/// Where a call goes that an extension does not take, and who pays for it.
@Suite struct ForwardingTests {
    @Test func everyCallIsForwardedOnTheRightsAndTheAccountOfWhoForwards() throws {
        var site = try Site.withFeatures(["8002": { $0.forwardAlways = "02088886666" }])
        var phone = try site.registered("8009")[0]
        // 8009 may call inside only and has no money.
        try phone.call("8002", at: &site)
        let invite = try site.next(Site.e1)
        #expect(invite.address(.from)?.uriView?.userUnescaped == "+8631166778002")
        #expect(
            invite.text(.diversion)
                == "<sip:66778002@127.0.0.1:5060>;reason=unconditional;counter=1")
        var gateway = Party.e1
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        site.pass(.seconds(6))
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.caller == "8009" && record.dialled == "8002")
        #expect(record.normalised == "02088886666" && record.callerAccount == "a")
        #expect(record.charge == Amount("0.07"))
        #expect(record.link == .forwarded && record.chargedExtension == "8002")
        #expect(record.linkedCall == nil && site.records.count == 1)
        #expect(site.postings.map(\.account) == ["a"])
        #expect(site.isIdle)
    }

    @Test func whoForwardsWhereItMayNotCallItselfForwardsNothing() throws {
        var site = try Site.withFeatures(["8009": { $0.forwardAlways = "02088886666" }])
        var phone = try site.registered("8001")[0]
        try phone.call("8009", at: &site)
        #expect(site.said(phone.endpoint) == "100 403")
        #expect(site.said(Site.e1) == "" && site.isIdle)
    }

    @Test(arguments: [486, 600, 603])
    func aBusyPhoneSendsTheCallToWhereItsUserSays(status: Int) throws {
        var site = try Site.withFeatures(["8001": { $0.forwardBusy = "8004" }])
        var phones = try site.registered("8005", "8001", "8004")
        try phones[0].call("8001", at: &site)
        let invite = try site.invite(phones[1])
        phones[1].answer(invite, 180, at: &site)
        phones[1].answer(invite, status, at: &site)
        let second = try site.invite(phones[2])
        #expect(second.text(.diversion) == "<sip:8001@127.0.0.1:5060>;reason=user-busy;counter=1")
        phones[2].answer(second, 180, at: &site)
        phones[2].answer(second, 200, at: &site, body: Party.offer)
        let answers = site.all(phones[0].endpoint)
        #expect(answers.map(\.status) == [100, 180, 180, 200])
        phones[0].acknowledge(try #require(answers.last), at: &site)
        phones[0].send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.route) == ["8001", "8004"])
        #expect(record.attempts[0].q850 == 17 || record.attempts[0].sipStatus == 603)
        #expect(record.attempts[0].reason.hasSuffix(", goes on to 8004 as 8001"))
        #expect(record.attempts[1].outcome == .answered)
        #expect(record.words.contains { $0.contains("8004") })
        #expect(site.isIdle)
    }

    @Test func anExtensionInACallIsBusyAndTheRestOfThePlanCounts() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8002", "8003", "8004")
        try site.connected(&phones)
        try phones[3].call("8002", at: &site)
        #expect(try site.invite(phones[2]).method == .invite)
        #expect(site.said(phones[1].endpoint) == "")
    }

    @Test func noAnswerGoesToTheVoiceMailAfterThePlansTimeAndNobodyPays() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8009", "8002")
        try phones[0].call("8002", at: &site)
        phones[1].answer(try site.invite(phones[1]), 180, at: &site)
        site.pass(.milliseconds(14_999))
        #expect(site.said(phones[1].endpoint) == "")
        site.pass(.milliseconds(2))
        #expect(site.said(phones[1].endpoint) == "CANCEL")
        let invite = try site.next(Site.voicemail)
        #expect(invite.requestURI.starts(with: "sip:8002@".utf8))
        #expect(
            invite.text(.diversion) == "<sip:66778002@127.0.0.1:5060>;reason=no-answer;counter=1")
        var mailbox = Party("voicemail", Site.voicemail)
        mailbox.answer(invite, 200, at: &site, body: Party.offer)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        site.pass(.seconds(60))
        phones[0].send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.route == "voicemail" && record.charge == .zero)
        #expect(record.callerAccount == nil && site.postings.isEmpty && site.isIdle)
    }

    @Test func anUnregisteredExtensionSendsTheCallOn() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8003")
        try phones[0].call("8002", at: &site)
        let invite = try site.invite(phones[1])
        #expect(
            invite.text(.diversion) == "<sip:8002@127.0.0.1:5060>;reason=unavailable;counter=1")
    }

    @Test func aPhoneThatSaysNothingCountsAsUnregistered() throws {
        var site = try Site.withFeatures(["8001": { $0.forwardUnregistered = "8004" }])
        var phones = try site.registered("8005", "8001", "8004")
        try phones[0].call("8001", at: &site)
        _ = try site.invite(phones[1])
        site.pass(.seconds(32))
        #expect(try site.invite(phones[2]).method == .invite)
    }

    @Test func aCircleOfThePlanEnds() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8002", "8003", "8004")
        // 8002 and 8003 talk to each other, and each forwards to the other when busy.
        var pair = [phones[1], phones[2]]
        try site.connected(&pair)
        try phones[0].call("8002", at: &site)
        let answers = site.all(phones[0].endpoint).map(\.status)
        #expect(answers == [100, 486])
        let record = try #require(site.records.first)
        #expect(record.q850Cause == 17 && record.attempts.map(\.route) == ["8002", "8003"])
    }

    /// The group's last target is an extension whose calls go to the group when nobody answers.
    @Test func aCircleOfAGroupAndAnExtensionRingsEachOnce() throws {
        let plan =
            Site.featurePlan + """

                line 66770009 rings group desk
                group desk 8004 5s then 8001
                forward 8001 when unanswered 5s to group desk
                """
        var site = try Site(plan: plan)
        var phones = try site.registered("8001", "8004", "8005")
        try phones[2].call("66770009", at: &site)
        for phone in [1, 0] {
            phones[phone].answer(try site.invite(phones[phone]), 180, at: &site)
            site.pass(.seconds(6))
        }
        site.pass(.seconds(120))
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.route) == ["8004", "8001"])
        #expect(record.sipStatus == 480 && record.q850Cause == 19)
    }

    @Test(arguments: ["8001", "8002"])
    func theLimitOfTheCallerHoldsWhoeverSendsTheCallOn(called: String) throws {
        let plan = Site.featurePlan + "\nrule brief { from 8005  limit 60s }\n"
        var stored = try Site.stored()
        var settings = UserSettings()
        settings.forwardAlways = "8004"
        stored.userSettings["8001"] = settings
        var configured = Site.settings()
        configured.trunks.append(
            TrunkSettings(
                name: "voicemail", kind: .sip, endpoint: Site.voicemail, channels: 10))
        var site = try Site(stored: stored, settings: configured, plan: plan)
        var phones = try site.registered("8005", "8004", "8003")
        try phones[0].call(called, at: &site)
        // 8001 forwards to 8004, and the plan sends calls to 8002, which is not registered, to 8003.
        let taker = called == "8001" ? 1 : 2
        phones[taker].answer(
            try site.invite(phones[taker]), 200, at: &site, body: Party.offer)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        site.pass(.seconds(59))
        #expect(site.records.isEmpty)
        site.pass(.seconds(2))
        #expect(site.records.first?.billedMs == 60_000)
    }

    @Test func twoWhoForwardToEachOtherEndTheCall() throws {
        var site = try Site.withFeatures([
            "8001": { $0.forwardAlways = "8004" }, "8004": { $0.forwardAlways = "8001" },
        ])
        var phone = try site.registered("8005")[0]
        try phone.call("8001", at: &site)
        #expect(site.said(phone.endpoint) == "100 480" && site.isIdle)
    }

    @Test func aCallFromOutsideIsForwardedOutOnTheAccountOfWhoForwards() throws {
        var site = try Site.withFeatures(["8001": { $0.forwardAlways = "13812345678" }])
        var gateway = Party.pstn
        try gateway.callUnasked("66778001", from: "13900001111", at: &site)
        let invite = try site.next(Site.e1)
        var out = Party.e1
        out.answer(invite, 200, at: &site, body: Party.offer)
        gateway.acknowledge(try #require(site.all(Site.pstn).last), at: &site)
        site.pass(.seconds(6))
        gateway.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.direction == .inbound && record.caller == "13900001111")
        #expect(record.route == "ip-e1" && record.charge == Amount("0.17"))
        #expect(site.isIdle)
    }

    @Test func aLineThatACallCameInOnIsNotTheWayOutOfItsForwarding() throws {
        var site = try Site.withFeatures(["8001": { $0.forwardAlways = "86035566" }])
        var gateway = Party.pstn
        try gateway.callUnasked("66778001", from: "13900001111", at: &site)
        let messages = site.all(Site.pstn)
        let invite = try #require(messages.first { $0.isRequest })
        #expect(invite.method == .invite && site.sw.linesInUse.keys.sorted() == ["66778001"])
        try gateway.cancel(at: &site)
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.route) == ["66778001", "pstn"])
        #expect(record.attempts.map(\.outcome) == [.skipped, .failed])
    }

    @Test func aPayerWithoutMoneyForwardsNothing() throws {
        var site = try Site.withFeatures(
            balance: "0", ["8001": { $0.forwardAlways = "13812345678" }])
        var gateway = Party.pstn
        try gateway.callUnasked("66778001", from: "13900001111", at: &site)
        #expect(site.said(Site.pstn) == "100 402" && site.said(Site.e1) == "" && site.isIdle)
    }

    @Test func doNotDisturbIsBusy() throws {
        var site = try Site.withFeatures(["8001": { $0.doNotDisturb = true }])
        var phones = try site.registered("8004", "8001")
        try phones[0].call("8001", at: &site)
        #expect(site.said(phones[0].endpoint) == "100 486")
        #expect(site.said(phones[1].endpoint) == "")
    }

    @Test func doNotDisturbSendsTheCallToWhereItGoesWhileBusy() throws {
        var site = try Site.withFeatures([
            "8001": {
                $0.doNotDisturb = true
                $0.forwardBusy = "02088886666"
            }
        ])
        var phone = try site.registered("8004")[0]
        try phone.call("8001", at: &site)
        let invite = try site.next(Site.e1)
        #expect(
            invite.text(.diversion)
                == "<sip:66778001@127.0.0.1:5060>;reason=do-not-disturb;counter=1")
        var gateway = Party.e1
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.link == .forwarded && record.chargedExtension == "8001")
        #expect(record.charge.isPositive)
    }

    @Test func aLineThatRingsATrunkGoesThereAndNobodyPays() throws {
        var site = try Site.withFeatures()
        var gateway = Party.pstn
        try gateway.callUnasked("66770003", from: "13900001111", at: &site)
        let invite = try site.next(Site.voicemail)
        #expect(invite.requestURI.starts(with: "sip:66770003@".utf8))
        #expect(invite.address(.from)?.uriView?.userUnescaped == "13900001111")
    }

    @Test func theIncomingLevelKeepsOutsidersOut() throws {
        var site = try Site.withFeatures(["8001": { $0.incomingLevel = "inner" }])
        let phones = try site.registered("8001")
        var gateway = Party.pstn
        try gateway.callUnasked("66778001", from: "13900001111", at: &site)
        #expect(site.said(Site.pstn) == "100 403" && site.said(phones[0].endpoint) == "")
    }
}
