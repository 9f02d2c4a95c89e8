import Charging
import SIP
import Testing

@testable import Switching

/// INVITE with Replaces (RFC 3891): a call is taken over by another phone of its extension, or picked
/// up where it rings.
@Suite struct ReplacesTests {
    private static let other =
        "v=0\no=- 2 2 IN IP4 127.0.0.2\ns=-\nc=IN IP4 127.0.0.2\nt=0 0\n"
        + "m=audio 5000 RTP/AVP 0 8\na=sendrecv\n"

    /// The value that names a party's dialog with the switch.
    private func replaces(_ party: Party) throws -> String {
        let remote = try #require(party.remote.split(separator: "tag=").last)
        return "Replaces: \(party.callID);to-tag=\(remote);from-tag=\(party.tag)\n"
    }

    private func second(of number: String, _ site: inout Site) throws -> Party {
        var phone = Party(number, Endpoint(text: "127.0.0.1:10777"))
        #expect(try phone.register(at: &site).status == 200)
        return phone
    }

    /// 8001 talks with 8002, and each has a second phone that does not.
    private func talking(_ site: inout Site) throws -> [Party] {
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        _ = site.all(phones[1].endpoint)
        return phones
    }

    @Test(arguments: [0, 1])
    func anotherPhoneOfTheExtensionTakesTheCallOver(place: Int) throws {
        var site = try Site(plan: Site.featurePlan)
        var phones = try talking(&site)
        let number = phones[place].number
        var mobile = try second(of: number, &site)
        try mobile.call(
            "anything", at: &site, id: "mobile", extra: try replaces(phones[place]),
            body: Self.other)
        // The other side is asked first, with the new phone's offer.
        let asked = try site.next(phones[1 - place].endpoint)
        #expect(asked.method == .invite && asked.text.contains("m=audio 5000"))
        #expect(site.said(mobile.endpoint) == "100" && site.said(phones[place].endpoint) == "")
        phones[1 - place].answer(asked, 200, at: &site, body: Party.offer)
        #expect(try site.next(phones[1 - place].endpoint).method == .ack)
        let answer = try site.next(mobile.endpoint)
        #expect(answer.status == 200 && answer.text.contains("m=audio 4000"))
        #expect(answer.has("replaces", in: .supported))
        mobile.acknowledge(answer, at: &site)
        // The one that talked until then is hung up, and says no more in this call.
        let bye = try site.next(phones[place].endpoint)
        #expect(bye.method == .bye && bye.text(.reason)?.contains("Taken over") == true)
        phones[place].answer(bye, 200, at: &site)
        #expect(site.sw.callsOfExtension == ["8001": 1, "8002": 1])
        mobile.send("INFO", at: &site)
        #expect(try site.next(phones[1 - place].endpoint).method == .info)

        mobile.send("BYE", at: &site)
        #expect(site.said(phones[1 - place].endpoint).hasSuffix("BYE"))
        #expect(site.records.map(\.direction) == [.feature, .internal])
        #expect(
            site.records[0].endReason == "\(number) took over the call with "
                + "\(phones[1 - place].number)")
        #expect(site.records[0].linkedCall == site.records[1].callID)
        #expect(site.records[1].releasedBy == (place == 0 ? .caller : .callee))
        #expect(site.isIdle)
    }

    @Test func aPaidCallIsPaidOnByWhoPaidIt() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        let held = site.sw.ledger.reservationCount
        var mobile = try second(of: "8001", &site)
        site.pass(.seconds(10))
        _ = site.all(gateway.endpoint)
        try mobile.call("x", at: &site, id: "mobile", extra: try replaces(phone))
        gateway.answer(try site.next(gateway.endpoint), 200, at: &site, body: Party.offer)
        mobile.acknowledge(try #require(site.all(mobile.endpoint).last), at: &site)
        #expect(site.sw.ledger.reservationCount == held)
        site.pass(.seconds(5))
        mobile.send("BYE", at: &site)
        let record = try #require(site.records.last)
        #expect(record.direction == .outbound && record.billedMs == 15_000)
        // Three steps of six seconds, once.
        #expect(record.charge == Amount("0.21") && site.postings.count == 1)
        #expect(site.records.first?.charge == .zero && site.isIdle)
    }

    @Test func anotherExtensionTakesNothingOver() throws {
        var site = try Site(plan: Site.featurePlan)
        let phones = try talking(&site)
        var stranger = try site.registered("8003")[0]
        for phone in phones {
            try stranger.call(
                "8002", at: &site, id: "for-\(phone.number)", extra: try replaces(phone))
            #expect(site.said(stranger.endpoint) == "100 403")
        }
        #expect(site.said(phones[0].endpoint) == "" && site.said(phones[1].endpoint) == "")
        #expect(site.sw.callsOfExtension == ["8001": 1, "8002": 1])
    }

    @Test(arguments: [
        ("Replaces: nothing;to-tag=1;from-tag=2\n", 481), ("Replaces: nothing\n", 481),
        ("Replaces: a;to-tag=1;from-tag=2\nReplaces: b;to-tag=1;from-tag=2\n", 400),
        ("Replaces: a;to-tag=1;from-tag=2\nJoin: b;to-tag=1;from-tag=2\n", 400),
    ])
    func whatNamesNoCallIsRefused(extra: String, status: Int) throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("8002", at: &site, extra: extra)
        #expect(site.said(phone.endpoint) == "100 \(status)")
        #expect(site.isIdle)
    }

    @Test func aGatewayTakesNothingOverAndGivesItsChannelBack() throws {
        var site = try Site()
        let phones = try talking(&site)
        let value = try replaces(phones[0])
        site.deliver(
            """
            INVITE sip:66778001@127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(Site.pstn);branch=z9hG4bK-gw;rport
            Max-Forwards: 70
            From: <sip:12345@127.0.0.1>;tag=gw
            To: <sip:66778001@127.0.0.1>
            Call-ID: gateway
            CSeq: 1 INVITE
            Contact: <sip:\(Site.pstn)>
            \(value)Content-Length: 0


            """, from: Site.pstn)
        #expect(site.said(Site.pstn) == "100 403")
        #expect(site.sw.trunks.values.allSatisfy { $0.channelsInUse == 0 })
    }

    @Test func onlyEarlyMeansThatATalkingOneIsLeftAlone() throws {
        var site = try Site()
        let phones = try talking(&site)
        var mobile = try second(of: "8001", &site)
        let value = try replaces(phones[0]).replacing("\n", with: ";early-only\n")
        try mobile.call("x", at: &site, id: "mobile", extra: value)
        #expect(site.said(mobile.endpoint) == "100 486")
    }

    @Test func whenTheOtherSideRefusesTheCallIsAsItWas() throws {
        var site = try Site()
        var phones = try talking(&site)
        var mobile = try second(of: "8001", &site)
        try mobile.call(
            "x", at: &site, id: "mobile", extra: try replaces(phones[0]), body: Self.other)
        phones[1].answer(try site.next(phones[1].endpoint), 488, at: &site)
        #expect(site.said(mobile.endpoint) == "100 488")
        _ = site.all(phones[1].endpoint)
        phones[0].send("INFO", at: &site)
        #expect(try site.next(phones[1].endpoint).method == .info)
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[1].endpoint) == "BYE")
        #expect(site.isIdle)
    }

    @Test func whenThePhoneGivesUpTheOtherSideGoesBackToWhomItTalkedWith() throws {
        var site = try Site()
        var phones = try talking(&site)
        var mobile = try second(of: "8001", &site)
        try mobile.call(
            "x", at: &site, id: "mobile", extra: try replaces(phones[0]), body: Self.other)
        let asked = try site.next(phones[1].endpoint)
        try mobile.cancel(at: &site)
        #expect(site.said(mobile.endpoint) == "100 200 487")
        phones[1].answer(asked, 200, at: &site, body: Party.offer)
        #expect(try site.next(phones[1].endpoint).method == .ack)
        // It is given the old phone's description again.
        let again = try TransferTests.reinvited(&phones[1], &site)
        #expect(again.body.isEmpty)
        let offered = try TransferTests.reinvited(&phones[0], &site)
        #expect(!offered.body.isEmpty)
        #expect(site.said(phones[1].endpoint) == "ACK" && site.said(phones[0].endpoint) == "ACK")
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[1].endpoint) == "BYE")
        #expect(site.isIdle)
    }

    @Test func whenTheOtherSideHangsUpMeanwhileBothPhonesHearOfIt() throws {
        var site = try Site()
        var phones = try talking(&site)
        var mobile = try second(of: "8001", &site)
        try mobile.call(
            "x", at: &site, id: "mobile", extra: try replaces(phones[0]), body: Self.other)
        _ = try site.next(phones[1].endpoint)
        phones[1].send("BYE", at: &site)
        #expect(site.said(mobile.endpoint) == "100 480")
        #expect(site.said(phones[0].endpoint) == "BYE")
        #expect(site.isIdle)
    }

    @Test func aCallThatWasTakenOverGoesOnOverACrash() throws {
        var site = try Site()
        var phones = try talking(&site)
        var mobile = try second(of: "8001", &site)
        try mobile.call(
            "x", at: &site, id: "mobile", extra: try replaces(phones[0]), body: Self.other)
        phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site, body: Party.offer)
        mobile.acknowledge(try #require(site.all(mobile.endpoint).last), at: &site)
        try site.crash(.process(.seconds(1)))
        #expect(site.sw.callsOfExtension == ["8001": 1, "8002": 1])
        mobile.send("BYE", at: &site)
        #expect(try site.nextButCheck(phones[1].endpoint).method == .bye)
        #expect(site.isIdle)
    }

    // MARK: Calls that ring

    /// 8001 calls 8004, which rings; 8004 and 8005 are the group lobby.
    private func ringing(_ site: inout Site) throws -> (phones: [Party], invite: Message) {
        var phones = try site.registered("8001", "8004", "8005")
        try phones[0].call("8004", at: &site)
        let invite = try site.invite(phones[1])
        phones[1].answer(invite, 180, at: &site)
        _ = site.all(phones[0].endpoint)
        return (phones, invite)
    }

    @Test func whoHasAGroupInCommonPicksTheCallUp() throws {
        var site = try Site.withFeatures()
        var (phones, invite) = try ringing(&site)
        let value =
            "Replaces: \(String(decoding: invite.callID, as: UTF8.self));"
            + "to-tag=\(String(decoding: invite.fromTag ?? [], as: UTF8.self));"
            + "from-tag=\(phones[1].tag);early-only\n"
        try phones[2].call("8004", at: &site, extra: value, body: Self.other)
        #expect(try site.next(phones[1].endpoint).method == .cancel)
        phones[1].answer(invite, 487, at: &site)
        let answers = site.all(phones[2].endpoint)
        #expect(answers.map(\.status) == [100, 200])
        phones[2].acknowledge(try #require(answers.last), at: &site)
        let answer = try #require(site.all(phones[0].endpoint).last)
        #expect(answer.status == 200 && answer.text.contains("m=audio 5000"))
        phones[0].acknowledge(answer, at: &site)
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[2].endpoint) == "BYE")
        let feature = try #require(site.records.first { $0.direction == .feature })
        #expect(feature.endReason == "picked up the call that rang at 8004")
        #expect(
            feature.words.first == "8005 asks by Replaces for the call that rings at 8004")
        #expect(feature.words.last?.contains("both are in group lobby") == true)
        let call = try #require(site.records.first { $0.direction == .internal })
        #expect(call.attempts.map(\.route) == ["8004", "8005"])
        #expect(site.isIdle)
    }

    @Test func whoHasNoneDoesNot() throws {
        var site = try Site.withFeatures()
        let (phones, invite) = try ringing(&site)
        var stranger = try site.registered("8003")[0]
        let value =
            "Replaces: \(String(decoding: invite.callID, as: UTF8.self));"
            + "to-tag=\(String(decoding: invite.fromTag ?? [], as: UTF8.self));"
            + "from-tag=\(phones[1].tag)\n"
        try stranger.call("8004", at: &site, extra: value, body: Self.other)
        #expect(site.said(stranger.endpoint) == "100 403")
        #expect(site.said(phones[1].endpoint) == "")
        #expect(
            site.records.last?.words.last
                == "8003 may not pick up what rings at 8004: they have no group in common")
    }

    @Test func aCallThatItsOwnPhoneIsMakingIsNoCallToTakeOver() throws {
        var site = try Site.withFeatures()
        let (phones, _) = try ringing(&site)
        var mobile = try second(of: "8001", &site)
        let handle = try #require(site.sw.calls.handles.first)
        let tag = String(decoding: Token.text(site.sw.calls[handle].caller.localTag), as: UTF8.self)
        try mobile.call(
            "x", at: &site, id: "mobile",
            extra: "Replaces: \(phones[0].callID);to-tag=\(tag);from-tag=\(phones[0].tag)\n")
        #expect(site.said(mobile.endpoint) == "100 481")
    }

    @Test func theLampNamesTheRingingDialogToThoseAloneWhoMayPickItUp() throws {
        var site = try Site.withFeatures()
        for number in ["8005", "8003"] {
            var watcher = try site.registered(number)[0]
            watcher.callID = "watch-\(number)"
            try watcher.authenticated(
                "SUBSCRIBE", uri: "sip:8004@example.com", to: "<sip:8004@example.com>",
                extra: "Event: dialog\nExpires: 600\n", site: &site)
            #expect(try site.next(watcher.endpoint).status == 200)
            watcher.answer(try site.next(watcher.endpoint), 200, at: &site)
        }
        let (phones, invite) = try ringing(&site)
        var picker = Party.phone("8005")
        let stranger = Party.phone("8003")
        for watcher in [picker, stranger] {
            // The phone that rings had no tag yet when this was told.
            let first = try #require(site.inbox[watcher.endpoint]?.first { $0.method == .notify })
            #expect(first.text.contains("early") && !first.text.contains("call-id"))
            site.inbox[watcher.endpoint] = nil
            var phone = watcher
            phone.answer(first, 200, at: &site)
        }
        let named = try site.next(picker.endpoint)
        let callID = String(decoding: invite.callID, as: UTF8.self)
        #expect(named.text.contains("call-id=\"\(callID)\""))
        #expect(named.text.contains("local-tag=\"\(phones[1].tag)\""))
        #expect(
            named.text.contains(
                "remote-tag=\"\(String(decoding: invite.fromTag ?? [], as: UTF8.self))\""))
        #expect(!named.text.contains("8001"))
        picker.answer(named, 200, at: &site)
        #expect(site.said(stranger.endpoint) == "")
    }
}
