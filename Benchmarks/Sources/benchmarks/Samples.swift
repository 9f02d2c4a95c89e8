import SIP

/// Messages as phones and gateways write them.
enum Samples {
    static let offer = lines(
        """
        v=0
        o=8001 3724394400 3724394400 IN IP4 192.168.10.101
        s=-
        c=IN IP4 192.168.10.101
        t=0 0
        m=audio 40000 RTP/AVP 8 0 101
        a=rtpmap:8 PCMA/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=sendrecv

        """)

    /// An INVITE of about 700 bytes.
    static let invite =
        lines(
            """
            INVITE sip:02088886666@tandem.local SIP/2.0
            Via: SIP/2.0/UDP 192.168.10.101:5060;branch=z9hG4bK776asdhds1234;rport
            Max-Forwards: 70
            From: "Phone 8001" <sip:8001@tandem.local>;tag=1928301774
            To: <sip:02088886666@tandem.local>
            Call-ID: a84b4c76e66710f2a84b4c76e66710f2
            CSeq: 314159 INVITE
            Contact: <sip:8001@192.168.10.101:5060>
            Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK
            User-Agent: Desk Phone 5.1
            Content-Type: application/sdp
            Content-Length: \(offer.count)


            """) + offer

    static func lines(_ text: String) -> [UInt8] {
        text.utf8.flatMap { $0 == UInt8(ascii: "\n") ? [UInt8(ascii: "\r"), $0] : [$0] }
    }

    static func parse(_ bytes: [UInt8]) -> Message {
        do throws(ParseError) {
            return try Message(parsing: bytes)
        } catch {
            fatalError("\(error) in \(String(decoding: bytes, as: UTF8.self))")
        }
    }
}
