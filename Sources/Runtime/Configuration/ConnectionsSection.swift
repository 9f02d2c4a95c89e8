import SIP
import Switching

/// `connections`: the limits on TCP and TLS connections.
///
///     connections: { limit: 10000, of-peer: 1000, handshakes-of-peer: 10, unproved: 32s, idle: 121m }
enum ConnectionsSection {
    static func read(
        _ top: ConfigurationReader.Section, registration: RegistrationSettings,
        _ reader: inout ConfigurationReader
    ) -> ConnectionSettings {
        var settings = ConnectionSettings()
        // Whoever registers for longer is not cut off between two registrations.
        settings.idle = .seconds(registration.maximumSeconds + 60)
        let keys = ["limit", "of-peer", "handshakes-of-peer", "unproved", "idle"]
        guard let section = reader.section("connections", in: top, keys: keys) else {
            return settings
        }
        if let limit = reader.number("limit", in: section, 1...1_000_000) {
            settings.limit = limit
            settings.limitOfPeer = min(settings.limitOfPeer, limit)
        }
        if let limit = reader.number("of-peer", in: section, 1...1_000_000) {
            settings.limitOfPeer = limit
        }
        if let rate = reader.number("handshakes-of-peer", in: section, 1...100_000) {
            settings.handshakesOfPeer = rate
        }
        if let span = reader.span("unproved", in: section, .seconds(1)...(.seconds(3600))) {
            settings.unproved = span
        }
        if let idle = reader.span("idle", in: section, .seconds(10)...(.seconds(604_800))) {
            settings.idle = idle
        }
        return settings
    }
}
