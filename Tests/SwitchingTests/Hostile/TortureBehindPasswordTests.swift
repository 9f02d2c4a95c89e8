import SIP
import Testing

@testable import Switching

/// What becomes of the messages of RFC 4475 and RFC 5118 for which a stranger is asked for a password,
/// when extension 8001 sends them and answers.
///
/// Each is sent as it is in the RFC and then once more with Authorization. What is changed beside that is
/// in the table: an extension is a number, so that To of a REGISTER names 8001 and a Request-URI 8002,
/// whose phone is registered. All other fields, From and Contact among them, stay.
@Suite struct TortureBehindPasswordTests {
    enum Outcome: Sendable {
        /// 200, and these are all contacts that it shows.
        case bound([String])
        case refused(Int)
        /// The phone of 8002 gets the body as it is, and answers 200. What its side sends then reaches the
        /// caller by this Request-URI and this Route.
        case connected(uri: String, route: String?)
        /// The phone refuses it in these words, which the caller hears.
        case refusedByPhone(Int, field: String)
        /// A text that the phone takes.
        case taken
    }

    struct Known: Sendable {
        var outcome: Outcome
        var changes: [(String, String)] = []
        /// The fields that the phone is shown as they are.
        var passed: [String] = []
        /// What else is answered over a connection, to what stands behind the message.
        var alsoByStream: [Int] = []
        var isFramed = true

        init(_ outcome: Outcome, _ changes: (String, String)...) {
            self.outcome = outcome
            self.changes = changes
        }

        func passing(_ fields: String...) -> Known {
            var known = self
            known.passed = fields
            return known
        }
    }

    private static func to(_ was: String) -> (String, String) {
        ("\r\nTo: sip:\(was)\r\n", "\r\nTo: sip:8001@example.com\r\n")
    }

    private static func dialled(_ was: String) -> (String, String) {
        ("INVITE sip:\(was)@", "INVITE sip:8002@")
    }

    private static let caller = Outcome.connected(uri: "sip:caller@host5.example.net", route: nil)
    private static let sixContact = Outcome.bound(["sip:caller@[2001:db8::1]"])

    static let outcomes: [String: Known] = {
        var outcomes: [String: Known] = [
            // §3.1.1: valid.
            "esc01": Known(
                .connected(
                    uri: "sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31",
                    route: nil),
                (
                    "INVITE sip:sips%3Auser%40example.com@example.net",
                    "INVITE sip:%38002@example.com"
                )),
            "escnull": Known(
                .bound(["sip:%00@host5.example.com", "sip:%00%00@host5.example.com"]),
                to("null-%00-null@example.com")),
            "longreq": Known(
                .connected(
                    uri: "sip:" + String(repeating: "amazinglylongcallername", count: 5)
                        + "@host5.example.net", route: nil), dialled("user")),
            "dblreq": Known(.bound(["sip:j.user@host.example.com"]), to("j.user@example.com")),
            "mpart01": Known(
                .taken, ("MESSAGE sip:kumiko@example.org", "MESSAGE sip:8002@example.com")
            ).passing("Content-Type", "Date"),
            // §3.1.2: invalid. A date that nobody here reads is the callee's to look at.
            "baddate": Known(caller, dialled("user")).passing("Date"),
            "regbadct": Known(.refused(400), to("user@example.com")),
            // §3.3: of the application.
            "unksm2": Known(.refused(400)),
            "invut": Known(
                .refusedByPhone(415, field: "Accept: application/sdp"), dialled("user")
            ).passing("Content-Type"),
            "regaut01": Known(.bound([]), to("j.user@example.com")),
            "cparam01": Known(
                .bound(["sip:+19725552222@gw1.example.net"]), to("watson@example.com")),
            "cparam02": Known(
                .bound(["sip:+19725552222@gw1.example.net;unknownparam"]), to("watson@example.com")),
            "regescrt": Known(
                .bound(["sip:user@example.com?Route=%3Csip:sip.example.com%3E"]),
                to("watson@example.com")),
            "sdp01": Known(
                .refusedByPhone(406, field: "Accept: text/nobodyKnowsThis"), dialled("user")
            ).passing("Accept", "Content-Type"),
            // §3.4: of RFC 2543, without a Contact and behind a strict router.
            "inv2543": Known(
                .connected(
                    uri: "sip:UserB@example.com;maddr=ss1.example.com",
                    route: "<sip:+13035551111@ift.client.example.net;user=phone>"),
                dialled("UserB")),
            // RFC 5118.
            "IPv6/ipv6-good": Known(sixContact, to("user@example.com")),
            "IPv6/port-ambiguous": Known(sixContact, to("user@example.com")),
            "IPv6/port-unambiguous": Known(sixContact, to("user@example.com")),
            "IPv6/ipv6-in-sdp": Known(
                .connected(uri: "sip:caller@[2001:db8::20]", route: nil), dialled("user")),
            "IPv6/mult-ip-in-sdp": Known(
                .connected(uri: "sip:caller@[2001:db8::9:1]", route: nil), dialled("user")),
            "IPv6/ipv4-mapped-ipv6": Known(
                .connected(uri: "sip:ted@[::ffff:192.0.2.2]", route: nil), dialled("user")),
        ]
        // What stands behind it is a second request, of a stranger.
        outcomes["dblreq"]?.alsoByStream = [401]
        // It does not say where it ends: no reader of a connection cuts it out (`StreamTortureTests`).
        outcomes["inv2543"]?.isFramed = false
        return outcomes
    }()

    @Test func everyMessageThatAStrangerIsAskedAPasswordForIsHere() {
        let asked = TortureReplyTests.replies.filter { $0.value == [401] }.keys
        #expect(asked.sorted() == Self.outcomes.keys.sorted())
    }

    enum Way: CaseIterable { case datagram, stream }

    @Test(arguments: outcomes.keys.sorted(), Way.allCases)
    func isDealtWithAsTheRFCSays(_ name: String, by way: Way) throws {
        let known = try #require(Self.outcomes[name])
        var play = try Play(name, known, by: way)
        guard known.isFramed || way == .datagram else {
            play.send([])
            #expect(play.heard().isEmpty)
            return
        }
        let challenge = play.asked(known)
        try play.answer(try #require(challenge))
        switch known.outcome {
        case .bound(let contacts): try play.isBound(to: contacts, known)
        case .refused(let status):
            #expect(play.heard().map(\.status) == [status])
            #expect(play.site.sw.registrar.bindings(of: "8001", at: 0).isEmpty)
        case .connected(let uri, let route): try play.isConnected(uri: uri, route: route, known)
        case .refusedByPhone(let status, let field):
            let invite = try play.isPassed(known)
            play.phone.answer(invite, status, at: &play.site, extra: "\(field)\n")
            let answers = play.heard()
            #expect(answers.map(\.status) == [100, status])
            let refusal = try #require(answers.last)
            let words = field.split(separator: ": ", maxSplits: 1)
            #expect(refusal.text(HeaderName(String(words[0]))) == String(words[1]))
            try play.givesBackWhatCame(refusal)
        case .taken:
            let text = try play.isPassed(known)
            play.phone.answer(text, 200, at: &play.site)
            let answers = play.heard()
            #expect(answers.map(\.status) == [200])
            try play.givesBackWhatCame(try #require(answers.last))
        }
        play.site.pass(.seconds(120))
        #expect(play.site.isIdle && play.site.sw.inspection.transactions == 0)
    }
}

/// A message, its sender, and the switch that gets it whole or torn.
private struct Play {
    var site: Site
    var phone: Party
    private let sender: Endpoint
    private let flow: Flow
    private let bytes: [UInt8]
    private var isStream: Bool { flow.transport.isReliable }
    /// As it was sent last.
    private var sent: Message?

    init(
        _ name: String, _ known: TortureBehindPasswordTests.Known,
        by way: TortureBehindPasswordTests.Way
    ) throws {
        let isSix = name.hasPrefix("IPv6/")
        let own = try #require(Endpoint("[2001:db8::10]:5060"))
        var settings = Site.settings()
        for (transport, bound) in [(TransportKind.tcp, Site.own), (.udp, own), (.tcp, own)] {
            settings.listeners.append(
                ListenerSettings(
                    transport: transport, bound: bound,
                    advertisedHost: bound == own ? "[2001:db8::10]" : "127.0.0.1",
                    advertisedPort: 5060))
        }
        site = try Site(settings: settings)
        phone = try site.registered("8002")[0]
        sender = try #require(Endpoint(isSix ? "[2001:db8::9:1]:5060" : "203.0.113.9:5060"))
        flow = Flow(
            transport: way == .stream ? .tcp : .udp,
            listener: (isSix ? 2 : 0) + (way == .stream ? 1 : 0), remote: sender)
        var bytes = try Torture.bytes(name)
        for (old, new) in known.changes {
            let place = try #require(bytes.firstRange(of: old.utf8), "\(name) has no \(old)")
            bytes.replaceSubrange(place, with: new.utf8)
        }
        self.bytes = bytes
    }

    /// Sends it with these bytes behind its request line: in a datagram, or in pieces that end within
    /// words, line ends and the body.
    mutating func send(_ field: [UInt8]) {
        var all = bytes
        if let end = all.firstRange(of: "\r\n".utf8) {
            all.insert(contentsOf: field, at: end.upperBound)
        }
        guard isStream else {
            deliver(all)
            return
        }
        var framer = MessageFramer()
        var place = 0
        for size in [1, 7, 2, 61, 300, 13].cycled() where place < all.count {
            let end = min(place + size, all.count)
            framer.append(Array(all[place..<end]))
            place = end
            while case .message(let message) = framer.next() { deliver(message) }
            if place == all.count { break }
        }
    }

    private mutating func deliver(_ message: [UInt8]) {
        // What stands behind it is another one.
        if message.prefix(8).elementsEqual(bytes.prefix(8)) {
            do { sent = try Message(parsing: message) } catch { Issue.record("\(error)") }
        }
        site.handle(.datagramReceived(Datagram(flow: flow, bytes: message)))
    }

    /// What has come back to the sender.
    mutating func heard() -> [Message] {
        let places = site.inbox.keys.filter { $0.ip == sender.ip }
        if isStream { #expect(places.allSatisfy { $0 == sender }) }
        return places.flatMap { site.all($0) }
    }

    /// Sends it as it is; the challenge.
    mutating func asked(_ known: TortureBehindPasswordTests.Known) -> Message? {
        send([])
        let answers = heard()
        #expect(answers.map(\.status) == [401] + (isStream ? known.alsoByStream : []))
        return answers.first
    }

    /// Sends it again with the answer to a challenge.
    mutating func answer(_ challenge: Message) throws {
        let request = try #require(sent)
        var responder = DigestResponder(
            username: "8001", password: "secret8001", hashes: Site.hashes)
        _ = responder.challenged(by: challenge.values(.wwwAuthenticate))
        let credentials = responder.credentials(
            method: request.method, uri: request.requestURI, cnonce: Array("cnonce".utf8))
        send(Array("Authorization: ".utf8) + (try #require(credentials)) + Array("\r\n".utf8))
    }

    mutating func isBound(
        to contacts: [String], _ known: TortureBehindPasswordTests.Known
    ) throws {
        let answers = heard()
        #expect(answers.map(\.status) == [200] + (isStream ? known.alsoByStream : []))
        let answer = try #require(answers.first)
        let shown = answer.elements(.contact).compactMap { NameAddr(parsing: $0) }
        #expect(shown.map { String(decoding: $0.uri, as: UTF8.self) } == contacts)
        // Its own parameters are ours: what the phone said beside the URI is not among them.
        #expect(shown.allSatisfy { $0.parameter("expires") != nil })
        #expect(shown.allSatisfy { $0.parameter("unknownparam") == nil })
        try givesBackWhatCame(answer)
        #expect(site.sw.registrar.count == 1 + contacts.count)
        #expect(site.sw.counters.calls == 0)
    }

    /// The phone has it: another request, with the same body.
    mutating func isPassed(_ known: TortureBehindPasswordTests.Known) throws -> Message {
        let request = try #require(sent)
        let passed = try site.next(phone.endpoint)
        #expect(passed.method == request.method)
        #expect(passed.body.elementsEqual(request.body))
        #expect(passed.address(.from)?.uriView?.userUnescaped == "8001")
        #expect(passed.elements(.via).count == 1 && !passed.callID.elementsEqual(request.callID))
        for field in known.passed {
            let name = HeaderName(field)
            #expect(passed.text(name) != nil && passed.text(name) == request.text(name))
        }
        return passed
    }

    mutating func isConnected(
        uri: String, route: String?, _ known: TortureBehindPasswordTests.Known
    ) throws {
        let invite = try isPassed(known)
        phone.answer(invite, 200, at: &site, body: Party.offer)
        let answers = heard()
        #expect(answers.map(\.status) == [100, 200])
        try givesBackWhatCame(try #require(answers.last))
        #expect(try site.next(phone.endpoint).method == .ack)
        phone.send("BYE", at: &site)
        let bye = try #require(heard().first)
        #expect(bye.method == .bye)
        #expect(String(decoding: bye.requestURI, as: UTF8.self) == uri)
        #expect(bye.text(.route) == route)
        let request = try #require(sent)
        #expect(bye.callID.elementsEqual(request.callID))
        #expect((bye.toTag ?? []).elementsEqual(request.fromTag ?? []))
    }

    /// A response has what its request had: every Via, From and Call-ID, and a tag in To.
    func givesBackWhatCame(_ response: Message) throws {
        let request = try #require(sent)
        #expect(response.elements(.via).count == request.elements(.via).count)
        #expect(response.text(.from) == request.text(.from))
        #expect(response.callID.elementsEqual(request.callID))
        #expect(response.cseqNumber == request.cseqNumber && response.method == request.method)
        #expect(response.toTag?.isEmpty == false)
    }
}

extension Array {
    fileprivate func cycled() -> some Sequence<Element> {
        sequence(state: 0) { place -> Element? in
            defer { place += 1 }
            return self[place % count]
        }
    }
}
