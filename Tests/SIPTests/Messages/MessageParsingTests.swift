import SIP
import Testing

@Suite struct MessageParsingTests {
    // MARK: Start lines

    @Test func aRequestGivesItsMethodAndItsURI() throws {
        let message = try Message(parsing: Sample.invite)
        #expect(message.isRequest)
        #expect(message.method == .invite)
        #expect(message.status == 0)
        #expect(text(message.requestURI) == "sip:02088886666@pbx.example.com")
        #expect(message.reasonPhrase.isEmpty)
    }

    @Test func aResponseGivesItsStatusAndTheMethodOfItsCSeq() throws {
        let message = try Message(parsing: Sample.ringing)
        #expect(!message.isRequest)
        #expect(message.method == .invite)
        #expect(message.status == 180)
        #expect(text(message.reasonPhrase) == "Ringing")
        #expect(message.requestURI.isEmpty)
    }

    @Test(arguments: ["SIP/2.0 200", "SIP/2.0 200 "])
    func aResponseNeedsNoReasonPhrase(_ line: String) throws {
        let message = try Message(parsing: replacing(startLineOf: Sample.ringing, with: line))
        #expect(message.status == 200)
        #expect(message.reasonPhrase.isEmpty)
    }

    @Test(arguments: [
        "SIP/2.0 99 Low", "SIP/2.0 700 High", "SIP/2.0 2000 Long", "SIP/2.0 20x Odd", "SIP/2.0 20",
        "SIP/2.0 -10 Negative",
    ])
    func aStatusCodeOutside100To699IsRefused(_ line: String) {
        #expect(reason(replacing(startLineOf: Sample.ringing, with: line)) == .statusCode)
    }

    @Test(arguments: [
        "OPTIONS", "OPTIONS ", "OPTIONS sip:b@example.com", "OPTIONS sip:b@example.com ",
        " OPTIONS sip:b@example.com SIP/2.0", "OPTIONS sip:b@example.com  SIP/2.0",
        "OPTIONS sip:b@example.com SIP/2.0 ", "OPTIONS sip:b@example.com SIP/2.0x",
        "OPT(ONS sip:b@example.com SIP/2.0", "OPTIONS\tsip:b@example.com SIP/2.0",
        "OPTIONS sip:b@example.com HTTP/1.1",
    ])
    func aMalformedRequestLineIsRefusedAndCanBeAnswered(_ line: String) {
        let error = parseError(replacing(startLineOf: Sample.options(), with: line))
        #expect(error?.reason == .startLine)
        #expect(error?.status == 400)
        #expect(error?.answerable != nil)
    }

    @Test(arguments: ["SIP/3.0", "SIP/7.0", "sip/1.0", "SIP/2.1"])
    func anotherVersionIsRefusedWith505(_ version: String) {
        let line = "OPTIONS sip:b@example.com \(version)"
        let error = parseError(replacing(startLineOf: Sample.options(), with: line))
        #expect(error?.reason == .version)
        #expect(error?.status == 505)
    }

    @Test func aRequestURIWithoutASchemeIsRefused() {
        for uri in ["b", "@example.com", "1sip:b@example.com", "sip:"] {
            let line = "OPTIONS \(uri) SIP/2.0"
            #expect(
                reason(replacing(startLineOf: Sample.options(), with: line)) == .requestURI,
                "\(uri)")
        }
    }

    @Test func lineEndsBeforeTheStartLineAreSkipped() throws {
        let message = try Message(parsing: [13, 10, 13, 10] + Sample.options())
        #expect(message.method == .options)
        #expect(text(message.callID) == "c1")
    }

    @Test(arguments: [[], [13, 10], [13, 10, 13, 10], [10, 10, 10]] as [[UInt8]])
    func nothingButLineEndsIsAKeepAlive(_ bytes: [UInt8]) {
        #expect(reason(bytes) == .empty)
    }

    // MARK: Fields

    @Test func theMandatoryFieldsAreRead() throws {
        let message = try Message(parsing: Sample.invite)
        #expect(text(message.callID) == "3848276298220188511@192.168.1.101")
        #expect(text(message.fromTag) == "9fxced76sl")
        #expect(message.toTag == nil)
        #expect(message.cseqNumber == 20363)
        #expect(message.maxForwards == 70)
        #expect(text(message.topVia.host) == "192.168.1.101")
        #expect(text(message.topVia.branch) == "z9hG4bKPjd4f4a9b1")
        #expect(message.body.count == 129)
        #expect(text(message.body).hasPrefix("v=0\r\n"))
    }

    @Test func fieldsKeepTheirOrderAndTheirRepetitions() throws {
        let message = try Message(
            parsing: Sample.options(more: [
                "X-One: 1", "Route: <sip:a>", "x-one: 2", "Route: <sip:b>",
            ]))
        let names = message.fields.map(\.name.spelling)
        #expect(
            names == ["Via", "From", "To", "Call-ID", "CSeq", "X-One", "Route", "x-one", "Route"])
        #expect(message.values("X-ONE").map { text($0) } == ["1", "2"])
        #expect(message.values(.route).map { text($0) } == ["<sip:a>", "<sip:b>"])
        #expect(text(message.value(.route)) == "<sip:a>")
        #expect(message.value(.contact) == nil)
    }

    @Test func compactFormsAreTheirLongNames() throws {
        let message = try Message(
            """
            OPTIONS sip:b@example.com SIP/2.0\r
            v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r
            f: <sip:a@example.com>;tag=1\r
            t: <sip:b@example.com>\r
            i: c1\r
            CSeq: 1 OPTIONS\r
            m: <sip:a@192.0.2.1>\r
            k: 100rel\r
            l: 0\r
            \r\n
            """)
        #expect(text(message.value(.contact)) == "<sip:a@192.0.2.1>")
        #expect(message.has("100REL", in: .supported))
        #expect(!message.has("timer", in: .supported))
    }

    @Test func aListIsSplitAtCommasOutsideOfQuotesAndBrackets() throws {
        let message = try Message(
            parsing: Sample.options(more: [
                "Contact: \"a, b\" <sip:c,d@h>;q=1 , <sip:e@h>", "Contact: <sip:f@h>,,",
            ]))
        #expect(
            message.elements(.contact).map { text($0) }
                == ["\"a, b\" <sip:c,d@h>;q=1", "<sip:e@h>", "<sip:f@h>"])
    }

    @Test func aFoldedValueIsJoinedAndHoldsNoLineEnd() throws {
        let message = try Message(
            parsing: Sample.options(more: ["Subject: one\r\n two\r\n\tthree"]))
        #expect(text(message.value(.subject)) == "one   two  \tthree")
        #expect(!(message.value(.subject) ?? []).contains { $0 == 13 || $0 == 10 })
    }

    @Test func theCallersCopyIsNotChangedByJoiningFoldedLines() throws {
        let bytes = Sample.options(more: ["Subject: one\r\n two"])
        let copy = bytes
        let message = try Message(parsing: bytes)
        #expect(bytes == copy)
        #expect(message.bytes.count == bytes.count)
    }

    @Test func anEmptyFieldHasAnEmptyValue() throws {
        let message = try Message(parsing: Sample.options(more: ["Subject:", "Supported: \t "]))
        #expect(message.value(.subject) == [])
        #expect(message.elements(.supported).isEmpty)
    }

    @Test func aBareLineFeedEndsALine() throws {
        let bytes = Sample.invite.filter { $0 != 13 }
        var message = text(bytes)
        message = message.replacing("Content-Length: 129", with: "Content-Length: 122")
        #expect(try Message(message).body.count == 122)
    }

    @Test func moreFieldsThanFitInlineAreKept() throws {
        let more = (0..<100).map { "X-\($0): \($0)" }
        let message = try Message(parsing: Sample.options(more: more + ["Subject: last"]))
        #expect(text(message.value("X-99")) == "99")
        #expect(text(message.value(.subject)) == "last")
        #expect(message.fields.count == 106)
    }

    @Test func numbersAboveTheLimitAreTheLimit() throws {
        let message = try Message(
            parsing: Sample.options(more: [
                "Expires: 10000000000", "Retry-After: 5 (soon);duration=2",
            ]))
        #expect(message.number(.expires) == .max)
        #expect(message.number(.retryAfter) == 5)
        #expect(message.number(.minExpires) == nil)
    }

    // MARK: The body

    @Test func withoutContentLengthTheBodyIsAllThatFollows() throws {
        let message = try Message(parsing: Sample.options() + Array("body".utf8))
        #expect(text(message.body) == "body")
    }

    @Test func bytesBeyondContentLengthAreNotTheBody() throws {
        let message = try Message(
            parsing: Sample.options(more: ["Content-Length: 2"]) + Array("body".utf8))
        #expect(text(message.body) == "bo")
    }

    @Test func aBodyShorterThanContentLengthIsRefused() {
        let error = parseError(Sample.options(more: ["Content-Length: 9"]) + Array("body".utf8))
        #expect(error?.reason == .truncatedBody)
        #expect(error?.answerable != nil)
    }

    // MARK: What is refused

    @Test(arguments: ["Via", "From", "To", "Call-ID", "CSeq"])
    func aMissingMandatoryFieldIsNamedAndNotAnswered(_ name: String) {
        let error = parseError(Sample.options(without: name))
        #expect(error?.reason == .missing(HeaderName(name)))
        #expect(error?.answerable == nil)
        #expect(error?.phrase == "Missing \(name)")
    }

    @Test(arguments: [
        ("From", "sip:a@example.com>"), ("From", "\"a <sip:a@example.com>"), ("To", ""),
        ("To", "<sip:b@example.com> x"), ("To", "nobody"), ("CSeq", "1"), ("CSeq", "x OPTIONS"),
        ("CSeq", "2147483648 OPTIONS"), ("CSeq", "1OPTIONS"), ("CSeq", "1 OPT IONS"),
    ])
    func aMalformedMandatoryFieldIsAnswered(_ name: String, _ value: String) {
        let error = parseError(Sample.options([name: value]))
        #expect(error?.reason == .malformed(HeaderName(name)))
        #expect(error?.answerable != nil)
    }

    @Test(arguments: [
        "", "SIP/2.0/UDP", "SIP/2.0 192.0.2.1", "SIP/2.0/UDP 192.0.2.1:0", "192.0.2.1",
        "SIP/2.0/UDP 192.0.2.1:70000", "SIP/2.0/UDP [::1", "SIP/2.0/UDP 192.0.2.1 x",
    ])
    func aMalformedTopmostViaCannotBeAnswered(_ value: String) {
        let error = parseError(Sample.options(["Via": value]))
        #expect(error?.reason == .malformed(.via))
        #expect(error?.answerable == nil)
    }

    @Test(arguments: ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length"])
    func aRepeatedSingleFieldIsRefused(_ name: String) {
        let values = ["From": "<sip:a@b>;tag=2", "To": "<sip:a@b>", "CSeq": "1 OPTIONS"]
        let line = "\(name): \(values[name] ?? "0")"
        let error = parseError(Sample.options(more: [line, line]))
        #expect(error?.reason == .repeated(HeaderName(name)))
        #expect(error?.answerable != nil)
    }

    @Test func anACKIsNeverAnswered() {
        let bytes = text(Sample.options(["CSeq": "x ACK"])).replacing(
            "OPTIONS sip", with: "ACK sip")
        #expect(reason(Array(bytes.utf8)) == .malformed(.cseq))
        #expect(parseError(Array(bytes.utf8))?.answerable == nil)
    }

    @Test func aBareCarriageReturnIsRefused() {
        #expect(reason(Sample.options(more: ["Subject: a\rX: b"])) == .lineEnding)
    }

    @Test(arguments: ["no colon", ": no name", "Bad Name: x", "Bad@Name: x"])
    func aLineWithoutNameAndColonIsRefusedAndCanBeAnswered(_ line: String) {
        let error = parseError(Sample.options(more: [line]))
        #expect(error?.reason == .fieldName)
        #expect(error?.answerable != nil)
    }

    @Test func theLimitOnFieldsIsExact() throws {
        let atLimit = (5..<MessageLimits.fields).map { "X-\($0): 1" }
        #expect(try Message(parsing: Sample.options(more: atLimit)).fields.count == 256)
        #expect(parseError(Sample.options(more: atLimit + ["X: 1"]))?.reason == .tooManyFields)
        #expect(parseError(Sample.options(more: atLimit + ["X: 1"]))?.status == 513)
    }

    @Test func theLimitOnAFieldNameIsExact() throws {
        let name = String(repeating: "n", count: MessageLimits.fieldNameBytes)
        let message = try Message(parsing: Sample.options(more: ["\(name): 1"]))
        #expect(text(message.value(HeaderName(name))) == "1")
        #expect(reason(Sample.options(more: ["\(name)n: 1"])) == .fieldName)
    }

    @Test func theLimitOnBytesIsExact() throws {
        let head = Sample.options()
        let full = head + [UInt8](repeating: 0x61, count: MessageLimits.bytes - head.count)
        #expect(try Message(parsing: full).body.count == MessageLimits.bytes - head.count)
        #expect(reason(full + [0x61]) == .tooLarge)
    }

    @Test func theOffsetPointsAtWhatIsWrong() {
        let bytes = Sample.options(["CSeq": "x OPTIONS"])
        #expect(bytes[parseError(bytes)?.offset ?? 0] == UInt8(ascii: "x"))
    }
}

/// The same message with another start line.
func replacing(startLineOf bytes: [UInt8], with line: String) -> [UInt8] {
    guard let end = bytes.firstIndex(of: 13) else { return bytes }
    return Array(line.utf8) + bytes[end...]
}

/// Why these bytes are refused; nil when they are read.
func parseError(_ bytes: [UInt8]) -> ParseError? {
    do throws(ParseError) {
        _ = try Message(parsing: bytes)
        return nil
    } catch {
        return error
    }
}

func reason(_ bytes: [UInt8]) -> ParseError.Reason? { parseError(bytes)?.reason }
