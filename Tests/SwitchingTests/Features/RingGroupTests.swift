import Charging
import SIP
import Testing

@testable import Switching

/// Ring groups, called from outside on their lines.
@Suite struct RingGroupTests {
    private static let elsewhere = "SIP;cause=200;text=\"Call completed elsewhere\""

    @Test func allRingTheFirstAnswerWinsAndTheOthersHearThatItWasTakenElsewhere() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8002")
        var gateway = Party.pstn
        try gateway.callUnasked("66770000", from: "13900001111", at: &site)
        let invites = [try site.invite(phones[0]), try site.invite(phones[1])]
        phones[0].answer(invites[0], 180, at: &site)
        phones[1].answer(invites[1], 180, at: &site)
        phones[1].answer(invites[1], 200, at: &site, body: Party.offer)
        let cancel = try site.next(phones[0].endpoint)
        #expect(cancel.method == .cancel)
        #expect(cancel.text(.reason) == Self.elsewhere)
        phones[0].answer(invites[0], 487, at: &site)
        let answers = site.all(Site.pstn)
        #expect(answers.map(\.status) == [100, 180, 180, 200])
        // One dialog for the caller all along: one coherent ring.
        #expect(Set(answers.dropFirst().map { $0.text(.to) }).count == 1)
        gateway.acknowledge(try #require(answers.last), at: &site)
        gateway.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.direction == .inbound && record.disposition == .answered)
        #expect(record.attempts.map(\.route) == ["8001", "8002"])
        #expect(record.attempts.map(\.outcome) == [.failed, .answered])
        #expect(record.attempts[0].reason == "8002 answered")
        #expect(site.isIdle && site.sw.ringing.isEmpty)
    }

    @Test func busyAndUnregisteredMembersArePassedOver() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8002", "8004")
        try phones[0].call("8004", at: &site)
        _ = site.all(phones[1].endpoint)
        var third = try site.registered("8003")[0]
        var gateway = Party.pstn
        try gateway.callUnasked("66770000", from: "13900001111", at: &site)
        // 8001 is not registered, 8002 is in a call: the second stage rings at once.
        third.answer(try site.invite(third), 200, at: &site, body: Party.offer)
        gateway.acknowledge(try #require(site.all(Site.pstn).last), at: &site)
        gateway.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.route) == ["8001", "8002", "8003"])
        #expect(record.attempts.map(\.outcome) == [.skipped, .skipped, .answered])
        #expect(record.attempts.prefix(2).map(\.reason) == ["not registered", "busy"])
    }

    @Test func aStageRingsItsTimeThenTheNextOneThenTheCallOverflowsOnTheAccountOfWhoPays() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8002", "8003")
        var gateway = Party.pstn
        try gateway.callUnasked("66770000", from: "13900001111", at: &site)
        for place in 0..<2 { phones[place].answer(try site.invite(phones[place]), 180, at: &site) }
        #expect(site.sw.callsOfExtension == ["8001": 1, "8002": 1])
        site.pass(.milliseconds(20_001))
        #expect(site.said(phones[0].endpoint) == "CANCEL")
        #expect(site.said(phones[1].endpoint) == "CANCEL")
        #expect(site.sw.callsOfExtension == ["8003": 1])
        let second = try site.invite(phones[2])
        phones[2].answer(second, 180, at: &site)
        site.pass(.milliseconds(10_001))
        #expect(site.said(phones[2].endpoint) == "CANCEL")
        var trunk = Party.e1
        let out = try site.next(Site.e1)
        #expect(out.requestURI.starts(with: "sip:+862088886666@".utf8))
        #expect(out.text(.diversion) == "<sip:reception@127.0.0.1:5060>;reason=no-answer;counter=1")
        trunk.answer(out, 200, at: &site, body: Party.offer)
        gateway.acknowledge(try #require(site.all(Site.pstn).last), at: &site)
        site.pass(.seconds(6))
        gateway.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.route) == ["8001", "8002", "8003", "ip-e1"])
        #expect(record.attempts[2].reason == "no answer, goes on to 02088886666 as 8005")
        #expect(record.direction == .inbound && record.callerAccount == "a")
        #expect(record.charge == Amount("0.07") && record.normalised == "02088886666")
        #expect(site.isIdle)
    }

    @Test func roundRobinBeginsBehindWhoWasRungFirstBefore() throws {
        var site = try Site.withFeatures()
        let phones = try site.registered("8001", "8002", "8003")
        var first: [String] = []
        for call in 1...4 {
            var gateway = Party.pstn
            try gateway.callUnasked("66770001", from: "13900001111", at: &site, id: "\(call)")
            for phone in phones where site.inbox[phone.endpoint]?.isEmpty == false {
                first.append(phone.number)
                var phone = phone
                phone.answer(try site.invite(phone), 180, at: &site)
            }
            try gateway.cancel(at: &site)
            site.pass(.seconds(40))
            site.inbox = [:]
        }
        #expect(first == ["8001", "8002", "8003", "8001"])
    }

    @Test func theLongestIdleIsRungFirst() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8003", "8002")
        try site.connected(&phones)
        phones[0].send("BYE", at: &site)
        phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site)
        site.inbox = [:]
        var gateway = Party.pstn
        try gateway.callUnasked("66770002", from: "13900001111", at: &site)
        let invite = try site.invite(phones[2])
        phones[2].answer(invite, 486, at: &site)
        #expect(site.said(phones[2].endpoint) == "ACK")
        // Both others were in the same call, so the order of the plan decides.
        #expect(try site.invite(phones[0]).method == .invite)
        site.pass(.milliseconds(10_001))
        #expect(try site.invite(phones[1]).method == .invite)
    }

    @Test func aGroupWithoutOverflowThatNobodyAnswersIsNotAnswered() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8001")[0]
        var gateway = Party.pstn
        try gateway.callUnasked("66770002", from: "13900001111", at: &site)
        phone.answer(try site.invite(phone), 180, at: &site)
        site.pass(.milliseconds(10_001))
        #expect(site.said(Site.pstn) == "100 180 480")
        let record = try #require(site.records.first)
        #expect(record.q850Cause == 19 && record.disposition == .noAnswer)
        #expect(record.attempts.map(\.outcome) == [.failed, .skipped, .skipped])
        #expect(site.isIdle)
    }

    @Test func overflowToBusyGivesTheBusyTone() throws {
        var site = try Site.withFeatures()
        var gateway = Party.pstn
        try gateway.callUnasked("66770001", from: "13900001111", at: &site)
        #expect(site.said(Site.pstn) == "100 486")
        #expect(site.records.first?.q850Cause == 17 && site.isIdle)
    }

    @Test func whoWantsNotToBeDisturbedIsNotRung() throws {
        var site = try Site.withFeatures(["8001": { $0.doNotDisturb = true }])
        let phones = try site.registered("8001", "8002")
        var gateway = Party.pstn
        try gateway.callUnasked("66770000", from: "13900001111", at: &site)
        #expect(site.said(phones[0].endpoint) == "" && site.said(phones[1].endpoint) == "INVITE")
    }

    @Test func theCallerHangingUpCancelsAllWhoRing() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8002")
        var gateway = Party.pstn
        try gateway.callUnasked("66770000", from: "13900001111", at: &site)
        for place in phones.indices {
            phones[place].answer(try site.invite(phones[place]), 180, at: &site)
        }
        try gateway.cancel(at: &site)
        for phone in phones { #expect(site.said(phone.endpoint) == "CANCEL") }
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.outcome) == [.failed, .failed])
        #expect(record.attempts.allSatisfy { $0.sipStatus == 487 })
        #expect(site.isIdle && site.sw.ringing.isEmpty)
    }

    @Test func noMorePhonesAreRungForOneCallThanTheLimitSays() throws {
        var settings = Site.settings()
        settings.limits.rings = 1
        var trunk = TrunkSettings(
            name: "voicemail", kind: .sip, endpoint: Site.voicemail, channels: 10)
        trunk.optionsInterval = .zero
        settings.trunks.append(trunk)
        var site = try Site(settings: settings, plan: Site.featurePlan)
        let phones = try site.registered("8001", "8002")
        var gateway = Party.pstn
        try gateway.callUnasked("66770000", from: "13900001111", at: &site)
        #expect(phones.map { site.said($0.endpoint) } == ["INVITE", ""])
    }
}
