import SIP

/// Messages for the tests of machines and dialogs, and times for their clocks.
enum MachineFixture {
    static let start = Instant(nanoseconds: 1_000_000_000)

    static func at(_ milliseconds: Int) -> Instant { start + .milliseconds(milliseconds) }

    /// A message of these lines and no body.
    static func message(_ lines: String) throws -> Message {
        let text = lines.split(separator: "\n", omittingEmptySubsequences: true)
            .joined(separator: "\r\n")
        return try Message(parsing: Array((text + "\r\nContent-Length: 0\r\n\r\n").utf8))
    }

    static func request(
        _ line: String, _ cseq: String,
        via: String = "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK1",
        from: String = "Alice <sip:alice@atlanta.com>;tag=alice",
        to: String = "Bob <sip:bob@biloxi.com>", callID: String = "a84b4c76e66710",
        extra: String = ""
    ) -> String {
        """
        \(line)
        Via: \(via)
        Max-Forwards: 70
        From: \(from)
        To: \(to)
        Call-ID: \(callID)
        CSeq: \(cseq)
        \(extra)
        """
    }

    static func response(
        _ status: Int, _ cseq: String, from: String = "Alice <sip:alice@atlanta.com>;tag=alice",
        to: String = "Bob <sip:bob@biloxi.com>;tag=bob", branch: String = "z9hG4bK1",
        extra: String = ""
    ) -> String {
        """
        SIP/2.0 \(status) Some Reason
        Via: SIP/2.0/UDP pc33.atlanta.com;branch=\(branch)
        From: \(from)
        To: \(to)
        Call-ID: a84b4c76e66710
        CSeq: \(cseq)
        \(extra)
        """
    }
}
