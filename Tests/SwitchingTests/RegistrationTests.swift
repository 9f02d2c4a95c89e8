import SIP
import Testing

@testable import Switching

@Suite struct RegistrationTests {
    @Test func aPhoneWithItsPasswordIsBoundAndStored() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        let answer = try phone.register(at: &site)
        #expect(answer.status == 200)
        let contact = try #require(answer.address(.contact))
        #expect(contact.uri.elementsEqual("sip:8001@127.0.0.1:18001".utf8))
        #expect(contact.parameter("expires")??.elementsEqual("3600".utf8) == true)
        guard case .bindingSaved(let binding) = site.commits.last?.changes.last else {
            Issue.record("no binding was stored")
            return
        }
        #expect(binding.number == "8001" && binding.flow.remote == phone.endpoint)
        #expect(binding.expiresAt == 1_800_000_000_000_000 + 3_600_000_000)
    }

    @Test func anUnknownUserLooksLikeAWrongPassword() throws {
        var site = try Site()
        var wrong = Party.phone("8001")
        var unknown = Party.phone("8077")
        let first = try wrong.register(at: &site, password: "no")
        let second = try unknown.register(at: &site, password: "no")
        #expect(first.status == 403 && second.status == 403)
        #expect(first.reasonPhrase.elementsEqual(second.reasonPhrase))
        #expect(site.sw.registrar.count == 0)
    }

    @Test func nobodyRegistersForAnother() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        phone.callID = "x"
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8002@example.com>",
            extra: "Expires: 60\n", site: &site)
        #expect(try site.next(phone.endpoint).status == 403)
    }

    @Test func tooShortAnExpiryIsTold() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        let answer = try phone.register(at: &site, expires: 30)
        #expect(answer.status == 423 && answer.number(.minExpires) == 60)
    }

    @Test func zeroUnregistersAndStarDoesTheSame() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        _ = try phone.register(at: &site)
        let gone = try phone.register(at: &site, expires: 0)
        #expect(gone.status == 200 && !gone.has(.contact) && site.sw.registrar.count == 0)
    }

    @Test func aBindingEndsWhenItsTimeIsOver() throws {
        var site = try Site()
        _ = try site.registered("8001")
        site.pass(.seconds(3590))
        #expect(site.sw.registrar.count == 1)
        site.pass(.seconds(120))
        #expect(site.sw.registrar.count == 0)
        guard case .bindingRemoved = site.commits.last?.changes.last else {
            Issue.record("the store was not told")
            return
        }
    }

    @Test func aRetransmittedRegisterIsAnsweredAgainAndChangesNothing() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        _ = try phone.register(at: &site)
        let commits = site.commits.count
        phone.cseq = 0
        // The same Call-ID with a number that was used before.
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>", extra: "",
            site: &site)
        #expect(try site.next(phone.endpoint).status == 500)
        #expect(site.commits.count == commits)
    }

    @Test func theOldestContactGivesWayAtTheLimit() throws {
        var site = try Site()
        for port in 1...6 {
            var phone = Party("8001", Endpoint(text: "127.0.0.1:\(20_000 + port)"))
            phone.callID = "phone-\(port)"
            try phone.authenticated(
                "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>", extra: "",
                site: &site)
            #expect(try site.next(phone.endpoint).status == 200)
        }
        let ports = site.sw.registrar.all(at: 0).map(\.flow.remote.port)
        #expect(ports == [20_002, 20_003, 20_004, 20_005, 20_006])
    }

    // MARK: Phones that make up a Contact each time

    /// Registers these contacts by the flow of 8001 and this Call-ID.
    private func bind(
        _ contacts: String..., callID: String, at site: inout Site, cseq: Int = 0,
        extra: String = ""
    ) throws {
        var phone = Party.phone("8001")
        phone.callID = callID
        phone.cseq = cseq
        phone.branches = cseq
        let fields = contacts.map { "Contact: <\($0)>\n" }.joined() + extra
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>", extra: fields,
            hasContact: false, site: &site)
        #expect(try site.next(phone.endpoint).status == 200)
    }

    private func contacts(_ site: Site) -> [String] {
        site.sw.registrar.all(at: 0).map { String(decoding: $0.contact, as: UTF8.self) }
    }

    @Test func aPhoneThatHasBegunAnewIsRungOnce() throws {
        var site = try Site()
        try bind("sip:8001-0x55d1@127.0.0.1:18001", callID: "first", at: &site)
        try bind("sip:8001-0x9c20@127.0.0.1:41234", callID: "second", at: &site)
        #expect(contacts(site) == ["sip:8001-0x9c20@127.0.0.1:41234"])
        guard case .bindingRemoved(_, let gone, _) = site.commits.last?.changes.first else {
            Issue.record("the store was not told")
            return
        }
        #expect(gone.elementsEqual("sip:8001-0x55d1@127.0.0.1:18001".utf8))
        var caller = try site.registered("8002")[0]
        try caller.call("8001", at: &site)
        let invites = site.all(Party.phone("8001").endpoint)
        #expect(invites.map(\.method) == [.invite])
        #expect(
            invites.first?.requestURI.elementsEqual("sip:8001-0x9c20@127.0.0.1:41234".utf8) == true)
        var called = Party.phone("8001")
        called.answer(try #require(invites.first), 486, at: &site)
        #expect(site.records.last?.attempts.count == 1)
    }

    @Test func aContactIsTheSameHoweverItIsWritten() throws {
        var site = try Site()
        try bind("sip:8001@127.0.0.1:18001;line=a;transport=udp", callID: "1", at: &site)
        try bind("sip:8001@127.0.0.1:18001;line=b;transport=udp", callID: "2", at: &site)
        try bind("sip:%38001@127.0.0.1:18001;Transport=UDP;line=A", callID: "3", at: &site)
        #expect(
            contacts(site) == [
                "sip:%38001@127.0.0.1:18001;Transport=UDP;line=A",
                "sip:8001@127.0.0.1:18001;line=b;transport=udp",
            ])
        guard case .bindingRemoved(_, let gone, _) = site.commits.last?.changes.first else {
            Issue.record("the store was not told")
            return
        }
        #expect(gone.elementsEqual("sip:8001@127.0.0.1:18001;line=a;transport=udp".utf8))
        try bind(
            "sip:8001@127.0.0.1:18001;transport=udp;LINE=b", callID: "4", at: &site,
            extra: "Expires: 0\n")
        #expect(contacts(site) == ["sip:%38001@127.0.0.1:18001;Transport=UDP;line=A"])
    }

    /// Two accounts of a program or two contacts of a phone are no earlier life of each other.
    @Test func whatOnePhoneBindsAtOnceIsKept() throws {
        var site = try Site()
        try bind("sip:a@127.0.0.1:1", "sip:b@127.0.0.1:2", callID: "first", at: &site)
        #expect(contacts(site) == ["sip:a@127.0.0.1:1", "sip:b@127.0.0.1:2"])
        // One by one, by the same Call-ID.
        try bind("sip:a@127.0.0.1:1", callID: "first", at: &site, cseq: 10)
        try bind("sip:b@127.0.0.1:2", callID: "first", at: &site, cseq: 20)
        #expect(contacts(site) == ["sip:a@127.0.0.1:1", "sip:b@127.0.0.1:2"])
        try bind("sip:c@127.0.0.1:1", "sip:d@127.0.0.1:2", callID: "second", at: &site)
        #expect(contacts(site) == ["sip:c@127.0.0.1:1", "sip:d@127.0.0.1:2"])
    }

    @Test(arguments: [
        ("sip:b@127.0.0.1:1;transport=tcp", ""), ("sips:b@127.0.0.1:1", ""),
        ("sip:b@127.0.0.9:1", ""), ("sip:b@127.0.0.1:1", "User-Agent: other\n"),
        ("sip:b@127.0.0.1:1", "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKphone\n"),
        ("sip:b@127.0.0.1:1", "Path: <sip:127.0.0.1:18001;lr>\nSupported: path\n"),
    ])
    func whatMayBeAnotherPhoneIsKept(contact: String, extra: String) throws {
        var site = try Site()
        try bind("sip:a@127.0.0.1:1", callID: "first", at: &site)
        try bind(contact, callID: "second", at: &site, extra: extra)
        #expect(contacts(site) == ["sip:a@127.0.0.1:1", contact])
    }

    /// Two phones behind a session border controller that shows both by one flow: the first is back as
    /// soon as it refreshes, and neither displaces the other again.
    @Test func whoRegistersAgainAfterItWasDisplacedSharesItsFlow() throws {
        var site = try Site()
        try bind("sip:a@127.0.0.1:1", callID: "first", at: &site)
        try bind("sip:b@127.0.0.1:1", callID: "second", at: &site)
        #expect(contacts(site) == ["sip:b@127.0.0.1:1"])
        for round in 1...3 {
            try bind("sip:a@127.0.0.1:1", callID: "first", at: &site, cseq: 10 * round)
            try bind("sip:b@127.0.0.1:1", callID: "second", at: &site, cseq: 10 * round)
            #expect(Set(contacts(site)) == ["sip:a@127.0.0.1:1", "sip:b@127.0.0.1:1"])
        }
    }

    // MARK: Phones that know one digest

    private func asked(
        _ site: inout Site, branch: String, user: String = "8001", from port: Int = 18_001,
        agent: String = ""
    ) throws -> [String] {
        let endpoint = Endpoint(text: "127.0.0.1:\(port)")
        site.deliver(
            """
            REGISTER sip:example.com SIP/2.0
            Via: SIP/2.0/UDP \(endpoint);branch=z9hG4bK\(branch);rport
            From: <sip:\(user)@example.com>;tag=a
            To: <sip:\(user)@example.com>
            Call-ID: plain
            CSeq: 1 REGISTER
            Contact: <sip:\(user)@\(endpoint)>
            \(agent)Content-Length: 0


            """, from: endpoint)
        let challenge = try site.next(endpoint)
        return challenge.values(.wwwAuthenticate).map { value in
            let text = String(decoding: value, as: UTF8.self)
            return String(text.split(separator: "algorithm=")[1].prefix { $0 != "," })
        }
    }

    @Test func aPhoneIsAskedByTheDigestsThatPhonesCopeWithTheStrongestFirst() throws {
        var site = try Site()
        #expect(try asked(&site, branch: "1") == ["SHA-256", "MD5"])
    }

    @Test func aPhoneThatLetsAChallengeLieIsAskedByMD5Alone() throws {
        var site = try Site()
        _ = try asked(&site, branch: "1")
        // The same request again: our answer was lost on the way.
        site.pass(.seconds(8))
        #expect(try asked(&site, branch: "1") == ["SHA-256", "MD5"])
        // Another user at its address is another phone.
        #expect(try asked(&site, branch: "2", user: "8002") == ["SHA-256", "MD5"])
        site.pass(.seconds(30))
        #expect(try asked(&site, branch: "3") == ["MD5"])
        #expect(try asked(&site, branch: "4") == ["MD5"])
        // Its calls are asked in the same way, and its answer is taken.
        var phone = Party.phone("8001")
        #expect(try phone.register(at: &site).status == 200)
        #expect(try asked(&site, branch: "5") == ["MD5"])
    }

    @Test func aPhoneThatKnowsMD5AloneIsNotTriedWithAnythingElseLaterNorAfterARestart() throws {
        var site = try Site()
        _ = try asked(&site, branch: "1")
        site.pass(.seconds(30))
        #expect(try asked(&site, branch: "2") == ["MD5"])
        var phone = Party.phone("8001")
        #expect(try phone.register(at: &site, expires: 3600 * 24).status == 200)
        site.pass(.seconds(3600 * 40))
        #expect(try asked(&site, branch: "3") == ["MD5"])
        #expect(try phone.register(at: &site).status == 200)
        for away in [Site.Away.process(.seconds(1)), .machine(wallStep: .seconds(60))] {
            try site.crash(away)
            #expect(try asked(&site, branch: "4") == ["MD5"])
        }
        // Another extension at its address, and another version of its software, are not known so.
        #expect(try asked(&site, branch: "5", user: "8002") == ["SHA-256", "MD5"])
        #expect(
            try asked(&site, branch: "6", agent: "User-Agent: newer\n") == ["SHA-256", "MD5"])
        #expect(try asked(&site, branch: "7") == ["MD5"])
    }

    @Test func aPhoneThatAnswersByAStrongerDigestIsNotKnownByMD5AfterARestart() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        #expect(try phone.register(at: &site).status == 200)
        try site.crash(.process(.seconds(1)))
        #expect(try asked(&site, branch: "1") == ["SHA-256", "MD5"])
    }

    @Test func aPhoneThatAnswersIsAskedByAllOfThemAgain() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        for _ in 0..<3 {
            #expect(try phone.register(at: &site).status == 200)
            site.pass(.seconds(60))
        }
        #expect(try asked(&site, branch: "1") == ["SHA-256", "MD5"])
    }

    @Test func aFloodOfStrangersMakesNoSuchPhoneForgotten() throws {
        var site = try Site()
        _ = try asked(&site, branch: "1")
        site.pass(.seconds(30))
        #expect(try asked(&site, branch: "2") == ["MD5"])
        var phone = Party.phone("8001")
        #expect(try phone.register(at: &site).status == 200)
        for number in 0..<PlainDigests.limit + 10 {
            let stranger = Endpoint(ip: IPAddress(v4: 0xc633_0000 + UInt32(number)), port: 5060)
            site.deliver(
                """
                REGISTER sip:example.com SIP/2.0
                Via: SIP/2.0/UDP \(stranger);branch=z9hG4bK1;rport
                From: <sip:\(number)@example.com>;tag=a
                To: <sip:\(number)@example.com>
                Call-ID: \(number)
                CSeq: 1 REGISTER
                Content-Length: 0


                """, from: stranger)
            #expect(site.said(stranger) == "401")
        }
        #expect(try asked(&site, branch: "3") == ["MD5"])
    }

    @Test func manyStrangersMakeNoTableGrow() throws {
        var table = PlainDigests(limit: 10)
        for number in 0..<100 {
            #expect(try !asks(&table, number))
            #expect(table.count <= 10)
        }
    }

    /// Asks a table for the challenges of an extension's phone.
    private func asks(
        _ table: inout PlainDigests, _ number: Int, branch: Int = 1, seconds: Int = 0,
        thenProves: Bool = false
    ) throws -> Bool {
        let text =
            "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\(branch)\r\n"
            + "From: <sip:\(number)@example.com>;tag=a\r\nTo: <sip:1@example.com>\r\n"
            + "Call-ID: a\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
        let request = try Message(parsing: Array(text.utf8))
        let now = Instant(nanoseconds: 0) + .seconds(seconds)
        let isPlain = table.isPlain(request, from: IPAddress(v4: 1), now: now)
        if thenProves { table.proved(request, from: IPAddress(v4: 1), now: now) }
        return isPlain
    }

    @Test func whoeverAsksFromTimeToTimeIsNotForgottenWhoeverElseAsks() throws {
        var table = PlainDigests(limit: 10)
        _ = try asks(&table, 8001)
        #expect(try asks(&table, 8001, branch: 2, seconds: 5))
        for number in 0..<100 {
            _ = try asks(&table, number, seconds: 5)
            if number % 4 == 0 {
                #expect(try asks(&table, 8001, branch: number, seconds: 5), "\(number)")
            }
        }
        // Whoever has not asked for as long as half a table is forgotten, and found out again.
        for number in 200..<210 { _ = try asks(&table, number, seconds: 5) }
        #expect(try !asks(&table, 8001, branch: 3, seconds: 5))
    }

    @Test func ofThoseWithAPasswordOnlyWhoeverIsGoneForLongestIsForgotten() throws {
        var table = PlainDigests(limit: 10)
        for number in [8001] + Array(0..<100) {
            _ = try asks(&table, number)
            #expect(try asks(&table, number, branch: 2, seconds: 5, thenProves: true))
            #expect(try asks(&table, number, branch: 3, seconds: 90_000))
            #expect(table.count <= 30)
            if number % 4 == 0 {
                #expect(try asks(&table, 8001, branch: 3, seconds: 90_000), "\(number)")
            }
        }
        #expect(try asks(&table, 99, branch: 4, seconds: 90_000))
        #expect(try !asks(&table, 1, branch: 4, seconds: 90_000))
    }
}
