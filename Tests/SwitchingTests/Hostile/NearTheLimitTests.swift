import Charging
import SIP
import Testing

@testable import Switching

/// Messages that may just be read, and would be larger than that when they go on: with our Via, Contact
/// and whatever else is ours.
@Suite struct NearTheLimitTests {
    /// What makes our requests to a phone a thousand bytes larger than those that they pass on.
    private static let long = String(repeating: "x", count: 1_000)
    /// What makes our responses three thousand bytes larger than those that they pass on.
    private static let vias = (0..<30).map {
        "Via: SIP/2.0/UDP h\($0).example.com;branch=z9hG4bK\(long.prefix(80))\n"
    }.joined()
    private static let large = body(64_000)

    private static func body(_ count: Int) -> String {
        // Each line end is two bytes on the wire.
        let lines = Party.offer.split(separator: "\n").count + 1
        let filler = count - Party.offer.utf8.count - lines - "a=x:\n".utf8.count
        return Party.offer + "a=x:\(String(repeating: "y", count: filler))\n"
    }

    /// Phones by TCP, or by UDP where there is nothing else.
    private func registered(
        _ numbers: [String], byTCP: Bool = true, _ change: (inout Settings) -> Void = { _ in }
    ) throws -> (site: Site, phones: [Party]) {
        var settings = Site.settings()
        if byTCP { settings.listeners.append(StreamSite.listener) }
        change(&settings)
        var site = try Site(settings: settings) { stored in
            for place in stored.extensions.indices { stored.extensions[place].callLimit = 3 }
        }
        let phones = try numbers.map { try register($0, byTCP: byTCP, &site) }
        return (site, phones)
    }

    private func register(_ number: String, byTCP: Bool, _ site: inout Site) throws -> Party {
        var phone = Party.phone(number)
        if byTCP {
            site.streams[phone.endpoint] = Flow(
                transport: .tcp, listener: 1, remote: phone.endpoint)
        }
        phone.callID = "register-\(number)"
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:\(number)@example.com>",
            extra: "Contact: <sip:\(number)@\(phone.endpoint);x=\(Self.long)>\n",
            hasContact: false, site: &site)
        #expect(try site.next(phone.endpoint).status == 200)
        return phone
    }

    /// A call between the first two, the second of which is reached by a long Contact.
    private func connected() throws -> (site: Site, phones: [Party]) {
        var (site, phones) = try registered(["8001", "8002", "8003"])
        try phones[0].call("8002", at: &site)
        phones[1].answer(
            try site.invite(phones[1]), 200, at: &site,
            extra: "Contact: <sip:8002@\(phones[1].endpoint);x=\(Self.long)>\n", body: Party.offer)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        #expect(site.said(phones[1].endpoint) == "ACK")
        return (site, phones)
    }

    private func counted(_ name: String, _ site: Site) -> UInt64 {
        site.sw.counters.all[name] ?? 0
    }

    // MARK: INVITE

    @Test(arguments: [(true, MessageLimits.bytes), (false, MessageLimits.datagramBytes)])
    func anINVITEGoesOnUpToTheLimitAndIsRefusedAboveIt(byTCP: Bool, limit: Int) throws {
        var (site, phones) = try registered(["8001", "8002"], byTCP: byTCP)
        try phones[0].call("8002", at: &site, id: "0", body: Self.body(20_000))
        let small = try site.invite(phones[1])
        phones[1].answer(small, 486, at: &site)
        for phone in phones { _ = site.all(phone.endpoint) }
        let fits = 20_000 + limit - small.bytes.count
        for (count, isTooLarge) in [(fits, false), (fits + 1, true)] {
            try phones[0].call("8002", at: &site, id: "\(count)", body: Self.body(count))
            guard isTooLarge else {
                let invite = try site.invite(phones[1])
                #expect(invite.bytes.count == limit)
                phones[1].answer(invite, 486, at: &site)
                #expect(site.said(phones[0].endpoint) == "100 486")
                #expect(site.said(phones[1].endpoint) == "ACK")
                continue
            }
            site.pass(.zero)
            #expect(site.said(phones[0].endpoint) == "100 513")
            #expect(site.said(phones[1].endpoint) == "")
        }
        let record = try #require(site.records.last)
        #expect(record.sipStatus == 513 && record.disposition == .failed)
        #expect(record.attempts.map(\.sipStatus) == [513])
        #expect(record.attempts[0].reason == "larger than a message may be")
        #expect(site.isIdle && counted("requests-too-large", site) == 1)
        site.pass(.seconds(60))
        #expect(site.said(phones[1].endpoint) == "" && site.sw.inspection.transactions == 0)
    }

    /// Others that ring for the same call ring on.
    @Test func whoCanBeReachedWithItRings() throws {
        var (site, phones) = try registered(["8001", "8002"])
        var mobile = Party("8002", Endpoint(text: "127.0.0.1:10502"))
        site.streams[mobile.endpoint] = Flow(
            transport: .tcp, listener: 1, remote: mobile.endpoint)
        #expect(try mobile.register(at: &site).status == 200)
        try phones[0].call("8002", at: &site, body: Self.body(64_300))
        site.pass(.zero)
        #expect(site.said(phones[1].endpoint) == "" && site.said(phones[0].endpoint) == "100")
        mobile.answer(try site.invite(mobile), 200, at: &site, body: Party.offer)
        #expect(site.said(mobile.endpoint) == "ACK")
        #expect(site.said(phones[0].endpoint) == "200")
    }

    @Test func whoHangsUpBeforeItIsRefusedHearsThatItIsOver() throws {
        var (site, phones) = try registered(["8001", "8002"])
        try phones[0].call("8002", at: &site, body: Self.body(64_300))
        try phones[0].cancel(at: &site)
        #expect(site.said(phones[0].endpoint) == "100 200 487")
        site.pass(.seconds(60))
        #expect(site.said(phones[1].endpoint) == "" && site.isIdle)
        #expect(site.sw.inspection.transactions == 0)
    }

    /// It costs nothing, and no trunk is to blame for it.
    @Test func noTrunkIsSentMoreFieldsThanAreRead() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        let fields = (0..<245).map { "Subject: \($0)\n" }.joined()
        for id in 1...10 {
            try phone.call("02088886666", at: &site, id: "\(id)", extra: fields)
            site.pass(.zero)
            #expect(site.said(phone.endpoint) == "100 513")
        }
        #expect(site.said(Site.e1) == "" && site.said(Site.pstn) == "")
        #expect(site.records.count == 10 && site.postings.isEmpty && site.isIdle)
        for record in site.records {
            // Each way there is was looked at, and the record says so.
            #expect(record.sipStatus == 513 && record.charge == .zero)
            #expect(!record.attempts.isEmpty)
            #expect(record.attempts.allSatisfy { $0.sipStatus == 513 || $0.outcome == .skipped })
        }
        #expect(site.sw.trunks.values.allSatisfy { $0.downReason == nil })
        try phone.call("02088886666", at: &site, id: "last")
        #expect(try site.next(Site.e1).method == .invite)
    }

    /// By TCP it could be had, by UDP it cannot.
    @Test func whatIsTooLargeForUDPIsNotSentByItWhereThereIsNoConnection() throws {
        var (site, phones) = try registered(["8001"])
        var callee = try register("8002", byTCP: false, &site)
        try phones[0].call("8002", at: &site, id: "0", body: Self.body(20_000))
        let small = try site.invite(callee)
        #expect(small.topVia.transportKind == .tcp)
        callee.answer(small, 486, at: &site)
        for endpoint in [phones[0].endpoint, callee.endpoint] { _ = site.all(endpoint) }
        let count = 20_000 + MessageLimits.datagramBytes + 1 - small.bytes.count
        try phones[0].call("8002", at: &site, id: "1", body: Self.body(count))
        let invite = try site.invite(callee)
        #expect(invite.bytes.count == MessageLimits.datagramBytes + 1)
        site.handle(
            .transportFailed(Flow(transport: .tcp, listener: 1, remote: callee.endpoint)))
        site.pass(.zero)
        #expect(site.said(callee.endpoint) == "")
        #expect(site.said(phones[0].endpoint) == "100 513" && site.isIdle)
    }

    // MARK: Answers

    @Test func anAnswerThatCannotBePassedEndsTheCall() throws {
        var (site, phones) = try registered(["8001", "8002"])
        try phones[0].call("8002", at: &site, extra: Self.vias)
        let invite = try site.invite(phones[1])
        // Nor can ringing with as much beside it, which nobody misses.
        phones[1].answer(invite, 183, at: &site, body: Self.large)
        #expect(site.said(phones[0].endpoint) == "100")
        phones[1].answer(invite, 180, at: &site)
        #expect(site.said(phones[0].endpoint) == "180")
        phones[1].answer(invite, 200, at: &site, body: Self.large)
        #expect(site.said(phones[0].endpoint) == "502")
        #expect(site.said(phones[1].endpoint) == "ACK BYE")
        let record = try #require(site.records.first)
        #expect(record.sipStatus == 502 && record.disposition == .failed)
        #expect(record.endReason == "the answer is larger than a message may be")
        #expect(record.billedMs == 0 && record.answeredAt == nil)
        #expect(site.postings.isEmpty && site.isIdle && site.journals.isEmpty)
    }

    @Test func anAnswerOfAGatewayThatCannotBePassedCostsNothing() throws {
        var (site, phones) = try registered(["8001"])
        var e1 = Party.e1
        try phones[0].call("02088886666", at: &site, extra: Self.vias)
        let invite = try site.next(Site.e1)
        #expect(site.sw.ledger.reservationCount == 1)
        e1.answer(invite, 200, at: &site, body: Self.large)
        #expect(site.said(phones[0].endpoint) == "100 502")
        #expect(site.said(Site.e1) == "ACK BYE")
        #expect(site.postings.isEmpty && site.isIdle && site.records.first?.charge == .zero)
    }

    @Test func aRefusalGoesWithoutWhatItCannotSayBesideIt() throws {
        var (site, phones) = try registered(["8001", "8002"])
        try phones[0].call("8002", at: &site, extra: Self.vias)
        phones[1].answer(
            try site.invite(phones[1]), 415, at: &site,
            extra: "Accept: text/\(String(repeating: "x", count: 64_000))\n")
        let refusal = try #require(site.all(phones[0].endpoint).last)
        #expect(refusal.status == 415 && !refusal.has(.accept) && site.isIdle)
    }

    @Test(arguments: [("INVITE", "100 502 BYE", "ACK BYE"), ("UPDATE", "502 BYE", "BYE")])
    func whoTookAnOfferAndCannotSaySoIsHungUp(
        method: String, caller: String, callee: String
    ) throws {
        var (site, phones) = try connected()
        phones[0].send(method, at: &site, extra: Self.vias, body: Party.offer)
        phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site, body: Self.large)
        #expect(site.said(phones[0].endpoint) == caller)
        #expect(site.said(phones[1].endpoint) == callee)
        #expect(site.records.first?.releasedBy == .switch && site.isIdle)
    }

    @Test func anAnswerToInformationThatCannotBePassedEndsNothing() throws {
        var (site, phones) = try connected()
        phones[0].send("INFO", at: &site, extra: Self.vias)
        phones[1].answer(try site.next(phones[1].endpoint), 200, at: &site, body: Self.large)
        #expect(site.said(phones[0].endpoint) == "502")
        #expect(site.said(phones[1].endpoint) == "" && site.sw.calls.count == 1)
    }

    // MARK: Inside a call

    @Test(arguments: [("INFO", "513"), ("UPDATE", "513"), ("INVITE", "100 513")])
    func aRequestThatCannotBePassedIsRefusedAndTheCallGoesOn(
        method: String, said: String
    ) throws {
        var (site, phones) = try connected()
        phones[0].send(method, at: &site, body: Self.body(64_900))
        site.pass(.zero)
        #expect(site.said(phones[0].endpoint) == said)
        #expect(site.said(phones[1].endpoint) == "" && site.sw.calls.count == 1)
        // Nothing is left pending, in neither direction.
        phones[0].send("INVITE", at: &site, body: Party.offer)
        let invite = try site.next(phones[1].endpoint)
        phones[1].answer(invite, 488, at: &site)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        _ = site.all(phones[1].endpoint)
        #expect(site.sw.calls.count == 1)
    }

    @Test func anAnswerInACKThatCannotBePassedEndsTheCall() throws {
        var (site, phones) = try registered(["8001", "8002"])
        try phones[0].call("8002", at: &site, body: "")
        phones[1].answer(
            try site.invite(phones[1]), 200, at: &site,
            extra: "Contact: <sip:8002@\(phones[1].endpoint);x=\(Self.long)>\n", body: Party.offer)
        let answer = try #require(site.all(phones[0].endpoint).last)
        phones[0].acknowledge(answer, at: &site, body: Self.body(64_900))
        #expect(site.said(phones[1].endpoint) == "ACK BYE")
        #expect(site.said(phones[0].endpoint) == "BYE" && site.isIdle)
    }

    /// What has to be heard in any case goes without a reason that nobody reads to its end.
    @Test func anEndIsToldWithoutAReasonThatIsTooLong() throws {
        var (site, phones) = try connected()
        let reason = String(repeating: "x", count: Switch.reasonBytes)
        phones[0].send("BYE", at: &site, extra: "Reason: SIP;text=\"\(reason)\"\n")
        let bye = try site.next(phones[1].endpoint)
        #expect(bye.method == .bye && !bye.has(.reason))
        phones[1].answer(bye, 200, at: &site)
        #expect(site.said(phones[0].endpoint) == "200")

        try phones[0].call("8002", at: &site, id: "2")
        phones[1].answer(try site.invite(phones[1]), 180, at: &site)
        let invite = try #require(phones[0].invite)
        let cancel = invite.cancel { $0.field(.reason, "SIP;text=\"\(reason)\"") }
        site.deliver(
            String(decoding: cancel, as: UTF8.self).replacing("\r\n", with: "\n"),
            from: phones[0].endpoint)
        let passed = try site.next(phones[1].endpoint)
        #expect(passed.method == .cancel && !passed.has(.reason))
    }

    @Test func aTransferThatCannotBeWrittenIsRefused() throws {
        var (site, phones) = try connected()
        let phone = phones[1]
        func text(_ filler: Int) -> String {
            """
            REFER sip:h SIP/2.0
            v: SIP/2.0/TCP h;branch=z9hG4bKr\(filler);rport
            f: \(phone.local)
            t: \(phone.remote)
            i: \(phone.callID)
            CSeq: 7 REFER
            r: sip:8003@example.com
            b: <sip:x@example.com;x=\(String(repeating: "x", count: filler))>


            """
        }
        let rest = text(0).replacing("\n", with: "\r\n").utf8.count
        // As many digits as in the text itself.
        site.deliver(text(MessageLimits.bytes - rest - 4), from: phone.endpoint)
        #expect(site.said(phone.endpoint) == "513")
        #expect(site.said(phones[2].endpoint) == "" && site.sw.calls.count == 1)
    }

    /// Neither the offer of the third one, nor the answer to it.
    @Test(arguments: [(65_100, nil), (1_000, 65_000)] as [(Int, Int?)])
    func aTransferWhoseSessionsCannotBePassedFails(third: Int, first: Int?) throws {
        var (site, phones) = try connected()
        phones[1].send("REFER", at: &site, extra: "Refer-To: <sip:8003@example.com>\n")
        let contact = "Contact: <sip:8003@\(phones[2].endpoint);x=\(Self.long)>\n"
        phones[2].answer(
            try site.invite(phones[2]), 200, at: &site, extra: first == nil ? "" : contact,
            body: Self.body(third))
        site.pass(.zero)
        if let first {
            try TransferTests.reinvited(&phones[0], &site, body: Self.body(first))
            // It talks with the transferor again, and for that it is asked what it had.
            #expect(site.said(phones[0].endpoint) == "ACK INVITE")
        } else {
            #expect(site.said(phones[0].endpoint) == "")
        }
        #expect(site.said(phones[2].endpoint) == "ACK BYE")
        let status = first == nil ? 513 : 502
        #expect(TransferTests.heard(phones[1], &site) == ["202", "100", "\(status) end"])
        #expect(site.sw.calls.count == 1 && site.sw.callsOfExtension == ["8001": 1, "8002": 1])
    }

    // MARK: Outside of calls

    @Test func whatAMailboxServerSaysIsRefusedWhereItCannotBePassed() throws {
        var (site, _) = try registered(["8002"]) { $0.mailbox = "pstn" }
        let text = """
            NOTIFY sip:8002@127.0.0.1 SIP/2.0
            Via: SIP/2.0/UDP \(Site.pstn);branch=z9hG4bKn;rport
            From: <sip:mailbox@\(Site.pstn)>;tag=box
            To: <sip:8002@127.0.0.1>
            Call-ID: n
            CSeq: 1 NOTIFY
            Contact: <sip:mailbox@\(Site.pstn)>
            Event: message-summary
            Subscription-State: active
            Subject: \(String(repeating: "x", count: 64_700))
            Content-Length: 0


            """
        site.deliver(text, from: Site.pstn)
        site.pass(.zero)
        #expect(site.said(Site.pstn) == "513" && site.said(Party.phone("8002").endpoint) == "")
        #expect(site.sw.forkCount == 0)
    }
}
