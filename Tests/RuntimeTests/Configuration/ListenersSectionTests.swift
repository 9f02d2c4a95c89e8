import SIP
import Switching
import Testing

@testable import Runtime

/// What an admin writes about listeners, connections and the transports of trunks.
@Suite struct ListenersSectionTests {
    private static let tail = """

        realm: r
        data: d
        dialplan: p

        """

    private func file(_ yaml: String) -> ConfigurationFile {
        ConfigurationFile(text: yaml + Self.tail, file: "t.yaml", folder: "/")
    }

    private func settings(_ yaml: String) throws -> Settings {
        let file = file(yaml)
        #expect(file.diagnostics.isEmpty, "\(file.diagnostics.map(\.rendered))")
        return try #require(file.settings)
    }

    private func errors(_ yaml: String) -> [String] {
        file(yaml).diagnostics.map { "\($0.line):\($0.column) \($0.message)" }
    }

    @Test func aListenerIsUDPWhereNothingIsWrittenAndUDPGoesFirst() throws {
        let listeners = try settings(
            """
            listen:
              - { transport: tcp, address: "127.0.0.1" }
              - 127.0.0.1:5062
              - { transport: tcp, address: "[::1]:5070", advertise: sip.example.net }
              - { transport: udp, address: "[::1]:5070" }
            """
        ).listeners
        #expect(listeners.map(\.transport) == [.udp, .udp, .tcp, .tcp])
        #expect(listeners.map(\.bound.port) == [5062, 5070, 5060, 5070])
        #expect(
            listeners.map(\.advertisedHost) == [
                "127.0.0.1", "[::1]", "127.0.0.1", "sip.example.net",
            ])
    }

    @Test func theSameAddressMayBeOneOfEachKind() throws {
        #expect(
            try settings(
                """
                listen: [127.0.0.1:5060, { transport: tcp, address: "127.0.0.1:5060" }]
                """
            ).listeners.count == 2)
        #expect(
            errors(
                """
                listen:
                  - { transport: tcp, address: "127.0.0.1:5060" }
                  - { transport: tcp, address: "127.0.0.1:5060" }
                """
            ) == ["3:5 listen[1]: 127.0.0.1:5060 is written twice"])
    }

    @Test func anUnknownTransportIsTold() {
        let message = errors("listen: [{ transport: sctp, address: \"127.0.0.1:5060\" }]")
        #expect(message.count == 1)
        #expect(message[0].contains("listen[0].transport must be udp or tcp"))
        #expect(message[0].hasSuffix("not \"sctp\""))
    }

    @Test func aTrunkLeavesByAListenerOfItsTransportAndFamily() throws {
        let trunks = try settings(
            """
            listen:
              - 127.0.0.1:5060
              - { transport: tcp, address: "127.0.0.1:5060" }
              - { transport: tcp, address: "[::1]:5060" }
            trunks:
              - { name: a, kind: sip, address: "192.0.2.1", channels: 1 }
              - { name: b, kind: sip, address: "192.0.2.2", transport: tcp, channels: 1 }
              - { name: c, kind: sip, address: "[2001:db8::1]", transport: tcp, channels: 1 }
              - { name: d, kind: sip, address: sip.example.net, transport: tcp, channels: 1 }
            """
        ).trunks
        #expect(trunks.map(\.listener) == [0, 1, 2, 1])
        #expect(trunks.map(\.transport) == [.udp, .tcp, .tcp, .tcp])
    }

    @Test func aTrunkOfATransportThatNobodyListensByIsTold() {
        let found = file(
            """
            listen: [127.0.0.1:5060]
            trunks:
              - { name: b, kind: sip, address: "192.0.2.2", transport: tcp, channels: 1 }
            """
        ).diagnostics
        #expect(
            found.map(\.message) == [
                "no listener is of transport tcp, which this trunk is reached by"
            ])
        #expect(
            found.first?.suggestion == "add \"- { transport: tcp, address: ... }\" to listen")
    }

    @Test(arguments: [
        ("udp", 5061, "write \"transport: tcp\" beside it"),
        ("tls", 5060, "write \"transport: udp\" or \"transport: tcp\" beside it"),
        ("udp", 5062, nil),
    ])
    func aListenerOfAnotherTransportIsNamedWithIt(
        transport: String, port: Int, suggestion: String?
    ) {
        let found = file(
            """
            listen:
              - 127.0.0.1:5060
              - { transport: tcp, address: "127.0.0.1:5060" }
              - { transport: tcp, address: "127.0.0.1:5061" }
            trunks:
              - name: b
                kind: sip
                address: sip.example.net
                channels: 1
                \(transport == "udp" ? "" : "transport: \(transport)")
                listener: 127.0.0.1:\(port)
            """
        ).diagnostics
        #expect(
            found.map(\.message) == ["127.0.0.1:\(port) is no \(transport) address under listen"])
        #expect(found.first?.suggestion == suggestion)
    }

    @Test func connectionsOutliveRegistrations() throws {
        let usual = try settings("listen: [127.0.0.1:5060]\nregistration: { maximum: 3h }")
        #expect(usual.connections.idle == .seconds(3 * 3600 + 60))
        let written = try settings(
            "listen: [127.0.0.1:5060]\nconnections: { limit: 50, of-peer: 7, idle: 1m, "
                + "handshakes-of-peer: 3, unproved: 20s }"
        ).connections
        #expect(written.handshakesOfPeer == 3 && written.unproved == .seconds(20))
        #expect(written.limit == 50 && written.limitOfPeer == 7 && written.idle == .seconds(60))
    }
}
