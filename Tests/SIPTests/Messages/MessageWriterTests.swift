import SIP
import Testing

@Suite struct MessageWriterTests {
    @Test func whatIsWrittenIsReadBack() throws {
        var writer = MessageWriter()
        writer.requestLine(.invite, uri: "sip:8002@10.0.0.2:5060")
        writer.field(.via, "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK77")
        writer.field(.maxForwards, 69)
        writer.beginField(.from)
        writer.append("<sip:")
        writer.append(Array("8001".utf8))
        writer.append("@10.0.0.1>;tag=a")
        writer.endField()
        writer.field(.to, Array("<sip:8002@10.0.0.2>".utf8)[...])
        writer.field(.callID, Array("one".utf8))
        writer.field(.cseq, "7 INVITE".utf8)
        writer.field("X-Own", "value")
        let message = try Message(
            parsing: writer.finish(body: Array("v=0\r\n".utf8), contentType: "application/sdp"))
        #expect(message.method == .invite)
        #expect(text(message.requestURI) == "sip:8002@10.0.0.2:5060")
        #expect(text(message.topVia.branch) == "z9hG4bK77")
        #expect(message.maxForwards == 69)
        #expect(text(message.value(.from)) == "<sip:8001@10.0.0.1>;tag=a")
        #expect(message.cseqNumber == 7)
        #expect(text(message.value("x-own")) == "value")
        #expect(text(message.value(.contentType)) == "application/sdp")
        #expect(message.value(.contentLength).map { text($0) } == "5")
        #expect(text(message.body) == "v=0\r\n")
    }

    @Test func anEmptyBodyHasNoContentType() throws {
        var writer = MessageWriter()
        writer.requestLine(.options, uri: "sip:a")
        let bytes = writer.finish(body: [], contentType: "application/sdp")
        #expect(text(bytes) == "OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n")
    }

    @Test func aValueCannotStartALineOfItsOwn() {
        let evil = "x\r\nEvil: yes\n\rz"
        var writer = MessageWriter()
        writer.statusLine(200, reason: evil)
        writer.field(.subject, evil)
        writer.field(.subject, Array(evil.utf8)[...])
        writer.field(.subject, AnySequence(evil.utf8))
        writer.beginField(.subject)
        for byte in evil.utf8 { writer.append(byte) }
        writer.endField()
        let lines = text(writer.finish()).split(separator: "\r\n")
        #expect(lines.count == 6)
        #expect(!lines.contains { $0.hasPrefix("Evil") })
        #expect(lines[1] == "Subject: x  Evil: yes  z")
    }

    @Test func aNameCannotStartALineOfItsOwn() {
        var writer = MessageWriter()
        writer.statusLine(200)
        writer.field("X\r\nEvil", "1")
        #expect(text(writer.finish()) == "SIP/2.0 200 OK\r\nXEvil: 1\r\nContent-Length: 0\r\n\r\n")
    }

    @Test func aRequestURICannotEndItsLine() {
        var writer = MessageWriter()
        writer.requestLine(.other(Array("GO NOW\r\n".utf8)), uri: "sip:a SIP/2.0\r\nEvil: 1")
        #expect(
            text(writer.finish())
                == "GONOW sip:aSIP/2.0Evil:1 SIP/2.0\r\nContent-Length: 0\r\n\r\n")
    }

    @Test func fieldsAreCopiedAsTheyCame() throws {
        let message = try Message(
            parsing: Sample.options(more: [
                "Route: <sip:a;lr>,\r\n <sip:b>", "r: <sip:c>", "ROUTE: <sip:d>",
            ]))
        var writer = MessageWriter()
        writer.statusLine(200)
        writer.copy(.route, from: message)
        writer.copy(.contact, from: message)
        #expect(
            text(writer.finish())
                == "SIP/2.0 200 OK\r\nRoute: <sip:a;lr>,   <sip:b>\r\nRoute: <sip:d>\r\n"
                + "Content-Length: 0\r\n\r\n")
    }

    @Test func numbersAreWrittenInDecimal() {
        var writer = MessageWriter()
        for number in [0, 7, 10, 65_535, -12, .max, .min] {
            writer.append(number)
            writer.append(" ")
        }
        #expect(
            text(writer.bytes)
                == "0 7 10 65535 -12 9223372036854775807 -9223372036854775808 ")
    }

    @Test(arguments: ["10.0.200.1", "255.255.255.255", "0.0.0.0", "2001:db8::1"])
    func anAddressIsWrittenAsItsDescription(_ address: String) throws {
        var writer = MessageWriter()
        writer.append(try #require(IPAddress(address)))
        #expect(text(writer.bytes) == address)
    }

    @Test func aBufferThatIsTooSmallGrows() {
        var writer = MessageWriter(capacity: 0)
        writer.statusLine(200)
        for number in 0..<200 { writer.field(.warning, "\(number)") }
        #expect(text(writer.finish()).split(separator: "\r\n").count == 202)
    }

    /// What is said to be readable is read, and nothing else.
    @Test func whatIsAdmittedIsWhatIsRead() throws {
        for count in 240...260 {
            let message = Sample.options(more: (0..<count).map { "X: \($0)" })
            let isRead = parseError(message) == nil
            #expect(MessageLimits.admit(message, isDatagram: true) == isRead)
            // A line of the body is no field.
            let body = Array(String(repeating: "a\r\n", count: 300).utf8)
            #expect(MessageLimits.admit(message + body, isDatagram: true) == isRead)
        }
        let head = Sample.options()
        for size in [
            MessageLimits.datagramBytes, MessageLimits.datagramBytes + 1, MessageLimits.bytes,
            MessageLimits.bytes + 1,
        ] {
            let message = head + Array(repeating: 0x61, count: size - head.count)
            #expect(MessageLimits.admit(message, isDatagram: false) == (parseError(message) == nil))
            #expect(
                MessageLimits.admit(message, isDatagram: true)
                    == (size == MessageLimits.datagramBytes))
        }
    }

    @Test func everyRegisteredStatusHasItsPhraseAndOthersTheirClass() {
        #expect(StatusPhrase.of(486).description == "Busy Here")
        #expect(StatusPhrase.of(487).description == "Request Terminated")
        #expect(StatusPhrase.of(499).description == "Bad Request")
        #expect(StatusPhrase.of(699).description == "Decline")
    }

    @Test(arguments: [Sample.invite, Sample.ringing])
    func aMessageWrittenFieldByFieldIsTheSame(_ bytes: [UInt8]) throws {
        let message = try Message(parsing: bytes)
        var writer = MessageWriter()
        if message.isRequest {
            writer.requestLine(message.method, uri: message.requestURI)
        } else {
            writer.statusLine(message.status, reason: text(message.reasonPhrase))
        }
        for field in message.fields
        where field.name != .contentType && field.name != .contentLength {
            writer.field(field.name, field.value)
        }
        let written = writer.finish(
            body: message.body, contentType: message.value(.contentType) ?? [])
        #expect(text(written) == text(bytes))
    }
}
