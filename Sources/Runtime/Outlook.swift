import Resolver
import SIP
import SpanPolling
import Switching
import Transport

/// What is watched outside for the switch, beside the loop: the names of trunks, and the spans of
/// gateways. What it sees comes to the loop as events.
final class Outlook: Sendable {
    private let names: TrunkNames
    private let nextHops: NextHopLookUps
    private let spans: SpanPoller

    init(post: @escaping @Sendable (Mail) -> Void) {
        names = TrunkNames(now: MonotonicClock.now) { resolution in
            post(.event(.trunkResolved(resolution), then: nil))
        }
        nextHops = NextHopLookUps(now: MonotonicClock.now) { resolution in
            post(.event(.nextHopResolved(resolution), then: nil))
        }
        spans = SpanPoller { trunk, reading in
            post(.event(.spanRead(trunk: trunk, reading), then: nil))
        }
    }

    /// Asks for a name in the dialog of a gateway, once. Returns at once.
    func look(up query: NextHopQuery) { nextHops.look(up: query) }

    /// Watches what these settings name, and nothing else any more. Returns at once.
    func follow(_ settings: Settings) {
        names.follow(
            settings.trunks.compactMap { trunk in
                let listener = min(Int(trunk.listener), settings.listeners.count - 1)
                let isV4 = settings.listeners[listener].bound.ip.isV4
                let fixed = TrunkWay(
                    transport: trunk.transport, listener: trunk.listener, isV4: isV4)
                return trunk.host.map {
                    TrunkNames.Name(
                        trunk: trunk.name, host: $0,
                        ways: trunk.ways.isEmpty ? [fixed] : trunk.ways,
                        isOpen: trunk.isTransportOpen)
                }
            }, servers: settings.nameServers)
        nextHops.use(settings.nameServers)
        spans.follow(
            settings.trunks.compactMap { trunk in
                trunk.span.map { SpanPoller.Span(trunk: trunk.name, settings: $0) }
            })
    }
}
