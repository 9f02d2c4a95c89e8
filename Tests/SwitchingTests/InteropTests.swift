import SIP
import Testing

@testable import Switching

/// What peers do to each other through the switch, and what it says to those that go wrong.
@Suite struct InteropTests {
    private static let multipart =
        "--b\nContent-Type: application/sdp\n\n" + Party.offer
        + "--b\nContent-Type: application/pidf+xml\n\n<presence/>\n--b--\n"

    /// A call that rings at 8002.
    private func ringing(
        _ site: inout Site, extra: String = "", body: String = Party.offer
    ) throws -> (phones: [Party], invite: Message) {
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: extra, body: body)
        let invite = try site.invite(phones[1])
        _ = site.all(phones[0].endpoint)
        return (phones, invite)
    }

    // MARK: Reliable provisional responses (RFC 3262)

    @Test func aCallerWithoutThemIsAskedForNoPRACK() throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site)
        #expect(!invite.has("100rel", in: .supported) && !invite.has(.require))
        phones[1].answer(invite, 183, at: &site, body: Party.offer)
        let progress = try site.next(phones[0].endpoint)
        #expect(progress.status == 183 && !progress.has(.rseq) && !progress.has(.require))
    }

    @Test func aCalleeWithoutThemAnswersACallerWithThem() throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site, extra: "Supported: 100rel\n")
        #expect(invite.has("100rel", in: .supported))
        phones[1].answer(invite, 180, at: &site)
        let ringing = try site.next(phones[0].endpoint)
        #expect(ringing.status == 180 && !ringing.has(.rseq))
    }

    @Test func whoInsistsOnThemIsHeardByACalleeThatHasNone() throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site, extra: "Require: 100rel\n")
        #expect(invite.has("100rel", in: .require))
        phones[1].answer(invite, 420, at: &site, extra: "Unsupported: 100rel\n")
        #expect(try #require(site.all(phones[0].endpoint).last).status == 420)
    }

    /// Number, CSeq and method have to be those of a response that was sent (RFC 3262 §3).
    @Test(arguments: [
        "77 2 INVITE", "1 1 INVITE", "1 77 INVITE", "1 2 BYE", "1 2", "-1 2 INVITE",
        "4294967297 2 INVITE", "nonsense",
    ])
    func aPRACKThatConfirmsNothingIsRefused(rack: String) throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site, extra: "Supported: 100rel\n")
        phones[1].answer(
            invite, 183, at: &site, extra: "Require: 100rel\nRSeq: 1\n", body: Party.offer)
        let told = try site.next(phones[0].endpoint)
        phones[0].established(by: told)
        let rack = rack.replacing(" 2", with: " \(told.cseqNumber)")
        phones[0].send("PRACK", at: &site, extra: "RAck: \(rack)\n")
        #expect(site.said(phones[0].endpoint) == "481")
        #expect(site.said(phones[1].endpoint) == "")
        // What it was not for is still to be confirmed.
        phones[0].send("PRACK", at: &site, extra: "RAck: 1 \(told.cseqNumber) INVITE\n")
        #expect(site.said(phones[1].endpoint) == "PRACK")
    }

    @Test func aSecondOneIsNumberedOn() throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site, extra: "Supported: 100rel\n")
        for (number, status) in [(9, 183), (10, 180)] {
            phones[1].answer(
                invite, status, at: &site, extra: "Require: 100rel\nRSeq: \(number)\n",
                body: status == 183 ? Party.offer : "")
            let told = try site.next(phones[0].endpoint)
            #expect(told.number(.rseq) == UInt32(number - 8))
            phones[0].established(by: told)
            phones[0].send(
                "PRACK", at: &site, extra: "RAck: \(number - 8) \(told.cseqNumber) INVITE\n")
            let prack = try site.next(phones[1].endpoint)
            #expect(prack.text(.rack) == "\(number) 1 INVITE")
            phones[1].answer(prack, 200, at: &site)
            #expect(site.said(phones[0].endpoint) == "200")
        }
    }

    @Test func aCalleeThatInsistsOnThemIsServedForACallerWithoutThem() throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site)
        phones[1].answer(invite, 421, at: &site, extra: "Require: 100rel\n")
        #expect(try site.next(phones[1].endpoint).method == .ack)
        let again = try site.next(phones[1].endpoint)
        #expect(again.method == .invite && again.cseqNumber == 2)
        #expect(again.has("100rel", in: .supported) && again.has("timer", in: .supported))
        #expect(again.body == invite.body && again.callID == invite.callID)
        // The callee's ringing comes twice, since it has not seen its PRACK yet.
        for _ in 0..<2 {
            phones[1].answer(
                again, 183, at: &site, extra: "Require: 100rel\nRSeq: 5\n", body: Party.offer)
            let heard = try site.next(phones[0].endpoint)
            #expect(heard.status == 183 && !heard.has(.rseq) && !heard.has(.require))
        }
        let prack = try site.next(phones[1].endpoint)
        #expect(prack.method == .prack && prack.text(.rack) == "5 2 INVITE")
        #expect(site.said(phones[1].endpoint) == "")
        phones[1].answer(prack, 200, at: &site)
        phones[1].answer(again, 180, at: &site, extra: "Require: 100rel\nRSeq: 6\n")
        let second = try site.next(phones[1].endpoint)
        #expect(second.text(.rack) == "6 2 INVITE")
        phones[1].answer(second, 200, at: &site)
        phones[1].answer(again, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK")
        let answer = try #require(site.all(phones[0].endpoint).last)
        #expect(answer.status == 200)
        phones[0].acknowledge(answer, at: &site)
        phones[0].send("BYE", at: &site)
        let bye = try site.next(phones[1].endpoint)
        #expect(bye.method == .bye && bye.cseqNumber > second.cseqNumber)
    }

    @Test func ringingThatIsReliableUnaskedIsConfirmedForACallerWithoutThem() throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site)
        phones[1].answer(invite, 180, at: &site, extra: "Require: 100rel\nRSeq: 1\n")
        let heard = try site.next(phones[0].endpoint)
        #expect(heard.status == 180 && !heard.has(.rseq))
        #expect(try site.next(phones[1].endpoint).text(.rack) == "1 1 INVITE")
    }

    private static let insisting: [(times: Int, offer: String, extra: String)] = [
        (1, Party.offer, "Require: precondition\n"), (1, "", "Require: 100rel\n"),
        (2, Party.offer, "Require: 100rel\n"),
    ]

    @Test(arguments: insisting)
    func whatACalleeInsistsOnAndCannotHaveIsToldAsItsAbsence(
        times: Int, offer: String, extra: String
    ) throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site, body: offer)
        for time in 1...times {
            phones[1].answer(invite, 421, at: &site, extra: extra)
            #expect(try site.next(phones[1].endpoint).method == .ack)
            if time < times { invite = try site.next(phones[1].endpoint) }
        }
        #expect(site.said(phones[1].endpoint) == "")
        // It is between the callee and the switch: the caller never asked for it.
        #expect(site.said(phones[0].endpoint) == "480")
        #expect(site.records.first?.attempts.first?.sipStatus == 421)
    }

    // MARK: Retry-After

    private static let retries: [(status: Int, field: String?, told: UInt32?)] = [
        (486, "120 (in a meeting);duration=60", 120), (480, "3600", 3600),
        (600, "99999999999", 86_400), (503, "30", 30), (503, nil, 5), (480, "soon", nil),
    ]

    @Test(arguments: retries)
    func aCallerHearsWhenItMayAskACalleeAgain(
        status: Int, field: String?, told: UInt32?
    ) throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site)
        phones[1].answer(
            invite, status, at: &site, extra: field.map { "Retry-After: \($0)\n" } ?? "")
        let refusal = try site.next(phones[0].endpoint)
        #expect(refusal.status == status && refusal.number(.retryAfter) == told)
    }

    @Test func ofSeveralRoutesTheCallerHearsWhenTheOneItIsToldOfMayBeAskedAgain() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var e1 = Party.e1
        e1.answer(try site.next(Site.e1), 503, at: &site, extra: "Retry-After: 77\n")
        var pstn = Party.pstn
        for _ in 0..<2 {
            let invites = site.all(Site.pstn).filter { $0.method == .invite }
            pstn.answer(
                try #require(invites.last), 503, at: &site, extra: "Retry-After: 33\n")
        }
        let refusal = try #require(site.all(phone.endpoint).last)
        #expect(refusal.status == 503 && refusal.number(.retryAfter) == 33)
    }

    // MARK: Offers and answers

    @Test func anUPDATEBeforeTheAnswerPassesInTheEarlyDialog() throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site)
        phones[1].answer(invite, 183, at: &site, body: Party.offer)
        phones[0].established(by: try site.next(phones[0].endpoint))
        phones[0].send("UPDATE", at: &site, body: Party.offer)
        let update = try site.next(phones[1].endpoint)
        #expect(update.method == .update && !update.body.isEmpty)
        phones[1].answer(update, 200, at: &site, body: Party.offer)
        let answer = try site.next(phones[0].endpoint)
        #expect(answer.status == 200 && answer.method == .update && !answer.body.isEmpty)
    }

    @Test func forksOfOneCalleeAreDialogsOfTheirOwnForTheCaller() throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site)
        phones[1].answer(invite, 183, at: &site, body: Party.offer, tag: "one")
        phones[1].answer(invite, 183, at: &site, body: Party.offer, tag: "two")
        let early = site.all(phones[0].endpoint)
        #expect(early.map(\.status) == [183, 183])
        #expect(early[0].text(.to) != early[1].text(.to))
        phones[1].answer(invite, 200, at: &site, body: Party.offer, tag: "one")
        let answer = try #require(site.all(phones[0].endpoint).last)
        #expect(answer.text(.to) == early[0].text(.to))
        phones[0].acknowledge(answer, at: &site)
        _ = site.all(phones[1].endpoint)
        phones[0].send("BYE", at: &site)
        let bye = try site.next(phones[1].endpoint)
        #expect(bye.method == .bye && bye.toTag?.elementsEqual("one".utf8) == true)
    }

    @Test func aReinviteThatFailsLeavesTheSessionAndAnotherMayFollow() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        for status in [488, 491, 500, 606] {
            phones[0].send("INVITE", at: &site, body: Party.offer)
            let asked = try site.next(phones[1].endpoint)
            let kept = (phones[1].callID, phones[1].local, phones[1].remote)
            phones[1].answer(asked, status, at: &site)
            (phones[1].callID, phones[1].local, phones[1].remote) = kept
            #expect(site.said(phones[0].endpoint) == "100 \(status)")
            #expect(site.said(phones[1].endpoint) == "ACK")
        }
        phones[1].send("INFO", at: &site)
        #expect(try site.next(phones[0].endpoint).method == .info)
        #expect(site.sw.calls.count == 1)
    }

    @Test func whoMet491MayTryAgain() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("INVITE", at: &site, body: Party.offer)
        let first = try site.next(phones[1].endpoint)
        phones[1].send("INVITE", at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "491")
        phones[1].send("ACK", at: &site, cseq: phones[1].cseq)
        let kept = (phones[1].callID, phones[1].local, phones[1].remote)
        phones[1].answer(first, 200, at: &site, body: Party.offer)
        (phones[1].callID, phones[1].local, phones[1].remote) = kept
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        _ = site.all(phones[1].endpoint)
        site.pass(.milliseconds(2100))
        phones[1].send("INVITE", at: &site, body: Party.offer)
        #expect(try site.next(phones[0].endpoint).method == .invite)
    }

    // MARK: Bodies

    @Test func multipartBodiesPassUntouched() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        phones[0].callID = "multipart"
        let body = Self.multipart.replacing("\n", with: "\r\n")
        try phones[0].authenticated(
            "INVITE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "MIME-Version: 1.0\nContent-Disposition: session;handling=required\n",
            body: Self.multipart, site: &site)
        let invite = try site.invite(phones[1])
        #expect(invite.text == body && invite.text(.mimeVersion) == "1.0")
        #expect(invite.text(.contentDisposition) == "session;handling=required")
    }

    @Test(arguments: ["telephone-event", "trickle-ice"])
    func anINFOPassesWithItsPackage(package: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("INFO", at: &site, extra: "Info-Package: \(package)\n", body: "v=0\n")
        let info = try site.next(phones[1].endpoint)
        #expect(info.text(.infoPackage) == package && info.text == "v=0\r\n")
        phones[1].answer(info, 469, at: &site)
        #expect(site.said(phones[0].endpoint) == "469")
    }

    @Test func telephoneEventsInASessionDescriptionPassUntouched() throws {
        let offer = Party.offer + "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\n"
        var site = try Site()
        let (_, invite) = try ringing(&site, body: offer)
        #expect(invite.text == offer.replacing("\n", with: "\r\n"))
    }

    @Test func aTransferorHearsAStatusLineAsASIPFragment() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        phones[1].send("REFER", at: &site, extra: "Refer-To: <sip:8003@example.com>\n")
        #expect(try site.next(phones[1].endpoint).status == 202)
        let notify = try site.next(phones[1].endpoint)
        #expect(notify.text(.contentType) == "message/sipfrag;version=2.0")
        #expect(notify.text == "SIP/2.0 100 Trying\r\n")
    }

    // MARK: Challenges of callees

    @Test(arguments: [401, 407])
    func aPhoneThatAsksForAPasswordHasRefusedTheCall(status: Int) throws {
        var site = try Site()
        var (phones, invite) = try ringing(&site)
        phones[1].answer(
            invite, status, at: &site, extra: "WWW-Authenticate: Digest realm=\"x\",nonce=\"y\"\n")
        let refusal = try #require(site.all(phones[0].endpoint).last)
        #expect(refusal.status == 403 && !refusal.has(.wwwAuthenticate))
    }

    // MARK: Extensions that are not spoken

    @Test(arguments: ["tel:8-002", "tel:8002;phone-context=example.net", "sip:8.002@example.com"])
    func aNumberMayBeDialledAsATelURIAndWithVisualSeparators(uri: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        phones[0].callID = "tel"
        try phones[0].authenticated(
            "INVITE", uri: uri, to: "<\(uri)>", extra: "", body: Party.offer, site: &site)
        phones[1].answer(try site.invite(phones[1]), 486, at: &site)
        #expect(site.said(phones[0].endpoint) == "100 486")
        #expect(site.records.map(\.dialled) == ["8002"])
    }

    @Test(arguments: ["http://example.com/", "urn:service:sos", "x-phone:8002"])
    func aCallToAnUnknownSchemeIsRefusedAsOne(uri: String) throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        phone.callID = "scheme"
        try phone.authenticated(
            "INVITE", uri: uri, to: "<\(uri)>", extra: "", body: Party.offer, site: &site)
        #expect(site.said(phone.endpoint) == "416" && site.records.isEmpty)
    }

    @Test func aPublicGRUUIsNotGiven() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        phone.callID = "gruu"
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>",
            extra: "Supported: gruu, outbound, path\nExpires: 600\n", site: &site)
        let answer = try site.next(phone.endpoint)
        #expect(answer.status == 200)
        #expect(!String(decoding: answer.bytes, as: UTF8.self).contains("pub-gruu"))
        #expect(!answer.has(.require))
    }

    @Test(arguments: ["PUBLISH", "FROBNICATE"])
    func amethodThatIsNotSpokenIsRefusedWithThoseThatAre(method: String) throws {
        var site = try Site()
        let phone = Party.phone("8001")
        site.deliver(
            """
            \(method) sip:8002@example.com SIP/2.0
            Via: SIP/2.0/UDP \(phone.endpoint);branch=z9hG4bK-x;rport
            Max-Forwards: 70
            From: <sip:8001@example.com>;tag=a
            To: <sip:8002@example.com>
            Call-ID: x
            CSeq: 1 \(method)
            Content-Length: 0


            """, from: phone.endpoint)
        let answer = try site.next(phone.endpoint)
        #expect(answer.status == 405)
        #expect(answer.has("MESSAGE", in: .allow) && answer.has("SUBSCRIBE", in: .allow))
    }

    @Test func whatMeansSomethingOnlyInACallIsRefusedOutsideOfIt() throws {
        var site = try Site()
        let phone = Party.phone("8001")
        for method in ["BYE", "UPDATE", "INFO", "PRACK", "NOTIFY"] {
            site.deliver(
                """
                \(method) sip:8002@example.com SIP/2.0
                Via: SIP/2.0/UDP \(phone.endpoint);branch=z9hG4bK-\(method);rport
                Max-Forwards: 70
                From: <sip:8001@example.com>;tag=a
                To: <sip:8002@example.com>
                Call-ID: x
                CSeq: 1 \(method)
                Content-Length: 0


                """, from: phone.endpoint)
            #expect(site.said(phone.endpoint) == "481", "\(method)")
        }
    }

    @Test func whatIsAnnouncedIsSpoken() throws {
        var site = try Site()
        let phone = Party.phone("8001")
        site.deliver(
            """
            OPTIONS sip:example.com SIP/2.0
            Via: SIP/2.0/UDP \(phone.endpoint);branch=z9hG4bK-o;rport
            Max-Forwards: 70
            From: <sip:8001@example.com>;tag=a
            To: <sip:example.com>
            Call-ID: o
            CSeq: 1 OPTIONS
            Content-Length: 0


            """, from: phone.endpoint)
        let answer = try site.next(phone.endpoint)
        #expect(answer.text(.supported) == "100rel, timer, replaces, path, outbound")
        #expect(answer.has("MESSAGE", in: .allow) && !answer.has("PUBLISH", in: .allow))
        var (phones, invite) = try ringing(&site)
        #expect(invite.has("replaces", in: .supported))
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        let accepted = try #require(site.all(phones[0].endpoint).last)
        #expect(accepted.has("replaces", in: .supported))
        var outside = try site.registered("8003")[0]
        try outside.call("86035566", at: &site)
        #expect(try !site.next(Site.pstn).has("replaces", in: .supported))
    }
}
