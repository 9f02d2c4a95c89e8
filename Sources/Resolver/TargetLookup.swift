import SIP
import Switching

/// From a name to the addresses that requests may go to by one transport (RFC 3263 §4.2).
///
/// The transport is settled, so that no NAPTR record is asked for. With a port only addresses are
/// looked up; without one SRV records of `_sip._udp`, `_sip._tcp` or `_sips._tcp` first, and where
/// there are none the name's own addresses at the transport's port.
enum TargetLookup {
    /// Targets of one name at most.
    static let limit = 32

    struct Outcome: Hashable {
        var targets: [TrunkTarget] = []
        /// Until it should be asked again.
        var seconds: Int
        var failure: String?
    }

    /// - Parameters:
    ///   - isV4: the family of the listener that the requests leave by.
    ///   - ask: puts one question to the name servers.
    static func targets(
        of host: TrunkHost, transport: TransportKind = .udp, isV4: Bool,
        ask: (NameQuestion) -> NameAnswer
    ) -> Outcome {
        if let port = host.port { return addresses(of: host.name, port: port, isV4: isV4, ask) }
        switch ask(.service("\(service(of: transport)).\(host.name)")) {
        case .failure(let why): return Outcome(seconds: 0, failure: why)
        case .nothing(let seconds):
            var own = addresses(of: host.name, port: transport.defaultPort, isV4: isV4, ask)
            own.seconds = min(own.seconds, seconds)
            return own
        case .records(let records, let seconds):
            return services(records, seconds: seconds, isV4: isV4, ask)
        }
    }

    private static func service(of transport: TransportKind) -> String {
        switch transport {
        case .udp: "_sip._udp"
        case .tcp: "_sip._tcp"
        case .tls: "_sips._tcp"
        }
    }

    private static func services(
        _ records: [NameRecord], seconds: Int, isV4: Bool, _ ask: (NameQuestion) -> NameAnswer
    ) -> Outcome {
        var outcome = Outcome(seconds: seconds)
        var failure: String?
        for record in records {
            guard case .service(let target, let port, let priority, let weight) = record,
                !target.isEmpty
            else { continue }
            let found = addresses(of: target, port: port, isV4: isV4, ask)
            outcome.seconds = min(outcome.seconds, found.seconds)
            failure = failure ?? found.failure
            for address in found.targets where outcome.targets.count < limit {
                outcome.targets.append(
                    TrunkTarget(endpoint: address.endpoint, priority: priority, weight: weight))
            }
        }
        // One target that cannot be looked up does not take the others away.
        if outcome.targets.isEmpty { outcome.failure = failure }
        return outcome
    }

    private static func addresses(
        of name: String, port: UInt16, isV4: Bool, _ ask: (NameQuestion) -> NameAnswer
    ) -> Outcome {
        switch ask(isV4 ? .addressV4(name) : .addressV6(name)) {
        case .failure(let why): return Outcome(seconds: 0, failure: why)
        case .nothing(let seconds): return Outcome(seconds: seconds)
        case .records(let records, let seconds):
            var outcome = Outcome(seconds: seconds)
            for case .address(let ip) in records where outcome.targets.count < limit {
                outcome.targets.append(TrunkTarget(endpoint: Endpoint(ip: ip, port: port)))
            }
            return outcome
        }
    }
}
