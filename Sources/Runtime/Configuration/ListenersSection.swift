import SIP
import Switching
import Yams

/// `listen` and `advertise`: the sockets, and the host others reach them by.
///
///     listen:
///       - 127.0.0.1:5060
///       - { transport: udp, address: 0.0.0.0:5062, advertise: sip.example.net }
enum ListenersSection {
    /// Sockets at most.
    static let limit = 16
    private static let keys = ["transport", "address", "advertise"]

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
            if node.scalar != nil {
                if let text = reader.text(node, name: name) {
                    endpoint = reader.endpoint(text, name: name, at: node, defaultPort: 5060)
                }
            } else if let section = reader.section(node, name: name, keys: keys) {
                reader.require(["address"], in: section)
                endpoint = reader.endpoint("address", in: section, defaultPort: 5060)
                advertise = reader.text("advertise", in: section) ?? common
                readTransport(section, &reader)
            }
            guard let endpoint else { continue }
            if listeners.contains(where: { $0.bound == endpoint }) {
                reader.report("\(name): \(endpoint) is written twice", at: node)
            }
            if advertise == nil && endpoint.ip.isUnspecified {
                reader.report(
                    "\(name) listens on every address, so phones must be told one", at: node,
                    suggestion: "add \"advertise: HOST\" with the address that phones reach")
            }
            guard let advertised = host(advertise, of: endpoint, name: name, at: node, &reader)
            else { continue }
            listeners.append(
                ListenerSettings(
                    transport: .udp, bound: endpoint, advertisedHost: advertised.host,
                    advertisedPort: advertised.port))
        }
        return listeners
    }

    /// UDP is what the transport offers; anything else would listen to nobody.
    private static func readTransport(
        _ section: ConfigurationReader.Section, _ reader: inout ConfigurationReader
    ) {
        guard let text = reader.text("transport", in: section), text != "udp" else { return }
        reader.report(
            "\(section.path(of: "transport")) must be udp, not \"\(text)\"",
            at: section.place(of: "transport"), length: text.count)
    }

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
