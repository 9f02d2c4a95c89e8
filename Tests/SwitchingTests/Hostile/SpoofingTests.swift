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

    @Test(arguments: ["BYE", "INVITE", "REFER", "INFO", "UPDATE", "ACK", "CANCEL"])
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

    @Test func oversizedPartsAreReadOrRefusedByName() throws {
        var site = try Site()
        let phone = try site.registered("8001")[0]
        let long = String(repeating: "x", count: 60_000)
        func request(_ change: (inout [String]) -> Void) -> String {
            var lines = [
                "OPTIONS sip:example.com SIP/2.0", "Via: SIP/2.0/UDP H;branch=z9hG4bKa;rport",
                "From: <sip:a@b>;tag=1", "To: <sip:c@d>", "Call-ID: x", "CSeq: 1 OPTIONS",
                "Max-Forwards: 70",
            ]
            change(&lines)
            return lines.joined(separator: "\n") + "\n\n"
        }
        let cases: [(String, [String])] = [
            (request { $0[4] = "Call-ID: \(long)" }, ["200"]),
            (request { $0[2] = "From: \"\(long)\" <sip:a@b>;tag=1" }, ["200"]),
            (request { $0[2] = "From: <sip:a@b>;tag=\(long)" }, ["200"]),
            (request { $0[1] = "Via: SIP/2.0/UDP H;branch=z9hG4bK\(long);rport" }, ["200"]),
            (request { $0[0] = "OPTIONS sip:\(long)@example.com SIP/2.0" }, ["200"]),
            (request { $0.append("X: \(long)") }, ["200"]),
            (request { $0[6] = "Max-Forwards: 99999999999999999999" }, ["400", "200"]),
            (request { $0 += (0..<300).map { "X-\($0): y" } }, ["400", "513", ""]),
            (request { $0.append("Y: \(long)\(long)") }, ["513", "400", ""]),
            (request { $0.append("\(String(repeating: "n", count: 300)): y") }, ["400", ""]),
        ]
        for (place, (text, expected)) in cases.enumerated() {
            site.deliver(text, from: phone.endpoint)
            let said = site.said(phone.endpoint)
            #expect(expected.contains(said), "case \(place): \(said)")
        }
        site.pass(.seconds(60))
        #expect(site.sw.inspection.transactions == 0)
    }

    // MARK: Storms

    @Test func aStormOfRetransmissionsMakesNothingGrowAndIsAnsweredOneByOne() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let before = site.sw.inspection
        _ = site.all(phones[0].endpoint)
        _ = site.all(phones[1].endpoint)
        let invite = try #require(phones[0].invite)
        for _ in 0..<10_000 {
            site.handle(
                .datagramReceived(
                    Datagram(
                        flow: Flow(transport: .udp, listener: 0, remote: phones[0].endpoint),
                        bytes: Array(invite.bytes))))
        }
        #expect(site.all(phones[0].endpoint).count <= 10_000)
        #expect(site.all(phones[1].endpoint).isEmpty)
        #expect(site.sw.inspection == before)
    }

    @Test func answersThatAreNeverAcknowledgedEndByThemselves() throws {
        var site = try Site { stored in
            for place in stored.extensions.indices { stored.extensions[place].callLimit = 50 }
        }
        var phones = try site.registered("8001", "8002")
        for number in 0..<40 {
            _ = site.all(phones[0].endpoint)
            try phones[0].call("8002", at: &site, id: "\(number)")
            var callee = phones[1]
            while let message = site.inbox[callee.endpoint]?.first {
                site.inbox[callee.endpoint]?.removeFirst()
                if message.method == .invite, message.isRequest {
                    callee.answer(message, 200, at: &site, body: Party.offer)
                }
            }
        }
        #expect(site.sw.calls.count == 40)
        _ = site.all(phones[0].endpoint)
        site.pass(.seconds(33))
        // Eleven of each answer within 32 s, then BYE; nobody talks and nobody pays further.
        #expect(site.all(phones[0].endpoint).filter { !$0.isRequest }.count <= 40 * 11)
        site.pass(.seconds(100))
        #expect(site.isIdle)
        #expect(site.sw.inspection.transactions == 0)
    }
}
