import Testing

@testable import SDP

/// Which codecs two streams have in common.
@Suite struct RTPEncodingTests {
    private func media(_ lines: String) throws -> Media {
        let text =
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" + lines
        return try #require(SessionDescription(parsing: Array(text.utf8)[...]).media.first)
    }

    private func encodings(_ lines: String) throws -> [String] {
        try media(lines).encodings.map { encoding in
            encoding.map {
                "\(String(decoding: $0.name, as: UTF8.self))/\($0.clockRate)/\($0.channels)"
            } ?? "none"
        }
    }

    @Test func aNumberIsWhatItsRtpmapSaysAndElseWhatTheProfileSays() throws {
        let lines =
            "m=audio 4000 RTP/AVP 8 96 97 5 1 x 0 3\r\na=rtpmap:96 OPUS/48000/2\r\n"
            + "a=rtpmap:5 X-OWN/16000\r\na=rtpmap:96 iLBC/8000\r\na=rtpmap:0 what\r\n"
        // Of 97, 1 and x nobody says anything, of 0 what is none, and of 96 the first word counts.
        #expect(
            try encodings(lines) == [
                "pcma/8000/1", "opus/48000/2", "none", "x-own/16000/1", "none", "none", "none",
                "gsm/8000/1",
            ])
    }

    /// As much as a description may hold: twelve million comparisons, were each format looked for among
    /// all attributes.
    @Test func manyFormatsAndAttributesAreReadOnce() throws {
        let formats = String(repeating: " 0", count: 8_000)
        let maps = (0..<900).map { "a=rtpmap:\($0 % 90 + 1) x/1\r\n" }.joined()
        let stream = try media("m=audio 4000 RTP/AVP\(formats)\r\n\(maps)")
        let other = try media("m=audio 4000 RTP/AVP 8\r\n")
        #expect(stream.encodings.count == 8_000)
        #expect(!stream.sharesFormat(with: other) && !other.sharesFormat(with: stream))
    }

    @Test(arguments: ["", "opus", "/8000", "opus/", "opus/x", "opus/48000/x", "opus/48000/2/1"])
    func whatIsNoEncodingIsNone(text: String) {
        #expect(RTPEncoding(value: Array(text.utf8)[...]) == nil)
    }

    static let pairs: [(String, String, Bool)] = [
        ("RTP/AVP 0 8", "RTP/AVP 8 18", true),
        ("RTP/AVP 0", "RTP/AVP 8", false),
        // By other numbers, and in other letters.
        (
            "RTP/AVP 96\r\na=rtpmap:96 opus/48000/2",
            "RTP/AVP 111\r\na=rtpmap:111 OPUS/48000/2", true
        ),
        ("RTP/AVP 8", "RTP/AVP 100\r\na=rtpmap:100 PCMA/8000/1", true),
        // By one number two codecs, or one at two rates.
        ("RTP/AVP 96\r\na=rtpmap:96 opus/48000/2", "RTP/AVP 96\r\na=rtpmap:96 iLBC/8000", false),
        ("RTP/AVP 96\r\na=rtpmap:96 L16/16000", "RTP/AVP 96\r\na=rtpmap:96 L16/44100", false),
        ("RTP/AVP 96\r\na=rtpmap:96 L16/44100/2", "RTP/AVP 96\r\na=rtpmap:96 L16/44100", false),
        ("RTP/AVP 96", "RTP/AVP 96", false),
        // Nobody hears keys or silence.
        (
            "RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000",
            "RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000", false
        ),
        ("RTP/AVP 0 13", "RTP/AVP 8 13", false),
        (
            "RTP/AVP 0 121\r\na=rtpmap:121 red/8000", "RTP/AVP 8 121\r\na=rtpmap:121 RED/8000",
            false
        ),
        // What is no RTP goes by its words.
        ("udptl t38", "udptl t38", true), ("udptl t38", "udptl t39", false),
    ]

    @Test(arguments: pairs)
    func streamsShareWhatBothCanHear(_ a: String, _ b: String, _ isShared: Bool) throws {
        let first = try media("m=audio 4000 \(a)\r\n")
        let second = try media("m=audio 5000 \(b)\r\n")
        #expect(first.sharesFormat(with: second) == isShared)
        #expect(second.sharesFormat(with: first) == isShared)
    }

    @Test func anAttributeOfAStreamCountsBeforeThatOfItsSession() throws {
        let text =
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=setup:actpass\r\n"
            + "m=audio 1 RTP/AVP 0\r\nm=audio 2 RTP/AVP 0\r\na=setup:active\r\n"
        let session = try SessionDescription(parsing: Array(text.utf8)[...])
        let values = session.media.indices.map { index in
            session.value(of: "setup", stream: index).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(values == ["actpass", "active"])
        #expect(session.value(of: "set", stream: 0) == nil)
    }
}
