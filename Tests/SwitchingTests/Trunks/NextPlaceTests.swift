import SIP
import Testing

@testable import Switching

/// A request inside a gateway's dialog whose place is dead goes to the next one of the name at once (RFC
/// 3263 §4.3), and the caller's side sees nothing of that.
@Suite struct NextPlaceTests {
    private static let first = Endpoint(text: "192.0.2.30:5060")
    private static let second = Endpoint(text: "192.0.2.20:5062")
    private static let third = Endpoint(text: "192.0.2.40:5060")
    private static let name = "Contact: <sip:gw@node7.example.net>\n"

    private func told(_ endpoints: [Endpoint]) -> Event {
        .nextHopResolved(
            NextHopResolution(
                query: NextHopQuery(
                    host: TrunkHost(name: "node7.example.net"),
                    ways: [TrunkWay(transport: .udp, listener: 0, isV4: true)]),
                targets: endpoints.enumerated().map { place, endpoint in
                    TrunkTarget(endpoint: endpoint, priority: UInt16(place))
                }, seconds: 300))
    }

    private func dead(_ endpoint: Endpoint) -> Event {
        .transportFailed(Flow(transport: .udp, listener: 0, remote: endpoint))
    }

    /// A call of 8001 to the E1, which is reached by a name that stands for these.
    private func talking(
        _ places: [Endpoint], _ change: (inout Settings) -> Void = { _ in }
    ) throws -> (site: Site, phone: Party, gateway: Party) {
        var settings = Site.settings()
        change(&settings)
        var site = try Site(settings: settings)
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 180, at: &site, extra: Self.name)
        if !places.isEmpty { site.handle(told(places)) }
        gateway.answer(invite, 200, at: &site, extra: Self.name, body: Party.offer)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        for place in places + [Site.e1] { _ = site.all(place) }
        return (site, phone, gateway)
    }

    // MARK: Dead

    @Test(arguments: ["INVITE", "UPDATE", "INFO", "MESSAGE"])
    func aTransportErrorSendsItToTheNextPlace(method: String) throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second])
        phone.send(method, at: &site, body: Party.offer)
        let sent = try site.next(Self.first)
        _ = site.all(phone.endpoint)
        site.handle(dead(Self.first))
        #expect(site.said(phone.endpoint) == "")
        let again = try site.next(Self.second)
        // The same request, by a transaction of its own.
        #expect(again.topVia.branch?.elementsEqual(sent.topVia.branch ?? []) == false)
        #expect(again.requestURI.elementsEqual(sent.requestURI))
        for field in [HeaderName.cseq, .callID, .from, .to, .contact] {
            #expect(again.text(field) == sent.text(field))
        }
        #expect(again.body.elementsEqual(sent.body) && !again.body.isEmpty)
        gateway.answer(again, 200, at: &site, extra: Self.name, body: Party.offer)
        #expect(site.said(phone.endpoint) == "200")
        #expect(site.said(Self.second) == (method == "INVITE" ? "ACK" : ""))
        #expect(site.said(Self.first) == "" && site.said(Site.e1) == "")
        // The next request goes there at once.
        phone.send("INFO", at: &site)
        #expect(site.said(Self.second) == "INFO" && site.said(Self.first) == "")
        let attempts = site.sw.calls.handles.map { site.sw.calls[$0].record.attempts.count }
        #expect(attempts == [1])
    }

    @Test func aBYEThatMeetsNobodyGoesOnToWhoeverIsThere() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second, Self.third])
        phone.send("BYE", at: &site)
        #expect(site.said(Self.first) == "BYE" && site.said(phone.endpoint) == "200")
        site.handle(dead(Self.first))
        #expect(site.said(Self.second) == "BYE")
        site.handle(dead(Self.second))
        let bye = try site.next(Self.third)
        gateway.answer(bye, 200, at: &site)
        site.pass(.seconds(40))
        #expect(site.said(Self.third) == "" && site.isIdle)
        let record = try #require(site.records.first)
        #expect(record.attempts.count == 1 && record.releasedBy == .caller)
        #expect(record.sipStatus == 200 && record.q850Cause == 16)
    }

    @Test func whatAnotherRequestHasOvertakenGetsAHigherNumber() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second])
        phone.send("INFO", at: &site)
        phone.send("INFO", at: &site)
        let sent = site.all(Self.first).map(\.cseqNumber)
        site.handle(dead(Self.first))
        let again = site.all(Self.second)
        let numbers = again.map(\.cseqNumber)
        #expect(numbers.count == 2 && numbers[0] < numbers[1])
        #expect(sent.allSatisfy { $0 < numbers[0] })
        for request in again { gateway.answer(request, 200, at: &site) }
        #expect(site.said(phone.endpoint) == "200 200")
    }

    @Test func whereAllAreDeadTheCallEnds() throws {
        var (site, phone, _) = try talking([Self.first, Self.second])
        phone.send("INFO", at: &site)
        site.handle(dead(Self.first))
        site.handle(dead(Self.second))
        // The last one may be back in a moment.
        #expect(site.said(phone.endpoint) == "" && site.sw.calls.count == 1)
        site.pass(.milliseconds(32_100))
        #expect(site.said(phone.endpoint) == "100 BYE")
        #expect(site.sw.calls.count == 0)
    }

    @Test func anAddressStandsForNothingElse() throws {
        var (site, phone, _) = try talking([Self.first])
        phone.send("INFO", at: &site)
        site.handle(dead(Self.first))
        #expect(site.said(phone.endpoint) == "" && site.said(Site.e1) == "")
        site.pass(.milliseconds(32_100))
        #expect(site.said(phone.endpoint) == "100 BYE")
        #expect(site.said(Site.e1) == "")
    }

    @Test func whatWasTakenBackGoesNowhereElse() throws {
        var (site, phone, _) = try talking([Self.first, Self.second])
        phone.send("INVITE", at: &site, body: Party.offer)
        let branch = "z9hG4bK-8001-\(phone.callID)-\(phone.branches)"
        site.deliver(
            """
            CANCEL sip:127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(phone.endpoint);branch=\(branch);rport
            Max-Forwards: 70
            From: \(phone.local)
            To: \(phone.remote)
            Call-ID: \(phone.callID)
            CSeq: \(phone.cseq) CANCEL
            Content-Length: 0


            """, from: phone.endpoint)
        #expect(site.said(phone.endpoint) == "100 200")
        site.handle(dead(Self.first))
        #expect(site.said(Self.second) == "")
        // Nobody was there, to the end.
        site.pass(.milliseconds(32_100))
        #expect(site.said(Self.second) == "BYE")
    }

    @Test func whereItSpeaksFromGoesLastWhenItIsDead() throws {
        var (site, phone, gateway) = try talking([Self.first, Site.e1])
        phone.send("INFO", at: &site)
        #expect(site.said(Site.e1) == "INFO" && site.said(Self.first) == "")
        site.handle(dead(Site.e1))
        gateway.answer(try site.next(Self.first), 200, at: &site)
        phone.send("INFO", at: &site)
        gateway.answer(try site.next(Self.first), 200, at: &site)
        #expect(site.said(Site.e1) == "")
        site.pass(.seconds(31))
        _ = site.all(Site.e1)
        phone.send("INFO", at: &site)
        #expect(site.said(Site.e1) == "INFO" && site.said(Self.first) == "")
    }

    @Test func whatMetNobodyBeforeTheNameIsKnownIsSentWhenItIs() throws {
        var (site, phone, gateway) = try talking([])
        phone.send("INFO", at: &site)
        #expect(site.said(Site.e1) == "INFO")
        site.handle(dead(Site.e1))
        #expect(site.said(phone.endpoint) == "" && site.sw.calls.count == 1)
        site.handle(told([Self.first]))
        let heard = site.all(Self.first)
        #expect(heard.map(\.method) == [.ack, .info])
        gateway.answer(try #require(heard.last), 200, at: &site)
        #expect(site.said(phone.endpoint) == "200")
    }

    @Test func aNameThatNobodyEverAnswersForKeepsNothingForEver() throws {
        var (site, phone, _) = try talking([])
        phone.send("BYE", at: &site)
        for _ in 0..<70 {
            if !site.all(Site.e1).isEmpty { site.handle(dead(Site.e1)) }
            site.pass(.seconds(1))
        }
        #expect(site.isIdle)
    }

    // MARK: Silent

    @Test func aPlaceThatIsSilentHasItsShareOfTheTime() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second])
        phone.send("INFO", at: &site)
        site.pass(.milliseconds(15_900))
        #expect(site.said(Self.first).hasPrefix("INFO INFO") && site.said(Self.second) == "")
        site.pass(.milliseconds(200))
        gateway.answer(try site.next(Self.second), 200, at: &site)
        // 100 once the phone has slowed down (RFC 4320 §4.1).
        #expect(site.said(phone.endpoint) == "100 200")
        _ = site.all(Self.first)
        site.pass(.seconds(40))
        #expect(site.said(Self.first) == "" && site.said(Self.second) == "")
        #expect(site.sw.calls.count == 1)
    }

    @Test func allPlacesTogetherHaveTheTimeOfOneTransaction() throws {
        var (site, phone, _) = try talking([Self.first, Self.second, Self.third])
        phone.send("INFO", at: &site)
        site.pass(.milliseconds(31_900))
        #expect(site.sw.calls.count == 1)
        for place in [Self.first, Self.second, Self.third] {
            #expect(site.said(place).hasPrefix("INFO INFO"))
        }
        site.pass(.milliseconds(200))
        // No 408 (RFC 4320 §4.2).
        #expect(site.sw.calls.count == 0 && site.said(phone.endpoint) == "100 BYE")
    }

    @Test func aReinviteThatIsSilentIsAnsweredByTheNextPlace() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second])
        phone.send("INVITE", at: &site, body: Party.offer)
        let sent = try site.next(Self.first)
        site.pass(.milliseconds(16_100))
        _ = site.all(Self.first)
        let again = try site.next(Self.second)
        gateway.answer(again, 100, at: &site)
        // It may take its time; by then the first one is as good as ever.
        site.pass(.seconds(40))
        gateway.answer(again, 200, at: &site, extra: Self.name, body: Party.offer)
        #expect(site.said(Self.second) == "ACK")
        #expect(site.said(phone.endpoint).hasPrefix("100 200"))
        // The first one has heard it after all.
        _ = site.all(Self.first)
        gateway.answer(sent, 200, at: &site, extra: Self.name, body: Party.offer)
        #expect(!site.said(Self.first).contains("BYE") && site.sw.calls.count == 1)
    }

    @Test func anAnswerInTimeLeavesItWhereItIs() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second])
        phone.send("INVITE", at: &site, body: Party.offer)
        gateway.answer(try site.next(Self.first), 100, at: &site)
        site.pass(.seconds(60))
        #expect(site.said(Self.second) == "" && site.sw.calls.count == 1)
    }

    // MARK: 503

    @Test func a503SendsItToTheNextPlaceForAsLongAsItSays() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second])
        phone.send("INVITE", at: &site, body: Party.offer)
        gateway.answer(
            try site.next(Self.first), 503, at: &site, extra: "Retry-After: 120\n")
        #expect(site.said(Self.first) == "ACK")
        gateway.answer(
            try site.next(Self.second), 200, at: &site, extra: Self.name, body: Party.offer)
        let answers = site.all(phone.endpoint)
        #expect(answers.map(\.status) == [100, 200] && site.said(Self.second) == "ACK")
        phone.acknowledge(try #require(answers.last), at: &site)
        site.pass(.seconds(110))
        _ = site.all(Self.second)
        phone.send("INFO", at: &site)
        gateway.answer(try site.next(Self.second), 200, at: &site)
        #expect(site.said(Self.first) == "")
        site.pass(.seconds(11))
        phone.send("INFO", at: &site)
        #expect(site.said(Self.first) == "INFO")
    }

    @Test func whereTheNextPlaceDoesNotKnowTheDialogThe503Stands() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second])
        for method in ["INVITE", "INFO"] {
            phone.send(method, at: &site, body: Party.offer)
            gateway.answer(
                try site.next(Self.first), 503, at: &site, extra: "Reason: SIP;cause=503\n")
            gateway.answer(try site.next(Self.second), 481, at: &site)
            #expect(site.said(phone.endpoint) == (method == "INVITE" ? "100 503" : "503"))
            #expect(site.sw.calls.count == 1)
            for place in [Self.first, Self.second] { _ = site.all(place) }
        }
    }

    @Test func whereTheNextPlaceIsDeadThe503Stands() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second])
        phone.send("INFO", at: &site)
        gateway.answer(try site.next(Self.first), 503, at: &site)
        site.handle(dead(Self.second))
        #expect(site.said(phone.endpoint) == "503" && site.sw.calls.count == 1)
    }

    @Test func a481AfterSilenceEndsTheCall() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second])
        phone.send("INFO", at: &site)
        site.handle(dead(Self.first))
        gateway.answer(try site.next(Self.second), 481, at: &site)
        #expect(site.said(phone.endpoint) == "481 BYE" && site.sw.calls.count == 0)
    }

    @Test func theNextPlaceMayAskForThePassword() throws {
        var (site, phone, gateway) = try talking([Self.first, Self.second]) {
            $0.trunks[0].credentials = TrunkCredentials(username: "u", password: "p")
        }
        phone.send("INFO", at: &site)
        site.handle(dead(Self.first))
        gateway.answer(
            try site.next(Self.second), 407, at: &site,
            extra: "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5\n")
        let again = try site.next(Self.second)
        #expect(again.method == .info && again.has(.proxyAuthorization))
        // It was at both places now.
        site.handle(dead(Self.second))
        #expect(site.said(Self.first) == "INFO" && site.said(phone.endpoint) == "")
    }

    // MARK: Whom the call does not want

    @Test func anotherPhoneThatAnswersTooIsHungUpAtWhicheverPlaceTakesIt() throws {
        var (site, _, gateway) = try talking([Self.first, Self.second])
        let invite = try #require(gateway.invite)
        gateway.answer(
            invite, 200, at: &site, extra: Self.name, body: Party.offer, tag: "fork")
        #expect(site.said(Self.first) == "ACK BYE")
        site.handle(dead(Self.first))
        let bye = try site.next(Self.second)
        #expect(bye.method == .bye && bye.toTag.map { Array($0) } == Array("fork".utf8))
        #expect(site.sw.calls.count == 1)
    }

    @Test func whoAnswersAfterTheCallerHasLeftIsHungUpAtWhicheverPlaceTakesIt() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 180, at: &site, extra: Self.name)
        site.handle(told([Self.first, Self.second]))
        try phone.cancel(at: &site)
        gateway.answer(invite, 200, at: &site, extra: Self.name, body: Party.offer)
        #expect(site.said(Self.first) == "ACK BYE" && site.sw.calls.count == 0)
        // And a second phone behind that gateway, which nothing but the INVITE is known of any more.
        gateway.answer(
            invite, 200, at: &site, extra: Self.name, body: Party.offer, tag: "fork")
        #expect(site.said(Self.first) == "ACK BYE")
        site.handle(dead(Self.first))
        let byes = site.all(Self.second)
        #expect(byes.map(\.method) == [.bye, .bye])
        #expect(byes.contains { $0.toTag.map { Array($0) } == Array("fork".utf8) })
    }

    // MARK: ACK

    @Test func anACKThatNobodyHearsGoesToOneMorePlaceEachTime() throws {
        var (site, _, gateway) = try talking([Self.first, Self.second, Self.third])
        func again() throws -> [String] {
            gateway.answer(
                try #require(gateway.invite), 200, at: &site, extra: Self.name, body: Party.offer)
            return [Self.first, Self.second, Self.third].map { site.said($0) }
        }
        #expect(try again() == ["ACK", "ACK", ""])
        #expect(try again() == ["ACK", "", "ACK"])
        // That one may have been lost on its way.
        #expect(try again() == ["ACK", "ACK", ""])
        #expect(try again() == ["ACK", "", "ACK"])
    }
}
