import SIP
import Switching
import Testing

@testable import Runtime

/// Whom the certificates have to name of those that connections are made to.
@Suite struct PeerNamesTests {
    private static func endpoint(_ last: UInt32) -> Endpoint {
        Endpoint(ip: IPAddress(v4: 0xc000_0200 + last), port: 5061)
    }

    private static func trunk(_ name: String, host: String? = nil) -> TrunkSettings {
        var trunk = TrunkSettings(name: name, kind: .sip, endpoint: endpoint(1), channels: 10)
        trunk.transport = .tls
        trunk.host = host.map { TrunkHost(name: $0) }
        return trunk
    }

    private static func settings(_ trunks: TrunkSettings...) -> Settings {
        var settings = Settings(realm: "r", listeners: [])
        settings.trunks = trunks
        return settings
    }

    private static func resolution(
        _ targets: [TrunkTarget], failure: String? = nil
    ) -> Event {
        let way = TrunkWay(transport: .tls, listener: 0, isV4: true)
        return .nextHopResolved(
            NextHopResolution(
                query: NextHopQuery(host: TrunkHost(name: "node.example.net"), ways: [way]),
                targets: targets, seconds: 60, failure: failure))
    }

    @Test func aTrunkIsNamedAsItIsReached() {
        var names = PeerNames(Self.settings(Self.trunk("a", host: "sip.example.net")))
        #expect(names.all.isEmpty)
        let secure = TrunkTarget(endpoint: Self.endpoint(7), transport: .tls)
        let plain = TrunkTarget(endpoint: Self.endpoint(8), transport: .tcp)
        let isNews = names.follow(
            .trunkResolved(TrunkResolution(trunk: "a", targets: [secure, plain])))
        #expect(isNews && names.all == [Self.endpoint(7): "sip.example.net"])
    }

    /// A name server may lie about addresses, but not about who owns a certificate (RFC 5922 §4).
    @Test func whereAGatewayIsReachedInsideItsCallIsNamedAsItHasSaid() {
        var names = PeerNames(Self.settings(Self.trunk("a", host: "sip.example.net")))
        let secure = TrunkTarget(endpoint: Self.endpoint(7), transport: .tls)
        let plain = TrunkTarget(endpoint: Self.endpoint(8), transport: .udp)
        var isNews = names.follow(Self.resolution([plain]))
        #expect(!isNews && names.all.isEmpty)
        isNews = names.follow(Self.resolution([], failure: "no name server answers"))
        #expect(!isNews && names.all.isEmpty)
        isNews = names.follow(Self.resolution([secure, plain]))
        #expect(isNews && names.all == [Self.endpoint(7): "node.example.net"])
        // What the file says of the same address is before it.
        _ = names.follow(.trunkResolved(TrunkResolution(trunk: "a", targets: [secure])))
        #expect(names.all == [Self.endpoint(7): "sip.example.net"])
    }
}
