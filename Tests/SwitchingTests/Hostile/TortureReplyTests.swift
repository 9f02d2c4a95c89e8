import SIP
import Testing

@testable import Switching

/// What the whole switch answers to the messages of RFC 4475 and RFC 5118 when a stranger sends them.
@Suite struct TortureReplyTests {
    /// The statuses that come back; none where the message is dropped.
    static let replies: [String: [Int]] = [
        // Well formed (RFC 4475 §3.1.1): whoever calls or registers is asked for a password.
        // `wsinv` is inside of a dialog.
        "wsinv": [481], "intmeth": [405], "esc01": [401], "escnull": [401], "esc02": [405],
        "lwsdisp": [200], "longreq": [401], "dblreq": [401], "semiuri": [200],
        "transports": [200], "mpart01": [401],
        // Responses to nothing (§3.1.1.12, 13).
        "unreason": [], "noreason": [],
        // Malformed (§3.1.2).
        "badinv01": [400], "clerr": [400], "ncl": [400], "scalar02": [400], "scalarlg": [],
        "quotbal": [400], "ltgtruri": [400], "lwsruri": [400], "lwsstart": [400], "trws": [400],
        "escruri": [400], "baddate": [401], "regbadct": [401], "badaspec": [200], "baddn": [200],
        "badvers": [505], "mismatch01": [400], "mismatch02": [400], "bigcode": [],
        // Their transaction, application and compatibility layers (§3.2 to §3.4).
        "badbranch": [200], "insuf": [], "unkscm": [416], "novelsc": [416], "unksm2": [401],
        "bext01": [420], "invut": [401], "regaut01": [401], "multi01": [400], "mcl01": [400],
        "bcast": [], "zeromf": [483], "cparam01": [401], "cparam02": [401], "regescrt": [401],
        "sdp01": [401], "inv2543": [401],
        "IPv6/ipv6-good": [401], "IPv6/ipv6-bad": [400], "IPv6/port-ambiguous": [401],
        "IPv6/port-unambiguous": [401], "IPv6/via-received-param-with-delim": [481],
        "IPv6/via-received-param-no-delim": [200], "IPv6/ipv6-in-sdp": [401],
        "IPv6/mult-ip-in-header": [481], "IPv6/mult-ip-in-sdp": [401],
        "IPv6/ipv4-mapped-ipv6": [401], "IPv6/ipv6-bug-abnf-3-colons": [200],
        "IPv6/ipv6-correct-abnf-2-colons": [200],
    ]

    @Test func everyMessageHasItsReply() throws {
        #expect(try Torture.names() == Self.replies.keys.sorted())
        #expect(Self.replies.count == 49 + 12)
    }

    @Test(arguments: replies.keys.sorted())
    func isAnsweredAsTheRFCSays(_ name: String) throws {
        var site = try Site()
        let stranger = Endpoint(text: "203.0.113.9:5060")
        // Not by way of the inbox: an answer gives back what the request had, broken or not.
        var actions = ActionList()
        site.sw.handle(
            .datagramReceived(
                Datagram(
                    flow: Flow(transport: .udp, listener: 0, remote: stranger),
                    bytes: try Torture.bytes(name))), now: site.now, into: &actions)
        let statuses = actions.sends.map { sent in
            String(decoding: sent.bytes.prefix(11), as: UTF8.self)
        }
        #expect(statuses == Self.replies[name]?.map { "SIP/2.0 \($0)" })
        // Whatever it was, it goes back to where it came from and nothing is kept of it.
        #expect(actions.sends.allSatisfy { $0.flow.remote.ip == stranger.ip })
        site.pass(.seconds(60))
        #expect(site.isIdle && site.sw.inspection.transactions == 0)
    }

    /// What is answered otherwise over a connection, where Content-Length says where a message ends: to
    /// two requests twice; nothing to what is cut out nowhere, which whoever reads the connection
    /// answers (`StreamTortureTests`, `StreamsTests`).
    static let repliesOnConnections: [String: [Int]] = [
        "dblreq": [401, 401], "clerr": [], "ncl": [], "mcl01": [], "inv2543": [],
    ]

    @Test(arguments: replies.keys.sorted())
    func isAnsweredTheSameByteByByteOverAConnection(_ name: String) throws {
        var settings = Site.settings()
        settings.listeners.append(
            ListenerSettings(
                transport: .tcp, bound: Site.own, advertisedHost: "127.0.0.1",
                advertisedPort: 5060))
        let site = try Site(settings: settings)
        let flow = Flow(transport: .tcp, listener: 1, remote: Endpoint(text: "203.0.113.9:5060"))
        var framer = MessageFramer()
        var actions = ActionList()
        for byte in try Torture.bytes(name) {
            framer.append([byte])
            guard case .message(let bytes) = framer.next() else { continue }
            site.sw.handle(
                .datagramReceived(Datagram(flow: flow, bytes: bytes)), now: site.now,
                into: &actions)
        }
        let statuses = actions.sends.map { String(decoding: $0.bytes.prefix(11), as: UTF8.self) }
        let expected = Self.repliesOnConnections[name] ?? Self.replies[name]
        #expect(statuses == expected?.map { "SIP/2.0 \($0)" })
        // On its own connection, whatever its Via says.
        #expect(actions.sends.allSatisfy { $0.flow == flow })
    }

    /// Forms that are legal and seldom seen, in a request that is understood all the same.
    static let forms: [(name: String, lines: [String])] = [
        (
            "compact",
            [
                "v: SIP/2.0/UDP H;branch=z9hG4bKa", "f: <sip:a@b>;tag=1", "t: <sip:c@d>",
                "i: x", "l: 0",
            ]
        ),
        (
            "folded",
            [
                "Via: SIP/2.0/UDP\r\n H;\r\n\tbranch=z9hG4bKa", "From:\r\n <sip:a@b>\r\n ;tag=1",
                "To:\r\n\t<sip:c@d>", "Call-ID:\r\n x",
            ]
        ),
        (
            "blank",
            [
                "Via  :  SIP / 2.0 / UDP  H  ;  branch = z9hG4bKa", "From \t: <sip:a@b> ; tag = 1",
                "To : <sip:c@d>", "Call-ID : x",
            ]
        ),
        (
            "quoted",
            [
                "Via: SIP/2.0/UDP H;branch=z9hG4bKa;x=\"a;,<\\\">\"",
                "From: \"a \\\"<sip:e@f>;tag=2\\\\\" <sip:a@b>;tag=1", "To: \"\" <sip:c@d>",
                "Call-ID: x",
            ]
        ),
        (
            "list",
            [
                "Via: SIP/2.0/UDP H;branch=z9hG4bKa, SIP/2.0/UDP I;branch=z9hG4bKb,SIP/2.0/TCP J",
                "From: <sip:a@b>;tag=1", "To: <sip:c@d>", "Call-ID: x",
                "Supported: a,b ,, c", "Supported:",
            ]
        ),
        (
            "hundred Via",
            (0..<100).map { "Via: SIP/2.0/UDP H\($0);branch=z9hG4bKa\($0)" }
                + ["From: <sip:a@b>;tag=1", "To: <sip:c@d>", "Call-ID: x"]
        ),
        (
            "two hundred headers",
            (0..<200).map { "X-\($0): \($0)" }
                + [
                    "Via: SIP/2.0/UDP H;branch=z9hG4bKa", "From: <sip:a@b>;tag=1", "To: <sip:c@d>",
                    "Call-ID: x",
                ]
        ),
        (
            "escaped",
            [
                "Via: SIP/2.0/UDP H;branch=z9hG4bKa", "From: <sip:%61%00%ff@b>;tag=1",
                "To: <sip:c%40d@d?Subject=a%0d%0aX:y>", "Call-ID: x",
            ]
        ),
        (
            "empty",
            [
                "Via: SIP/2.0/UDP H;branch=z9hG4bKa", "From: <sip:a@b>;tag=1", "To: <sip:c@d>",
                "Call-ID: x", "Subject:", "Organization: ", "k:", "Accept:",
            ]
        ),
        (
            "other spelling",
            [
                "VIA: sip/2.0/udp H;BRANCH=z9hG4bKa", "fRoM: <SIP:a@b>;TAG=1",
                "TO: <sip:c@d>", "call-id: x",
            ]
        ),
    ]

    @Test(arguments: forms.map(\.name))
    func unusualFormsAreUnderstood(_ name: String) throws {
        let lines = try #require(Self.forms.first { $0.name == name }).lines
        var site = try Site()
        let phone = Endpoint(text: "203.0.113.9:5060")
        let text =
            (["OPTIONS sip:example.com SIP/2.0"] + lines + ["CSeq: 1 OPTIONS", "Max-Forwards: 70"])
            .joined(separator: "\r\n") + "\r\n\r\n"
        site.handle(
            .datagramReceived(
                Datagram(
                    flow: Flow(transport: .udp, listener: 0, remote: phone),
                    bytes: Array(text.utf8))))
        let sent = try Message(parsing: Array(text.utf8))
        let answer = try site.next(phone)
        #expect(answer.status == 200, "\(String(decoding: answer.bytes, as: UTF8.self))")
        // All that was asked for comes back: every Via, the tag, the Call-ID.
        #expect(answer.elements(.via).count == sent.elements(.via).count)
        #expect(answer.fromTag.map { Array($0) } == Array("1".utf8))
        #expect(Array(answer.callID) == Array("x".utf8))
        #expect(answer.value(.from).map { Array($0) } == sent.value(.from).map { Array($0) })
    }
}
