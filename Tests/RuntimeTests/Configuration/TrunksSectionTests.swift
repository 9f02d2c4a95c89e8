import SIP
import Switching
import Testing

@testable import Runtime

/// What an admin writes about trunks, lines and causes.
@Suite struct TrunksSectionTests {
    private static let head = """
        listen: ["127.0.0.1:5060"]
        realm: r
        data: d
        dialplan: p

        """

    private func settings(_ yaml: String) throws -> Settings {
        let file = ConfigurationFile(text: Self.head + yaml, file: "t.yaml", folder: "/")
        #expect(file.diagnostics.isEmpty, "\(file.diagnostics.map(\.rendered))")
        return try #require(file.settings)
    }

    private func errors(_ yaml: String) -> [String] {
        ConfigurationFile(text: Self.head + yaml, file: "t.yaml", folder: "/").diagnostics.map {
            "\($0.line - 4):\($0.column) \($0.message)"
        }
    }

    @Test func everyKeyOfAnE1ReachesItsSetting() throws {
        let trunk = try settings(
            """
            trunks:
              - name: e1
                kind: e1
                address: 192.0.2.7
                hunting: cyclic
                blocked-channels: [16]
                reserved-channels: [1, 29-30]
                channel-parameter: channel
                calls-per-second: 5
                breaker: { failures: 2, pause: 10s, longest-pause: 1m }
                span: { agent: 192.0.2.7, community: public, version: 1, index: 4, interval: 5s }
            """
        ).trunks[0]
        #expect(trunk.hunting == .cyclic && trunk.blockedChannels == [16])
        #expect(trunk.reservedChannels == [1, 29, 30] && trunk.channelParameter == "channel")
        #expect(trunk.callsPerSecond == 5 && trunk.breaker.failures == 2)
        #expect(trunk.breaker.pause == .seconds(10) && trunk.breaker.longestPause == .seconds(60))
        #expect(trunk.span?.agent.port == 161 && trunk.span?.access == .community("public", .v1))
        #expect(trunk.span?.index == 4 && trunk.span?.interval == .seconds(5))
    }

    private func span(_ keys: String) -> String {
        """
        trunks:
          - name: e1
            kind: e1
            address: 192.0.2.7
            span: { agent: 192.0.2.7, index: 4, \(keys) }
        """
    }

    @Test func aUserOfSNMPVersion3ReachesItsSetting() throws {
        let access = try settings(
            span(
                "version: 3, user: tandem, auth: sha-512, auth-password: long enough, "
                    + "privacy: des, privacy-password: as long as this")
        ).trunks[0].span?.access
        var user = SNMPUser(name: "tandem")
        user.authentication = .sha512
        user.authenticationPassword = "long enough"
        user.privacy = .des
        user.privacyPassword = "as long as this"
        #expect(access == .user(user))
        let bare = try settings(span("version: 3, user: tandem")).trunks[0].span?.access
        #expect(bare == .user(SNMPUser(name: "tandem")))
    }

    @Test(
        arguments: [
            ("version: 3, community: public", "needs the key \"user\""),
            ("version: 3, community: public, user: t", "span.community is for version 1 and 2c"),
            ("community: public, user: t", "span.user is for version 3"),
            ("version: 3, user: t, auth-password: short", "at least 8 characters"),
            ("version: 3, user: t, auth: sha", "span.auth needs \"auth-password\""),
            ("version: 3, user: t, auth: sha1, auth-password: long enough", "span.auth must be"),
            ("version: 3, user: t, privacy-password: long enough", "there is no \"auth-password\""),
            ("version: 4, community: public", "span.version must be"),
        ])
    func aSpanThatCannotBeReadIsSaid(keys: String, message: String) {
        let found = errors(span(keys))
        #expect(found.contains { $0.contains(message) }, "\(found)")
    }

    @Test func whoIsTrustedAndWhoHasTheMailboxesReachTheirSettings() throws {
        let trunks = """
            trunks:
              - { name: a, kind: e1, address: 192.0.2.7, trusted: no, nat: yes }
              - { name: b, kind: e1, address: 192.0.2.8 }

            """
        let settings = try settings(
            trunks + "mailbox: { trunk: b, subscribe: yes }\nlimits: { texts: 5 }\n")
        #expect(settings.trunks.map(\.isTrusted) == [false, true])
        #expect(settings.trunks.map(\.isBehindNAT) == [true, false])
        #expect(settings.mailbox == "b" && settings.asksMailbox && settings.limits.texts == 5)
        #expect(errors(trunks + "mailbox: { trunk: c }\n") == ["4:19 there is no trunk \"c\""])
        #expect(errors(trunks + "mailbox: {}\n") == ["4:10 mailbox needs the key \"trunk\""])
        #expect(
            errors("trunks: [{ name: a, kind: e1, address: 192.0.2.7, trusted: x }]\n") == [
                "1:60 trunks[0].trusted must be yes or no, not \"x\""
            ])
    }

    /// Listeners: IPv4 by UDP (0 and 2), IPv6 by UDP (1), and after those of UDP IPv4 by TCP (3).
    @Test(arguments: [
        ("sip.example.net", "", "udp 0 v4, udp 1 v6, tcp 3 v4, open"),
        ("sip.example.net:5070", "", "udp 0 v4, udp 1 v6"),
        ("sip.example.net", "transport: udp,", "udp 0 v4, udp 1 v6"),
        ("sip.example.net", "transport: tcp,", "tcp 3 v4"),
        ("sip.example.net", "listener: \"[::1]:5060\",", ""),
        ("192.0.2.7", "", ""),
    ])
    func aNameIsReachedByEachTransportAndFamilyThatFits(
        address: String, keys: String, ways: String
    ) throws {
        let stream = "{ transport: tcp, address: 127.0.0.1:5060 }"
        let yaml = """
            listen: ["127.0.0.1:5060", "[::1]:5060", \(stream), "127.0.0.2:5060"]
            realm: r
            data: d
            dialplan: p
            trunks: [{ name: a, kind: sip, channels: 1, \(keys) address: "\(address)" }]
            """
        let file = ConfigurationFile(text: yaml, file: "t.yaml", folder: "/")
        #expect(file.diagnostics.isEmpty, "\(file.diagnostics.map(\.rendered))")
        let trunk = try #require(file.settings).trunks[0]
        let said = trunk.ways.map { "\($0.transport.name) \($0.listener) \($0.isV4 ? "v4" : "v6")" }
        #expect((said + (trunk.isTransportOpen ? ["open"] : [])).joined(separator: ", ") == ways)
        #expect(trunk.listener == (keys.contains("::1") ? 1 : keys.contains("tcp") ? 3 : 0))
    }

    @Test func everyKeyOfAnOperatorReachesItsSetting() throws {
        let settings = try settings(
            """
            name-servers: [127.0.0.1:5353, 192.0.2.1]
            trunks:
              - name: op
                kind: sip
                address: sip.example.net
                channels: 10
                accept-from: [192.0.2.9, "192.0.2.10:5070"]
                username: u
                password: secret
                register: { user: 12345, expires: 10m }
            """)
        let trunk = settings.trunks[0]
        #expect(
            trunk.host == TrunkHost(name: "sip.example.net") && trunk.address == "sip.example.net")
        #expect(trunk.alsoFrom.map(\.port) == [0, 5070])
        #expect(trunk.credentials == TrunkCredentials(username: "u", password: "secret"))
        #expect(trunk.registration?.user == "12345")
        #expect(trunk.registration?.domain == "sip.example.net")
        #expect(trunk.registration?.seconds == 600)
        #expect(settings.nameServers.map(\.port) == [5353, 53])
    }

    @Test func severalGatewaysHaveTheirLines() throws {
        let settings = try settings(
            """
            trunks:
              - { name: a, kind: sip, address: 192.0.2.7, channels: 9 }
              - { name: b, kind: sip, address: 192.0.2.8, channels: 9 }
              - { name: c, kind: sip, address: 192.0.2.9, channels: 9 }
            lines:
              gateways:
                - { trunk: a, lines: [6000-6099, "6200"], addressing: parameter, label: "p{port}" }
                - { trunk: b, lines: [6100-6199], addressing: trunk-group, trunk-context: x.example }
                - { trunk: c }
            """)
        let gateways = settings.lineGateways
        #expect(gateways.map(\.trunk) == ["a", "b", "c"])
        #expect(gateways[0].addressing == .parameter("line") && gateways[0].label == "p{port}")
        #expect(gateways[0].lines.map(\.description) == ["6000-6099", "6200"])
        #expect(gateways[1].addressing == .trunkGroup(context: "x.example"))
        #expect(gateways[2].addressing == .user && gateways[2].lines.isEmpty)
    }

    @Test func rowsOfTheCauseTableAreChanged() throws {
        let causes = try settings(
            """
            causes:
              to-sip: { 34: 480 }
              to-q850: { 480: 20 }
              next-route: { 47: no }
              trunk-fault: { 34: no, 47: yes }
            """
        ).causes
        #expect(causes.status(ofQ850: 34) == 480 && causes.q850(ofStatus: 480) == 20)
        #expect(!causes.failsOver(status: 503, reason: 47))
        #expect(causes.fault == [34: false, 47: true])
    }

    @Test func wrongValuesSayWhereAndWhatToDo() {
        let found = errors(
            """
            trunks:
              - name: a
                kind: e1
                address: 192.0.2.7
                blocked-channels: [0, 31, 5-2, x]
                reserved-channels: [7]
                hunting: sideways
                username: u
                breaker: { pause: 1m, longest-pause: 1s }
                span: { agent: 192.0.2.7 }
              - { name: b, kind: sip, address: 192.0.2.7, channels: 3, hunting: cyclic }
            lines:
              gateways:
                - { trunk: a, lines: [60-61], label: "{port}{line}" }
                - { trunk: z, addressing: trunk-group }
            causes: { to-sip: { 200: 503 }, to-q850: { 480: busy } }
            """)
        let expected = [
            "5:24 trunks[0].blocked-channels[0] must be a channel from 1 to 30, or two with \"-\""
                + " between them, not \"0\"",
            "8:15 username and password belong together: one of them is missing",
            "11:7 192.0.2.7:5060 is the address of trunk \"a\" already",
            "11:70 trunks[1].hunting: the channels of a trunk of kind sip have no numbers",
            "15:16 there is no trunk \"z\"",
            "16:29 causes.to-sip: 200 must be a whole number from 1 to 127",
        ]
        let messages = Set(found.map { $0.drop { $0 != " " } })
        for line in expected { #expect(messages.contains(line.drop { $0 != " " }), "\(line)") }
        for word in ["hunting must be lowest-first or", "longest-pause", "community", "label must"]
        {
            #expect(found.contains { $0.contains(word) }, "nothing about \(word): \(found)")
        }
        #expect(found.contains { $0.contains("480 must be a whole number from 1 to 127") })
    }

    @Test(
        arguments: [
            ("sip.example.net", "sip.example.net", nil), ("gw:5070", "gw", 5070),
            ("_x.example.net", "_x.example.net", nil),
        ] as [(String, String, UInt16?)])
    func aHostNameIsReadWithItsPort(text: String, name: String, port: UInt16?) {
        #expect(TrunkHost(written: text) == TrunkHost(name: name, port: port))
    }

    @Test(arguments: ["", "-a", "a..b", "1.2.3", "a:0", "a:x", "a b", "a:1:2", "ä.example"])
    func whatIsNoHostNameIsRefused(text: String) {
        #expect(TrunkHost(written: text) == nil)
    }
}
