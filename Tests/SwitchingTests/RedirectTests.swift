import SIP
import Testing

@testable import Switching

/// Phones that say where they are instead (RFC 3261 §8.1.3.4), and whom that is followed for.
@Suite struct RedirectTests {
    @Test func aTrunksRedirectionIsFollowedNowhere() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.pstn
        try phone.call("86035566", at: &site)
        gateway.answer(
            try site.next(Site.pstn), 302, at: &site,
            extra: "Contact: <sip:0019005551234@example.com>\n")
        #expect(!site.said(Site.e1).contains("INVITE"))
        #expect(site.inbox[Site.e1] == nil && site.sw.calls.count <= 1)
    }

    @Test func whereTheAdminWantsNoneAPhonesRedirectionIsAFailure() throws {
        var settings = Site.settings()
        settings.calls.redirects = .refuse
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002", "8003")
        try phones[0].call("8002", at: &site)
        phones[1].answer(
            try site.invite(phones[1]), 302, at: &site,
            extra: "Contact: <sip:8003@example.com>\n")
        #expect(site.said(phones[0].endpoint) == "100 480")
        #expect(site.said(phones[2].endpoint) == "")
    }

    @Test func whereTheAdminWantsItPassedTheCallingPhoneCallsByItself() throws {
        var settings = Site.settings()
        settings.calls.redirects = .pass
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002", "8003")
        try phones[0].call("8002", at: &site)
        phones[1].answer(
            try site.invite(phones[1]), 302, at: &site,
            extra: "Contact: <sip:8003@192.168.7.7:5060;transport=tcp>\n")
        let answers = site.all(phones[0].endpoint)
        #expect(answers.map(\.status) == [100, 302])
        // What is inside of the phone's network is told nobody.
        #expect(answers.last?.text(.contact) == "<sip:8003@127.0.0.1:5060>")
        #expect(site.said(phones[2].endpoint) == "" && site.isIdle)
        let record = try #require(site.records.first)
        #expect(record.sipStatus == 302 && record.disposition == .noAnswer)
        #expect(record.endReason == "8002 sends it on to 8003" && site.postings.isEmpty)
        // It calls there as itself: nobody has sent that call on.
        phones[0].acknowledge(try #require(answers.last), at: &site)
        try phones[0].call("8003", at: &site, id: "2")
        let invite = try site.invite(phones[2])
        #expect(!invite.has(.diversion))
        // Somebody outside is not told: its call goes on as a forwarded one.
        phones[2].answer(invite, 486, at: &site)
        for phone in phones { _ = site.all(phone.endpoint) }
        var gateway = Party.pstn
        try gateway.callUnasked("66778002", from: "13900001111", at: &site)
        phones[1].answer(
            try site.invite(phones[1]), 302, at: &site,
            extra: "Contact: <sip:8003@example.com>\n")
        #expect(try site.invite(phones[2]).has(.diversion))
    }

    @Test func oneOfTwoPhonesThatRedirectsDoesNotTakeTheOthersCall() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        var mobile = Party("8002", Endpoint(text: "127.0.0.1:10502"))
        #expect(try mobile.register(at: &site).status == 200)
        try phones[0].call("8002", at: &site)
        let invite = try site.invite(phones[1])
        let other = try site.invite(mobile)
        mobile.answer(other, 302, at: &site, extra: "Contact: <sip:8003@example.com>\n")
        #expect(site.said(phones[2].endpoint) == "")
        phones[1].answer(invite, 486, at: &site)
        // Neither has taken it: it goes where one of them said.
        let sentOn = try site.invite(phones[2])
        #expect(sentOn.text(.diversion)?.contains("<sip:8002@") == true)
        #expect(sentOn.text(.diversion)?.contains("unconditional") == true)
    }

    /// 8001 calls 8002, whose phone says where it is instead.
    private func redirected(
        _ contacts: String, _ settings: Settings = Site.settings()
    ) throws -> (site: Site, phones: [Party]) {
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002", "8003", "8004", "8005")
        try phones[0].call("8002", at: &site)
        phones[1].answer(try site.invite(phones[1]), 302, at: &site, extra: contacts)
        #expect(site.said(phones[1].endpoint) == "ACK")
        return (site, phones)
    }

    /// Which phones ring one after another, when each is busy.
    private func rung(_ site: inout Site, _ phones: inout [Party]) -> [String] {
        var rung: [String] = []
        while let place = phones.indices.first(where: { place in
            site.inbox[phones[place].endpoint]?.contains { $0.method == .invite && $0.isRequest }
                == true
        }) {
            let invite = site.all(phones[place].endpoint).first { $0.method == .invite }
            rung.append(phones[place].number)
            if let invite { phones[place].answer(invite, 486, at: &site) }
        }
        return rung
    }

    @Test(arguments: [
        ("<sip:8003@example.com>;q=0.1, <sip:8004@example.com>;q=0.9", ["8004", "8003"]),
        // As good as each other: as they stand there. What says nothing is as good as any.
        ("<sip:8004@example.com>;q=0.5, <sip:8003@example.com>;q=0.5", ["8004", "8003"]),
        ("<sip:8003@example.com>;q=0.9, <sip:8004@example.com>", ["8004", "8003"]),
        (
            "<sip:8005@example.com>;q=0.05,<sip:8003@example.com>;q=0.5\n"
                + "Contact: <sip:8004@example.com>;q=1.0", ["8004", "8003", "8005"]
        ),
        // Only what is served here, not who says it, and nobody twice.
        (
            "<mailto:8005@example.com>, <sip:8003@elsewhere.example>, <sip:8002@example.com>, "
                + "<sip:8004@example.com>;q=0.1, <sip:8004@example.com>;q=0.2", ["8004"]
        ),
        // What is no number from 0 to 1 says nothing.
        ("<sip:8003@example.com>;q=nan, <sip:8004@example.com>;q=7", ["8003", "8004"]),
    ])
    func theBestOfSeveralContactsIsTriedFirstAndThenTheNext(
        contacts: String, expected: [String]
    ) throws {
        var (site, phones) = try redirected("Contact: \(contacts)\n")
        #expect(rung(&site, &phones) == expected)
        #expect(site.said(phones[0].endpoint) == "100 486")
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.route) == ["8002"] + expected && site.isIdle)
    }

    /// Each goes on from where the phone has sent it: nothing of the one before it is told, or counts.
    @Test func theNextContactIsTriedWhateverBecameOfTheOneBefore() throws {
        let level = "<sip:02088886666@example.com>;q=0.9, <sip:8003@example.com>;q=0.1"
        // Beyond the level of the extension that sends it there, and on the way out.
        for (by, isAllowed) in [("8009", false), ("8002", true)] {
            var site = try Site()
            var phones = try site.registered("8001", by, "8003")
            try phones[0].call(by, at: &site)
            phones[1].answer(
                try site.invite(phones[1]), 302, at: &site, extra: "Contact: \(level)\n")
            var tried = 0
            for var gateway in [Party.e1, .pstn, .pstn] where isAllowed {
                let invite = site.all(gateway.endpoint).last { $0.method == .invite }
                gateway.answer(try #require(invite), 503, at: &site)
                tried += 1
            }
            #expect(tried == (isAllowed ? 3 : 0))
            let invite = try site.invite(phones[2])
            #expect(Array(invite.values(.diversion)).count == 1)
            #expect(invite.text(.diversion)?.contains("<sip:\(by)@") == true)
            phones[2].answer(invite, 200, at: &site, body: Party.offer)
            let answers = site.all(phones[0].endpoint)
            #expect(answers.map(\.status) == [100, 200])
            #expect(site.sw.ledger.reservationCount == 0)
            phones[0].acknowledge(try #require(answers.last), at: &site)
            phones[0].send("BYE", at: &site)
            let record = try #require(site.records.first)
            #expect(record.direction == .internal && record.link == .forwarded)
            #expect(record.callerAccount == nil && record.chargedExtension == nil)
            #expect(site.postings.isEmpty && site.isIdle)
        }
        // A phone that is not there, one that does not answer, and a ring group.
        var (site, phones) = try redirected(
            "Contact: <sip:8006@example.com>, <sip:8004@example.com>, <sip:8003@example.com>\n")
        let invite = try site.invite(phones[3])
        phones[3].answer(invite, 180, at: &site)
        site.pass(site.settings.calls.noAnswer)
        #expect(Array(try site.invite(phones[2]).values(.diversion)).count == 1)
        #expect(site.said(phones[3].endpoint).hasSuffix("CANCEL"))
    }

    @Test func aContactThatRingsOutGivesItsChannelBackBeforeTheNext() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        phones[1].answer(
            try site.invite(phones[1]), 302, at: &site,
            extra: "Contact: <sip:02088886666@example.com>, <sip:02088886667@example.com>\n")
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 180, at: &site)
        site.pass(site.settings.calls.noAnswer)
        let said = site.all(Site.e1)
        #expect(said.map(\.method) == [.cancel, .invite])
        let uri = String(decoding: said.last?.requestURI ?? [], as: UTF8.self)
        #expect(uri.contains("2088886667@"), "\(uri)")
        #expect(site.sw.trunks["ip-e1"]?.channels.inUse == 1)
        gateway.answer(try #require(said.last), 486, at: &site)
        #expect(site.sw.trunks["ip-e1"]?.channels.inUse == 0 && site.records.count == 1)
        #expect(site.sw.ledger.reservationCount == 0)
    }

    /// What the user of the better one has for that comes first: it belongs to that one.
    @Test func theForwardingOfAContactComesBeforeTheNextContact() throws {
        var site = try Site { stored in
            var settings = UserSettings()
            settings.forwardBusy = "8005"
            stored.userSettings["8004"] = settings
        }
        var phones = try site.registered("8001", "8002", "8003", "8004", "8005")
        try phones[0].call("8002", at: &site)
        phones[1].answer(
            try site.invite(phones[1]), 302, at: &site,
            extra: "Contact: <sip:8004@example.com>, <sip:8003@example.com>\n")
        #expect(rung(&site, &phones) == ["8004", "8005", "8003"])
    }

    @Test func aContactThatSendsItOnItselfIsFollowedBeforeTheNextOne() throws {
        var (site, phones) = try redirected(
            "Contact: <sip:8004@example.com>, <sip:8003@example.com>\n")
        phones[3].answer(
            try site.invite(phones[3]), 302, at: &site,
            extra: "Contact: <sip:8005@example.com>\n")
        #expect(rung(&site, &phones) == ["8005", "8003"])
    }

    /// It is asked of no more phones than it may go on to.
    @Test func moreContactsThanACallMayTakeTurnsAreLeft() throws {
        var settings = Site.settings()
        settings.limits.diversions = 2
        var (site, phones) = try redirected(
            "Contact: <sip:8003@example.com>, <sip:8004@example.com>, <sip:8005@example.com>\n",
            settings)
        #expect(rung(&site, &phones) == ["8003", "8004"] && site.isIdle)
    }

    @Test func whoDeclinesEverywhereAmongTheContactsIsTheLast() throws {
        var (site, phones) = try redirected(
            "Contact: <sip:8004@example.com>, <sip:8003@example.com>\n")
        phones[3].answer(try site.invite(phones[3]), 603, at: &site)
        #expect(site.said(phones[0].endpoint) == "100 603")
        #expect(site.said(phones[2].endpoint) == "" && site.isIdle)
    }

    @Test func allContactsThatAreServedArePassed() throws {
        var settings = Site.settings()
        settings.calls.redirects = .pass
        var (site, phones) = try redirected(
            "Contact: <sip:8003@example.com>;q=0.1, <mailto:a@example.com>, "
                + "<sip:8004@192.168.7.7>;q=0.95\n", settings)
        let answer = try #require(site.all(phones[0].endpoint).last)
        #expect(answer.status == 302)
        #expect(
            answer.values(.contact).map { String(decoding: $0, as: UTF8.self) } == [
                "<sip:8004@127.0.0.1:5060>;q=0.950", "<sip:8003@127.0.0.1:5060>;q=0.100",
            ])
        #expect(rung(&site, &phones) == [] && site.isIdle)
    }

    @Test func whoDeclinesEverywhereIsNotCalledElsewhere() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        var mobile = Party("8002", Endpoint(text: "127.0.0.1:10502"))
        #expect(try mobile.register(at: &site).status == 200)
        try phones[0].call("8002", at: &site)
        let invite = try site.invite(phones[1])
        mobile.answer(
            try site.invite(mobile), 302, at: &site, extra: "Contact: <sip:8003@example.com>\n")
        phones[1].answer(invite, 603, at: &site)
        #expect(site.said(phones[2].endpoint) == "")
        #expect(try #require(site.all(phones[0].endpoint).last).status == 603)
    }

    @Test func phonesThatSendACallInACircleEndIt() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try phones[0].call("8002", at: &site)
        for turn in 0..<20 {
            let place = 1 + turn % 2
            guard
                site.inbox[phones[place].endpoint]?.contains(where: { $0.method == .invite })
                    == true
            else { break }
            let invite = try #require(
                site.all(phones[place].endpoint).first { $0.method == .invite && $0.isRequest })
            phones[place].answer(
                invite, 302, at: &site,
                extra: "Contact: <sip:\(phones[3 - place].number)@example.com>\n")
        }
        #expect(try #require(site.all(phones[0].endpoint).last).status >= 400)
        #expect(site.isIdle)
    }
}
