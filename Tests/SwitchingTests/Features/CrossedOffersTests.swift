import SIP
import Testing

@testable import Switching

/// Two offers that become each other's answers.
@Suite struct CrossedOffersTests {
    /// An offer with these lines behind the session's.
    private static func offer(_ lines: String) -> ArraySlice<UInt8> {
        let text =
            "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n" + lines
        return Array(text.replacing("\n", with: "\r\n").utf8)[...]
    }

    /// The `a=` lines of what either is answered, from its first stream on.
    private static func attributes(_ a: String, _ b: String) -> (first: [String], second: [String])?
    {
        guard let crossed = CrossedOffers(offer(a), offer(b)) else { return nil }
        func lines(_ bytes: [UInt8]) -> [String] {
            String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
                .filter { $0.hasPrefix("a=") }
        }
        return (lines(crossed.forFirst), lines(crossed.forSecond))
    }

    @Test func whatHasNothingToChooseIsGivenAsItIs() throws {
        let a = Self.offer("m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\n")
        let b = Self.offer("m=audio 5000 RTP/AVP 96 0\na=rtpmap:96 opus/48000/2\na=ptime:20\n")
        let crossed = try #require(CrossedOffers(a, b))
        #expect(crossed.forFirst.elementsEqual(b) && crossed.forSecond.elementsEqual(a))
    }

    private static let events = "a=rtpmap:96 telephone-event/8000\n"
    static let strangers: [(String, String)] = [
        ("m=audio 1 RTP/AVP 0 96\n" + events, "m=audio 2 RTP/AVP 8 96\n" + events),
        (
            "m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n",
            "m=audio 2 RTP/AVP 96\na=rtpmap:96 G726-32/8000\n"
        ),
        ("m=audio 1 RTP/AVP 0\n", "m=audio 2 RTP/SAVP 0\n"),
        ("m=audio 1 RTP/AVP 0\n", "m=audio 2 RTP/AVP 0\na=sendonly\n"),
        ("m=audio 1 RTP/AVP 0\n", "m=audio 2 RTP/AVP 0\nm=video 3 RTP/AVP 34\n"),
        ("m=video 1 RTP/AVP 34\n", "m=video 2 RTP/AVP 34\n"),
        ("m=audio 0 RTP/AVP 0\n", "m=audio 0 RTP/AVP 0\n"),
        ("m=audio 1 RTP/AVP 0\n", "x"),
    ]

    @Test(arguments: strangers)
    func whatDoesNotFitIsNoAnswer(_ a: String, _ b: String) {
        #expect(CrossedOffers(Self.offer(a), Self.offer(b)) == nil)
        #expect(CrossedOffers(Self.offer(b), Self.offer(a)) == nil)
        #expect(CrossedOffers(Self.offer(a), []) == nil)
    }

    // MARK: DTLS (RFC 5763 §5)

    private static func secret(_ setup: String) -> String {
        "m=audio 1 UDP/TLS/RTP/SAVP 0\na=fingerprint:sha-256 AA\n"
            + (setup.isEmpty ? "" : "a=setup:\(setup)\n")
    }

    static let roles: [(a: String, b: String, first: String, second: String)] = [
        ("actpass", "actpass", "active", "passive"), ("active", "actpass", "passive", "active"),
        ("actpass", "active", "active", "passive"), ("passive", "actpass", "active", "passive"),
        ("active", "passive", "passive", "active"),
    ]

    @Test(arguments: roles)
    func anAnswerSaysWhoBegins(_ a: String, _ b: String, _ first: String, _ second: String) throws {
        let answers = try #require(Self.attributes(Self.secret(a), Self.secret(b)))
        #expect(answers.first == ["a=fingerprint:sha-256 AA", "a=setup:\(first)"])
        #expect(answers.second == ["a=fingerprint:sha-256 AA", "a=setup:\(second)"])
    }

    @Test(arguments: [
        ("active", "active"), ("passive", "passive"), ("holdconn", "actpass"), ("", "actpass"),
    ])
    func whereBothBeginOrNeitherThereIsNoAnswer(_ a: String, _ b: String) {
        #expect(Self.attributes(Self.secret(a), Self.secret(b)) == nil)
        #expect(Self.attributes(Self.secret(b), Self.secret(a)) == nil)
    }

    @Test func whatTheSessionSaysOfAllStreamsIsSaidOfEach() throws {
        let streams = "m=audio 1 UDP/TLS/RTP/SAVP 0\nm=video 2 UDP/TLS/RTP/SAVP 34\na=mid:v\n"
        let answers = try #require(
            Self.attributes("a=setup:actpass\n" + streams, "a=setup:actpass\n" + streams))
        #expect(answers.first == ["a=setup:active", "a=mid:v", "a=setup:active"])
        #expect(answers.second == ["a=setup:passive", "a=mid:v", "a=setup:passive"])
    }

    // MARK: Keys in the description (RFC 4568 §5.1.2)

    private static func keyed(_ keys: String..., transport: String = "RTP/SAVP") -> String {
        "m=audio 1 \(transport) 0\n" + keys.map { "a=crypto:\($0)\n" }.joined()
    }

    @Test func anAnswerHasOneKeyUnderTheTagOfItsOffer() throws {
        let answers = try #require(
            Self.attributes(
                Self.keyed(
                    "1 AEAD_AES_256_GCM inline:A1",
                    "2 AES_CM_128_HMAC_SHA1_80 inline:A2 KDR=1"),
                Self.keyed(
                    "7 AES_CM_128_HMAC_SHA1_80 inline:B7",
                    "8 AES_CM_128_HMAC_SHA1_32 inline:B8")))
        #expect(answers.first == ["a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:B7"])
        #expect(answers.second == ["a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:A2 KDR=1"])
    }

    @Test func withoutACommonSuiteThereIsNoAnswerWhereKeysAreNeededAndNoKeyElsewhere() throws {
        let (one, other) = ("1 AEAD_AES_256_GCM inline:A", "1 AES_CM_128_HMAC_SHA1_80 inline:B")
        #expect(Self.attributes(Self.keyed(one), Self.keyed(other)) == nil)
        #expect(Self.attributes(Self.keyed(one), Self.keyed()) == nil)
        let open = try #require(
            Self.attributes(
                Self.keyed(one, transport: "RTP/AVP"), Self.keyed(transport: "RTP/AVP")))
        #expect(open.first.isEmpty && open.second.isEmpty)
    }
}
