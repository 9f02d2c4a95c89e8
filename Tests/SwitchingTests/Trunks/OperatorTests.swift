import SIP
import Testing

@testable import Switching

/// An operator that wants to know who we are: registration, and challenges to calls.
@Suite struct OperatorTests {
    private func site(password: String = "secret") throws -> Site {
        var settings = Site.settings()
        settings.trunks[0].credentials = TrunkCredentials(
            username: "12345", password: password)
        return try Site(settings: settings)
    }

    private func registering() throws -> Site {
        var settings = Site.settings()
        settings.trunks[0].credentials = TrunkCredentials(
            username: "12345", password: "secret")
        settings.trunks[0].registration = TrunkRegistrationSettings(
            user: "12345", domain: "operator.example")
        return try Site(settings: settings)
    }

    private static let challenge =
        "WWW-Authenticate: Digest realm=\"operator\", nonce=\"abc\", qop=\"auth\"\n"

    /// Whether a request carries what the challenge asks for.
    private func isRight(_ request: Message, _ field: HeaderName = .authorization) -> Bool {
        var responder = DigestResponder(
            username: "12345", password: "secret", hashes: Site.hashes)
        let value = Array("Digest realm=\"operator\", nonce=\"abc\", qop=\"auth\"".utf8)
        _ = responder.challenged(by: [value[...]])
        guard let given = request.value(field),
            let credentials = DigestCredentials(parsing: given)
        else { return false }
        // The nonce may have been used before: its uses are counted.
        for _ in 1...3 {
            let expected = responder.credentials(
                method: request.method, uri: request.requestURI, cnonce: credentials.cnonce ?? [])
            let parsed = expected.flatMap { DigestCredentials(parsing: $0[...]) }
            if parsed?.response == credentials.response { return true }
        }
        return false
    }

    @Test(arguments: [401, 407])
    func anInviteIsSentAgainWithThePassword(status: Int) throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        #expect(invite.value(.authorization) == nil)
        var gateway = Party.e1
        let proxy = Self.challenge.replacing("WWW-", with: "Proxy-")
        gateway.answer(
            invite, status, at: &site, extra: status == 401 ? Self.challenge : proxy)
        #expect(try site.next(Site.e1).method == .ack)
        let again = try site.next(Site.e1)
        #expect(isRight(again, status == 401 ? .authorization : .proxyAuthorization))
        #expect(again.callID.elementsEqual(invite.callID) && again.cseqNumber == 2)
        #expect(again.body.elementsEqual(invite.body))
        #expect(again.value(.via)?.elementsEqual(invite.value(.via) ?? []) == false)
        gateway.answer(again, 200, at: &site, body: Party.offer)
        let answers = site.all(phone.endpoint)
        #expect(answers.map(\.status) == [100, 200])
        phone.acknowledge(try #require(answers.last), at: &site)
        #expect(try site.next(Site.e1).cseqNumber == 2)
        phone.send("BYE", at: &site)
        let bye = try site.next(Site.e1)
        #expect(bye.method == .bye && bye.cseqNumber == 3)
        gateway.answer(bye, 401, at: &site, extra: Self.challenge)
        let byeAgain = try site.next(Site.e1)
        #expect(byeAgain.method == .bye && byeAgain.cseqNumber == 4 && isRight(byeAgain))
        #expect(site.records.first?.attempts.count == 1 && site.isIdle)
    }

    /// A proxy that wants to know who we are, and behind it somebody who does too (RFC 3261 §22.3).
    @Test func bothAProxyAndWhoIsBehindItAreAnswered() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        let proxy = Self.challenge.replacing("WWW-", with: "Proxy-")
        gateway.answer(try site.next(Site.e1), 407, at: &site, extra: proxy)
        #expect(try site.next(Site.e1).method == .ack)
        let second = try site.next(Site.e1)
        #expect(isRight(second, .proxyAuthorization) && second.value(.authorization) == nil)
        gateway.answer(second, 401, at: &site, extra: Self.challenge)
        #expect(try site.next(Site.e1).method == .ack)
        let third = try site.next(Site.e1)
        #expect(isRight(third, .proxyAuthorization) && isRight(third, .authorization))
        #expect(third.cseqNumber == 3 && Array(third.values(.authorization)).count == 1)
        gateway.answer(third, 200, at: &site, body: Party.offer)
        #expect(site.all(phone.endpoint).map(\.status) == [100, 200])
        #expect(site.sw.calls.count == 1)
    }

    @Test func aSecondChallengeByTheSameOneMeansThatThePasswordIsWrong() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        let proxy = Self.challenge.replacing("WWW-", with: "Proxy-")
        for (status, field) in [(407, proxy), (401, Self.challenge), (407, proxy)] {
            let invite = try #require(site.all(Site.e1).last)
            gateway.answer(invite, status, at: &site, extra: field)
        }
        #expect(site.all(Site.e1).map(\.method) == [.ack])
        #expect(try site.next(Site.pstn).method == .invite)
    }

    @Test func aReINVITEIsSentAgainWithThePassword() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        phone.send("INVITE", at: &site, body: Party.offer)
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 401, at: &site, extra: Self.challenge)
        #expect(try site.next(Site.e1).method == .ack)
        let again = try site.next(Site.e1)
        #expect(again.method == .invite && again.cseqNumber == invite.cseqNumber + 1)
        #expect(isRight(again))
        gateway.answer(again, 200, at: &site, body: Party.offer)
        #expect(try site.next(Site.e1).method == .ack)
        #expect(site.all(phone.endpoint).map(\.status) == [100, 200])
    }

    @Test func aWrongPasswordTakesTheNextRoute() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        for _ in 0..<2 {
            let invite = try #require(site.all(Site.e1).last)
            gateway.answer(invite, 401, at: &site, extra: Self.challenge)
        }
        #expect(try site.next(Site.pstn).method == .invite)
    }

    @Test func anOperatorThatIsSilentAfterItsChallengeIsLeft() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 401, at: &site, extra: Self.challenge)
        site.pass(.milliseconds(3001))
        #expect(try site.next(Site.pstn).method == .invite)
    }

    /// An operator that asks for the password with each request, and sends reliable ringing to a phone
    /// that knows nothing of it.
    @Test func aPRACKIsSentAgainWithThePassword() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        var gateway = Party.e1
        gateway.answer(invite, 180, at: &site, extra: "Require: 100rel\nRSeq: 1\n")
        let prack = try site.next(Site.e1)
        gateway.answer(prack, 401, at: &site, extra: Self.challenge)
        let again = try site.next(Site.e1)
        #expect(again.method == .prack && again.text(.rack) == "1 1 INVITE" && isRight(again))
        #expect(again.cseqNumber == prack.cseqNumber + 1)
        gateway.answer(again, 200, at: &site)
        gateway.answer(invite, 180, at: &site, extra: "Require: 100rel\nRSeq: 2\n")
        // The number that the second one took is used.
        let next = try site.next(Site.e1)
        #expect(next.text(.rack) == "2 1 INVITE" && next.cseqNumber == again.cseqNumber + 1)
    }

    @Test func anOperatorThatWantsALongerSessionHasItsPasswordAgain() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 401, at: &site, extra: Self.challenge)
        #expect(try site.next(Site.e1).method == .ack)
        gateway.answer(try site.next(Site.e1), 422, at: &site, extra: "Min-SE: 3600\n")
        #expect(try site.next(Site.e1).method == .ack)
        let third = try site.next(Site.e1)
        #expect(isRight(third) && Array(third.values(.authorization)).count == 1)
        #expect(third.text(.minSE) == "3600" && third.cseqNumber == 3)
        // Who asks once more has not liked the password.
        gateway.answer(third, 401, at: &site, extra: Self.challenge)
        #expect(try site.next(Site.pstn).method == .invite)
    }

    /// A nonce that serves once, and a session that the operator wants longer.
    @Test func aNonceThatIsTooOldSaysNothingOfThePasswordOnce() throws {
        var site = try site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var gateway = Party.e1
        let stale = Self.challenge.replacing("qop", with: "stale=TRUE, qop")
        for (status, extra) in [
            (401, Self.challenge), (422, "Min-SE: 3600\n"), (401, stale),
        ] {
            let invite = try #require(site.all(Site.e1).last)
            gateway.answer(invite, status, at: &site, extra: extra)
        }
        let last = try #require(site.all(Site.e1).last)
        #expect(isRight(last) && last.text(.minSE) == "3600" && last.cseqNumber == 4)
        gateway.answer(last, 401, at: &site, extra: stale)
        #expect(site.all(Site.e1).map(\.method) == [.ack])
        #expect(try site.next(Site.pstn).method == .invite)
    }

    // MARK: Registration

    private func answerRegister(
        _ site: inout Site, _ status: Int, extra: String = ""
    ) throws -> Message {
        let request = try site.next(Site.e1)
        #expect(request.method == .register)
        var gateway = Party.e1
        gateway.answer(request, status, at: &site, extra: extra)
        return request
    }

    private func registered() throws -> Site {
        var site = try registering()
        site.pass(.milliseconds(1))
        let first = try answerRegister(&site, 401, extra: Self.challenge)
        #expect(first.requestURI.elementsEqual("sip:operator.example".utf8))
        let second = try answerRegister(&site, 200, extra: "Expires: 120\n")
        #expect(isRight(second) && second.cseqNumber == 2)
        #expect(second.callID.elementsEqual(first.callID))
        return site
    }

    private func registration(_ site: inout Site) throws -> TrunkSignalRow {
        guard case .trunks(let rows) = site.request(.trunks) else {
            return try #require(nil as TrunkSignalRow?)
        }
        return try #require(rows[0].signals.first { $0.signal == "registration" })
    }

    @Test func itRegistersWithThePasswordAndRefreshesBeforeTheEnd() throws {
        var site = try registered()
        #expect(try registration(&site).reason == "registered for 120 s")
        site.pass(.seconds(89))
        #expect(site.said(Site.e1) == "")
        site.pass(.seconds(2))
        let refresh = try answerRegister(&site, 200, extra: "Expires: 120\n")
        #expect(refresh.cseqNumber == 3)
        #expect(try registration(&site).state == "up")
    }

    @Test func theRegistrationIsTakenBackWhenTheProcessEnds() throws {
        var site = try registered()
        #expect(!site.sw.isLeaving)
        site.handle(.stopping)
        let first = try answerRegister(&site, 401, extra: Self.challenge)
        #expect(first.number(.expires) == 0 && first.cseqNumber == 3)
        #expect(site.sw.isLeaving)
        let last = try answerRegister(&site, 200)
        #expect(isRight(last) && last.number(.expires) == 0)
        #expect(!site.sw.isLeaving)
        site.pass(.seconds(300))
        #expect(site.said(Site.e1) == "")
    }

    @Test func aRefusedRegistrationKeepsCallsAwayAndSaysWhy() throws {
        var site = try registering()
        site.pass(.milliseconds(1))
        _ = try answerRegister(&site, 403)
        #expect(try registration(&site).state == "down")
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(site.said(Site.e1) == "" && site.said(Site.pstn) == "INVITE")
        #expect(site.logs.contains { $0.contains("trunk ip-e1 is down: REGISTER is refused: 403") })
    }

    @Test func aWrongPasswordIsAskedOnceAndNotOverAndOver() throws {
        var site = try registering()
        site.pass(.milliseconds(1))
        _ = try answerRegister(&site, 401, extra: Self.challenge)
        _ = try answerRegister(&site, 401, extra: Self.challenge)
        site.pass(.seconds(60))
        #expect(site.said(Site.e1) == "")
    }

    @Test func aRegistrarBehindAProxyIsAnsweredToo() throws {
        var site = try registering()
        site.pass(.milliseconds(1))
        let proxy = Self.challenge.replacing("WWW-", with: "Proxy-")
        _ = try answerRegister(&site, 407, extra: proxy)
        _ = try answerRegister(&site, 401, extra: Self.challenge)
        let last = try answerRegister(&site, 200, extra: "Expires: 120\n")
        #expect(isRight(last) && isRight(last, .proxyAuthorization) && last.cseqNumber == 3)
        #expect(try registration(&site).state == "up")
    }

    @Test func aLongerTimeIsAskedForWhenTheOperatorWantsIt() throws {
        var site = try registering()
        site.pass(.milliseconds(1))
        _ = try answerRegister(&site, 423, extra: "Min-Expires: 7200\n")
        site.pass(.milliseconds(1))
        let again = try answerRegister(&site, 200)
        #expect(again.number(.expires) == 7200)
        #expect(try registration(&site).reason == "registered for 7200 s")
    }

    @Test func aCallByRegistrationIsKnownFromAnyAddressAndIsForWhomToSays() throws {
        var site = try registering()
        site.pass(.milliseconds(1))
        let register = try answerRegister(&site, 200)
        let contact = try #require(register.address(.contact)?.uriView?.text)
        let phone = try site.registered("8002")[0]
        site.deliver(
            """
            INVITE \(String(decoding: contact, as: UTF8.self)) SIP/2.0
            Via: SIP/2.0/UDP 198.51.100.9:5060;branch=z9hG4bK-in;rport
            Max-Forwards: 70
            From: <sip:13900001111@operator.example>;tag=g
            To: <sip:66778002@operator.example>
            Call-ID: in
            CSeq: 1 INVITE
            Contact: <sip:198.51.100.9:5060>
            Content-Length: 0


            """, from: Endpoint(text: "198.51.100.9:5060"))
        #expect(try site.next(phone.endpoint).method == .invite)
        #expect(site.sw.trunks["ip-e1"]?.channelsInUse == 1)
    }

    @Test func ourContactIsTheSameAfterARestartAndAnotherForAnotherPassword() throws {
        var contacts: [[UInt8]] = []
        for (seed, password) in [(1, "secret"), (2, "secret"), (1, "other")] {
            var settings = Site.settings()
            settings.trunks[0].credentials = TrunkCredentials(
                username: "12345", password: password)
            settings.trunks[0].registration = TrunkRegistrationSettings(
                user: "12345", domain: "operator.example")
            var tokens = TokenGenerator(seed: Array(repeating: UInt8(seed), count: 32))
            let trunk = Trunk(
                settings: settings.trunks[0], hashes: Site.hashes, tokens: &tokens,
                now: Instant(nanoseconds: 0))
            contacts.append(Token.text(try #require(trunk.registration).line))
        }
        #expect(contacts[0] == contacts[1] && contacts[0] != contacts[2])
    }

    @Test func aNumberThatIsNotOursIsNoRegistration() throws {
        var site = try registering()
        let stranger = Endpoint(text: "198.51.100.9:5060")
        site.deliver(
            """
            INVITE sip:12345@127.0.0.1:5060;line=aaaaaaaaaaaaa SIP/2.0
            Via: SIP/2.0/UDP 198.51.100.9:5060;branch=z9hG4bK-in;rport
            Max-Forwards: 70
            From: <sip:13900001111@operator.example>;tag=g
            To: <sip:66778002@operator.example>
            Call-ID: in
            CSeq: 1 INVITE
            Contact: <sip:198.51.100.9:5060>
            Content-Length: 0


            """, from: stranger)
        #expect(site.said(stranger) == "401")
    }
}
