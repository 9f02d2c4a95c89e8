import SIP
import Switching

/// From a name to where its requests may go, in which order and by which transport (RFC 3263 §4).
///
/// Where the transport is settled, SRV records of `_sip._udp`, `_sip._tcp` or `_sips._tcp` are looked
/// up, and where there are none the name's own addresses at the transport's port. Where it is not, the
/// name says by NAPTR records which transports it takes and which it likes best; without such records
/// SRV records of UDP and then TCP are looked up, and without those the addresses, for UDP. With a
/// port only addresses are looked up. Each name's addresses are those of both families, as far as there
/// is a way to them (RFC 3263 §4.2); among equals neither family goes first.
///
/// Beyond the RFC: those of its transports that a name likes less are not forgotten but come last, so
/// that a request that fails by one goes on by another.
enum TargetLookup {
    /// Targets of one name at most, and SRV records of one that are followed.
    static let limit = 32
    /// NAPTR records of one name that are followed.
    static let pointerLimit = 8

    struct Outcome: Hashable {
        var targets: [TrunkTarget] = []
        /// Until it should be asked again; zero where nothing is known, since a name server failed.
        var seconds: Int
        var failure: String?
    }

    /// - Parameters:
    ///   - ways: by which transports and families requests can leave; of one transport alone unless it
    ///     is open.
    ///   - isOpen: the transport is the name's to say, among those of `ways`.
    ///   - ask: puts one question to the name servers.
    static func targets(
        of host: TrunkHost, ways: [TrunkWay], isOpen: Bool = false,
        ask: (NameQuestion) -> NameAnswer
    ) -> Outcome {
        var outcome = found(host, ways, isOpen, ask)
        if outcome.targets.isEmpty, outcome.failure != nil { outcome.seconds = 0 }
        return outcome
    }

    /// A question that failed, and with it every answer that it is missing from, does not hold long: a
    /// gateway, or the transport that the name likes best, is missing meanwhile.
    private static func failed(_ why: String) -> Outcome {
        Outcome(seconds: TrunkNames.retry, failure: why)
    }

    private static func found(
        _ host: TrunkHost, _ ways: [TrunkWay], _ isOpen: Bool,
        _ ask: (NameQuestion) -> NameAnswer
    ) -> Outcome {
        let carriers = carriers(ways)
        guard let first = carriers.first else { return Outcome(seconds: Int(UInt16.max)) }
        if let port = host.port { return addresses(of: host.name, port: port, first, ask) }
        if isOpen { return byPointers(of: host.name, carriers, ask) }
        let found = services("\(service(of: first.transport)).\(host.name)", first, 0, ask)
        guard found.isNothing else { return found.outcome }
        return own(host.name, first, after: found.outcome, ask)
    }

    /// A transport, and by which families it leaves.
    private struct Carrier {
        var transport: TransportKind
        var families: [Bool]
    }

    private static func carriers(_ ways: [TrunkWay]) -> [Carrier] {
        var carriers: [Carrier] = []
        for way in ways {
            if let place = carriers.firstIndex(where: { $0.transport == way.transport }) {
                if !carriers[place].families.contains(way.isV4) {
                    carriers[place].families.append(way.isV4)
                }
            } else {
                carriers.append(Carrier(transport: way.transport, families: [way.isV4]))
            }
        }
        return carriers
    }

    /// What SRV records say, and whether there are none at all.
    private struct Services {
        var outcome: Outcome
        var isNothing = false
    }

    private static func service(of transport: TransportKind) -> String {
        switch transport {
        case .udp: "_sip._udp"
        case .tcp: "_sip._tcp"
        case .tls: "_sips._tcp"
        }
    }

    /// RFC 3263 §4.1. A name server that fails says nothing: to go on without its records could mean
    /// to speak in the clear where they ask for TLS.
    private static func byPointers(
        of name: String, _ carriers: [Carrier], _ ask: (NameQuestion) -> NameAnswer
    ) -> Outcome {
        switch ask(.pointers(name)) {
        case .failure(let why): return failed(why)
        case .nothing(let seconds):
            return withoutPointers(of: name, carriers, after: Outcome(seconds: seconds), ask)
        case .records(let records, let seconds):
            let chosen = chosen(records, carriers)
            // It is reached by nothing that we have, or its records are about something else.
            if chosen.isEmpty {
                return withoutPointers(of: name, carriers, after: Outcome(seconds: seconds), ask)
            }
            var all = Outcome(seconds: seconds)
            for (place, (carrier, replacement)) in chosen.enumerated() {
                add(services(replacement, carrier, UInt16(place), ask).outcome, to: &all)
            }
            if !all.targets.isEmpty { all.failure = nil }
            return all
        }
    }

    /// The services among these records that we can use, best first.
    private static func chosen(
        _ records: [NameRecord], _ carriers: [Carrier]
    ) -> [(carrier: Carrier, replacement: String)] {
        var found: [(order: UInt16, preference: UInt16, carrier: Carrier, replacement: String)] = []
        for record in records {
            guard
                case .pointer(let order, let preference, let flags, let service, let replacement) =
                    record,
                flags.lowercased() == "s", !replacement.isEmpty,
                let transport = transport(of: service),
                let carrier = carriers.first(where: { $0.transport == transport })
            else { continue }
            found.append((order, preference, carrier, replacement))
        }
        let sorted = found.sorted {
            ($0.order, $0.preference, $0.replacement) < ($1.order, $1.preference, $1.replacement)
        }
        return sorted.prefix(pointerLimit).map { ($0.carrier, $0.replacement) }
    }

    private static func transport(of service: String) -> TransportKind? {
        switch service.uppercased() {
        case "SIP+D2U": .udp
        case "SIP+D2T": .tcp
        case "SIPS+D2T": .tls
        default: nil
        }
    }

    private static func withoutPointers(
        of name: String, _ carriers: [Carrier], after nothing: Outcome,
        _ ask: (NameQuestion) -> NameAnswer
    ) -> Outcome {
        var all = nothing
        var isNothing = true
        // TLS is for names that say so (RFC 3263 §4.1), or trunks that are written so.
        let open = carriers.filter { $0.transport != .tls }
        for (place, carrier) in open.enumerated() {
            let found = services(
                "\(service(of: carrier.transport)).\(name)", carrier, UInt16(place), ask)
            isNothing = isNothing && found.isNothing
            add(found.outcome, to: &all)
        }
        if !all.targets.isEmpty { all.failure = nil }
        guard isNothing, let first = open.first else { return all }
        return own(name, first, after: all, ask)
    }

    private static func add(_ outcome: Outcome, to all: inout Outcome) {
        all.targets += outcome.targets.prefix(limit - all.targets.count)
        all.seconds = min(all.seconds, outcome.seconds)
        all.failure = all.failure ?? outcome.failure
    }

    /// The name's own addresses, since it has no services.
    private static func own(
        _ name: String, _ carrier: Carrier, after nothing: Outcome,
        _ ask: (NameQuestion) -> NameAnswer
    ) -> Outcome {
        var own = addresses(of: name, port: carrier.transport.defaultPort, carrier, ask)
        own.seconds = min(own.seconds, nothing.seconds)
        return own
    }

    /// - Parameter rank: of the transport among those of the name.
    private static func services(
        _ name: String, _ carrier: Carrier, _ rank: UInt16, _ ask: (NameQuestion) -> NameAnswer
    ) -> Services {
        let records: [NameRecord]
        var outcome: Outcome
        switch ask(.service(name)) {
        case .failure(let why): return Services(outcome: failed(why))
        case .nothing(let seconds):
            return Services(outcome: Outcome(seconds: seconds), isNothing: true)
        case .records(let found, let seconds):
            (records, outcome) = (found, Outcome(seconds: seconds))
        }
        var failure: String?
        for service in followed(records) {
            guard outcome.targets.count < limit else { break }
            let found = addresses(of: service.target, port: service.port, carrier, ask)
            outcome.seconds = min(outcome.seconds, found.seconds)
            failure = failure ?? found.failure
            for var address in found.targets where outcome.targets.count < limit {
                (address.rank, address.priority, address.weight) =
                    (rank, service.priority, service.weight)
                outcome.targets.append(address)
            }
        }
        // One target that cannot be looked up does not take the others away.
        if outcome.targets.isEmpty { outcome.failure = failure }
        return Services(outcome: outcome)
    }

    private typealias Service = (target: String, port: UInt16, priority: UInt16, weight: UInt16)

    /// The best of them: each is a question, or two, that the others wait for.
    private static func followed(_ records: [NameRecord]) -> [Service] {
        var found: [Service] = []
        for case .service(let target, let port, let priority, let weight) in records
        where !target.isEmpty {
            found.append((target, port, priority, weight))
        }
        // By the whole of each, so that an answer in another order says the same.
        let sorted = found.sorted {
            ($0.priority, $1.weight, $0.target, $0.port)
                < ($1.priority, $0.weight, $1.target, $1.port)
        }
        return Array(sorted.prefix(limit))
    }

    /// What is known of one family is enough: where the other cannot be asked for, that says nothing.
    private static func addresses(
        of name: String, port: UInt16, _ carrier: Carrier, _ ask: (NameQuestion) -> NameAnswer
    ) -> Outcome {
        var outcome = Outcome(seconds: Int(UInt16.max))
        for isV4 in carrier.families {
            switch ask(isV4 ? .addressV4(name) : .addressV6(name)) {
            case .failure(let why):
                outcome.failure = outcome.failure ?? why
            case .nothing(let seconds):
                outcome.seconds = min(outcome.seconds, seconds)
            case .records(let records, let seconds):
                outcome.seconds = min(outcome.seconds, seconds)
                for case .address(let ip) in records where outcome.targets.count < limit {
                    outcome.targets.append(
                        TrunkTarget(
                            endpoint: Endpoint(ip: ip, port: port), transport: carrier.transport))
                }
            }
        }
        if outcome.failure != nil {
            // The host is there by the other family, as long as if this one had no records: a server that
            // never answers for it is not waited for all the time.
            let isThere = !outcome.targets.isEmpty
            outcome.seconds = min(
                outcome.seconds, isThere ? NameServers.nothingSeconds : TrunkNames.retry)
            if isThere { outcome.failure = nil }
        }
        return outcome
    }
}
