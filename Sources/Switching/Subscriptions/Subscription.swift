import SIP

/// A phone that wants to know whether an extension rings or talks, for a lamp beside a key (RFC 6665,
/// RFC 4235).
///
///              SUBSCRIBE, or the extension's state changes
///     quiet -------------------------------------------------> telling
///       ^                                                        |  ^
///       |  NOTIFY is answered, and nothing has changed meanwhile |  | it has
///       +--------------------------------------------------------+--+
///
///     any --- NOTIFY finds no connection, or meets its end ---> owing
///     owing --- the phone registers or subscribes again, by another connection ---> telling
///     any --- Expires 0, its time is over, or NOTIFY meets 481 or silence ---> (removed)
///
/// A phone that came by TCP or TLS is not gone with its connection: it makes another one, and is told
/// then all that there is. One NOTIFY at a time is out (RFC 6665 §4.2.2), so a phone that is slow misses
/// states in between and never the last one.
struct Subscription: Sendable {
    /// What is watched: an event package (RFC 6665 §7).
    enum Package: String, Sendable, CaseIterable {
        /// Whether it rings or talks (RFC 4235).
        case dialog
        /// Whether it can be reached (RFC 3856).
        case presence
        /// What waits in its mailbox (RFC 3842).
        case messageSummary = "message-summary"

        var contentType: String {
            switch self {
            case .dialog: "application/dialog-info+xml"
            case .presence: "application/pidf+xml"
            case .messageSummary: "application/simple-message-summary"
            }
        }
    }

    private enum State: Sendable {
        case quiet
        /// A NOTIFY is out; whether there is news since.
        case telling(hasNews: Bool)
        /// There is no way to the phone; it is told all there is when it has made another one.
        case owing
    }

    /// What tells the phone from others of its extension when it registers again.
    struct Phone: Sendable, Hashable {
        /// The Call-ID of its REGISTER, the same as long as it is not started anew (RFC 3261 §10.2);
        /// empty when it is not known to have registered.
        var registration: [UInt8] = []
        /// Its `+sip.instance`; empty when it names none.
        var instance: [UInt8] = []
    }

    /// The extension whose phone it is, and the one that is watched.
    let watcher: String
    let watched: String
    let package: Package
    /// The `id` beside the package's name in Event, which is part of what it is known by (RFC 6665
    /// §8.2.1); empty where the phone names none.
    let eventID: [UInt8]
    let localTag: UInt64
    var dialog: Dialog
    /// Of the phone's last SUBSCRIBE, or of its last registration since.
    var flow: Flow
    var phone: Phone
    var expiresAt: Instant
    /// Of the next document (RFC 4235 §4.1).
    private(set) var version: UInt32
    private var state = State.quiet

    init(
        watcher: String, watched: String, package: Package = .dialog, eventID: [UInt8] = [],
        localTag: UInt64, dialog: Dialog, flow: Flow, phone: Phone, expiresAt: Instant,
        version: UInt32 = 0
    ) {
        self.watcher = watcher
        self.watched = watched
        self.package = package
        self.eventID = eventID
        self.localTag = localTag
        self.dialog = dialog
        self.flow = flow
        self.phone = phone
        self.expiresAt = expiresAt
        self.version = version
    }

    enum Action: Equatable {
        case none
        /// NOTIFY goes out, with a document of this version.
        case tell(version: UInt32)
    }

    /// The value of Event in its NOTIFYs.
    var event: [UInt8] {
        Array(package.rawValue.utf8) + (eventID.isEmpty ? [] : Array(";id=".utf8) + eventID)
    }

    var isOwing: Bool {
        switch state {
        case .owing: true
        case .quiet, .telling: false
        }
    }

    /// The watched extension's state is another.
    mutating func changed() -> Action {
        switch state {
        case .quiet:
            state = .telling(hasNews: false)
            return .tell(version: nextVersion())
        case .telling:
            state = .telling(hasNews: true)
            return .none
        // It will be told all there is.
        case .owing: return .none
        }
    }

    /// The phone has asked for it.
    mutating func asked() -> Action {
        if isOwing { state = .quiet }
        return changed()
    }

    /// There is no connection to tell it by.
    mutating func unreached() { state = .owing }

    /// The phone has registered by a connection that is open.
    mutating func returned() -> Action {
        switch state {
        // What it was told last it has answered, or may still answer.
        case .quiet, .telling: return .none
        case .owing:
            state = .telling(hasNews: false)
            return .tell(version: nextVersion())
        }
    }

    /// The NOTIFY that was out is answered.
    mutating func answered() -> Action {
        switch state {
        // An answer that comes again, or by a connection that was taken for gone.
        case .quiet, .owing: return .none
        case .telling(hasNews: false):
            state = .quiet
            return .none
        case .telling(hasNews: true):
            state = .telling(hasNews: false)
            return .tell(version: nextVersion())
        }
    }

    private mutating func nextVersion() -> UInt32 {
        defer { version &+= 1 }
        return version
    }
}

/// A subscription as it is kept over a restart.
public struct StoredSubscription: Sendable, Hashable {
    /// Our tag in its dialog.
    public var tag: UInt64
    /// Wall time, microseconds since 1970 UTC.
    public var expiresAt: Int64
    /// Who watches whom, dialog and flow, in the switch's own versioned encoding.
    public var state: [UInt8]

    public init(tag: UInt64, expiresAt: Int64, state: [UInt8]) {
        self.tag = tag
        self.expiresAt = expiresAt
        self.state = state
    }
}

extension Subscription {
    private static let encoding: UInt8 = 1
    /// Documents that may have been sent since it was written down.
    private static let skippedVersions: UInt32 = 100_000

    func stored(expiresAt: Int64) -> StoredSubscription {
        var writer = JournalWriter(capacity: 512)
        writer.byte(Self.encoding)
        writer.text(watcher)
        writer.text(watched)
        writer.number(UInt64(version))
        writer.byte(flow.transport.rawValue)
        writer.number(UInt64(flow.listener))
        writer.number(flow.remote.ip.high)
        writer.number(flow.remote.ip.low)
        writer.number(UInt64(flow.remote.port))
        writer.text(dialog.serialize())
        writer.text(package.rawValue)
        writer.text(phone.registration)
        writer.text(phone.instance)
        writer.text(eventID)
        return StoredSubscription(tag: localTag, expiresAt: expiresAt, state: writer.bytes)
    }

    /// nil for another version or for bytes that are not whole.
    init?(_ stored: StoredSubscription, expiresAt: Instant) {
        guard stored.state.first == Self.encoding else { return nil }
        var reader = JournalReader(stored.state.dropFirst())
        guard let watcher = reader.string(), let watched = reader.string(),
            let version = reader.number(as: UInt32.self),
            let transport = reader.byte().flatMap(TransportKind.init(rawValue:)),
            let listener = reader.number(as: UInt16.self), let high = reader.number(),
            let low = reader.number(), let port = reader.number(as: UInt16.self),
            let text = reader.text(), var dialog = Dialog(serialized: text)
        else { return nil }
        dialog.advanceLocalCSeq(by: Switch.skippedCSeqs)
        // What versions before this one wrote ends earlier.
        var package = Package.dialog
        if !reader.isAtEnd {
            guard let known = reader.string().flatMap(Package.init(rawValue:)) else { return nil }
            package = known
        }
        var phone = Phone()
        if !reader.isAtEnd {
            guard let registration = reader.text(), let instance = reader.text() else { return nil }
            phone = Phone(registration: registration, instance: instance)
        }
        var eventID: [UInt8] = []
        if !reader.isAtEnd {
            guard let id = reader.text() else { return nil }
            eventID = id
        }
        self.init(
            watcher: watcher, watched: watched, package: package, eventID: eventID,
            localTag: stored.tag, dialog: dialog,
            flow: Flow(
                transport: transport, listener: listener,
                remote: Endpoint(ip: IPAddress(high: high, low: low), port: port)),
            phone: phone, expiresAt: expiresAt, version: version &+ Self.skippedVersions)
    }
}
