import SIP
import Switching
import Yams

/// `listen` and `advertise`: the sockets, and the host others reach them by.
///
///     listen:
///       - 127.0.0.1:5060
///       - { transport: tcp, address: 0.0.0.0:5060, advertise: sip.example.net }
enum ListenersSection {
    /// Sockets at most.
    static let limit = 16
    private static let keys = ["transport", "address", "advertise", "ask-certificate"]

    static func read(
        _ top: ConfigurationReader.Section, _ reader: inout ConfigurationReader
    ) -> [ListenerSettings] {
        let common = reader.text("advertise", in: top)
        let elements = reader.list("listen", in: top)
        if top.has("listen"), !(1...limit ~= elements.count),
            top.place(of: "listen").sequence != nil
        {
            reader.report(
                "listen needs 1 to \(limit) addresses", at: top.place(of: "listen"))
        }
        var listeners: [ListenerSettings] = []
        for (name, node) in elements {
            var endpoint: Endpoint?
            var advertise = common
            var transport = TransportKind.udp
            var asksCertificate = false
            if node.scalar != nil {
                if let text = reader.text(node, name: name) {
                    endpoint = reader.endpoint(text, name: name, at: node, defaultPort: 5060)
                }
            } else if let section = reader.section(node, name: name, keys: keys) {
                reader.require(["address"], in: section)
                transport = Self.transport(section, &reader) ?? .udp
                endpoint = reader.endpoint(
                    "address", in: section, defaultPort: transport.defaultPort)
                advertise = reader.text("advertise", in: section) ?? common
                asksCertificate = asks(section, transport, &reader)
            }
            guard let endpoint else { continue }
            // TCP and TLS share the ports of TCP.
            if listeners.contains(where: {
                $0.bound == endpoint && $0.transport.isReliable == transport.isReliable
            }) {
                reader.report("\(name): \(endpoint) is written twice", at: node)
            }
            if advertise == nil && endpoint.ip.isUnspecified {
                reader.report(
                    "\(name) listens on every address, so phones must be told one", at: node,
                    suggestion: "add \"advertise: HOST\" with the address that phones reach")
            }
            guard let advertised = host(advertise, of: endpoint, name: name, at: node, &reader)
            else { continue }
            var listener = ListenerSettings(
                transport: transport, bound: endpoint, advertisedHost: advertised.host,
                advertisedPort: advertised.port)
            listener.asksCertificate = asksCertificate
            listeners.append(listener)
        }
        // A datagram's flow counts the sockets of UDP alone.
        return listeners.filter { $0.transport == .udp }
            + listeners.filter { $0.transport != .udp }
    }

    /// `udp`, `tcp` or `tls` under `transport`; nil when nothing is written, or nothing of these.
    static func transport(
        _ section: ConfigurationReader.Section, _ reader: inout ConfigurationReader
    ) -> TransportKind? {
        guard let text = reader.text("transport", in: section) else { return nil }
        if let transport = TransportKind(name: text), offered.contains(transport) {
            return transport
        }
        let known = offered.map(\.name).joined(separator: " or ")
        reader.report(
            "\(section.path(of: "transport")) must be \(known), not \"\(text)\"",
            at: section.place(of: "transport"), length: text.count)
        return nil
    }

    private enum Answer: String { case yes, no }

    private static func asks(
        _ section: ConfigurationReader.Section, _ transport: TransportKind,
        _ reader: inout ConfigurationReader
    ) -> Bool {
        guard reader.choice("ask-certificate", in: section, [Answer.yes, .no]) == .yes else {
            return false
        }
        if transport != .tls {
            reader.report(
                "\(section.path(of: "ask-certificate")): only by transport tls certificates are"
                    + " shown", at: section.place(of: "ask-certificate"))
        }
        return true
    }

    private static let offered: [TransportKind] = [.udp, .tcp, .tls]

    /// The host and port for Via and Contact, IPv6 in brackets (RFC 3261 §25.1, IPv6reference).
    private static func host(
        _ advertise: String?, of endpoint: Endpoint, name: String, at node: Node,
        _ reader: inout ConfigurationReader
    ) -> (host: String, port: UInt16)? {
        let written = advertise ?? "\(endpoint)"
        if let address = Endpoint(written: written, defaultPort: endpoint.port) {
            let text = "\(address)"
            let end = text.lastIndex(of: ":") ?? text.endIndex
            return (String(text[..<end]), address.port)
        }
        let parts = written.split(separator: ":", omittingEmptySubsequences: false)
        let port = parts.count == 2 ? UInt16(parts[1]) : endpoint.port
        guard let host = parts.first, parts.count <= 2, let port, port > 0, isHostName(host) else {
            reader.report("\(name): advertise is no host name or address: \"\(written)\"", at: node)
            return nil
        }
        return (String(host), port)
    }

    private static func isHostName(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.count <= 253
            && text.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-")
            }
    }
}
