import Foundation
import SIP
import Testing

/// The messages of RFC 5118, each with what is made of it. Three of its bodies are longer or shorter
/// than their Content-Length; the files have the lengths that the bodies have.
@Suite struct IPv6TortureTests {
    static let outcomes: [(name: String, outcome: TortureTests.Outcome)] = [
        ("ipv6-good", .read),
        // Without brackets it is no URI, which whoever reads it answers with 400 (TortureReplyTests).
        ("ipv6-bad", .read),
        ("port-ambiguous", .read), ("port-unambiguous", .read),
        ("via-received-param-with-delim", .read), ("via-received-param-no-delim", .read),
        ("ipv6-in-sdp", .read), ("mult-ip-in-header", .read), ("mult-ip-in-sdp", .read),
        ("ipv4-mapped-ipv6", .read),
        ("ipv6-bug-abnf-3-colons", .read), ("ipv6-correct-abnf-2-colons", .read),
    ]

    private static func bytes(_ name: String) throws -> [UInt8] {
        try Sample.torture("IPv6/" + name)
    }

    @Test(arguments: outcomes)
    func isReadOrRefusedAsTheRFCSays(_ name: String, _ expected: TortureTests.Outcome) throws {
        let outcome: TortureTests.Outcome =
            parseError(try Self.bytes(name)).map { error in
                error.answerable == nil
                    ? .dropped(error.reason) : .answered(error.reason, error.status)
            } ?? .read
        #expect(outcome == expected)
    }

    @Test(arguments: outcomes.map(\.name))
    func isSafeWhenCutAtAnyByte(_ name: String) throws {
        let bytes = try Self.bytes(name)
        for count in 0..<bytes.count { exercise(Array(bytes[..<count])) }
    }

    @Test func whatLooksLikeAPortInsideTheBracketsIsPartOfTheAddress() throws {
        let inside = try #require(
            URI(parsing: Message(parsing: Self.bytes("port-ambiguous")).requestURI))
        #expect(inside.port == nil)
        #expect(IPAddress(parsing: inside.host) == IPAddress("2001:db8::10:5070"))
        let outside = try #require(
            URI(parsing: Message(parsing: Self.bytes("port-unambiguous")).requestURI))
        #expect(outside.port == 5070)
        #expect(IPAddress(parsing: outside.host) == IPAddress("2001:db8::10"))
    }

    @Test(arguments: ["via-received-param-with-delim", "via-received-param-no-delim"])
    func receivedMayStandInBracketsOrNot(_ name: String) throws {
        let via = try Message(parsing: Self.bytes(name)).topVia
        let received = try #require(via.received)
        #expect(IPAddress(parsing: received) == IPAddress("2001:db8::9:255"))
    }

    @Test func addressesOfBothFamiliesStandInOneMessage() throws {
        let message = try Message(parsing: Self.bytes("mult-ip-in-header"))
        let vias = message.elements(.via).compactMap { Via(parsing: $0) }
        #expect(
            vias.map { IPAddress(parsing: $0.host) } == [
                IPAddress("2001:db8::9:1"), IPAddress("192.0.2.1"), IPAddress("2001:db8::9:255"),
            ])
        #expect(vias.map(\.port) == [6050, nil, nil])
    }

    @Test func aMappedAddressIsTheIPv4Address() throws {
        let message = try Message(parsing: Self.bytes("ipv4-mapped-ipv6"))
        #expect(IPAddress(parsing: message.topVia.host) == IPAddress("192.0.2.10"))
        #expect(message.topVia.port == 19823)
    }

    @Test func theThirdColonOfTheOldGrammarIsForgiven() throws {
        let old = try Message(parsing: Self.bytes("ipv6-bug-abnf-3-colons"))
        let correct = try Message(parsing: Self.bytes("ipv6-correct-abnf-2-colons"))
        let hosts = [old, correct].map { URI(parsing: $0.requestURI)?.host ?? [] }
        #expect(IPAddress(parsing: hosts[1]) == IPAddress("2001:db8::c000:201"))
        #expect(IPAddress(parsing: hosts[0]) == IPAddress(parsing: hosts[1]))
    }
}
