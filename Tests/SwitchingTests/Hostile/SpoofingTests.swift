import Charging
import SIP
import Testing

@testable import Switching

/// Requests and responses in somebody else's name, against calls that are under way.
@Suite struct SpoofingTests {
    private static let stranger = Endpoint(text: "203.0.113.66:5060")

    /// A request inside a dialog as somebody writes it who knows some of it.
    private func request(
        _ method: String, from: String, to: String, callID: String, cseq: Int = 9_000,
        extra: String = ""
    ) -> String {
        """
        \(method) sip:127.0.0.1:5060 SIP/2.0
        Via: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bK-\(method)-\(cseq)-\(from.count);rport
        Max-Forwards: 70
        From: \(from)
        To: \(to)
        Call-ID: \(callID)
        CSeq: \(cseq) \(method)
        Contact: <sip:evil@203.0.113.66:5060>
        \(extra)Content-Length: 0


        """
    }

    @Test(arguments: ["BYE", "INVITE", "REFER", "INFO", "UPDATE", "SUBSCRIBE", "NOTIFY"])
    func aRequestWithAWrongTagMeetsNoCall(_ method: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        let phone = phones[0]
        let wrong = [
            request(
                method, from: "<sip:8001@example.com>;tag=guess", to: phone.remote,
                callID: phone.callID),
            request(
                method, from: phone.local, to: "<sip:8002@example.com>;tag=guess",
                callID: phone.callID),
            request(
                method, from: phone.local, to: "<sip:8002@example.com>;tag=0123456789abcdef",
                callID: phone.callID),
            request(method, from: phone.local, to: phone.remote, callID: "another"),
        ]
        for text in wrong {
            site.deliver(text, from: phone.endpoint)
            #expect(site.said(phone.endpoint) == "481")
        }
        #expect(site.said(phones[1].endpoint) == "")
        #expect(site.sw.calls.count == 1)
    }

    @Test(arguments: [
        "BYE", "INVITE", "REFER", "INFO", "UPDATE", "ACK", "CANCEL", "PRACK", "NOTIFY",
        "SUBSCRIBE", "MESSAGE", "OPTIONS", "PUBLISH", "REGISTER",
    ])
    func aRequestFromElsewhereMeetsNoCallWhateverItKnows(_ method: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        site.deliver(
            request(
                method, from: phones[0].local, to: phones[0].remote, callID: phones[0].callID,
                extra: "Refer-To: <sip:02088886666@example.com>\n"), from: Self.stranger)
        #expect(["481", ""].contains(site.said(Self.stranger)))
        #expect(site.said(phones[0].endpoint) == "" && site.said(phones[1].endpoint) == "")
        #expect(site.sw.calls.count == 1 && site.sw.counters.calls == 1)
    }

    /// The CANCEL of a party's INVITE, to the letter.
    private func cancel(_ invite: Message, from endpoint: Endpoint, _ site: inout Site) {
        let text = String(decoding: invite.cancel(), as: UTF8.self)
        site.deliver(text.replacing("\r\n", with: "\n"), from: endpoint)
    }

    @Test func aCancelFromElsewhereTakesNoCallBackWhateverItKnows() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let ringing = try site.invite(phones[1])
        phones[1].answer(ringing, 180, at: &site)
        _ = site.all(phones[0].endpoint)
        let invite = try #require(phones[0].invite)
        cancel(invite, from: Self.stranger, &site)
        #expect(site.said(Self.stranger) == "481")
        #expect(site.said(phones[0].endpoint) == "" && site.said(phones[1].endpoint) == "")
        #expect(site.sw.calls.count == 1)
        // Its own phone takes it back, from another port too: its NAT may have given it one.
        cancel(invite, from: Endpoint(text: "127.0.0.1:19999"), &site)
        #expect(site.said(phones[1].endpoint) == "CANCEL")
        #expect(site.sw.calls.count == 0)
    }

    @Test func aTrunkTakesItsCallBackFromAnyOfItsAddresses() throws {
        var settings = Site.settings()
        let second = Endpoint(text: "198.51.100.7:5060")
        settings.trunks[0].alsoFrom = [second]
        var site = try Site(settings: settings)
        let phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try gateway.callUnasked("66778001", from: "02011112222", at: &site)
        #expect(site.said(phone.endpoint) == "INVITE")
        let invite = try #require(gateway.invite)
        cancel(invite, from: Self.stranger, &site)
        #expect(site.said(phone.endpoint) == "" && site.sw.calls.count == 1)
        cancel(invite, from: second, &site)
        #expect(site.sw.calls.count == 0)
    }

    @Test func anAcknowledgementFromElsewhereBringsNoSessionAndEndsNoWaiting() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        // A late offer: the callee waits for the answer in the caller's ACK.
        try phones[0].call("8002", at: &site, body: "")
        let invite = try site.invite(phones[1])
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        let answer = try #require(site.all(phones[0].endpoint).last)
        #expect(answer.status == 200 && site.said(phones[1].endpoint) == "")
        phones[0].established(by: answer)
        phones[0].send(
            "ACK", at: &site, cseq: Int(answer.cseqNumber), body: Party.offer,
            from: Self.stranger)
        #expect(site.said(phones[1].endpoint) == "")
        // It is still asked for.
        site.pass(.seconds(1))
        #expect(site.said(phones[0].endpoint) == "200")
        phones[0].acknowledge(answer, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK")
        site.pass(.seconds(1))
        #expect(site.said(phones[0].endpoint) == "" && site.sw.calls.count == 1)
    }

    @Test func aRequestThatIsRepeatedFromElsewhereIsAnsweredWhereItCameFrom() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        phones[1].answer(try site.invite(phones[1]), 180, at: &site)
        _ = site.all(phones[0].endpoint)
        let invite = try #require(phones[0].invite)
        site.handle(
            .datagramReceived(
                Datagram(
                    flow: Flow(transport: .udp, listener: 0, remote: Self.stranger),
                    bytes: Array(invite.bytes))))
        #expect(site.said(Self.stranger) == "" && site.said(phones[0].endpoint) == "180")
        phones[1].answer(try #require(phones[1].invite), 486, at: &site)
        #expect(site.said(Self.stranger) == "" && site.said(phones[0].endpoint) == "486")
    }

    static let evilTargets = [
        "<sip:02088886666@example.com?Subject=a%0d%0aX-Evil:%201>",
        "<sip:02088886666@example.com?X-Evil=1&Route=%3Csip:203.0.113.66%3E>",
        "<sip:02088886666@203.0.113.66;maddr=203.0.113.66?X-Evil=1>",
        "<sip:0208888%0d%0aX-Evil:%201%0d%0a@example.com>",
        "<sip:0208888%00666@example.com>",
        "<sip:02088886666@example.com?Replaces=a%0d%0aX-Evil:1%3Bto-tag%3D1%3Bfrom-tag%3D2>",
    ]

    @Test(arguments: evilTargets)
    func whereATransferGoesWritesNoHeader(_ target: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send(
            "REFER", at: &site,
            extra: "Refer-To: \(target)\nReferred-By: <sip:8001@x?X-Evil=1>;a=\"%0d%0aX-Evil:1\"\n")
        // It goes to nobody but our own gateways, and says nothing but what it may.
        #expect(site.said(Self.stranger) == "")
        for message in site.all(Site.e1) + site.all(Site.pstn) {
            #expect(message.value("x-evil") == nil && message.value(.route) == nil)
            #expect(!message.bytes.contains(0) && !message.requestURI.contains(0x25))
            #expect(message.value(.subject) == nil)
        }
        site.pass(.seconds(300))
    }

    /// A phone goes on from another address once it has registered there; nobody else's phone does.
    @Test func aCallMovesToAnAddressOfItsOwnPhoneAlone() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        let elsewhere = Endpoint(text: "127.0.0.2:18003")
        for (number, heard) in [("8003", "481"), ("8002", "200")] {
            var phone = Party(number, elsewhere)
            #expect(try phone.register(at: &site).status == 200)
            var mover = phones[1]
            mover.endpoint = elsewhere
            mover.send("INFO", at: &site)
            if heard == "200" {
                phones[0].answer(try site.next(phones[0].endpoint), 200, at: &site)
            }
            #expect(site.said(elsewhere) == heard && site.said(phones[0].endpoint) == "")
        }
        phones[0].send("BYE", at: &site)
        #expect(site.said(elsewhere) == "BYE" && site.said(phones[1].endpoint) == "")
    }

    @Test func aResponseToNothingIsLetGo() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        _ = site.all(phones[0].endpoint)
        let branch = String(decoding: try #require(invite.topVia.branch), as: UTF8.self)
        func answer(_ branch: String, cseq: String, tag: String) -> String {
            """
            SIP/2.0 200 OK
            Via: SIP/2.0/UDP 127.0.0.1:5060;branch=\(branch)
            From: \(String(decoding: invite.value(.from) ?? [], as: UTF8.self))
            To: <sip:8002@example.com>;tag=\(tag)
            Call-ID: \(String(decoding: invite.callID, as: UTF8.self))
            CSeq: \(cseq)
            Contact: <sip:evil@203.0.113.66>
            Content-Length: 0


            """
        }
        // A branch that is not ours, and one of ours under another method.
        site.deliver(answer("z9hG4bKguess", cseq: "1 INVITE", tag: "e"), from: Self.stranger)
        site.deliver(
            answer(String(branch.dropLast()) + "x", cseq: "1 INVITE", tag: "e"),
            from: Self.stranger)
        site.deliver(answer(branch, cseq: "1 OPTIONS", tag: "e"), from: Self.stranger)
        #expect(site.said(phones[0].endpoint) == "" && site.said(Self.stranger) == "")
        #expect(site.sw.calls.count == 1 && site.records.isEmpty)
        // The call is answered by whom it rings, as ever.
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[0].endpoint) == "200")
    }

    @Test func spoofedAnswersBySomebodyWhoIsNoPeerMakeNothingGrow() throws {
        var site = try Site()
        let before = site.sw.inspection
        for number in 0..<1_000 {
            site.deliver(
                """
                SIP/2.0 200 OK
                Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK\(String(number + 1, radix: 16))
                From: <sip:a@b>;tag=\(String(number + 7, radix: 16))
                To: <sip:8002@example.com>;tag=e
                Call-ID: x\(number)
                CSeq: 1 INVITE
                Contact: <sip:evil@203.0.113.66>
                Content-Length: 0


                """, from: Self.stranger)
        }
        #expect(site.said(Self.stranger) == "")
        #expect(site.sw.inspection.transactions == before.transactions)
        #expect(site.sw.inspection.legs == before.legs)
    }

    @Test func credentialsThatWereOverheardMakeNoSecondCall() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var texts: [String] = []
        try phones[0].call("8002", at: &site)
        let overheard = try #require(phones[0].invite)
        let invite = try site.next(phones[1].endpoint)
        phones[1].answer(invite, 486, at: &site)
        _ = site.all(phones[0].endpoint)
        // The same credentials, everything else new, from the phone's own address.
        for (name, value) in overheard.fields {
            let line = "\(name): \(String(decoding: value, as: UTF8.self))"
            switch name {
            case .via: texts.append("Via: SIP/2.0/UDP \(phones[0].endpoint);branch=z9hG4bKreplay")
            case .callID: texts.append("Call-ID: replay")
            case .contentLength, .contentType: break
            default: texts.append(line)
            }
        }
        site.deliver(
            "INVITE sip:8002@example.com SIP/2.0\n" + texts.joined(separator: "\n")
                + "\nContent-Length: 0\n\n", from: phones[0].endpoint)
        let answer = try site.next(phones[0].endpoint)
        #expect(answer.status == 401)
        #expect(
            answer.values(.wwwAuthenticate).allSatisfy {
                DigestChallenge(parsing: $0)?.isStale == true
            })
        #expect(site.sw.counters.calls == 1)
        #expect(site.sw.counters.all["credentials-used-again"] == 1)
    }

    @Test func nobodyIsCalledOrTakenOverByAStranger() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        let call = phones[0]
        let toTag = call.remote.split(separator: ";tag=").last ?? ""
        let fromTag = call.local.split(separator: ";tag=").last ?? ""
        site.deliver(
            """
            INVITE sip:8001@example.com SIP/2.0
            Via: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bKreplaces;rport
            Max-Forwards: 70
            From: <sip:8002@example.com>;tag=x
            To: <sip:8001@example.com>
            Call-ID: takeover
            CSeq: 1 INVITE
            Contact: <sip:evil@203.0.113.66:5060>
            Replaces: \(call.callID);to-tag=\(toTag);from-tag=\(fromTag)
            Content-Length: 0


            """, from: Self.stranger)
        #expect(site.said(Self.stranger) == "401")
        site.deliver(
            """
            REFER sip:8001@example.com SIP/2.0
            Via: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bKrefer;rport
            Max-Forwards: 70
            From: <sip:8002@example.com>;tag=x
            To: <sip:8001@example.com>
            Call-ID: refer
            CSeq: 1 REFER
            Contact: <sip:evil@203.0.113.66:5060>
            Refer-To: <sip:02088886666@example.com>
            Content-Length: 0


            """, from: Self.stranger)
        #expect(site.said(Self.stranger) == "401")
        #expect(site.said(phones[0].endpoint) == "" && site.said(phones[1].endpoint) == "")
        #expect(site.sw.calls.count == 1 && site.said(Site.e1) == "")
    }

    @Test func aREFEROutsideOfACallDoesNothingEvenWithAPassword() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        phones[0].callID = "refer"
        try phones[0].authenticated(
            "REFER", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "Refer-To: <sip:02088886666@example.com>\n", site: &site)
        #expect(site.said(phones[0].endpoint) == "403")
        #expect(site.said(phones[1].endpoint) == "" && site.said(Site.e1) == "")
        #expect(site.sw.calls.count == 0)
    }

    /// The next REFER of a party, from another port of its address, with somebody's password.
    private func refer(
        _ phone: inout Party, as number: String?, _ site: inout Site
    ) throws -> Message {
        let elsewhere = Endpoint(text: "127.0.0.1:19999")
        let target = "Refer-To: <sip:02088886666@example.com>\n"
        phone.send("REFER", at: &site, extra: target, from: elsewhere)
        let first = try site.next(elsewhere)
        guard first.status == 401, let number else { return first }
        var responder = DigestResponder(
            username: number, password: "secret\(number)", hashes: Site.hashes)
        _ = responder.challenged(by: first.values(.wwwAuthenticate))
        let field = responder.credentials(
            method: .refer, uri: Array("sip:127.0.0.1:5060".utf8), cnonce: Array("c".utf8))
        let credentials = String(decoding: try #require(field), as: UTF8.self)
        phone.send(
            "REFER", at: &site, extra: target + "Authorization: \(credentials)\n",
            from: elsewhere)
        return try site.next(elsewhere)
    }

    @Test func aREFERFromAnotherPortOfThePhonesAddressNeedsItsPassword() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        #expect(try refer(&phones[0], as: nil, &site).status == 401)
        #expect(try refer(&phones[0], as: "8003", &site).status == 403)
        #expect(site.sw.calls.count == 1 && site.said(Site.e1) == "")
        #expect(site.said(phones[0].endpoint) == "" && site.said(phones[1].endpoint) == "")
        // What was refused has moved nothing: the call is at its old port.
        phones[1].send("INFO", at: &site)
        #expect(site.said(phones[0].endpoint) == "INFO")
        #expect(try refer(&phones[0], as: "8001", &site).status == 202)
        #expect(site.said(Site.e1) == "INVITE")
    }

    // MARK: What a stranger learns of calls

    @Test func aStrangerLearnsNotThatACallIsUnderWayNorStandsInItsWay() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try #require(phones[0].invite)
        let text = String(decoding: invite.bytes, as: UTF8.self).replacing("\r\n", with: "\n")
        _ = site.all(phones[0].endpoint)
        let before = site.sw.inspection
        func copy(_ number: Int) -> String {
            text.replacing("branch=z9hG4bK", with: "branch=z9hG4bKx\(number)")
        }
        // Call-ID and tag of a call that is under way, and of one that there never was.
        site.deliver(copy(1), from: Self.stranger)
        site.deliver(copy(2).replacing("call-8001", with: "none-8001"), from: Self.stranger)
        #expect(site.said(Self.stranger) == "401 401")
        // Whoever called is told, as often as it asks, and nothing is kept for it.
        for number in 3..<6 { site.deliver(copy(number), from: phones[0].endpoint) }
        #expect(site.said(phones[0].endpoint) == "482 482 482")
        var after = site.sw.inspection
        #expect(after.suspects == 1)
        after.suspects = before.suspects
        #expect(after == before)
        // The call goes on, and when it is over it is the same.
        phones[1].answer(try site.invite(phones[1]), 486, at: &site)
        #expect(site.said(phones[0].endpoint) == "486")
        site.pass(.seconds(60))
        _ = site.all(phones[0].endpoint)
        _ = site.all(phones[1].endpoint)
        site.deliver(copy(6), from: Self.stranger)
        #expect(site.said(Self.stranger) == "401")
        site.deliver(copy(7), from: phones[0].endpoint)
        #expect(site.said(phones[0].endpoint) == "482")
        #expect(site.sw.inspection.transactions == 0)
        // An INVITE of a stranger's with that Call-ID stops no later call with it.
        site.deliver(
            copy(8).replacing("call-8001-1", with: "call-8001-2"), from: Self.stranger)
        #expect(site.said(Self.stranger) == "401")
        try phones[0].call("8002", at: &site, id: "2")
        #expect(try site.invite(phones[1]).method == .invite)
    }

    @Test func aRoundaboutOfAStrangersIsNoLoop() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("02088886666", at: &site)
        let sent = try site.next(Site.e1)
        let text = String(decoding: sent.bytes, as: UTF8.self).replacing("\r\n", with: "\n")
            .replacing(
                "Via: ", with: "Via: SIP/2.0/UDP 203.0.113.66;branch=z9hG4bK-loop;rport\nVia: ",
                maxReplacements: 1)
        site.deliver(text, from: Self.stranger)
        #expect(site.said(Self.stranger) == "401")
    }

    static let evilNames = [
        #""a\" <sip:9999@evil>;tag=1" <sip:02011112222@127.0.0.1:5070>"#,
        #""\\" <sip:02011112222@127.0.0.1:5070>"#,
        "\"x%0d%0aX-Evil: 1\" <sip:02011112222@127.0.0.1:5070>",
        "<sip:%0d%0aX-Evil:%201%0d%0a@127.0.0.1:5070>",
        "<sip:8002%3e%3btag=evil@127.0.0.1:5070>",
        "\"\t\u{7f}\u{1}\" <sip:%00%01%ff@127.0.0.1:5070>",
        "<sip:8001;user=phone?X-Evil=1@127.0.0.1:5070>",
    ]

    @Test(arguments: evilNames)
    func aCallersNameWritesNoHeader(_ from: String) throws {
        var site = try Site()
        let phone = try site.registered("8001")[0]
        let text = """
            INVITE sip:66778001@127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKname;rport
            Max-Forwards: 70
            From: \(from);tag=g
            To: <sip:66778001@127.0.0.1>
            Call-ID: name
            CSeq: 1 INVITE
            Contact: <sip:127.0.0.1:5070>
            Content-Length: 0


            """
        site.deliver(text, from: Site.e1)
        // The site's inbox reads whatever the switch sends, so it is SIP.
        for message in site.all(phone.endpoint) {
            #expect(message.method == .invite)
            #expect(message.value("x-evil") == nil)
            let address = try #require(message.address(.from))
            #expect(address.parameter("tag").flatMap { $0 }.map { Token.number($0) } != nil)
            #expect(address.uriView?.host.elementsEqual("127.0.0.1".utf8) == true)
            #expect(message.elements(.from).count == 1)
            #expect(!message.bytes.contains(0))
        }
        for message in site.all(Site.e1) { #expect(message.value("x-evil") == nil) }
        for line in site.logs { #expect(!line.contains("\n") && !line.contains("\r"), "\(line)") }
        site.pass(.seconds(120))
        #expect(site.isIdle)
    }

    @Test(arguments: [false, true])
    func noCallFromOutsideMakesAPhoneAnswerByItself(isTrusted: Bool) throws {
        var settings = Site.settings()
        settings.trunks[0].isTrusted = isTrusted
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002", "8003")
        let commands =
            "Alert-Info: <http://evil/a>;info=alert-autoanswer\nAnswer-Mode: Auto\n"
            + "Priv-Answer-Mode: Auto\n"
        site.deliver(
            """
            INVITE sip:66778001@127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKcommand;rport
            Max-Forwards: 70
            From: <sip:02011112222@127.0.0.1>;tag=g
            To: <sip:66778001@127.0.0.1>
            Call-ID: command
            CSeq: 1 INVITE
            Contact: <sip:127.0.0.1:5070>
            Subject: seen
            \(commands)Content-Length: 0


            """, from: Site.e1)
        let names: [HeaderName] = [.alertInfo, .answerMode, .privAnswerMode]
        let invite = try site.invite(phones[0])
        #expect(names.map { invite.has($0) } == names.map { _ in isTrusted })
        #expect(invite.has(.subject))
        // Colleagues have an intercom.
        try phones[1].call("8003", at: &site, extra: commands)
        let inside = try site.invite(phones[2])
        #expect(names.allSatisfy { inside.has($0) })
    }

    // MARK: What a stranger makes the switch do

    /// A Contact, a route and a path of a third party, of another phone, and of the switch itself.
    @Test(arguments: ["203.0.113.66:5060", "127.0.0.1:18002", "127.0.0.1:5060"])
    func nobodyMakesTheSwitchSendToSomebodyElse(_ victim: String) throws {
        var settings = Site.settings()
        settings.calls.aliveCheck = .seconds(60)
        var site = try Site(settings: settings)
        let other = try site.registered("8002")[0]
        let phone = Endpoint(text: "198.51.100.1:5060")
        var rogue = Party("8001", phone)
        let contact = "Contact: <sip:8001@\(victim)>\n"
        let route = "Record-Route: <sip:\(victim);lr>\nRoute: <sip:\(victim);lr>\n"
        rogue.callID = "register"
        try rogue.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>",
            extra: contact + "Path: <sip:\(victim);lr>\nSupported: path\n" + route,
            hasContact: false, site: &site)
        #expect(site.said(phone) == "200")
        rogue.callID = "watch"
        try rogue.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: contact + route + "Event: presence\nExpires: 600\n", hasContact: false,
            site: &site)
        #expect(site.said(phone) == "200 NOTIFY")
        rogue.callID = "text"
        try rogue.authenticated(
            "MESSAGE", uri: "sip:8001@example.com", to: "<sip:8001@example.com>",
            extra: contact + route, body: "x", hasContact: false, site: &site)
        #expect(site.said(phone) == "MESSAGE")
        rogue.callID = "call"
        try rogue.authenticated(
            "INVITE", uri: "sip:02088886666@example.com", to: "<sip:02088886666@example.com>",
            extra: contact + route, body: Party.offer, hasContact: false, site: &site)
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        // The answer again, a question whether it is there, the end of the call.
        site.pass(.seconds(300))
        _ = site.all(Site.e1)
        #expect(site.all(phone).contains { $0.method == .bye })
        #expect(site.inbox.keys.allSatisfy { $0 == other.endpoint })
        #expect(site.said(other.endpoint) == "")
    }

    @Test func whatStandsBehindAContactIsInNoRequestLine() throws {
        var site = try Site()
        let caller = try site.registered("8001")[0]
        var phone = Party.phone("8002")
        phone.callID = "headers"
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8002@example.com>",
            extra: "Contact: <sip:8002@\(phone.endpoint)?Subject=x&Route=%3Csip:h%3E>\n",
            hasContact: false, site: &site)
        #expect(site.said(phone.endpoint) == "200")
        var first = caller
        try first.call("8002", at: &site)
        let invite = try site.invite(phone)
        #expect(invite.requestURI.elementsEqual("sip:8002@\(phone.endpoint)".utf8))
        // It can be taken back, which begins with reading what we wrote.
        phone.answer(invite, 180, at: &site)
        try first.cancel(at: &site)
        #expect(site.said(phone.endpoint) == "CANCEL")
        _ = site.all(first.endpoint)
        first.callID = "text"
        try first.authenticated(
            "MESSAGE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "Content-Type: text/plain\n", body: "x", site: &site)
        #expect(try site.next(phone.endpoint).requestURI == invite.requestURI)
    }

    @Test func nobodyRegistersBackwardsInTime() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        phone.callID = "past"
        for expires in ["-5", "-9999999999", "x", "9999999999", "99999999999999999999"] {
            try phone.authenticated(
                "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>",
                extra: "Contact: <sip:8001@\(phone.endpoint)>;expires=\(expires)\n",
                hasContact: false, site: &site)
            let answer = try site.next(phone.endpoint)
            #expect(answer.status == 200 && answer.elements(.contact).count == 1, "\(expires)")
        }
    }
}
