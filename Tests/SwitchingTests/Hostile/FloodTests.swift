import Charging
import SIP
import Testing

@testable import Switching

/// Floods of every kind before the whole switch: whoever sends them is banned or refused, no table has
/// more in it than its limit, and nothing is left.
@Suite struct FloodTests {
    private static let stranger = Endpoint(text: "203.0.113.9:5060")

    private static func numbered(_ number: Int) -> Endpoint {
        Endpoint(ip: IPAddress(v4: 0xc633_0000 + UInt32(number)), port: 5060)
    }

    /// One message of a kind; each is another transaction.
    private static func message(_ kind: String, from endpoint: Endpoint, _ number: Int) -> String {
        let fields = """
            From: <sip:80\(10 + number % 90)@example.com>;tag=f\(number)
            Call-ID: flood-\(number)
            Contact: <sip:x@\(endpoint)>
            Event: dialog
            Content-Length: 0


            """
        let via = "Via: SIP/2.0/UDP \(endpoint);branch=z9hG4bK-\(number);rport\n"
        switch kind {
        case "garbage": return "no SIP at all \(number)"
        case "response":
            return "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKaaaaaaaaaaaaa\n"
                + "To: <sip:8001@example.com>;tag=t\nCSeq: 1 INVITE\n" + fields
        case "no forwards":
            return "OPTIONS sip:example.com SIP/2.0\n\(via)To: <sip:8001@example.com>\n"
                + "Max-Forwards: 0\nCSeq: 1 OPTIONS\n" + fields
        case "in a dialog":
            return "INFO sip:8001@example.com SIP/2.0\n\(via)"
                + "To: <sip:8001@example.com>;tag=aaaaaaaaaaaaa\n"
                + "Max-Forwards: 70\nCSeq: 1 INFO\n" + fields
        case "stale":
            return "REGISTER sip:example.com SIP/2.0\n\(via)To: <sip:8001@example.com>\n"
                + "Max-Forwards: 70\nCSeq: 1 REGISTER\nAuthorization: Digest username=\"8001\", "
                + "realm=\"example.com\", nonce=\"\(number)\", uri=\"sip:example.com\", "
                + "response=\"0\", algorithm=MD5, cnonce=\"c\", qop=auth, nc=00000001\n" + fields
        default:
            return "\(kind) sip:8001@example.com SIP/2.0\n\(via)To: <sip:8001@example.com>\n"
                + "Max-Forwards: 70\nCSeq: 1 \(kind)\n" + fields
        }
    }

    static let kinds = [
        "REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "REFER", "PUBLISH", "NOTIFY",
        "BYE", "CANCEL", "ACK", "PRACK", "UPDATE", "INFO", "WHATEVER", "garbage", "response",
        "no forwards", "in a dialog", "stale",
    ]

    @Test(arguments: kinds)
    func whoeverFloodsIsBannedAndLeavesNothing(_ kind: String) throws {
        var site = try Site()
        _ = try site.registered("8001", "8002")
        let before = site.sw.inspection
        for number in 0..<3_000 {
            site.deliver(
                Self.message(kind, from: Self.stranger, number), from: Self.stranger)
        }
        // A CANCEL of nothing is answered twice: 481, and 487 for an INVITE that may have been lost.
        #expect(site.all(Self.stranger).count <= 2 * (BanSettings.burst + 20))
        var after = site.sw.inspection
        #expect(after.bans == 1 && after.suspects == 1)
        #expect(site.sw.counters.banned >= 1_900)
        after.bans = before.bans
        after.suspects = before.suspects
        #expect(after == before)
    }

    @Test func challengesByTheThousandFillNoTable() throws {
        var site = try Site()
        _ = try site.registered("8001")
        let before = site.sw.inspection
        for number in 0..<45_000 {
            let endpoint = Self.numbered(number)
            let kind = ["REGISTER", "INVITE", "SUBSCRIBE"][number % 3]
            site.deliver(Self.message(kind, from: endpoint, number), from: endpoint)
            #expect(try site.next(endpoint).status == 401)
        }
        guard case .status(let row)? = site.request(.status) else {
            Issue.record("no status")
            return
        }
        #expect(row.tables.allSatisfy { $0.used ?? 0 <= $0.limit }, "\(row.tables)")
        let suspects = row.tables.first { $0.name == "suspects" }?.used
        #expect((suspects ?? 0) > Bans.suspectLimit / 2)
        var after = site.sw.inspection
        after.suspects = before.suspects
        #expect(after == before)
    }

    // MARK: With a password

    @Test func anExtensionAsksForNoMoreThanItMayAndOthersNoticeNothing() throws {
        var settings = Site.settings()
        settings.limits.burstOfExtension = 20
        settings.limits.requestsOfExtension = 10
        var site = try Site(settings: settings)
        var rogue = Party.phone("8001")
        var statuses: [Int] = []
        for _ in 0..<30 {
            let answer = try rogue.register(at: &site)
            statuses.append(answer.status)
            if answer.status == 503 { #expect(answer.number(.retryAfter) == 1) }
        }
        #expect(statuses == Array(repeating: 200, count: 20) + Array(repeating: 503, count: 10))
        #expect(site.sw.counters.all["refused-requests-per-second"] == 10)
        // Calls count as well, but for those for help.
        try rogue.call("8002", at: &site)
        #expect(site.said(rogue.endpoint) == "503")
        try rogue.call("110", at: &site, id: "help")
        #expect(site.said(rogue.endpoint).hasPrefix("100"))
        var other = Party.phone("8002")
        #expect(try other.register(at: &site).status == 200)
        site.pass(.seconds(1))
        _ = site.all(rogue.endpoint)
        for _ in 0..<10 { #expect(try rogue.register(at: &site).status == 200) }
        #expect(try rogue.register(at: &site).status == 503)
        // It is heard as ever when it has been quiet, and nothing is kept of it.
        site.pass(.seconds(120))
        _ = site.all(rogue.endpoint)
        #expect(try rogue.register(at: &site).status == 200)
        site.pass(.seconds(120))
        #expect(site.sw.requestRateCount == 0)
    }

    @Test func aPhoneAsksForNoMoreInsideItsCallsThanOutside() throws {
        var settings = Site.settings()
        settings.limits.burstOfExtension = 20
        settings.limits.requestsOfExtension = 10
        var site = try Site(settings: settings)
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        site.pass(.seconds(10))
        for _ in 0..<30 { phones[0].send("INFO", at: &site) }
        let passed = site.all(phones[1].endpoint).filter { $0.method == .info }
        let refused = site.all(phones[0].endpoint)
        #expect(passed.count == 20 && refused.count == 10)
        #expect(refused.allSatisfy { $0.status == 503 && $0.number(.retryAfter) == 1 })
        // Its partner notices nothing, and whoever hangs up is heard.
        phones[1].send("INFO", at: &site)
        #expect(site.said(phones[0].endpoint) == "INFO")
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint).contains("200"))
        #expect(site.said(phones[1].endpoint).contains("BYE"))
    }

    @Test func aPhoneThatCallsForHelpIsHeardWhateverItHasAskedFor() throws {
        var settings = Site.settings()
        settings.limits.burstOfExtension = 5
        var site = try Site(settings: settings)
        var phone = try site.registered("8001")[0]
        var gateway = Party.pstn
        try site.connected(&phone, dials: "110", through: &gateway)
        for _ in 0..<50 { phone.send("INFO", at: &site) }
        #expect(site.all(gateway.endpoint).filter { $0.method == .info }.count == 50)
    }

    @Test func anAddressHasNoMoreTransactionsThanItsShare() throws {
        var settings = Site.settings()
        settings.limits.transactionsOfAddress = 20
        var site = try Site(settings: settings)
        var phones = [
            Party("8001", Endpoint(text: "203.0.113.1:5060")),
            Party("8002", Endpoint(text: "203.0.113.2:5060")),
        ]
        for place in phones.indices {
            #expect(try phones[place].register(at: &site).status == 200)
        }
        try site.connected(&phones)
        // Nobody answers what is passed on, so each waits.
        for _ in 0..<40 { phones[0].send("INFO", at: &site) }
        let refused = site.all(phones[0].endpoint)
        #expect(refused.allSatisfy { $0.status == 503 && $0.has(.retryAfter) })
        #expect((20...25).contains(refused.count), "\(refused.count)")
        let passed = site.all(phones[1].endpoint)
        #expect(passed.count + refused.count == 40)
        // The other side, other phones and gateways have room, and hanging up is possible always.
        phones[1].send("INFO", at: &site)
        #expect(site.said(phones[0].endpoint) == "INFO")
        var third = Party("8003", Endpoint(text: "203.0.113.3:5060"))
        #expect(try third.register(at: &site).status == 200)
        var gateway = Party.pstn
        try gateway.callUnasked("66778003", from: "02011112222", at: &site)
        #expect(site.said(third.endpoint) == "INVITE")
        try gateway.cancel(at: &site)
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "200")
        for phone in phones { _ = site.all(phone.endpoint) }
        site.pass(.seconds(200))
        #expect(site.isIdle && site.sw.inspection.transactions == 0)
        #expect(site.sw.serversOfAddress.isEmpty)
        _ = site.all(phones[0].endpoint)
        #expect(try phones[0].register(at: &site).status == 200)
    }

    // MARK: ICMP

    @Test func aStrangerAtAClosedPortTakesNothingFromAnybody() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        #expect(site.said(Site.e1) == "INVITE")
        for number in 0..<1_000 {
            site.handle(
                .transportFailed(
                    Flow(transport: .udp, listener: 0, remote: Self.numbered(number))))
        }
        #expect(site.said(Site.pstn) == "" && site.sw.calls.count == 1)
        // Where something of ours waits, its failure is known at once.
        site.handle(.transportFailed(Flow(transport: .udp, listener: 0, remote: Site.e1)))
        #expect(site.said(Site.pstn) == "INVITE")
    }

    @Test func anErrorCountsThatQuotesWhatWasSentAndNoOther() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("02088886666", at: &site)
        let sent = try site.next(Site.e1).bytes
        try phones[1].call("02088886667", at: &site)
        let place = Flow(transport: .udp, listener: 0, remote: Site.e1)
        let branch = try #require(sent.firstRange(of: "branch=z9hG4bK".utf8)).upperBound
        var another = sent
        another[branch] = sent[branch] == UInt8(ascii: "a") ? UInt8(ascii: "b") : UInt8(ascii: "a")
        // A response has no Via of ours at its head: it is the other side's that comes first.
        let other = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=x\r\n"
        let response =
            Array(other.utf8) + sent.drop { $0 != UInt8(ascii: "\n") }.dropFirst()
        let forged: [[UInt8]] = [
            [], Array(sent.prefix(8)), Array(sent.prefix(branch)),
            Array(sent.prefix(branch + Token.length - 1)), another,
            Array("OPTIONS sip:x SIP/2.0\r\n".utf8), [UInt8](repeating: 10, count: 576),
            Array(sent[branch...]), response,
        ]
        for _ in 0..<100 {
            for quote in forged {
                site.handle(.undelivered(Datagram(flow: place, bytes: quote)))
            }
        }
        // It was sent, but not there.
        for remote in [Site.pstn, phones[0].endpoint, Endpoint(text: "203.0.113.9:5060")] {
            let flow = Flow(transport: .udp, listener: 0, remote: remote)
            site.handle(.undelivered(Datagram(flow: flow, bytes: sent)))
        }
        #expect(site.said(Site.pstn) == "" && site.sw.calls.count == 2)
        #expect((site.sw.counters.all["icmp-without-a-branch-of-ours"] ?? 0) >= 900)
        #expect(site.sw.trunks["ip-e1"]?.stateName != "down")
        // A router quotes as much as fits, and no less than the branch.
        site.handle(
            .undelivered(
                Datagram(flow: place, bytes: Array(sent.prefix(branch + Token.length)))))
        #expect(site.said(Site.pstn) == "INVITE INVITE")
        // It is over, and its branch says nothing any more.
        site.handle(.undelivered(Datagram(flow: place, bytes: sent)))
        #expect(site.said(Site.pstn) == "")
    }

    @Test func whereARequestWaitsIsNeverMissed() {
        var places = AskedPlaces(secret: Array(1...32))
        let asked = (0..<600).map { Self.numbered($0 * 7) }
        for endpoint in asked { places.add(endpoint) }
        #expect(asked.allSatisfy { places.mayHold($0) })
        for endpoint in asked.dropFirst(20) { places.remove(endpoint) }
        #expect(asked.prefix(20).allSatisfy { places.mayHold($0) })
        let others = (1_000_000..<1_010_000).map { Self.numbered($0) }
        let wrong = others.filter { places.mayHold($0) }.count
        // 20 of 1,024 buckets.
        #expect((50...500).contains(wrong), "\(wrong)")
        let another = AskedPlaces(secret: Array(101...132))
        #expect(!others.contains { another.mayHold($0) })
    }
}
