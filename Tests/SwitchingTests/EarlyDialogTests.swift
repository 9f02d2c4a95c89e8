import SIP
import Testing

@testable import Switching

/// Requests before the answer: each goes on in the dialog that its own one stands for on the other side.
@Suite struct EarlyDialogTests {
    private static let other = Party.offer.replacing("4000", with: "5000")

    /// 8001 calls 8002, whose phone stands for two forks, each with a session description.
    private struct Forked {
        var site: Site
        var caller: Party
        var callee: Party
        var invite: Message
        /// What the caller has heard of each.
        var heard: [Message]

        static let tags = ["one", "two"]

        init(change: (inout StoredState) -> Void = { _ in }) throws {
            site = try Site(change: change)
            let phones = try site.registered("8001", "8002")
            (caller, callee) = (phones[0], phones[1])
            try caller.call("8002", at: &site)
            invite = try site.invite(callee)
            for tag in Self.tags {
                callee.answer(invite, 183, at: &site, body: Party.offer, tag: tag)
            }
            heard = site.all(caller.endpoint).filter { $0.status == 183 }
            try #require(heard.count == 2 && heard[0].text(.to) != heard[1].text(.to))
        }

        /// The caller speaks in the dialog of a fork.
        mutating func callerSends(_ method: String, to fork: Int) {
            caller.established(by: heard[fork])
            caller.send(method, at: &site, body: Party.offer)
        }

        /// A fork speaks.
        mutating func calleeSends(_ method: String, as fork: Int) {
            callee.local = "\(invite.text(.to) ?? "");tag=\(Self.tags[fork])"
            callee.send(method, at: &site, body: Party.offer)
        }
    }

    private func tag(_ bytes: ArraySlice<UInt8>?) -> String {
        String(decoding: bytes ?? [], as: UTF8.self)
    }

    // MARK: One phone, two forks

    @Test(arguments: ["UPDATE", "INFO", "MESSAGE", "FROBNICATE"])
    func theCallersRequestGoesToTheForkOfItsDialog(method: String) throws {
        var forked = try Forked()
        var numbers: [UInt32] = []
        for fork in [0, 1, 0] {
            forked.callerSends(method, to: fork)
            let passed = try forked.site.next(forked.callee.endpoint)
            #expect(passed.method.name == method && tag(passed.toTag) == Forked.tags[fork])
            numbers.append(passed.cseqNumber)
            forked.callee.answer(passed, 200, at: &forked.site, body: Self.other)
            let answer = try forked.site.next(forked.caller.endpoint)
            #expect(answer.status == 200 && answer.text == Self.other.replacing("\n", with: "\r\n"))
            #expect(tag(answer.toTag) == tag(forked.heard[fork].toTag))
        }
        // Each dialog has numbers of its own, after those of the INVITE.
        #expect(numbers == [2, 2, 3])
    }

    @Test(arguments: ["UPDATE", "INFO", "MESSAGE", "FROBNICATE"])
    func aForksRequestReachesTheCallerInItsDialog(method: String) throws {
        var forked = try Forked()
        var numbers: [UInt32] = []
        for fork in [1, 0, 1] {
            forked.calleeSends(method, as: fork)
            let passed = try forked.site.next(forked.caller.endpoint)
            #expect(passed.method.name == method)
            #expect(tag(passed.fromTag) == tag(forked.heard[fork].toTag))
            numbers.append(passed.cseqNumber)
            forked.caller.answer(passed, 200, at: &forked.site, body: Self.other)
            let answer = try forked.site.next(forked.callee.endpoint)
            #expect(answer.status == 200 && tag(answer.fromTag) == Forked.tags[fork])
        }
        #expect(numbers == [1, 1, 2])
    }

    @Test func aNewTargetIsThatOfItsDialogAlone() throws {
        var forked = try Forked()
        let moved = "sip:8001@127.0.0.1:7777"
        forked.calleeSends("UPDATE", as: 1)
        forked.caller.answer(
            try forked.site.next(forked.caller.endpoint), 200, at: &forked.site,
            extra: "Contact: <\(moved)>\n", body: Self.other)
        #expect(forked.site.said(forked.callee.endpoint) == "200")
        for fork in [0, 1] {
            forked.calleeSends("INFO", as: fork)
            let passed = try forked.site.next(forked.caller.endpoint)
            #expect((String(decoding: passed.requestURI, as: UTF8.self) == moved) == (fork == 1))
        }
        // And it stays so when that fork answers.
        forked.callee.answer(forked.invite, 200, at: &forked.site, body: Party.offer, tag: "two")
        _ = forked.site.all(forked.caller.endpoint)
        forked.calleeSends("BYE", as: 1)
        let bye = try forked.site.next(forked.caller.endpoint)
        #expect(bye.method == .bye && bye.requestURI.elementsEqual(moved.utf8))
        #expect(forked.site.isIdle)
    }

    /// One that moves in the dialog of a fork is there when that answers.
    @Test func aCallerThatHasMovedIsReachedThereAfterTheAnswer() throws {
        var forked = try Forked()
        forked.caller.established(by: forked.heard[1])
        forked.caller.cseq += 1
        let caller = forked.caller
        forked.site.deliver(
            """
            UPDATE sip:127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(caller.endpoint);branch=z9hG4bK-moves;rport
            From: \(caller.local)
            To: \(caller.remote)
            Call-ID: \(caller.callID)
            CSeq: \(caller.cseq) UPDATE
            Contact: <sip:8001@127.0.0.1:7777>
            Content-Length: 0


            """, from: caller.endpoint)
        forked.callee.answer(
            try forked.site.next(forked.callee.endpoint), 200, at: &forked.site)
        #expect(forked.site.said(caller.endpoint) == "200")
        forked.callee.answer(forked.invite, 200, at: &forked.site, body: Party.offer, tag: "two")
        _ = forked.site.all(caller.endpoint)
        forked.calleeSends("INFO", as: 1)
        let info = try forked.site.next(caller.endpoint)
        #expect(info.requestURI.elementsEqual("sip:8001@127.0.0.1:7777".utf8))
    }

    @Test func whatAForkSaysThatTheCallerDoesNotHearOfGoesNowhere() throws {
        var forked = try Forked()
        // Bare ringing is not put over the media of others, so that the caller has no dialog with it.
        forked.callee.answer(forked.invite, 180, at: &forked.site, tag: "three")
        forked.callee.local = "\(forked.invite.text(.to) ?? "");tag=three"
        for (method, status) in [("UPDATE", "491"), ("INFO", "480")] {
            forked.callee.send(method, at: &forked.site, body: Party.offer)
            #expect(forked.site.said(forked.callee.endpoint) == status)
        }
        #expect(forked.site.said(forked.caller.endpoint) == "")
    }

    // MARK: Two phones

    private static let mobile = Endpoint(text: "127.0.0.1:10502")

    @Test func eachOfTwoPhonesTalksInTheDialogOfItsOwn() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        phones.append(Party("8002", Self.mobile))
        #expect(try phones[2].register(at: &site).status == 200)
        try phones[0].call("8002", at: &site)
        var heard: [Message] = []
        for place in [1, 2] {
            phones[place].answer(
                try site.invite(phones[place]), 183, at: &site, body: Party.offer,
                tag: "p\(place)")
            heard.append(try #require(site.all(phones[0].endpoint).last))
        }
        for place in [1, 2, 1] {
            for method in ["UPDATE", "INFO"] {
                phones[0].established(by: heard[place - 1])
                phones[0].send(method, at: &site, body: Party.offer)
                let passed = try site.next(phones[place].endpoint)
                #expect(passed.method.name == method && tag(passed.toTag) == "p\(place)")
                phones[place].answer(passed, 200, at: &site, body: Self.other)
                #expect(site.said(phones[0].endpoint) == "200")

                phones[place].send(method, at: &site, body: Party.offer)
                let back = try site.next(phones[0].endpoint)
                #expect(back.method.name == method)
                #expect(tag(back.fromTag) == tag(heard[place - 1].toTag))
                phones[0].answer(back, 200, at: &site, body: Self.other)
                #expect(site.said(phones[place].endpoint) == "200")
            }
        }
        #expect(site.said(phones[1].endpoint) == "" && site.said(phones[2].endpoint) == "")
    }

    /// All that ring without a session are heard in one dialog, and nobody can say whom the caller means.
    @Test func inADialogOfSeveralPhonesTheCallerReachesNoneAndEachReachesTheCaller() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        phones.append(Party("8002", Self.mobile))
        #expect(try phones[2].register(at: &site).status == 200)
        try phones[0].call("8002", at: &site)
        for place in [1, 2] {
            phones[place].answer(try site.invite(phones[place]), 180, at: &site)
        }
        let heard = site.all(phones[0].endpoint).filter { $0.status == 180 }
        #expect(heard.count == 2 && heard[0].text(.to) == heard[1].text(.to))
        phones[0].established(by: heard[0])
        phones[0].send("INFO", at: &site)
        #expect(site.said(phones[0].endpoint) == "480")
        for place in [1, 2] {
            phones[place].send("INFO", at: &site)
            let passed = try site.next(phones[0].endpoint)
            #expect(passed.method == .info && tag(passed.fromTag) == tag(heard[0].toTag))
            phones[0].answer(passed, 200, at: &site)
            #expect(site.said(phones[place].endpoint) == "200")
        }
        // As soon as one of them is left, it is the one.
        phones[1].answer(try #require(phones[1].invite), 486, at: &site)
        _ = site.all(phones[1].endpoint)
        phones[0].send("INFO", at: &site)
        #expect(try site.next(phones[2].endpoint).method == .info)
        #expect(site.said(phones[1].endpoint) == "")
    }

    // MARK: Routes

    @Test func theDialogOfARouteThatHasFailedLeadsNowhere() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var (e1, pstn) = (Party.e1, Party.pstn)
        let first = try site.next(Site.e1)
        e1.answer(first, 183, at: &site, body: Party.offer)
        e1.answer(first, 503, at: &site)
        pstn.answer(try site.next(Site.pstn), 183, at: &site, body: Self.other)
        _ = site.all(Site.e1)
        let heard = site.all(phone.endpoint).filter { $0.status == 183 }
        #expect(heard.count == 2)
        phone.established(by: heard[0])
        phone.send("INFO", at: &site)
        #expect(site.said(phone.endpoint) == "480")
        phone.established(by: heard[1])
        phone.send("INFO", at: &site)
        #expect(try site.next(Site.pstn).method == .info)
        #expect(site.said(Site.e1) == "")
    }

    /// What is sent again with a password has the next number of its own dialog (RFC 3261 §22.2).
    @Test func aGatewayThatAsksForAPasswordIsAnsweredInTheDialogOfTheFork() throws {
        var settings = Site.settings()
        settings.trunks[0].credentials = TrunkCredentials(username: "12345", password: "secret")
        var site = try Site(settings: settings)
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        var e1 = Party.e1
        let invite = try site.next(Site.e1)
        for tag in ["one", "two"] {
            e1.answer(invite, 183, at: &site, body: Party.offer, tag: tag)
        }
        let heard = site.all(phone.endpoint).filter { $0.status == 183 }
        phone.established(by: heard[0])
        phone.send("UPDATE", at: &site, body: Self.other)
        e1.answer(
            try site.next(Site.e1), 407, at: &site,
            extra: "Proxy-Authenticate: Digest realm=\"operator\", nonce=\"abc\", qop=\"auth\"\n")
        let again = try site.next(Site.e1)
        #expect(tag(again.toTag) == "one" && again.has(.proxyAuthorization))
        #expect(again.cseqNumber == 3)
        e1.answer(again, 200, at: &site, body: Party.offer)
        #expect(site.said(phone.endpoint) == "200")
        for (fork, number) in [(0, 4), (1, 2)] as [(Int, UInt32)] {
            phone.established(by: heard[fork])
            phone.send("INFO", at: &site)
            #expect(try site.next(Site.e1).cseqNumber == number)
        }
    }

    @Test func aCallingGatewayThatAsksForAPasswordIsAnsweredInItsDialog() throws {
        var settings = Site.settings()
        settings.trunks[0].credentials = TrunkCredentials(username: "12345", password: "secret")
        var site = try Site(settings: settings)
        var phone = try site.registered("8002")[0]
        var e1 = Party.e1
        try e1.callUnasked("66778002", from: "13900001111", at: &site)
        let invite = try site.invite(phone)
        for tag in ["one", "two"] {
            phone.answer(invite, 183, at: &site, body: Party.offer, tag: tag)
        }
        let heard = site.all(Site.e1).filter { $0.status == 183 }
        phone.local = "\(invite.text(.to) ?? "");tag=one"
        phone.send("UPDATE", at: &site, body: Self.other)
        e1.answer(
            try site.next(Site.e1), 401, at: &site,
            extra: "WWW-Authenticate: Digest realm=\"operator\", nonce=\"abc\", qop=\"auth\"\n")
        let again = try site.next(Site.e1)
        #expect(tag(again.fromTag) == tag(heard[0].toTag) && again.has(.authorization))
        #expect(again.cseqNumber == 2)
        e1.answer(again, 200, at: &site, body: Party.offer)
        #expect(site.said(phone.endpoint) == "200")
        for (fork, number) in [("one", 3), ("two", 1)] as [(String, UInt32)] {
            phone.local = "\(invite.text(.to) ?? "");tag=\(fork)"
            phone.send("INFO", at: &site)
            #expect(try site.next(Site.e1).cseqNumber == number)
        }
    }

    // MARK: After the answer

    /// Numbers that were used before the answer are not used again, in a next process neither.
    @Test(arguments: [false, true])
    func theDialogThatIsAnsweredGoesOnWithItsNumbers(isRestarted: Bool) throws {
        var forked = try Forked { $0.boot = 5 }
        var last: [UInt32] = [0, 0]
        for _ in 1...3 {
            forked.callerSends("UPDATE", to: 0)
            let passed = try forked.site.next(forked.callee.endpoint)
            last[1] = passed.cseqNumber
            forked.callee.answer(passed, 200, at: &forked.site, body: Self.other)
            forked.calleeSends("UPDATE", as: 0)
            let back = try #require(forked.site.all(forked.caller.endpoint).last)
            last[0] = back.cseqNumber
            forked.caller.answer(back, 200, at: &forked.site, body: Self.other)
            _ = forked.site.all(forked.callee.endpoint)
        }
        forked.callee.answer(forked.invite, 200, at: &forked.site, body: Party.offer, tag: "one")
        #expect(forked.site.said(forked.callee.endpoint) == "ACK")
        let answer = try forked.site.next(forked.caller.endpoint)
        #expect(answer.status == 200 && tag(answer.toTag) == tag(forked.heard[0].toTag))
        // What the caller said to the others is nobody's any more.
        forked.callerSends("INFO", to: 1)
        #expect(forked.site.said(forked.caller.endpoint) == "481")
        forked.caller.acknowledge(answer, at: &forked.site)
        if isRestarted { try forked.site.crash(.process(.seconds(2))) }
        forked.callee.local = "\(forked.invite.text(.to) ?? "");tag=one"
        forked.callee.send("INFO", at: &forked.site)
        let info = try forked.site.nextButCheck(forked.caller.endpoint)
        #expect(info.cseqNumber > last[0] && tag(info.fromTag) == tag(answer.toTag))
        forked.caller.send("INFO", at: &forked.site)
        let passed = try forked.site.nextButCheck(forked.callee.endpoint)
        #expect(passed.cseqNumber > last[1] && tag(passed.toTag) == "one")
    }

    @Test func aRequestThatIsNotAnsweredFailsInItsOwnDialog() throws {
        var forked = try Forked()
        forked.calleeSends("UPDATE", as: 0)
        let passed = try forked.site.next(forked.caller.endpoint)
        forked.caller.answer(passed, 488, at: &forked.site)
        #expect(forked.site.said(forked.callee.endpoint) == "488")
        forked.callerSends("INFO", to: 0)
        #expect(try forked.site.next(forked.callee.endpoint).method == .info)
        forked.site.pass(.seconds(33))
        // A 408 is of no use to whoever sent it (RFC 4320 §4.2), and the call rings on.
        #expect(!forked.site.said(forked.caller.endpoint).contains("BYE"))
        #expect(forked.site.sw.calls.count == 1)
        forked.callerSends("INFO", to: 1)
        #expect(tag(try #require(forked.site.all(forked.callee.endpoint).last).toTag) == "two")
    }
}
