import Dialplan
import Resolver
import SIP
import Streams
import Switching
import Yams

/// `tandem.yaml` by itself, before the files it names are read.
struct ConfigurationFile {
    /// nil when a value is wrong.
    var settings: Settings?
    /// nil where nothing goes by TLS.
    var tls: StreamTLS?
    /// nil when a path is missing; they are good to use even where a setting is wrong, so that the
    /// CLI reaches a daemon whose file is being edited.
    var places: ConfigurationPlaces?
    var diagnostics: [Diagnostic]

    /// What may stand at the top of the file.
    static let keys = [
        "listen", "advertise", "realm", "domains", "data", "control", "dialplan", "site", "trunks",
        "lines", "mailbox", "causes", "name-servers", "registration", "calls", "limits", "spending",
        "bans", "overload", "timers", "connections", "tls", "nonce-lifetime", "currency", "digest",
    ]

    /// - Parameters:
    ///   - file: the file as people call it.
    ///   - folder: what relative paths begin at.
    init(text: String, file: String, folder: String) {
        var reader = ConfigurationReader(file: file, text: text)
        if let root = Self.tree(text, &reader),
            let top = reader.section(root, name: "", keys: Self.keys)
        {
            reader.require(["listen", "realm", "data", "dialplan"], in: top)
            let settings = Self.settings(top, folder: folder, &reader)
            tls = TLSSection.read(top, settings: settings, folder: folder, &reader)
            places = Self.places(top, folder: folder, currency: settings.currency, &reader)
            if reader.diagnostics.isEmpty { self.settings = settings }
        }
        diagnostics = reader.diagnostics.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
    }

    private static func tree(_ text: String, _ reader: inout ConfigurationReader) -> Node? {
        do {
            if let node = try Yams.compose(yaml: text) { return node }
            reader.report("the file is empty", at: nil)
        } catch YamlError.scanner(_, let problem, let mark, _),
            YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _)
        {
            reader.report("this is no YAML: \(problem)", line: mark.line, column: mark.column)
        } catch YamlError.duplicatedKeysInMapping(let duplicates, let context) {
            // The mark is where the mapping begins; the second one of a key is found by its line.
            for name in duplicates.map({ "\($0)" }).sorted() {
                let line = reader.secondLine(of: name, from: context.mark.line)
                reader.report(
                    "\"\(name)\" is written twice", line: line ?? context.mark.line, column: 1)
            }
        } catch {
            reader.report("this is no YAML: \(error)", at: nil)
        }
        return nil
    }

    // MARK: Paths

    /// What is offered in a challenge. Some phones look at the first of several only.
    private static func readDigest(
        _ top: ConfigurationReader.Section, _ algorithms: inout [DigestAlgorithm],
        _ reader: inout ConfigurationReader
    ) {
        guard top.has("digest") else { return }
        var chosen: Set<DigestAlgorithm> = []
        let before = reader.diagnostics.count
        for (name, node) in reader.list("digest", in: top) {
            guard let text = reader.text(node, name: name) else { continue }
            if let algorithm = DigestAlgorithm(name: text.utf8) {
                chosen.insert(algorithm)
            } else {
                let known = DigestAlgorithm.allCases.map { "\($0.name)" }
                reader.report(
                    "\(name) must be \(known.joined(separator: " or ")), not \"\(text)\"",
                    at: node, length: text.count)
            }
        }
        if chosen.isEmpty, reader.diagnostics.count == before {
            reader.report("digest names no algorithm", at: top.place(of: "digest"))
        }
        algorithms = chosen.sorted()
    }

    private static func places(
        _ top: ConfigurationReader.Section, folder: String, currency: String,
        _ reader: inout ConfigurationReader
    ) -> ConfigurationPlaces? {
        let site = reader.section("site", in: top, keys: ["extensions", "tariff"])
        let extensions = site.flatMap { reader.text("extensions", in: $0) }
        let tariff = site.flatMap { reader.text("tariff", in: $0) }
        let control = reader.text("control", in: top)
        guard let data = reader.text("data", in: top),
            let dialplan = reader.text("dialplan", in: top)
        else { return nil }
        return ConfigurationPlaces(
            dataFolder: Paths.resolve(data, in: folder),
            controlSocket: Paths.resolve(control ?? "\(data)/control.sock", in: folder),
            dialplan: Paths.resolve(dialplan, in: folder),
            extensionsCSV: extensions.map { Paths.resolve($0, in: folder) },
            tariffCSV: tariff.map { Paths.resolve($0, in: folder) }, currency: currency)
    }

    // MARK: Settings

    private static func settings(
        _ top: ConfigurationReader.Section, folder: String, _ reader: inout ConfigurationReader
    ) -> Settings {
        let realm = reader.text("realm", in: top)
        let listeners = ListenersSection.read(top, &reader)
        var settings = Settings(realm: realm ?? "", listeners: listeners)
        for (name, node) in reader.list("domains", in: top) {
            if let domain = reader.text(node, name: name) { settings.domains.append(domain) }
        }
        settings.trunks = TrunksSection.read(top, listeners: listeners, folder: folder, &reader)
        settings.lineGateways = LinesSection.read(top, trunks: settings.trunks, &reader)
        (settings.mailbox, settings.asksMailbox) = LinesSection.readMailbox(
            top, trunks: settings.trunks, &reader)
        settings.causes = CausesSection.read(top, &reader)
        for (name, node) in reader.list("name-servers", in: top) {
            guard let text = reader.text(node, name: name),
                let server = reader.endpoint(text, name: name, at: node, defaultPort: 53)
            else { continue }
            settings.nameServers.append(server)
        }
        if settings.nameServers.count > NameServers.limit {
            reader.report(
                "more than \(NameServers.limit) name servers: the others would never be asked",
                at: top.place(of: "name-servers"))
        }
        readRegistration(top, &settings.registration, &reader)
        readCalls(top, &settings.calls, &reader)
        readLimits(top, &settings.limits, &reader)
        settings.connections = ConnectionsSection.read(
            top, registration: settings.registration, &reader)
        settings.spending = SpendingSection.read(top, &reader)
        settings.bans = BansSection.read(top, &reader)
        settings.overload = OverloadSection.read(top, &reader)
        readTimers(top, &settings.timers, &reader)
        if let lifetime = reader.span("nonce-lifetime", in: top, .seconds(10)...(.seconds(86_400)))
        {
            settings.nonceLifetime = lifetime
        }
        readDigest(top, &settings.digestAlgorithms, &reader)
        if let currency = reader.text("currency", in: top) {
            if currency.utf8.count == 3, currency.utf8.allSatisfy({ (65...90).contains($0) }) {
                settings.currency = currency
            } else {
                reader.report(
                    "currency must be three capital letters (ISO 4217), not \"\(currency)\"",
                    at: top.place(of: "currency"), length: currency.count)
            }
        }
        if let realm, realm.contains(where: { $0 == "\"" || $0 == "\\" || !$0.isASCII }) {
            // It stands between quotes in every challenge (RFC 3261 §25.1, quoted-string).
            reader.report(
                "realm must be ASCII without quotes and backslashes", at: top.place(of: "realm"),
                length: realm.count)
        }
        return settings
    }

    private static func readRegistration(
        _ top: ConfigurationReader.Section, _ settings: inout RegistrationSettings,
        _ reader: inout ConfigurationReader
    ) {
        let keys = ["minimum", "default", "maximum", "contacts", "nat-keepalive"]
        guard let section = reader.section("registration", in: top, keys: keys) else { return }
        let range = Instant.Span.seconds(1)...(.seconds(604_800))
        if let span = reader.span("minimum", in: section, range) {
            settings.minimumSeconds = Int(span.milliseconds / 1000)
        }
        if let span = reader.span("default", in: section, range) {
            settings.defaultSeconds = Int(span.milliseconds / 1000)
        }
        if let span = reader.span("maximum", in: section, range) {
            settings.maximumSeconds = Int(span.milliseconds / 1000)
        }
        if let contacts = reader.number("contacts", in: section, 1...100) {
            settings.contactLimit = contacts
        }
        let silences = Instant.Span.seconds(2)...Instant.Span.seconds(600)
        if let span = reader.span("nat-keepalive", in: section, silences, orOff: true) {
            settings.keepAlive = span
        }
        if !(settings.minimumSeconds...max(settings.minimumSeconds, settings.maximumSeconds)
            ~= settings.defaultSeconds)
        {
            reader.report(
                "registration.default must lie between minimum (\(settings.minimumSeconds)s) and"
                    + " maximum (\(settings.maximumSeconds)s)",
                at: section.place(of: "default"))
        }
    }

    private static func readCalls(
        _ top: ConfigurationReader.Section, _ settings: inout CallSettings,
        _ reader: inout ConfigurationReader
    ) {
        let keys = [
            "no-answer", "slice", "extend-ahead", "alive-check", "session", "park-recall",
            "follow-redirects",
        ]
        guard let section = reader.section("calls", in: top, keys: keys) else { return }
        if let span = reader.span("no-answer", in: section, .seconds(5)...(.seconds(600))) {
            settings.noAnswer = span
        }
        if let span = reader.span("slice", in: section, .seconds(1)...(.seconds(3600))) {
            settings.slice = span
        }
        if let span = reader.span("extend-ahead", in: section, .milliseconds(100)...(.seconds(60)))
        {
            settings.extendAhead = span
        }
        let checks = Instant.Span.seconds(10)...Instant.Span.seconds(86_400)
        if let span = reader.span("alive-check", in: section, checks, orOff: true) {
            settings.aliveCheck = span
        }
        if let span = reader.span("park-recall", in: section, .seconds(10)...(.seconds(3600))) {
            settings.parkRecall = span
        }
        if let policy = reader.choice(
            "follow-redirects", in: section, RedirectPolicy.allCases)
        {
            settings.redirects = policy
        }
        let sessions = Instant.Span.seconds(90)...Instant.Span.seconds(86_400)
        if let span = reader.span("session", in: section, sessions) { settings.session = span }
        if settings.extendAhead > settings.slice {
            reader.report(
                "calls.extend-ahead (\(settings.extendAhead.written)) must not be longer than"
                    + " calls.slice (\(settings.slice.written))",
                at: section.place(of: "extend-ahead"))
        }
    }

    private static func readLimits(
        _ top: ConfigurationReader.Section, _ limits: inout Limits,
        _ reader: inout ConfigurationReader
    ) {
        let fields: [(key: String, path: WritableKeyPath<Limits, Int>)] = [
            ("calls", \.calls), ("bindings", \.bindings), ("transactions", \.transactions),
            ("transactions-of-address", \.transactionsOfAddress), ("extensions", \.extensions),
            ("accounts", \.accounts), ("attempts", \.attempts), ("rings", \.rings),
            ("diversions", \.diversions), ("waiting-commits", \.waitingCommits),
            ("subscriptions", \.subscriptions),
            ("subscriptions-of-extension", \.subscriptionsOfExtension), ("texts", \.texts),
            ("texts-of-extension", \.textsOfExtension), ("burst-of-texts", \.burstOfTexts),
            ("requests-of-extension", \.requestsOfExtension),
            ("burst-of-extension", \.burstOfExtension),
        ]
        let keys = fields.map(\.key)
        guard let section = reader.section("limits", in: top, keys: keys) else { return }
        for (key, path) in fields {
            let most = key == "diversions" ? PlanLimits.diversions : 10_000_000
            if let limit = reader.number(key, in: section, 1...most) {
                limits[keyPath: path] = limit
            }
        }
    }

    private static func readTimers(
        _ top: ConfigurationReader.Section, _ timers: inout TransactionTimers,
        _ reader: inout ConfigurationReader
    ) {
        guard let section = reader.section("timers", in: top, keys: ["t1", "t2", "t4"]) else {
            return
        }
        let range = Instant.Span.milliseconds(10)...(.seconds(60))
        if let span = reader.span("t1", in: section, range) { timers.t1 = span }
        if let span = reader.span("t2", in: section, range) { timers.t2 = span }
        if let span = reader.span("t4", in: section, range) { timers.t4 = span }
        if timers.t2 < timers.t1 {
            reader.report(
                "timers.t2 (\(timers.t2.written)) must not be shorter than timers.t1"
                    + " (\(timers.t1.written))",
                at: section.place(of: "t2"))
        }
    }
}
