/// What to set of a subscriber's own settings; nil leaves a value as it is, an empty text takes it
/// away.
public struct SettingsChange: Sendable, Codable, Hashable {
    /// In clear only here; stored salted and hashed. A new one ends a lock-out.
    public var pin: String?
    public var incomingLevel: String?
    public var isLocked: Bool?
    public var doNotDisturb: Bool?
    public var callWaiting: Bool?
    public var forwardAlways: String?
    public var forwardBusy: String?
    public var forwardNoAnswer: String?
    public var forwardUnregistered: String?
    /// Numbers and ranges that its phones may ask to present, with blanks or commas between them.
    public var presents: String?
    /// Numbers by entry; an empty number erases the entry, others stay.
    public var speedDial: [String: String]?

    public init() {}

    public var isEmpty: Bool { self == SettingsChange() }

    /// The numbers and ranges of `presents`, one by one.
    var presented: [String]? {
        presents.map { $0.split { $0 == " " || $0 == "," }.map(String.init) }
    }
}

/// A subscriber's own settings as the CLI and the console show them.
public struct SettingsRow: Sendable, Codable, Hashable {
    public var incomingLevel: String?
    public var isLocked: Bool
    public var doNotDisturb: Bool
    public var callWaiting: Bool
    public var forwardAlways: String?
    public var forwardBusy: String?
    public var forwardNoAnswer: String?
    public var forwardUnregistered: String?
    public var presents: [String]
    public var speedDial: [String: String]
    public var lastDialled: String?
    public var hasPIN: Bool
    public var wrongPINs: Int
    /// Microseconds since 1970; nil while no lock-out lasts.
    public var lockedOutUntil: Int64?
}
