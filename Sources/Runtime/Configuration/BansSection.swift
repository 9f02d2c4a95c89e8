import SIP
import Switching

/// The section `bans` of `tandem.yaml`: when strangers are banned, and who never is.
///
///     bans:
///       threshold: 100
///       allow: [192.0.2.7, 198.51.100.0/24]
///       weights: { wrong-password: 10 }
///
/// `bans: off` bans nobody.
enum BansSection {
    private static let keys = [
        "threshold", "forget-per-minute", "duration", "longest", "allow", "weights",
    ]
    /// Ranges of addresses that are allowed, at most.
    static let allowLimit = 1_000

    static func read(
        _ top: ConfigurationReader.Section, _ reader: inout ConfigurationReader
    ) -> BanSettings {
        var settings = BanSettings()
        guard top.has("bans") else { return settings }
        if let text = top.place(of: "bans").scalar?.string, text == "off" || text == "false" {
            settings.isOn = false
            return settings
        }
        guard let section = reader.section("bans", in: top, keys: keys) else { return settings }
        if let points = reader.number("threshold", in: section, 1...1_000_000) {
            settings.threshold = points
        }
        if let points = reader.number("forget-per-minute", in: section, 0...100_000) {
            settings.forgottenPerMinute = points
        }
        let spans = Instant.Span.seconds(10)...Instant.Span.seconds(2_592_000)
        if let span = reader.span("duration", in: section, spans) { settings.duration = span }
        if let span = reader.span("longest", in: section, spans) {
            settings.longest = span
        } else {
            settings.longest = max(settings.longest, settings.duration)
        }
        if settings.longest < settings.duration {
            reader.report(
                "bans.longest (\(settings.longest.written)) must not be shorter than bans.duration"
                    + " (\(settings.duration.written))",
                at: section.place(of: "longest"))
        }
        readAllowed(section, &settings, &reader)
        readWeights(section, &settings, &reader)
        return settings
    }

    private static func readAllowed(
        _ section: ConfigurationReader.Section, _ settings: inout BanSettings,
        _ reader: inout ConfigurationReader
    ) {
        let elements = reader.list("allow", in: section)
        if elements.count > allowLimit {
            reader.report(
                "bans.allow has \(elements.count) addresses, and may have \(allowLimit)",
                at: section.place(of: "allow"), suggestion: "write networks, as 192.0.2.0/24")
        }
        for (name, node) in elements {
            guard let text = reader.text(node, name: name) else { continue }
            if let range = AddressRange(text) {
                settings.allowed.append(range)
            } else {
                reader.report(
                    "\(name) must be an address or a network, not \"\(text)\"", at: node,
                    suggestion: "write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32",
                    length: text.count)
            }
        }
    }

    private static func readWeights(
        _ section: ConfigurationReader.Section, _ settings: inout BanSettings,
        _ reader: inout ConfigurationReader
    ) {
        let names = Offence.allCases.map(\.name)
        guard let part = reader.section("weights", in: section, keys: names) else { return }
        for offence in Offence.allCases {
            if let points = reader.number(offence.name, in: part, 0...1_000_000) {
                settings.weights[offence] = points
            }
        }
    }
}
