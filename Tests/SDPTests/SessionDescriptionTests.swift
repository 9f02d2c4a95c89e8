import Testing

@testable import SDP

@Suite struct SessionDescriptionTests {
    private static let offer = """
        v=0\r
        o=alice 2890844526 2890844527 IN IP4 host.atlanta.example.com\r
        s=\r
        c=IN IP4 192.0.2.101\r
        t=0 0\r
        a=sendonly\r
        m=audio 49170 RTP/AVP 0 8 97\r
        a=rtpmap:0 PCMU/8000\r
        a=recvonly\r
        m=video 51372/2 RTP/SAVP 31 32\r
        c=IN IP6 2001:db8::5\r
        m=image 0 udptl t38\r

        """

    private func read(_ text: String) throws(SDPError) -> SessionDescription {
        try SessionDescription(parsing: Array(text.utf8)[...])
    }

    private func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Array(bytes), as: UTF8.self)
    }

    @Test func originAndMediaAreRead() throws {
        let session = try read(Self.offer)
        #expect(text(session.origin.username) == "alice")
        #expect(text(session.origin.sessionID) == "2890844526")
        #expect(text(session.origin.version) == "2890844527")
        #expect(text(session.origin.address) == "host.atlanta.example.com")
        #expect(session.media.count == 3)
        #expect(session.media.map { text($0.kind) } == ["audio", "video", "image"])
        #expect(session.media.map(\.port) == [49_170, 51_372, 0])
        #expect(text(session.media[0].transport) == "RTP/AVP")
        #expect(text(session.media[0].formats) == "0 8 97")
        #expect(session.media.map(\.isRejected) == [false, false, true])
    }

    @Test func aMediumTakesItsOwnConnectionOrTheSessions() throws {
        let session = try read(Self.offer)
        #expect(session.media[0].endpoint?.description == "192.0.2.101:49170")
        #expect(session.media[1].endpoint?.description == "[2001:db8::5]:51372")
        #expect(session.media[2].endpoint == nil)
        #expect(session.connection.map { text($0.address) } == "192.0.2.101")
    }

    @Test func aMediumTakesItsOwnDirectionOrTheSessions() throws {
        let session = try read(Self.offer)
        #expect(session.media.map(\.direction) == [.recvonly, .sendonly, .sendonly])
        #expect(session.directionOfFirstAudio == .recvonly)
    }

    @Test(arguments: [
        ("a=sendonly", true), ("a=inactive", true), ("a=recvonly", false), ("a=sendrecv", false),
        ("c=IN IP4 0.0.0.0", true), ("b=AS:64", false),
    ])
    func holdIsSeen(_ line: String, _ isHeld: Bool) throws {
        let session = try read(
            "v=0\no=- 1 1 IN IP4 a\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4 RTP/AVP 0\n\(line)\n")
        #expect(session.firstAudio?.isHeld == isHeld)
    }

    @Test func aRefusedAudioStreamIsNotTheFirst() throws {
        let session = try read(
            "v=0\no=- 1 1 IN IP4 a\ns=-\nm=audio 0 RTP/AVP 0\nm=audio 6 RTP/AVP 8\na=inactive")
        #expect(session.firstAudio?.port == 6)
        #expect(session.directionOfFirstAudio == .inactive)
        #expect(session.firstAudio?.endpoint == nil)
    }

    @Test func anotherOriginChangesOneLineOnly() throws {
        let session = try read(Self.offer)
        let origin = Origin(
            username: Array("-".utf8)[...], sessionID: Array("7".utf8)[...],
            version: session.origin.version, addressType: Array("IP4".utf8)[...],
            address: Array("203.0.113.1".utf8)[...])
        let expected = Self.offer.replacing(
            "o=alice 2890844526 2890844527 IN IP4 host.atlanta.example.com",
            with: "o=- 7 2890844527 IN IP4 203.0.113.1")
        #expect(text(session.replacingOrigin(with: origin)) == expected)
    }

    @Test func anOriginCannotBreakItsLine() throws {
        var origin = try read(Self.offer).origin
        origin.username = Array("a b\r\nm=x".utf8)[...]
        origin.address = []
        let output = try read(text(try read(Self.offer).replacingOrigin(with: origin)))
        #expect(text(output.origin.username) == "a-b--m=x")
        #expect(text(output.origin.address) == "-")
        #expect(output.media.count == 3)
    }

    @Test func aSliceInTheMiddleOfABufferIsRead() throws {
        let bytes = Array(("INVITE\r\n\r\n" + Self.offer).utf8)
        let session = try SessionDescription(parsing: bytes[10...])
        #expect(session.media.count == 3)
        #expect(text(session.replacingOrigin(with: session.origin)) == Self.offer)
    }

    @Test(arguments: [
        ("", SDPError(.unknownVersion, at: 0)),
        ("v=1\r\n", SDPError(.unknownVersion, at: 0)),
        ("v=0\r\ns=-\r\n", SDPError(.malformedOrigin, at: 0)),
        ("v=0\r\no=- 1 1 IN IP4\r\n", SDPError(.malformedOrigin, at: 5)),
        ("v=0\r\no=- 1 1 IN IP4 a\r\no=- 1 1 IN IP4 a\r\n", SDPError(.malformedOrigin, at: 23)),
        ("v=0\r\no=- 1 1 IN IP4 a\r\nhello\r\n", SDPError(.malformedLine, at: 23)),
        ("v=0\r\no=- 1 1 IN IP4 a\r\n\r\ns=-\r\n", SDPError(.malformedLine, at: 23)),
        ("v=0\r\no=- 1 1 IN IP4 a\r\nA=x\r\n", SDPError(.malformedLine, at: 23)),
        ("v=0\r\no=- 1 1 IN IP4 a\r\nc=IN IP4\r\n", SDPError(.malformedConnection, at: 23)),
        (
            "v=0\r\no=- 1 1 IN IP4 a\r\nm=audio 65536 RTP/AVP 0\r\n",
            SDPError(.malformedMedia, at: 23)
        ),
        ("v=0\r\no=- 1 1 IN IP4 a\r\nm=audio x RTP/AVP 0\r\n", SDPError(.malformedMedia, at: 23)),
        ("v=0\r\no=- 1 1 IN IP4 a\r\nm=audio 1\r\n", SDPError(.malformedMedia, at: 23)),
    ])
    func whatIsWrongIsNamedWithItsPlace(_ text: String, _ error: SDPError) {
        #expect(throws: error) { try read(text) }
    }

    @Test func limitsHold() throws {
        let head = "v=0\r\no=- 1 1 IN IP4 a\r\n"
        let line = "m=audio 1 RTP/AVP 0\r\n"
        let most = head + String(repeating: line, count: SDPLimits.media)
        #expect(try read(most).media.count == SDPLimits.media)
        #expect(throws: SDPError(.tooManyMedia, at: most.utf8.count)) { try read(most + line) }
        let fill = SDPLimits.bytes - head.utf8.count - 2
        #expect(try read(head + "s=" + String(repeating: "x", count: fill)).media.isEmpty)
        #expect(throws: SDPError(.tooLong, at: 0)) {
            try read(head + "s=" + String(repeating: "x", count: fill + 1))
        }
    }

    @Test func cutAndChangedDescriptionsNeverTrap() throws {
        let bytes = Array(Self.offer.utf8)
        var readable = 0
        func attempt(_ bytes: ArraySlice<UInt8>) {
            do throws(SDPError) {
                let session = try SessionDescription(parsing: bytes)
                readable += 1
                #expect(session.replacingOrigin(with: session.origin).count >= bytes.count - 64)
                for medium in session.media {
                    #expect(medium.endpoint == nil || !medium.isRejected)
                }
            } catch {
                #expect(error.offset <= bytes.count)
            }
        }
        for end in 0...bytes.count { attempt(bytes[..<end]) }
        for index in bytes.indices {
            for byte: UInt8 in [0x00, 0x0a, 0x0d, 0x20, 0x2f, 0x3d, 0xff] {
                var changed = bytes
                changed[index] = byte
                attempt(changed[...])
            }
        }
        #expect(readable > 100)
    }
}
