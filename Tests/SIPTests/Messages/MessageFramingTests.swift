import SIP
import Testing

@Suite struct MessageFramingTests {
    @Test func aMessageEndsWhereContentLengthSays() {
        let bytes = Sample.invite + Sample.ringing
        #expect(MessageFraming.frame(bytes[...]) == .message(Sample.invite.count))
        #expect(
            MessageFraming.frame(bytes[Sample.invite.count...]) == .message(Sample.ringing.count))
    }

    @Test func everyPrefixIsIncomplete() {
        for count in 0..<Sample.invite.count {
            #expect(MessageFraming.frame(Sample.invite[..<count]) == .incomplete)
        }
    }

    @Test func lineEndsBetweenMessagesAreKeepAlives() {
        #expect(MessageFraming.frame([13, 10, 13, 10]) == .keepAlive(4))
        #expect(MessageFraming.frame(([13, 10] + Sample.invite)[...]) == .keepAlive(2))
    }

    @Test func aMessageOfUnknownLengthCannotBeCut() {
        #expect(
            MessageFraming.frame(Sample.options()[...]) == .malformed(.missing(.contentLength)))
        for value in ["-1", "x", "1 2", "99999999999999999999", ""] {
            let bytes = Sample.options(more: ["l: \(value)"])
            #expect(MessageFraming.frame(bytes[...]) == .malformed(.malformed(.contentLength)))
        }
    }

    @Test func twoLengthsThatDifferCannotBeCut() {
        let bytes = Sample.options(more: ["l: 1", "Content-Length: 2"])
        #expect(MessageFraming.frame(bytes[...]) == .malformed(.malformed(.contentLength)))
    }

    @Test func aLineOfBlanksDoesNotEndTheHeader() throws {
        let bytes = Sample.options(more: ["Subject: a\r\n ", "Content-Length: 0"])
        #expect(MessageFraming.frame(bytes[...]) == .message(bytes.count))
        #expect(try Message(parsing: bytes).value(.contentLength) != nil)
    }

    @Test func aHeaderWithoutEndIsTooLarge() {
        let bytes =
            Array("OPTIONS sip:a SIP/2.0\r\nX: ".utf8) + [UInt8](repeating: 97, count: 65_536)
        #expect(MessageFraming.frame(bytes[...]) == .malformed(.tooLarge))
    }

    @Test func whatIsCutIsRead() throws {
        for name in Sample.tortureNames {
            let bytes = try Sample.torture(name)
            guard case .message(let count) = MessageFraming.frame(bytes[...]) else { continue }
            let whole = parseError(bytes)?.reason
            #expect(parseError(Array(bytes[..<count]))?.reason == whole, "\(name)")
        }
    }
}
