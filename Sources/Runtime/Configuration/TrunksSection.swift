import SIP
import Switching

/// `trunks`: the ways out, in the order emergency calls try them.
///
///     trunks:
///       - name: ip-e1
///         kind: e1
///         address: 192.0.2.7:5060
enum TrunksSection {
    /// Trunks at most.
    static let limit = 1000
    /// Channels of an E1 span: 32 time slots but those for framing and signalling.
    static let e1Channels = 30
    private static let keys = [
        "name", "kind", "address", "transport", "certificate-name",
        "accept-from", "listener", "channels", "hunting",
        "blocked-channels", "reserved-channels", "channel-parameter", "calls-per-second",
        "options-interval", "failures-to-down", "answers-to-up", "attempt-timeout",
        "progress-timeout", "breaker",
        "username", "password", "password-file", "register", "span",
        "tariff", "trusted", "nat",
    ]
    /// Words that plans and commands give a meaning of their own.
    private static let reserved = ["line", "lines", "internal", "emergency"]

    /// - Parameter folder: what relative paths begin at.
    static func read(
        _ top: ConfigurationReader.Section, listeners: [ListenerSettings], folder: String,
        _ reader: inout ConfigurationReader
    ) -> [TrunkSettings] {
        var trunks: [TrunkSettings] = []
        let elements = reader.list("trunks", in: top)
        if elements.count > limit {
            reader.report("more than \(limit) trunks", at: top.place(of: "trunks"))
        }
        for (name, node) in elements.prefix(limit) {
            guard let section = reader.section(node, name: name, keys: keys) else { continue }
            reader.require(["name", "kind", "address"], in: section)
            let trunk = trunk(section, listeners: listeners, folder: folder, &reader)
            guard let trunk else { continue }
            if trunks.contains(where: { $0.name == trunk.name }) {
                reader.report(
                    "there are two trunks \"\(trunk.name)\"", at: section.place(of: "name"))
            }
            if let twin = trunks.first(where: { $0.address == trunk.address }),
                twin.registration == nil || trunk.registration == nil
            {
                // Requests are told apart by where they come from, or by which registration.
                reader.report(
                    "\(trunk.address) is the address of trunk \"\(twin.name)\" already",
                    at: section.place(of: "address"),
                    suggestion: "two accounts at one operator both need \"register\"")
            }
            trunks.append(trunk)
        }
        return trunks
    }

    private static func trunk(
        _ section: ConfigurationReader.Section, listeners: [ListenerSettings], folder: String,
        _ reader: inout ConfigurationReader
    ) -> TrunkSettings? {
        let name = reader.text("name", in: section)
        if let name, !isName(name) || reserved.contains(name) {
            reader.report(
                reserved.contains(name)
                    ? "\"\(name)\" is a word of the dialplan; a trunk needs another name"
                    : "a trunk's name is letters, digits and \"-\", a letter first, not \"\(name)\"",
                at: section.place(of: "name"), length: name.count)
        }
        let kind = reader.choice("kind", in: section, [TrunkSettings.Kind.e1, .sip])
        let transport = ListenersSection.transport(section, &reader) ?? .udp
        let address = TrunkParts.address(section, defaultPort: transport.defaultPort, &reader)
        let channels = reader.number("channels", in: section, 1...100_000)
        if kind == .sip && !section.has("channels") {
            reader.report(
                "a trunk of kind sip needs \"channels\": how many calls it carries at once",
                at: section.node)
        }
        // What is missing is reported already; the rest is read all the same, for its own errors.
        var trunk = TrunkSettings(
            name: name ?? "", kind: kind ?? .sip,
            endpoint: address?.endpoint ?? Endpoint(ip: IPAddress(v4: 0), port: 5060),
            channels: channels ?? e1Channels)
        trunk.host = address?.host
        trunk.transport = transport
        trunk.certificateName = TrunkParts.certificateName(section, transport, &reader)
        if let interval = reader.span("options-interval", in: section, .zero...(.seconds(3600))) {
            trunk.optionsInterval = interval
        }
        if let count = reader.number("failures-to-down", in: section, 1...100) {
            trunk.failuresToDown = count
        }
        if let count = reader.number("answers-to-up", in: section, 1...100) {
            trunk.answersToUp = count
        }
        if let timeout = reader.span(
            "attempt-timeout", in: section, .milliseconds(100)...(.seconds(32)))
        {
            trunk.attemptTimeout = timeout
        }
        if let timeout = reader.span("progress-timeout", in: section, .zero...(.seconds(600))) {
            trunk.progressTimeout = timeout
        }
        if let limit = reader.number("calls-per-second", in: section, 0...10_000) {
            trunk.callsPerSecond = limit
        }
        if let isTrusted = reader.flag("trusted", in: section) { trunk.isTrusted = isTrusted }
        if let isBehindNAT = reader.flag("nat", in: section) { trunk.isBehindNAT = isBehindNAT }
        TrunkParts.readChannels(section, &trunk, &reader)
        TrunkParts.readSources(section, &trunk, &reader)
        TrunkParts.readBreaker(section, &trunk.breaker, &reader)
        TrunkParts.readAccount(section, folder: folder, &trunk, &reader)
        TrunkParts.readSpan(section, folder: folder, &trunk, &reader)
        trunk.tariffFile = TrunkParts.tariff(section, folder: folder, &reader)
        guard name != nil, kind != nil, address != nil else { return nil }
        if let host = trunk.host, !section.has("listener") {
            trunk.isTransportOpen = !section.has("transport") && host.port == nil
            trunk.ways = ways(listeners, trunk.isTransportOpen ? nil : transport)
        }
        if let first = trunk.ways.first { trunk.transport = first.transport }
        trunk.listener = listener(section, listeners: listeners, trunk, &reader)
        if let name = trunk.certificateName, !listeners.contains(where: \.asksCertificate) {
            reader.report(
                "no listener asks for the certificate of \(name): its calls could not be known",
                at: section.place(of: "certificate-name"),
                suggestion: "add \"ask-certificate: yes\" to a listener of transport tls")
        }
        return trunk
    }

    /// How a name may be reached: by the transports and families that we listen at, the first
    /// listener of each.
    ///
    /// - Parameter transport: the only one that counts; nil leaves it to the name.
    private static func ways(
        _ listeners: [ListenerSettings], _ transport: TransportKind?
    ) -> [TrunkWay] {
        var ways: [TrunkWay] = []
        for kind in TransportKind.allCases where transport ?? kind == kind {
            for (place, listener) in listeners.enumerated() where listener.transport == kind {
                let isV4 = listener.bound.ip.isV4
                guard !ways.contains(where: { $0.transport == kind && $0.isV4 == isV4 }) else {
                    continue
                }
                ways.append(TrunkWay(transport: kind, listener: UInt16(place), isV4: isV4))
            }
        }
        return ways
    }

    /// The place of the listener its requests leave by; the first of the same transport and address
    /// family unless the file names one.
    private static func listener(
        _ section: ConfigurationReader.Section, listeners: [ListenerSettings],
        _ trunk: TrunkSettings, _ reader: inout ConfigurationReader
    ) -> UInt16 {
        if section.has("listener") {
            guard let endpoint = reader.endpoint("listener", in: section, defaultPort: 5060) else {
                return 0
            }
            if let place = listeners.firstIndex(where: {
                $0.bound == endpoint && $0.transport == trunk.transport
            }) {
                return UInt16(place)
            }
            let others = listeners.filter { $0.bound == endpoint }.map {
                "\"transport: \($0.transport.name)\""
            }
            reader.report(
                "\(endpoint) is no \(trunk.transport.name) address under listen",
                at: section.place(of: "listener"),
                suggestion: others.isEmpty
                    ? nil : "write \(others.joined(separator: " or ")) beside it")
            return 0
        }
        // A name may stand for addresses of both families, each reached by a listener of its own.
        guard !listeners.isEmpty else { return 0 }
        guard listeners.contains(where: { $0.transport == trunk.transport }) else {
            // What we write into Via and Contact has to lead back to us.
            reader.report(
                "no listener is of transport \(trunk.transport.name), which this trunk is reached by",
                at: section.place(of: "transport"),
                suggestion:
                    "add \"- { transport: \(trunk.transport.name), address: ... }\" to listen")
            return 0
        }
        if let place = listeners.firstIndex(where: {
            $0.transport == trunk.transport
                && (trunk.host != nil || $0.bound.ip.isV4 == trunk.endpoint.ip.isV4)
        }) {
            return UInt16(place)
        }
        reader.report(
            "no \(trunk.transport.name) listener reaches \(trunk.endpoint): none has an address of"
                + " its family",
            at: section.place(of: "address"))
        return 0
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.first, first.isASCII, first.isLetter, text.utf8.count <= 32 else {
            return false
        }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
}
