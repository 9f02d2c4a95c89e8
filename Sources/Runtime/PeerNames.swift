import SIP
import Switching

/// Whom the certificates of trunks have to name, by the addresses that those are reached at.
struct PeerNames {
    private var trunks: [TrunkSettings] = []
    private var resolved: [String: [Endpoint]] = [:]
    /// By which names gateways are reached inside their calls.
    private var nextHops: [Endpoint: String] = [:]
    /// Of those at most; beyond it all of them are forgotten, as connections to them mostly stand.
    private static let nextHopLimit = 10_000

    init(_ settings: Settings) { follow(settings) }

    /// What a name stood for before is kept for those trunks that still have it.
    mutating func follow(_ settings: Settings) {
        trunks = settings.trunks.filter { trunk in
            trunk.transport == .tls || trunk.ways.contains { $0.transport == .tls }
        }
        resolved = resolved.filter { entry in trunks.contains { $0.name == entry.key } }
    }

    /// - Returns: whether that changes anything.
    mutating func follow(_ event: Event) -> Bool {
        switch event {
        case .trunkResolved(let resolution): follow(resolution)
        case .nextHopResolved(let resolution): follow(resolution)
        default: false
        }
    }

    /// A certificate has to show the name that was looked up, and not one that a name server has said
    /// instead (RFC 5922 §4).
    private mutating func follow(_ resolution: NextHopResolution) -> Bool {
        let secure = resolution.targets.filter { $0.transport == .tls }.map(\.endpoint)
        guard resolution.failure == nil, !secure.isEmpty else { return false }
        if nextHops.count + secure.count > Self.nextHopLimit { nextHops = [:] }
        for endpoint in secure { nextHops[endpoint] = resolution.query.host.name }
        return true
    }

    private mutating func follow(_ resolution: TrunkResolution) -> Bool {
        guard resolution.failure == nil, trunks.contains(where: { $0.name == resolution.trunk })
        else { return false }
        resolved[resolution.trunk] = resolution.targets.filter { $0.transport == .tls }
            .map(\.endpoint)
        return true
    }

    /// A trunk that is reached by its address and has no name for its certificate is missing: there
    /// the certificate has to name the address.
    var all: [Endpoint: String] {
        var names = nextHops
        // The first in the file keeps an address that two of them have.
        for trunk in trunks.reversed() {
            guard let name = trunk.certificateName ?? trunk.host?.name else { continue }
            let endpoints = trunk.host == nil ? [trunk.endpoint] : resolved[trunk.name] ?? []
            for endpoint in endpoints { names[endpoint] = name }
        }
        return names
    }
}
