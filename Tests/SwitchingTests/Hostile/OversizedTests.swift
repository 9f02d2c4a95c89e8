import Charging
import SIP
import Testing

@testable import Switching

/// More than anybody needs: parts of messages, and messages.
@Suite struct OversizedTests {
    private static let stranger = Endpoint(text: "203.0.113.66:5060")

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
        let cases: [(String, String)] = [
            (request { $0[4] = "Call-ID: \(long)" }, "200"),
            (request { $0[2] = "From: \"\(long)\" <sip:a@b>;tag=1" }, "200"),
            (request { $0[2] = "From: <sip:a@b>;tag=\(long)" }, "200"),
            (request { $0[1] = "Via: SIP/2.0/UDP H;branch=z9hG4bK\(long);rport" }, "200"),
            (request { $0[0] = "OPTIONS sip:\(long)@example.com SIP/2.0" }, "200"),
            (request { $0.append("X: \(long)") }, "200"),
            (request { $0[6] = "Max-Forwards: 99999999999999999999" }, "400"),
            (request { $0 += (0..<300).map { "X-\($0): y" } }, "513"),
            // More than a message may be: there is nothing of it to answer by.
            (request { $0.append("Y: \(long)\(long)") }, ""),
            (request { $0.append("\(String(repeating: "n", count: 300)): y") }, "400"),
        ]
        for (place, (text, expected)) in cases.enumerated() {
            site.deliver(text, from: phone.endpoint)
            let said = site.said(phone.endpoint)
            #expect(said == expected, "case \(place)")
        }
        site.pass(.seconds(60))
        #expect(site.sw.inspection.transactions == 0)
    }

    @Test func whatIsDialledIsNoLongerThanItMayBe() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        let limit = site.settings.limits.dialledBytes
        try phone.call(String(repeating: "2", count: limit + 1), at: &site, id: "long")
        #expect(site.said(phone.endpoint) == "414")
        #expect(site.records.isEmpty && site.sw.counters.calls == 0)
        try phone.call(String(repeating: "x", count: limit), at: &site, id: "x")
        #expect(site.said(phone.endpoint) == "100 484" && site.records.count == 1)
        let record = try #require(site.records.first)
        #expect(record.explanation.allSatisfy { $0.utf8.count < 4 * limit })
    }

    @Test func whatFollowsANULStandsInTheRecordToo() throws {
        var site = try Site()
        _ = try site.registered("8001")
        var gateway = Party.e1
        try gateway.callUnasked("66778001%00x", from: "8001%00evil", at: &site)
        #expect(site.said(Site.e1).hasSuffix("484"))
        let record = try #require(site.records.first)
        #expect(record.dialled == "66778001\u{fffd}x" && record.caller == "8001\u{fffd}evil")
        #expect(record.explanation.allSatisfy { !$0.utf8.contains(0) })
    }

    @Test func aCallerIsShownWithNoMoreThanSixtyFourCharacters() throws {
        var site = try Site()
        _ = try site.registered("8001")
        var gateway = Party.e1
        for (place, caller) in [
            String(repeating: "7", count: 900), String(repeating: "x", count: 900),
        ]
        .enumerated() {
            try gateway.callUnasked("66778001", from: caller, at: &site, id: "\(place)")
            try gateway.cancel(at: &site)
        }
        #expect(site.records.map(\.caller.count) == [64, 64])
    }

    @Test func aLongCallIDIsKnownAgainAndNotKept() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        let long = String(repeating: "x", count: 25_000)
        try phone.call("8002", at: &site, id: long)
        #expect(site.said(phone.endpoint) == "100 480")
        #expect(site.sw.finishedInvites.count == 1)
        #expect(
            site.sw.finishedInvites.keys.allSatisfy {
                $0.callID.count + $0.fromTag.count <= Switch.originBytes
            })
        // The very same comes again when its transaction is gone.
        site.pass(.seconds(60))
        _ = site.all(phone.endpoint)
        let invite = try #require(phone.invite)
        site.handle(
            .datagramReceived(
                Datagram(
                    flow: Flow(transport: .udp, listener: 0, remote: phone.endpoint),
                    bytes: Array(invite.bytes))))
        #expect(site.said(phone.endpoint) == "482" && site.sw.counters.calls == 1)
        // One that is longer by a letter is another.
        try phone.call("8002", at: &site, id: long + "y")
        #expect(site.said(phone.endpoint) == "100 480")
        site.pass(.seconds(60))
        #expect(site.isIdle)
    }

    @Test func aREGISTERHasNoMoreContactsThanItMay() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        func register(_ count: Int) throws -> Message {
            phone.callID = "contacts"
            let contacts = (0..<count).map { "<sip:c\($0)@\(phone.endpoint)>" }
            try phone.authenticated(
                "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>",
                extra: "Contact: \(contacts.joined(separator: ","))\n", hasContact: false,
                site: &site)
            return try site.next(phone.endpoint)
        }
        #expect(try register(Switch.contactsOfRequest + 1).status == 400)
        #expect(try register(2_000).status == 400)
        #expect(site.sw.registrar.count == 0)
        let answer = try register(Switch.contactsOfRequest)
        #expect(answer.status == 200)
        #expect(answer.elements(.contact).count == site.settings.registration.contactLimit)
        #expect(site.sw.registrar.count == site.settings.registration.contactLimit)
    }

    @Test func whatIsKeptOfAContactIsNoLongerThanItMayBe() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        func register(_ contact: String, _ extra: String = "", id: String = "r") throws -> Int {
            phone.callID = id
            try phone.authenticated(
                "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>",
                extra: "Contact: <\(contact)>\n\(extra)", hasContact: false, site: &site)
            return try site.next(phone.endpoint).status
        }
        let long = String(repeating: "x", count: Switch.bindingBytes)
        let half = long.prefix(Switch.bindingBytes / 2)
        let usual = "sip:8001@\(phone.endpoint)"
        #expect(try register("\(usual);x=\(long)") == 400)
        #expect(try register(usual, "Supported: path\nPath: <sip:\(long)@example.com;lr>\n") == 400)
        #expect(try register(usual, id: long) == 400)
        #expect(
            try register("\(usual);x=\(half)", "Path: <sip:\(half)@example.com;lr>\n") == 400)
        #expect(site.sw.registrar.count == 0)
        #expect(try register("\(usual);x=\(half)") == 200)
        #expect(site.sw.registrar.count == 1)
    }

    @Test(arguments: ["SUBSCRIBE", "MESSAGE"])
    func whatGoesOutAgainIsNoLongerThanItMayBe(method: String) throws {
        var site = try Site(plan: Site.featurePlan)
        var phones = try site.registered("8001", "8002")
        func ask(_ count: Int, id: String) throws -> Int {
            phones[0].callID = id
            let field = method == "MESSAGE" ? "Subject: " : "Record-Route: <sip:127.0.0.1;lr>;x="
            try phones[0].authenticated(
                method, uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
                extra: "Event: dialog\n\(field)\(String(repeating: "x", count: count))\n",
                site: &site)
            return try site.next(
                method == "MESSAGE" && count < 8_000 ? phones[1].endpoint : phones[0].endpoint
            ).status
        }
        #expect(try ask(Switch.keptRequestBytes, id: "long") == 513)
        #expect(site.sw.subscriptions.count == 0 && site.sw.forkCount == 0)
        // A text that is passed has no status.
        let passed = method == "MESSAGE" ? 0 : 200
        #expect(try ask(Switch.keptRequestBytes / 2, id: "short") == passed)
    }

    @Test func aRefusalIsNoLargerThanWhatItRefuses() throws {
        var site = try Site()
        let options = (0..<12_000).map { "o\($0)" }.joined(separator: ",")
        let text = """
            OPTIONS sip:example.com SIP/2.0
            Via: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bKa;rport
            From: <sip:a@b>;tag=1
            To: <sip:c@d>
            Call-ID: x
            CSeq: 1 OPTIONS
            Max-Forwards: 70
            Require: \(options.prefix(60_000))


            """
        site.deliver(text, from: Self.stranger)
        let answer = try site.next(Self.stranger)
        #expect(answer.status == 420)
        #expect(answer.elements(.unsupported).count == Switch.unsupportedLimit)
        #expect(answer.bytes.count < 1_000)
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
        let retransmissions = 10_000
        for _ in 0..<retransmissions {
            site.handle(
                .datagramReceived(
                    Datagram(
                        flow: Flow(transport: .udp, listener: 0, remote: phones[0].endpoint),
                        bytes: Array(invite.bytes))))
        }
        #expect(
            site.all(phones[0].endpoint).map(\.status)
                == Array(repeating: 100, count: retransmissions))
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
