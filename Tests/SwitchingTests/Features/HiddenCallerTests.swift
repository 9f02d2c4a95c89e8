import Charging
import SIP
import Testing

@testable import Switching

/// Who asks not to be shown (RFC 3323) stays so as long as it is in a call, whatever is done with that.
@Suite struct HiddenCallerTests {
    private static let wish = "Privacy: id\n"
    private static let outsider = "13912345678"

    private func isNamed(_ number: String, in message: Message) -> Bool {
        String(decoding: message.bytes, as: UTF8.self).contains(number)
    }

    /// A hidden call of 8001 to 8002, answered.
    private func talking(
        _ site: inout Site, by place: Int = 0, _ numbers: [String] = ["8001", "8002"]
    ) throws -> [Party] {
        var phones = numbers.map(Party.phone)
        for place in phones.indices {
            #expect(try phones[place].register(at: &site).status == 200)
        }
        try phones[0].call(numbers[1], at: &site, extra: Self.wish)
        let invite = try site.invite(phones[1])
        #expect(!isNamed(numbers[0], in: invite))
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(try site.next(phones[1].endpoint).method == .ack)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        return phones
    }

    /// A call from outside to the direct line of 8001, whose operator says that its caller hides.
    private func talkingOutside(
        _ site: inout Site, privacy: String = wish
    ) throws -> (phone: Party, gateway: Party) {
        var phone = try site.registered("8001")[0]
        site.deliver(
            """
            INVITE sip:66778001@127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(Site.pstn);branch=z9hG4bK-in;rport
            Max-Forwards: 70
            From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=gw
            To: <sip:66778001@127.0.0.1>
            Call-ID: inbound
            CSeq: 1 INVITE
            Contact: <sip:\(Site.pstn)>
            P-Asserted-Identity: <sip:\(Self.outsider)@127.0.0.1>
            \(privacy)Content-Type: application/sdp
            Content-Length: \(Party.offer.replacing("\n", with: "\r\n").utf8.count)

            \(Party.offer)
            """, from: Site.pstn)
        let invite = try site.invite(phone)
        #expect(!isNamed(Self.outsider, in: invite))
        phone.answer(invite, 200, at: &site, body: Party.offer)
        #expect(try site.next(phone.endpoint).method == .ack)
        var gateway = Party.pstn
        gateway.callID = "inbound"
        gateway.cseq = 1
        gateway.local = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=gw"
        gateway.acknowledge(try #require(site.all(Site.pstn).last), at: &site)
        return (phone, gateway)
    }

    private func refer(
        _ phone: inout Party, to target: String, _ site: inout Site, _ more: String = ""
    ) {
        phone.send("REFER", at: &site, extra: "Refer-To: <sip:\(target)@example.com>\n\(more)")
    }

    // MARK: Transfer

    @Test func whoIsTransferredIsAnonymousToTheThird() throws {
        var site = try Site()
        var phones = try talking(&site)
        var third = try site.registered("8003")[0]
        refer(&phones[1], to: "8003", &site)
        let invite = try site.invite(third)
        #expect(invite.text(.from)?.hasPrefix("\"Anonymous\" <sip:8002@") == true)
        #expect(!isNamed("8001", in: invite))
        third.answer(invite, 200, at: &site, body: TransferTests.third)
        try TransferTests.reinvited(&phones[0], &site)
        #expect(TransferTests.heard(phones[1], &site).suffix(2) == ["200 end", "BYE"])
        _ = (site.all(third.endpoint), site.all(phones[0].endpoint))
        // And to whom it is sent on to next.
        let fourth = try site.registered("8004")[0]
        refer(&third, to: "8004", &site)
        let next = try site.invite(fourth)
        #expect(next.text(.from)?.hasPrefix("\"Anonymous\" <sip:8003@") == true)
        #expect(!isNamed("8001", in: next))
        // The operator knows.
        guard case .calls(let rows) = site.request(.calls) else {
            Issue.record("no calls are shown")
            return
        }
        #expect(rows.map(\.caller).contains("8001"))
        phones[0].send("BYE", at: &site)
        #expect(site.records.contains { $0.caller == "8001" && $0.dialled == "8002" })
        let second = try #require(site.records.first { $0.dialled == "8003" })
        #expect(second.words.first?.contains("with 8001") == true)
    }

    @Test(arguments: [wish, ""])
    func soIsACallerFromOutside(privacy: String) throws {
        var settings = Site.settings()
        for place in settings.trunks.indices { settings.trunks[place].isTrusted = true }
        var site = try Site(settings: settings)
        var (phone, _) = try talkingOutside(&site, privacy: privacy)
        let third = try site.registered("8002")[0]
        refer(&phone, to: "8002", &site)
        let invite = try site.invite(third)
        #expect(invite.text(.from)?.hasPrefix("\"Anonymous\" <sip:8001@") == true)
        #expect(!isNamed(Self.outsider, in: invite))
        #expect(site.sw.calls.handles.contains { site.sw.calls[$0].record.caller == Self.outsider })
    }

    /// The other way round: who is hidden sends the other on, in its own name.
    @Test(arguments: [(wish, ""), ("", wish)])
    func whoTransfersIsHiddenAsItWas(ofCall: String, ofREFER: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        let third = try site.registered("8003")[0]
        try phones[0].call("8002", at: &site, extra: ofCall)
        phones[1].answer(try site.invite(phones[1]), 200, at: &site, body: Party.offer)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        refer(
            &phones[0], to: "8003", &site, "Referred-By: <sip:8001@example.com>\n\(ofREFER)")
        let invite = try site.invite(third)
        #expect(invite.text(.from)?.contains("anonymous.invalid") == true)
        #expect(!invite.has(.referredBy) && !isNamed("8001", in: invite))
    }

    @Test(arguments: [true, false])
    func aTrustedTrunkLearnsWhoTransfersBesideTheWish(isTrusted: Bool) throws {
        var settings = Site.settings()
        for place in settings.trunks.indices { settings.trunks[place].isTrusted = isTrusted }
        var site = try Site(settings: settings)
        var phones = try talking(&site)
        refer(&phones[0], to: "02088886666", &site)
        let invite = try site.next(Site.e1)
        #expect(invite.text(.from)?.contains("anonymous.invalid") == true)
        #expect(invite.text(.privacy) == "id")
        let asserted = invite.text(.pAssertedIdentity)
        #expect(asserted?.hasPrefix("<sip:+8631166778001@") == (isTrusted ? true : nil))
        #expect(isNamed("8001", in: invite) == isTrusted)
    }

    @Test func whoIsConnectedByAnAttendedTransferStaysHidden() throws {
        var site = try TransferTests.site()
        var phones = try talking(&site)
        var third = try site.registered("8003")[0]
        var second = phones[1]
        second.cseq = 100
        try second.call("8003", at: &site, id: "consult")
        third.answer(try site.invite(third), 200, at: &site, body: TransferTests.third)
        #expect(try site.next(third.endpoint).method == .ack)
        second.acknowledge(try #require(site.all(second.endpoint).last), at: &site)
        let tags = [second.remote, second.local].compactMap { $0.split(separator: "tag=").last }
        let replaces = "\(second.callID)%3Bto-tag%3D\(tags[0])%3Bfrom-tag%3D\(tags[1])"
        phones[1].send(
            "REFER", at: &site,
            extra: "Refer-To: <sip:8003@example.com?Replaces=\(replaces)>\n")
        let asked = try TransferTests.reinvited(&third, &site, body: TransferTests.third)
        #expect(!isNamed("8001", in: asked))
        try TransferTests.reinvited(&phones[0], &site)
        #expect(site.said(third.endpoint) == "ACK")
        let fourth = try site.registered("8004")[0]
        refer(&third, to: "8004", &site)
        let invite = try site.invite(fourth)
        #expect(invite.text(.from)?.hasPrefix("\"Anonymous\" <sip:8003@") == true)
        #expect(!isNamed("8001", in: invite))
    }

    @Test func itIsRememberedOverACrash() throws {
        var site = try Site()
        var phones = try talking(&site)
        try site.crash(.process(.seconds(1)))
        let third = try site.registered("8003")[0]
        phones[1].cseq += 1
        refer(&phones[1], to: "8003", &site)
        let invite = try site.invite(third)
        #expect(invite.text(.from)?.hasPrefix("\"Anonymous\" <sip:8002@") == true)
    }

    // MARK: Other ways

    @Test func whoIsParkedIsAnonymousToWhoParkedIt() throws {
        var site = try Site.withFeatures()
        var phones = try talking(&site, ["8001", "8004"])
        refer(&phones[1], to: "*68*1", &site)
        for message in site.all(phones[1].endpoint) where message.isRequest {
            phones[1].answer(message, 200, at: &site)
        }
        try TransferTests.reinvited(&phones[0], &site)
        site.pass(.seconds(121))
        let recall = try #require(site.all(phones[1].endpoint).last { $0.method == .invite })
        #expect(recall.text(.from)?.hasPrefix("\"Anonymous\" <sip:8004@") == true)
        #expect(!isNamed("8001", in: recall))
    }

    /// The one who parks is hidden, and not the one who is rung for it.
    @Test func aHiddenParkerSeesWhoWaitsAndWhoFetchesIsShown() throws {
        var site = try Site.withFeatures()
        var phones = try talking(&site, ["8001", "8004"])
        refer(&phones[0], to: "*68*1", &site)
        for message in site.all(phones[0].endpoint) where message.isRequest {
            phones[0].answer(message, 200, at: &site)
        }
        try TransferTests.reinvited(&phones[1], &site)
        _ = site.all(phones[1].endpoint)
        site.pass(.seconds(121))
        let recall = try #require(site.all(phones[0].endpoint).last { $0.method == .invite })
        #expect(recall.text(.from)?.hasPrefix("\"8004\" <sip:8001@") == true)
        var fetching = try site.registered("8005")[0]
        try fetching.call("*69*1", at: &site, body: TransferTests.other)
        try TransferTests.reinvited(&phones[1], &site)
        fetching.acknowledge(try #require(site.all(fetching.endpoint).last), at: &site)
        // It sits where the hidden caller did.
        let third = try site.registered("8003")[0]
        refer(&phones[1], to: "8003", &site)
        let invite = try site.invite(third)
        #expect(invite.text(.from)?.hasPrefix("\"8005\" <sip:8004@") == true)
        #expect(!isNamed("8001", in: invite))
    }

    @Test func whoPicksACallUpMayBeHiddenToo() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8004", "8005")
        let third = try site.registered("8003")[0]
        try phones[0].call("8004", at: &site)
        phones[1].answer(try site.invite(phones[1]), 180, at: &site)
        try phones[2].call("*8", at: &site, extra: Self.wish)
        phones[2].acknowledge(try #require(site.all(phones[2].endpoint).last), at: &site)
        let answer = try #require(site.all(phones[0].endpoint).last)
        #expect(answer.status == 200 && !isNamed("8005", in: answer))
        phones[0].acknowledge(answer, at: &site)
        refer(&phones[0], to: "8003", &site)
        let invite = try site.invite(third)
        #expect(invite.text(.from)?.hasPrefix("\"Anonymous\" <sip:8001@") == true)
        #expect(!isNamed("8005", in: invite))
    }

    @Test func whoTakesItsOwnCallOverByAnotherPhoneStaysHidden() throws {
        var site = try Site()
        var phones = try talking(&site)
        let third = try site.registered("8003")[0]
        var mobile = Party("8001", Endpoint(text: "127.0.0.1:10777"))
        #expect(try mobile.register(at: &site, boot: 1).status == 200)
        let remote = try #require(phones[0].remote.split(separator: "tag=").last)
        try mobile.call(
            "8002", at: &site, id: "mobile",
            extra: "Replaces: \(phones[0].callID);to-tag=\(remote);from-tag=\(phones[0].tag)\n")
        try TransferTests.reinvited(&phones[1], &site)
        #expect(site.all(mobile.endpoint).last?.status == 200)
        _ = site.all(phones[1].endpoint)
        refer(&phones[1], to: "8003", &site)
        let invite = try site.invite(third)
        #expect(invite.text(.from)?.hasPrefix("\"Anonymous\" <sip:8002@") == true)
        #expect(!isNamed("8001", in: invite))
    }

    @Test func aTextShowsNoSenderThatHides() throws {
        var site = try Site(plan: Site.featurePlan)
        var phones = try site.registered("8001", "8002")
        phones[0].callID = "text"
        try phones[0].authenticated(
            "MESSAGE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: Self.wish, body: "Lunch?", site: &site)
        let text = try site.next(phones[1].endpoint)
        #expect(
            text.text(.from)?.hasPrefix("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=")
                == true)
        #expect(text.text == "Lunch?" && text.text(.privacy) == "id" && !isNamed("8001", in: text))
        phones[1].answer(text, 200, at: &site)
        #expect(try site.next(phones[0].endpoint).status == 200)
        #expect(site.logs.contains("8001 sends a text to 8002"))
    }

    // MARK: What is said of it

    /// The side that is gone, the one that is told so, and the text of the BYE to that.
    @Test(arguments: [481, 408])
    func aBYEDoesNotNameWhoIsGone(status: Int) throws {
        var site = try Site()
        var phones = try talking(&site)
        phones[1].send("INFO", at: &site)
        let asked = try site.next(phones[0].endpoint)
        if status == 481 {
            phones[0].answer(asked, 481, at: &site)
        } else {
            site.pass(.seconds(33))
        }
        let bye = try #require(site.all(phones[1].endpoint).last)
        #expect(bye.method == .bye && bye.text(.reason)?.contains("Anonymous is gone") == true)
        #expect(!isNamed("8001", in: bye))
        #expect(site.records.last?.caller == "8001")
    }

    @Test func norDoesTheOneOfAJoinedCall() throws {
        var site = try Site()
        var (phone, gateway) = try talkingOutside(&site)
        var third = try site.registered("8002")[0]
        refer(&phone, to: "8002", &site)
        third.answer(try site.invite(third), 200, at: &site, body: TransferTests.third)
        try TransferTests.reinvited(&gateway, &site)
        _ = (site.all(third.endpoint), site.all(Site.pstn))
        third.send("INFO", at: &site)
        gateway.answer(try site.next(Site.pstn), 481, at: &site)
        let bye = try #require(site.all(third.endpoint).last)
        #expect(bye.method == .bye && bye.text(.reason)?.contains("Anonymous is gone") == true)
        #expect(!isNamed(Self.outsider, in: bye) && site.isIdle)
    }

    @Test func aBYEDoesNotNameWhoNeverAcknowledged() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: Self.wish)
        phones[1].answer(try site.invite(phones[1]), 200, at: &site, body: Party.offer)
        site.pass(.seconds(33))
        let bye = try #require(site.all(phones[1].endpoint).last)
        #expect(bye.text(.reason)?.contains("Anonymous never acknowledged") == true)
        #expect(!isNamed("8001", in: bye))
    }

    @Test func aLampDoesNotNameItToThoseWhoMayPickItUp() throws {
        var site = try Site.withFeatures()
        var watcher = try site.registered("8005")[0]
        watcher.callID = "watch"
        try watcher.authenticated(
            "SUBSCRIBE", uri: "sip:8004@example.com", to: "<sip:8004@example.com>",
            extra: "Event: dialog\n", site: &site)
        #expect(try site.next(watcher.endpoint).status == 200)
        watcher.answer(try site.next(watcher.endpoint), 200, at: &site)
        var phones = try site.registered("8001", "8004")
        try phones[0].call("8004", at: &site, extra: Self.wish)
        phones[1].answer(try site.invite(phones[1]), 180, at: &site)
        let told = site.all(watcher.endpoint)
        #expect(told.allSatisfy { $0.method == .notify && !isNamed("8001", in: $0) })
        #expect(told.count == 1)
    }
}
