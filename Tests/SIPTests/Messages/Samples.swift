import Foundation
import SIP

/// What the tests of messages read.
enum Sample {
    /// An INVITE of about 700 bytes, as a phone sends it after its challenge.
    static let invite = lines(
        "INVITE sip:02088886666@pbx.example.com SIP/2.0",
        "Via: SIP/2.0/UDP 192.168.1.101:5060;rport;branch=z9hG4bKPjd4f4a9b1",
        "Max-Forwards: 70",
        "From: \"Reception\" <sip:8001@pbx.example.com>;tag=9fxced76sl",
        "To: <sip:02088886666@pbx.example.com>",
        "Contact: <sip:8001@192.168.1.101:5060;ob>",
        "Call-ID: 3848276298220188511@192.168.1.101",
        "CSeq: 20363 INVITE",
        "Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, REFER, OPTIONS",
        "Supported: replaces, 100rel, timer, norefersub",
        "User-Agent: Phone/2.1",
        "Content-Type: application/sdp",
        "Content-Length: 129",
        "",
        "v=0",
        "o=- 3898273 3898273 IN IP4 192.168.1.101",
        "s=-",
        "c=IN IP4 192.168.1.101",
        "t=0 0",
        "m=audio 4000 RTP/AVP 8",
        "a=rtpmap:8 PCMA/8000")

    /// A response to it.
    static let ringing = lines(
        "SIP/2.0 180 Ringing",
        "Via: SIP/2.0/UDP 192.168.1.101:5060;rport=5060;branch=z9hG4bKPjd4f4a9b1"
            + ";received=192.168.1.101",
        "Record-Route: <sip:10.0.0.1;lr>",
        "From: \"Reception\" <sip:8001@pbx.example.com>;tag=9fxced76sl",
        "To: <sip:02088886666@pbx.example.com>;tag=314159",
        "Call-ID: 3848276298220188511@192.168.1.101",
        "CSeq: 20363 INVITE",
        "Content-Length: 0",
        "")

    static func lines(_ lines: String...) -> [UInt8] {
        Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
    }

    /// A small OPTIONS with other values of its mandatory fields, without one of them, or with more
    /// lines.
    static func options(
        _ changes: [String: String] = [:], without missing: String = "", more: [String] = []
    ) -> [UInt8] {
        let standing = [
            ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"),
            ("From", "<sip:a@example.com>;tag=1"),
            ("To", "<sip:b@example.com>"),
            ("Call-ID", "c1"),
            ("CSeq", "1 OPTIONS"),
        ]
        var text = "OPTIONS sip:b@example.com SIP/2.0\r\n"
        for (name, value) in standing where name != missing {
            text += "\(name): \(changes[name, default: value])\r\n"
        }
        for line in more { text += line + "\r\n" }
        return Array((text + "\r\n").utf8)
    }

    /// The names of the torture messages, in order.
    static let tortureNames: [String] = {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: tortureFolder.path)) ?? []
        return names.filter { $0.hasSuffix(".dat") }.map { String($0.dropLast(4)) }.sorted()
    }()

    /// The bytes of `Torture/NAME.dat`.
    static func torture(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: tortureFolder.appendingPathComponent(name + ".dat")))
    }

    private static let tortureFolder =
        (Bundle.module.resourceURL ?? Bundle.module.bundleURL).appendingPathComponent("Torture")
}

/// The text of these bytes.
func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

/// The text of these bytes, when there are any.
func text(_ bytes: ArraySlice<UInt8>?) -> String? { bytes.map { text($0) } }

/// The bytes of this text as a slice that does not start at zero.
func slice(_ text: String) -> ArraySlice<UInt8> {
    (Array("~~~".utf8) + Array(text.utf8)).dropFirst(3)
}

extension Message {
    init(_ text: String) throws { try self.init(parsing: Array(text.utf8)) }
}
