import SIP
import Testing

@testable import Switching

/// A site that has TCP and a phone on it, seen from the outside as flows.
struct StreamSite {
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

    /// TLS beside TCP.
    static func secured(_ change: (inout Settings) -> Void = { _ in }) throws -> StreamSite {
        try StreamSite { settings in
            settings.listeners.append(
                ListenerSettings(
                    transport: .tls, bound: Site.own, advertisedHost: "127.0.0.1",
                    advertisedPort: 5061))
            change(&settings)
        }
    }

    /// A flow to the listener that `secured` has.
    static func tls(_ port: UInt16) -> Flow {
        Flow(transport: .tls, listener: 2, remote: Endpoint(text: "127.0.0.1:\(port)"))
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

    /// 8001 calls 8002, which has registered by this flow, and answers by it with this contact.
    mutating func talking(with contact: String, on flow: Flow) throws -> Party {
        var caller = Party.phone("8001")
        try caller.call("8002", at: &site)
        let invite = try site.next(flow.remote)
        deliver(Self.answer(to: invite, contact: contact), on: flow)
        let answered = try #require(site.all(caller.endpoint).last)
        caller.acknowledge(answered, at: &site)
        return caller
    }

    private static func answer(to invite: Message, contact: String) -> String {
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

    /// A gateway calls 66778002.
    static func invite(from gateway: String, id: String) -> String {
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

    var binding: Binding? { site.sw.registrar.all(at: 1_800_000_000_000_000).first }
}

extension Site {
    /// The text of an INVITE of a phone, with the answer to the challenge that it gets before.
    mutating func invite(
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
