import Switching

extension TrunkParts {
    private static let userKeys = [
        "user", "auth", "auth-password", "auth-password-file", "privacy", "privacy-password",
        "privacy-password-file",
    ]

    /// `span: { agent: 192.0.2.7, community: public, index: 4 }`, or with `version: 3` and a user.
    static func readSpan(
        _ section: ConfigurationReader.Section, folder: String, _ trunk: inout TrunkSettings,
        _ reader: inout ConfigurationReader
    ) {
        let keys = ["agent", "community", "version", "index", "interval"] + userKeys
        guard let part = reader.section("span", in: section, keys: keys) else { return }
        if trunk.kind == .sip {
            reader.report("a trunk of kind sip has no span", at: section.place(of: "span"))
        }
        let versions = [SpanSettings.Version.v1, .v2c, .v3]
        let version = reader.choice("version", in: part, versions) ?? .v2c
        reader.require(
            ["agent", version == .v3 ? "user" : "community", "index"], in: part)
        for key in version == .v3 ? ["community"] : userKeys where part.has(key) {
            reader.report(
                "\(part.path(of: key)) is for version \(version == .v3 ? "1 and 2c" : "3")",
                at: part.place(of: key))
        }
        guard let agent = reader.endpoint("agent", in: part, defaultPort: 161),
            let access = access(version, part, folder: folder, &reader),
            let index = reader.number("index", in: part, 1...0x7fff_ffff)
        else { return }
        var span = SpanSettings(agent: agent, access: access, index: index)
        if let interval = reader.span("interval", in: part, .seconds(1)...(.seconds(3600))) {
            span.interval = interval
        }
        trunk.span = span
    }

    private static func access(
        _ version: SpanSettings.Version, _ part: ConfigurationReader.Section, folder: String,
        _ reader: inout ConfigurationReader
    ) -> SpanSettings.Access? {
        guard version == .v3 else {
            return reader.text("community", in: part).map { .community($0, version) }
        }
        guard let name = reader.text("user", in: part) else { return nil }
        var user = SNMPUser(name: name)
        user.authenticationPassword = secret("auth-password", part, folder: folder, &reader)
        user.privacyPassword = secret("privacy-password", part, folder: folder, &reader)
        if let choice = reader.choice("auth", in: part, SNMPUser.Authentication.allCases) {
            user.authentication = choice
        }
        if let choice = reader.choice("privacy", in: part, SNMPUser.Privacy.allCases) {
            user.privacy = choice
        }
        for (key, password) in [
            ("auth", user.authenticationPassword), ("privacy", user.privacyPassword),
        ] where password == nil && part.has(key) {
            reader.report(
                "\(part.path(of: key)) needs \"\(key)-password\" or \"\(key)-password-file\"",
                at: part.place(of: key))
        }
        if user.privacyPassword != nil, user.authenticationPassword == nil {
            reader.report(
                "nothing is encrypted that is not signed: there is no \"auth-password\"",
                at: part.node)
        }
        return .user(user)
    }

    private static func secret(
        _ key: String, _ part: ConfigurationReader.Section, folder: String,
        _ reader: inout ConfigurationReader
    ) -> String? {
        guard let text = password(key, part, folder: folder, &reader) else { return nil }
        if text.utf8.count < SNMPUser.shortestPassword {
            reader.report(
                "\(part.path(of: key)) has at least \(SNMPUser.shortestPassword) characters"
                    + " (RFC 3414 §11.2)",
                at: part.place(of: part.has(key) ? key : "\(key)-file"))
        }
        return text
    }
}
