import Foundation
import SIP
import Switching

/// The parts of one trunk in `trunks`: where it is, its channels, its account, its span.
enum TrunkParts {
    /// A numeric address, or a name that is looked up (RFC 3263).
    static func address(
        _ section: ConfigurationReader.Section, defaultPort: UInt16,
        _ reader: inout ConfigurationReader
    ) -> (endpoint: Endpoint?, host: TrunkHost?)? {
        guard let text = reader.text("address", in: section) else { return nil }
        if let endpoint = Endpoint(written: text, defaultPort: defaultPort) {
            return (endpoint, nil)
        }
        if let host = TrunkHost(written: text) { return (nil, host) }
        reader.report(
            "\(section.path(of: "address")) must be an address or a host name, with a port or"
                + " without, not \"\(text)\"",
            at: section.place(of: "address"),
            suggestion: "write it as 192.0.2.7:5060, [2001:db8::7]:5060 or sip.example.net",
            length: text.count)
        return nil
    }

    /// The host name that a trunk's certificate has to show.
    static func certificateName(
        _ section: ConfigurationReader.Section, _ transport: TransportKind,
        _ reader: inout ConfigurationReader
    ) -> String? {
        guard let text = reader.text("certificate-name", in: section) else { return nil }
        guard transport == .tls else {
            reader.report(
                "\(section.path(of: "certificate-name")): only by transport tls a certificate is"
                    + " shown", at: section.place(of: "certificate-name"), length: text.count)
            return nil
        }
        guard let host = TrunkHost(written: text), host.port == nil else {
            reader.report(
                "\(section.path(of: "certificate-name")) must be a host name, not \"\(text)\"",
                at: section.place(of: "certificate-name"), length: text.count)
            return nil
        }
        return host.name
    }

    // MARK: Channels

    static func readChannels(
        _ section: ConfigurationReader.Section, _ trunk: inout TrunkSettings,
        _ reader: inout ConfigurationReader
    ) {
        let keys = ["hunting", "blocked-channels", "reserved-channels", "channel-parameter"]
        if trunk.kind == .sip, let key = keys.first(where: section.has) {
            reader.report(
                "\(section.path(of: key)): the channels of a trunk of kind sip have no numbers",
                at: section.place(of: key))
            return
        }
        if let hunting = reader.choice("hunting", in: section, Hunting.allCases) {
            trunk.hunting = hunting
        }
        trunk.blockedChannels = channels("blocked-channels", section, trunk, &reader)
        trunk.reservedChannels = channels("reserved-channels", section, trunk, &reader)
        let both = trunk.blockedChannels.intersection(trunk.reservedChannels)
        if let channel = both.min() {
            reader.report(
                "channel \(channel) is blocked and reserved: no call could take it",
                at: section.place(of: "reserved-channels"))
        }
        if trunk.blockedChannels.count == trunk.channels {
            reader.report(
                "every channel is blocked", at: section.place(of: "blocked-channels"))
        }
        if let name = reader.text("channel-parameter", in: section) {
            trunk.channelParameter = parameter(name, "channel-parameter", section, &reader)
        }
    }

    /// `[1, 16, 29-30]`
    private static func channels(
        _ key: String, _ section: ConfigurationReader.Section, _ trunk: TrunkSettings,
        _ reader: inout ConfigurationReader
    ) -> Set<Int> {
        var numbers: Set<Int> = []
        for (name, node) in reader.list(key, in: section) {
            guard let text = reader.text(node, name: name) else { continue }
            let ends = text.split(separator: "-", omittingEmptySubsequences: false).map {
                Int($0)
            }
            guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1],
                first >= 1, first <= last, last <= trunk.channels
            else {
                reader.report(
                    "\(name) must be a channel from 1 to \(trunk.channels), or two with \"-\""
                        + " between them, not \"\(text)\"",
                    at: node, length: text.count)
                continue
            }
            numbers.formUnion(first...last)
        }
        return numbers
    }

    /// A name of a URI parameter (RFC 3261 §25.1, pname), in the characters everybody takes.
    static func parameter(
        _ name: String, _ key: String, _ section: ConfigurationReader.Section,
        _ reader: inout ConfigurationReader
    ) -> String? {
        guard name.utf8.count <= 32,
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
        else {
            reader.report(
                "\(section.path(of: key)) must be letters, digits and \"-\", not \"\(name)\"",
                at: section.place(of: key), length: name.count)
            return nil
        }
        return name
    }

    // MARK: Who comes in

    static func readSources(
        _ section: ConfigurationReader.Section, _ trunk: inout TrunkSettings,
        _ reader: inout ConfigurationReader
    ) {
        for (name, node) in reader.list("accept-from", in: section) {
            // Without a port it is any port.
            guard let text = reader.text(node, name: name) else { continue }
            if let ip = IPAddress(parsing: Array(text.utf8)[...]) {
                trunk.alsoFrom.append(Endpoint(ip: ip, port: 0))
            } else if let endpoint = reader.endpoint(
                text, name: name, at: node, defaultPort: 5060)
            {
                trunk.alsoFrom.append(endpoint)
            }
        }
    }

    // MARK: Breaker

    static func readBreaker(
        _ section: ConfigurationReader.Section, _ breaker: inout BreakerSettings,
        _ reader: inout ConfigurationReader
    ) {
        let keys = ["failures", "pause", "longest-pause"]
        guard let part = reader.section("breaker", in: section, keys: keys) else { return }
        if let failures = reader.number("failures", in: part, 0...1000) {
            breaker.failures = failures
        }
        let range = Instant.Span.milliseconds(100)...(.seconds(86_400))
        if let pause = reader.span("pause", in: part, range) {
            breaker.pause = pause
            breaker.longestPause = max(pause, breaker.longestPause)
        }
        if let pause = reader.span("longest-pause", in: part, range) {
            breaker.longestPause = pause
        }
        if breaker.longestPause < breaker.pause {
            reader.report(
                "\(part.name).longest-pause (\(breaker.longestPause.written)) must not be shorter"
                    + " than pause (\(breaker.pause.written))",
                at: part.place(of: "longest-pause"))
        }
    }

    // MARK: Tariff

    /// The file of what the operator takes; what is in it is read with all other files.
    static func tariff(
        _ section: ConfigurationReader.Section, folder: String, _ reader: inout ConfigurationReader
    ) -> String? {
        guard let text = reader.text("tariff", in: section) else { return nil }
        let path = Paths.resolve(text, in: folder)
        guard FileManager.default.isReadableFile(atPath: path) else {
            reader.report(
                "\(section.path(of: "tariff")): \(text) is not there, or cannot be read",
                at: section.place(of: "tariff"),
                suggestion: "relative paths begin at the folder of this file", length: text.count)
            return nil
        }
        return path
    }

    // MARK: Account

    static func readAccount(
        _ section: ConfigurationReader.Section, folder: String, _ trunk: inout TrunkSettings,
        _ reader: inout ConfigurationReader
    ) {
        let username = reader.text("username", in: section)
        let password = password("password", section, folder: folder, &reader)
        if let username, let password {
            trunk.credentials = TrunkCredentials(username: username, password: password)
        } else if username != nil || section.has("password") || section.has("password-file") {
            if !section.has("username") || !section.has("password") && !section.has("password-file")
            {
                reader.report(
                    "username and password belong together: one of them is missing",
                    at: section.place(of: username == nil ? "password" : "username"))
            }
        }
        guard
            let part = reader.section("register", in: section, keys: ["user", "domain", "expires"])
        else { return }
        let user = reader.text("user", in: part) ?? username
        let domain = reader.text("domain", in: part) ?? trunk.host?.name
        guard let user, let domain else {
            reader.report(
                "\(part.name) needs \"\(user == nil ? "user" : "domain")\"", at: part.node)
            return
        }
        var registration = TrunkRegistrationSettings(user: user, domain: domain)
        if URI("sip:\(user)@\(domain)") == nil {
            reader.report("sip:\(user)@\(domain) is no address", at: part.node)
        }
        if let span = reader.span("expires", in: part, .seconds(60)...(.seconds(86_400))) {
            registration.seconds = Int(span.milliseconds / 1000)
        }
        trunk.registration = registration
    }

    /// What stands at a key, or in the file that is named at `KEY-file`.
    static func password(
        _ key: String, _ section: ConfigurationReader.Section, folder: String,
        _ reader: inout ConfigurationReader
    ) -> String? {
        if section.has(key) { return reader.text(key, in: section) }
        guard let path = reader.text("\(key)-file", in: section) else { return nil }
        do throws(ConfigurationFailure) {
            let text = try TextFile.read(
                Paths.resolve(path, in: folder), limit: 4096, called: "the password file")
            let word = text.trimmingCharacters(in: .whitespacesAndNewlines)
            if word.isEmpty {
                reader.report("\(path) is empty", at: section.place(of: "\(key)-file"))
                return nil
            }
            return word
        } catch {
            reader.report(
                error.diagnostics.map(\.message).joined(separator: "; "),
                at: section.place(of: "\(key)-file"), length: path.count)
            return nil
        }
    }
}

extension TrunkHost {
    /// Reads `sip.example.net` and `sip.example.net:5070`; nil for what is no host name (RFC 1123
    /// §2.1) or looks like a numeric address.
    public init?(written text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, !parts[0].isEmpty, parts[0].utf8.count <= 253 else { return nil }
        let labels = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        for label in labels {
            guard !label.isEmpty, label.utf8.count <= 63, label.first != "-", label.last != "-",
                label.allSatisfy({
                    $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
                })
            else { return nil }
        }
        // The last label of a name is never all digits (RFC 3696 §2).
        guard labels.last?.contains(where: \.isLetter) == true else { return nil }
        var port: UInt16?
        if parts.count == 2 {
            guard let number = UInt16(parts[1]), number > 0 else { return nil }
            port = number
        }
        self.init(name: String(parts[0]), port: port)
    }
}
