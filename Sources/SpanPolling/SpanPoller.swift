import CSNMP
import Dispatch
import Glibc
import SIP
import Switching

/// Reads dsx1LineStatus (RFC 4805) of E1 spans by SNMP, each at its own interval, beside the loop.
public final class SpanPoller: @unchecked Sendable {
    /// One span of a gateway.
    public struct Span: Sendable, Hashable {
        public var trunk: String
        public var settings: SpanSettings

        public init(trunk: String, settings: SpanSettings) {
            self.trunk = trunk
            self.settings = settings
        }
    }

    /// dsx1LineStatus: transmission.ds1.dsx1ConfigTable.dsx1ConfigEntry.10, by dsx1LineIndex.
    private static let lineStatus: [UInt] = [1, 3, 6, 1, 2, 1, 10, 18, 6, 1, 10]
    /// How long an agent may take, and how often it is asked again.
    private static let timeoutMicroseconds = 1_000_000
    private static let retries: CInt = 1

    private let queue = DispatchQueue(label: "tandem.spans")
    /// Questions that wait for agents; a silent one keeps none of the others waiting.
    private let asking = DispatchQueue(label: "tandem.spans.asking", attributes: .concurrent)
    /// Those with version 3, one after the other: the library keeps their users in a table without a
    /// lock.
    private let askingAsUser = DispatchQueue(label: "tandem.spans.asking-as-user")
    private let tell: @Sendable (String, SpanReading) -> Void
    /// Counts calls of `follow`; belongs to the queue.
    private var round = 0

    /// - Parameter tell: called with each reading on some thread.
    public init(tell: @escaping @Sendable (String, SpanReading) -> Void) {
        self.tell = tell
        snmp_prepare()
    }

    /// Reads these spans from now on and no others. Returns at once.
    public func follow(_ spans: [Span]) {
        queue.async { [self] in
            round += 1
            for span in spans { read(span, round: round) }
        }
    }

    private func read(_ span: Span, round: Int) {
        guard round == self.round else { return }
        let queue = if case .user = span.settings.access { askingAsUser } else { asking }
        queue.async { [weak self] in
            let reading = Self.reading(of: span.settings)
            self?.queue.async { [weak self] in self?.took(reading, of: span, round: round) }
        }
    }

    private func took(_ reading: SpanReading, of span: Span, round: Int) {
        guard round == self.round else { return }
        tell(span.trunk, reading)
        let pause = DispatchTimeInterval.milliseconds(Int(span.settings.interval.milliseconds))
        queue.asyncAfter(deadline: .now() + pause) { [weak self] in
            self?.read(span, round: round)
        }
    }

    /// Asks once. Blocks for two seconds at worst.
    static func reading(of settings: SpanSettings) -> SpanReading {
        let name = lineStatus + [UInt(settings.index)]
        let transport = settings.agent.ip.isV4 ? "udp" : "udp6"
        var value: Int64 = 0
        var failure = [CChar](repeating: 0, count: 200)
        let outcome = withAccess(settings.access) { access in
            snmp_read_integer(
                "\(transport):\(settings.agent)", access, name, name.count, timeoutMicroseconds,
                retries, &value, &failure, failure.count)
        }
        guard outcome == 0 else {
            let text = String(decoding: failure.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
            return .unreadable("SNMP agent \(settings.agent): \(text)")
        }
        guard value > 0, value <= Int64(UInt32.max) else {
            return .unreadable("SNMP agent \(settings.agent): \(value) is no dsx1LineStatus")
        }
        return .status(SpanStatus(rawValue: UInt32(value)))
    }

    /// Hands the access over as the library's side reads it; its texts live as long as the call.
    private static func withAccess(
        _ access: SpanSettings.Access, _ body: (UnsafePointer<snmp_access>) -> CInt
    ) -> CInt {
        var texts: [UnsafeMutablePointer<CChar>?] = []
        func text(_ text: String?) -> UnsafePointer<CChar>? {
            guard let copy = text.flatMap({ strdup($0) }) else { return nil }
            texts.append(copy)
            return UnsafePointer(copy)
        }
        defer { texts.forEach { free($0) } }
        var written = snmp_access()
        switch access {
        case .community(let community, let version):
            written.version = version == .v1 ? 1 : 2
            written.community = text(community)
        case .user(let user):
            written.version = 3
            written.user = text(user.name)
            if let password = user.authenticationPassword {
                written.authentication = text(user.authentication.rawValue.uppercased())
                written.authentication_password = text(password)
            }
            if let password = user.privacyPassword {
                written.privacy = text(user.privacy.rawValue.uppercased())
                written.privacy_password = text(password)
            }
        }
        return body(&written)
    }
}
