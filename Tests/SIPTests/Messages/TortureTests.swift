import SIP
import Testing

/// The messages of RFC 4475, each with what is made of it.
@Suite struct TortureTests {
    enum Outcome: Equatable, Sendable {
        case read
        /// Refused, and answered with this status.
        case answered(ParseError.Reason, Int)
        /// Refused, and dropped.
        case dropped(ParseError.Reason)
    }

    static let outcomes: [(name: String, outcome: Outcome)] = [
        ("wsinv", .read), ("intmeth", .read), ("esc01", .read), ("escnull", .read),
        ("esc02", .read), ("lwsdisp", .read), ("longreq", .read), ("dblreq", .read),
        ("semiuri", .read), ("transports", .read), ("mpart01", .read), ("unreason", .read),
        ("noreason", .read),
        ("badinv01", .answered(.malformed(.via), 400)),
        ("clerr", .answered(.truncatedBody, 400)),
        ("ncl", .answered(.malformed(.contentLength), 400)),
        ("scalar02", .answered(.malformed(.cseq), 400)),
        ("scalarlg", .dropped(.malformed(.cseq))),
        ("quotbal", .answered(.malformed(.to), 400)),
        ("ltgtruri", .answered(.requestURI, 400)),
        ("lwsruri", .answered(.startLine, 400)),
        ("lwsstart", .answered(.startLine, 400)),
        ("trws", .answered(.startLine, 400)),
        ("escruri", .answered(.requestURI, 400)),
        // A date in another zone, a Contact that needs brackets, white space in brackets and commas
        // without quotes are the business of who reads those fields, or harmless.
        ("baddate", .read), ("regbadct", .read), ("badaspec", .read), ("baddn", .read),
        ("badvers", .answered(.version, 505)),
        ("mismatch01", .answered(.methodMismatch, 400)),
        ("mismatch02", .answered(.methodMismatch, 400)),
        ("bigcode", .dropped(.statusCode)),
        ("badbranch", .read),
        ("insuf", .dropped(.missing(.from))),
        ("unkscm", .read), ("novelsc", .read), ("unksm2", .read), ("bext01", .read),
        ("invut", .read), ("regaut01", .read),
        ("multi01", .answered(.repeated(.cseq), 400)),
        ("mcl01", .answered(.repeated(.contentLength), 400)),
        ("bcast", .read), ("zeromf", .read), ("cparam01", .read), ("cparam02", .read),
        ("regescrt", .read), ("sdp01", .read), ("inv2543", .read),
    ]

    @Test func everyFileHasItsOutcome() {
        #expect(Sample.tortureNames == Self.outcomes.map(\.name).sorted())
    }

    @Test(arguments: outcomes)
    func isReadOrRefusedAsTheRFCSays(_ name: String, _ expected: Outcome) throws {
        let bytes = try Sample.torture(name)
        let outcome: Outcome =
            parseError(bytes).map { error in
                error.answerable == nil
                    ? .dropped(error.reason) : .answered(error.reason, error.status)
            } ?? .read
        #expect(outcome == expected)
    }

    @Test(arguments: outcomes.map(\.name))
    func isSafeWhenCutAtAnyByte(_ name: String) throws {
        let bytes = try Sample.torture(name)
        for count in 0..<bytes.count {
            exercise(Array(bytes[..<count]))
        }
        #expect(parseError(Array(bytes.prefix(20))) != nil)
    }

    @Test func aShortTortuousINVITEIsUnderstood() throws {
        let message = try Message(parsing: Sample.torture("wsinv"))
        #expect(message.method == .invite)
        #expect(message.cseqNumber == 9)
        #expect(message.maxForwards == 68)
        #expect(text(message.toTag) == "1918181833n")
        #expect(text(message.fromTag) == "98asjd8")
        #expect(message.address(.from)?.displayName == "J Rosenberg \\\"")
        #expect(message.topVia.transportKind == .udp)
        #expect(text(message.topVia.host) == "192.0.2.2")
        #expect(text(message.topVia.branch) == "390skdjuw")
        let vias = message.elements(.via).compactMap { Via(parsing: $0) }
        #expect(
            vias.map { text($0.host) } == ["192.0.2.2", "spindle.example.com", "192.168.255.111"])
        #expect(vias.map { text($0.branch) } == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"])
        #expect(message.value(.subject) == [])
        #expect(text(message.value("unknownheaderwithunusualvalue")) == ";;,,;;,;")
        let contact = try #require(message.address(.contact))
        #expect(contact.displayName == "Quoted string \"\"")
        #expect(text(contact.parameter("newparam") ?? nil) == "newvalue")
        #expect(contact.parameter("secondparam") == .some(nil))
        #expect(text(contact.parameter("q") ?? nil) == "0.33")
        #expect(URI(parsing: message.requestURI)?.parameter("unknownparam") == .some(nil))
    }

    @Test func aWideRangeOfCharactersIsKept() throws {
        let message = try Message(parsing: Sample.torture("intmeth"))
        #expect(message.method == Method("!interesting-Method0123456789_*+`.%indeed'~"))
        #expect(message.address(.to)?.displayName == "BEL:\u{7} NUL:\u{0} DEL:\u{7f}")
        #expect(text(message.fromTag) == "_token~1'+`*%!-.")
        let uri = try #require(URI(parsing: message.requestURI))
        #expect(text(uri.host) == "example.com")
        #expect(text(uri.password) == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
        #expect(message.maxForwards == 255)
    }

    @Test func escapesMeanWhatTheyEscape() throws {
        let message = try Message(parsing: Sample.torture("esc01"))
        #expect(URI(parsing: message.requestURI)?.userUnescaped == "sips:user@example.com")
        #expect(message.address(.to)?.uriView == URI("sip:user@example.com"))
        #expect(message.address(.contact)?.uriView?.userUnescaped == "caller")
    }

    @Test func escapesInMethodsAndNamesMeanNothing() throws {
        let message = try Message(parsing: Sample.torture("esc02"))
        #expect(message.method != .register)
        #expect(message.elements(.contact).count == 2)
        #expect(message.address(.to)?.displayName == "%Z%45")
    }

    @Test func aDisplayNameNeedsNoSpaceBeforeItsAddress() throws {
        let message = try Message(parsing: Sample.torture("lwsdisp"))
        #expect(message.address(.from)?.displayName == "caller")
    }

    @Test func ofTwoRequestsInADatagramTheFirstIsRead() throws {
        let message = try Message(parsing: Sample.torture("dblreq"))
        #expect(message.method == .register)
        #expect(message.body.isEmpty)
    }

    @Test func parametersOfAUserPartBelongToTheUser() throws {
        let message = try Message(parsing: Sample.torture("semiuri"))
        let uri = try #require(URI(parsing: message.requestURI))
        #expect(uri.userUnescaped == "user;par=u@example.net")
        #expect(uri.parameter("par") == nil)
    }

    @Test func unknownTransportsAreNamed() throws {
        let message = try Message(parsing: Sample.torture("transports"))
        let vias = message.elements(.via).compactMap { Via(parsing: $0) }
        #expect(vias.map { text($0.transport) } == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"])
        #expect(vias.map(\.transportKind) == [.udp, nil, .tls, nil, .tcp])
    }

    @Test func aReasonPhraseMayBeOfAnyLanguage() throws {
        let message = try Message(parsing: Sample.torture("unreason"))
        #expect(text(message.reasonPhrase).hasSuffix("девяносто девять - простое"))
    }

    @Test func aContactThatNeedsBracketsIsRefusedWhereItIsRead() throws {
        let message = try Message(parsing: Sample.torture("regbadct"))
        #expect(message.value(.contact) != nil)
        #expect(message.address(.contact) == nil)
    }

    @Test func parametersOutsideOfBracketsAreTheHeaders() throws {
        let outside = try Message(parsing: Sample.torture("cparam01"))
        #expect(outside.address(.contact)?.parameter("unknownparam") == .some(nil))
        let inside = try Message(parsing: Sample.torture("cparam02"))
        #expect(inside.address(.contact)?.parameter("unknownparam") == nil)
        #expect(inside.address(.contact)?.uriView?.parameter("unknownparam") == .some(nil))
    }

    @Test func aRequestOfRFC2543IsRead() throws {
        let message = try Message(parsing: Sample.torture("inv2543"))
        #expect(message.maxForwards == nil)
        #expect(message.fromTag == nil)
        #expect(message.topVia.branch == nil)
        #expect(message.address(.to)?.uriView?.telephoneNumber == "+16505552222")
        #expect(message.body.count == 105)
    }
}

/// Reads the bytes and, when they are a message, everything in it.
func exercise(_ bytes: [UInt8]) {
    _ = MessageFraming.frame(bytes[...])
    let message: Message
    do throws(ParseError) {
        message = try Message(parsing: bytes)
    } catch {
        _ = error.description
        guard let answerable = error.answerable else { return }
        _ = answerable.response(
            error.status, reason: error.phrase, toTag: [0x61], source: Endpoint("192.0.2.7:5060"))
        return
    }
    for field in message.fields {
        _ = NameAddr(parsing: field.value).map { [$0.displayName, $0.uriView?.userUnescaped] }
        _ = URI(parsing: field.value).map { $0 == URI("sip:a@b;lr?c=d") }
        _ = Via(parsing: field.value)?.rport
        _ = Parameters(field.value).map(\.unescaped)
        _ = message.elements(field.name)
        _ = message.number(field.name)
    }
    _ = URI(parsing: message.requestURI)?.addressOfRecord
    if message.isRequest {
        _ = message.response(
            200, toTag: [0x61], source: Endpoint("[2001:db8::1]:5060"), dialogForming: true)
        _ = message.cancel()
        _ = message.ack(for: message)
    }
}
