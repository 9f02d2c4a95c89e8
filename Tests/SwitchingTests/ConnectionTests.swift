import SIP
import Testing

@testable import Switching

/// Phones and trunks by TCP and TLS: by which connection they are reached, and what is done without one.
@Suite struct ConnectionTests {
    private let natted = "sip:8002@192.168.1.9:5060;transport=tcp"

    @Test func aPhoneBehindNATIsCalledThroughItsConnection() throws {
        var stream = try StreamSite()
        let flow = StreamSite.flow(40_001)
        #expect(try stream.register("8002", contact: natted, on: flow).status == 200)
        var caller = Party.phone("8001")
        try caller.call("8002", at: &stream.site)
        let invite = try stream.site.next(flow.remote)
        #expect(invite.method == .invite)
        #expect(invite.topVia.transportKind == .tcp)
        let contact = try #require(invite.address(.contact)?.uriView)
        #expect(contact.parameter("transport")??.elementsEqual("tcp".utf8) == true)
        #expect(invite.requestURI.elementsEqual(natted.utf8))
    }

    @Test func nothingIsSentTwiceOnAConnection() throws {
        var stream = try StreamSite()
        let flow = StreamSite.flow(40_001)
        _ = try stream.register("8002", contact: natted, on: flow)
        var caller = Party.phone("8001")
        try caller.call("8002", at: &stream.site)
        stream.site.pass(.seconds(20))
        #expect(stream.site.said(flow.remote) == "INVITE")
    }

    @Test func theCallOfAPhoneWhoseConnectionBreaksEndsAtOnce() throws {
        var stream = try StreamSite()
        let flow = StreamSite.flow(40_001)
        _ = try stream.register("8002", contact: natted, on: flow)
        var caller = Party.phone("8001")
        try caller.call("8002", at: &stream.site)
        let invite = try stream.site.next(flow.remote)
        var callee = Party("8002", flow.remote)
        callee.answer(invite, 180, at: &stream.site)
        stream.closed(flow)
        #expect(stream.site.said(caller.endpoint).hasSuffix("503"))
    }

    @Test func aPhoneWhoseConnectionIsGoneIsNotCalledUntilItRegistersAgain() throws {
        var stream = try StreamSite()
        _ = try stream.register("8002", contact: natted, on: StreamSite.flow(40_001))
        stream.closed(StreamSite.flow(40_001))
        #expect(stream.binding?.isReachable == false)
        var caller = Party.phone("8001")
        try caller.call("8002", at: &stream.site)
        #expect(stream.site.said(caller.endpoint) == "100 480")

        let again = StreamSite.flow(40_002)
        let answer = try stream.register("8002", contact: natted, on: again, cseq: 5)
        #expect(answer.status == 200)
        #expect(stream.binding?.isReachable == true && stream.binding?.flow == again)
        try caller.call("8002", at: &stream.site, id: "2")
        #expect(try stream.site.next(again.remote).method == .invite)
    }

    @Test func aPhoneThatRegistersAnewByAnotherConnectionHasOneBinding() throws {
        var stream = try StreamSite()
        _ = try stream.register(
            "8002", contact: "sip:8002@127.0.0.1:40001;transport=tcp", on: StreamSite.flow(40_001))
        stream.closed(StreamSite.flow(40_001))
        _ = try stream.register(
            "8002", contact: "sip:8002@127.0.0.1:40002;transport=tcp",
            on: StreamSite.flow(40_002), cseq: 5)
        #expect(stream.site.sw.registrar.count == 1)
    }

    @Test func aPhoneAtTheAddressItNamesIsDialledWhenItsConnectionIsGone() throws {
        var stream = try StreamSite()
        let contact = "sip:8002@127.0.0.1:5062;transport=tcp"
        _ = try stream.register("8002", contact: contact, on: StreamSite.flow(40_001))
        stream.closed(StreamSite.flow(40_001))
        #expect(stream.binding?.isReachable == true)
        #expect(stream.binding?.flow == StreamSite.flow(5062))
        var caller = Party.phone("8001")
        try caller.call("8002", at: &stream.site)
        #expect(try stream.site.next(StreamSite.flow(5062).remote).method == .invite)
        // Nobody listens there after all.
        stream.handle(.transportFailed(StreamSite.flow(5062)))
        #expect(stream.binding?.isReachable == false)
        #expect(stream.site.said(caller.endpoint).hasSuffix("503"))
    }

    @Test(arguments: [
        "sip:8002@127.0.0.1:5062", "sip:8002@127.0.0.9:5062;transport=tcp",
        "sip:8002@phone.example.com;transport=tcp", "sips:8002@127.0.0.1:5061;transport=tcp",
    ])
    func nobodyMakesTheSwitchConnectToAnotherAddress(contact: String) throws {
        var stream = try StreamSite()
        _ = try stream.register("8002", contact: contact, on: StreamSite.flow(40_001))
        stream.closed(StreamSite.flow(40_001))
        #expect(stream.binding?.isReachable == false)
    }

    @Test func afterARestartAPhoneBehindNATIsNotReachedAndOneAtItsAddressIsDialled() throws {
        func bound(_ contact: String) throws -> Binding? {
            let binding = Binding(
                number: "8002", contact: Array(contact.utf8), flow: StreamSite.flow(40_001),
                expiresAt: 1_800_000_900_000_000, callID: Array("r1".utf8), cseq: 1,
                userAgent: "")
            let site = try Site { $0.bindings = [binding] }
            return site.sw.registrar.all(at: 1_800_000_000_000_000).first
        }
        #expect(try bound(natted)?.isReachable == false)
        let dialled = try bound("sip:8002@127.0.0.1:5062;transport=tcp")
        #expect(dialled?.isReachable == true && dialled?.flow == StreamSite.flow(5062))
    }

    @Test func aByeFollowsAPhoneToItsNewConnection() throws {
        var stream = try StreamSite()
        let old = StreamSite.flow(40_001)
        _ = try stream.register("8002", contact: natted, on: old)
        var caller = Party.phone("8001")
        try caller.call("8002", at: &stream.site)
        let invite = try stream.site.next(old.remote)
        var callee = Party("8002", old.remote)
        callee.answer(invite, 200, at: &stream.site, body: Party.offer)
        let answer = try #require(stream.site.all(caller.endpoint).last)
        caller.established(by: answer)
        caller.acknowledge(answer, at: &stream.site)
        stream.closed(old)
        _ = try stream.register("8002", contact: natted, on: StreamSite.flow(40_002), cseq: 5)
        caller.send("BYE", at: &stream.site)
        #expect(stream.site.said(StreamSite.flow(40_002).remote).contains("BYE"))
    }

    @Test func aLargeRequestGoesByTCPAndByUDPWhereThatCannotBe() throws {
        var stream = try StreamSite()
        var callee = Party.phone("8002")
        _ = try callee.register(at: &stream.site)
        var caller = Party.phone("8001")
        let body = Party.offer + String(repeating: "a=x-filler:0123456789\n", count: 60)
        try caller.call("8002", at: &stream.site, body: body)
        let first = try stream.site.next(callee.endpoint)
        #expect(first.bytes.count > 1300 && first.topVia.transportKind == .tcp)
        let flow = Flow(transport: .tcp, listener: 1, remote: callee.endpoint)
        stream.handle(.transportFailed(flow))
        let second = try stream.site.next(callee.endpoint)
        #expect(second.topVia.transportKind == .udp && second.method == .invite)
        #expect(second.topVia.branch.map { Array($0) } == first.topVia.branch.map { Array($0) })
        #expect(second.body.elementsEqual(first.body))
        callee.answer(second, 200, at: &stream.site, body: Party.offer)
        let answer = try #require(stream.site.all(caller.endpoint).last)
        #expect(answer.status == 200)
        caller.acknowledge(answer, at: &stream.site)
        caller.send("BYE", at: &stream.site)
        // It is remembered: the next one is not tried by TCP, until some time has passed.
        func transport(id: String) throws -> TransportKind? {
            for party in [caller, callee] { _ = stream.site.all(party.endpoint) }
            try caller.call("8002", at: &stream.site, id: id, body: body)
            let invite = try stream.site.next(callee.endpoint)
            #expect(invite.method == .invite && invite.bytes.count > 1300)
            callee.answer(invite, 486, at: &stream.site)
            #expect(stream.site.said(caller.endpoint).hasSuffix("486"))
            return invite.topVia.transportKind
        }
        #expect(try transport(id: "2") == .udp)
        stream.site.pass(Switch.datagramsOnlyFor)
        #expect(try transport(id: "3") == .tcp)
    }

    @Test func aTrunkOverTCPIsSentItsTransportAndKnownByTheAddressInVia() throws {
        var stream = try StreamSite { settings in
            settings.trunks[0].transport = .tcp
            settings.trunks[0].listener = 1
        }
        var caller = Party.phone("8001")
        try caller.call("02088886666", at: &stream.site)
        let invite = try stream.site.next(Site.e1)
        #expect(invite.topVia.transportKind == .tcp)
        let target = try #require(URI(parsing: invite.requestURI))
        #expect(target.parameter("transport")??.elementsEqual("tcp".utf8) == true)

        // Its own calls come from any port.
        stream.deliver(
            """
            INVITE sip:66778002@127.0.0.1 SIP/2.0
            Via: SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bK-in
            Max-Forwards: 70
            From: <sip:02012345678@127.0.0.1>;tag=g
            To: <sip:66778002@127.0.0.1>
            Call-ID: in
            CSeq: 1 INVITE
            Contact: <sip:127.0.0.1:5070;transport=tcp>
            Content-Length: 0


            """, on: StreamSite.flow(45_000))
        let said = stream.site.said(StreamSite.flow(45_000).remote)
        #expect(said.hasPrefix("100"), "it was taken for a phone: \(said)")
    }

    @Test func aCallOutlivesTheConnectionOfItsPhoneForAWhile() throws {
        func ended(after span: Instant.Span, returns: Bool) throws -> Bool {
            var stream = try StreamSite { $0.calls.aliveCheck = .seconds(20) }
            let old = StreamSite.flow(40_001)
            _ = try stream.register("8002", contact: natted, on: old)
            var caller = try stream.talking(with: natted, on: old)
            var callee = Party("8002", old.remote)
            stream.closed(old)
            let new = StreamSite.flow(40_002)
            for second in 0..<Int(span.milliseconds / 1000) {
                stream.site.pass(.seconds(1))
                for info in stream.site.all(caller.endpoint) where info.method == .info {
                    caller.answer(info, 200, at: &stream.site)
                }
                for info in stream.site.all(new.remote) where info.method == .info {
                    callee.answer(info, 200, at: &stream.site)
                }
                if !stream.site.all(old.remote).isEmpty {
                    // Nobody is there any more.
                    stream.handle(.transportFailed(old))
                }
                if returns, second == 40 {
                    _ = try stream.register("8002", contact: natted, on: new, cseq: 5)
                }
            }
            return stream.site.sw.calls.count == 0
        }
        #expect(try !ended(after: .seconds(40), returns: false))
        #expect(try ended(after: .seconds(90), returns: false))
        #expect(try !ended(after: .seconds(90), returns: true))
    }

    @Test func aResponseWhoseConnectionIsGoneGoesToThePortInVia() throws {
        var stream = try StreamSite()
        let flow = StreamSite.flow(45_000)
        _ = try stream.site.registered("8002")
        stream.deliver(StreamSite.invite(from: "127.0.0.1:5070", id: "in"), on: flow)
        #expect(stream.site.said(flow.remote) == "100")
        stream.closed(flow)
        stream.site.pass(.seconds(61))
        #expect(stream.site.said(flow.remote) == "")
        #expect(stream.site.said(Site.e1) != "")
    }

    @Test func aTrunkThatHasToShowItsCertificateIsNotKnownByItsAddressAlone() throws {
        func answer(showing names: [String]) throws -> Int {
            var stream = try StreamSite { $0.trunks[0].certificateName = "Sip.example.net" }
            let flow = StreamSite.flow(45_000)
            if !names.isEmpty { stream.handle(.connectionCertified(flow, names: names)) }
            stream.deliver(StreamSite.invite(from: "127.0.0.1:5070", id: "in"), on: flow)
            return try stream.site.next(flow.remote).status
        }
        #expect(try answer(showing: []) == 401)
        #expect(try answer(showing: ["other.example.net"]) == 401)
        #expect(try answer(showing: ["a.example.net", "sip.example.net"]) == 100)
    }

    // MARK: Hanging up whose connection is gone

    /// 8001 talks with 8002, which answered with this contact and has lost its connection.
    private func parted(_ contact: String) throws -> (stream: StreamSite, caller: Party) {
        var stream = try StreamSite()
        let flow = StreamSite.flow(40_001)
        _ = try stream.register("8002", contact: contact, on: flow)
        var caller = try stream.talking(with: contact, on: flow)
        _ = stream.site.all(flow.remote)
        stream.closed(flow)
        caller.send("BYE", at: &stream.site)
        #expect(stream.site.said(caller.endpoint) == "200")
        return (stream, caller)
    }

    @Test func aPhoneThatCanBeDialledIsDialledToHangItUp() throws {
        var (stream, _) = try parted("sip:8002@127.0.0.1:5062;transport=tcp")
        let dialled = StreamSite.flow(5062)
        let bye = try stream.site.next(dialled.remote)
        #expect(bye.method == .bye && bye.topVia.transportKind == .tcp)
        var callee = Party("8002", dialled.remote)
        callee.answer(bye, 200, at: &stream.site)
        #expect(stream.site.records.first?.disposition == .answered)
        #expect(stream.site.isIdle)
    }

    @Test func whereNobodyCanBeDialledTheCallIsRecordedAllTheSame() throws {
        var (stream, _) = try parted(natted)
        stream.site.pass(.zero)
        let record = try #require(stream.site.records.first)
        #expect(record.disposition == .answered && record.releasedBy == .caller)
        #expect(stream.site.isIdle)
        stream.site.pass(.seconds(40))
        #expect(stream.site.said(StreamSite.flow(40_001).remote) == "")
    }

    @Test(arguments: [
        "sip:8002@127.0.0.1:40001;transport=tls", "sips:8002@127.0.0.1:40001",
        "sip:8002@192.168.1.9:5061;transport=tls",
    ])
    func byTLSNoPhoneIsDialledAfterARestart(contact: String) throws {
        var stream = try StreamSite.secured { $0.calls.aliveCheck = .seconds(20) }
        let flow = StreamSite.tls(40_001)
        _ = try stream.register("8002", contact: contact, on: flow)
        _ = try stream.talking(with: contact, on: flow)
        try stream.site.crash(.process(.seconds(5)))
        stream.site.pass(.seconds(20))
        #expect(stream.site.said(flow.remote) == "" && stream.site.sw.calls.count == 1)
        // It comes back in time, and is asked by its new connection.
        let new = StreamSite.tls(40_002)
        _ = try stream.register("8002", contact: contact, on: new, cseq: 5)
        stream.site.pass(.seconds(6))
        #expect(stream.site.said(new.remote).hasPrefix("INFO"))
        #expect(stream.site.said(flow.remote) == "")
    }

    @Test func byTLSNoPhoneIsDialledToAnswerIt() throws {
        func answered(by transport: TransportKind) throws -> String {
            var stream = try StreamSite.secured()
            let flow = transport == .tls ? StreamSite.tls(40_001) : StreamSite.flow(40_001)
            _ = try stream.site.registered("8002")
            _ = try stream.register("8001", contact: "sip:8001@192.168.1.8", on: flow)
            let text = try stream.site.invite("sip:8002@example.com", by: "8001", on: flow)
            stream.deliver(text, on: flow)
            #expect(stream.site.said(flow.remote).hasSuffix("100"))
            stream.closed(flow)
            let sent = stream.site.sentOn.count
            stream.site.pass(.seconds(61))
            #expect(stream.site.said(flow.remote) == "")
            return stream.site.sentOn[sent...].filter { $0.transport == transport }
                .map { "\($0.remote)" }.joined(separator: " ")
        }
        #expect(try answered(by: .tls) == "")
        #expect(try answered(by: .tcp) != "")
    }
}
