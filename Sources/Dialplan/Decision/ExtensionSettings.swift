/// What a subscriber has set, as far as a decision looks at it. The switch keeps these; a plan never
/// does.
public struct ExtensionSettings: Hashable, Sendable {
    /// The outgoing level: a `level` of the plan.
    public var level: String
    /// The incoming level: an `incoming` of the plan; nil lets everybody ring.
    public var incomingLevel: String?
    /// Locked by its user: until it is unlocked it calls only what the level `locked` of the plan may
    /// call too, and only inside where the plan has no such level.
    public var isLocked = false
    public var doNotDisturb = false
    /// Numbers as they were dialled, to be called with this extension's rights.
    public var forwardAlways: String?
    public var forwardBusy: String?
    public var forwardNoAnswer: String?
    public var forwardUnregistered: String?
    /// The user's own speed dial: numbers as they were dialled, by entry.
    public var speedDial: [String: String] = [:]
    /// For last number redial; nil when nothing was dialled yet.
    public var lastDialled: String?
    /// Numbers and ranges that its phones may ask to present, besides those of the plan:
    /// `4001234567`, `+8631166770000-+8631166770009`.
    public var presents: [String] = []
    /// Whether a PIN is set.
    public var hasPIN = false

    public init(level: String, incomingLevel: String? = nil) {
        self.level = level
        self.incomingLevel = incomingLevel
    }
}
