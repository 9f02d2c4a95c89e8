import SIP
import Testing

@testable import Switching

/// Phones that register by a proxy at the edge (Path, RFC 3327), and phones with several flows (RFC
/// 5626).
@Suite struct OutboundTests {
    private let edge = Endpoint(text: "192.0.2.30:5060")
    private let path = "<sip:token1@192.0.2.30;lr;ob>"
    private let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\""

    /// One REGISTER with credentials, and what else it says.
    private struct Register {
        var number = "8002"
        var contact = "<sip:8002@10.0.0.7:5060>"
        var callID = "edge-1"
        var cseq = 1
        var supported = "path, outbound"
        var path: String?
        /// By how many proxies it came.
        var proxies = 1
        var expires = 3600
        var extra = ""
    }

    private func answer(
        to register: Register, on flow: Flow, _ site: inout Site
    ) throws -> Message {
        func text(_ cseq: Int, _ extra: String) -> String {
            let own = "SIP/2.0/TCP 10.0.0.7:5060;rport;branch=z9hG4bK-\(register.callID)-\(cseq)"
            let proxies = (0..<register.proxies).map {
                "Via: SIP/2.0/UDP 192.0.2.30;branch=z9hG4bK-p\($0)-\(register.callID)-\(cseq)\n"
            }
            return """
                REGISTER sip:example.com SIP/2.0
                \(proxies.joined())Via: \(own)
                From: <sip:\(register.number)@example.com>;tag=a
                To: <sip:\(register.number)@example.com>
                Call-ID: \(register.callID)
                CSeq: \(cseq) REGISTER
                Contact: \(register.contact)
                Supported: \(register.supported)
                \(register.path.map { "Path: \($0)\n" } ?? "")Expires: \(register.expires)
                \(register.extra)\(extra)Content-Length: 0


                """
        }
        func deliver(_ text: String) {
            let bytes = Array(text.replacing("\n", with: "\r\n").utf8)
            site.handle(.datagramReceived(Datagram(flow: flow, bytes: bytes)))
        }
        deliver(text(register.cseq, ""))
        let first = try site.next(flow.remote)
        guard first.status == 401 else { return first }
        var responder = DigestResponder(
            username: register.number, password: "secret\(register.number)", hashes: Site.hashes)
        _ = responder.challenged(by: first.values(.wwwAuthenticate))
        let field = responder.credentials(
            method: .register, uri: Array("sip:example.com".utf8), cnonce: Array("c".utf8))
        let credentials = String(decoding: try #require(field), as: UTF8.self)
        deliver(text(register.cseq + 1, "Authorization: \(credentials)\n"))
        return try site.next(flow.remote)
    }

    private var byEdge: Flow { Flow(transport: .udp, listener: 0, remote: edge) }

    private func streamed() throws -> Site {
        var settings = Site.settings()
        settings.listeners.append(
            ListenerSettings(
                transport: .tcp, bound: Site.own, advertisedHost: "127.0.0.1",
                advertisedPort: 5060))
        return try Site(settings: settings)
    }

    private func stream(_ port: UInt16) -> Flow {
        Flow(transport: .tcp, listener: 1, remote: Endpoint(text: "10.0.0.7:\(port)"))
    }

    // MARK: Path

    @Test func aPhoneBehindAProxyIsCalledByTheWayItRegistered() throws {
        var site = try Site()
        let registered = try answer(to: Register(path: path), on: byEdge, &site)
        #expect(registered.status == 200 && registered.text(.path) == path)
        #expect(registered.has("path", in: .supported))
        var caller = try site.registered("8001")[0]
        try caller.call("8002", at: &site)
        let invite = try site.next(edge)
        #expect(invite.requestURI.elementsEqual("sip:8002@10.0.0.7:5060".utf8))
        #expect(invite.text(.route) == path)
        // What takes it back goes the same way.
        var called = Party("8002", edge)
        called.answer(invite, 180, at: &site)
        try caller.cancel(at: &site)
        let cancel = try site.next(edge)
        #expect(cancel.method == .cancel && cancel.text(.route) == path)
        called.answer(invite, 487, at: &site)
        let ack = try site.next(edge)
        #expect(ack.method == .ack && ack.text(.route) == path)
    }

    @Test func aPhoneThatDoesNotKnowOfPathIsReachedByItAndNotToldIt() throws {
        var site = try Site()
        let registered = try answer(
            to: Register(supported: "timer", path: path), on: byEdge, &site)
        #expect(registered.status == 200 && registered.text(.path) == nil)
        var sender = try site.registered("8001")[0]
        sender.callID = "text"
        try sender.authenticated(
            "MESSAGE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "Content-Type: text/plain\n", site: &site)
        #expect(try site.next(edge).text(.route) == path)
    }

    @Test func thePathOfSeveralProxiesKeepsItsOrderAndIsKeptOverARestart() throws {
        var site = try Site()
        let both = "<sip:192.0.2.31;lr>, \(path)"
        _ = try answer(to: Register(path: both), on: byEdge, &site)
        let stored = try #require(
            site.commits.flatMap(\.changes).compactMap { change in
                if case .bindingSaved(let binding) = change { binding } else { nil }
            }.last)
        #expect(String(decoding: stored.path, as: UTF8.self) == both)
        var later = try Site { $0.bindings = [stored] }
        var caller = try later.registered("8001")[0]
        try caller.call("8002", at: &later)
        #expect(try later.next(edge).text(.route) == both)
    }

    @Test func whatIsNoPathIsRefused() throws {
        var site = try Site()
        #expect(try answer(to: Register(path: "<sip:"), on: byEdge, &site).status == 400)
        let long = Array(repeating: path, count: 9).joined(separator: ", ")
        #expect(try answer(to: Register(cseq: 5, path: long), on: byEdge, &site).status == 400)
    }

    // MARK: Several flows

    private func flow(_ regID: Int, callID: String, expires: Int = 3600) -> Register {
        Register(
            contact: "<sip:8002@10.0.0.7:5060;transport=tcp>;\(instance);reg-id=\(regID)",
            callID: callID, proxies: 0, expires: expires)
    }

    @Test func onePhoneWithTwoFlowsIsRungOnceAndByTheOtherOneWhenThatIsDead() throws {
        var site = try streamed()
        let first = try answer(
            to: flow(1, callID: "f1", expires: 1000), on: stream(40_001), &site)
        #expect(first.status == 200 && first.has("outbound", in: .require))
        #expect(first.text(.flowTimer) == "120")
        #expect(first.text(.contact)?.contains("reg-id=1") == true)
        let second = try answer(to: flow(2, callID: "f2"), on: stream(40_002), &site)
        #expect(second.elements(.contact).count == 2)
        var caller = try site.registered("8001")[0]
        try caller.call("8002", at: &site)
        let invite = try site.next(stream(40_002).remote)
        #expect(invite.method == .invite && site.said(stream(40_001).remote) == "")
        // Its connection is gone in that moment.
        site.handle(
            .connectionClosed(ClosedConnection(flow: stream(40_002), wasAccepted: true)))
        let again = try site.next(stream(40_001).remote)
        #expect(again.method == .invite)
        var phone = Party("8002", stream(40_001).remote)
        phone.answer(again, 486, at: &site)
        #expect(site.said(caller.endpoint) == "100 486")
        let record = try #require(site.records.first)
        #expect(record.attempts.map(\.route) == ["8002"])
        #expect(site.isIdle)
    }

    @Test func aProxyThatSays430HasLostTheFlowAndTheNextOneIsTaken() throws {
        var site = try Site()
        var register = Register(path: path)
        register.contact = "<sip:8002@10.0.0.7>;\(instance);reg-id=1"
        register.expires = 1000
        #expect(try answer(to: register, on: byEdge, &site).has("outbound", in: .require))
        register.contact = "<sip:8002@10.0.0.7>;\(instance);reg-id=2"
        register.path = "<sip:token2@192.0.2.31;lr;ob>"
        register.callID = "edge-2"
        register.expires = 3600
        let other = Endpoint(text: "192.0.2.31:5060")
        let byOther = Flow(transport: .udp, listener: 0, remote: other)
        #expect(try answer(to: register, on: byOther, &site).elements(.contact).count == 2)
        var caller = try site.registered("8001")[0]
        try caller.call("8002", at: &site)
        let invite = try site.next(other)
        var proxy = Party("8002", other)
        proxy.answer(invite, 430, at: &site)
        #expect(try site.next(other).method == .ack)
        let again = try site.next(edge)
        #expect(again.method == .invite && again.text(.route) == path)
        // The next call does not try the dead flow.
        var phone = Party("8002", edge)
        phone.answer(again, 486, at: &site)
        caller.acknowledge(try #require(site.all(caller.endpoint).last), at: &site)
        _ = site.all(edge)
        try caller.call("8002", at: &site, id: "2")
        #expect(try site.next(edge).method == .invite)
        #expect(site.said(other) == "")
    }

    @Test func anotherContactOfTheSameFlowTakesThePlaceOfTheFirst() throws {
        var site = try streamed()
        _ = try answer(to: flow(1, callID: "f1"), on: stream(40_001), &site)
        var moved = flow(1, callID: "f1-after-a-restart")
        moved.contact = "<sip:8002@10.0.0.8:5062;transport=tcp>;\(instance);reg-id=1"
        let registered = try answer(to: moved, on: stream(40_005), &site)
        #expect(registered.elements(.contact).count == 1)
        #expect(registered.text(.contact)?.contains("10.0.0.8") == true)
        // Two contacts by one flow are no registration.
        moved.contact += ", <sip:8002@10.0.0.9>"
        moved.cseq = 9
        #expect(try answer(to: moved, on: stream(40_005), &site).status == 400)
    }

    @Test func aProxyThatHoldsNoFlowsIsToldSo() throws {
        var site = try Site()
        var register = Register(path: "<sip:192.0.2.30;lr>")
        register.contact = "<sip:8002@10.0.0.7>;\(instance);reg-id=1"
        #expect(try answer(to: register, on: byEdge, &site).status == 439)
        register.path = nil
        register.cseq = 5
        #expect(try answer(to: register, on: byEdge, &site).status == 439)
        // One that does not ask for it is registered as ever.
        register.supported = "path"
        register.cseq = 9
        let plain = try answer(to: register, on: byEdge, &site)
        #expect(plain.status == 200 && !plain.has("outbound", in: .require))
    }

    // MARK: By UDP

    private func datagrams(_ port: UInt16) -> Flow {
        Flow(transport: .udp, listener: 0, remote: Endpoint(text: "10.0.0.7:\(port)"))
    }

    /// A phone with two flows by UDP, the second refreshed last.
    private func twoFlows(_ site: inout Site) throws {
        var register = flow(1, callID: "u1", expires: 1000)
        register.contact = register.contact.replacing(";transport=tcp", with: "")
        #expect(try answer(to: register, on: datagrams(40_001), &site).status == 200)
        register.contact = register.contact.replacing("reg-id=1", with: "reg-id=2")
        register.callID = "u2"
        register.expires = 3600
        let second = try answer(to: register, on: datagrams(40_002), &site)
        #expect(second.elements(.contact).count == 2)
    }

    @Test func aPhoneByUDPHasSeveralFlowsAndKeepsThemAliveMoreOften() throws {
        var site = try Site()
        var register = flow(1, callID: "u1")
        register.contact = "<sip:8002@10.0.0.7>;\(instance);reg-id=1"
        let first = try answer(to: register, on: datagrams(40_001), &site)
        #expect(first.has("outbound", in: .require) && first.text(.flowTimer) == "29")
        #expect(first.text(.contact)?.contains("reg-id=1") == true)
        // Its NAT has given it another port, as STUN has told it: the flow is the same.
        register.callID = "u1-moved"
        let moved = try answer(to: register, on: datagrams(40_009), &site)
        #expect(moved.elements(.contact).count == 1)
        var caller = try site.registered("8001")[0]
        try caller.call("8002", at: &site)
        #expect(try site.next(datagrams(40_009).remote).method == .invite)
    }

    @Test func aPhoneByUDPIsRungByItsOtherFlowWhenOneIsSilentOrRefused() throws {
        for isRefused in [true, false] {
            var site = try Site()
            try twoFlows(&site)
            var caller = try site.registered("8001")[0]
            try caller.call("8002", at: &site)
            #expect(site.inbox[datagrams(40_002).remote]?.first?.method == .invite)
            if isRefused {
                site.handle(.transportFailed(datagrams(40_002)))
            } else {
                site.pass(.seconds(5))
            }
            let invite = try site.next(datagrams(40_001).remote)
            #expect(invite.method == .invite)
            var phone = Party("8002", datagrams(40_001).remote)
            _ = site.all(phone.endpoint)
            phone.answer(invite, 180, at: &site)
            // One that rings by the first after all is taken back there.
            var late = Party("8002", datagrams(40_002).remote)
            let first = site.all(late.endpoint)
            guard !isRefused else { continue }
            late.answer(try #require(first.last), 180, at: &site)
            #expect(site.said(late.endpoint) == "CANCEL")
            #expect(site.said(phone.endpoint) == "" && site.sw.calls.count == 1)
            #expect(site.said(caller.endpoint) == "100 180")
        }
    }

    // MARK: Texts

    private func text(to number: String, by sender: inout Party, _ site: inout Site) throws {
        sender.callID = "text-\(site.now.nanoseconds)"
        try sender.authenticated(
            "MESSAGE", uri: "sip:\(number)@example.com", to: "<sip:\(number)@example.com>",
            extra: "Content-Type: text/plain\n", site: &site)
    }

    @Test func aTextGoesByTheOtherFlowOfAPhoneWhenItsConnectionIsGone() throws {
        var site = try streamed()
        _ = try answer(to: flow(1, callID: "f1", expires: 1000), on: stream(40_001), &site)
        _ = try answer(to: flow(2, callID: "f2"), on: stream(40_002), &site)
        var sender = try site.registered("8001")[0]
        try text(to: "8002", by: &sender, &site)
        let first = try site.next(stream(40_002).remote)
        #expect(first.method == .message && site.said(stream(40_001).remote) == "")
        site.handle(
            .connectionClosed(ClosedConnection(flow: stream(40_002), wasAccepted: true)))
        let second = try site.next(stream(40_001).remote)
        // For the phone it is the same request (RFC 5626 §4.3).
        #expect(second.callID.elementsEqual(first.callID))
        #expect(second.text(.from) == first.text(.from) && second.cseqNumber == 1)
        #expect(second.topVia.branch.map { Array($0) } != first.topVia.branch.map { Array($0) })
        #expect(site.said(sender.endpoint) == "")
        var phone = Party("8002", stream(40_001).remote)
        site.streams[phone.endpoint] = stream(40_001)
        phone.answer(second, 200, at: &site)
        #expect(site.said(sender.endpoint) == "200" && site.sw.forkCount == 0)
    }

    @Test func aTextThatMeets430GoesByTheNextFlowAndTheDeadOneIsNotTriedAgain() throws {
        var site = try Site()
        try twoFlows(&site)
        var sender = try site.registered("8001")[0]
        try text(to: "8002", by: &sender, &site)
        var dead = Party("8002", datagrams(40_002).remote)
        dead.answer(try site.next(dead.endpoint), 430, at: &site)
        var phone = Party("8002", datagrams(40_001).remote)
        phone.answer(try site.next(phone.endpoint), 202, at: &site)
        #expect(site.said(sender.endpoint) == "202")
        site.pass(.milliseconds(1))
        try text(to: "8002", by: &sender, &site)
        #expect(site.said(phone.endpoint) == "MESSAGE" && site.said(dead.endpoint) == "")
    }

    @Test func aTextWhoseFlowIsSilentGoesByTheNextBeforeItsSenderGivesUp() throws {
        for status in [200, 482] {
            var site = try Site()
            try twoFlows(&site)
            var sender = try site.registered("8001")[0]
            try text(to: "8002", by: &sender, &site)
            #expect(site.said(datagrams(40_002).remote) == "MESSAGE")
            site.pass(.seconds(5))
            var phone = Party("8002", datagrams(40_001).remote)
            let second = try site.next(phone.endpoint)
            // 482: it has had it by the first flow, and its answer was lost.
            phone.answer(second, status, at: &site)
            #expect(site.said(sender.endpoint).hasSuffix("200"))
            site.pass(.seconds(60))
            #expect(site.sw.forkCount == 0)
        }
    }

    @Test func aTextOfWhichNoFlowIsAliveEndsInTime() throws {
        var site = try Site()
        try twoFlows(&site)
        var sender = try site.registered("8001")[0]
        try text(to: "8002", by: &sender, &site)
        site.pass(.seconds(17))
        #expect(site.said(sender.endpoint).hasSuffix("480") && site.sw.forkCount == 0)
        for port in [UInt16(40_001), 40_002] {
            #expect(site.all(datagrams(port).remote).allSatisfy { $0.method == .message })
        }
        // The answer to one that comes after all is nobody's.
        site.pass(.seconds(60))
        #expect(site.said(sender.endpoint) == "")
    }
}
