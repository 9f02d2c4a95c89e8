import SIP
import Testing

@testable import Switching

/// Presence (RFC 3856) and message-waiting (RFC 3842), by the store of the busy lamps.
@Suite struct PresenceTests {
    private func site(mailbox: String? = nil) throws -> Site {
        var settings = Site.settings()
        settings.mailbox = mailbox
        return try Site(settings: settings, plan: Site.featurePlan)
    }

    /// A phone that is told of another extension by the given package, and the first word of it.
    private func watching(
        _ site: inout Site, _ number: String, _ watched: String, event: String
    ) throws -> (phone: Party, first: Message) {
        var phone = try site.registered(number)[0]
        phone.callID = "watch-\(number)"
        phone.local = "<sip:\(number)@example.com>;tag=t\(number)"
        try phone.authenticated(
            "SUBSCRIBE", uri: "sip:\(watched)@example.com", to: "<sip:\(watched)@example.com>",
            extra: "Event: \(event)\nExpires: 600\n", site: &site)
        let answer = try site.next(phone.endpoint)
        try #require(answer.status == 200)
        phone.established(by: answer)
        return (phone, try told(&phone, &site, event))
    }

    private func told(_ phone: inout Party, _ site: inout Site, _ event: String) throws -> Message {
        let notify = try site.next(phone.endpoint)
        #expect(notify.method == .notify && notify.text(.event) == event)
        phone.answer(notify, 200, at: &site)
        return notify
    }

    @Test func itIsOpenWhileAPhoneIsThereAndSaysThatItTalks() throws {
        var site = try site()
        var (watcher, first) = try watching(&site, "8004", "8002", event: "presence")
        #expect(first.text(.contentType) == "application/pidf+xml")
        #expect(first.text.contains("<basic>closed</basic>"))
        #expect(first.text.contains("entity=\"sip:8002@example.com\""))
        var phones = try site.registered("8001", "8002")
        #expect(try told(&watcher, &site, "presence").text.contains("<basic>open</basic>"))
        // It registers again: that is no news.
        #expect(try phones[1].register(at: &site).status == 200)
        #expect(site.said(watcher.endpoint) == "")

        try phones[0].call("8002", at: &site)
        let ringing = try told(&watcher, &site, "presence")
        #expect(!ringing.text.contains("on-the-phone"))
        phones[1].answer(try site.invite(phones[1]), 200, at: &site, body: Party.offer)
        let talking = try told(&watcher, &site, "presence")
        #expect(talking.text.contains("<rpid:on-the-phone/>"))
        #expect(talking.text.contains("<dm:note>On the phone</dm:note>"))
        #expect(talking.text.contains("<basic>open</basic>") && !talking.text.contains("8001"))
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        phones[0].send("BYE", at: &site)
        #expect(try !told(&watcher, &site, "presence").text.contains("on-the-phone"))

        _ = site.all(phones[1].endpoint)
        #expect(try phones[1].register(at: &site, expires: 0).status == 200)
        #expect(try told(&watcher, &site, "presence").text.contains("<basic>closed</basic>"))
    }

    @Test func aPhoneThatDoesNotRegisterAgainIsGone() throws {
        var site = try site()
        var phone = try site.registered("8002")[0]
        #expect(try phone.register(at: &site, expires: 60).status == 200)
        var (watcher, first) = try watching(&site, "8004", "8002", event: "presence")
        #expect(first.text.contains("open"))
        site.pass(.seconds(125))
        #expect(try told(&watcher, &site, "presence").text.contains("closed"))
    }

    @Test func whoDoesNotWantToBeDisturbedIsClosedAndBusy() throws {
        var site = try site()
        var phone = try site.registered("8002")[0]
        var (watcher, _) = try watching(&site, "8004", "8002", event: "presence")
        _ = try site.code("*78", by: &phone)
        // While it dialled the code it was in a call, so to speak.
        _ = try told(&watcher, &site, "presence")
        let quiet = try told(&watcher, &site, "presence")
        #expect(quiet.text.contains("closed") && quiet.text.contains("<rpid:busy/>"))
    }

    @Test func itIsKeptOverACrash() throws {
        var site = try site()
        var (watcher, _) = try watching(&site, "8004", "8002", event: "presence")
        try site.crash(.process(.seconds(5)))
        site.pass(.milliseconds(1_001))
        #expect(try told(&watcher, &site, "presence").text.contains("closed"))
    }

    /// The clock is set while the switch runs, and then it is killed: by the clock it lasts as long.
    @Test(arguments: [-9 * 3600, 9 * 3600])
    func itIsKeptOverACrashAfterTheClockWasSet(seconds: Int64) throws {
        var site = try site()
        var (watcher, _) = try watching(&site, "8004", "8002", event: "presence")
        let stepped = site.sw.wallClock.microseconds(at: site.now) + seconds * 1_000_000
        site.handle(
            .wallClockRead(
                WallClock(instant: site.now, unixMicroseconds: stepped, utcOffset: 28_800)))
        try site.crash(.process(.seconds(5)))
        site.pass(.milliseconds(1_001))
        #expect(try told(&watcher, &site, "presence").text.contains("closed"))
        #expect(site.sw.subscriptions.count == 1)
        site.pass(.seconds(3700))
        #expect(site.sw.subscriptions.count == 0)
    }

    // MARK: Mailboxes

    private static let summary = "Messages-Waiting: yes\nVoice-Message: 2/8 (0/2)\n"

    /// What a mailbox server says unasked.
    private func notify(
        _ site: inout Site, from endpoint: Endpoint = Site.pstn, number: String = "8002",
        event: String = "message-summary", body: String = summary
    ) {
        let length = body.replacing("\n", with: "\r\n").utf8.count
        site.deliver(
            """
            NOTIFY sip:\(number)@127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(endpoint);branch=z9hG4bK-mwi-\(number)-\(body.hashValue);rport
            Max-Forwards: 70
            From: <sip:mailbox@\(endpoint)>;tag=box
            To: <sip:\(number)@127.0.0.1>
            Call-ID: box-\(number)-\(body.hashValue)
            CSeq: 1 NOTIFY
            Contact: <sip:mailbox@\(endpoint)>
            Event: \(event)
            Subscription-State: active
            Content-Type: application/simple-message-summary
            Content-Length: \(length)

            \(body)
            """, from: endpoint)
    }

    @Test func whatAMailboxServerSaysUnaskedReachesThePhone() throws {
        var site = try site(mailbox: "pstn")
        var phone = try site.registered("8002")[0]
        notify(&site)
        let passed = try site.next(phone.endpoint)
        #expect(passed.method == .notify && passed.text(.event) == "message-summary")
        #expect(passed.text(.subscriptionState) == "active" && passed.has(.contact))
        #expect(passed.text.contains("Voice-Message: 2/8 (0/2)"))
        #expect(passed.text(.contentType) == "application/simple-message-summary")
        #expect(site.said(Site.pstn) == "")
        phone.answer(passed, 200, at: &site)
        #expect(site.said(Site.pstn) == "200")
    }

    @Test func aPhoneMayAskForItsOwnAndHearsItInItsDialog() throws {
        var site = try site(mailbox: "pstn")
        var (phone, first) = try watching(&site, "8002", "8002", event: "message-summary")
        // The server has said nothing yet.
        #expect(first.body.isEmpty && !first.has(.contentType))
        notify(&site)
        let news = try told(&phone, &site, "message-summary")
        #expect(news.text.contains("Voice-Message: 2/8 (0/2)") && news.fromTag != nil)
        #expect(news.callID.elementsEqual("watch-8002".utf8))
        // Not once more outside of it.
        #expect(site.said(phone.endpoint) == "" && site.said(Site.pstn) == "200")
        var stranger = try site.registered("8003")[0]
        stranger.callID = "watch-8003"
        try stranger.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "Event: message-summary\n", site: &site)
        #expect(try site.next(stranger.endpoint).status == 403)
    }

    @Test func nobodyElseSaysWhatWaits() throws {
        var site = try site(mailbox: "pstn")
        let phone = try site.registered("8002")[0]
        notify(&site, from: Site.e1)
        #expect(site.said(Site.e1) == "481" && site.said(phone.endpoint) == "")
        notify(&site, event: "presence")
        #expect(site.said(Site.pstn) == "481")
        notify(&site, number: "8077")
        #expect(site.said(Site.pstn) == "404")
        notify(&site, body: String(repeating: "x", count: 1301))
        #expect(site.said(Site.pstn) == "413")
        var without = try self.site()
        notify(&without)
        #expect(without.said(Site.pstn) == "481")
    }

    // MARK: Phones that were off

    private static let emptied = "Messages-Waiting: no\nVoice-Message: 0/10 (0/0)\n"

    /// The summary that a phone is told, which it answers.
    private func summary(
        _ phone: inout Party, _ site: inout Site, answer: Int = 200
    ) throws -> String {
        let told = try site.next(phone.endpoint)
        #expect(told.method == .notify && told.text(.event) == "message-summary")
        #expect(told.toTag == nil && told.has(.contact))
        #expect(told.text(.contentType) == "application/simple-message-summary")
        phone.answer(told, answer, at: &site)
        return told.text.replacing("\r\n", with: "\n")
    }

    @Test func aPhoneThatWasOffIsToldWhenItRegistersAndNotOnceMore() throws {
        var site = try site(mailbox: "pstn")
        notify(&site)
        #expect(site.said(Site.pstn) == "200")
        var phone = Party.phone("8002")
        #expect(try phone.register(at: &site).status == 200)
        let told = try site.next(phone.endpoint)
        // No subscription is behind it.
        #expect(told.text(.subscriptionState) == "terminated" && told.text(.from) != nil)
        #expect(told.requestURI.elementsEqual("sip:8002@127.0.0.1:18002".utf8))
        #expect(told.text.contains("Voice-Message: 2/8 (0/2)"))
        phone.answer(told, 481, at: &site)
        // A refresh tells it nothing.
        for _ in 0..<3 {
            site.pass(.seconds(60))
            #expect(try phone.register(at: &site).status == 200)
            #expect(site.said(phone.endpoint) == "")
        }
        // It begins anew, and remembers nothing.
        #expect(try phone.register(at: &site, boot: 1).status == 200)
        #expect(try summary(&phone, &site) == Self.summary)
        #expect(try phone.register(at: &site, boot: 1).status == 200)
        #expect(site.said(phone.endpoint) == "")
    }

    @Test func whatAPhoneHasHeardFromTheServerItIsNotToldAgain() throws {
        var site = try site(mailbox: "pstn")
        var phone = try site.registered("8002")[0]
        #expect(site.said(phone.endpoint) == "")
        notify(&site)
        #expect(try summary(&phone, &site) == Self.summary)
        #expect(site.said(Site.pstn) == "200")
        #expect(try phone.register(at: &site).status == 200)
        #expect(site.said(phone.endpoint) == "")
        // It was off when the messages were heard, and its lamp is still on.
        #expect(try phone.register(at: &site, expires: 0).status == 200)
        notify(&site, body: Self.emptied)
        #expect(site.said(Site.pstn) == "200")
        #expect(try phone.register(at: &site).status == 200)
        #expect(try summary(&phone, &site) == Self.emptied)
    }

    @Test func aPhoneThatIsSilentIsToldWhenItRegistersAgainButNotForEver() throws {
        var site = try site(mailbox: "pstn")
        var phone = try site.registered("8002")[0]
        notify(&site)
        #expect(site.said(phone.endpoint) == "NOTIFY")
        site.pass(.seconds(40))
        // It is kept: the server need not say it again.
        #expect(site.said(Site.pstn) == "100 200")
        _ = site.all(phone.endpoint)
        for told in ["NOTIFY", "NOTIFY", "", ""] {
            #expect(try phone.register(at: &site).status == 200)
            #expect(site.said(phone.endpoint) == told)
            site.pass(.seconds(40))
            _ = site.all(phone.endpoint)
        }
    }

    @Test func aPhoneThatHasSubscribedIsNotToldUnasked() throws {
        var site = try site(mailbox: "pstn")
        var (phone, _) = try watching(&site, "8002", "8002", event: "message-summary")
        notify(&site)
        #expect(try told(&phone, &site, "message-summary").text.contains("2/8"))
        let subscribed = phone
        for boot in 0..<2 {
            #expect(try phone.register(at: &site, boot: boot).status == 200)
            #expect(site.said(phone.endpoint) == "")
        }
        phone = subscribed
        notify(&site, body: Self.emptied)
        #expect(try told(&phone, &site, "message-summary").text.contains("0/10"))
        #expect(site.said(phone.endpoint) == "")
    }

    @Test func whatWaitsIsKnownAfterACrash() throws {
        var site = try site(mailbox: "pstn")
        var (phone, _) = try watching(&site, "8002", "8002", event: "message-summary")
        notify(&site)
        notify(&site, number: "8003")
        #expect(try told(&phone, &site, "message-summary").text.contains("2/8"))
        try site.crash(.process(.seconds(5)))
        site.pass(.milliseconds(1_001))
        #expect(try told(&phone, &site, "message-summary").text.contains("2/8"))
        // Nobody knows what this one was told.
        var other = try site.registered("8003")[0]
        #expect(try summary(&other, &site) == Self.summary)
        #expect(try other.register(at: &site).status == 200)
        #expect(site.said(other.endpoint) == "")
    }

    @Test func whatIsSaidTwiceIsWrittenOnceAndGoesWithItsExtension() throws {
        var site = try site(mailbox: "pstn")
        notify(&site)
        _ = site.all(Site.pstn)
        notify(&site, body: "")
        #expect(site.said(Site.pstn) == "480")
        let before = site.sw.lastTicket
        site.pass(.seconds(60))
        notify(&site)
        #expect(site.said(Site.pstn) == "200" && site.sw.lastTicket == before)
        _ = site.request(.extensionRemoved(number: "8002"))
        try site.crash(.process(.seconds(1)))
        #expect(site.disk.summaries.isEmpty)
    }
}
