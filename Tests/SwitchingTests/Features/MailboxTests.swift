import SIP
import Testing

@testable import Switching

/// What waits in mailboxes is asked for at their server (RFC 3842).
@Suite struct MailboxTests {
    private static let summary = "Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n"

    private func site() throws -> Site {
        var settings = Site.settings()
        settings.mailbox = "pstn"
        settings.asksMailbox = true
        return try Site(settings: settings, plan: Site.featurePlan)
    }

    /// A phone that asks for its own mailbox, and the SUBSCRIBE that the server gets for it.
    private func watching(
        _ site: inout Site, expires: Int = 600
    ) throws -> (phone: Party, asked: Message) {
        var phone = try site.registered("8002")[0]
        phone.callID = "watch-8002"
        phone.local = "<sip:8002@example.com>;tag=t8002"
        try phone.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "Event: message-summary\nExpires: \(expires)\n", site: &site)
        let answer = try site.next(phone.endpoint)
        try #require(answer.status == 200)
        phone.established(by: answer)
        phone.answer(try site.next(phone.endpoint), 200, at: &site)
        return (phone, try site.next(Site.pstn))
    }

    private func notify(
        _ site: inout Site, in asked: Message, state: String = "active;expires=3000",
        body: String = summary, cseq: Int = 1, from: Endpoint = Site.pstn
    ) {
        let own = asked.text(.from) ?? ""
        site.deliver(
            """
            NOTIFY sip:8002@127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(from);branch=z9hG4bK-box-\(cseq)-\(state.utf8.count);rport
            Max-Forwards: 70
            From: <sip:8002@\(Site.pstn)>;tag=box
            To: \(own)
            Call-ID: \(String(decoding: asked.callID, as: UTF8.self))
            CSeq: \(cseq) NOTIFY
            Contact: <sip:mailbox@\(Site.pstn)>
            Event: message-summary
            Subscription-State: \(state)
            Content-Type: application/simple-message-summary
            Content-Length: \(body.utf8.count)

            \(body.replacing("\r\n", with: "\n"))
            """, from: from)
    }

    private func answer(_ asked: Message, _ site: inout Site, _ status: Int = 200) {
        var box = Party.pstn
        let tagged = status < 300 ? "box" : nil
        box.answer(asked, status, at: &site, extra: "Expires: 3600\n", tag: tagged)
    }

    @Test func itIsAskedOnceForAllPhonesAndSaysWhatWaits() throws {
        var site = try site()
        var (phone, asked) = try watching(&site)
        #expect(asked.method == .subscribe && asked.text(.event) == "message-summary")
        #expect(asked.requestURI.starts(with: "sip:8002@".utf8) && asked.number(.expires) == 3600)
        answer(asked, &site)
        notify(&site, in: asked)
        #expect(site.said(Site.pstn) == "200")
        let news = try site.next(phone.endpoint)
        #expect(news.method == .notify && news.text == Self.summary)
        phone.answer(news, 200, at: &site)
        // A second phone hears at once what is known, and asks nobody.
        var mobile = Party("8002", Endpoint(text: "127.0.0.1:10502"))
        #expect(try mobile.register(at: &site).status == 200)
        mobile.callID = "watch-mobile"
        try mobile.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "Event: message-summary\n", site: &site)
        #expect(try site.next(mobile.endpoint).status == 200)
        #expect(try site.next(mobile.endpoint).text == Self.summary)
        #expect(site.said(Site.pstn) == "")
    }

    @Test func theNOTIFYMayBeFasterThanTheAnswer() throws {
        var site = try site()
        let (phone, asked) = try watching(&site)
        notify(&site, in: asked)
        #expect(site.said(Site.pstn) == "200")
        #expect(try site.next(phone.endpoint).text == Self.summary)
    }

    @Test func itIsRefreshedInItsDialogAndEndedWithTheLastPhone() throws {
        var site = try site()
        let (_, asked) = try watching(&site, expires: 3600)
        answer(asked, &site)
        site.pass(.seconds(3241))
        let refresh = try #require(site.all(Site.pstn).last)
        #expect(refresh.method == .subscribe && refresh.toTag?.elementsEqual("box".utf8) == true)
        #expect(refresh.cseqNumber == 2 && refresh.number(.expires) == 3600)
        answer(refresh, &site)
        // The phone does not subscribe again.
        site.pass(.seconds(360))
        let end = try #require(site.all(Site.pstn).last)
        #expect(end.method == .subscribe && end.number(.expires) == 0)
        #expect(site.sw.mailboxCount == 0)
    }

    @Test func itIsRefreshedWhereItsContactSaysAndTellsFromThere() throws {
        var site = try site()
        let (phone, asked) = try watching(&site, expires: 3600)
        let node = Endpoint(text: "192.0.2.40:5062")
        var box = Party.pstn
        box.answer(
            asked, 200, at: &site,
            extra: "Contact: <sip:box@\(node)>\nExpires: 3600\n", tag: "box")
        notify(&site, in: asked, from: node)
        #expect(site.said(node) == "200")
        #expect(try site.next(phone.endpoint).text == Self.summary)
        notify(&site, in: asked, cseq: 2, from: Endpoint(text: "192.0.2.41:5062"))
        #expect(site.said(Endpoint(text: "192.0.2.41:5062")) == "481")
        site.pass(.seconds(3241))
        #expect(site.said(node).hasPrefix("SUBSCRIBE") && site.said(Site.pstn) == "")
    }

    @Test(arguments: [403, 489, 500])
    func aServerThatRefusesIsAskedAgainAfterARest(status: Int) throws {
        var site = try site()
        let (_, asked) = try watching(&site)
        answer(asked, &site, status)
        site.pass(.seconds(59))
        #expect(site.said(Site.pstn) == "")
        site.pass(.seconds(2))
        let again = try #require(site.all(Site.pstn).last)
        #expect(again.method == .subscribe && again.toTag == nil)
        #expect(!again.callID.elementsEqual(Array(asked.callID)))
        // And rests longer after each one more.
        answer(again, &site, status)
        site.pass(.seconds(100))
        #expect(site.said(Site.pstn) == "")
        site.pass(.seconds(25))
        #expect(site.said(Site.pstn).hasPrefix("SUBSCRIBE"))
    }

    /// Its 423 is obeyed, once.
    @Test func aServerThatGrantsNothingAsBriefIsAskedForLonger() throws {
        var site = try site()
        let (_, asked) = try watching(&site, expires: 3600)
        func tooBrief(_ asked: Message, _ seconds: String) {
            var box = Party.pstn
            box.answer(asked, 423, at: &site, extra: seconds)
        }
        tooBrief(asked, "Min-Expires: 7200\n")
        let longer = try site.next(Site.pstn)
        #expect(longer.method == .subscribe && longer.number(.expires) == 7200)
        #expect(!longer.callID.elementsEqual(Array(asked.callID)))
        tooBrief(longer, "Min-Expires: 9000\n")
        #expect(site.said(Site.pstn) == "")
        site.pass(.seconds(61))
        let again = try #require(site.all(Site.pstn).last)
        #expect(again.number(.expires) == 7200)
        answer(again, &site)
        // In its dialog too, which a 423 leaves as it was (RFC 6665 §4.1.2.2).
        site.pass(.seconds(3241))
        let refresh = try #require(site.all(Site.pstn).last)
        #expect(refresh.toTag?.elementsEqual("box".utf8) == true)
        tooBrief(refresh, "Min-Expires: 9000\n")
        let second = try site.next(Site.pstn)
        #expect(second.toTag?.elementsEqual("box".utf8) == true)
        #expect(second.number(.expires) == 9000 && second.cseqNumber == refresh.cseqNumber + 1)
    }

    @Test(arguments: ["", "Min-Expires: 3600\n", "Min-Expires: 86401\n"])
    func aServerThatAsksForNothingPossibleRests(minimum: String) throws {
        var site = try site()
        let (_, asked) = try watching(&site)
        var box = Party.pstn
        box.answer(asked, 423, at: &site, extra: minimum)
        #expect(site.said(Site.pstn) == "")
        site.pass(.seconds(61))
        #expect(try site.next(Site.pstn).number(.expires) == 3600)
    }

    @Test func oneThatSaysNothingIsAskedAgain() throws {
        var site = try site()
        _ = try watching(&site)
        site.pass(.seconds(33))
        _ = site.all(Site.pstn)
        site.pass(.seconds(61))
        #expect(site.said(Site.pstn).hasPrefix("SUBSCRIBE"))
    }

    @Test func oneThatEndsTheSubscriptionIsAskedAnew() throws {
        var site = try site()
        var (phone, asked) = try watching(&site)
        answer(asked, &site)
        notify(&site, in: asked, state: "terminated;reason=deactivated")
        phone.answer(try site.next(phone.endpoint), 200, at: &site)
        #expect(site.said(Site.pstn) == "200")
        site.pass(.seconds(61))
        let again = try site.next(Site.pstn)
        #expect(again.method == .subscribe && again.toTag == nil)
    }

    @Test func nobodyElseSaysWhatWaits() throws {
        var site = try site()
        let (phone, asked) = try watching(&site)
        answer(asked, &site)
        let stranger = Endpoint(text: "127.0.0.9:5060")
        notify(&site, in: asked, from: stranger)
        #expect(site.said(stranger) == "481" && site.said(phone.endpoint) == "")
    }

    @Test func afterACrashItIsAskedAnewForThePhonesThatAsked() throws {
        var site = try site()
        var (phone, asked) = try watching(&site)
        answer(asked, &site)
        try site.crash(.process(.seconds(5)))
        site.pass(.milliseconds(1_001))
        let anew = try site.next(Site.pstn)
        #expect(anew.method == .subscribe && anew.toTag == nil)
        notify(&site, in: anew)
        phone.answer(try site.next(phone.endpoint), 200, at: &site)
        #expect(try site.next(phone.endpoint).text == Self.summary)
    }
}
