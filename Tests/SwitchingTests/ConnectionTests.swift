import SIP
import Testing

@testable import Switching

/// A site that has TCP and a phone on it, seen from the outside as flows.
private struct StreamSite {
    var site: Site
    /// What the switch sent on connections, in order.
    var sent: [Outgoing] = []

    static let listener = ListenerSettings(
        transport: .tcp, bound: Site.own, advertisedHost: "127.0.0.1", advertisedPort: 5060)

    init(_ change: (inout Settings) -> Void = { _ in }) throws {
        var settings = Site.settings()
        settings.listeners.append(Self.listener)
        change(&settings)
        site = try Site(settings: settings)
    }

    static func flow(_ port: UInt16, ip: String = "127.0.0.1") -> Flow {
        Flow(transport: .tcp, listener: 1, remote: Endpoint(text: "\(ip):\(port)"))
    }

    mutating func handle(_ event: Event) {
        var actions = ActionList()
        site.sw.handle(event, now: site.now, into: &actions)
        sent += actions.sends
        site.take(actions)
        // The disk is durable at once; what waited for it left with that.
    }

    mutating func deliver(_ text: String, on flow: Flow) {
        let bytes = Array(text.replacing("\n", with: "\r\n").utf8)
        handle(.datagramReceived(Datagram(flow: flow, bytes: bytes)))
    }

    mutating func closed(_ flow: Flow, wasAccepted: Bool = true) {
        handle(.connectionClosed(ClosedConnection(flow: flow, wasAccepted: wasAccepted)))
    }

    /// Registers over a connection; the contact is what the phone believes to be its address.
    mutating func register(
        _ number: String, contact: String, on flow: Flow, callID: String = "r1", cseq: Int = 1
    ) throws -> Message {
        func text(_ cseq: Int, _ extra: String) -> String {
            """
            REGISTER sip:example.com SIP/2.0
            Via: SIP/2.0/TCP 192.168.1.9:5060;branch=z9hG4bK-\(callID)-\(cseq)-\(flow.remote.port)
            From: <sip:\(number)@example.com>;tag=a
            To: <sip:\(number)@example.com>
            Call-ID: \(callID)
            CSeq: \(cseq) REGISTER
            Contact: <\(contact)>
            Expires: 3600
            \(extra)Content-Length: 0


            """
        }
        deliver(text(cseq, ""), on: flow)
        let challenge = try site.next(flow.remote)
        var responder = DigestResponder(
            username: number, password: "secret\(number)", hashes: Site.hashes)
        _ = responder.challenged(by: challenge.values(.wwwAuthenticate))
        let field = responder.credentials(
            method: .register, uri: Array("sip:example.com".utf8), cnonce: Array("c".utf8))
        let credentials = try #require(field)
        deliver(
            text(cseq + 1, "Authorization: \(String(decoding: credentials, as: UTF8.self))\n"),
            on: flow)
        return try site.next(flow.remote)
    }

    var binding: Binding? { site.sw.registrar.all(at: 1_800_000_000_000_000).first }
}

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
            var caller = Party.phone("8001")
            try caller.call("8002", at: &stream.site)
            let invite = try stream.site.next(old.remote)
            var callee = Party("8002", old.remote)
            stream.deliver(answer(to: invite, contact: natted), on: old)
            let answered = try #require(stream.site.all(caller.endpoint).last)
            caller.acknowledge(answered, at: &stream.site)
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
        stream.deliver(Self.invite(from: "127.0.0.1:5070", id: "in"), on: flow)
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
            stream.deliver(Self.invite(from: "127.0.0.1:5070", id: "in"), on: flow)
            return try stream.site.next(flow.remote).status
        }
        #expect(try answer(showing: []) == 401)
        #expect(try answer(showing: ["other.example.net"]) == 401)
        #expect(try answer(showing: ["a.example.net", "sip.example.net"]) == 100)
    }

    @Test func sipsIsAnsweredWithSipsAndSipWithItsTransport() throws {
        func contact(_ scheme: String) throws -> String {
            var stream = try StreamSite { settings in
                settings.listeners[1].transport = .tls
            }
            let flow = Flow(
                transport: .tls, listener: 1, remote: Endpoint(text: "127.0.0.1:40001"))
            let contact = "\(scheme):8002@192.168.1.9:5061;transport=tls"
            _ = try stream.register("8002", contact: contact, on: flow)
            var caller = Party.phone("8001")
            try caller.call("8002", at: &stream.site)
            let invite = try stream.site.next(flow.remote)
            #expect(invite.topVia.transportKind == .tls)
            return String(decoding: try #require(invite.value(.contact)), as: UTF8.self)
        }
        #expect(try contact("sips") == "<sips:127.0.0.1:5060>")
        #expect(try contact("sip") == "<sip:127.0.0.1:5060;transport=tls>")
    }

    // MARK: Hanging up whose connection is gone

    /// 8001 talks with 8002, which answered with this contact and has lost its connection.
    private func parted(_ contact: String) throws -> (stream: StreamSite, caller: Party) {
        var stream = try StreamSite()
        let flow = StreamSite.flow(40_001)
        _ = try stream.register("8002", contact: contact, on: flow)
        var caller = Party.phone("8001")
        try caller.call("8002", at: &stream.site)
        let invite = try stream.site.next(flow.remote)
        stream.deliver(answer(to: invite, contact: contact), on: flow)
        let answered = try #require(stream.site.all(caller.endpoint).last)
        caller.acknowledge(answered, at: &stream.site)
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
        var stream = try secured { $0.calls.aliveCheck = .seconds(20) }
        let flow = Self.tls(40_001)
        _ = try stream.register("8002", contact: contact, on: flow)
        var caller = Party.phone("8001")
        try caller.call("8002", at: &stream.site)
        let invite = try stream.site.next(flow.remote)
        stream.deliver(answer(to: invite, contact: contact), on: flow)
        let answered = try #require(stream.site.all(caller.endpoint).last)
        caller.acknowledge(answered, at: &stream.site)
        try stream.site.crash(.process(.seconds(5)))
        stream.site.pass(.seconds(20))
        #expect(stream.site.said(flow.remote) == "" && stream.site.sw.calls.count == 1)
        // It comes back in time, and is asked by its new connection.
        let new = Self.tls(40_002)
        _ = try stream.register("8002", contact: contact, on: new, cseq: 5)
        stream.site.pass(.seconds(6))
        #expect(stream.site.said(new.remote).hasPrefix("INFO"))
        #expect(stream.site.said(flow.remote) == "")
    }

    @Test func byTLSNoPhoneIsDialledToAnswerIt() throws {
        func answered(by transport: TransportKind) throws -> String {
            var stream = try secured()
            let flow = transport == .tls ? Self.tls(40_001) : StreamSite.flow(40_001)
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

    // MARK: sips

    /// TLS beside TCP, and a gateway that calls 66778002 by it.
    private func secured(_ change: (inout Settings) -> Void = { _ in }) throws -> StreamSite {
        try StreamSite { settings in
            settings.listeners.append(
                ListenerSettings(
                    transport: .tls, bound: Site.own, advertisedHost: "127.0.0.1",
                    advertisedPort: 5061))
            change(&settings)
        }
    }

    private static func tls(_ port: UInt16) -> Flow {
        Flow(transport: .tls, listener: 2, remote: Endpoint(text: "127.0.0.1:\(port)"))
    }

    private static let secureInvite = invite(from: "127.0.0.1:5070", id: "secure")
        .replacing("INVITE sip:", with: "INVITE sips:").replacing(
            "SIP/2.0/TCP", with: "SIP/2.0/TLS")

    @Test func aCallToSipsRingsThePhonesThatTLSReaches() throws {
        var stream = try secured()
        _ = try stream.register("8002", contact: natted, on: StreamSite.flow(40_001))
        _ = try stream.register(
            "8002", contact: "sips:8002@192.168.1.8:5061", on: Self.tls(40_002), callID: "r2")
        stream.deliver(Self.secureInvite, on: Self.tls(45_000))
        let invite = try stream.site.next(Self.tls(40_002).remote)
        #expect(invite.requestURI.elementsEqual("sips:8002@192.168.1.8:5061".utf8))
        #expect(invite.address(.contact)?.uriView?.scheme == .sips)
        #expect(stream.site.said(StreamSite.flow(40_001).remote) == "")
    }

    @Test func aCallToSipsIsRefusedWherePartOfTheWayIsInTheClear() throws {
        var stream = try secured()
        _ = try stream.register("8002", contact: natted, on: StreamSite.flow(40_001))
        stream.deliver(Self.secureInvite, on: Self.tls(45_000))
        #expect(stream.site.said(StreamSite.flow(40_001).remote) == "")
        let answers = stream.site.all(Self.tls(45_000).remote)
        #expect(answers.map(\.status) == [100, 480])
        #expect(
            answers.last?.text(.warning)
                == "399 127.0.0.1:5061 \"no phone of 8002 is reached by TLS, as sips asks for\"")
        #expect(stream.site.records.first?.endReason.contains("TLS") == true)
        // A sip call rings it.
        stream.deliver(Self.invite(from: "127.0.0.1:5070", id: "in"), on: StreamSite.flow(45_001))
        #expect(try stream.site.next(StreamSite.flow(40_001).remote).method == .invite)
    }

    @Test func sipsThatComesInTheClearIsRefused() throws {
        var stream = try secured()
        _ = try stream.register(
            "8002", contact: "sips:8002@192.168.1.8:5061", on: Self.tls(40_002))
        stream.deliver(
            Self.secureInvite.replacing("SIP/2.0/TLS", with: "SIP/2.0/TCP"),
            on: StreamSite.flow(45_000))
        #expect(stream.site.said(StreamSite.flow(45_000).remote) == "416")
        #expect(stream.site.said(Self.tls(40_002).remote) == "")
    }

    @Test(arguments: [TransportKind.tls, .tcp])
    func aCallToSipsLeavesByATrunkOfTLSAlone(transport: TransportKind) throws {
        var stream = try secured { settings in
            settings.trunks[1].transport = transport
            settings.trunks[1].listener = transport == .tls ? 2 : 1
        }
        _ = try stream.register(
            "8001", contact: "sips:8001@192.168.1.8:5061", on: Self.tls(40_001))
        let text = try stream.site.invite(
            "sips:86035566@example.com", by: "8001", on: Self.tls(40_001))
        stream.deliver(text, on: Self.tls(40_001))
        let heard = stream.site.all(Site.pstn)
        if transport == .tls {
            let invite = try #require(heard.first)
            #expect(invite.requestURI.starts(with: "sips:86035566@127.0.0.1:5080".utf8))
            #expect(invite.topVia.transportKind == .tls)
        } else {
            #expect(heard.isEmpty)
            let refusal = try #require(stream.site.all(Self.tls(40_001).remote).last)
            #expect(refusal.status == 480)
            #expect(
                refusal.text(.warning)
                    == "399 127.0.0.1:5061 \"pstn is not reached by TLS, as sips asks for\"")
        }
    }

    // MARK: sips in a redirection

    /// 8001 calls 8002, which sends it on to 8003, each reached by one of these transports.
    private func redirected(
        _ transports: [TransportKind], to contact: String = "sips:8003@example.com",
        _ change: (inout Settings) -> Void = { _ in }
    ) throws -> (site: Site, phones: [Party]) {
        var (site, phones) = try registered(transports, change)
        try phones[0].call("8002", at: &site)
        phones[1].answer(
            try site.next(phones[1].endpoint), 302, at: &site, extra: "Contact: <\(contact)>\n")
        return (site, phones)
    }

    @Test func aRedirectionToSipsRingsThePhonesThatTLSReaches() throws {
        for transport in [TransportKind.tls, .udp] {
            // Nothing of the one that has left has to be secure.
            var (site, phones) = try redirected([.tls, transport, .tls])
            let invite = try #require(site.all(phones[2].endpoint).first)
            #expect(invite.method == .invite && invite.topVia.transportKind == .tls)
            #expect(invite.has(.diversion))
            #expect(site.said(phones[0].endpoint) == "100")
        }
    }

    @Test func aRedirectionToSipsIsRefusedWherePartOfTheWayIsInTheClear() throws {
        for (transports, who) in [
            ([TransportKind.udp, .tls, .tls], "8001 is not reached by TLS, as sips asks for"),
            ([.tls, .tls, .tcp], "no phone of 8003 is reached by TLS, as sips asks for"),
        ] {
            var (site, phones) = try redirected(transports)
            let answers = site.all(phones[0].endpoint)
            #expect(answers.map(\.status) == [100, 480])
            #expect(answers.last?.text(.warning)?.hasSuffix("\"\(who)\"") == true)
            #expect(answers.last?.text(.warning)?.hasPrefix("399 ") == true)
            #expect(!site.said(phones[2].endpoint).contains("INVITE"))
            #expect(site.records.first?.sipStatus == 480)
        }
        // Without sips it goes there as it can.
        var (site, phones) = try redirected([.udp, .tls, .tls], to: "sip:8003@example.com")
        #expect(site.said(phones[2].endpoint).contains("INVITE"))
    }

    @Test func aRedirectionToSipsIsPassedAsThatToWhomTLSReaches() throws {
        for transport in [TransportKind.tls, .udp] {
            var (site, phones) = try redirected([transport, .tls, .tls]) {
                $0.calls.redirects = .pass
            }
            let last = try #require(site.all(phones[0].endpoint).last)
            if transport == .tls {
                #expect(last.status == 302)
                #expect(last.text(.contact) == "<sips:8003@127.0.0.1:5061>")
            } else {
                #expect(last.status == 480 && last.has(.warning))
            }
        }
    }

    // MARK: sips in a transfer

    /// 8001 talks with 8002, each by one of these transports, and 8003 is registered by the third.
    private func talking(
        _ transports: [TransportKind]
    ) throws -> (site: Site, phones: [Party]) {
        var (site, phones) = try registered(transports)
        try site.connected(&phones)
        return (site, phones)
    }

    /// 8001 and the following, each by one of these transports.
    private func registered(
        _ transports: [TransportKind], _ change: (inout Settings) -> Void = { _ in }
    ) throws -> (site: Site, phones: [Party]) {
        var settings = Site.settings()
        for (transport, port) in [(TransportKind.tcp, 5060), (.tls, 5061)] {
            settings.listeners.append(
                ListenerSettings(
                    transport: transport, bound: Site.own, advertisedHost: "127.0.0.1",
                    advertisedPort: UInt16(port)))
        }
        change(&settings)
        var site = try Site(settings: settings)
        var phones: [Party] = []
        for (place, transport) in transports.enumerated() {
            let number = "\(8001 + place)"
            let endpoint = Party.phone(number).endpoint
            if transport != .udp {
                site.streams[endpoint] = Flow(
                    transport: transport, listener: transport == .tcp ? 1 : 2, remote: endpoint)
            }
            phones += try site.registered(number)
        }
        return (site, phones)
    }

    private func refer(_ phone: inout Party, _ site: inout Site) {
        phone.send("REFER", at: &site, extra: "Refer-To: <sips:8003@example.com>\n")
    }

    @Test func aTransferToSipsRingsThePhonesThatTLSReaches() throws {
        var (site, phones) = try talking([.tls, .tls, .tls])
        refer(&phones[0], &site)
        #expect(TransferTests.heard(phones[0], &site) == ["202", "100"])
        #expect(try site.next(phones[2].endpoint).method == .invite)
    }

    @Test func aTransferToSipsIsRefusedWherePartOfTheWayIsInTheClear() throws {
        var (site, phones) = try talking([.tls, .tls, .tcp])
        refer(&phones[0], &site)
        let heard = site.all(phones[0].endpoint)
        #expect(heard.first?.status == 202 && site.said(phones[2].endpoint) == "")
        let last = try #require(heard.last)
        #expect(last.text(.subscriptionState)?.hasPrefix("terminated") == true)
        #expect(
            last.text == """
                SIP/2.0 480 Temporarily Unavailable\r
                Warning: 399 127.0.0.1:5061 "no phone of 8003 is reached by TLS, as sips asks for"\r

                """)
        // The call is as it was.
        #expect(site.sw.calls.count == 1)
    }

    @Test func whoIsInTheClearIsNotSentOnToSips() throws {
        var (site, phones) = try talking([.tls, .udp, .tls])
        refer(&phones[0], &site)
        let refusal = try #require(site.all(phones[0].endpoint).last)
        #expect(refusal.status == 480 && site.said(phones[2].endpoint) == "")
        #expect(
            refusal.text(.warning)
                == "399 127.0.0.1:5061 \"8002 is not reached by TLS, as sips asks for\"")
        #expect(site.sw.calls.count == 1)
    }

    private func answer(to invite: Message, contact: String) -> String {
        func text(_ name: HeaderName) -> String {
            String(decoding: invite.value(name) ?? [], as: UTF8.self)
        }
        let body = Party.offer
        return """
            SIP/2.0 200 OK
            Via: \(text(.via))
            From: \(text(.from))
            To: \(text(.to));tag=t8002
            Call-ID: \(text(.callID))
            CSeq: 1 INVITE
            Contact: <\(contact)>
            Content-Type: application/sdp
            Content-Length: \(body.replacing("\n", with: "\r\n").utf8.count)

            \(body)
            """
    }

    private static func invite(from gateway: String, id: String) -> String {
        """
        INVITE sip:66778002@127.0.0.1 SIP/2.0
        Via: SIP/2.0/TCP \(gateway);branch=z9hG4bK-\(id)
        Max-Forwards: 70
        From: <sip:02012345678@127.0.0.1>;tag=g
        To: <sip:66778002@127.0.0.1>
        Call-ID: \(id)
        CSeq: 1 INVITE
        Contact: <sip:\(gateway);transport=tcp>
        Content-Length: 0


        """
    }
}

extension Site {
    /// The text of an INVITE of a phone, with the answer to the challenge that it gets before.
    fileprivate mutating func invite(
        _ uri: String, by number: String, on flow: Flow
    ) throws -> String {
        func text(_ cseq: Int, _ extra: String) -> String {
            """
            INVITE \(uri) SIP/2.0
            Via: SIP/2.0/TLS 192.168.1.8:5061;branch=z9hG4bK-out-\(cseq)
            Max-Forwards: 70
            From: <sips:\(number)@example.com>;tag=a
            To: <\(uri)>
            Call-ID: out
            CSeq: \(cseq) INVITE
            Contact: <sips:\(number)@192.168.1.8:5061>
            \(extra)Content-Length: 0


            """
        }
        let bytes = Array(text(1, "").replacing("\n", with: "\r\n").utf8)
        handle(.datagramReceived(Datagram(flow: flow, bytes: bytes)))
        let challenge = try next(flow.remote)
        var responder = DigestResponder(
            username: number, password: "secret\(number)", hashes: Site.hashes)
        _ = responder.challenged(by: challenge.values(.wwwAuthenticate))
        let field = responder.credentials(
            method: .invite, uri: Array(uri.utf8), cnonce: Array("c".utf8))
        let credentials = String(decoding: try #require(field), as: UTF8.self)
        return text(2, "Authorization: \(credentials)\n")
    }
}
