/// What a subscriber sets for itself, from the phone or by the admin, and what guards it. Kept beside
/// `Extension`, since it changes far more often and most subscribers have none of it.
public struct UserSettings: Sendable, Hashable {
    /// Who may ring: an `incoming` of the dialplan; nil lets everybody.
    public var incomingLevel: String?
    /// Locked by its user; calls inside only, or what the dialplan's level `locked` allows.
    public var isLocked = false
    public var doNotDisturb = false
    /// Call waiting is off: while it is in a call, every other is told that it is busy.
    public var refusesWaiting = false
    /// Numbers as they were dialled; they are called on this subscriber's rights and account.
    public var forwardAlways: String?
    public var forwardBusy: String?
    public var forwardNoAnswer: String?
    public var forwardUnregistered: String?
    /// Numbers and ranges of them that its phones may ask to present, besides those of the dialplan.
    public var presents: [String] = []
    /// Numbers as they were dialled, by entry.
    public var speedDial: [String: String] = [:]
    /// For redial. Never a string that held a PIN.
    public var lastDialled: String?
    public var pin: StoredPIN?
    /// Wrong PINs in a row.
    public var wrongPINs = 0
    /// No PIN is looked at before; wall time, microseconds since 1970 UTC.
    public var lockedOutUntil: Int64?

    public init() {}

    /// Entries that one subscriber may store for speed dial.
    public static let speedDialLimit = 100
    /// Numbers and ranges that one subscriber may present by its own setting.
    public static let presentsLimit = 20
    /// Characters of a stored number.
    public static let numberLimit = 40
}
