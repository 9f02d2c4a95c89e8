import SIP
import Testing

/// The messages of RFC 4475 and RFC 5118 over a stream, torn at every byte: what is cut out of it, and
/// what the parser makes of that.
@Suite struct StreamTortureTests {
    enum Outcome: Equatable, Sendable {
        /// It is cut out as it was sent, and read or refused as in a datagram.
        case whole
        /// It holds several messages, and so many bytes are the first.
        case several(first: Int)
        /// Its Content-Length is longer than it is: it waits for more.
        case unfinished
        /// Where it ends cannot be told: the stream is over.
        case over(ParseError.Reason)
    }

    /// Whatever is not here is whole.
    static let outcomes: [String: Outcome] = [
        "clerr": .unfinished,
        "ncl": .over(.malformed(.contentLength)),
        "mcl01": .over(.malformed(.contentLength)),
        "inv2543": .over(.missing(.contentLength)),
        "dblreq": .several(first: 300),
    ]

    static let names =
        TortureTests.outcomes.map(\.name)
        + IPv6TortureTests.outcomes.map { "IPv6/" + $0.name }

    /// What the framer gives for these pieces: messages, and why it ended.
    private static func cut(_ pieces: ArraySlice<UInt8>...) -> (
        messages: [[UInt8]], end: ParseError.Reason?, isMidMessage: Bool
    ) {
        var framer = MessageFramer()
        var messages: [[UInt8]] = []
        for piece in pieces {
            framer.append(piece)
            reading: while true {
                switch framer.next() {
                case .needsMore: break reading
                case .ping: continue
                case .message(let bytes): messages.append(bytes)
                case .malformed(let reason, _): return (messages, reason, false)
                }
            }
        }
        return (messages, nil, framer.isMidMessage)
    }

    private static func check(
        _ name: String, _ bytes: [UInt8],
        _ seen: (
            messages: [[UInt8]], end: ParseError.Reason?, isMidMessage: Bool
        )
    ) -> Bool {
        switch outcomes[name] ?? .whole {
        case .whole: seen.messages == [bytes] && seen.end == nil && !seen.isMidMessage
        case .several(let first):
            seen.messages == [Array(bytes[..<first]), Array(bytes[first...])] && seen.end == nil
        case .unfinished: seen.messages.isEmpty && seen.end == nil && seen.isMidMessage
        case .over(let reason): seen.messages.isEmpty && seen.end == reason
        }
    }

    @Test(arguments: names)
    func tornAtAnyByteItIsCutTheSame(_ name: String) throws {
        let bytes = try Sample.torture(name)
        for place in 0...bytes.count {
            let seen = Self.cut(bytes[..<place], bytes[place...])
            #expect(Self.check(name, bytes, seen), "\(name) torn at \(place): \(seen)")
        }
    }

    @Test(arguments: names)
    func byteByByteItIsCutTheSameAndWhatFollowsToo(_ name: String) throws {
        let bytes = try Sample.torture(name)
        var framer = MessageFramer()
        var messages: [[UInt8]] = []
        var end: ParseError.Reason?
        for byte in bytes + Sample.ringing {
            framer.append([byte])
            switch framer.next() {
            case .needsMore, .ping: break
            case .message(let message): messages.append(message)
            case .malformed(let reason, _): end = reason
            }
        }
        switch Self.outcomes[name] ?? .whole {
        case .whole: #expect(messages == [bytes, Sample.ringing])
        case .several(let first):
            #expect(
                messages == [Array(bytes[..<first]), Array(bytes[first...]), Sample.ringing])
        case .unfinished: #expect(messages.isEmpty && framer.isMidMessage)
        case .over(let reason): #expect(messages.isEmpty && end == reason)
        }
    }

    /// Forms that are legal and seldom seen, each with its length in a way of its own.
    static let forms: [(name: String, lines: [String])] = [
        ("compact", ["v: SIP/2.0/TCP H;branch=z9hG4bKa", "l:4"]),
        ("blanks before the colon", ["Content-Length \t :  4  "]),
        ("folded", ["Content-Length:\r\n\t 4"]),
        ("folded twice", ["Subject: a\r\n b\r\n\tc", "l:\r\n \r\n 4\r\n "]),
        ("in capitals", ["CONTENT-LENGTH: 4"]),
        ("with zeros", ["Content-Length: 0000000000000000004"]),
        ("before all others", ["l: 4", "X-Content-Length: 9", "Content-Length-X: 9"]),
        ("like it and in a fold", ["Subject: a\r\n Content-Length: 9", "Content-Length: 4"]),
        ("a hundred Via", (0..<100).map { "Via: SIP/2.0/TCP H\($0)" } + ["Content-Length: 4"]),
        ("two hundred fields", (0..<200).map { "X-\($0):" } + ["Content-Length: 4"]),
    ]

    @Test(arguments: forms.map(\.name))
    func unusualFormsAreCutWhereverTheyAreTorn(_ name: String) throws {
        let lines = try #require(Self.forms.first { $0.name == name }).lines
        let bytes = Array(text(Sample.options(more: lines)).utf8) + Array("body".utf8)
        let message = try Message(parsing: bytes)
        #expect(text(message.body) == "body")
        for place in 0...bytes.count {
            let seen = Self.cut(bytes[..<place], (bytes[place...] + Sample.invite))
            #expect(
                seen.messages == [bytes, Sample.invite] && seen.end == nil, "torn at \(place)")
        }
    }

    @Test func sixtyFourKilobytesAreCutInAnyPieces() {
        let subject = "Subject: \(String(repeating: "s", count: 30_000))"
        let head = text(Sample.options(more: [subject]).dropLast(2))
        let count =
            MessageLimits.bytes - head.utf8.count - "Content-Length: 00000\r\n\r\n".utf8.count
        let body = String(repeating: "b", count: count)
        let bytes = Array("\(head)Content-Length: \(count)\r\n\r\n\(body)".utf8)
        #expect(bytes.count == MessageLimits.bytes)
        for size in [1, 7, 1448, 65_535] {
            var framer = MessageFramer()
            var messages: [[UInt8]] = []
            var place = 0
            while place < bytes.count {
                let end = min(place + size, bytes.count)
                framer.append(bytes[place..<end])
                place = end
                if case .message(let message) = framer.next() { messages.append(message) }
            }
            #expect(messages == [bytes], "in pieces of \(size)")
        }
    }
}
