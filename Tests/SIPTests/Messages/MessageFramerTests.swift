import Testing

@testable import SIP

@Suite struct MessageFramerTests {
    private func drain(_ framer: inout MessageFramer) -> [String] {
        var seen: [String] = []
        while true {
            switch framer.next() {
            case .needsMore: return seen
            case .ping: seen.append("ping")
            case .message(let bytes): seen.append(String(decoding: bytes, as: UTF8.self))
            case .malformed(let reason, _):
                seen.append("malformed \(reason)")
            }
        }
    }

    private var stream: [UInt8] { Sample.invite + Array("\r\n\r\n".utf8) + Sample.ringing }
    private var whole: [String] {
        [
            String(decoding: Sample.invite, as: UTF8.self), "ping",
            String(decoding: Sample.ringing, as: UTF8.self),
        ]
    }

    @Test func messagesTornAtEveryByteComeOutWhole() {
        for cut in 0...stream.count {
            var framer = MessageFramer()
            framer.append(stream[..<cut])
            var seen = drain(&framer)
            framer.append(stream[cut...])
            seen += drain(&framer)
            #expect(seen == whole, "torn at \(cut)")
            #expect(!framer.isMidMessage)
        }
    }

    @Test func messagesThatComeByteByByteComeOutWhole() {
        var framer = MessageFramer()
        var seen: [String] = []
        for byte in stream {
            framer.append([byte])
            seen += drain(&framer)
        }
        #expect(seen == whole)
    }

    @Test func oneLineEndIsNoPing() {
        var framer = MessageFramer()
        framer.append(Array("\r\n".utf8))
        #expect(drain(&framer) == [])
        framer.append(Array("\r\n".utf8))
        #expect(drain(&framer) == ["ping"])
        framer.append(Array("\r\n".utf8) + Sample.invite + Array("\r\n".utf8))
        #expect(drain(&framer) == [String(decoding: Sample.invite, as: UTF8.self)])
    }

    @Test func whatCannotBeFramedEndsTheStream() {
        var framer = MessageFramer()
        framer.append(Sample.options() + Sample.invite)
        #expect(drain(&framer) == ["malformed missing(Content-Length)"])
        framer.append(Sample.invite)
        #expect(drain(&framer) == [])
    }

    @Test func aMessageAtTheLimitPassesAndOneByteMoreIsTooLarge() {
        func message(of size: Int) -> [UInt8] {
            let head = Array("OPTIONS sip:a SIP/2.0\r\nContent-Length: 00000\r\n\r\n".utf8)
            let body = size - head.count
            var digits = Array("\(body)".utf8)
            digits.insert(
                contentsOf: Array(repeating: UInt8(ascii: "0"), count: 5 - digits.count), at: 0)
            return Array("OPTIONS sip:a SIP/2.0\r\nContent-Length: ".utf8) + digits
                + Array("\r\n\r\n".utf8) + Array(repeating: UInt8(ascii: "x"), count: body)
        }
        var framer = MessageFramer()
        framer.append(message(of: MessageLimits.bytes))
        guard case .message(let bytes) = framer.next() else {
            Issue.record("the largest message is not whole")
            return
        }
        #expect(bytes.count == MessageLimits.bytes)
        framer.append(message(of: MessageLimits.bytes + 1))
        #expect(drain(&framer) == ["malformed tooLarge"])
        var endless = MessageFramer()
        endless.append(Array(repeating: UInt8(ascii: "a"), count: MessageLimits.bytes + 1))
        #expect(drain(&endless) == ["malformed tooLarge"])
    }
}
