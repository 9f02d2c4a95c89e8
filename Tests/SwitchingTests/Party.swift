import SIP
import Testing

@testable import Switching

/// One end of a call, phone or gateway, as a test plays it: it writes requests and answers, and checks
/// nothing by itself.
struct Party {
    let number: String
    var endpoint: Endpoint
    var cseq = 0
    let tag: String
    /// Of the call that it is in.
    var callID = ""
    var remote = ""
    var local = ""
    var branches = 0
    /// The last INVITE that came in or went out.
    var invite: Message?

    init(_ number: String, _ endpoint: Endpoint) {
        self.number = number
        self.endpoint = endpoint
        self.tag = "t\(number)"
    }

    static func phone(_ number: String) -> Party {
        Party(number, Endpoint(text: "127.0.0.1:\(10_000 + (Int(number) ?? 0))"))
    }
    static var e1: Party { Party("e1", Site.e1) }
    static var pstn: Party { Party("pstn", Site.pstn) }

    static let offer =
        "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
        + "m=audio 4000 RTP/AVP 8\na=sendrecv\n"

    mutating func branch() -> String {
        branches += 1
        return "z9hG4bK-\(number)-\(callID)-\(branches)"
    }

    private func bodyLines(_ body: String) -> String {
        guard !body.isEmpty else { return "Content-Length: 0\n\n" }
        let length = body.replacing("\n", with: "\r\n").utf8.count
        return "Content-Type: application/sdp\nContent-Length: \(length)\n\n\(body)"
    }

    // MARK: Requests outside of a dialog

    /// Sends a request, answers the challenge, and leaves the answers to it in the inbox.
    mutating func authenticated(
        _ method: String, uri: String, to: String, extra: String, body: String = "",
        hasContact: Bool = true, site: inout Site, password: String? = nil
    ) throws {
        let contact = hasContact ? "Contact: <sip:\(number)@\(endpoint)>\n" : ""
        func text(_ branch: String, _ cseq: Int, _ authorization: String) -> String {
            """
            \(method) \(uri) SIP/2.0
            Via: SIP/2.0/UDP \(endpoint);branch=\(branch);rport
            Max-Forwards: 70
            From: <sip:\(number)@example.com>;tag=\(tag)
            To: \(to)
            Call-ID: \(callID)
            CSeq: \(cseq) \(method)
            \(contact)\(extra)\(authorization)\(bodyLines(body))
            """
        }
        cseq += 1
        site.deliver(text(branch(), cseq, ""), from: endpoint)
        let challenge = try site.next(endpoint)
        #expect(challenge.status == 401)
        var responder = DigestResponder(
            username: number, password: password ?? "secret\(number)", hashes: Site.hashes)
        _ = responder.challenged(by: challenge.values(.wwwAuthenticate))
        let field = responder.credentials(
            method: Method(method), uri: Array(uri.utf8), cnonce: Array("cnonce".utf8))
        let credentials = try #require(field)
        cseq += 1
        let sent = text(
            branch(), cseq, "Authorization: \(String(decoding: credentials, as: UTF8.self))\n")
        if method == "INVITE" {
            invite = try Message(parsing: Array(sent.replacing("\n", with: "\r\n").utf8))
        }
        site.deliver(sent, from: endpoint)
    }

    /// - Parameter boot: how often it has begun anew: each time it has another Call-ID.
    mutating func register(
        at site: inout Site, expires: Int = 3600, password: String? = nil, boot: Int = 0
    ) throws -> Message {
        callID = boot == 0 ? "register-\(number)" : "register-\(number)-\(boot)"
        try authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:\(number)@example.com>",
            extra: "Expires: \(expires)\n", site: &site, password: password)
        return try site.next(endpoint)
    }

    /// Sends an INVITE; the answers are in the inbox.
    mutating func call(
        _ dialled: String, at site: inout Site, id: String = "1", extra: String = "",
        body: String = offer
    ) throws {
        callID = "call-\(number)-\(id)"
        local = "<sip:\(number)@example.com>;tag=\(tag)"
        remote = "<sip:\(dialled)@example.com>"
        try authenticated(
            "INVITE", uri: "sip:\(dialled)@example.com", to: remote, extra: extra, body: body,
            site: &site)
    }

    /// An INVITE without credentials, as gateways send it.
    mutating func callUnasked(
        _ dialled: String, from caller: String, at site: inout Site, id: String = "1"
    ) throws {
        callID = "call-\(number)-\(id)"
        cseq += 1
        local = "<sip:\(caller)@\(endpoint)>;tag=\(tag)"
        remote = "<sip:\(dialled)@127.0.0.1>"
        let text = """
            INVITE sip:\(dialled)@127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(endpoint);branch=\(branch());rport
            Max-Forwards: 70
            From: \(local)
            To: \(remote)
            Call-ID: \(callID)
            CSeq: \(cseq) INVITE
            Contact: <sip:\(endpoint)>
            \(bodyLines(Party.offer))
            """
        invite = try Message(parsing: Array(text.replacing("\n", with: "\r\n").utf8))
        site.deliver(text, from: endpoint)
    }

    mutating func cancel(at site: inout Site, reason: String? = nil) throws {
        let invite = try #require(invite)
        let bytes = invite.cancel { writer in
            if let reason { writer.field(.reason, reason) }
        }
        site.deliver(
            String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n"), from: endpoint)
    }

    // MARK: Answers

    /// Answers a request with this status; of an INVITE the dialog is kept.
    mutating func answer(
        _ request: Message, _ status: Int, at site: inout Site, extra: String = "",
        body: String = "", tag: String? = nil
    ) {
        let tag = tag ?? self.tag
        if request.method == .invite {
            invite = request
            callID = String(decoding: request.callID, as: UTF8.self)
            remote = String(decoding: request.value(.from) ?? [], as: UTF8.self)
            local = String(decoding: request.value(.to) ?? [], as: UTF8.self) + ";tag=\(tag)"
        }
        let to = String(decoding: request.value(.to) ?? [], as: UTF8.self)
        // A redirection names another one.
        let isElsewhere = extra.contains("Contact:")
        let contact = isElsewhere ? "" : "Contact: <sip:\(number)@\(endpoint)>\n"
        let text = """
            SIP/2.0 \(status) Status
            Via: \(String(decoding: request.value(.via) ?? [], as: UTF8.self))
            From: \(String(decoding: request.value(.from) ?? [], as: UTF8.self))
            To: \(to)\(request.toTag == nil && status > 100 ? ";tag=\(tag)" : "")
            Call-ID: \(String(decoding: request.callID, as: UTF8.self))
            CSeq: \(request.cseqNumber) \(request.method.name)
            \(contact)\(extra)\(bodyLines(body))
            """
        site.deliver(text, from: endpoint)
    }

    // MARK: Requests inside the dialog

    /// Takes over the dialog from a response to the own INVITE.
    mutating func established(by response: Message) {
        remote = String(decoding: response.value(.to) ?? [], as: UTF8.self)
    }

    mutating func send(
        _ method: String, at site: inout Site, cseq number: Int? = nil, extra: String = "",
        body: String = "", from endpoint: Endpoint? = nil
    ) {
        if number == nil { cseq += 1 }
        site.deliver(
            """
            \(method) sip:127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(self.endpoint);branch=\(branch());rport
            Max-Forwards: 70
            From: \(local)
            To: \(remote)
            Call-ID: \(callID)
            CSeq: \(number ?? cseq) \(method)
            Contact: <sip:\(self.number)@\(self.endpoint)>
            \(extra)\(bodyLines(body))
            """, from: endpoint ?? self.endpoint)
    }

    mutating func acknowledge(_ response: Message, at site: inout Site, body: String = "") {
        established(by: response)
        send("ACK", at: &site, cseq: Int(response.cseqNumber), body: body)
    }
}

extension Site {
    /// Two phones that are registered and know nothing of each other yet.
    mutating func registered(_ numbers: String...) throws -> [Party] {
        try numbers.map { number in
            var phone = Party.phone(number)
            let answer = try phone.register(at: &self)
            #expect(answer.status == 200)
            return phone
        }
    }

    /// A call between the first two: it rings, is answered, and all is acknowledged.
    mutating func connected(_ phones: inout [Party]) throws {
        try phones[0].call(phones[1].number, at: &self)
        let invite = try next(phones[1].endpoint)
        #expect(invite.method == .invite)
        phones[1].answer(invite, 180, at: &self)
        phones[1].answer(invite, 200, at: &self, body: Party.offer)
        #expect(try next(phones[1].endpoint).method == .ack)
        let answers = all(phones[0].endpoint)
        #expect(answers.map(\.status) == [100, 180, 200])
        phones[0].acknowledge(try #require(answers.last), at: &self)
    }

    /// A call that went out to a gateway and was answered there.
    mutating func connected(
        _ phone: inout Party, dials number: String, through gateway: inout Party, id: String = "1"
    ) throws {
        try phone.call(number, at: &self, id: id)
        let invite = try next(gateway.endpoint)
        #expect(invite.method == .invite)
        gateway.answer(invite, 200, at: &self, body: Party.offer)
        #expect(try next(gateway.endpoint).method == .ack)
        let answers = all(phone.endpoint)
        #expect(answers.map(\.status) == [100, 200])
        phone.acknowledge(try #require(answers.last), at: &self)
    }
}
